package app

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/outage"
)

// HoldStop makes the stop delay last until release is closed, and closes begun when
// it begins.
func (a *App) HoldStop(begun chan<- struct{}, release <-chan struct{}) {
	a.pause = func(context.Context, time.Duration) {
		close(begun)
		<-release
	}
}

// MetricNames are the names of all metrics of ours.
func MetricNames() []string {
	all := make(chan *prometheus.Desc, 100)
	m := newMetrics("")
	m.registry.Describe(all)
	newBook(nil, nil, 0, nil).Describe(all)
	newRateMetrics(nil).Describe(all)
	newPurse(nil, nil).Describe(all)
	newOut(nil).Describe(all)
	(&anchors{}).Describe(all)
	close(all)
	var out []string
	for d := range all {
		if _, rest, _ := strings.Cut(d.String(), `fqName: "`); strings.HasPrefix(rest, "sluice_") {
			name, _, _ := strings.Cut(rest, `"`)
			out = append(out, name)
		}
	}
	return out
}

// NewCosts estimates what networks take.
var NewCosts = newCosts

// WatchListener is what the server listens with.
func WatchListener(l net.Listener, b *outage.Book) net.Listener {
	return watchedListener{l, b, outage.Subject{What: outage.Port, Name: "listen"}}
}
