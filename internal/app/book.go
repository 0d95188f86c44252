package app

import (
	"context"
	"log/slog"
	"math/big"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/store"
	"sluice/internal/withdrawal"
)

// book tells what stands in the database: how long things have waited, and whether
// the books balance. A scrape costs a few look-ups per shard, never a scan; the
// trial balance is a scan and is made by run, rarely.
type book struct {
	store  *store.DB
	assets money.Assets
	every  time.Duration // between two trial balances; 0: none
	log    *slog.Logger

	oldest, outbox, imbalance *prometheus.Desc

	mu    sync.Mutex
	trial map[string]*big.Int // by currency, in minor units; nil before the first
}

func newBook(db *store.DB, assets money.Assets, every time.Duration, log *slog.Logger) *book {
	return &book{
		store: db, assets: assets, every: every, log: log,
		oldest:    prometheus.NewDesc("sluice_oldest_age_seconds", "How long the longest-waiting withdrawal of a state has been due.", []string{"state"}, nil),
		outbox:    prometheus.NewDesc("sluice_outbox_lag_seconds", "Age of the oldest event that has not become webhooks yet.", nil, nil),
		imbalance: prometheus.NewDesc("sluice_ledger_imbalance", "What all balances and house accounts add up to, in minor units. Must be 0.", []string{"asset"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (b *book) Describe(out chan<- *prometheus.Desc) {
	out <- b.oldest
	out <- b.outbox
	out <- b.imbalance
}

// scrapeTimeout bounds the look-ups of one scrape.
const scrapeTimeout = 5 * time.Second

// waiting are the states in which a withdrawal waits for something.
var waiting = []withdrawal.State{withdrawal.New, withdrawal.Review, withdrawal.Queued, withdrawal.Processing}

// Collect implements prometheus.Collector. What cannot be read is left out.
func (b *book) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	now := time.Now()
	for _, state := range waiting {
		age, err := b.age(now, func(s id.Shard) (time.Time, error) { return b.store.OldestOpen(ctx, s, state) })
		if err != nil {
			b.log.Warn("metrics cannot be read", "error", err)
			return
		}
		out <- prometheus.MustNewConstMetric(b.oldest, prometheus.GaugeValue, age, string(state))
	}
	lag, err := b.age(now, func(s id.Shard) (time.Time, error) { return b.store.OldestUntold(ctx, s) })
	if err != nil {
		b.log.Warn("metrics cannot be read", "error", err)
		return
	}
	out <- prometheus.MustNewConstMetric(b.outbox, prometheus.GaugeValue, lag)
	b.mu.Lock()
	defer b.mu.Unlock()
	for asset, sum := range b.trial {
		f, _ := new(big.Float).SetInt(sum).Float64() // for a graph: only zero or not zero matters
		out <- prometheus.MustNewConstMetric(b.imbalance, prometheus.GaugeValue, f, asset)
	}
}

// age is the largest age over all shards, 0 for none. What is scheduled for later
// has no age.
func (b *book) age(now time.Time, oldest func(id.Shard) (time.Time, error)) (float64, error) {
	most := time.Duration(0)
	for n := range b.store.Shards() {
		at, err := oldest(id.Shard(n)) //nolint:gosec // fewer than id.MaxShards
		if err != nil {
			return 0, err
		}
		if !at.IsZero() {
			most = max(most, now.Sub(at))
		}
	}
	return most.Seconds(), nil
}

// run makes a trial balance at the start and then again and again, until ctx ends.
func (b *book) run(ctx context.Context) error {
	if b.every <= 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(b.every)
	defer tick.Stop()
	for {
		b.balance(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (b *book) balance(ctx context.Context) {
	sums, err := b.store.TrialBalance(ctx)
	if err != nil {
		if ctx.Err() == nil {
			b.log.Warn("the trial balance cannot be made", "error", err)
		}
		return
	}
	for code := range b.assets {
		if sums[code] == nil {
			sums[code] = new(big.Int)
		}
	}
	for code, sum := range sums {
		if sum.Sign() != 0 {
			b.log.Error("the books do not balance: stop paying out and run `sluice verify`", "asset", code, "minor_units", sum.String())
		}
	}
	b.mu.Lock()
	b.trial = sums
	b.mu.Unlock()
}
