package bitcoin

import (
	"bytes"
	"crypto/sha256"
	"math/big"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"sluice/internal/fault"
)

// What can be wrong with an address. No message tells a right checksum: whoever
// mistyped an address must copy it again, not mend it.
var (
	errForm      = fault.New(fault.Invalid, "address_malformed", "this is no address: copy it again from where it is shown")
	errChecksum  = fault.New(fault.Invalid, "address_checksum", "the checksum does not match: copy the address again, at least one character is wrong")
	errCase      = fault.New(fault.Invalid, "address_malformed", "an address of this kind is all lower case or all upper case, never mixed")
	errPublicKey = fault.New(fault.Invalid, "address_public_key", "this is a public key, not an address: ask for an address")
	errProgram   = fault.New(fault.Invalid, "address_malformed", "the address has a length that no wallet can spend from")
	errFuture    = fault.New(fault.Invalid, "address_unsupported", "the address is of a version that the network does not protect yet: everybody could take what is sent there")
	errNoPoint   = fault.New(fault.Invalid, "address_unspendable", "the address holds no key that can exist (it is no point of the curve): what is sent there is lost. Ask for another address")
	errMWEB      = fault.New(fault.Invalid, "address_unsupported", "MWEB addresses are not supported: ask for a normal one, like ltc1q...")
	errAmbiguous = fault.New(fault.Invalid, "address_ambiguous", "this old form is written like an address of another coin: ask for the new form of the same address (ltc1... or M...) to be sure whose it is")
)

const (
	alphabet32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	alphabet58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
)

// Decode gives the script that an address of this chain stands for, and the one form
// in which we write it. Errors are faults of kind Invalid.
func (c Chain) Decode(s string) (script []byte, canonical string, err error) {
	if len(s) < 14 || len(s) > 130 {
		return nil, "", errForm
	}
	if isPublicKey(s) {
		return nil, "", errPublicKey
	}
	low := strings.ToLower(s)
	if i := strings.LastIndexByte(low, '1'); i > 0 && humanParts[low[:i]] != "" {
		if low != s && strings.ToUpper(s) != s {
			return nil, "", errCase
		}
		script, bad := c.decode32(low, i)
		if bad != nil {
			return nil, "", bad
		}
		return script, low, nil
	}
	script, bad := c.decode58(s)
	if bad != nil {
		return nil, "", bad
	}
	return script, s, nil
}

// humanParts are the beginnings of all addresses of the family, with whose they are.
var humanParts = map[string]string{
	"bc": "Bitcoin", "tb": "Bitcoin's test network", "bcrt": "a Bitcoin regtest", "ltc": "Litecoin", "tltc": "Litecoin's test network",
	"rltc": "a Litecoin regtest", "ltcmweb": "Litecoin MWEB", "tmweb": "Litecoin MWEB", "rmweb": "Litecoin MWEB", "doge": "Dogecoin", "lnbc": "Lightning",
}

func (c Chain) wrongChain(whose string) error {
	return fault.New(fault.Invalid, "address_other_network", "this is an address of %s, not of %s", whose, c.Name)
}

func isPublicKey(s string) bool {
	if len(s) != 66 && len(s) != 130 || !strings.HasPrefix(s, "0") {
		return false
	}
	return strings.Trim(strings.ToLower(s), "0123456789abcdef") == ""
}

func (c Chain) decode32(s string, at int) ([]byte, error) {
	human := s[:at]
	if strings.HasSuffix(human, "mweb") {
		return nil, errMWEB
	}
	var data []byte
	for _, r := range s[at+1:] {
		i := strings.IndexRune(alphabet32, r)
		if i < 0 {
			return nil, errForm
		}
		data = append(data, byte(i)) //nolint:gosec // below 32
	}
	if len(s) > 90 || len(data) < 8 {
		return nil, errForm
	}
	version := data[0]
	want := uint32(bech32m)
	if version == 0 {
		want = bech32
	}
	if polymod(human, data) != want {
		return nil, errChecksum
	}
	if human != c.Human {
		return nil, c.wrongChain(humanParts[human])
	}
	program, ok := regroup(data[1:len(data)-6], 5, 8, false)
	switch {
	case !ok || version > 16 || len(program) < 2 || len(program) > 40, version == 0 && len(program) != 20 && len(program) != 32:
		return nil, errProgram
	case version > 1 || version == 1 && len(program) != 32:
		return nil, errFuture
	case version == 1 && !OnCurve(program):
		return nil, errNoPoint
	}
	return WitnessScript(version, program), nil
}

