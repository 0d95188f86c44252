package app

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/id"
	"sluice/internal/store"
	"sluice/internal/store/chain"
)

// anchors writes the head of the chain to a file outside the database, again and again.
type anchors struct {
	store *store.DB
	path  string
	every time.Duration // 0: never
	log   *slog.Logger
	last  map[id.Shard]int64 // versions that were written
	at    atomic.Int64       // when that was, in microseconds; 0: not yet
}

func (a *App) newAnchors(ctx context.Context) error {
	a.anchors = &anchors{store: a.Store, path: a.conf.AnchorFile(), every: a.conf.Chain.AnchorEvery.Std(), log: a.log, last: map[id.Shard]int64{}}
	if a.anchors.path == "" {
		a.anchors.every = 0
	}
	a.metrics.registry.MustRegister(a.anchors)
	if a.anchors.every == 0 {
		return nil
	}
	return nil
}

var anchorAge = prometheus.NewDesc("sluice_chain_anchor_age_seconds",
	"How long ago the head of the books' chain was written down outside the database; 0 before the first time, and where it never is.", nil, nil)

// Describe implements prometheus.Collector.
func (a *anchors) Describe(out chan<- *prometheus.Desc) { out <- anchorAge }

// Collect implements prometheus.Collector.
func (a *anchors) Collect(out chan<- prometheus.Metric) {
	age := time.Duration(0)
	if at := a.at.Load(); at != 0 {
		age = time.Since(time.UnixMicro(at))
	}
	out <- prometheus.MustNewConstMetric(anchorAge, prometheus.GaugeValue, age.Seconds())
}

// run writes until ctx ends.
func (a *anchors) run(ctx context.Context) error {
	if a.every == 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(a.every)
	defer tick.Stop()
	for {
		a.write(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// write adds an anchor for every shard whose chain went on. A disk that is full must not
// stop payouts: the age of the last anchor tells.
func (a *anchors) write(ctx context.Context) {
	if a.every == 0 {
		return
	}
	now := time.Now()
	all, err := a.store.Anchors(ctx, now, "")
	var news []chain.Anchor
	for _, x := range all {
		if a.last[x.Shard] != x.Version {
			news = append(news, x)
		}
	}
	if err == nil && len(news) > 0 {
		err = chain.AppendAnchors(a.path, news)
	}
	if err != nil {
		if ctx.Err() == nil {
			a.log.Error("the head of the chain cannot be written down", "file", a.path, "error", err)
		}
		return
	}
	for _, x := range news {
		a.last[x.Shard] = x.Version
	}
	a.at.Store(now.UnixMicro())
}
