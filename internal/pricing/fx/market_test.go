package fx_test

import (
	"strings"
	"testing"
	"time"

	"sluice/internal/fault"
	"sluice/internal/pricing/fx"
)

// tick is written "source base/quote bid/ask seconds-old".
func tick(t testing.TB, s string) fx.Tick {
	t.Helper()
	f := strings.Fields(s)
	base, quote, _ := strings.Cut(f[1], "/")
	bid, ask, _ := strings.Cut(f[2], "/")
	age, err := time.ParseDuration(f[3])
	if err != nil {
		t.Fatal(err)
	}
	return fx.Tick{Source: f[0], Base: base, Quote: quote, Bid: fx.MustRate(bid), Ask: fx.MustRate(ask), At: noon.Add(-age)}
}

var policy = fx.Policy{
	MaxAge: time.Minute, MaxAgeOf: map[string]time.Duration{"daily": 96 * time.Hour}, MaxSpread: 100, MinSources: 2, Pivots: []string{"EUR", "USD"},
}

func TestMarket(t *testing.T) {
	for _, c := range []struct {
		name  string
		least int
		ticks string
		want  string // "bid/ask age sources via", or the code of the refusal
	}{
		{"one source", 1, "a BTC/EUR 100/101 1s", "100.00/101.00 1s a "},
		{"one source where two are needed", 2, "a BTC/EUR 100/101 1s", "rate_unavailable"},
		{"nobody", 1, "a BTC/USD 100/101 1s", "rate_unavailable"},
		{"median of three", 2, "a BTC/EUR 100/101 1s; b BTC/EUR 100.5/100.6 3s; c BTC/EUR 100.9/101.2 2s", "100.50/101.00 3s a,b,c "},
		{"of two the worse one for the caller", 2, "b BTC/EUR 100.5/100.6 3s; a BTC/EUR 100/101 1s", "100.00/101.00 3s a,b "},
		{"inverse", 1, "a EUR/BTC 0.01/0.0104 1s", "96.15/100.00 1s a "},
		{"direct and inverse together", 2, "a BTC/EUR 100/101 1s; b EUR/BTC 0.0099/0.01 1s", "100.00/101.01 1s a,b "},
		{"a source has one voice", 2, "a BTC/EUR 100/101 1s; a EUR/BTC 0.0099/0.01 1s", "rate_unavailable"},
		{"its last word counts", 1, "a BTC/EUR 90/91 5s; a BTC/EUR 100/101 1s; a BTC/EUR 80/81 7s", "100.00/101.00 1s a "},
		{"exactly the maximum apart", 2, "a BTC/EUR 99/99 1s; b BTC/EUR 100/100 1s", "99.00/100.00 1s a,b "},
		{"too far apart", 2, "a BTC/EUR 98.99/100 1s; b BTC/EUR 100/100 1s", "rate_disagreement"},
		{"asks too far apart", 2, "a BTC/EUR 100/100 1s; b BTC/EUR 100/101.1 1s", "rate_disagreement"},
		{"two against one is still disagreement", 2, "a BTC/EUR 100/100 1s; b BTC/EUR 100/100 1s; c BTC/EUR 200/200 1s", "rate_disagreement"},
		{"a stale one does not count", 2, "a BTC/EUR 100/101 1s; b BTC/EUR 100/101 60s; c BTC/EUR 50/50 61s", "100.00/101.00 60s a,b "},
		{"too few fresh ones", 2, "a BTC/EUR 100/101 1s; b BTC/EUR 100/101 61s", "rate_stale"},
		{"all stale", 1, "a BTC/EUR 100/101 2m", "rate_stale"},
		{"a daily source may be older", 1, "daily BTC/EUR 100/101 90h", "100.00/101.00 90h daily "},
		{"but not for ever", 1, "daily BTC/EUR 100/101 97h", "rate_stale"},
		{"a little ahead", 1, "a BTC/EUR 100/101 -5s", "100.00/101.00 -5s a "},
		{"from the future", 1, "a BTC/EUR 100/101 -6s", "rate_stale"},
		{"cross", 1, "a BTC/USD 100/104 1s; b USD/EUR 0.5/0.52 4s", "50.00/54.08 4s a,b USD"},
		{"cross with an inverse leg", 1, "a BTC/USD 100/104 1s; daily EUR/USD 1.25/1.3 1h", "76.92/83.20 1h a,daily USD"},
		{"cross with a stale leg", 1, "a BTC/USD 100/104 1s; b USD/EUR 0.5/0.52 61s", "rate_stale"},
		{"cross with legs that disagree", 1, "a BTC/USD 100/104 1s; c BTC/USD 200/208 1s; b USD/EUR 0.5/0.52 1s", "rate_disagreement"},
		{"a stale direct price is not replaced by a cross", 1, "c BTC/EUR 99/99 61s; a BTC/USD 100/104 1s; b USD/EUR 0.5/0.52 4s", "rate_stale"},
		{"f25: bid and ask of one source as far apart as they may be", 1, "a BTC/EUR 95/100 1s", "95.00/100.00 1s a "},
		{"f25: bid and ask of the only source are far apart", 1, "a BTC/EUR 94.99/100 1s", "rate_disagreement"},
		{"f25: so are those of an inverse price", 1, "a EUR/BTC 0.01/0.02 1s", "rate_disagreement"},
		{"f25: such a source moves no median", 2, "a BTC/EUR 100/101 1s; b BTC/EUR 100/101 2s; c BTC/EUR 1/5000 1s", "100.00/101.00 2s a,b "},
		{"f25: and does not count", 2, "a BTC/EUR 100/101 1s; c BTC/EUR 1/5000 1s", "rate_disagreement"},
		{"f25: nor in a cross", 1, "a BTC/USD 100/104 1s; b USD/EUR 0.1/0.9 4s", "rate_disagreement"},
		{"a crossed book does not count", 1, "a BTC/EUR 101/100 1s", "rate_unavailable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var ticks []fx.Tick
			for _, s := range strings.Split(c.ticks, "; ") {
				ticks = append(ticks, tick(t, s))
			}
			p := policy
			p.MinSources = c.least
			m, err := p.Market(noon, ticks, "BTC", "EUR")
			if err != nil {
				if f := fault.Of(err); f.Code != c.want || f.Kind != fault.Unavailable {
					t.Fatalf("%s: %v; want %s", f.Code, err, c.want)
				}
				return
			}
			age := noon.Sub(m.At)
			f := strings.Split(c.want, " ")
			if len(f) != 4 {
				t.Fatalf("%+v; want %s", m, c.want)
			}
			want, err := time.ParseDuration(f[1])
			if err != nil {
				t.Fatal(err)
			}
			if m.Bid.Text(2)+"/"+m.Ask.Text(2) != f[0] || age != want || strings.Join(m.Sources, ",") != f[2] || m.Via != f[3] || m.Base != "BTC" || m.Quote != "EUR" {
				t.Errorf("%s/%s, %s old, of %v via %q; want %s", m.Bid.Text(2), m.Ask.Text(2), age, m.Sources, m.Via, c.want)
			}
			if m.GoodUntil.Before(noon) {
				t.Errorf("good until %s, which is over", m.GoodUntil)
			}
		})
	}
}

