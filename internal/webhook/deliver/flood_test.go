package deliver_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/webhook"
	"sluice/internal/webhook/deliver"
)

// TestA5_AFloodIsHeldBackAndFollows: one merchant has an endpoint that fails and many events. Its
// deliveries keep to its part, its other endpoint and the other merchant get everything, the log says
// what is held back, and once the endpoint works each message arrives, in order.
func TestA5_AFloodIsHeldBackAndFollows(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		const events, most = 900, 100 // 50 for each endpoint
		failing, healthy, other := net.receiver(b, "failing", status(500)), net.receiver(b, "healthy", status(200)), net.receiver(b, "other", status(200))
		e := b.endpoint(failing.url, "withdrawal.created")
		b.endpoint(healthy.url, "withdrawal.created")
		flooder := b.merchant
		b.merchant = must(b, merchant.Create{Name: "Other", Mode: merchant.Test}).Seq
		b.endpoint(other.url, "*")
		quiet := b.merchant
		log := &lines{}
		b.start(deliver.Options{PendingMax: most, Log: slog.New(slog.NewTextHandler(log, nil))}, net.worker)

		b.merchant = flooder
		for range events / 300 {
			b.happens(event.WithdrawalCreated, 300)
			must(b, happen{quiet, event.WithdrawalCreated, 1})
			time.Sleep(time.Second)
			synctest.Wait()
			if got := len(b.deliveries(e)); got > most/2 {
				b.Fatalf("%d deliveries for an endpoint that may have %d waiting", got, most/2)
			}
		}
		time.Sleep(5 * time.Minute)
		if got := other.count(); got != events/300 {
			b.Errorf("the other merchant got %d of %d messages", got, events/300)
		}
		if got := healthy.count(); got != events {
			b.Errorf("the other endpoint got %d of %d messages", got, events)
		}
		if n, err := b.db.EndpointsBehind(context.Background(), 0); err != nil || n != 1 {
			b.Errorf("%d endpoints are held back, %v", n, err)
		}
		if !log.has("stay in the event log") {
			b.Error("the log does not say that messages are held back")
		}

		failing.answers(status(200))
		time.Sleep(6 * time.Hour)
		var order []int64
		for _, d := range b.deliveries(e) { // the newest first
			if d.State == webhook.Delivered {
				order = append(order, d.EventSeq)
			}
		}
		if slices.Reverse(order); len(order) != events || !slices.IsSorted(order) || len(slices.Compact(order)) != events {
			b.Errorf("%d of %d messages were delivered in order", len(order), events)
		}
		if n, err := b.db.EndpointsBehind(context.Background(), 0); err != nil || n != 0 || !log.has("caught up") {
			b.Errorf("%d endpoints are held back, %v", n, err)
		}
		// From here on it goes with the others.
		was := failing.count()
		b.happens(event.WithdrawalCreated, 1)
		time.Sleep(time.Minute)
		if got := failing.count() - was; got != 1 {
			b.Errorf("then %d messages arrived, want 1", got)
		}
	})
}

// TestA5_AnEndpointThatIsDeletedWhileHeldBack leaves nothing behind.
func TestA5_AnEndpointThatIsDeletedWhileHeldBack(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		r := net.receiver(b, "failing", status(500))
		e := b.endpoint(r.url, "withdrawal.created")
		b.start(deliver.Options{PendingMax: 10}, net.worker)
		b.happens(event.WithdrawalCreated, 50)
		time.Sleep(time.Minute)
		if n, err := b.db.EndpointsBehind(context.Background(), 0); err != nil || n != 1 {
			b.Fatalf("%d endpoints are held back, %v", n, err)
		}
		must(b, webhook.NewDeleteEndpoint(b.merchant, e.Seq, "test"))
		time.Sleep(24 * time.Hour)
		if n, err := b.db.EndpointsBehind(context.Background(), 0); err != nil || n != 0 {
			b.Errorf("%d endpoints are held back, %v", n, err)
		}
	})
}

// TestA5_FanOutGoesInPortions: no command makes many more deliveries than a portion.
func TestA5_FanOutGoesInPortions(t *testing.T) {
	var events []event.Event
	var plan []webhook.NewDelivery
	for n := range 500 {
		e := event.Event{Seq: int64(n + 1), Type: event.WithdrawalCreated}
		events = append(events, e)
		for range 100 {
			plan = append(plan, webhook.NewDelivery{Message: webhook.Message{Event: e}, Endpoint: id.Seq(1)})
		}
	}
	at, to := 0, int64(0)
	for at < len(plan) {
		part, end := deliver.Portion(plan[at:], events[to:])
		if len(part) > deliver.PortionMax || len(part)%100 != 0 || end != to+int64(len(part)/100) {
			t.Fatalf("%d deliveries up to %d, after %d", len(part), end, to)
		}
		at, to = at+len(part), end
	}
	if to != 500 {
		t.Errorf("the portions end at %d", to)
	}
}

// lines is a log that a test reads.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.all.Bytes(), []byte(text))
}
