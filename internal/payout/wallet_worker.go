package payout

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/rail"
)

// walletWorker is the work on one wallet. What is not signed is carried on one by one, in order,
// since that is what a nonce needs; what is signed is independent of all others and is
// followed side by side.
type walletWorker struct {
	*Worker
	rail   rail.Rail
	wallet Wallet // its lease may be renewed meanwhile: see lease.go
	log    *slog.Logger
	now    chan struct{}
	lent   leaseState
	// sentAt says when a dispatch's bytes last left. It is lost in a crash, which
	// only means that they are sent once more.
	sentAt marks[id.Seq, time.Time]
	// records of acceptance that were made, since a signature takes longer than a look.
	records marks[id.ID, string]
	clean   marks[id.Seq, bool] // see bound
	calmed  marks[id.Seq, bool] // dispatches whose withdrawals show nothing that is over
	aside   aside
	jump    jump
	back    back
	// flying is how many dispatches of the wallet held a slot when last looked.
	flying int
	// troubled is set while the network's node keeps the whole wallet waiting; at first
	// nobody knows what another process has noted.
	troubled bool
}

func newHand(w *Worker, r rail.Rail, wal Wallet) *walletWorker {
	return &walletWorker{
		Worker: w, rail: r, wallet: wal, now: make(chan struct{}, 1), troubled: true,
		log: w.opt.Log.With("network", wal.Network, "wallet", wal.Text()),
	}
}

// marks remember something of dispatches or withdrawals. They are safe for concurrent
// use, and ready when zero.
type marks[K comparable, T any] struct {
	mu sync.Mutex
	of map[K]T
}

func (m *marks[K, T]) get(k K) (v T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of[k]
}

// marksMax bounds what is remembered. Beyond it, it starts over: that costs a look each.
const marksMax = 20_000

func (m *marks[K, T]) set(k K, v T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil || len(m.of) >= marksMax {
		m.of = map[K]T{}
	}
	m.of[k] = v
}

func (m *marks[K, T]) forget(k K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, k)
}

func (m *marks[K, T]) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.of)
}

func (h *walletWorker) poke() {
	select {
	case h.now <- struct{}{}:
	default:
	}
}

// stepTimeout is how long a round may go on after the worker was told to stop.
const stepTimeout = 20 * time.Second

func (h *walletWorker) run(ctx context.Context) {
	every := h.opt.Poll
	if every <= 0 {
		every = h.rail.PollEvery()
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := h.caught(func() error { return h.lookBack(rail.Round(context.WithoutCancel(ctx))) }); err != nil && !h.panicked(err, "the past of a wallet could not be looked at") {
			h.log.Debug("the past of a wallet could not be looked at", "error", err)
		}
		if err := h.caught(func() error { h.round(ctx); return nil }); err != nil {
			h.panicked(err, "the round on a wallet was given up")
		}
		select {
		case <-ctx.Done():
		case <-h.now:
		case <-tick.C:
		}
	}
	h.unlease() //nolint:contextcheck // ctx has ended; giving back has its own time limit
}

// caught turns a panic of fn into its error. What fn was doing is written in steps that
// are whole each, so that the next round takes it up from there.
func (h *walletWorker) caught(fn func() error) (err error) {
	defer fault.Catch(&err)
	return fn()
}

// panicked says loudly that a mistake of the program was caught, and forgets what this
// process remembered about slots: the signer may have been asked.
func (h *walletWorker) panicked(err error, text string, args ...any) bool {
	var p *fault.Panic
	if !errors.As(err, &p) {
		return false
	}
	h.clean.clear()
	h.opt.Panicked(h.wallet.Network)
	h.log.Error(text+": a mistake in the program. It is tried again; please report it", append(args, "panic", p.Value, "stack", string(p.Stack))...)
	return true
}

// step gives the context of a round. What has begun is finished even when ctx ends, so
// that a shutdown leaves nothing half recorded; then it has stepTimeout. A round has no
// other time limit: a slow node makes it long, and nothing in it is lost by that.
func (h *walletWorker) step(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	step, cancel := context.WithCancelCause(rail.Round(context.WithoutCancel(ctx)))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(stepTimeout, func() { cancel(errShutdown) })
		context.AfterFunc(step, func() { timer.Stop() })
	})
	return step, func(cause error) { stop(); cancel(cause) }
}

var errShutdown = errors.New("the process is stopping")

