package sepa_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/bank/iban"
	"sluice/internal/bank/sepa"
	"sluice/internal/fault"
	"sluice/internal/rail"
	"sluice/internal/seal"
)

func newRing(t testing.TB, ids ...string) *seal.Ring {
	t.Helper()
	var keys []seal.Key
	for _, name := range ids {
		k, err := seal.NewKey(name)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	r, err := seal.NewRing(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	berlin = "DE02100500000054540402"
	dutch  = "NL70ABNA0106295004"
)

// A recipient opens to what was sealed; nothing of it can be read without the key.
func TestRecipientSealed(t *testing.T) {
	ring := newRing(t, "a")
	r, err := sepa.CheckRecipient("Jürgen Müller", dutch, "abnanl2a")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := r.Seal(ring)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{dutch, "ABNANL2A", "Müller"} {
		if bytes.Contains(sealed, []byte(part)) {
			t.Errorf("%s can be read", part)
		}
	}
	if back, err := sepa.OpenRecipient(ring, seal.Place{}, sealed); err != nil || back != r {
		t.Errorf("opened %+v, %v", back, err)
	}
	sealed[len(sealed)-20] ^= 1
	if _, err := sepa.OpenRecipient(ring, seal.Place{}, sealed); !errors.Is(err, seal.ErrTampered) {
		t.Errorf("changed: %v", err)
	}
	if _, err := sepa.OpenRecipient(nil, seal.Place{}, sealed); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	// What was sealed as something else, or is no good recipient, is not taken.
	for _, bad := range []string{"", "{}", `{"iban":"` + dutch + `","name":"x","more":1}`, `{"iban":"NL71ABNA0106295004","name":"x"}`} {
		sealed, err := ring.Seal("sepa recipient", []byte(bad))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sepa.OpenRecipient(ring, seal.Place{}, sealed); err == nil || strings.Contains(err.Error(), dutch) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// What can be read of a target shows the country and the last four characters of the
// number, whatever the number is.
func TestTargetShowsOnlyTheEnds(t *testing.T) {
	c := sepa.Checker{Network: "sepa", Ring: newRing(t, "new", "old")}
	rapid.Check(t, func(t *rapid.T) {
		i, err := iban.Make(rapid.SampledFrom([]string{"DE", "AT"}).Draw(t, "country"), rapid.StringMatching(`[0-9]{18}`).Draw(t, "bban"))
		if err != nil {
			i, err = iban.Make("AT", rapid.StringMatching(`[0-9]{16}`).Draw(t, "bban"))
		}
		if err != nil {
			t.Skip(err)
		}
		full := i.String()
		to, err := c.CheckRecipient(t.Context(), rail.Recipient{Holder: "Max Mustermann", IBAN: i.Paper()}, "EUR")
		if err != nil {
			t.Fatal(err)
		}
		if to.Canonical != full[:2]+"****"+full[len(full)-4:] || !rail.Hidden(to.Canonical) || to.Typed != "Max Mustermann" || to.Tag != "" || len(to.Prints) != 2 {
			t.Fatalf("%+v", to)
		}
		all := fmt.Sprintf("%+v %q", to, to.Decoded)
		for n := 2; n+6 <= len(full); n++ { // six in a row tell more than the four at the end
			if strings.Contains(all, full[n:n+6]) {
				t.Fatalf("%s shows %s", all, full[n:n+6])
			}
		}
	})
	one, _ := c.CheckRecipient(t.Context(), rail.Recipient{Holder: "Max", IBAN: berlin}, "EUR")
	two, _ := c.CheckRecipient(t.Context(), rail.Recipient{Holder: "Moritz", IBAN: strings.ToLower(berlin)}, "EUR")
	if one.Prints[0] != two.Prints[0] || bytes.Equal(one.Decoded, two.Decoded) {
		t.Error("the same account is not known again")
	}
	if rail.Hidden("0x52908400098527886E0F7030069857D2E4169EE7") {
		t.Error("an address is taken for a bank account")
	}
}

func TestCheckerRefuses(t *testing.T) {
	c := sepa.Checker{Network: "sepa", Ring: newRing(t, "a")}
	good := rail.Recipient{Holder: "Max", IBAN: berlin}
	to := func(c sepa.Checker, r rail.Recipient, asset string) error {
		_, err := c.CheckRecipient(t.Context(), r, asset)
		return err
	}
	with := func(p rail.Payment, asset string) error {
		_, err := c.CheckPayment(t.Context(), p, asset)
		return err
	}
	_, address := c.Check(t.Context(), berlin, "", "EUR")
	for _, x := range []struct {
		name        string
		err         error
		code, field string
	}{
		{"an address", address, "bank_required", "bank"},
		{"not euro", to(c, good, "USD"), "currency_not_sepa", "currency"},
		{"no key", to(sepa.Checker{}, good, "EUR"), "sealing_key_missing", ""},
		{"check digits", to(c, rail.Recipient{Holder: "Max", IBAN: "DE03100500000054540402"}, "EUR"), "iban_check_digits", "iban"},
		{"length", to(c, rail.Recipient{Holder: "Max", IBAN: "DE0210050000005454040"}, "EUR"), "iban_length", "iban"},
		{"not in SEPA", to(c, rail.Recipient{Holder: "Max", IBAN: "TR330006100519786457841326"}, "EUR"), "iban_not_sepa", "iban"},
		{"BIC", to(c, rail.Recipient{Holder: "Max", IBAN: berlin, BIC: "BELADE"}, "EUR"), "bic_malformed", "bic"},
		{"no holder", to(c, rail.Recipient{IBAN: berlin}, "EUR"), "name_empty", "holder"},
		{"remittance", with(rail.Payment{Remittance: strings.Repeat("x", 141)}, "EUR"), "remittance_too_long", "remittance"},
		{"remittance that grows", with(rail.Payment{Remittance: strings.Repeat("ß", 71)}, "EUR"), "remittance_too_long", "remittance"},
		{"purpose", with(rail.Payment{Purpose: "othr"}, "EUR"), "purpose_malformed", "purpose"},
		{"no such purpose", with(rail.Payment{Purpose: "XXXX"}, "EUR"), "purpose_unknown", "purpose"},
		{"service", with(rail.Payment{Service: "fast"}, "EUR"), "service_unknown", "service"},
		{"payment not in euro", with(rail.Payment{}, "USD"), "currency_not_sepa", "currency"},
	} {
		f := fault.Of(x.err)
		if f == nil || f.Code != x.code || x.field != "" && (len(f.Fields) != 1 || f.Fields[0].Path != x.field) {
			t.Errorf("%s: %v, want %s at %s", x.name, x.err, x.code, x.field)
		}
	}
}

func TestPaymentIsMapped(t *testing.T) {
	c := sepa.Checker{Network: "sepa", Ring: newRing(t, "a")}
	for _, x := range []struct{ in, want rail.Payment }{
		{rail.Payment{}, rail.Payment{Service: "normal"}},
		{rail.Payment{Remittance: "Payout 7", Purpose: "OTHR", Service: "instant"}, rail.Payment{Remittance: "Payout 7", Purpose: "OTHR", Service: "instant"}},
		{rail.Payment{Remittance: "Für Zoë; danke", Typed: "no"}, rail.Payment{Remittance: "Fuer Zoe, danke", Typed: "Für Zoë; danke", Service: "normal"}},
	} {
		got, err := c.CheckPayment(t.Context(), x.in, "EUR")
		if err != nil || got != x.want {
			t.Errorf("%+v is %+v, %v", x.in, got, err)
		}
	}
}