// OnCurve tells whether 32 bytes are the x coordinate of a point of secp256k1: the key of a
// taproot output (BIP 341). Nobody can ever spend an output whose key is none.
func OnCurve(x []byte) bool {
	var at, y secp256k1.FieldVal
	return len(x) == 32 && !at.SetByteSlice(x) && secp256k1.DecompressY(&at, false, &y)
}

func (c Chain) decode58(s string) ([]byte, error) {
	n := new(big.Int)
	for _, r := range s {
		i := strings.IndexRune(alphabet58, r)
		if i < 0 {
			return nil, errForm
		}
		n.Mul(n, big.NewInt(58)).Add(n, big.NewInt(int64(i)))
	}
	zeros := len(s) - len(strings.TrimLeft(s, "1"))
	raw := append(make([]byte, zeros), n.Bytes()...)
	if len(raw) != 25 {
		return nil, errForm
	}
	sum := DoubleHash(raw[:21])
	if !bytes.Equal(sum[:4], raw[21:]) {
		return nil, errChecksum
	}
	hash := raw[1:21]
	switch raw[0] {
	case c.KeyHash:
		return append(append([]byte{opDup, opHash160, 20}, hash...), opEqualVerify, opCheckSig), nil
	case c.ScriptHash:
		return append(append([]byte{opHash160, 20}, hash...), opEqual), nil
	}
	if c.Foreign != 0 && raw[0] == c.Foreign {
		return nil, errAmbiguous
	}
	return nil, c.wrongChain("another network")
}

// Address writes a script as an address of this chain; "" for one that has none.
func (c Chain) Address(script []byte) string {
	switch KindOf(script) {
	case P2PKH:
		return encode58(c.KeyHash, script[3:23])
	case P2SH:
		return encode58(c.ScriptHash, script[2:22])
	case P2WPKH, P2WSH:
		return encode32(c.Human, 0, script[2:], bech32)
	case P2TR:
		return encode32(c.Human, 1, script[2:], bech32m)
	case Other:
	}
	return ""
}

func encode58(version byte, hash []byte) string {
	raw := append([]byte{version}, hash...)
	sum := DoubleHash(raw)
	raw = append(raw, sum[:4]...)
	n, rest := new(big.Int).SetBytes(raw), new(big.Int)
	var out []byte
	for n.Sign() > 0 {
		n.QuoRem(n, big.NewInt(58), rest)
		out = append(out, alphabet58[rest.Int64()])
	}
	for _, b := range raw {
		if b != 0 {
			break
		}
		out = append(out, '1')
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return string(out)
}

// The constants that close the checksums of BIP 173 and BIP 350.
const (
	bech32  = 1
	bech32m = 0x2bc830a3
)

func encode32(human string, version byte, program []byte, constant uint32) string {
	groups, _ := regroup(program, 8, 5, true) // padding always fits
	data := append([]byte{version}, groups...)
	sum := polymod(human, append(bytes.Clone(data), 0, 0, 0, 0, 0, 0)) ^ constant
	for i := range 6 {
		data = append(data, byte(sum>>(5*(5-i))&31))
	}
	var b strings.Builder
	b.WriteString(human + "1")
	for _, d := range data {
		b.WriteByte(alphabet32[d])
	}
	return b.String()
}

// polymod is the checksum function of BIP 173 over the readable part and the data.
func polymod(human string, data []byte) uint32 {
	var values []byte
	for i := range len(human) {
		values = append(values, human[i]>>5)
	}
	values = append(values, 0)
	for i := range len(human) {
		values = append(values, human[i]&31)
	}
	chk := uint32(1)
	for _, v := range append(values, data...) {
		top := chk >> 25
		chk = (chk&0x1ffffff)<<5 ^ uint32(v)
		for i, g := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				chk ^= g
			}
		}
	}
	return chk
}

// regroup turns groups of from bits into groups of to bits. Without pad the bits left
// over must be fewer than a group, and zero.
func regroup(in []byte, from, to uint, pad bool) ([]byte, bool) {
	var acc uint32
	var bits uint
	var out []byte
	mask := uint32(1)<<to - 1
	for _, v := range in {
		acc = acc<<from | uint32(v)
		bits += from
		for bits >= to {
			bits -= to
			out = append(out, byte(acc>>bits&mask)) //nolint:gosec // masked
		}
		acc &= 1<<bits - 1
	}
	if pad {
		if bits > 0 {
			out = append(out, byte(acc<<(to-bits)&mask)) //nolint:gosec // masked
		}
		return out, true
	}
	return out, bits < from && acc == 0
}

// DoubleHash is SHA-256 twice, as the family hashes everything.
func DoubleHash(b []byte) [32]byte {
	first := sha256.Sum256(b)
	return sha256.Sum256(first[:])
}
