package fx_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/pricing/fx"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func market(base, quote, bid, ask string) fx.Market {
	return fx.Market{Base: base, Quote: quote, Bid: fx.MustRate(bid), Ask: fx.MustRate(ask), At: noon, GoodUntil: noon.Add(time.Minute), Sources: []string{"a"}}
}

func TestDeals(t *testing.T) {
	m := market("BTC", "EUR", "77314.2644445", "77400")
	for _, c := range []struct {
		name          string
		spread        int
		form          fx.Form
		amount        string
		send, receive string
		price         string
	}{
		{"what is given", 0, fx.SendForm, "0.02", "0.02000000", "1546.28", "77314.00000000"},
		{"what is got", 0, fx.ReceiveForm, "1546.28", "0.01999994", "1546.28", "77314.23194270"},
		{"what is got, rounded up", 0, fx.ReceiveForm, "1546.29", "0.02000007", "1546.29", "77314.22940020"},
		{"spread", 100, fx.SendForm, "0.02", "0.02000000", "1530.82", "76541.00000000"},
		{"spread, what is got", 100, fx.ReceiveForm, "1530.82", "0.01999997", "1530.82", "76541.11481167"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := fx.Pair{From: btc, To: eur, Spread: c.spread}
			var d fx.Deal
			var err error
			if c.form == fx.SendForm {
				d, err = p.Send(m, parse(t, btc, c.amount))
			} else {
				d, err = p.Receive(m, parse(t, eur, c.amount))
			}
			if err != nil {
				t.Fatal(err)
			}
			if btc.Format(d.Send) != c.send || eur.Format(d.Receive) != c.receive || d.Price(8) != c.price || d.Form != c.form || d.Check() != nil {
				t.Errorf("%s BTC for %s EUR at %s (%v); want %s, %s, %s", btc.Format(d.Send), eur.Format(d.Receive), d.Price(8), d.Check(), c.send, c.receive, c.price)
			}
		})
	}
}

func TestDealsAreRefused(t *testing.T) {
	m := market("BTC", "EUR", "50000", "50010")
	p := fx.Pair{From: btc, To: eur, MinSend: parse(t, btc, "0.003"), MinReceive: parse(t, eur, "200.00")}
	free := fx.Pair{From: btc, To: eur}
	for _, c := range []struct {
		name    string
		do      func() (fx.Deal, error)
		code    string
		field   string
		minimum string
	}{
		{"below the sender's minimum", func() (fx.Deal, error) { return p.Send(m, parse(t, btc, "0.00299999")) }, "amount_too_small", "send_amount", "0.00300000"},
		{"below the receiver's minimum", func() (fx.Deal, error) { return p.Send(m, parse(t, btc, "0.00399999")) }, "amount_too_small", "receive_amount", "200.00"},
		{"receiver form below the sender's minimum", func() (fx.Deal, error) { return p.Receive(m, parse(t, eur, "1.00")) }, "amount_too_small", "send_amount", "0.00300000"},
		{"nothing comes out", func() (fx.Deal, error) { return free.Send(m, money.Of(1)) }, "amount_too_small", "receive_amount", "0.01"},
		{"nothing goes in", func() (fx.Deal, error) { return free.Send(m, money.Of(0)) }, "amount_too_small", "send_amount", "0.00000001"},
		{"nothing is asked for", func() (fx.Deal, error) { return free.Receive(m, money.Of(0)) }, "amount_too_small", "send_amount", "0.00000001"},
	} {
		_, err := c.do()
		f := fault.Of(err)
		if f == nil || f.Code != c.code || len(f.Fields) != 1 || f.Fields[0].Path != c.field || f.Extra["minimum"] != c.minimum {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
	if _, err := p.Send(m, parse(t, btc, "0.00400000")); err != nil {
		t.Errorf("at the minimum: %v", err)
	}
	if _, err := free.Send(market("EUR", "BTC", "1", "1"), money.Of(1)); err == nil {
		t.Error("a deal was made at the market of another pair")
	}
	if _, err := free.Send(fx.Market{Base: "BTC", Quote: "EUR"}, money.Of(1)); fault.CodeOf(err) != "rate_missing" {
		t.Errorf("no price: %v", err)
	}
}

func TestPairValidate(t *testing.T) {
	for _, c := range []struct {
		pair fx.Pair
		ok   bool
	}{
		{fx.Pair{From: eur, To: btc}, true},
		{fx.Pair{From: eur, To: btc, Spread: fx.MaxSpread}, true},
		{fx.Pair{From: eur, To: btc, Spread: fx.MaxSpread + 1}, false},
		{fx.Pair{From: eur, To: btc, Spread: -1}, false},
		{fx.Pair{From: eur, To: eur}, false},
		{fx.Pair{From: eur, To: money.Asset{Code: "x"}}, false},
	} {
		if err := c.pair.Validate(); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.pair, err)
		}
	}
}

