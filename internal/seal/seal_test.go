package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/fault"
	"sluice/internal/seal"
)

func key(t testing.TB, id string) seal.Key {
	t.Helper()
	k, err := seal.NewKey(id)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ring(t testing.TB, keys ...seal.Key) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What is sealed opens to the same bytes, does not show them, and is never the same twice.
func TestSealed(t *testing.T) {
	r := ring(t, key(t, "2026-11"))
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "plain")
		a, err := r.Seal("iban", plain)
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.Seal("iban", plain)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(a, b) || len(plain) > 8 && bytes.Contains(a, plain) {
			t.Fatal("the sealed bytes tell something")
		}
		back, err := r.Open("iban", a)
		if err != nil || !bytes.Equal(back, plain) {
			t.Fatalf("opened %x: %v", back, err)
		}
	})
}

// Every single changed bit, every cut and another purpose is found out.
func TestTampered(t *testing.T) {
	r := ring(t, key(t, "a"))
	sealed, err := r.Seal("iban", []byte("DE02100500000054540402"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range sealed {
		for bit := range 8 {
			x := bytes.Clone(sealed)
			x[n] ^= 1 << bit
			if _, err := r.Open("iban", x); !errors.Is(err, seal.ErrTampered) && !errors.Is(err, seal.ErrUnknownKey) {
				t.Fatalf("byte %d, bit %d: %v", n, bit, err)
			}
		}
		if _, err := r.Open("iban", sealed[:n]); !errors.Is(err, seal.ErrTampered) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := r.Open("iban", append(bytes.Clone(sealed), 0)); !errors.Is(err, seal.ErrTampered) {
		t.Fatalf("one byte more: %v", err)
	}
	if _, err := r.Open("file", sealed); !errors.Is(err, seal.ErrTampered) {
		t.Fatalf("another purpose: %v", err)
	}
	// A key of the same name with other bytes opens nothing.
	if _, err := ring(t, key(t, "a")).Open("iban", sealed); !errors.Is(err, seal.ErrTampered) {
		t.Fatalf("another key of the same name: %v", err)
	}
}

// A new key in front seals; what the old one sealed still opens until it is taken out.
func TestRotation(t *testing.T) {
	old, young := key(t, "2025"), key(t, "2026")
	before := ring(t, old)
	sealed, err := before.Seal("iban", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	both := ring(t, young, old)
	if back, err := both.Open("iban", sealed); err != nil || string(back) != "x" {
		t.Fatalf("%q: %v", back, err)
	}
	again, err := both.Seal("iban", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if name, err := seal.KeyID(again); err != nil || name != "2026" || both.Primary() != "2026" {
		t.Fatalf("sealed under %q: %v", name, err)
	}
	if _, err := ring(t, young).Open("iban", sealed); !errors.Is(err, seal.ErrUnknownKey) || !strings.Contains(err.Error(), "2025") {
		t.Fatalf("without the old key: %v", err)
	}
	// Equal values are found across a rotation.
	print := before.Fingerprint("iban", []byte("v"))
	if all := both.Fingerprints("iban", []byte("v")); len(all) != 2 || all[0] != both.Fingerprint("iban", []byte("v")) || all[1] != print {
		t.Fatalf("fingerprints %q, before %q", all, print)
	}
	if print == before.Fingerprint("bic", []byte("v")) || print == before.Fingerprint("iban", []byte("w")) {
		t.Fatal("other things have the same fingerprint")
	}
}

func TestNoKey(t *testing.T) {
	var r *seal.Ring
	if _, err := r.Seal("iban", nil); !errors.Is(err, seal.ErrNoKey) {
		t.Error(err)
	}
	if _, err := r.Open("iban", nil); !errors.Is(err, seal.ErrNoKey) {
		t.Error(err)
	}
	if r.Fingerprint("iban", nil) != "" || r.Fingerprints("iban", nil) != nil || r.Primary() != "" {
		t.Error("a ring without keys gives something")
	}
}

func TestParseRing(t *testing.T) {
	a, b := key(t, "a"), key(t, "b")
	for _, text := range []string{a.Reveal() + "," + b.Reveal(), "# keys\n" + a.Reveal() + "\r\n\n" + b.Reveal() + "\n"} {
		r, err := seal.ParseRing(text)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := ring(t, b).Seal("x", []byte("y"))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := r.Open("x", sealed); err != nil || string(back) != "y" || r.Primary() != "a" {
			t.Fatalf("%q %q: %v", text, back, err)
		}
	}
	secret := strings.TrimPrefix(a.Reveal(), "a:")
	for _, bad := range []string{
		"", "# nothing", secret, "a", "a:", "a:AAAA", "a b:" + secret, ":" + secret, strings.Repeat("a", 33) + ":" + secret,
		a.Reveal() + "," + a.Reveal(), "a:" + strings.Repeat("A", 43) + "=", "a:" + secret + secret,
	} {
		_, err := seal.ParseRing(bad)
		if err == nil || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", bad, err)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%q: the error shows the key", bad)
		}
	}
}

// No verb of fmt shows a key.
func TestKeyIsNotPrinted(t *testing.T) {
	k := key(t, "a")
	secret := strings.TrimPrefix(k.Reveal(), "a:")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, k); strings.Contains(s, secret) || s != "a:[redacted]" {
			t.Errorf("%s: %s", verb, s)
		}
		if s := fmt.Sprintf(verb, ring(t, k)); s != "[a:[redacted]]" {
			t.Errorf("%s: %s", verb, s)
		}
	}
}
