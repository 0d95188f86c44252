package wire_test

import (
	"math/big"
	"testing"

	"sluice/internal/test/tronnode/wire"
)

// highS turns a signature into its other form: the order of the group less s, and the
// other parity.
func highS(sig []byte) []byte {
	order, _ := new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	s := new(big.Int).SetBytes(sig[32:64])
	s.Sub(order, s).FillBytes(sig[32:64])
	sig[64] = 27 + 28 - sig[64]
	return sig
}

func TestAddresses(t *testing.T) {
	cases := []struct{ text, hex string }{
		{"TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "41a614f803b6fd780986a42c78ec9c7f77e6ded13c"},
		{"T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb", "410000000000000000000000000000000000000000"},
		{"TW6a53SLU4vM4QJBnK2vWVx4cqTnDChS1m", "41dcc703c0e500b653ca82273b7bfad8045d85a470"},
	}
	for _, c := range cases {
		fromText, err := wire.ParseAddress(c.text)
		if err != nil || fromText.Hex() != c.hex {
			t.Errorf("%s: %s, %v; want %s", c.text, fromText.Hex(), err, c.hex)
		}
		fromHex, err := wire.ParseAddress(c.hex)
		if err != nil || fromHex.String() != c.text {
			t.Errorf("%s: %s, %v; want %s", c.hex, fromHex, err, c.text)
		}
	}
	if wire.Ghost.String() != cases[2].text {
		t.Errorf("ghost %s", wire.Ghost)
	}
	for _, bad := range []string{
		"", "T", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6T", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6", "0OIl",
		"a0a614f803b6fd780986a42c78ec9c7f77e6ded13c", "a614f803b6fd780986a42c78ec9c7f77e6ded13c",
	} {
		if a, err := wire.ParseAddress(bad); err == nil {
			t.Errorf("%q was read as %s", bad, a)
		}
	}
}

// TestBlockID is the chain id rule: block 0 of the main network.
func TestBlockID(t *testing.T) {
	h := wire.Header{Timestamp: 1, Number: 0x1234567, Version: 31}
	id := h.ID()
	if id.Number() != h.Number {
		t.Errorf("height %d in the id, want %d", id.Number(), h.Number)
	}
	if got := id.RefBytes(); got[0] != 0x45 || got[1] != 0x67 {
		t.Errorf("reference %x, want 4567", got)
	}
	h.Timestamp++
	if other := h.ID(); other == id || other.Number() != id.Number() {
		t.Errorf("another header: %s and %s", id, other)
	}
}

func TestMerkleRoot(t *testing.T) {
	a, b, c := txOf(1), txOf(2), txOf(3)
	if wire.MerkleRoot(nil) != ([32]byte{}) {
		t.Error("an empty block has the zero root")
	}
	one, three := wire.MerkleRoot([]*wire.Transaction{a}), wire.MerkleRoot([]*wire.Transaction{a, b, c})
	if one == three || three == wire.MerkleRoot([]*wire.Transaction{a, c, b}) {
		t.Error("the root does not depend on what is below it")
	}
	a.Results = [][]byte{wire.EncodeResult(wire.ResultRevert)}
	if one == wire.MerkleRoot([]*wire.Transaction{a}) {
		t.Error("the root does not depend on the result")
	}
}

func txOf(n int64) *wire.Transaction { return wire.NewTransaction(wire.Raw{Timestamp: n}) }
