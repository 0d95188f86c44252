package deliver_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/store"
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
	ctx := context.Background()
	url := "sqlite:" + filepath.Join(t.TempDir(), "sluice.db")
	if err := store.Migrate(ctx, url, store.Options{Log: quiet}); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(ctx, url, store.Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	b := &book{TB: t, db: db}
	b.workers.Store(&[]*deliver.Worker{})
	b.loop = commit.New(db, db.Shards(), commit.Options{Log: quiet, Observe: func(c commit.Batch) {
		for _, w := range *b.workers.Load() {
			if c.Events > 0 {
				w.Wake(c.Shard)
			}
		}
	}})
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- b.loop.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	b.merchant = must[merchant.Merchant](b, merchant.Create{Name: "Shop", Mode: merchant.Test}).Seq
	return b
}

// virtual runs a test with a virtual clock: days pass at once. Receivers are
// reached through pipes.
func virtual(t *testing.T, f func(b *book)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(26 * 366 * 24 * time.Hour) // bubbles begin in the year 2000, ids in 2020
		f(open(t))
	})
}

func must[R any](b *book, c commit.Command) R {
	b.Helper()
	r, err := commit.Do[R](context.Background(), b.loop, 0, c)
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
	return must[webhook.Endpoint](b, webhook.CreateEndpoint{
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

func (c happen) Apply(v *commit.View) (any, error) {
	for range c.n {
		event.Append(v, event.Event{Type: c.typ, Merchant: c.merchant})
	}
	return c.n, nil
}

func (b *book) happens(typ event.Type, n int) {
	b.Helper()
	must[int](b, happen{b.merchant, typ, n})
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
	o.AllowLoopback, o.AllowHTTP, o.Log = true, true, quiet
	w, err := deliver.New(b.loop, b.db, map[string]webhook.Renderer{webhook.FormatNative: plain{}}, o)
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

// row reads an endpoint.
func (b *book) row(e webhook.Endpoint) webhook.Endpoint {
	b.Helper()
	got, ok, err := b.db.Endpoint(context.Background(), id.ID{Seq: e.Seq})
	if err != nil || !ok {
		b.Fatalf("endpoint: %v, %v", ok, err)
	}
	return got
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

// pipes is a network without sockets, for virtual time.
type pipes struct {
	mu    sync.Mutex
	hosts map[string]*pipeListener
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// dial connects to a receiver by its host name.
func (p *pipes) dial(ctx context.Context, _, address string) (net.Conn, error) {
	p.mu.Lock()
	l := p.hosts[address]
	p.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: net.UnknownNetworkError(address)}
	}
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) worker(w *deliver.Worker) { w.DialWith(p.dial) }

// receiver listens under a host name.
func (p *pipes) receiver(b *book, host string, answer http.HandlerFunc) *receiver {
	r := &receiver{answer: answer, url: "http://" + host + "/hook"}
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	p.mu.Lock()
	if p.hosts == nil {
		p.hosts = map[string]*pipeListener{}
	}
	p.hosts[host+":80"] = l
	p.mu.Unlock()
	s := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
		<-done
	})
	return r
}
