package pricing_test

import (
	"context"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fee"
	"sluice/internal/pricing/fx"
	"sluice/internal/pricing/quote"
	"sluice/internal/withdrawal"
)

var (
	eur  = money.Asset{Code: "EUR", Scale: 2}
	usdt = money.Asset{Code: "USDT", Scale: 6, Networks: []string{"ethereum"}}
	btc  = money.Asset{Code: "BTC", Scale: 8, Networks: []string{"bitcoin"}}
	eth  = money.Asset{Code: "ETH", Scale: 18, Networks: []string{"ethereum"}}
	noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	shop = id.ID{Seq: 7}
)

// prices are markets by "base/quote".
type prices map[string]fx.Market

func (p prices) Market(base, quote string) (fx.Market, error) {
	m, ok := p[base+"/"+quote]
	if !ok {
		return m, fault.New(fault.Unavailable, "rate_unavailable", "no price of %s in %s", base, quote)
	}
	return m, nil
}

func (p prices) set(base, quote, bid, ask string) prices {
	p[base+"/"+quote] = fx.Market{
		Base: base, Quote: quote, Bid: fx.MustRate(bid), Ask: fx.MustRate(ask), At: noon, GoodUntil: noon.Add(time.Minute), Sources: []string{"a"},
	}
	return p
}

func amount(t testing.TB, a money.Asset, text string) money.Amount {
	t.Helper()
	v, err := a.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// One table for what a withdrawal comes to: both forms, with and without exchange, fees
// on top and out of the amount. EUR buys USDT at 1.11 less one percent.
func TestFor(t *testing.T) {
	for _, c := range []struct {
		name    string
		to      money.Asset
		form    fx.Form
		amount  string
		percent int64
		fixed   string
		least   string
		inside  bool
		// gross net fee receive, or a code
		want string
	}{
		{"plain, free", eur, fx.SendForm, "100", 0, "0", "0", false, "100.00 100.00 0.00 100.00"},
		{"plain, on top", eur, fx.SendForm, "100", 8000, "0.10", "0", false, "100.90 100.00 0.90 100.00"},
		{"plain, inside", eur, fx.SendForm, "100", 8000, "0.10", "0", true, "100.00 99.10 0.90 99.10"},
		{"plain, a part of a cent is a cent", eur, fx.SendForm, "100.01", 8000, "0", "0", false, "100.82 100.01 0.81 100.01"},
		{"plain, so much arrives, on top", eur, fx.ReceiveForm, "99.10", 10_000, "0", "0", false, "100.10 99.10 1.00 99.10"},
		{"plain, so much arrives, inside", eur, fx.ReceiveForm, "99.10", 8000, "0.10", "0", true, "100.00 99.10 0.90 99.10"},
		{"plain, the minimum", eur, fx.SendForm, "1", 8000, "0", "0.50", false, "1.50 1.00 0.50 1.00"},
		{"plain, the fee eats it", eur, fx.SendForm, "0.50", 0, "0", "0.50", true, "amount_below_fee"},
		{"exchange, free", usdt, fx.SendForm, "100", 0, "0", "0", false, "100.00 100.00 0.00 109.890000"},
		{"exchange, on top", usdt, fx.SendForm, "100", 10_000, "0", "0", false, "101.00 100.00 1.00 109.890000"},
		{"exchange, inside: the rest is exchanged", usdt, fx.SendForm, "100", 10_000, "0", "0", true, "100.00 99.00 1.00 108.791100"},
		{"exchange, so much arrives, on top", usdt, fx.ReceiveForm, "109.89", 10_000, "0", "0", false, "101.00 100.00 1.00 109.890000"},
		{"exchange, so much arrives, inside", usdt, fx.ReceiveForm, "108.7911", 10_000, "0", "0", true, "100.00 99.00 1.00 108.791100"},
		{"exchange, one unit more costs a cent", usdt, fx.ReceiveForm, "109.890001", 0, "0", "0", false, "100.01 100.01 0.00 109.890001"},
		{"exchange, below the pair's minimum", usdt, fx.SendForm, "4.99", 0, "0", "0", false, "amount_too_small"},
		{"exchange, below it once the fee is out", usdt, fx.SendForm, "5", 10_000, "0", "0", true, "amount_too_small"},
		{"no such pair", btc, fx.SendForm, "5", 0, "0", "0", false, "exchange_unavailable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &pricing.Book{
				Markets: prices{}.set("EUR", "USDT", "1.11", "1.12"), Pairs: []fx.Pair{{From: eur, To: usdt, Spread: 100, MinSend: money.Of(500)}},
				Fees: []fee.Schedule{{
					Key: fee.Key{Currency: "EUR"}, PPM: c.percent, Fixed: amount(t, eur, c.fixed), Minimum: amount(t, eur, c.least), Inside: c.inside,
				}},
			}
			fixes := eur
			if c.form == fx.ReceiveForm {
				fixes = c.to
			}
			got, err := b.For(t.Context(), pricing.Ask{Merchant: shop, From: eur, To: c.to, Form: c.form, Amount: amount(t, fixes, c.amount)})
			text := fault.CodeOf(err)
			if err == nil {
				text = strings.Join([]string{eur.Format(got.Charge.Gross), eur.Format(got.Charge.Net), eur.Format(got.Charge.Fee), c.to.Format(got.Receive)}, " ")
			}
			if text != c.want {
				t.Errorf("%s, want %s (%v)", text, c.want, err)
			}
		})
	}
}

