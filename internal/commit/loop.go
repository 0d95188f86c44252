package commit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/crash"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// Options bound a loop. The zero value of each field means its default.
type Options struct {
	// BatchMax is how many commands share one commit at the most. Default 1024.
	BatchMax int
	// BatchWait is how long a batch that is not full waits for more before it
	// begins. Default 0: a lone request never waits, and under load the next
	// batch fills by itself while the one before it commits.
	BatchWait time.Duration
	// Queue is how many commands may wait per shard; more are refused with Busy.
	// Default 4 x BatchMax.
	Queue int
	// Attempts is how often a batch that certainly left nothing is run again. Default 5.
	Attempts int
	// Observe is told of every committed batch. It must not block.
	Observe func(Batch)
	Log     *slog.Logger
}

// Batch describes a committed batch, for metrics and for whoever waits for events.
type Batch struct {
	Shard     id.Shard
	Commands  int
	Refused   int
	LastEvent int64 // of the shard, after the batch
	Events    int64 // how many of them are new
	Duration  time.Duration
}

func (o Options) withDefaults() Options {
	if o.BatchMax <= 0 {
		o.BatchMax = 1024
	}
	if o.Queue <= 0 {
		o.Queue = 4 * o.BatchMax
	}
	if o.Attempts <= 0 {
		o.Attempts = 5
	}
	if o.Observe == nil {
		o.Observe = func(Batch) {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Loop carries commands to the store, one batch at a time per shard.
type Loop struct {
	store  Store
	opt    Options
	queues []chan pending
	// enter guards closed: submitters hold it shared, Run takes it to close the door.
	enter  sync.RWMutex
	closed bool
	broken atomic.Pointer[error]
}

// pending is a call of any result type, on its way through a batch.
type pending interface {
	declare(w *Wants) error
	follow(v *View, w *Wants) error
	apply(v *View) error // keeps the outcome
	// settle keeps the error of the command, nil for none; failed reads it.
	settle(err error)
	failed() error
	// answer releases the caller. A non-nil error takes the place of the outcome.
	answer(err error)
	command() string // its Go type, for the log
}

// call is a request and what became of it.
type call[R any] struct {
	req  Request[R]
	done chan struct{}
	out  Outcome[R]
	err  error
}

func (c *call[R]) settle(err error) { c.err = err }

func (c *call[R]) failed() error { return c.err }

func (c *call[R]) answer(err error) {
	if err != nil {
		c.out, c.err = Outcome[R]{}, err
	}
	close(c.done)
}

func (c *call[R]) command() string { return fmt.Sprintf("%T", c.req.Command) }

// New makes a loop over a store with the given number of shards. Nothing happens until Run.
func New(store Store, shards int, opt Options) *Loop {
	l := &Loop{store: store, opt: opt.withDefaults()}
	for range shards {
		l.queues = append(l.queues, make(chan pending, l.opt.Queue))
	}
	return l
}

// Shards is how many shards there are.
func (l *Loop) Shards() int { return len(l.queues) }

// Broken gives the invariant that stopped a shard, or nil. A broken loop accepts nothing.
func (l *Loop) Broken() error {
	if e := l.broken.Load(); e != nil {
		return *e
	}
	return nil
}

// Waiting is how many commands wait now, over all shards.
func (l *Loop) Waiting() int {
	n := 0
	for _, q := range l.queues {
		n += len(q)
	}
	return n
}

var (
	errFull   = fault.New(fault.Busy, "overloaded", "more requests are waiting than can be queued; nothing was done. Repeat the request after a moment")
	errClosed = fault.New(fault.Unavailable, "shutting_down", "the server is shutting down; nothing was done. Repeat the request")
)

// Submit hands a command to its shard and waits for the answer. The answer comes
// after the commit. When ctx ends first the outcome is unknown to the caller (the
// command may still run); the error says so.
func Submit[R any](ctx context.Context, l *Loop, shard id.Shard, req Request[R]) (Outcome[R], error) {
	if int(shard) >= len(l.queues) {
		return Outcome[R]{}, fault.New(fault.NotFound, "not_found", "no such thing here: its id names a shard that this installation does not have")
	}
	if err := l.Broken(); err != nil {
		return Outcome[R]{}, stopped(err)
	}
	c := &call[R]{req: req, done: make(chan struct{})}
	if err := l.push(shard, c); err != nil {
		return Outcome[R]{}, err
	}
	select {
	case <-c.done:
		return c.out, c.err
	case <-ctx.Done():
		f := fault.Wrap(ctx.Err(), fault.Unavailable, "outcome_unknown", "the request was given up before its answer; it may still be carried out. Repeat it with the same idempotency key or foreign_id")
		f.Unknown = true
		return Outcome[R]{}, f
	}
}

func (l *Loop) push(shard id.Shard, p pending) error {
	l.enter.RLock()
	defer l.enter.RUnlock()
	if l.closed {
		return errClosed
	}
	select {
	case l.queues[shard] <- p:
		return nil
	default:
		return errFull
	}
}

// Do submits a command without an idempotency key and returns its result. It is for
// workers and tools, whose commands are idempotent by themselves.
func Do[R any](ctx context.Context, l *Loop, shard id.Shard, c Command[R]) (R, error) {
	out, err := Submit(ctx, l, shard, Request[R]{Command: c})
	return out.Result, err
}

// Run works until ctx ends, then answers everything that was accepted and returns.
func (l *Loop) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for n := range l.queues {
		wg.Go(func() { //nolint:contextcheck // what was accepted is answered after ctx ends; a batch has its own time limit
			l.work(id.Shard(n), l.queues[n]) //nolint:gosec // fewer than id.MaxShards
		})
	}
	<-ctx.Done()
	l.enter.Lock()
	l.closed = true
	for _, q := range l.queues {
		close(q)
	}
	l.enter.Unlock()
	wg.Wait()
	return l.Broken()
}

// work takes batches until its queue is closed and empty.
func (l *Loop) work(shard id.Shard, queue <-chan pending) {
	batch := make([]pending, 0, l.opt.BatchMax)
	v := NewView(time.Time{})
	for first := range queue {
		batch = append(batch[:0], first)
		batch = l.fill(batch, queue)
		l.run(shard, v, batch)
		clear(batch) // what was answered is the caller's alone
	}
}

// fill takes what is there, and waits for more only when configured to.
func (l *Loop) fill(batch []pending, queue <-chan pending) []pending {
	var timeout <-chan time.Time
	if l.opt.BatchWait > 0 {
		timer := time.NewTimer(l.opt.BatchWait)
		defer timer.Stop()
		timeout = timer.C
	}
	for len(batch) < l.opt.BatchMax {
		select {
		case p, ok := <-queue:
			if !ok {
				return batch
			}
			batch = append(batch, p)
			continue
		default:
		}
		if timeout == nil {
			return batch
		}
		select {
		case p, ok := <-queue:
			if !ok {
				return batch
			}
			batch = append(batch, p)
		case <-timeout:
			return batch
		}
	}
	return batch
}

// run carries a batch to an answer for every caller, whatever happens.
func (l *Loop) run(shard id.Shard, v *View, batch []pending) {
	err := l.Broken()
	if err != nil {
		answer(batch, stopped(err))
		return
	}
	for attempt := 1; ; attempt++ {
		err = l.once(shard, v, batch)
		switch {
		case err == nil:
			answer(batch, nil)
			return
		case errors.Is(err, ErrInvariant):
			l.broken.CompareAndSwap(nil, &err)
			l.opt.Log.Error("a broken invariant stopped the write path", "shard", shard, "error", err)
			answer(batch, stopped(err))
			return
		case errors.Is(err, ErrRejected) && len(batch) > 1:
			// One row is bad. Halving finds it in few commits and lets the others pass.
			half := len(batch) / 2
			l.run(shard, v, batch[:half:half])
			l.run(shard, v, batch[half:])
			return
		case errors.Is(err, ErrRejected):
			l.opt.Log.Error("the database refused a command", "shard", shard, "command", batch[0].command(), "error", err)
			answer(batch, fault.Wrap(err, fault.Internal, "internal", "the database refused this request; nothing was done. See the server log"))
			return
		case !errors.Is(err, ErrNotCommitted):
			l.opt.Log.Error("the outcome of a commit is unknown", "shard", shard, "commands", len(batch), "error", err)
			f := fault.Wrap(err, fault.Unavailable, "outcome_unknown", "the database did not confirm the commit; the request may have been carried out. Repeat it with the same idempotency key or foreign_id")
			f.Unknown = true
			answer(batch, f)
			return
		case attempt >= l.opt.Attempts:
			l.opt.Log.Error("the database does not work", "shard", shard, "commands", len(batch), "error", err)
			answer(batch, fault.Wrap(err, fault.Unavailable, "store_unavailable", "the database does not answer; nothing was done. Repeat the request after a moment"))
			return
		}
		l.opt.Log.Warn("a batch is run again", "shard", shard, "attempt", attempt, "error", err)
		time.Sleep(time.Duration(attempt*attempt) * 5 * time.Millisecond)
	}
}

func stopped(err error) error {
	return fault.Wrap(err, fault.Unavailable, "halted", "the write path has stopped because an invariant is broken; nothing was done. An operator has to look at the server log")
}

func answer(batch []pending, err error) {
	for _, p := range batch {
		p.answer(err)
	}
}

// batchTimeout bounds one batch: a database that hangs must not hang the callers for ever.
const batchTimeout = 30 * time.Second

// once runs a batch once. nil means committed, and every pending holds its answer.
func (l *Loop) once(shard id.Shard, v *View, batch []pending) error {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	start := time.Now()
	v.reset(start)
	w := &Wants{v: v}
	for _, p := range batch {
		if err := l.settle(p, p.declare(w)); err != nil {
			return err
		}
	}
	tx, err := l.store.Begin(ctx, shard, v)
	if err != nil {
		if errors.Is(err, ErrInvariant) || errors.Is(err, ErrRejected) {
			return err
		}
		return errors.Join(ErrNotCommitted, err)
	}
	defer tx.Rollback()
	if err := l.follow(ctx, batch, tx, v, w); err != nil {
		return err
	}
	was, refused := v.shard.LastEvent, 0
	for _, p := range batch {
		if p.failed() == nil {
			if err := l.settle(p, p.apply(v)); err != nil {
				return err
			}
		}
		if p.failed() != nil {
			refused++
		}
	}
	crash.Point("commit.applied")
	if err := tx.Commit(ctx, v); err != nil {
		return err
	}
	crash.Point("commit.committed")
	l.observe(Batch{
		Shard: shard, Commands: len(batch), Refused: refused,
		LastEvent: v.shard.LastEvent, Events: v.shard.LastEvent - was,
		Duration: time.Since(start),
	})
	return nil
}

// observe tells of a committed batch. Whatever the observer does, it is committed.
func (l *Loop) observe(b Batch) {
	defer func() {
		if r := recover(); r != nil {
			l.opt.Log.Error("the observer of batches panicked", "shard", b.Shard, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	l.opt.Observe(b)
}

// settle keeps what became of a command. It gives the error back that ends the batch: a
// broken invariant.
func (l *Loop) settle(p pending, err error) error {
	if errors.Is(err, ErrInvariant) {
		return err
	}
	if isPanic(err) {
		l.opt.Log.Error("a command panicked and is refused", "command", p.command(), "error", err)
	}
	p.settle(err)
	return nil
}

func (l *Loop) follow(ctx context.Context, batch []pending, tx Tx, v *View, w *Wants) error {
	before := w.n
	for _, p := range batch {
		if p.failed() != nil {
			continue
		}
		if err := l.settle(p, p.follow(v, w)); err != nil {
			return err
		}
	}
	if w.n == before {
		return nil
	}
	if err := tx.Load(ctx, v); err != nil {
		return errors.Join(ErrNotCommitted, err)
	}
	return nil
}
