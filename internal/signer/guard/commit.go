package guard

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sluice/internal/fault"
)

// binder decides about asks and makes the decisions durable. Asks that come while one
// commit is on its way share the next one: one line, one fsync.
type binder struct {
	now  func() time.Time
	dir  string   // "": nothing outlives the process
	log  *journal // nil without a folder
	stop string   // the file whose presence stops everything

	state  *state
	broken error // the log is not what the state is made of any more

	mu    sync.Mutex
	busy  bool
	queue []*ticket
}

// ticket is one ask that waits.
type ticket struct {
	ask  *ask
	err  error
	done chan bool // true: take over, the queue is yours
}

// stopFile is the name of the file that stops the signer.
const stopFile = "stop"

func openBinder(opt Options) (*binder, error) {
	b := &binder{now: opt.Now, dir: opt.Dir, state: newState()}
	if opt.Dir == "" {
		return b, nil
	}
	var err error
	if b.log, err = openJournal(opt.Dir, opt.FileSize, opt.Sync); err != nil {
		return nil, err
	}
	b.stop = filepath.Join(opt.Dir, stopFile)
	if err := errors.Join(b.locked(func() error { return b.log.catchUp(b.state.apply) })); err != nil {
		return nil, errors.Join(err, b.log.close())
	}
	return b, nil
}

func (b *binder) close() error {
	if b.log == nil {
		return nil
	}
	return b.log.close()
}

func (b *binder) locked(fn func() error) error {
	if err := lockFile(b.log.lock); err != nil {
		return err
	}
	return errors.Join(fn(), unlockFile(b.log.lock))
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
	err := b.broken
	if err == nil {
		err = b.locked(func() error {
			if err := b.log.catchUp(b.state.apply); err != nil {
				return err
			}
			entries := b.decide(batch)
			if len(entries) == 0 {
				return nil
			}
			return b.log.append(entries)
		})
	}
	if err == nil {
		return
	}
	// The state may hold what the log does not. Nobody gets an answer from it any more.
	if b.broken == nil {
		b.broken = fault.Wrap(err, fault.Unavailable, "signer_log", "the signer cannot write its log, and signs nothing until it is started again; look at the disk of %s", b.dir)
		if fault.CodeOf(err) == "signer_log_damaged" {
			b.broken = err
		}
	}
	for _, t := range batch {
		t.err = b.broken
	}
}

// decide makes the entries of a batch, and changes the state by them.
func (b *binder) decide(batch []*ticket) []entry {
	var entries []entry
	stopped := b.stopped()
	if stopped != b.state.stopped {
		e := entry{Kind: kindResume, At: b.state.now(b.now()).UnixMilli()}
		if stopped {
			e.Kind = kindStop
		}
		if b.state.apply(e) == nil {
			entries = append(entries, e)
		}
	}
	for _, t := range batch {
		if stopped {
			t.err = refuse("sign_stopped", "it is stopped; `sluice signer resume` lets it sign again")
			continue
		}
		if t.ask.preview {
			t.err = b.state.preview(t.ask, b.now())
			continue
		}
		e, err := b.state.decide(t.ask, b.now())
		if err == nil {
			err = b.state.apply(e)
		}
		if t.err = err; err == nil {
			entries = append(entries, e)
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