// anyBook is an exchange of one pair at any scales, price, spread and fees.
func anyBook(t *rapid.T) (*pricing.Book, fx.Pair, fx.Market) {
	asset := func(code string) money.Asset {
		return money.Asset{Code: code, Scale: rapid.SampledFrom([]int{0, 2, 6, 8, 18}).Draw(t, code+" scale")}
	}
	p := fx.Pair{From: asset("AAA"), To: asset("BBB"), Spread: rapid.IntRange(0, 500).Draw(t, "spread")}
	bid := rapid.SampledFrom([]string{"1", "0.00001293", "77314.26", "1.0843", "0.000000031", "3"}).Draw(t, "bid")
	markets := prices{}.set("AAA", "BBB", bid, "1000000")
	small := rapid.Uint64Range(0, 5000)
	s := fee.Schedule{
		Key: fee.Key{Currency: "AAA"}, PPM: rapid.Int64Range(0, 500_000).Draw(t, "ppm"), Inside: rapid.Bool().Draw(t, "inside"),
		Fixed: money.Of(small.Draw(t, "fixed")), Minimum: money.Of(small.Draw(t, "minimum")),
	}
	if rapid.Bool().Draw(t, "bounded") {
		s.Maximum, _ = s.Minimum.Add(money.Of(small.Draw(t, "above")))
	}
	return &pricing.Book{Markets: markets, Pairs: []fx.Pair{p}, Fees: []fee.Schedule{s}}, p, markets["AAA/BBB"]
}

func anyAsk(t *rapid.T, p fx.Pair) pricing.Ask {
	a := pricing.Ask{Merchant: shop, From: p.From, To: p.From, Form: rapid.SampledFrom([]fx.Form{fx.SendForm, fx.ReceiveForm}).Draw(t, "form")}
	if rapid.Bool().Draw(t, "exchange") {
		a.To = p.To
	}
	return a
}

// worth is what an amount is worth in the other currency at the market's bid, in its
// smallest units, exactly.
func worth(t *rapid.T, p fx.Pair, m fx.Market, a money.Amount) *big.Rat {
	r, ok := new(big.Rat).SetString(m.Bid.PerMinor(p.From, p.To).String())
	if !ok {
		t.Fatal(m.Bid)
	}
	return r.Mul(r, new(big.Rat).SetInt(a.Big()))
}

// Net and fee are gross, what was fixed is what comes out, and nobody gets more than
// what he gives is worth.
func TestCase34_NothingIsGivenAway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, p, m := anyBook(t)
		a := anyAsk(t, p)
		a.Amount = money.Of(rapid.Uint64Range(1, 1<<60).Draw(t, "amount"))
		got, err := b.For(context.Background(), a)
		if err != nil {
			if code := fault.CodeOf(err); code != "amount_below_fee" && code != "amount_too_small" && code != "amount_overflow" {
				t.Fatal(err)
			}
			return
		}
		if sum, err := got.Charge.Net.Add(got.Charge.Fee); err != nil || sum != got.Charge.Gross {
			t.Fatalf("%s + %s is not %s", got.Charge.Net, got.Charge.Fee, got.Charge.Gross)
		}
		fixed := got.Charge.Net
		switch {
		case a.Form == fx.ReceiveForm:
			fixed = got.Receive
		case got.Schedule.Inside:
			fixed = got.Charge.Gross
		}
		if fixed != a.Amount {
			t.Fatalf("%s was fixed, and is %s", a.Amount, fixed)
		}
		if a.To.Code == a.From.Code {
			if got.Receive != got.Charge.Net {
				t.Fatalf("%s is paid out of %s", got.Receive, got.Charge.Net)
			}
			return
		}
		if got.Deal.Send != got.Charge.Net || got.Deal.Receive != got.Receive {
			t.Fatalf("the deal %+v is not %+v", got.Deal, got.Charge)
		}
		if worth(t, p, m, got.Charge.Net).Cmp(new(big.Rat).SetInt(got.Receive.Big())) < 0 {
			t.Fatalf("%s is received for %s", got.Receive, got.Charge.Net)
		}
	})
}