func TestDealCheckRefusesWhatDoesNotFollow(t *testing.T) {
	d, err := fx.Pair{From: btc, To: eur}.Send(market("BTC", "EUR", "50000", "50010"), parse(t, btc, "1"))
	if err != nil || d.Check() != nil {
		t.Fatal(err, d.Check())
	}
	for name, change := range map[string]func(*fx.Deal){
		"one cent more":          func(d *fx.Deal) { d.Receive = parse(t, eur, "50000.01") },
		"one satoshi less":       func(d *fx.Deal) { d.Send = parse(t, btc, "0.99999999") },
		"a rate over the market": func(d *fx.Deal) { d.Rate = fx.MustRate("50000.01") },
		"nothing given":          func(d *fx.Deal) { d.Send = money.Of(0) },
		"nothing got":            func(d *fx.Deal) { d.Receive = money.Of(0) },
		"no rate":                func(d *fx.Deal) { d.Rate = fx.Rate{} },
	} {
		broken := d
		change(&broken)
		if broken.Check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// One unit of what is given may be worth more than an amount can hold.
func TestDealCheckKnowsNoOverflow(t *testing.T) {
	p := fx.Pair{From: yen, To: eth}
	d, err := p.Receive(market("JPY", "ETH", "1e30", "1e30"), money.Of(5))
	if err != nil || d.Send != money.Of(1) || d.Check() != nil {
		t.Errorf("%s for %s: %v, %v", d.Send, d.Receive, err, d.Check())
	}
}

// world is any pair in any market.
type world struct {
	pair    fx.Pair
	market  fx.Market
	reverse fx.Pair
	back    fx.Market
}

func genWorld() *rapid.Generator[world] {
	return rapid.Custom(func(t *rapid.T) world {
		a, b := genAsset("AAA").Draw(t, "a"), genAsset("BBB").Draw(t, "b")
		bid := genRate().Draw(t, "bid")
		lower, err := bid.Less(rapid.IntRange(0, 9999).Draw(t, "width"))
		if err != nil {
			t.Fatal(err)
		}
		m := fx.Market{Base: a.Code, Quote: b.Code, Bid: lower, Ask: bid}
		spread := rapid.IntRange(0, fx.MaxSpread).Draw(t, "spread")
		return world{
			pair: fx.Pair{From: a, To: b, Spread: spread}, market: m,
			reverse: fx.Pair{From: b, To: a, Spread: spread},
			back:    fx.Market{Base: b.Code, Quote: a.Code, Bid: m.Ask.Inverse(), Ask: m.Bid.Inverse()},
		}
	})
}

func genAmount(name string, t *rapid.T) money.Amount {
	return money.Of(rapid.Uint64Range(1, 1<<60).Draw(t, name))
}

// An order cut into any number of parts, in either form, gives the caller at most what the
// whole order gives, and takes at least as much.
func TestCase34_SplittingAnOrderGainsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := genWorld().Draw(t, "world")
		var total, got, paid money.Amount
		parts := rapid.IntRange(1, 40).Draw(t, "parts")
		add := func(to *money.Amount, v money.Amount) {
			sum, err := to.Add(v)
			if err != nil {
				t.Skip("more than an amount can hold")
			}
			*to = sum
		}
		receive := rapid.Bool().Draw(t, "receiver form")
		for range parts {
			part := money.Of(rapid.Uint64Range(1, 1<<50).Draw(t, "part"))
			add(&total, part)
			if receive {
				d, err := w.pair.Receive(w.market, part)
				if err != nil {
					t.Skip(err)
				}
				add(&paid, d.Send)
			} else if d, err := w.pair.Send(w.market, part); err == nil {
				add(&got, d.Receive)
			} // a part too small to give anything is refused: it cannot gain either
		}
		if receive {
			d, err := w.pair.Receive(w.market, total)
			if err == nil && paid.Less(d.Send) {
				t.Fatalf("%d parts cost %s, the whole costs %s", parts, paid, d.Send)
			}
			return
		}
		d, err := w.pair.Send(w.market, total)
		if err == nil && d.Receive.Less(got) {
			t.Fatalf("%d parts give %s, the whole gives %s", parts, got, d.Receive)
		}
	})
}

