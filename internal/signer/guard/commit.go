package guard

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sluice/internal/fault"
)

// binder decides about asks and makes the decisions durable. Asks that come while one
// commit is on its way share the next one: one line, one fsync.
type binder struct {
	clock *clock
	dir   string   // "": nothing outlives the process
	log   *journal // nil without a folder
	stop  string   // the file whose presence stops everything
	say   *slog.Logger

	state *state
	stale bool      // the state may hold what the log does not: it is made anew before it is used
	retry time.Time // not before this, by the wall clock

	mu      sync.Mutex
	busy    bool
	queue   []*ticket
	trouble error // why nothing is signed at all; nil: nothing stands in the way
}

// ticket is one ask that waits.
type ticket struct {
	ask  *ask
	err  error
	done chan bool // true: take over, the queue is yours
}

var errStopped = fault.New(fault.Refused, "sign_stopped", "signer: it is stopped; `sluice signer resume` lets it sign again")

// stopFile is the name of the file that stops the signer.
const stopFile = "stop"

func openBinder(opt Options) (*binder, error) {
	b := &binder{clock: newClock(opt.Now, opt.Elapsed), dir: opt.Dir, state: newState(), say: opt.Log}
	if b.say == nil {
		b.say = slog.New(slog.DiscardHandler)
	}
	if opt.Dir == "" {
		return b, nil
	}
	var err error
	if b.log, err = openJournal(opt.Dir, opt.FileSize, opt.Sync); err != nil {
		return nil, err
	}
	b.stop = filepath.Join(opt.Dir, stopFile)
	if err := b.log.locked(func() error { return b.log.catchUp(b.state.apply) }); err != nil {
		return nil, errors.Join(err, b.log.close())
	}
	if _, err := b.clock.read(b.state); err != nil {
		b.tell(err)
	}
	return b, nil
}

func (b *binder) close() error {
	if b.log == nil {
		return nil
	}
	return b.log.close()
}

// bind decides about one ask. It returns when the decision is durable.
func (b *binder) bind(a *ask) error {
	t := &ticket{ask: a, done: make(chan bool, 1)}
	b.mu.Lock()
	b.queue = append(b.queue, t)
	if b.busy {
		b.mu.Unlock()
		if !<-t.done {
			return t.err
		}
		b.mu.Lock()
	}
	b.busy = true
	batch := b.queue
	b.queue = nil
	b.mu.Unlock()

	b.commit(batch)

	b.mu.Lock()
	if len(b.queue) > 0 {
		b.queue[0].done <- true
	} else {
		b.busy = false
	}
	b.mu.Unlock()
	for _, other := range batch {
		if other != t {
			other.done <- false
		}
	}
	return t.err
}

// commit decides about a batch. Only one runs at a time.
func (b *binder) commit(batch []*ticket) {
	if b.log == nil {
		_ = b.decide(batch) // nothing is written
		return
	}
	err := b.log.locked(func() error {
		if err := b.fresh(); err != nil {
			return err
		}
		if entries := b.decide(batch); len(entries) > 0 {
			return b.log.append(entries)
		}
		return nil
	})
	if err == nil {
		return
	}
	b.stale = true
	if fault.CodeOf(err) != "signer_log_damaged" && fault.CodeOf(err) != "signer_log" {
		err = fault.New(fault.Unavailable, "signer_log", "the signer cannot write its log in %s and signs nothing; it goes on by itself once it can: %v", b.dir, err)
	}
	b.tell(err)
	for _, t := range batch {
		t.err = err
	}
}

// retryAfter is how long the log is left alone at least after an error.
const retryAfter = time.Second

// fresh makes the state what the log is. After an error all of it is read again, and a
// line that says so proves that the log takes lines.
func (b *binder) fresh() error {
	if !b.stale {
		return b.log.catchUp(b.state.apply)
	}
	begin := time.Now()
	if begin.Before(b.retry) {
		return b.trouble
	}
	// Reading may take long, and must not be all that there is time for.
	defer func() { b.retry = time.Now().Add(max(retryAfter, 2*time.Since(begin))) }()
	if err := b.log.again(); err != nil {
		return err
	}
	b.state = newState()
	if err := b.log.catchUp(b.state.apply); err != nil {
		return err
	}
	now, err := b.clock.read(b.state)
	if err != nil && !b.state.last.IsZero() {
		now = b.state.last
	}
	e := entry{Kind: kindAlive, At: now.UnixMilli(), Note: b.trouble.Error()}
	if err := b.log.append([]entry{e}); err != nil {
		return err
	}
	b.stale = false
	b.tell(nil)
	return b.state.apply(e)
}

// tell notes what stands in the way of signing, or that nothing does any more. It is
// logged once.
func (b *binder) tell(trouble error) {
	b.mu.Lock()
	before := b.trouble
	b.trouble = trouble
	b.mu.Unlock()
	switch {
	case trouble == nil && before != nil:
		b.say.Info("the signer signs again", "before", before)
	case trouble != nil && (before == nil || fault.CodeOf(before) != fault.CodeOf(trouble)):
		b.say.Error("the signer signs nothing", "code", fault.CodeOf(trouble), "error", trouble)
	}
}

// decide makes the entries of a batch, and changes the state by them.
func (b *binder) decide(batch []*ticket) []entry {
	var entries []entry
	now, wrong := b.clock.read(b.state)
	stopped := b.stopped()
	note := func(kind string) {
		if e := (entry{Kind: kind, At: now.UnixMilli()}); wrong == nil && b.state.apply(e) == nil {
			entries = append(entries, e)
		}
	}
	switch {
	case stopped && !b.state.stopped:
		note(kindStop)
	case !stopped && b.state.stopped:
		note(kindResume)
	case !b.state.last.IsZero() && now.Sub(b.state.last) > aliveAfter:
		note(kindAlive)
	}
	if wrong == nil && stopped {
		wrong = errStopped
	}
	b.tell(wrong)
	for _, t := range batch {
		switch {
		case wrong != nil:
			t.err = wrong
		case t.ask.probe:
		case t.ask.preview:
			t.err = b.state.preview(t.ask, now)
		default:
			e, err := b.state.decide(t.ask, now)
			if err == nil {
				err = b.state.apply(e)
			}
			if t.err = err; err == nil {
				entries = append(entries, e)
			}
		}
	}
	return entries
}

// stopped looks for the file. When it cannot look, it takes it as there.
func (b *binder) stopped() bool {
	if b.stop == "" {
		return false
	}
	_, err := os.Stat(b.stop)
	return !errors.Is(err, os.ErrNotExist)
}

// Stop makes every guard that uses a folder refuse everything, from the next ask on
// and across restarts, until Resume. It works without any of them running.
func Stop(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, stopFile), os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // the operator names the folder
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "signer_stop", "the stop file in %s cannot be made", dir)
	}
	return errors.Join(f.Sync(), f.Close())
}

// Resume takes back Stop.
func Resume(dir string) error {
	err := os.Remove(filepath.Join(dir, stopFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fault.Wrap(err, fault.Unavailable, "signer_stop", "the stop file in %s cannot be taken away", dir)
	}
	return nil
}
