package fx

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/fault"
)

// Tick is one price as one source told it.
type Tick struct {
	Base, Quote string // currency codes as this installation writes them
	Bid         Rate   // what the market pays for one base
	Ask         Rate   // what the market takes for one base; equal to Bid when the source has one price only
	At          time.Time
	Source      string
}

// Validate tells what is wrong with a tick. Adapters call it on what they read.
func (t Tick) Validate() error {
	switch {
	case t.Base == "" || t.Quote == "" || t.Base == t.Quote:
		return fmt.Errorf("a price of %q in %q: want two different currencies", t.Base, t.Quote)
	case t.Bid.IsZero() || t.Ask.IsZero():
		return fmt.Errorf("%s/%s: want a bid and an ask above zero", t.Base, t.Quote)
	case t.Ask.Cmp(t.Bid) < 0:
		return fmt.Errorf("%s/%s: the ask %s is below the bid %s", t.Base, t.Quote, t.Ask.Text(8), t.Bid.Text(8))
	case t.At.IsZero() || t.Source == "":
		return fmt.Errorf("%s/%s: want a time and a source", t.Base, t.Quote)
	}
	return nil
}

// Inverse is the same price seen from the other currency.
func (t Tick) Inverse() Tick {
	return Tick{Base: t.Quote, Quote: t.Base, Bid: t.Ask.Inverse(), Ask: t.Bid.Inverse(), At: t.At, Source: t.Source}
}

// Source is where ticks come from: the port of internal/pricing/fx/source. Fetch gives the
// prices that could be read, and an error for those that could not; it may give both.
type Source interface {
	Name() string
	Fetch(ctx context.Context) ([]Tick, error)
}

// Market is what a pair is worth now, from all sources together.
type Market struct {
	Base, Quote string
	Bid, Ask    Rate
	At          time.Time // of the oldest price that counted
	GoodUntil   time.Time // when the first price that counted becomes too old
	Sources     []string  // whose prices counted, in alphabetical order
	Via         string    // the pivot currency of a cross rate; "" for none
}

// Markets gives the market of a pair now, or refuses with rate_unavailable,
// rate_stale or rate_disagreement. It is what callers of exchange depend on.
type Markets interface {
	Market(base, quote string) (Market, error)
}

// MaxAhead is how far in the future a price may lie: clocks differ a little. A price
// from further ahead is not believed.
const MaxAhead = 5 * time.Second

// DefaultOwnSpread is Policy.MaxOwnSpread where nobody says otherwise: five percent.
const DefaultOwnSpread = 500

// Policy says when several prices make a market.
type Policy struct {
	MaxAge       time.Duration            // older prices do not count; must be above zero
	MaxAgeOf     map[string]time.Duration // exceptions by source: a daily file is a day old by nature
	MaxSpread    int                      // basis points between the lowest and the highest source; 0: none at all
	MaxOwnSpread int                      // basis points between the bid and the ask of one source, which does not count above that; 0 is DefaultOwnSpread
	MinSources   int                      // sources that must count; 0 is 1
	MinSourcesOf map[string]int           // exceptions by pair, "EUR/USD", for both directions of it
	Pivots       []string                 // currencies to cross through, tried in this order, for pairs that no source prices
}

// Validate tells what is wrong with a policy that somebody configured.
func (p Policy) Validate() error {
	if p.MaxAge <= 0 {
		return fmt.Errorf("maximum age %s: want a duration above zero", p.MaxAge)
	}
	for s, d := range p.MaxAgeOf {
		if d <= 0 {
			return fmt.Errorf("maximum age %s of %s: want a duration above zero", d, s)
		}
	}
	if p.MaxSpread < 0 || p.MaxSpread >= basis {
		return fmt.Errorf("maximum spread %d basis points: want 0 to %d", p.MaxSpread, basis-1)
	}
	if p.MaxOwnSpread < 0 || p.MaxOwnSpread >= basis {
		return fmt.Errorf("maximum spread of one source %d basis points: want 0 to %d", p.MaxOwnSpread, basis-1)
	}
	if p.MinSources < 0 {
		return fmt.Errorf("%d sources: want 0 or more", p.MinSources)
	}
	for pair, n := range p.MinSourcesOf {
		base, quote, ok := strings.Cut(pair, "/")
		if !ok || base == "" || quote == "" || n < 1 {
			return fmt.Errorf("%d sources of %q: want 1 or more, of a pair like EUR/USD", n, pair)
		}
	}
	return nil
}

// Market combines ticks to the market of a pair at the time now. Prices of the
// pair count in both directions; only when there are none at all, fresh or not, a
// pivot is tried. It refuses with rate_unavailable (nobody prices the pair, or too
// few do), rate_stale (too few prices are fresh) or rate_disagreement (sources are
// too far apart). It never falls back on an older price or on the one source that
// seems right.
func (p Policy) Market(now time.Time, ticks []Tick, base, quote string) (Market, error) {
	if base == quote {
		return Market{}, fault.New(fault.Invalid, "same_currency", "an exchange needs two different currencies, not %s twice", base)
	}
	if of := latest(ticks, base, quote); len(of) > 0 {
		return p.combine(now, of)
	}
	for _, pivot := range p.Pivots {
		first, second := latest(ticks, base, pivot), latest(ticks, pivot, quote)
		if pivot == base || pivot == quote || len(first) == 0 || len(second) == 0 {
			continue
		}
		a, err := p.combine(now, first)
		if err != nil {
			return Market{}, err
		}
		b, err := p.combine(now, second)
		if err != nil {
			return Market{}, err
		}
		return cross(a, b), nil
	}
	return Market{}, fault.New(fault.Unavailable, "rate_unavailable", "there is no price of %s in %s now; nothing was done, try again later", base, quote)
}

