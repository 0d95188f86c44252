package cli

import (
	"context"
	"time"

	"sluice/internal/app"
	"sluice/internal/fault"
	"sluice/internal/pricing/fx"
)

// ratesTimeout bounds the check of one source of prices.
const ratesTimeout = 15 * time.Second

// rates asks every source of prices once, and then looks whether every pair has a market.
func (d *doctor) rates() {
	x := d.conf.Exchange
	if len(x.Sources) == 0 {
		return
	}
	feeds, err := app.RateFeeds(d.conf)
	if err != nil {
		d.fail("rates", err.Error(), "correct exchange.sources")
		return
	}
	var ticks []fx.Tick
	for _, f := range feeds {
		ctx, cancel := context.WithTimeout(d.ctx, ratesTimeout)
		got, err := f.Source.Fetch(ctx)
		cancel()
		check := "rates of " + f.Source.Name()
		switch {
		case err != nil && len(got) > 0:
			d.warn(check, "look at its symbols or paths", "%d prices, but: %v", len(got), err)
		case err != nil:
			d.fail(check, err.Error(), "is the service reachable from here? Nothing is exchanged with too few sources")
		default:
			d.ok(check, "%d prices", len(got))
		}
		ticks = append(ticks, got...)
	}
	policy := d.conf.RatePolicy()
	for _, p := range d.conf.ExchangePairs() {
		check := "rate " + p.From.Code + "/" + p.To.Code
		m, err := policy.Market(time.Now(), ticks, p.From.Code, p.To.Code)
		if err != nil {
			d.fail(check, fault.Of(err).Message, "add a source, or correct exchange.max_age and exchange.max_spread_bps")
			continue
		}
		if len(m.Sources) == 1 {
			d.warn(check, "add a second source, so that a wrong price is noticed", "%s, told by %s alone", m.Bid.Text(8), m.Sources[0])
			continue
		}
		d.ok(check, "%s, told by %d sources", m.Bid.Text(8), len(m.Sources))
	}
}
