package wire_test

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"testing"

	"sluice/internal/test/tronnode/wire"
)

//go:embed testdata/vectors.json
var vectorsJSON []byte

// vector is a transaction of a public network.
type vector struct{ Name, TxID, Raw, Signature, Owner, Signer string }

func vectors(t *testing.T) []vector {
	t.Helper()
	var list []vector
	if err := json.Unmarshal(vectorsJSON, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 9 {
		t.Fatalf("%d vectors, want 9", len(list))
	}
	return list
}

// TestVectors decodes V1 to V9, writes them again byte for byte, and finds who signed them.
func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			raw := unhex(t, v.Raw)
			r, err := wire.DecodeRaw(raw)
			if err != nil {
				t.Fatal(err)
			}
			if again := r.Encode(); !bytes.Equal(again, raw) {
				t.Errorf("encoded again:\n%x\nwant\n%x", again, raw)
			}
			tx := wire.NewTransaction(r)
			if got := tx.ID().String(); got != v.TxID {
				t.Errorf("txid %s, want %s", got, v.TxID)
			}
			contract := r.Contracts[0]
			if !contract.Canonical() {
				t.Error("the contract is not canonical")
			}
			if v.Owner != "" {
				if owner, _ := wire.AddressOf(contract.Owner()); owner.String() != v.Owner {
					t.Errorf("owner %s, want %s", owner, v.Owner)
				}
			}
			if v.Signature == "" {
				return
			}
			signer, err := wire.Recover(tx.ID(), unhex(t, v.Signature))
			if err != nil || signer.String() != v.Signer {
				t.Errorf("signer %s, %v; want %s", signer, err, v.Signer)
			}
		})
	}
}

// TestVectorSizes are the lengths that receipts of these transactions were charged for,
// less the 64 bytes of the result.
func TestVectorSizes(t *testing.T) {
	want := map[string]int{"V1": 265 - 64, "V2": 268 - 64, "V5": 345 - 64}
	for _, v := range vectors(t) {
		size, listed := want[v.Name]
		if !listed {
			continue
		}
		r, err := wire.DecodeRaw(unhex(t, v.Raw))
		if err != nil {
			t.Fatal(err)
		}
		tx := wire.NewTransaction(r)
		tx.Signatures = [][]byte{unhex(t, v.Signature)}
		if got := tx.Size(); got != size {
			t.Errorf("%s: %d bytes, want %d", v.Name, got, size)
		}
	}
}

// TestCanonicalForm reads what a careless encoder writes: the node hashes its own
// encoding, so each of these has the txid of V1.
func TestCanonicalForm(t *testing.T) {
	v := vectors(t)[0]
	raw := unhex(t, v.Raw)
	field := func(number byte, value []byte) []byte { // length-delimited, up to 127 bytes
		return append([]byte{number<<3 | 2, byte(len(value))}, value...)
	}
	cases := map[string][]byte{
		"canonical":           raw,
		"unknown field":       append(bytes.Clone(raw), 0xfa, 0x3f, 0x01, 0x00),
		"unknown varint":      append(bytes.Clone(raw), 0x98, 0x40, 0x07),
		"zero default":        append(bytes.Clone(raw), 0x90, 0x01, 0x00),
		"field given twice":   append(field(1, []byte{9, 9}), raw...),
		"fields out of order": append(bytes.Clone(raw[4:]), raw[:4]...),
		"overlong varint":     append(bytes.Clone(raw), 0x90, 0x01, 0x80, 0x80, 0x00),
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			tx, err := wire.DecodeTransaction(append([]byte{0x0a, 0x80 | byte(len(data)), byte(len(data) >> 7)}, data...))
			if err != nil {
				t.Fatal(err)
			}
			if got := tx.ID().String(); got != v.TxID {
				t.Errorf("txid %s, want %s", got, v.TxID)
			}
			if name != "canonical" && sha256.Sum256(data) == tx.ID() {
				t.Error("the case is canonical itself")
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	cases := map[string]string{
		"cut length":        "0a05ff",
		"cut varint":        "0a02" + "40ff",
		"field number zero": "0200",
		"group":             "0b0c",
		"empty tag":         "ff",
		"type URL":          "0a09" + "5a07" + "1205" + "0a03ff00fe",
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			if tx, err := wire.DecodeTransaction(unhex(t, data)); err == nil {
				t.Errorf("decoded %+v", tx)
			}
		})
	}
}

// TestRecover signs and changes what a third party may change without touching the txid.
func TestRecover(t *testing.T) {
	key := wire.KeyFromSeed("recover")
	hash := sha256.Sum256([]byte("hash"))
	sig := key.Sign(hash)
	with := func(change func(s []byte) []byte) []byte { return change(bytes.Clone(sig)) }
	good := map[string][]byte{
		"as signed":  sig,
		"v 0 or 1":   with(func(s []byte) []byte { s[64] -= 27; return s }),
		"padded":     with(func(s []byte) []byte { return append(s, 0, 0, 0) }),
		"compressed": with(func(s []byte) []byte { s[64] += 4; return s }),
		"high s":     with(highS),
	}
	for name, s := range good {
		if got, err := wire.Recover(hash, s); err != nil || got != key.Address() {
			t.Errorf("%s: %v, %v; want %v", name, got, err, key.Address())
		}
	}
	bad := map[string][]byte{
		"short":  sig[:64],
		"v 8":    with(func(s []byte) []byte { s[64] = 8; return s }),
		"v 35":   with(func(s []byte) []byte { s[64] = 35; return s }),
		"r zero": with(func(s []byte) []byte { copy(s, make([]byte, 32)); return s }),
		"s zero": with(func(s []byte) []byte { copy(s[32:], make([]byte, 32)); return s }),
		"s too big": with(func(s []byte) []byte {
			copy(s[32:], bytes.Repeat([]byte{0xff}, 32))
			return s
		}),
	}
	for name, s := range bad {
		if got, err := wire.Recover(hash, s); err == nil {
			t.Errorf("%s: recovered %v", name, got)
		}
	}
	if got, err := wire.Recover(sha256.Sum256([]byte("other")), sig); err != nil || got == key.Address() {
		t.Errorf("another hash: %v, %v", got, err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
