// Package outage tells of what lasts. A node that is away fails a hundred times a minute: the
// log gets one line when that begins and one when it ends, and metrics say what is out now.
package outage

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Subject is what is out: one of a kind, by name.
type Subject struct {
	What string // database, node, signer, ...
	Name string // of a network, a dispatch, ...; "" where there is one only
}

// The kinds.
const (
	Database = "database"
	Node     = "node"    // by network
	Signer   = "signer"  // it does not answer
	Signing  = "signing" // the signer answers, and signs nothing
	Keys     = "keys"    // the signer answers, and its keys cannot be read
	Bank     = "bank"    // by network
	Dispatch = "dispatch"
	Step     = "step" // of a dispatch, which goes on without it
	Port     = "port" // by the key of the configuration that names it
	Work     = "work" // a part of this process, by its name
)

// lines are what the log says at the begin and at the end.
var lines = map[string][2]string{
	Database: {"the database does not answer: requests are refused, payouts wait", "the database answers again"},
	Node:     {"a node does not answer: payouts on its network wait", "a node answers again"},
	Signer:   {"the signer does not answer: payouts wait for it", "the signer answers again"},
	Signing:  {"the signer signs nothing: payouts wait for it", "the signer signs again"},
	Keys:     {"the keys cannot be read: those that were known still sign", "the keys can be read again"},
	Bank:     {"the bank's files cannot be reached: its payouts wait", "the bank's files can be reached again"},
	Dispatch: {"a dispatch does not advance: it is tried again", "a dispatch advances again"},
	Step:     {"a step of a dispatch is not possible now: what was sent stays good", "a step of a dispatch is possible again"},
	Port:     {"no connection can be accepted: requests wait or fail; is the limit of open files too low?", "connections are accepted again"},
	Work:     {"something does not work and is tried again", "something works again"},
}

// Quiet is how long nothing must have failed before an outage has ended: what fails every
// other time is one outage, not a hundred.
const Quiet = 5 * time.Second

// Book knows what is out. It is safe for concurrent use; a nil Book notes nothing.
type Book struct {
	log *slog.Logger
	now func() time.Time

	out  atomic.Int64 // len(open): what works need not wait for the lock
	mu   sync.Mutex
	open map[Subject]*state
}

type state struct {
	since, failed time.Time
	args          []any
}

// New makes a book that tells log.
func New(log *slog.Logger) *Book { return &Book{log: log, now: time.Now, open: map[Subject]*state{}} }

// Fail notes that something does not work. args go to both lines of the log, like a wallet.
// An error that is marked is about what it says, and about nothing else.
func (b *Book) Fail(s Subject, err error, args ...any) {
	if b == nil || errors.Is(err, context.Canceled) { // who gave up proves nothing
		return
	}
	if m := (marked{}); errors.As(err, &m) && m.subject != s {
		s, args = m.subject, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if o := b.open[s]; o != nil {
		o.failed = now
		return
	}
	if s.Name != "" {
		args = append([]any{s.What, s.Name}, args...)
	}
	b.open[s] = &state{now, now, args}
	b.out.Store(int64(len(b.open)))
	b.log.Warn(lines[s.What][0], append(slices.Clone(args), "error", err)...)
}

// OK notes that something works.
func (b *Book) OK(s Subject) {
	if b == nil || b.out.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.open[s]
	if o == nil {
		return
	}
	now := b.now()
	if now.Sub(o.failed) < Quiet {
		return
	}
	delete(b.open, s)
	b.out.Store(int64(len(b.open)))
	b.log.Warn(lines[s.What][1], append(slices.Clone(o.args), "lasted", now.Sub(o.since).Round(time.Second))...)
}

// Note is Fail or OK.
func (b *Book) Note(s Subject, err error, args ...any) {
	if err != nil {
		b.Fail(s, err, args...)
		return
	}
	b.OK(s)
}

// Forget drops a subject that is no more, without a line.
func (b *Book) Forget(s Subject) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, s)
	b.out.Store(int64(len(b.open)))
}

// Open lists what is out.
func (b *Book) Open() []Subject {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Subject
	for s := range b.open {
		out = append(out, s)
	}
	slices.SortFunc(out, func(x, y Subject) int { return cmp.Or(cmp.Compare(x.What, y.What), cmp.Compare(x.Name, y.Name)) })
	return out
}

// marked is an error that says what is out.
type marked struct {
	subject Subject
	error
}

func (m marked) Unwrap() error { return m.error }

// Mark makes an error say what is out, for Handler.
func Mark(s Subject, err error) error {
	if err == nil {
		return nil
	}
	return marked{s, err}
}

// Handler gives a handler that keeps out of the log what the book has told already: warnings
// and errors whose error is marked. They are there at the level debug.
func (b *Book) Handler(next slog.Handler) slog.Handler { return handler{next, b} }

type handler struct {
	next slog.Handler
	book *Book
}

// Enabled implements slog.Handler.
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	var m marked
	if r.Level >= slog.LevelWarn {
		r.Attrs(func(a slog.Attr) bool {
			err, ok := a.Value.Any().(error)
			return !ok || !errors.As(err, &m)
		})
	}
	if m.error != nil {
		h.book.Fail(m.subject, m.error)
		if r.Level = slog.LevelDebug; !h.next.Enabled(ctx, r.Level) {
			return nil
		}
	}
	return h.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.next.WithAttrs(attrs), h.book}
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.next.WithGroup(name), h.book} }
