package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"sluice/internal/fx"
)

// BinanceURL is the public market data service of Binance.
const BinanceURL = "https://data-api.binance.vision"

// Binance reads GET /api/v3/ticker/bookTicker for all its symbols at once. The
// answer carries no time; a price counts from the moment it was asked for. A symbol
// that is not traded has prices of zero there, which are refused.
type Binance struct {
	client  *client
	symbols []Symbol
}

var _ fx.Source = (*Binance)(nil)

// NewBinance makes a source; names are Binance's symbols ("BTCEUR").
func NewBinance(h HTTP, symbols []Symbol) (*Binance, error) {
	c, err := newClient(h, BinanceURL)
	if err = errors.Join(err, checkSymbols(symbols)); err != nil {
		return nil, fmt.Errorf("binance: %w", err)
	}
	return &Binance{c, symbols}, nil
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
	names := make([]string, len(b.symbols))
	for i, s := range b.symbols {
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
	var answer []binanceTicker
	if err := decode(body, &answer); err != nil {
		return nil, err
	}
	told := map[string]binanceTicker{}
	for _, t := range answer {
		if _, twice := told[t.Symbol]; twice {
			return nil, fmt.Errorf("the answer has %.20q twice", t.Symbol)
		}
		told[t.Symbol] = t
	}
	return each(b.symbols, func(s Symbol) (fx.Tick, error) {
		t, ok := told[s.Name]
		if !ok {
			return fx.Tick{}, errors.New("the answer does not have it")
		}
		return tick(b.Name(), s, t.Bid, t.Ask, at)
	})
}
