package curve_test

import (
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"sluice/internal/signer/curve"
)

// TestOneForm brings signatures in every form, with either s, into the one that the
// key itself makes.
func TestOneForm(t *testing.T) {
	order := secp256k1.Params().N
	for i := range byte(50) {
		key := secp256k1.PrivKeyFromBytes([]byte{1, 2, 3, i})
		public := key.PubKey().SerializeCompressed()
		hash := [32]byte{i, 9}
		want := curve.Sign(key, hash)
		if again := curve.Sign(key, hash); string(again) != string(want) || len(want) != curve.Size {
			t.Fatalf("signed %x, then %x", want, again)
		}
		r, low := new(big.Int).SetBytes(want[:32]), new(big.Int).SetBytes(want[32:64])
		if low.Cmp(new(big.Int).Rsh(order, 1)) > 0 {
			t.Errorf("s is the higher one: %s", low)
		}
		for name, s := range map[string]*big.Int{"low": low, "high": new(big.Int).Sub(order, low)} {
			der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
			if err != nil {
				t.Fatal(err)
			}
			raw := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
			for form, do := range map[string]func() ([]byte, error){
				"ASN.1": func() ([]byte, error) { return curve.FromDER(der, public, hash) },
				"raw":   func() ([]byte, error) { return curve.FromRaw(raw, public, hash) },
			} {
				if got, err := do(); err != nil || string(got) != string(want) {
					t.Errorf("%s %s: %x (%v), want %x", form, name, got, err, want)
				}
			}
			if _, err := curve.FromDER(append(der, 0), public, hash); err == nil {
				t.Error("took bytes behind the signature")
			}
			if _, err := curve.FromDER(der, public, [32]byte{}); err == nil {
				t.Error("took a signature of another hash")
			}
		}
		if who, err := curve.Recover(want, hash); err != nil || string(who) != string(public) {
			t.Errorf("recovered %x (%v), want %x", who, err, public)
		}
	}
}

func TestWhatIsNoSignature(t *testing.T) {
	key := secp256k1.PrivKeyFromBytes([]byte{7})
	public := key.PubKey().SerializeCompressed()
	zero := make([]byte, 64)
	full := make([]byte, 64)
	for i := range full {
		full[i] = 0xff
	}
	for name, raw := range map[string][]byte{"nothing": nil, "zero": zero, "above the order": full, "short": zero[:63]} {
		if got, err := curve.FromRaw(raw, public, [32]byte{1}); err == nil {
			t.Errorf("%s: took it as %x", name, got)
		}
	}
	for name, der := range map[string][]byte{"nothing": nil, "no sequence": {2, 1, 1}, "negative": {0x30, 6, 2, 1, 0xff, 2, 1, 1}} {
		if got, err := curve.FromDER(der, public, [32]byte{1}); err == nil {
			t.Errorf("%s: took it as %x", name, got)
		}
	}
	if _, err := curve.Recover(make([]byte, 65), [32]byte{}); err == nil {
		t.Error("recovered a key from zeros")
	}
	if _, err := curve.Compress([]byte{4, 1}); err == nil {
		t.Error("took two bytes as a key")
	}
	if got, err := curve.Compress(key.PubKey().SerializeUncompressed()); err != nil || string(got) != string(public) {
		t.Errorf("compressed to %x (%v), want %x", got, err, public)
	}
}
