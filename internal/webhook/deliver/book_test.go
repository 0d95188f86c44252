package deliver_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/store"
	"sluice/internal/test/harness"
	"sluice/internal/webhook"
	"sluice/internal/webhook/deliver"
)

// book is a real store behind a running commit loop, with one merchant.
type book struct {
	testing.TB
	db       *store.DB
	loop     *commit.Loop
	merchant id.Seq
	workers  atomic.Pointer[[]*deliver.Worker] // that are told of new events
}

func open(t testing.TB) *book {
	t.Helper()
	b := &book{TB: t}
	b.workers.Store(&[]*deliver.Worker{})
	opened := harness.Open(t, harness.Options{Commit: commit.Options{Observe: func(c commit.Batch) {
		for _, w := range *b.workers.Load() {
			if c.Events > 0 {
				w.Wake(c.Shard)
			}
		}
	}}})
	b.db, b.loop = opened.DB, opened.Loop
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

func (b *book) endpoint(url string, types ...string) webhook.Endpoint {
	b.Helper()
	secret, err := webhook.NewSecret(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	key, err := webhook.NewSigningKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	return must(b, webhook.CreateEndpoint{
		Merchant: b.merchant, URL: url, Types: types, Secret: secret, SigningKey: key, AllowHTTP: true, Actor: "test",
	})
}

// happen is a command that writes n events of one type.
type happen struct {
	merchant id.Seq
	typ      event.Type
	n        int
}

func (c happen) Reads(*commit.Wants) {}

func (c happen) Apply(v *commit.View) (int, error) {
	for range c.n {
		event.Append(v, event.Event{Type: c.typ, Merchant: c.merchant})
	}
	return c.n, nil
}

func (b *book) happens(typ event.Type, n int) {
	b.Helper()
	must(b, happen{b.merchant, typ, n})
}

// plain writes bodies from the event alone.
type plain struct{ pad string }

func (p plain) Render(_ context.Context, messages []webhook.Message) ([][]byte, error) {
	var out [][]byte
	for _, m := range messages {
		b, err := json.Marshal(map[string]any{"type": m.Type(), "timestamp": m.Event.At, "data": map[string]any{"sequence": m.Event.Seq, "pad": p.pad}})
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

var _ webhook.Renderer = plain{}

// start runs a worker until stop is called, or the test ends.
func (b *book) start(o deliver.Options, edit ...func(*deliver.Worker)) (w *deliver.Worker, stop func()) {
	b.Helper()
	o.AllowLoopback, o.AllowHTTP = true, true
	if o.Log == nil {
		o.Log = quiet
	}
	w, err := deliver.New(b.loop, b.db, map[string]webhook.Format{webhook.FormatNative: webhook.Native(plain{}, nil)}, o)
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range edit {
		f(w)
	}
	all := append([]*deliver.Worker{w}, *b.workers.Load()...)
	b.workers.Store(&all)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(stop)
	return w, stop
}

// deliveries gives all deliveries of an endpoint, the newest first.
func (b *book) deliveries(e webhook.Endpoint) []webhook.Delivery {
	b.Helper()
	var out []webhook.Delivery
	before := id.Seq(0)
	for {
		page, err := b.db.Deliveries(context.Background(), id.ID{Seq: e.Seq}, "", before, 1000)
		if err != nil {
			b.Fatal(err)
		}
		if len(page) == 0 {
			return out
		}
		out, before = append(out, page...), page[len(page)-1].Seq
	}
}

// states counts the deliveries of an endpoint by state.
func (b *book) states(e webhook.Endpoint) map[webhook.DeliveryState]int {
	b.Helper()
	out := map[webhook.DeliveryState]int{}
	for _, d := range b.deliveries(e) {
		out[d.State]++
	}
	return out
}

func (b *book) attempts(d webhook.Delivery) []webhook.Attempt {
	b.Helper()
	out, err := b.db.AttemptsOf(context.Background(), id.ID{Seq: d.Seq})
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// until waits for a condition; it fails after far longer than it can take.
func (b *book) until(what string, ok func() bool) {
	b.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			b.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

// received is one request as a receiver saw it.
type received struct {
	header http.Header
	body   []byte
	at     time.Time
}

func (r received) id() string { return r.header.Get(webhook.HeaderID) }

// receiver keeps what it got and answers by a function.
type receiver struct {
	mu     sync.Mutex
	got    []received
	answer http.HandlerFunc
	url    string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.got = append(r.got, received{req.Header.Clone(), body, time.Now()})
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		answer(w, req)
	}
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.got...)
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

// answers sets what the receiver answers from now on.
func (r *receiver) answers(h http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = h
}

// receiver listens on a socket of this machine.
func (b *book) receiver(answer http.HandlerFunc) *receiver {
	r := &receiver{answer: answer}
	s := httptest.NewServer(r)
	b.Cleanup(s.Close)
	r.url = s.URL
	return r
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}