// round does everything there is to do now. Between steps it stops when ctx ends.
func (h *walletWorker) round(ctx context.Context) {
	step, end := h.step(ctx)
	defer end(nil)
	if idle, err := h.idle(step); err != nil || idle || !h.lease(step) {
		if err != nil {
			h.log.Error("what there is to do cannot be read", "error", err)
		}
		return
	}
	defer h.keepLease(step, end)()
	// Read under the lease: what another process did before is written by now.
	work, err := h.read.OpenWork(step, h.wallet.Seq)
	if err != nil {
		h.log.Error("open dispatches cannot be read", "error", err)
		return
	}
	h.flying = 0
	h.remember(work)
	var signed, fresh []Work
	for _, d := range work {
		if d.Dispatch.State == Sealed {
			h.flying++
		}
		if d.Dispatch.State == Planned || d.Dispatch.State == Sealed && d.Dispatch.Attempts == 0 {
			fresh = append(fresh, d)
		} else {
			signed = append(signed, d)
		}
	}
	open := h.followAll(ctx, step, signed)
	if h.back.halts() {
		h.turn(step)
		h.halted(step)
		return
	}
	more, before := h.inOrder(ctx, step, fresh)
	if !h.leased() || ctx.Err() != nil {
		return
	}
	h.turn(step)
	if before != nil {
		h.tellBehind(step, before)
		return
	}
	h.planMore(ctx, step, append(open, more...))
}

// followers is how many dispatches are worked on side by side.
const followers = 16

// followAll carries on what is signed, and returns what is still open.
func (h *walletWorker) followAll(ctx, step context.Context, work []Work) (open []Work) {
	now := make([]Work, len(work))
	copy(now, work)
	_ = rail.Side(len(work), followers, func(n int) error {
		if ctx.Err() != nil || !h.leased() {
			return nil
		}
		err := h.caught(func() (err error) { now[n], err = h.advance(step, work[n]); return err })
		h.stop(now[n].Dispatch, err)
		return nil
	})
	for _, d := range now {
		if d.Dispatch.State.Open() {
			open = append(open, d)
		}
	}
	return open
}

// inOrder carries on what is not signed, one after the other, and then sends what was
// signed. before is why nothing may overtake what could not be signed.
func (h *walletWorker) inOrder(ctx, step context.Context, work []Work) (open []Work, before error) {
	for _, d := range work {
		if ctx.Err() != nil {
			break
		}
		var now Work
		err := h.caught(func() (err error) { now, err = h.advance(step, d); return err })
		if now.Dispatch.Seq == 0 {
			now = d
		}
		if now.Dispatch.State.Open() {
			open = append(open, now)
		}
		if h.stop(now.Dispatch, err) {
			before = err
			break
		}
	}
	return h.sendAll(step, open), before
}

// stop logs an error and tells whether the round must end: without the lease
// nothing may be written, and out of order nothing may be sent.
func (h *walletWorker) stop(d Dispatch, err error) bool {
	code, _, waits := rail.Why(err)
	switch {
	case err == nil:
		h.opt.Outages.OK(stuck(d))
		return false
	case fault.CodeOf(err) == "lease_lost":
		h.lost()
		h.log.Warn("another process has taken over the wallet", "dispatch", dispatchText(d.Seq))
		return true
	case h.panicked(err, "a dispatch was not carried on", "dispatch", dispatchText(d.Seq)):
	case waits && rail.EverybodyWaits(code), refusedByRule(err), fault.KindOf(err) == fault.Unavailable:
		// What is away is told already, and what the signer refuses stands on the withdrawals.
	default:
		h.opt.Outages.Fail(stuck(d), err, "wallet", h.wallet.Text(), "state", string(d.State))
	}
	// What holds a nonce and is not signed must not be overtaken: a later nonce would wait
	// for it. What is only planned holds none, and stands in nobody's way.
	return d.State == Sealed && d.Attempts == 0 && d.Nonce != noNonce
}

// idle tells whether there is nothing to do on the wallet. Then its lease is left to
// end: renewing it would cost a commit per poll.
func (h *walletWorker) idle(ctx context.Context) (bool, error) {
	queued, err := h.queued(ctx, 1+h.aside.now())
	if err != nil || len(queued) > 0 || h.turnWaits(h.wallet.Seq) {
		return false, err
	}
	work, err := h.read.OpenWork(ctx, h.wallet.Seq)
	return len(work) == 0, err
}
