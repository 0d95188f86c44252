package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fx"
	"sluice/internal/pricing/fx/source"
)

// RateFeeds makes the configured sources of prices. It asks nobody.
func RateFeeds(conf config.Config) ([]source.Feed, error) {
	var out []source.Feed
	for i, s := range conf.Exchange.Sources {
		src, err := rateSource(s)
		if err != nil {
			return nil, fault.Bad("config_invalid", fmt.Sprintf("exchange.sources[%d]", i), "%v", err)
		}
		out = append(out, source.Feed{Source: src, Every: s.Every.Std()})
	}
	return out, nil
}

func rateSource(s config.RateSource) (fx.Source, error) {
	h := source.HTTP{BaseURL: strings.TrimSuffix(s.URL.Reveal(), "/")}
	if s.Kind == config.SourceJSON {
		h.BaseURL = s.URL.Reveal()
	}
	if s.HeaderName != "" {
		h.Header = map[string]string{s.HeaderName: s.HeaderValue.Reveal()}
	}
	var symbols []source.Symbol
	for _, pair := range slices.Sorted(maps.Keys(s.Symbols)) {
		base, quote, _ := strings.Cut(pair, "/")
		symbols = append(symbols, source.Symbol{Base: base, Quote: quote, Name: s.Symbols[pair]})
	}
	switch s.Kind {
	case config.SourceFixed:
		var rates []source.FixedRate
		for _, pair := range slices.Sorted(maps.Keys(s.Rates)) {
			base, quote, _ := strings.Cut(pair, "/")
			rates = append(rates, source.FixedRate{Base: base, Quote: quote, Price: s.Rates[pair]})
		}
		return source.NewFixed(s.Name, rates)
	case config.SourceKraken:
		return source.NewKraken(h, symbols)
	case config.SourceCoinbase:
		return source.NewCoinbase(h, symbols)
	case config.SourceBinance:
		return source.NewBinance(h, symbols)
	case config.SourceECB:
		return source.NewECB(h, s.Currencies)
	}
	return source.NewJSON(s.Name, h, readings(s))
}

// readings are the prices of a JSON source.
func readings(s config.RateSource) []source.Reading {
	pairs := map[string]bool{}
	for _, m := range []map[string]string{s.Prices, s.Bids, s.Asks} {
		for pair := range m {
			pairs[pair] = true
		}
	}
	var out []source.Reading
	for _, pair := range slices.Sorted(maps.Keys(pairs)) {
		base, quote, _ := strings.Cut(pair, "/")
		out = append(out, source.Reading{
			Base: base, Quote: quote, Price: s.Prices[pair], Bid: s.Bids[pair], Ask: s.Asks[pair], Time: s.Time, TimeFormat: s.TimeFormat,
		})
	}
	return out
}

// newTerms makes what withdrawals and quotes are priced with, and the workers behind it.
func (a *App) newTerms() error {
	b := &pricing.Book{
		Pairs: a.conf.ExchangePairs(), Fees: a.conf.FeeSchedules(), Own: a.Store, FeeAssets: map[string]money.Asset{}, FundsMaxAge: a.conf.Exchange.FundsMaxAge.Std(),
	}
	for name, r := range a.rails {
		if asset, ok := a.Assets[r.FeeAsset()]; ok {
			b.FeeAssets[name] = asset
		}
	}
	feeds, err := RateFeeds(a.conf)
	if err != nil {
		return err
	}
	if len(feeds) > 0 {
		if a.rates, err = source.NewPoller(a.conf.RatePolicy(), feeds, a.log); err != nil {
			return err
		}
		b.Markets = a.rates
		a.metrics.registry.MustRegister(newRateMetrics(a.rates))
	}
	if a.treasury != nil {
		b.Costs = newCosts(a.rails, a.treasury)
	}
	if len(b.Pairs) > 0 {
		b.Funds = noFunds{}
		if a.treasury != nil {
			b.Funds = a.treasury
		}
	}
	a.terms = b
	return nil
}

// rateMetrics tells how the sources of prices are doing.
type rateMetrics struct {
	poller       *source.Poller
	up, age, num *prometheus.Desc
}

func newRateMetrics(p *source.Poller) rateMetrics {
	return rateMetrics{
		poller: p,
		up:     prometheus.NewDesc("sluice_rate_source_up", "1 while the source of prices answered without an error the last time.", []string{"source"}, nil),
		age:    prometheus.NewDesc("sluice_rate_source_age_seconds", "Time since the source of prices last answered without an error.", []string{"source"}, nil),
		num:    prometheus.NewDesc("sluice_rate_source_prices", "Prices that the source has told.", []string{"source"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (m rateMetrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.up
	out <- m.age
	out <- m.num
}

// Collect implements prometheus.Collector.
func (m rateMetrics) Collect(out chan<- prometheus.Metric) {
	for _, s := range m.poller.States() {
		up := 0.0
		if s.Err == nil && !s.AskedAt.IsZero() {
			up = 1
		}
		out <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, up, s.Source)
		out <- prometheus.MustNewConstMetric(m.num, prometheus.GaugeValue, float64(s.Prices), s.Source)
		if !s.OKAt.IsZero() {
			out <- prometheus.MustNewConstMetric(m.age, prometheus.GaugeValue, time.Since(s.OKAt).Seconds(), s.Source)
		}
	}
}

// noFunds is what a process knows that has no networks: nothing.
type noFunds struct{}

// Spendable implements terms.Funds.
func (noFunds) Spendable(string, string) (money.Amount, time.Time, bool) {
	return money.Amount{}, time.Time{}, false
}
