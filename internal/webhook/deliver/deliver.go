// Package deliver sends webhooks. One worker per process fans the event log out
// into deliveries and sends what is due, each endpoint in a lane of its own: one
// that is dead, slow or hostile delays no other.
//
// What is to be sent stands in the store; the worker holds only what it has
// claimed. It may be killed at any time: a claim ends by itself, so a message is
// sent at least once, and twice when the process died between the answer of the
// endpoint and its record. Several processes may run on one store.
package deliver

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/webhook"
)

// Options bound a worker. The zero value of each field means its default.
type Options struct {
	// Concurrency is how many requests one endpoint gets at once when it answers
	// well; one that does not gets fewer, down to 1. Default 32.
	Concurrency int
	// Queue is how many claimed deliveries are held in memory, over all endpoints;
	// above it each endpoint gets one at a time. Default 8192.
	Queue int
	// PendingMax is how many deliveries of one merchant may wait, in equal parts for its
	// endpoints: an endpoint whose part is full is held back until half of it is done. Default 100,000.
	PendingMax int64
	// Poll is how often the store is asked for work that nobody announced. Default 1 s.
	Poll time.Duration
	// Claim is how long a claim lasts: what a killed process held is sent by
	// another one after that. At least twice the 15 s of an attempt. Default 60 s.
	Claim time.Duration
	// AllowLoopback permits endpoints on this machine, on any port, and AllowHTTP
	// plain http. For tests and the demo; the log says so at the start.
	AllowLoopback bool
	AllowHTTP     bool
	// Allow lists addresses that are permitted although they are private. Each use
	// is logged. Metadata services stay blocked.
	Allow []netip.Prefix
	// Ports that may be dialled. Default 80, 443 and 8443.
	Ports []uint16
	// Resolver finds addresses; nil is the system's. RootCAs is whom TLS trusts;
	// nil is whom the system trusts.
	Resolver *net.Resolver
	RootCAs  *x509.CertPool
	// Observe is told of every attempt, for metrics. It must not block.
	Observe func(Observation)
	// Notify is told when the owner of an endpoint should hear about it by another
	// channel than the endpoint. It must not block.
	Notify func(Notice)
	Log    *slog.Logger
}

// Observation is one attempt, for metrics.
type Observation struct {
	Result   string // "ok" or a webhook.Class
	Status   int64
	Duration time.Duration
	Age      time.Duration // from the delivery's birth to this attempt's end
}

// Notice says what the owner of an endpoint should know.
type Notice struct {
	Endpoint id.ID
	URL      string
	Percent  int64     // of the way to being disabled; 0: its breaker opened; 100: it is disabled
	Until    time.Time // of the pause, when its breaker opened
	Reason   string
}

