package iban_test

import (
	"strings"
	"testing"

	"sluice/internal/bank/iban"
	"sluice/internal/fault"
)

// registered are the examples of the IBAN registry, one for every SEPA country,
// and some that other specifications of payment interfaces use.
var registered = []string{
	"AD1200012030200359100100", "AL47212110090000000235698741", "AT611904300234573201", "BE68539007547034",
	"BG80BNBG96611020345678", "CH9300762011623852957", "CY17002001280000001200527600", "CZ6508000000192000145399",
	"DE89370400440532013000", "DK5000400440116243", "EE382200221020145685", "ES9121000418450200051332",
	"FI2112345600000785", "FR1420041010050500013M02606", "GB29NWBK60161331926819", "GI75NWBK000000007099453",
	"GR1601101250000000012300695", "HR1210010051863000160", "HU42117730161111101800000000", "IE29AIBK93115212345678",
	"IS140159260076545510730339", "IT60X0542811101000000123456", "LI21088100002324013AA", "LT121000011101001000",
	"LU280019400644750000", "LV80BANK0000435195001", "MC5811222000010123456789030", "MD24AG000225100013104168",
	"ME25505000012345678951", "MK07250120000058984", "MT84MALT011000012345MTLCAST001S", "NL91ABNA0417164300",
	"NO9386011117947", "PL61109010140000071219812874", "PT50000201231234567890154", "RO49AAAA1B31007593840000",
	"RS35260005601001611379", "SE4550000000058398257466", "SI56191000000123438", "SK3112000000198742637541",
	"SM86U0322509800000000270100", "VA59001123000012345678",
	"DE02100500000054540402", "NL70ABNA0106295004", "DE95500105173934555844",
}

func TestEveryCountryOfSEPA(t *testing.T) {
	missing := map[string]bool{}
	for _, c := range iban.Countries(true) {
		missing[c] = true
	}
	if len(missing) != 42 { // 41 countries; Gibraltar has IBANs of its own beside the United Kingdom
		t.Errorf("%d countries, want 42", len(missing))
	}
	for _, s := range registered {
		i, err := iban.Parse(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if !i.SEPA() {
			t.Errorf("%s: not in SEPA", s)
		}
		if got, err := iban.Make(s[:2], s[4:]); err != nil || got != i {
			t.Errorf("Make gives %v (%v) for %s", got, err, s)
		}
		delete(missing, i.Country())
	}
	for c := range missing {
		t.Errorf("no example for %s", c)
	}
}

func TestParse(t *testing.T) {
	cases := []struct{ name, in, want, code string }{
		{"as printed", "DE02 1005 0000 0054 5404 02", "DE02100500000054540402", ""},
		{"lower case", "de02100500000054540402", "DE02100500000054540402", ""},
		{"letters inside", "fr14 2004 1010 0505 0001 3m02 606", "FR1420041010050500013M02606", ""},
		{"empty", "", "", "iban_malformed"},
		{"no number", "DE02", "", "iban_malformed"},
		{"letter among the check digits", "DEX2100500000054540402", "", "iban_malformed"},
		{"other characters", "DE02-1005-0000-0054-5404-02", "", "iban_malformed"},
		{"Unicode digit", "DE0210050000005454040\u0662", "", "iban_malformed"},
		{"letters where the country has digits", "DE0210050000005454040A", "", "iban_malformed"},
		{"much too long", strings.Repeat("DE02", 100), "", "iban_malformed"},
		{"no such country", "ZZ02100500000054540402", "", "iban_country_unknown"},
		{"one digit short", "DE0210050000005454040", "", "iban_length"},
		{"one digit long", "DE021005000000545404021", "", "iban_length"},
		{"all zeros", "DE89000000000000000000", "", "iban_check_digits"},
		{"two digits swapped", "DE02100500000054544002", "", "iban_check_digits"},
		{"one digit wrong", "NL70ABNA0106295005", "", "iban_check_digits"},
		// 97 and 00 leave the same remainder; only one of them is ever given out.
		{"check digits 00", withCheck(t, "00"), "", "iban_check_digits"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := iban.Parse(c.in)
			if fault.CodeOf(err) != c.code || got.String() != c.want {
				t.Errorf("got %q, %q (%v), want %q, %q", got, fault.CodeOf(err), err, c.want, c.code)
			}
		})
	}
}

// withCheck finds a German number whose remainder fits the given check digits.
func withCheck(t *testing.T, check string) string {
	t.Helper()
	for n := range 200 {
		bban := "1005000000545404" + string([]byte{byte('0' + n/10%10), byte('0' + n%10)})
		if i, err := iban.Make("DE", bban); err == nil && i.String()[2:4] == "97" {
			return "DE" + check + bban
		}
	}
	t.Fatal("no number found")
	return ""
}

