package source

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"sluice/internal/pricing/fx"
)

// CoinbaseURL is the public service of Coinbase Exchange.
const CoinbaseURL = "https://api.exchange.coinbase.com"

// Coinbase reads GET /products/{product}/ticker. The time is that of the last trade:
// where nobody trades, a price gets old and stops counting.
type Coinbase struct {
	client  *client
	symbols []Symbol
}

var _ fx.Source = (*Coinbase)(nil)

// NewCoinbase makes a source; names are product ids ("BTC-EUR").
func NewCoinbase(h HTTP, symbols []Symbol) (*Coinbase, error) {
	c, err := newClient(h, CoinbaseURL)
	if err = errors.Join(err, checkSymbols(symbols)); err != nil {
		return nil, fmt.Errorf("coinbase: %w", err)
	}
	return &Coinbase{c, symbols}, nil
}

// Name implements fx.Source.
func (c *Coinbase) Name() string { return "coinbase" }

// Fetch implements fx.Source.
func (c *Coinbase) Fetch(ctx context.Context) ([]fx.Tick, error) {
	return each(c.symbols, func(s Symbol) (fx.Tick, error) {
		body, _, err := c.client.get(ctx, "/products/"+url.PathEscape(s.Name)+"/ticker")
		if err != nil {
			return fx.Tick{}, err
		}
		var a struct {
			Bid  string `json:"bid"`
			Ask  string `json:"ask"`
			Time string `json:"time"`
		}
		if err := decode(body, &a); err != nil {
			return fx.Tick{}, err
		}
		at, err := time.Parse(time.RFC3339Nano, a.Time)
		if err != nil {
			return fx.Tick{}, fmt.Errorf("time: %w", err)
		}
		return tick(c.Name(), s, a.Bid, a.Ask, at)
	})
}