// A withdrawal in parts, fees with their minimum and maximum and the exchange included,
// pays out no more and takes no less than the whole.
func TestCase34_PartsGainNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, p, _ := anyBook(t)
		a := anyAsk(t, p)
		parts := rapid.SliceOfN(rapid.Uint64Range(1, 1<<50), 2, 8).Draw(t, "parts")
		whole, gave, got := money.Amount{}, new(big.Int), new(big.Int)
		for _, n := range parts {
			a.Amount = money.Of(n)
			whole, _ = whole.Add(a.Amount)
			x, err := b.For(context.Background(), a)
			if err != nil {
				return // nothing comes of a part
			}
			gave.Add(gave, x.Charge.Gross.Big())
			got.Add(got, x.Receive.Big())
		}
		a.Amount = whole
		x, err := b.For(context.Background(), a)
		if err != nil {
			t.Fatalf("every part goes, the whole does not: %v", err)
		}
		if gave.Cmp(x.Charge.Gross.Big()) < 0 || got.Cmp(x.Receive.Big()) > 0 {
			t.Fatalf("the parts give %s for %s, the whole gives %s for %s", gave, got, x.Charge.Gross, x.Receive)
		}
	})
}

// What a quote fixed holds, whatever the market and the schedules do; what comes of the
// network's fee is of now.
func TestQuoted(t *testing.T) {
	b := &pricing.Book{Fees: []fee.Schedule{{Key: fee.Key{Currency: "EUR"}, PPM: 500_000, Carry: fee.Flat, CarryAmount: money.Of(3)}}}
	for _, inside := range []bool{false, true} {
		q := quote.Quote{Seq: 1, Send: money.Of(9_900), Receive: money.Of(108_791_100), Fee: money.Of(100), FeeInside: inside}
		got, err := b.Quoted(t.Context(), pricing.Ask{Merchant: shop, From: eur, To: usdt, Network: "ethereum"}, q)
		if err != nil {
			t.Fatal(err)
		}
		var cmd withdrawal.Create
		got.Fill(&cmd, usdt)
		if got.Charge.Gross != money.Of(10_000) || got.Charge.Net != q.Send || got.Receive != q.Receive || cmd.Fee != q.Fee || cmd.FeeInside != inside ||
			cmd.Deal != nil || cmd.NetworkRate != withdrawal.NetworkFlat || cmd.NetworkHold != money.Of(3) {
			t.Errorf("%+v, %+v", got, cmd)
		}
	}
	if _, err := (*pricing.Book)(nil).Quoted(t.Context(), pricing.Ask{From: eur, To: usdt}, quote.Quote{}); fault.CodeOf(err) != "exchange_unavailable" {
		t.Error(err)
	}
}

// house is what the wallets were seen to have.
type house struct {
	have money.Amount
	at   time.Time
	ok   bool
}

func (h house) Spendable(string, string) (money.Amount, time.Time, bool) { return h.have, h.at, h.ok }

// case-29: what the wallets do not hold is not promised.
func TestCanPay(t *testing.T) {
	for _, c := range []struct {
		name  string
		house house
		want  string
	}{
		{"just enough", house{money.Of(10), noon.Add(-time.Minute), true}, ""},
		{"one unit short", house{money.Of(9), noon, true}, "liquidity_short"},
		{"a reading too old", house{money.Of(1 << 60), noon.Add(-time.Minute - 1), true}, "liquidity_unknown"},
		{"nobody looked", house{}, "liquidity_unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &pricing.Book{Funds: c.house, FundsMaxAge: time.Minute, Now: func() time.Time { return noon }}
			if err := b.CanPay("ethereum", usdt, money.Of(10)); (c.want != "" || err != nil) && fault.CodeOf(err) != c.want {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

var errDown = errors.New("the database is away")

// broken schedules cannot be read.
type broken struct{}

func (broken) Fees(context.Context, id.ID) ([]fee.Stored, error) { return nil, errDown }

func TestUnreadFeesAreNoFreeWithdrawal(t *testing.T) {
	b := &pricing.Book{Own: broken{}}
	if _, err := b.For(t.Context(), pricing.Ask{Merchant: shop, From: eur, To: eur, Amount: money.Of(1)}); fault.CodeOf(err) != "store_unavailable" {
		t.Error(err)
	}
}
