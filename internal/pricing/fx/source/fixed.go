package source

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/pricing/fx"
)

// FixedRate is one line of a fixed table.
type FixedRate struct {
	Base, Quote string
	Price       string // decimal text: quote per one base
}

// Fixed is a table that the operator wrote. It is the operator's word and therefore
// never out of date.
type Fixed struct {
	name  string
	ticks []fx.Tick
}

var _ fx.Source = (*Fixed)(nil)

// NewFixed makes a fixed source.
func NewFixed(name string, rates []FixedRate) (*Fixed, error) {
	f := &Fixed{name: name}
	for _, r := range rates {
		t, err := tick(name, Symbol{Base: r.Base, Quote: r.Quote, Name: r.Base + "/" + r.Quote}, r.Price, r.Price, time.Unix(0, 0))
		if err != nil {
			return nil, fmt.Errorf("fixed rates: %w", err)
		}
		f.ticks = append(f.ticks, t)
	}
	return f, nil
}

// Name implements fx.Source.
func (f *Fixed) Name() string { return f.name }

// Fetch implements fx.Source.
func (f *Fixed) Fetch(context.Context) ([]fx.Tick, error) {
	out, now := make([]fx.Tick, len(f.ticks)), time.Now().UTC()
	for i, t := range f.ticks {
		t.At = now
		out[i] = t
	}
	return out, nil
}
