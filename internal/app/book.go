package app

import (
	"context"
	"log/slog"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/payout"
	"sluice/internal/store"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
	"sluice/internal/withdrawal/waiting"
)

// book tells what stands in the database: how long things have waited, and whether
// the books balance. A scrape costs a few look-ups per shard, never a scan; the
// trial balance is a scan and is made by run, rarely.
type book struct {
	store  *store.DB
	assets money.Assets
	every  time.Duration // between two trial balances; 0: none
	log    *slog.Logger

	oldest, unknown, outbox, pending, disabled, behind, imbalance, waits, person, halted *prometheus.Desc

	mu    sync.Mutex
	trial map[string]*big.Int // by currency, in minor units; nil before the first
}

func newBook(db *store.DB, assets money.Assets, every time.Duration, log *slog.Logger) *book {
	return &book{
		store: db, assets: assets, every: every, log: log,
		oldest:    prometheus.NewDesc("sluice_oldest_age_seconds", "How long the longest-waiting withdrawal of a state has been due.", []string{"state"}, nil),
		unknown:   prometheus.NewDesc("sluice_unknown_outcome", "Withdrawals that are processing and need a look: their outcome is not established.", nil, nil),
		outbox:    prometheus.NewDesc("sluice_outbox_lag_seconds", "Age of the oldest event that has not become webhooks yet.", nil, nil),
		pending:   prometheus.NewDesc("sluice_webhook_oldest_pending_seconds", "How long the longest-waiting webhook has been due.", nil, nil),
		disabled:  prometheus.NewDesc("sluice_webhook_endpoints_disabled", "Webhook endpoints that are disabled.", nil, nil),
		behind:    prometheus.NewDesc("sluice_webhook_endpoints_behind", "Webhook endpoints that are held back: too much waits for them, and the rest stays in the event log.", nil, nil),
		waits:     prometheus.NewDesc("sluice_withdrawals_waiting", "Open withdrawals that wait for something, by what.", []string{"network", "reason"}, nil),
		halted:    prometheus.NewDesc("sluice_wallet_halted", "1 while a wallet pays nothing new since payouts that were final are gone from the chain, else 0.", []string{"wallet", "network"}, nil),
		person:    prometheus.NewDesc("sluice_waiting_for_person", "Things that wait for a person; `sluice waiting` lists them.", []string{"kind"}, nil),
		imbalance: prometheus.NewDesc("sluice_ledger_imbalance", "What all balances and house accounts add up to, in minor units. Must be 0.", []string{"asset"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (b *book) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{b.oldest, b.unknown, b.outbox, b.pending, b.disabled, b.behind, b.imbalance, b.waits, b.person, b.halted} {
		out <- d
	}
}

// scrapeTimeout bounds the look-ups of one scrape.
const scrapeTimeout = 5 * time.Second

// openStates are the states in which a withdrawal waits for something.
var openStates = []withdrawal.State{withdrawal.New, withdrawal.Review, withdrawal.Queued, withdrawal.Processing}

// Collect implements prometheus.Collector. What cannot be read is left out.
func (b *book) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	if err := b.collect(ctx, time.Now(), func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}); err != nil {
		b.log.Warn("metrics cannot be read", "error", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for asset, sum := range b.trial {
		f, _ := new(big.Float).SetInt(sum).Float64() // for a graph: only zero or not zero matters
		out <- prometheus.MustNewConstMetric(b.imbalance, prometheus.GaugeValue, f, asset)
	}
}

func (b *book) collect(ctx context.Context, now time.Time, gauge func(*prometheus.Desc, float64, ...string)) error {
	for _, state := range openStates {
		age, err := b.age(now, func(s id.Shard) (time.Time, error) { return b.store.OldestOpen(ctx, s, state) })
		if err != nil {
			return err
		}
		gauge(b.oldest, age, string(state))
	}
	for d, oldest := range map[*prometheus.Desc]func(id.Shard) (time.Time, error){
		b.outbox:  func(s id.Shard) (time.Time, error) { return b.store.OldestUntold(ctx, s) },
		b.pending: func(s id.Shard) (time.Time, error) { return b.oldestDelivery(ctx, s) },
	} {
		age, err := b.age(now, oldest)
		if err != nil {
			return err
		}
		gauge(d, age)
	}
	for d, count := range map[*prometheus.Desc]func(context.Context, id.Shard) (int64, error){
		b.unknown: b.store.NeedingALook, b.disabled: b.store.DisabledEndpoints, b.behind: b.store.EndpointsBehind,
	} {
		total := int64(0)
		for n := range b.store.Shards() {
			c, err := count(ctx, id.Shard(n))
			if err != nil {
				return err
			}
			total += c
		}
		gauge(d, float64(total))
	}
	if err := b.wallets(ctx, gauge); err != nil {
		return err
	}
	return b.waiting(ctx, gauge)
}

// wallets tells which wallets pay nothing new before an operator has looked.
func (b *book) wallets(ctx context.Context, gauge func(*prometheus.Desc, float64, ...string)) error {
	all, err := b.store.Wallets(ctx)
	if err != nil {
		return err
	}
	halted, err := b.store.Halted(ctx)
	if err != nil {
		return err
	}
	for _, w := range all {
		v := 0.0
		if slices.ContainsFunc(halted, func(s payout.Stand) bool { return s.Wallet == w.Seq }) {
			v = 1
		}
		gauge(b.halted, v, w.Text(), w.Network)
	}
	return nil
}

// waiting tells what keeps withdrawals, and what a person has to do.
func (b *book) waiting(ctx context.Context, gauge func(*prometheus.Desc, float64, ...string)) error {
	groups, err := b.store.WaitingGroups(ctx)
	if err != nil {
		return err
	}
	for _, g := range groups {
		gauge(b.waits, float64(g.Count), g.Network, g.Reason)
	}
	items, err := waiting.List(ctx, b.store, b.assets)
	if err != nil {
		return err
	}
	kinds := map[waiting.Kind]float64{}
	for _, kind := range waiting.Kinds {
		kinds[kind] = 0
	}
	for _, i := range items {
		kinds[i.Kind]++
	}
	for kind, n := range kinds {
		gauge(b.person, n, string(kind))
	}
	return nil
}

// oldestDelivery is when the longest-waiting webhook of a shard was due. It costs
// look-ups per endpoint that has something waiting, not per webhook.
func (b *book) oldestDelivery(ctx context.Context, shard id.Shard) (first time.Time, err error) {
	endpoints, err := b.store.WaitingEndpoints(ctx, shard)
	for _, e := range endpoints {
		for _, at := range e.At {
			if e.Endpoint.State == webhook.Enabled && !at.IsZero() && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	return first, err
}

// age is the largest age over all shards, 0 for none. What is scheduled for later
// has no age.
func (b *book) age(now time.Time, oldest func(id.Shard) (time.Time, error)) (float64, error) {
	most := time.Duration(0)
	for n := range b.store.Shards() {
		at, err := oldest(id.Shard(n))
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