func cross(a, b Market) Market {
	m := Market{
		Base: a.Base, Quote: b.Quote, Bid: a.Bid.Cross(b.Bid), Ask: a.Ask.Cross(b.Ask), At: a.At, GoodUntil: a.GoodUntil,
		Sources: append(slices.Clone(a.Sources), b.Sources...), Via: a.Quote,
	}
	if b.At.Before(m.At) {
		m.At = b.At
	}
	if b.GoodUntil.Before(m.GoodUntil) {
		m.GoodUntil = b.GoodUntil
	}
	slices.Sort(m.Sources)
	m.Sources = slices.Compact(m.Sources)
	return m
}

// latest gives the valid ticks of a pair, seen from base, one per source: a source has one
// voice, and its last word counts. At the same time the direct price is the one that counts.
func latest(ticks []Tick, base, quote string) []Tick {
	var out []Tick
	take := func(t Tick) {
		i := slices.IndexFunc(out, func(o Tick) bool { return o.Source == t.Source })
		switch {
		case i < 0:
			out = append(out, t)
		case t.At.After(out[i].At):
			out[i] = t
		}
	}
	for _, t := range ticks {
		if t.Base == base && t.Quote == quote && t.Validate() == nil {
			take(t)
		}
	}
	for _, t := range ticks {
		if t.Base == quote && t.Quote == base && t.Validate() == nil {
			take(t.Inverse())
		}
	}
	return out
}

// combine makes a market of the ticks of one pair, one per source.
func (p Policy) combine(now time.Time, ticks []Tick) (Market, error) {
	base, quote, least := ticks[0].Base, ticks[0].Quote, p.minSources(ticks[0])
	if len(ticks) < least {
		return Market{}, fault.New(fault.Unavailable, "rate_unavailable", "%d of the %d sources needed price %s in %s now; nothing was done, try again later",
			len(ticks), least, base, quote)
	}
	var fresh []Tick
	var wide error
	m := Market{Base: base, Quote: quote}
	for _, t := range ticks {
		until := t.At.Add(p.maxAge(t.Source))
		if now.After(until) || t.At.After(now.Add(MaxAhead)) {
			continue
		}
		if err := p.Believes(t); err != nil {
			wide = err
			continue
		}
		if m.At.IsZero() || t.At.Before(m.At) {
			m.At = t.At
		}
		if m.GoodUntil.IsZero() || until.Before(m.GoodUntil) {
			m.GoodUntil = until
		}
		fresh = append(fresh, t)
		m.Sources = append(m.Sources, t.Source)
	}
	if len(fresh) < least && wide != nil {
		return Market{}, fault.New(fault.Unavailable, "rate_disagreement", "too few sources of the price of %s in %s can be believed: %v; nothing was done, try again later",
			base, quote, wide)
	}
	if len(fresh) < least {
		return Market{}, fault.New(fault.Unavailable, "rate_stale", "the price of %s in %s is too old: %d of the %d sources needed are up to date; nothing was done, try again later",
			base, quote, len(fresh), least)
	}
	bids, asks := sorted(fresh, func(t Tick) Rate { return t.Bid }), sorted(fresh, func(t Tick) Rate { return t.Ask })
	if apart(bids, p.MaxSpread) || apart(asks, p.MaxSpread) {
		return Market{}, fault.New(fault.Unavailable, "rate_disagreement", "the sources of the price of %s in %s (%s) are too far apart; nothing was done, try again later",
			base, quote, strings.Join(m.Sources, ", "))
	}
	// The median; of an even number the middle one that is worse for the caller.
	// It is a price that somebody really told.
	m.Bid, m.Ask = bids[(len(bids)-1)/2], asks[len(asks)/2]
	slices.Sort(m.Sources)
	return m, nil
}

// Believes tells why a tick does not count by itself: its bid and ask are so far apart
// that neither is a price, as they are in an empty order book.
func (p Policy) Believes(t Tick) error {
	most := p.MaxOwnSpread
	if most == 0 {
		most = DefaultOwnSpread
	}
	if apart([]Rate{t.Bid, t.Ask}, most) {
		return fmt.Errorf("%s says that %s/%s is bid at %s and asked at %s, more than %d basis points apart", t.Source, t.Base, t.Quote, t.Bid.Text(8), t.Ask.Text(8), most)
	}
	return nil
}

func (p Policy) maxAge(source string) time.Duration {
	if d, ok := p.MaxAgeOf[source]; ok {
		return d
	}
	return p.MaxAge
}

func (p Policy) minSources(t Tick) int {
	for _, pair := range []string{t.Base + "/" + t.Quote, t.Quote + "/" + t.Base} {
		if n, ok := p.MinSourcesOf[pair]; ok {
			return n
		}
	}
	return max(p.MinSources, 1)
}

func sorted(ticks []Tick, of func(Tick) Rate) []Rate {
	out := make([]Rate, len(ticks))
	for i, t := range ticks {
		out[i] = of(t)
	}
	slices.SortFunc(out, Rate.Cmp)
	return out
}

// apart tells whether the lowest of sorted rates lies more than bps below the highest.
func apart(rates []Rate, bps int) bool {
	floor, err := rates[len(rates)-1].Less(bps)
	return err != nil || rates[0].Cmp(floor) < 0
}
