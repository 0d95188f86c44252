package app

import (
	"context"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/commit"
	"sluice/internal/fault/outage"
)

// HoldStop makes the stop delay last until release is closed, and closes begun when
// it begins.
func (a *App) HoldStop(begun chan<- struct{}, release <-chan struct{}) {
	a.pause = func(context.Context, time.Duration) {
		close(begun)
		<-release
	}
}

// MetricLabels are the labels of every metric of Sluice, by its name.
func MetricLabels() map[string][]string {
	out := map[string][]string{}
	for _, d := range descriptions() {
		if _, rest, _ := strings.Cut(d.String(), `fqName: "`); strings.HasPrefix(rest, "sluice_") {
			name, _, _ := strings.Cut(rest, `"`)
			_, labels, _ := strings.Cut(rest, "variableLabels: {")
			labels, _, _ = strings.Cut(labels, "}")
			out[name] = strings.FieldsFunc(labels, func(r rune) bool { return r == ',' })
		}
	}
	return out
}

// MetricNames are the names of all metrics of ours.
func MetricNames() []string { return slices.Sorted(maps.Keys(MetricLabels())) }

// descriptions are those of all metrics.
func descriptions() (out []*prometheus.Desc) {
	all := make(chan *prometheus.Desc, 100)
	newMetrics("").registry.Describe(all)
	newBook(nil, nil, 0, nil).Describe(all)
	newRateMetrics(nil).Describe(all)
	newPurse(nil, nil).Describe(all)
	newOut(nil).Describe(all)
	(&anchors{}).Describe(all)
	close(all)
	for d := range all {
		out = append(out, d)
	}
	return out
}

// NewCosts estimates what networks take.
var NewCosts = newCosts

// WatchListener is what the server listens with.
func WatchListener(l net.Listener, b *outage.Book) net.Listener {
	return watchedListener{l, b, outage.Subject{What: outage.Port, Name: "listen"}}
}

// Round compares the books once more, as a running server does.
func (r *Recovery) Round(ctx context.Context, loop *commit.Loop) error { return r.round(ctx, loop) }