// One amount in a thousand parts, at the rates and scales where a unit is worth most.
func TestCase34_AThousandParts(t *testing.T) {
	for _, c := range []struct {
		from, to money.Asset
		bid      string
		part     uint64
	}{
		{eur, btc, "0.0000129339", 1}, {btc, eur, "77314.2644445", 1300}, {eth, eur, "3000.01", 3_333_333_333_333}, {usdt, yen, "163.9", 6101}, {yen, eth, "0.0000020333", 1},
	} {
		p, m := fx.Pair{From: c.from, To: c.to, Spread: 25}, market(c.from.Code, c.to.Code, c.bid, "1e30")
		var parts money.Amount
		for range 1000 {
			if d, err := p.Send(m, money.Of(c.part)); err == nil {
				parts, _ = parts.Add(d.Receive)
			}
		}
		whole, err := p.Send(m, money.Of(c.part*1000))
		if err != nil || whole.Receive.Less(parts) {
			t.Errorf("%s to %s: parts give %s, the whole %s (%v)", c.from.Code, c.to.Code, parts, whole.Receive, err)
		}
	}
}

// Whoever exchanges there and back has at most what was there before, in all four
// combinations of the forms.
func TestCase34_RoundTripNeverGains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := genWorld().Draw(t, "world")
		amount := genAmount("amount", t)
		var there fx.Deal
		var err error
		if rapid.Bool().Draw(t, "there by receive") {
			there, err = w.pair.Receive(w.market, amount)
		} else {
			there, err = w.pair.Send(w.market, amount)
		}
		if err != nil {
			t.Skip(err)
		}
		if err := there.Check(); err != nil {
			t.Fatal(err)
		}
		if back, err := w.reverse.Send(w.back, there.Receive); err == nil && there.Send.Less(back.Receive) {
			t.Fatalf("%s became %s", there.Send, back.Receive)
		}
		if back, err := w.reverse.Receive(w.back, there.Send); err == nil && back.Send.Less(there.Receive) {
			t.Fatalf("%s was bought back for %s of %s", there.Send, back.Send, there.Receive)
		}
	})
}

// The two forms are one price: asking for what a deal gives costs no more than that
// deal and gives the same; and a minor unit less would not be enough.
func TestFormsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := genWorld().Draw(t, "world")
		sent, err := w.pair.Send(w.market, genAmount("amount", t))
		if err != nil {
			t.Skip(err)
		}
		asked, err := w.pair.Receive(w.market, sent.Receive)
		if err != nil {
			t.Fatal(err)
		}
		if sent.Send.Less(asked.Send) {
			t.Fatalf("%s gives %s, but asking for that costs %s", sent.Send, sent.Receive, asked.Send)
		}
		again, err := w.pair.Send(w.market, asked.Send)
		if err != nil || again.Receive != sent.Receive {
			t.Fatalf("%s gives %s (%v); want %s", asked.Send, again.Receive, err, sent.Receive)
		}
		less, err := asked.Send.Sub(money.Of(1))
		if err != nil {
			t.Fatal(err)
		}
		if d, err := w.pair.Send(w.market, less); err == nil && !d.Receive.Less(sent.Receive) {
			t.Fatalf("%s would have been enough for %s", less, sent.Receive)
		}
	})
}