func TestMarketIsGoodUntilItsFirstPriceIsTooOld(t *testing.T) {
	ticks := []fx.Tick{tick(t, "daily BTC/EUR 100/100 1h"), tick(t, "a BTC/EUR 100/100 20s"), tick(t, "b BTC/EUR 100/100 10s")}
	m, err := policy.Market(noon, ticks, "BTC", "EUR")
	if err != nil || !m.GoodUntil.Equal(noon.Add(40*time.Second)) || !m.At.Equal(noon.Add(-time.Hour)) {
		t.Errorf("good until %s, of %s, %v", m.GoodUntil, m.At, err)
	}
}

func TestAPairMayNeedFewerSourcesThanOthers(t *testing.T) {
	ticks := []fx.Tick{tick(t, "daily EUR/USD 1.25/1.25 1h"), tick(t, "a BTC/USD 100/100 1s")}
	p := policy
	p.MinSourcesOf = map[string]int{"EUR/USD": 1}
	for _, pair := range [][2]string{{"EUR", "USD"}, {"USD", "EUR"}} {
		if _, err := p.Market(noon, ticks, pair[0], pair[1]); err != nil {
			t.Errorf("%v: %v", pair, err)
		}
	}
	if _, err := p.Market(noon, ticks, "BTC", "USD"); fault.CodeOf(err) != "rate_unavailable" {
		t.Errorf("BTC/USD: %v", err)
	}
	if _, err := p.Market(noon, ticks, "BTC", "EUR"); fault.CodeOf(err) != "rate_unavailable" {
		t.Errorf("BTC/EUR, of which one half has too few sources: %v", err)
	}
}

func TestSameCurrency(t *testing.T) {
	if _, err := policy.Market(noon, nil, "EUR", "EUR"); fault.CodeOf(err) != "same_currency" {
		t.Error(err)
	}
}

func TestPolicyValidate(t *testing.T) {
	if err := policy.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*fx.Policy){
		"no age":               func(p *fx.Policy) { p.MaxAge = 0 },
		"no age of a source":   func(p *fx.Policy) { p.MaxAgeOf = map[string]time.Duration{"a": 0} },
		"spread below zero":    func(p *fx.Policy) { p.MaxSpread = -1 },
		"spread of everything": func(p *fx.Policy) { p.MaxSpread = 10_000 },
		"own spread":           func(p *fx.Policy) { p.MaxOwnSpread = 10_000 },
		"sources below zero":   func(p *fx.Policy) { p.MinSources = -1 },
		"no source of a pair":  func(p *fx.Policy) { p.MinSourcesOf = map[string]int{"EUR/USD": 0} },
		"sources of no pair":   func(p *fx.Policy) { p.MinSourcesOf = map[string]int{"EUR": 1} },
	} {
		p := policy
		change(&p)
		if p.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
