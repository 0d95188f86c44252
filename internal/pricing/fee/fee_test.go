package fee_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/pricing/fee"
)

var eur = money.Asset{Code: "EUR", Scale: 2}

func cents(s string) money.Amount {
	a, err := eur.Parse(s)
	if err != nil {
		panic(err)
	}
	return a
}

func schedule(ppm int64, fixed, low, high string, inside bool) fee.Schedule {
	return fee.Schedule{Key: fee.Key{Currency: "EUR"}, PPM: ppm, Fixed: cents(fixed), Minimum: cents(low), Maximum: cents(high), Inside: inside}
}

func TestCharge(t *testing.T) {
	for _, c := range []struct {
		name             string
		s                fee.Schedule
		amount           string
		gross, net, paid string // paid: the fee; or the code of the refusal in gross
	}{
		{"nothing is charged", fee.Schedule{}, "10.00", "10.00", "10.00", "0.00"},
		{"percent on top", schedule(8000, "0", "0", "0", false), "381.00", "384.05", "381.00", "3.05"},
		{"percent inside", schedule(8000, "0", "0", "0", true), "381.00", "381.00", "377.95", "3.05"},
		{"rounded up", schedule(1, "0", "0", "0", false), "0.01", "0.02", "0.01", "0.01"},
		{"fixed", schedule(0, "0.30", "0", "0", false), "5.00", "5.30", "5.00", "0.30"},
		{"percent and fixed", schedule(10_000, "0.30", "0", "0", false), "50.00", "50.80", "50.00", "0.80"},
		{"below the minimum", schedule(10_000, "0.30", "1.00", "2.00", false), "50.00", "51.00", "50.00", "1.00"},
		{"above the maximum", schedule(10_000, "0.30", "1.00", "2.00", false), "500.00", "502.00", "500.00", "2.00"},
		{"a minimum inside", schedule(10_000, "0", "1.00", "0", true), "1.01", "1.01", "0.01", "1.00"},
		{"nothing is left", schedule(10_000, "0", "1.00", "0", true), "1.00", "amount_below_fee", "", ""},
		{"less than the fee", schedule(10_000, "0", "1.00", "0", true), "0.99", "amount_below_fee", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.s.OnAmount(eur, cents(c.amount))
			if err != nil {
				if fault.CodeOf(err) != c.gross {
					t.Fatalf("%v; want %s", err, c.gross)
				}
				return
			}
			if eur.Format(got.Gross) != c.gross || eur.Format(got.Net) != c.net || eur.Format(got.Fee) != c.paid {
				t.Errorf("%s = %s + %s; want %s = %s + %s", eur.Format(got.Gross), eur.Format(got.Net), eur.Format(got.Fee), c.gross, c.net, c.paid)
			}
		})
	}
}

func any39() *rapid.Generator[money.Amount] {
	return rapid.Custom(func(t *rapid.T) money.Amount {
		a, err := money.ParseMinor(rapid.StringMatching(`[1-9][0-9]{0,30}`).Draw(t, "minor"))
		if err != nil {
			t.Fatal(err)
		}
		return a
	})
}

func anySchedule(t *rapid.T) fee.Schedule {
	s := fee.Schedule{Key: fee.Key{Currency: "EUR"}, PPM: rapid.Int64Range(0, fee.One-1).Draw(t, "ppm"), Inside: rapid.Bool().Draw(t, "inside")}
	part := func(name string) money.Amount {
		if !rapid.Bool().Draw(t, "has "+name) {
			return money.Amount{}
		}
		return any39().Draw(t, name)
	}
	s.Fixed, s.Minimum, s.Maximum = part("fixed"), part("minimum"), part("maximum")
	if s.Validate() != nil {
		s.Minimum, s.Maximum = s.Maximum, s.Minimum
	}
	return s
}

func big10(a money.Amount) *big.Int {
	v, _ := new(big.Int).SetString(a.Minor(), 10)
	return v
}

// What is left and the fee are the whole, to the last unit, and the fee is never
// below what the percentage says.
func TestCase34_NetAndFeeAreGrossExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, amount := anySchedule(t), any39().Draw(t, "amount")
		check := func(c fee.Charge) {
			if sum, err := c.Net.Add(c.Fee); err != nil || sum != c.Gross {
				t.Fatalf("%+v: %s + %s is not %s", s, c.Net, c.Fee, c.Gross)
			}
			base := c.Net
			if s.Inside {
				base = c.Gross
			}
			if !s.Maximum.IsZero() && c.Fee == s.Maximum {
				return
			}
			// fee * 10^6 >= base * ppm: rounded up, never in the caller's favour.
			if new(big.Int).Mul(big10(c.Fee), big.NewInt(fee.One)).Cmp(new(big.Int).Mul(big10(base), big.NewInt(s.PPM))) < 0 {
				t.Fatalf("%+v: %s on %s is below the percentage", s, c.Fee, base)
			}
		}
		if c, err := s.OnAmount(eur, amount); err == nil {
			check(c)
			if s.Inside && c.Gross != amount || !s.Inside && c.Net != amount {
				t.Fatalf("%+v: %s became %+v", s, amount, c)
			}
		} else if fault.CodeOf(err) != "amount_below_fee" {
			t.Fatal(err)
		}
		c, err := s.OnNet(amount)
		if err != nil {
			return // an overflow
		}
		check(c)
		if c.Net != amount {
			t.Fatalf("%+v: of %s the receiver gets %s", s, amount, c.Net)
		}
	})
}

