package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/fx"
	"sluice/internal/fx/source"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/store"
	"sluice/internal/terms"
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
	b := &terms.Book{
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
	if len(b.Pairs) > 0 {
		a.funds = newFunds(a.Store, a.rails, a.log)
		b.Funds = a.funds
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

// funds remembers what the wallets can pay: what they hold on their networks, less
// what is owed to withdrawals that are accepted and not at their end.
type funds struct {
	store *store.DB
	rails map[string]rail.Rail
	log   *slog.Logger

	mu   sync.Mutex
	have map[[2]string]money.Amount // by network and currency
	at   map[string]time.Time       // by network
}

var _ terms.Funds = (*funds)(nil)

func newFunds(db *store.DB, rails map[string]rail.Rail, log *slog.Logger) *funds {
	return &funds{store: db, rails: rails, log: log, have: map[[2]string]money.Amount{}, at: map[string]time.Time{}}
}

// Spendable implements terms.Funds.
func (f *funds) Spendable(network, currency string) (money.Amount, time.Time, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, ok := f.at[network]
	return f.have[[2]string{network, currency}], at, ok
}

// fundsEvery is how often the wallets are looked at, and fundsTimeout bounds one look.
const (
	fundsEvery   = 10 * time.Second
	fundsTimeout = 20 * time.Second
)

// run looks at the wallets again and again, until ctx ends.
func (f *funds) run(ctx context.Context) error {
	tick := time.NewTicker(fundsEvery)
	defer tick.Stop()
	for {
		f.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look reads every network once. One that cannot be read keeps its last reading,
// which grows old.
func (f *funds) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, fundsTimeout)
	defer cancel()
	wallets, err := f.store.Wallets(ctx)
	if err != nil {
		f.warn(ctx, "", err)
		return
	}
	for name, r := range f.rails {
		now := time.Now()
		sum := map[string]money.Amount{}
		for _, w := range wallets {
			if w.Network != name || err != nil {
				continue
			}
			var held map[string]money.Amount
			if held, err = r.Balance(ctx, w.Address); err == nil {
				err = addUp(sum, held)
			}
		}
		if err == nil {
			err = f.lessOwed(ctx, name, sum)
		}
		if err != nil {
			f.warn(ctx, name, err)
			err = nil
			continue
		}
		f.mu.Lock()
		f.at[name] = now
		for _, code := range r.Assets() {
			f.have[[2]string{name, code}] = sum[code]
		}
		f.mu.Unlock()
	}
}

func (f *funds) warn(ctx context.Context, network string, err error) {
	if ctx.Err() == nil {
		f.log.Warn("what the wallets hold cannot be read: exchange is refused when the last reading is too old", "network", network, "error", err)
	}
}

func addUp(sum, more map[string]money.Amount) error {
	for code, a := range more {
		total, err := sum[code].Add(a)
		if err != nil {
			return err
		}
		sum[code] = total
	}
	return nil
}

// lessOwed takes off what accepted withdrawals are still to be paid.
func (f *funds) lessOwed(ctx context.Context, network string, sum map[string]money.Amount) error {
	owed, err := f.store.Owed(ctx, network)
	if err != nil {
		return err
	}
	for code, a := range owed {
		left, err := sum[code].Sub(a)
		if err != nil {
			left = money.Amount{} // more is owed than is there
		}
		sum[code] = left
	}
	return nil
}
