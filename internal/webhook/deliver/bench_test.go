package deliver_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/event"
	"sluice/internal/merchant"
	"sluice/internal/webhook"
	"sluice/internal/webhook/deliver"
)

// body is the padding that makes a message of about 1.5 kB.
var body = plain{pad: strings.Repeat("x", 1400)}

// BenchmarkDeliver measures one message from the event log to the record of its
// attempt: both signatures, a receiver on the same machine that answers at once,
// the record durable. A third of it is the receiver's.
func BenchmarkDeliver(b *testing.B) {
	for name, endpoints := range map[string]int{"one endpoint": 1, "ten endpoints": 10} {
		b.Run(name, func(b *testing.B) {
			book := open(b)
			var got atomic.Int64
			done := make(chan struct{})
			r := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if got.Add(1) == int64(b.N) {
					close(done)
				}
			}))
			defer r.Close()
			for range endpoints {
				book.endpoint(r.URL, "withdrawal.created")
			}
			_, stop := book.start(deliver.Options{}, func(w *deliver.Worker) { w.RenderWith(webhook.FormatNative, body) })
			b.ResetTimer()
			for left := (b.N + endpoints - 1) / endpoints; left > 0; left -= 100 {
				book.happens(event.WithdrawalCreated, min(left, 100))
			}
			<-done
			stop()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// BenchmarkFloor is a bare HTTP client against the same receiver: what no sender can
// beat on this machine.
func BenchmarkFloor(b *testing.B) {
	r := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer r.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	payload := bytes.Repeat([]byte("x"), 1500)
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for range 32 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, r.URL, bytes.NewReader(payload))
				if err != nil {
					b.Error(err)
					return
				}
				res, err := client.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// BenchmarkFlood measures how long a message of one merchant takes from the event log to its receiver,
// alone and while another merchant has fifty endpoints that fail and ten events for each message.
func BenchmarkFlood(b *testing.B) {
	for name, flood := range map[string]int{"alone": 0, "beside a flood": 10} {
		b.Run(name, func(b *testing.B) {
			book := open(b)
			got := make(chan struct{}, 1)
			works := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got <- struct{}{} }))
			defer works.Close()
			fails := httptest.NewServer(status(http.StatusInternalServerError))
			defer fails.Close()
			for range 50 {
				book.endpoint(fails.URL, "*")
			}
			flooder := book.merchant
			book.merchant = must(book, merchant.Create{Name: "Other", Mode: merchant.Test}).Seq
			book.endpoint(works.URL, "*")
			_, stop := book.start(deliver.Options{PendingMax: 5000})
			took := make([]time.Duration, 0, b.N)
			b.ResetTimer()
			for range b.N {
				must(book, happen{flooder, event.WithdrawalCreated, flood})
				began := time.Now()
				book.happens(event.WithdrawalCreated, 1)
				<-got
				took = append(took, time.Since(began))
			}
			b.StopTimer()
			stop()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}