// The gross for a fixed net is the smallest that leaves it: one unit less leaves less.
func TestTheGrossForANetIsTheSmallest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, net := anySchedule(t), any39().Draw(t, "net")
		s.Inside = true
		c, err := s.OnNet(net)
		if err != nil {
			return
		}
		if back, err := s.OnAmount(eur, c.Gross); err != nil || back.Net.Less(net) {
			t.Fatalf("%+v: %s leaves %s of %s (%v)", s, c.Gross, back.Net, net, err)
		}
		less, err := c.Gross.Sub(money.Of(1))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := s.OnAmount(eur, less); err == nil && !back.Net.Less(net) {
			t.Fatalf("%+v: %s would have been enough for %s", s, less, net)
		}
	})
}

// An amount in parts never costs less than the whole.
func TestCase34_SplittingGainsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySchedule(t)
		parts := rapid.SliceOfN(any39(), 2, 6).Draw(t, "parts")
		sum, fees := money.Amount{}, new(big.Int)
		for _, p := range parts {
			var err error
			if sum, err = sum.Add(p); err != nil {
				return
			}
			f, err := s.Of(p)
			if err != nil {
				return
			}
			fees.Add(fees, big10(f))
		}
		whole, err := s.Of(sum)
		if err != nil {
			return
		}
		if fees.Cmp(big10(whole)) < 0 {
			t.Fatalf("%+v: in parts %s, as a whole %s", s, fees, whole)
		}
	})
}

func TestFind(t *testing.T) {
	of := func(merchant int64, currency, network string, kind fee.Kind) fee.Schedule {
		return fee.Schedule{Key: fee.Key{Currency: currency, Network: network, Kind: kind}, PPM: merchant}
	}
	own := of(9, "", "", "")
	own.Merchant = 7
	all := []fee.Schedule{of(1, "", "", ""), of(2, "EUR", "", ""), of(3, "", "ethereum", ""), of(4, "", "", fee.Exchange), of(5, "EUR", "ethereum", ""), of(6, "EUR", "", fee.Exchange)}
	for _, c := range []struct {
		key  fee.Key
		own  bool
		want int64
	}{
		{fee.Key{Merchant: 7, Currency: "BTC", Network: "bitcoin", Kind: fee.Plain}, false, 1},
		{fee.Key{Merchant: 7, Currency: "EUR", Network: "sepa", Kind: fee.Plain}, false, 2},
		{fee.Key{Merchant: 7, Currency: "ETH", Network: "ethereum", Kind: fee.Exchange}, false, 3},
		{fee.Key{Merchant: 7, Currency: "BTC", Network: "bitcoin", Kind: fee.Exchange}, false, 4},
		{fee.Key{Merchant: 7, Currency: "EUR", Network: "ethereum", Kind: fee.Exchange}, false, 5},
		{fee.Key{Merchant: 7, Currency: "EUR", Network: "bitcoin", Kind: fee.Exchange}, false, 6},
		{fee.Key{Merchant: 7, Currency: "EUR", Network: "bitcoin", Kind: fee.Exchange}, true, 9},
		{fee.Key{Merchant: 8, Currency: "EUR", Network: "bitcoin", Kind: fee.Exchange}, true, 6},
	} {
		use := all
		if c.own {
			use = append([]fee.Schedule{own}, all...)
		}
		if got := fee.Find(use, c.key); got.PPM != c.want {
			t.Errorf("%+v, own %v: %d, want %d", c.key, c.own, got.PPM, c.want)
		}
	}
	if got := fee.Find(nil, fee.Key{Currency: "EUR"}); got != (fee.Schedule{}) {
		t.Errorf("without schedules: %+v", got)
	}
}

func TestValidate(t *testing.T) {
	good := schedule(8000, "0.10", "0.20", "5.00", true)
	good.Carry, good.CarryAmount = fee.Cost, cents("3.00")
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*fee.Schedule){
		"kind":               func(s *fee.Schedule) { s.Kind = "both" },
		"percent":            func(s *fee.Schedule) { s.PPM = fee.One },
		"currency":           func(s *fee.Schedule) { s.Currency = "" },
		"maximum":            func(s *fee.Schedule) { s.Minimum = cents("6.00") },
		"network_fee":        func(s *fee.Schedule) { s.Carry = "some" },
		"network_fee_amount": func(s *fee.Schedule) { s.Carry, s.CarryAmount = fee.Flat, money.Amount{} },
	} {
		s := good
		change(&s)
		f := fault.Of(s.Validate())
		if f == nil || f.Code != "invalid_fee" || f.Fields[0].Path != name {
			t.Errorf("%s: %v", name, f)
		}
	}
	if err := (fee.Schedule{Carry: fee.Cost}).Validate(); err != nil {
		t.Errorf("at cost, whatever that is: %v", err)
	}
	absorbed := fee.Schedule{Key: fee.Key{Currency: "EUR"}, CarryAmount: money.Of(1)}
	if f := fault.Of(absorbed.Validate()); f == nil || f.Fields[0].Path != "network_fee_amount" {
		t.Errorf("absorbed with an amount: %v", f)
	}
}

func TestPercent(t *testing.T) {
	for text, ppm := range map[string]int64{"0": 0, "0.8": 8000, "1": 10_000, "99.9999": 999_999, "0.0001": 1, "12.5": 125_000} {
		if got, err := fee.ParsePercent(text); err != nil || got != ppm {
			t.Errorf("%s: %d, %v; want %d", text, got, err, ppm)
		}
		if got := fee.Percent(ppm); got != text {
			t.Errorf("%d: %s, want %s", ppm, got, text)
		}
	}
	for _, text := range []string{"", "100", "-1", "0.00001", "1e1", "x", "1%"} {
		if got, err := fee.ParsePercent(text); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}
