package money_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/fault"
	"sluice/internal/money"
)

var (
	eur  = money.Asset{Code: "EUR", Scale: 2}
	usdt = money.Asset{Code: "USDT", Scale: 6, Networks: []string{"ethereum"}}
	eth  = money.Asset{Code: "ETH", Scale: 18, Networks: []string{"ethereum"}}
	yen  = money.Asset{Code: "JPY", Scale: 0}
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		asset money.Asset
		in    string
		minor string // "" when refused
		code  string
	}{
		{eur, "0", "0", ""},
		{eur, "12.5", "1250", ""},
		{eur, "12.50", "1250", ""},
		{eur, "0.01", "1", ""},
		{eur, "12.505", "", "amount_too_precise"},
		{eur, "12.500", "", "amount_too_precise"},
		{yen, "7", "7", ""},
		{yen, "7.0", "", "amount_too_precise"},
		{usdt, "1.000001", "1000001", ""},
		{eth, "1.000000000000000001", "1000000000000000001", ""},
		{eth, strings.Repeat("9", 21) + "." + strings.Repeat("9", 18), strings.Repeat("9", 39), ""},
		{eth, "1" + strings.Repeat("0", 21), "", "amount_overflow"},
		{yen, strings.Repeat("9", 39), strings.Repeat("9", 39), ""},
		{yen, strings.Repeat("9", 40), "", "amount_overflow"},
		{eur, strings.Repeat("9", 400), "", "amount_overflow"},
	} {
		got, err := c.asset.Parse(c.in)
		if fault.CodeOf(err) != c.code || err == nil && got.Minor() != c.minor {
			t.Errorf("%s.Parse(%.50q) = %s, %v; want %s %s", c.asset.Code, c.in, got, err, c.minor, c.code)
		}
	}
}

// Whatever is not digits with an optional point is refused at the edge, in every
// shape that number parsers elsewhere take.
func TestCase32_MalformedNumbersAreRefused(t *testing.T) {
	for _, in := range []string{
		"", " ", "-1", "+1", "1e3", "1E3", "0x10", "NaN", "Inf", "-0", ".5", "5.", "1.2.3", "1,5", "1_000", " 1", "1 ", "1\n",
		"01", "00", "00.5", "٣", "１", "1\x00", "½", "9223372036854775808.", "--1", "1-",
	} {
		if got, err := eth.Parse(in); fault.CodeOf(err) != "amount_malformed" {
			t.Errorf("Parse(%q) = %s, %v; want amount_malformed", in, got, err)
		}
	}
}

// What is written parses back to the same amount, for every scale.
func TestCase33_RoundTripForScales0To18(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := money.Asset{Code: "XXX", Scale: rapid.IntRange(0, 18).Draw(t, "scale")}
		v := amount().Draw(t, "amount")
		back, err := a.Parse(a.Format(v))
		if err != nil || back != v {
			t.Fatalf("%s -> %q -> %s, %v", v, a.Format(v), back, err)
		}
		again, err := money.ParseMinor(v.Minor())
		if err != nil || again != v {
			t.Fatalf("%s -> ParseMinor -> %s, %v", v, again, err)
		}
		word := v.Bytes32()
		fromWord, err := money.FromBytes(word[:])
		if err != nil || fromWord != v {
			t.Fatalf("%s -> FromBytes -> %s, %v", v, fromWord, err)
		}
	})
}

func amount() *rapid.Generator[money.Amount] {
	return rapid.Custom(func(t *rapid.T) money.Amount {
		s := rapid.StringMatching(`0|[1-9][0-9]{0,38}`).Draw(t, "digits")
		a, err := money.ParseMinor(s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	})
}

// Add, Sub and Mul agree with math/big, and refuse exactly what does not fit.
func TestArithmeticIsExact(t *testing.T) {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(money.Digits), nil)
	rapid.Check(t, func(t *rapid.T) {
		a, b, n := amount().Draw(t, "a"), amount().Draw(t, "b"), rapid.Uint64().Draw(t, "n")
		x, _ := new(big.Int).SetString(a.Minor(), 10)
		y, _ := new(big.Int).SetString(b.Minor(), 10)
		check := func(op string, got money.Amount, err error, want *big.Int) {
			fits := want.Sign() >= 0 && want.Cmp(limit) < 0
			if (err == nil) != fits || fits && got.Minor() != want.String() {
				t.Fatalf("%s %s %s (n=%d) = %s, %v; want %s", a, op, b, n, got, err, want)
			}
		}
		sum, err := a.Add(b)
		check("+", sum, err, new(big.Int).Add(x, y))
		diff, err := a.Sub(b)
		check("-", diff, err, new(big.Int).Sub(x, y))
		product, err := a.Mul(n)
		check("*", product, err, new(big.Int).Mul(x, new(big.Int).SetUint64(n)))
		if a.Cmp(b) != x.Cmp(y) || a.Less(b) != (x.Cmp(y) < 0) {
			t.Fatalf("%s against %s: Cmp %d, Less %v", a, b, a.Cmp(b), a.Less(b))
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"12.50", "0", "1e9", "-1", "0.000000000000000001", strings.Repeat("9", 39), "٣.1"} {
		f.Add(s, uint8(18))
	}
	f.Fuzz(func(t *testing.T, s string, scale uint8) {
		a := money.Asset{Code: "XXX", Scale: int(scale) % (money.MaxScale + 1)}
		v, err := a.Parse(s)
		if err != nil {
			return
		}
		// What is accepted means exactly what math/big reads.
		want, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("%q accepted as %s", s, v)
		}
		got, _ := new(big.Rat).SetString(a.Format(v))
		if want.Cmp(got) != 0 {
			t.Fatalf("%q accepted as %s", s, a.Format(v))
		}
	})
}

func TestAssetValidate(t *testing.T) {
	for _, c := range []struct {
		asset money.Asset
		ok    bool
	}{
		{eur, true},
		{money.Asset{Code: "BNB-BSC", Scale: 18}, true},
		{money.Asset{Code: "E", Scale: 2}, false},
		{money.Asset{Code: "eur", Scale: 2}, false},
		{money.Asset{Code: "EUR", Scale: 19}, false},
		{money.Asset{Code: "EUR", Scale: -1}, false},
	} {
		if err := c.asset.Validate(); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.asset, err)
		}
	}
	known := money.Assets{"EUR": eur, "ETH": eth, "USDT": usdt}
	if _, err := known.Get("XAU"); fault.CodeOf(err) != "unknown_currency" || !strings.Contains(err.Error(), "ETH, EUR, USDT") {
		t.Errorf("unknown currency: %v", err)
	}
}
