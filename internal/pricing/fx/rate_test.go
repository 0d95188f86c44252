package fx_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/pricing/fx"
)

var (
	eur  = money.Asset{Code: "EUR", Scale: 2}
	btc  = money.Asset{Code: "BTC", Scale: 8}
	usdt = money.Asset{Code: "USDT", Scale: 6}
	eth  = money.Asset{Code: "ETH", Scale: 18}
	yen  = money.Asset{Code: "JPY", Scale: 0}
)

func parse(t testing.TB, a money.Asset, s string) money.Amount {
	t.Helper()
	v, err := a.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParseRate(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"1", "1/1"},
		{"77314.26444450", "154628528889/2000000"},
		{"0.00004920", "123/2500000"},
		{"4.92e-05", "123/2500000"},
		{"1E3", "1000/1"},
		{"1e+40", "1" + strings.Repeat("0", 40) + "/1"},
		{"007.50", "15/2"}, // some sources pad; the meaning is plain
	} {
		r, err := fx.ParseRate(c.in)
		if err != nil || r.String() != c.want {
			t.Errorf("ParseRate(%q) = %s, %v; want %s", c.in, r, err, c.want)
		}
		if back, err := fx.ParseFraction(r.String()); err != nil || back.Cmp(r) != 0 {
			t.Errorf("%s reads back as %s, %v", r, back, err)
		}
	}
	for _, in := range []string{
		"", "0", "0.00", "0e5", "-1", "+1", ".5", "5.", "1.2.3", "1,5", " 1", "1 ", "NaN", "Inf", "0x10", "1_0", "٣", "e5", "1e", "1e+", "1e41", "1e-041", "1e5.0", "1/2",
		strings.Repeat("1", 65),
	} {
		if r, err := fx.ParseRate(in); fault.CodeOf(err) != "rate_malformed" {
			t.Errorf("ParseRate(%q) = %s, %v; want rate_malformed", in, r, err)
		}
	}
	for _, in := range []string{"", "1", "/", "1/", "/1", "0/1", "1/0", "-1/2", "1/-2", "1.0/2", "1/2/3", strings.Repeat("1", 5000) + "/1"} {
		if r, err := fx.ParseFraction(in); err == nil {
			t.Errorf("ParseFraction(%.20q) = %s", in, r)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		rate     string
		decimals int
		want     string
	}{
		{"0.000049204", 8, "0.00004920"},
		{"0.000000005", 8, "0.00000001"}, // half up
		{"0.0000000049", 8, "0.00000000"},
		{"1.5", 0, "2"},
		{"2.5", 0, "3"},
		{"77314.2644445", 8, "77314.26444450"},
	} {
		if got := fx.MustRate(c.rate).Text(c.decimals); got != c.want {
			t.Errorf("%s with %d decimals: %s; want %s", c.rate, c.decimals, got, c.want)
		}
	}
	// 25 EUR for 0.00123001 BTC.
	if got := fx.Effective(eur, money.Of(2500), btc, money.Of(123001)).Text(8); got != "0.00004920" {
		t.Errorf("effective price %s", got)
	}
	if got := fx.Effective(eur, money.Of(0), btc, money.Of(1)); !got.IsZero() || got.Text(8) != "" {
		t.Errorf("a price of nothing: %s", got)
	}
}

