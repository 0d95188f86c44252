package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"sluice/internal/pricing/fx"
)

// KrakenURL is the public service of Kraken.
const KrakenURL = "https://api.kraken.com"

// Kraken reads GET /0/public/Ticker. The answer carries no time; a price counts
// from the moment it was asked for.
type Kraken struct {
	client  *client
	symbols []Symbol
}

var _ fx.Source = (*Kraken)(nil)

// NewKraken makes a source; names are Kraken's pair names ("XBTEUR").
func NewKraken(h HTTP, symbols []Symbol) (*Kraken, error) {
	c, err := newClient(h, KrakenURL)
	if err = errors.Join(err, checkSymbols(symbols)); err != nil {
		return nil, fmt.Errorf("kraken: %w", err)
	}
	return &Kraken{c, symbols}, nil
}

// Name implements fx.Source.
func (k *Kraken) Name() string { return "kraken" }

type krakenAnswer struct {
	Error  []string              `json:"error"`
	Result map[string]krakenPair `json:"result"`
}

type krakenPair struct {
	Ask []string `json:"a"` // price, whole lot volume, lot volume
	Bid []string `json:"b"`
}

// Fetch implements fx.Source. Every pair is asked for alone: the answer names pairs
// otherwise than the question ("XXBTZEUR"), and only alone is it certain which is meant.
func (k *Kraken) Fetch(ctx context.Context) ([]fx.Tick, error) {
	return each(k.symbols, func(s Symbol) (fx.Tick, error) {
		body, at, err := k.client.get(ctx, "/0/public/Ticker?pair="+url.QueryEscape(s.Name))
		if err != nil {
			return fx.Tick{}, err
		}
		var a krakenAnswer
		if err := decode(body, &a); err != nil {
			return fx.Tick{}, err
		}
		if len(a.Error) > 0 {
			return fx.Tick{}, fmt.Errorf("the answer is an error: %.200q", strings.Join(a.Error, ", "))
		}
		if len(a.Result) != 1 {
			return fx.Tick{}, fmt.Errorf("the answer has %d pairs, not one", len(a.Result))
		}
		r := slices.Collect(maps.Values(a.Result))[0] // under whatever name the exchange gives it
		if len(r.Bid) != 3 || len(r.Ask) != 3 {
			return fx.Tick{}, errors.New("the answer has no bid or no ask of three parts")
		}
		return tick(k.Name(), s, r.Bid[0], r.Ask[0], at)
	})
}

// each asks for one symbol after the other and gives what could be read together
// with the errors of what could not.
func each(symbols []Symbol, ask func(Symbol) (fx.Tick, error)) ([]fx.Tick, error) {
	var out []fx.Tick
	var failed []error
	for _, s := range symbols {
		t, err := ask(s)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", s.Name, err))
			continue
		}
		out = append(out, t)
	}
	return out, errors.Join(failed...)
}

// only gives the one thing that a document (what) says of a symbol. More than one, or
// none, is an error of that symbol alone.
func only[T any](told []T, what string) (one T, err error) {
	switch len(told) {
	case 0:
		return one, fmt.Errorf("the %s does not have it", what)
	case 1:
		return told[0], nil
	}
	return one, fmt.Errorf("the %s has it %d times", what, len(told))
}
