package app

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sluice/internal/commit"
	"sluice/internal/webhook/deliver"
	"sluice/internal/withdrawal"
)

// metrics are what this process counts. Labels are few and bounded: nothing is
// labelled by merchant, account, withdrawal or address.
type metrics struct {
	registry *prometheus.Registry

	batchSize     prometheus.Histogram
	batchDuration prometheus.Histogram
	refused       prometheus.Counter

	accepted   *prometheus.CounterVec
	outcomes   *prometheus.CounterVec
	transition *prometheus.HistogramVec
	replays    prometheus.Counter

	requests        *prometheus.CounterVec
	requestDuration *prometheus.HistogramVec

	webhookAttempts *prometheus.CounterVec
	webhookDuration prometheus.Histogram

	signerRefusals *prometheus.CounterVec
	panics         *prometheus.CounterVec
}

// panicked counts a mistake of the program that was caught while paying on a network.
func (m *metrics) panicked(network string) { m.panics.WithLabelValues(network).Inc() }

// waits are the buckets of what takes from milliseconds to days.
var waits = []float64{0.01, 0.1, 1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 24 * 3600}

func newMetrics(version string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		batchSize: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sluice_commit_batch_size", Help: "Commands that shared a commit.", Buckets: prometheus.ExponentialBuckets(1, 2, 13),
		}),
		batchDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sluice_commit_duration_seconds", Help: "Time from the begin of a batch to its commit.", Buckets: prometheus.ExponentialBuckets(0.0002, 2, 16),
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_commands_refused_total", Help: "Commands that were refused by a rule.",
		}),
		accepted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_withdrawals_accepted_total", Help: "Withdrawals accepted.",
		}, []string{"rail", "asset"}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_withdrawals_total", Help: "Withdrawals that ended, by outcome.",
		}, []string{"rail", "asset", "outcome"}),
		transition: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sluice_transition_duration_seconds", Help: "Time that withdrawals spent in a state before the next.", Buckets: waits,
		}, []string{"from", "to"}),
		replays: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_idempotency_replays_total", Help: "Requests answered from the record of their first run.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "code"}),
		requestDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sluice_http_request_duration_seconds", Help: "Time to answer a request.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}, []string{"route"}),
		webhookAttempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_webhook_attempts_total", Help: "Webhooks sent, by result.",
		}, []string{"result"}),
		webhookDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sluice_webhook_delivery_duration_seconds", Help: "Time one webhook attempt took.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
		}),
		signerRefusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_signer_refusals_total", Help: "Intents that the signer refused, by its reason.",
		}, []string{"reason"}),
		panics: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_panics_total", Help: "Mistakes of the program that were caught while paying; each is in the log with its stack. Must be 0.",
		}, []string{"network"}),
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sluice_build_info", Help: "1, with what was built.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	}, func() float64 { return 1 })
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build,
		m.batchSize, m.batchDuration, m.refused, m.accepted, m.outcomes, m.transition, m.replays,
		m.requests, m.requestDuration, m.webhookAttempts, m.webhookDuration, m.signerRefusals, m.panics,
	)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, MaxRequestsInFlight: 4})
}

func (m *metrics) batch(b commit.Batch) {
	m.batchSize.Observe(float64(b.Commands))
	m.batchDuration.Observe(b.Duration.Seconds())
	if b.Refused > 0 {
		m.refused.Add(float64(b.Refused))
	}
}

// withdrawal counts a change of a withdrawal; was is nil for a new one.
func (m *metrics) withdrawal(was, is *withdrawal.Withdrawal) {
	if was == nil {
		m.accepted.WithLabelValues(is.Network, is.Currency).Inc()
		return
	}
	if was.State == is.State {
		return
	}
	m.transition.WithLabelValues(string(was.State), string(is.State)).Observe(is.UpdatedAt.Sub(was.UpdatedAt).Seconds())
	if is.State.Final() {
		m.outcomes.WithLabelValues(is.Network, is.Currency, string(is.State)).Inc()
	}
}

// serve counts what a handler answers. The route is the pattern that matched, never the path.
func (m *metrics) serve(h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		start := time.Now()
		w := &watched{ResponseWriter: rw, status: http.StatusOK}
		h.ServeHTTP(w, r)
		route := r.Pattern
		if route == "" || route == "/" {
			route = "none"
		}
		m.requests.WithLabelValues(route, strconv.Itoa(w.status)).Inc()
		m.requestDuration.WithLabelValues(route).Observe(time.Since(start).Seconds())
		if rw.Header().Get("Idempotent-Replayed") != "" {
			m.replays.Inc()
		}
	})
}

// watched notes the status of an answer.
type watched struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *watched) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach what is below.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// webhook counts an attempt.
func (m *metrics) webhook(o deliver.Observation) {
	m.webhookAttempts.WithLabelValues(o.Result).Inc()
	m.webhookDuration.Observe(o.Duration.Seconds())
}