func TestConvert(t *testing.T) {
	for _, c := range []struct {
		from     money.Asset
		amount   string
		rate     string
		to       money.Asset
		down, up string
	}{
		{btc, "0.02", "77314.2644445", eur, "1546.28", "1546.29"},
		{eur, "25.00", "0.0000492004", btc, "0.00123001", "0.00123001"},
		{eur, "0.01", "0.0000492004", btc, "0.00000049", "0.00000050"},
		{eth, "0.000000000000000001", "3000", eur, "0.00", "0.01"},
		{eur, "3000.00", "0.000333333333", eth, "0.999999999000000000", "0.999999999000000000"},
		{yen, "1", "0.0061", usdt, "0.006100", "0.006100"},
		{usdt, "0.999999", "163.9", yen, "163", "164"},
		{usdt, "0.000000", "163.9", yen, "0", "0"},
	} {
		amount, rate := parse(t, c.from, c.amount), fx.MustRate(c.rate)
		for round, want := range map[fx.Rounding]string{fx.Down: c.down, fx.Up: c.up} {
			got, err := rate.Convert(c.from, c.to, amount, round)
			if err != nil || c.to.Format(got) != want {
				t.Errorf("%s %s at %s, rounding %d = %s, %v; want %s %s", c.amount, c.from.Code, c.rate, round, c.to.Format(got), err, want, c.to.Code)
			}
		}
	}
	most := parse(t, yen, strings.Repeat("9", 39))
	if _, err := fx.MustRate("1e10").Convert(yen, yen, most, fx.Down); fault.CodeOf(err) != "amount_overflow" {
		t.Errorf("overflow: %v", err)
	}
	if _, err := fx.MustRate("1e40").Convert(yen, eth, most, fx.Down); fault.CodeOf(err) != "amount_overflow" {
		t.Errorf("overflow beyond 32 bytes: %v", err)
	}
	if _, err := (fx.Rate{}).Convert(eur, btc, money.Of(1), fx.Down); fault.CodeOf(err) != "rate_missing" {
		t.Errorf("no rate: %v", err)
	}
	if _, err := fx.MustRate("1").Convert(eur, btc, money.Of(1), 0); err == nil {
		t.Error("a conversion without a named rounding was done")
	}
}

// genRate covers everything from shitcoins in bitcoin to bitcoin in rupiah.
func genRate() *rapid.Generator[fx.Rate] {
	return rapid.Custom(func(t *rapid.T) fx.Rate {
		n := rapid.Uint64Range(1, 1<<62).Draw(t, "mantissa")
		e := rapid.IntRange(-30, 10).Draw(t, "exponent")
		s := new(big.Int).SetUint64(n).String() + "e" + big.NewInt(int64(e)).String()
		return fx.MustRate(s)
	})
}

func genAsset(code string) *rapid.Generator[money.Asset] {
	return rapid.Custom(func(t *rapid.T) money.Asset {
		return money.Asset{Code: code, Scale: rapid.IntRange(0, money.MaxScale).Draw(t, code+" scale")}
	})
}

// Rates agree with the rationals of the standard library, and inverting twice or
// crossing with the inverse gives back what was there.
func TestRatesAreExact(t *testing.T) {
	one := fx.MustRate("1")
	rapid.Check(t, func(t *rapid.T) {
		a, b := genRate().Draw(t, "a"), genRate().Draw(t, "b")
		if a.Inverse().Inverse().Cmp(a) != 0 || a.Cross(a.Inverse()).Cmp(one) != 0 || a.Cross(b).Cmp(b.Cross(a)) != 0 {
			t.Fatalf("%s and %s", a, b)
		}
		x, _ := new(big.Rat).SetString(a.String())
		y, _ := new(big.Rat).SetString(b.String())
		if got := a.Cross(b).Text(20); got != new(big.Rat).Mul(x, y).FloatString(20) {
			t.Fatalf("%s x %s = %s", a, b, got)
		}
		if a.Cmp(b) != x.Cmp(y) {
			t.Fatalf("%s against %s: %d", a, b, a.Cmp(b))
		}
	})
}

func FuzzParseRate(f *testing.F) {
	for _, s := range []string{"1", "77314.26444450", "4.92e-05", "1e40", "-1", "0", "1/2", "٣.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := fx.ParseRate(s)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok || want.RatString() != strings.TrimSuffix(r.String(), "/1") || want.Sign() <= 0 {
			t.Fatalf("%q was read as %s", s, r)
		}
	})
}
