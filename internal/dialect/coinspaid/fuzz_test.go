package coinspaid_test

import (
	"math/big"
	"strings"
	"testing"

	"sluice/internal/dialect/coinspaid"
)

// Whatever is sent, reading it ends, and what is read as an amount is exactly what
// was written.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{}`, `[]`, `null`, `{"amount":"0.01"}`, `{"amount":1e-7}`, `{"amount":12.5e3}`, `{"amount":"000.10"}`, `{"amount":"1e999"}`, `{"amount":-0}`, "{\"amount\":\"\\u0031\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		given, plain, ok := coinspaid.ReadAmount(body)
		if !ok {
			return
		}
		a, fine := new(big.Rat).SetString(strings.ToLower(given))
		b, good := new(big.Rat).SetString(plain)
		if !fine || !good || a.Cmp(b) != 0 || strings.ContainsAny(plain, "eE+- ") || strings.HasSuffix(plain, ".") {
			t.Errorf("%q is read as %q", given, plain)
		}
	})
}

// No signature but the right one is taken, and none makes the check fail in another way.
func FuzzSignature(f *testing.F) {
	f.Add([]byte("{}"), "89ff570683bfcd9e2c8911332e07e3ff196ca50f91faef98126fb0eb76df90d7ccddc4372a99ba67ec072fd3aac5d0b7eac44652e2b29ce36dbcf5ee50b6fa05")
	f.Add([]byte(""), "")
	secret := []byte("AbCdEfG123456")
	f.Fuzz(func(t *testing.T, body []byte, signature string) {
		if got, want := coinspaid.Verify(secret, body, signature), strings.ToLower(signature) == coinspaid.Sign(secret, body); got != want {
			t.Errorf("%q over %q: %v", signature, body, got)
		}
	})
}
