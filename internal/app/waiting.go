package app

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/fault/outage"
	"sluice/internal/money"
	"sluice/internal/withdrawal/waiting"
)

// lookout tells the log what begins to wait for a person, and what no longer does: each once.
type lookout struct {
	read   waiting.Reader
	assets money.Assets
	log    *slog.Logger
	wake   chan struct{} // something changed

	items  map[string]waiting.Item
	groups map[string]waiting.Group
}

// How often the lookout looks: soon after something changed here, and now and then because
// of what others change.
const (
	lookEvery = 5 * time.Second
	lookSoon  = time.Second
)

func newLookout(read waiting.Reader, assets money.Assets, log *slog.Logger) *lookout {
	return &lookout{read: read, assets: assets, log: log, wake: make(chan struct{}, 1)}
}

// changed makes the lookout look soon. It never blocks; a nil lookout never looks.
func (l *lookout) changed() {
	if l == nil {
		return
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run looks until ctx ends.
func (l *lookout) run(ctx context.Context) error {
	soon, tick := time.NewTicker(lookSoon), time.NewTicker(lookEvery)
	defer soon.Stop()
	defer tick.Stop()
	for {
		if err := l.look(ctx); err != nil && ctx.Err() == nil {
			l.log.Warn("what waits cannot be read", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			continue
		case <-soon.C:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-l.wake:
		}
	}
}

func (l *lookout) look(ctx context.Context) error {
	items, err := waiting.List(ctx, l.read, l.assets)
	if err != nil {
		return err
	}
	now := map[string]waiting.Item{}
	for _, i := range items {
		if i.Kind == waiting.Booking || i.Kind == waiting.Outflow || strings.HasPrefix(i.Reason, "bank_") {
			continue // told by whoever found it
		}
		now[i.Key()] = i
		if _, known := l.items[i.Key()]; !known {
			l.log.Warn("something waits for a person: `sluice waiting` shows it", "kind", string(i.Kind), "subject", i.Subject, "reason", i.Reason,
				"text", i.Text, "ends_with", strings.Join(i.Commands, " | "))
		}
	}
	for key, i := range l.items {
		if _, still := now[key]; !still {
			l.log.Warn("it no longer waits for a person", "kind", string(i.Kind), "subject", i.Subject, "reason", i.Reason)
		}
	}
	l.items = now
	return l.lookAtGroups(ctx)
}

// silent are reasons that have lines of their own, or that are nothing out of the ordinary.
var silent = map[string]bool{"node_unavailable": true, "signer_unavailable": true, "bank_closed": true, "not_advancing": true, "waits_behind": true}

// lookAtGroups tells of what passes by itself, such as a limit of the signer.
func (l *lookout) lookAtGroups(ctx context.Context) error {
	groups, err := l.read.WaitingGroups(ctx)
	if err != nil {
		return err
	}
	now := map[string]waiting.Group{}
	for _, g := range groups {
		key := g.Network + " " + g.Reason
		if silent[g.Reason] || !waiting.Passes(g.Reason) {
			continue
		}
		now[key] = g
		if _, known := l.groups[key]; !known {
			l.log.Warn("withdrawals wait, and go on by themselves", "network", g.Network, "reason", g.Reason, "withdrawals", g.Count)
		}
	}
	for key, g := range l.groups {
		if _, still := now[key]; !still {
			l.log.Warn("withdrawals no longer wait", "network", g.Network, "reason", g.Reason)
		}
	}
	l.groups = now
	return nil
}

// out tells metrics what is out now.
type out struct {
	book *outage.Book
	desc *prometheus.Desc
}

func newOut(b *outage.Book) out {
	return out{b, prometheus.NewDesc("sluice_outage", "How much of a kind is out: a node or a bank (by network), the database, the signer, dispatches that do not advance.",
		[]string{"what", "network"}, nil)}
}

// Describe implements prometheus.Collector.
func (o out) Describe(to chan<- *prometheus.Desc) { to <- o.desc }

// Collect implements prometheus.Collector. The database is always there, so that a rule can
// tell a process that works from one that is gone.
func (o out) Collect(to chan<- prometheus.Metric) {
	count := map[[2]string]float64{{outage.Database, ""}: 0}
	for _, s := range o.book.Open() {
		key := [2]string{s.What, ""}
		if s.What == outage.Node || s.What == outage.Bank {
			key[1] = s.Name
		}
		count[key]++
	}
	for key, n := range count {
		to <- prometheus.MustNewConstMetric(o.desc, prometheus.GaugeValue, n, key[0], key[1])
	}
}
