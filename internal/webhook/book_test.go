package webhook_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/store"
	"sluice/internal/test/harness"
	"sluice/internal/webhook"
)

// book is a real store behind a running commit loop, with one merchant.
type book struct {
	*testing.T
	db       *store.DB
	loop     *commit.Loop
	merchant id.Seq
}

func open(t *testing.T) *book {
	t.Helper()
	opened := harness.Open(t, harness.Options{})
	b := &book{T: t, db: opened.DB, loop: opened.Loop}
	b.merchant = must(b, merchant.Create{Name: "Shop", Mode: merchant.Test}).Seq
	return b
}

func must[R any](b *book, c commit.Command[R]) R {
	b.Helper()
	r, err := commit.Do(context.Background(), b.loop, 0, c)
	if err != nil {
		b.Fatalf("%T: %v", c, err)
	}
	return r
}

// refused expects a command to be refused with a code.
func refused[R any](b *book, code string, c commit.Command[R]) {
	b.Helper()
	_, err := commit.Do(context.Background(), b.loop, 0, c)
	if fault.CodeOf(err) != code {
		b.Errorf("%T: got %v, want the code %s", c, err, code)
	}
}

func (b *book) create(types ...string) webhook.CreateEndpoint {
	b.Helper()
	secret, err := webhook.NewSecret(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	key, err := webhook.NewSigningKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	return webhook.CreateEndpoint{Merchant: b.merchant, URL: "https://shop.example/hook", Types: types, Secret: secret, SigningKey: key, Actor: "test"}
}

func (b *book) endpoint(types ...string) webhook.Endpoint {
	b.Helper()
	return must(b, b.create(types...))
}

// row reads an endpoint that is not deleted.
func (b *book) row(e webhook.Endpoint) webhook.Endpoint {
	b.Helper()
	all, err := b.db.EndpointsOf(context.Background(), 0, []id.Seq{b.merchant})
	if err != nil {
		b.Fatal(err)
	}
	for _, x := range all {
		if x.Seq == e.Seq {
			return x
		}
	}
	b.Fatalf("endpoint %d is gone", e.Seq)
	return e
}

// happen is a command that writes events of the merchant.
type happen struct {
	merchant id.Seq
	events   []event.Event
}

func (c happen) Reads(*commit.Wants) {}

func (c happen) Apply(v *commit.View) (int, error) {
	for _, e := range c.events {
		e.Merchant = c.merchant
		event.Append(v, e)
	}
	return len(c.events), nil
}

// happens writes events without balances.
func (b *book) happens(types ...event.Type) {
	b.Helper()
	c := happen{merchant: b.merchant}
	for _, t := range types {
		c.events = append(c.events, event.Event{Type: t})
	}
	must(b, c)
}

// fanOut fans out everything there is, as a worker does, and gives what it claimed.
func (b *book) fanOut() []webhook.Delivery {
	b.Helper()
	return must(b, b.plan()).Claimed
}

func (b *book) plan() webhook.FanOut {
	b.Helper()
	ctx := context.Background()
	at, err := b.db.FannedOut(ctx, 0)
	if err != nil {
		b.Fatal(err)
	}
	events, err := b.db.EventsAfter(ctx, 0, at, 1000)
	if err != nil {
		b.Fatal(err)
	}
	endpoints, err := b.db.EndpointsOf(ctx, 0, []id.Seq{b.merchant})
	if err != nil {
		b.Fatal(err)
	}
	to := at
	if len(events) > 0 {
		last := events[len(events)-1]
		to = last.Seq + last.Messages() - 1
	}
	plan := webhook.Plan(0, events, endpoints)
	for n := range plan {
		plan[n].Claim = true
	}
	return webhook.FanOut{After: at, To: to, Deliveries: plan, Until: time.Now().Add(time.Minute)}
}

// one is a claimed delivery of an endpoint.
func (b *book) one() webhook.Delivery {
	b.Helper()
	b.happens(event.AccountOpened)
	got := b.fanOut()
	if len(got) != 1 {
		b.Fatalf("%d deliveries, want 1", len(got))
	}
	return got[0]
}

// answered records an attempt with a status.
func (b *book) answered(d webhook.Delivery, status int64, retryAfter time.Duration) webhook.Recorded {
	b.Helper()
	a := webhook.Attempt{At: time.Now(), Status: status, SentHash: make([]byte, 32)}
	if status < 200 || status > 299 {
		a.ErrorClass, a.ErrorText = string(webhook.ClassStatus), "answered"
	}
	return must(b, webhook.RecordAttempt{Delivery: d, Attempt: a, RetryAfter: retryAfter})
}

// events gives the types of all events of an endpoint.
func (b *book) events(e webhook.Endpoint) (out []event.Type) {
	b.Helper()
	all, err := b.db.EventsAfter(context.Background(), 0, 0, 10_000)
	if err != nil {
		b.Fatal(err)
	}
	for _, x := range all {
		if x.Subject == e.Seq {
			out = append(out, x.Type)
		}
	}
	return out
}
