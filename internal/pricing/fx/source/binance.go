package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"sluice/internal/pricing/fx"
)

// BinanceURL is the public market data service of Binance.
const BinanceURL = "https://data-api.binance.vision"

// Binance reads GET /api/v3/ticker/bookTicker for all its symbols at once. The
// answer carries no time; a price counts from the moment it was asked for. A symbol
// that is not traded has prices of zero there, which are refused. A list with one
// symbol that is gone is refused whole; then each is asked for alone, and what is
// refused alone stays out of the list for as long as it is.
type Binance struct {
	client  *client
	symbols []Symbol

	mu   sync.Mutex
	gone map[string]bool // by the venue's name: refused alone the last time
}

var _ fx.Source = (*Binance)(nil)

// NewBinance makes a source; names are Binance's symbols ("BTCEUR").
func NewBinance(h HTTP, symbols []Symbol) (*Binance, error) {
	c, err := newClient(h, BinanceURL)
	if err = errors.Join(err, checkSymbols(symbols)); err != nil {
		return nil, fmt.Errorf("binance: %w", err)
	}
	return &Binance{client: c, symbols: symbols, gone: map[string]bool{}}, nil
}

// Name implements fx.Source.
func (b *Binance) Name() string { return "binance" }

type binanceTicker struct {
	Symbol string `json:"symbol"`
	Bid    string `json:"bidPrice"`
	Ask    string `json:"askPrice"`
}

// Fetch implements fx.Source.
func (b *Binance) Fetch(ctx context.Context) ([]fx.Tick, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list, alone []Symbol
	for _, s := range b.symbols {
		if b.gone[s.Name] {
			alone = append(alone, s)
		} else {
			list = append(list, s)
		}
	}
	var ticks []fx.Tick
	var failed []error
	if len(list) > 0 {
		told, err := b.ask(ctx, list)
		switch {
		case refused(err) && len(list) > 1:
			alone = append(alone, list...)
		case err != nil:
			b.gone[list[0].Name] = refused(err)
			failed = append(failed, err)
		}
		ticks = append(ticks, told...)
	}
	more, err := each(alone, func(s Symbol) (fx.Tick, error) {
		told, err := b.ask(ctx, []Symbol{s})
		b.gone[s.Name] = refused(err)
		if err != nil || len(told) != 1 {
			return fx.Tick{}, err
		}
		return told[0], nil
	})
	return append(ticks, more...), errors.Join(append(failed, err)...)
}

// ask asks for symbols in one request.
func (b *Binance) ask(ctx context.Context, symbols []Symbol) ([]fx.Tick, error) {
	names := make([]string, len(symbols))
	for i, s := range symbols {
		names[i] = s.Name
	}
	list, err := json.Marshal(names)
	if err != nil {
		return nil, err
	}
	body, at, err := b.client.get(ctx, "/api/v3/ticker/bookTicker?symbols="+url.QueryEscape(string(list)))
	if err != nil {
		return nil, err
	}
	var answer []json.RawMessage
	if err := decode(body, &answer); err != nil {
		return nil, err
	}
	told := map[string][]binanceTicker{}
	for _, raw := range answer {
		var t binanceTicker
		// What cannot be read is missing below; what is around it counts.
		if decode(raw, &t) == nil {
			told[t.Symbol] = append(told[t.Symbol], t)
		}
	}
	return each(symbols, func(s Symbol) (fx.Tick, error) {
		t, err := only(told[s.Name], "answer")
		if err != nil {
			return fx.Tick{}, err
		}
		return tick(b.Name(), s, t.Bid, t.Ask, at)
	})
}