func (o Options) withDefaults() (Options, error) {
	if o.Concurrency <= 0 {
		o.Concurrency = 32
	}
	if o.Queue <= 0 {
		o.Queue = 8192
	}
	if o.PendingMax <= 0 {
		o.PendingMax = 100_000
	}
	if o.Poll <= 0 {
		o.Poll = time.Second
	}
	if o.Claim == 0 {
		o.Claim = time.Minute
	}
	if o.Claim < 2*totalTimeout {
		return o, fmt.Errorf("webhook claims of %s are too short: an attempt takes up to %s", o.Claim, totalTimeout)
	}
	if len(o.Ports) == 0 {
		o.Ports = []uint16{80, 443, 8443}
	}
	if o.Observe == nil {
		o.Observe = func(Observation) {}
	}
	if o.Notify == nil {
		o.Notify = func(Notice) {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o, nil
}

// Worker sends webhooks for all shards.
type Worker struct {
	loop    *commit.Loop
	reader  webhook.Reader
	formats map[string]webhook.Format
	opt     Options
	sender  *sender
	wake    []chan struct{} // per shard: there may be new events
	due     []chan struct{} // per shard: there may be room for due deliveries

	mu       sync.Mutex
	lanes    map[id.ID]*lane
	stopping bool

	base    context.Context // of requests and their records: they do not end with Run's
	queued  atomic.Int64    // deliveries in lanes
	sending atomic.Int64    // requests under way
	work    sync.WaitGroup  // goroutines of lanes
}

// New makes a worker. formats has one entry per endpoint format.
func New(loop *commit.Loop, reader webhook.Reader, formats map[string]webhook.Format, opt Options) (*Worker, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	if formats[webhook.FormatNative] == nil {
		return nil, errors.New("webhooks need the format " + webhook.FormatNative)
	}
	w := &Worker{loop: loop, reader: reader, formats: formats, opt: opt, sender: newSender(opt), lanes: map[id.ID]*lane{}}
	for range loop.Shards() {
		w.wake = append(w.wake, make(chan struct{}, 1))
		w.due = append(w.due, make(chan struct{}, 1))
	}
	return w, nil
}

// Wake says that a shard may have new events. It never blocks and may be called
// from anywhere, commit.Options.Observe above all. A lost call costs Options.Poll.
func (w *Worker) Wake(shard id.Shard) {
	if int(shard) < len(w.wake) {
		signal(w.wake[shard])
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Stats is what the worker holds at a moment.
type Stats struct {
	Queued  int64 // claimed, not yet being sent
	Sending int64
}

// Stats counts; it does not ask the store.
func (w *Worker) Stats() Stats { return Stats{Queued: w.queued.Load(), Sending: w.sending.Load()} }

// Run works until ctx ends. Then it claims nothing more, gives back what it has
// not begun, waits for the requests under way (at most 15 s each), and records
// them: the commit loop has to run until Run has returned. It runs once.
func (w *Worker) Run(ctx context.Context) error {
	if w.opt.AllowLoopback || w.opt.AllowHTTP {
		w.opt.Log.WarnContext(ctx, "webhooks may go to this machine or unencrypted: for tests only",
			"loopback", w.opt.AllowLoopback, "plain_http", w.opt.AllowHTTP)
	}
	w.base = context.WithoutCancel(ctx)
	var shards sync.WaitGroup
	for n := range w.loop.Shards() {
		shard := id.Shard(n)
		shards.Go(func() { w.fanOut(ctx, shard) })
		shards.Go(func() { w.schedule(ctx, shard) })
		shards.Go(func() { w.replay(ctx, shard) })
	}
	<-ctx.Done()
	shards.Wait()
	w.stop()
	w.sender.close()
	return nil
}

// stop empties the lanes and waits for what is under way.
func (w *Worker) stop() {
	w.mu.Lock()
	w.stopping = true
	lanes := make([]*lane, 0, len(w.lanes))
	for _, l := range w.lanes {
		lanes = append(lanes, l)
	}
	w.mu.Unlock()
	for _, l := range lanes {
		w.release(w.base, l.at.Shard, l.close(), time.Time{})
	}
	w.work.Wait()
}

// sleep waits for a time, or for less when woken (nil: nobody wakes); false means
// that the worker ends.
func sleep(ctx context.Context, d time.Duration, woken <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-woken:
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// submit hands over a command that is safe to repeat, and repeats it until a time
// while the write path is busy or the outcome unknown. The end of ctx ends the
// repeating and not the command, so that what was claimed is known.
func submit[R any](ctx context.Context, w *Worker, shard id.Shard, c commit.Command[R], until time.Time) (R, error) {
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		r, err := commit.Do(context.WithoutCancel(ctx), w.loop, shard, c)
		if err == nil || w.loop.Broken() != nil {
			return r, err
		}
		if k := fault.KindOf(err); k != fault.Busy && k != fault.Unavailable {
			return r, err
		}
		if time.Now().Add(pause).After(until) || !sleep(ctx, pause, nil) {
			return r, err
		}
	}
}
