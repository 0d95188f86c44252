package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/crypto/sha3"
)

// Prefix is the first byte of every address of the main network and of today's test
// networks.
const Prefix = 0x41

// AddressSize is the length of an address in bytes.
const AddressSize = 21

// Address is an account or contract: Prefix and the last 20 bytes of the hash of its key.
type Address [AddressSize]byte

// AddressOf returns b as an address, and false for a wrong length or prefix (java-tron:
// DecodeUtil.addressValid).
func AddressOf(b []byte) (Address, bool) {
	if len(b) != AddressSize || b[0] != Prefix {
		return Address{}, false
	}
	return Address(b), true
}

// FromEVM returns the address with these 20 bytes.
func FromEVM(b [20]byte) Address {
	a := Address{Prefix}
	copy(a[1:], b[:])
	return a
}

// EVM returns the 20 bytes that logs, contracts and the machine use.
func (a Address) EVM() [20]byte { return [20]byte(a[1:]) }

// Hex returns 42 lower-case digits.
func (a Address) Hex() string { return hex.EncodeToString(a[:]) }

// String returns the base58check form, 34 characters that start with T.
func (a Address) String() string { return EncodeBase58Check(a[:]) }

// UnmarshalText reads what ParseAddress reads.
func (a *Address) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAddress(string(text))
	return err
}

// MustAddress reads a base58check or 42-digit hex address. It panics for anything else:
// it is for constants of tests.
func MustAddress(s string) Address {
	a, err := ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// ParseAddress reads a base58check or 42-digit hex address.
func ParseAddress(s string) (Address, error) {
	var b []byte
	var err error
	if len(s) == 2*AddressSize {
		b, err = hex.DecodeString(s)
	} else {
		b, err = DecodeBase58Check(s)
	}
	if err != nil {
		return Address{}, fmt.Errorf("address %q: %w", s, err)
	}
	a, ok := AddressOf(b)
	if !ok {
		return Address{}, fmt.Errorf("address %q is not %d bytes that start with %#x", s, AddressSize, Prefix)
	}
	return a, nil
}

// Keccak is the hash that addresses and contracts use.
func Keccak(parts ...[]byte) [32]byte {
	h := sha3.NewLegacyKeccak256()
	for _, part := range parts {
		h.Write(part)
	}
	return [32]byte(h.Sum(nil))
}

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// ErrChecksum says that the last four bytes of a base58check string are not its sum.
var ErrChecksum = errors.New("wrong checksum")

func checksum(b []byte) []byte {
	first := sha256.Sum256(b)
	second := sha256.Sum256(first[:])
	return second[:4]
}

// EncodeBase58Check writes b with its checksum.
func EncodeBase58Check(b []byte) string {
	full := slices.Concat(b, checksum(b))
	var out []byte
	n, base, digit := new(big.Int).SetBytes(full), big.NewInt(58), new(big.Int)
	for n.Sign() > 0 {
		n.DivMod(n, base, digit)
		out = append(out, alphabet[digit.Int64()])
	}
	for _, v := range full {
		if v != 0 {
			break
		}
		out = append(out, alphabet[0])
	}
	slices.Reverse(out)
	return string(out)
}

// DecodeBase58Check reads s and checks its checksum.
func DecodeBase58Check(s string) ([]byte, error) {
	n, base := new(big.Int), big.NewInt(58)
	for _, c := range []byte(s) {
		digit := strings.IndexByte(alphabet, c)
		if digit < 0 {
			return nil, fmt.Errorf("%q is not a base58 character", c)
		}
		n.Add(n.Mul(n, base), big.NewInt(int64(digit)))
	}
	zeros := len(s) - len(strings.TrimLeft(s, alphabet[:1]))
	full := append(make([]byte, zeros), n.Bytes()...)
	if len(full) < 4 {
		return nil, ErrChecksum
	}
	b := full[:len(full)-4]
	if !bytes.Equal(checksum(b), full[len(full)-4:]) {
		return nil, ErrChecksum
	}
	return b, nil
}