func TestForms(t *testing.T) {
	i, err := iban.Parse("DE02100500000054540402")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := i.Masked(), "DE0210**********0402"; got != want {
		t.Errorf("masked %q, want %q", got, want)
	}
	if got, want := i.Paper(), "DE02 1005 0000 0054 5404 02"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	short, _ := iban.Parse("NO9386011117947")
	if got, want := short.Masked(), "NO9386**********7947"; got != want {
		t.Errorf("masked %q, want %q", got, want)
	}
	var none iban.IBAN
	if !none.IsZero() || none.Masked() != "" || none.SEPA() || none.Country() != "" {
		t.Error("the zero value is something")
	}
	if tr, err := iban.Parse("TR330006100519786457841326"); err != nil || tr.SEPA() {
		t.Errorf("Turkey: %v, SEPA %v", err, tr.SEPA())
	}
}

func TestParseBIC(t *testing.T) {
	cases := []struct{ in, want, country, bank string }{
		{"BELADEBE", "BELADEBE", "DE", "BELADEBE"},
		{"cobadeffxxx", "COBADEFFXXX", "DE", "COBADEFF"},
		{"1234NL2A", "1234NL2A", "NL", "1234NL2A"}, // digits in front since 2014
		{"BELADEB", "", "", ""},
		{"BELADEBEX", "", "", ""},
		{"BELA0EBE", "", "", ""},
		{"BELA DEBE", "", "", ""},
		{"", "", "", ""},
	}
	for _, c := range cases {
		got, err := iban.ParseBIC(c.in)
		if got.String() != c.want || got.Country() != c.country || got.Bank() != c.bank || (err == nil) != (c.want != "") {
			t.Errorf("%q: got %q of %q, bank %q (%v)", c.in, got, got.Country(), got.Bank(), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range registered {
		f.Add(s)
	}
	f.Add("de02 1005 0000 0054 5404 02")
	f.Fuzz(func(t *testing.T, s string) {
		i, err := iban.Parse(s)
		if err != nil {
			return
		}
		if again, err := iban.Parse(i.Paper()); err != nil || again != i {
			t.Errorf("%q: printed %q is read as %v (%v)", s, i.Paper(), again, err)
		}
		if len(i.Masked()) != 20 {
			t.Errorf("masked %q", i.Masked())
		}
	})
}

// TestNationalNumbers: the ways in which banks write accounts, and other accounts.
func TestNationalNumbers(t *testing.T) {
	for _, c := range []struct {
		iban, number string
		same, own    bool
	}{
		{"DE02100500000054540402", "DE02100500000054540402", true, true},
		{"DE02100500000054540402", "de02 1005 0000 0054 5404 02", true, true},
		{"DE02100500000054540402", "54540402", true, true},
		{"DE02100500000054540402", "0054540402", true, true},
		{"DE02100500000054540402", "100500000054540402", true, true},
		{"DE02100500000054540402", "0054540402 / 10050000", true, false},
		{"DE02100500000054540402", "54540403", false, false},
		{"DE02100500000054540402", "5454040", true, false}, // part of it, and not its end
		{"DE02100500000054540402", "0402", false, false},
		{"DE02100500000054540402", "", false, false},
		{"DE02100500000054540402", "DE89370400440532013000", false, false},
		{"NL70ABNA0106295004", "0106295004", true, true},
		{"NL70ABNA0106295004", "ABNA0106295004", true, true},
		{"NL70ABNA0106295004", "0106295005", false, false},
		{"GB29NWBK60161331926819", "60-16-13 31926819", true, true},
		{"GB29NWBK60161331926819", "31926819", true, true},
		{"FI2112345600000785", "123456-785", true, false},
		{"CZ6508000000192000145399", "19-2000145399/0800", true, false},
		{"BE68539007547034", "539-0075470-34", true, true},
		{"SE4550000000058398257466", "5839-8257466", true, true},
		{"PL61109010140000071219812874", "61 1090 1014 0000 0712 1981 2874", true, true},
		{"NO9386011117947", "8601.11.17947", true, true},
		{"CH9300762011623852957", "0116-238529-57", true, true},
		{"DK5000400440116243", "0040-0440116243", true, true},
	} {
		if got := iban.Same(c.iban, c.number); got != c.same {
			t.Errorf("%s as %q: %v", c.iban, c.number, got)
		}
		if got := iban.IsOwn(c.iban, c.number); got != c.own {
			t.Errorf("%s is our %q: %v", c.iban, c.number, got)
		}
	}
}
