package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/internal/commit"
	"sluice/internal/store"
)

// How long what was seen of the database's writes says something about the next one.
const (
	wroteFor  = 2 * time.Second  // a commit
	failedFor = 10 * time.Second // a commit that failed; one row may fit where a batch does not
	probedFor = time.Second      // a write that only tested
)

// writes knows whether the database takes writes: from the commits of this process, and
// where there are none, from a write of its own. A database that answers reads may still
// refuse every write: as a standby, or because its disk is full.
type writes struct {
	probe func(context.Context) error

	mu                    sync.Mutex
	wrote, failed, probed time.Time
	err, trial            error // of failed and probed
}

// committed notes a commit that wrote something.
func (w *writes) committed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrote, w.failed, w.err = time.Now(), time.Time{}, nil
}

// refused notes an error of a transaction. What the database said about a row, and a
// caller who gave up, say nothing about the database.
func (w *writes) refused(err error) {
	if err == nil || errors.Is(err, commit.ErrInvariant) || errors.Is(err, commit.ErrRejected) || errors.Is(err, context.Canceled) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed, w.err = time.Now(), err
}

// ask says whether the database takes writes now. Callers wait for the one who writes.
func (w *writes) ask(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	switch {
	case w.err != nil && now.Sub(w.failed) < failedFor:
		return w.err
	case w.err == nil && now.Sub(w.wrote) < wroteFor:
		return nil
	case now.Sub(w.probed) < probedFor:
		return w.trial
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
	defer cancel()
	w.trial = w.probe(ctx)
	w.probed = time.Now()
	if w.trial == nil {
		w.failed, w.err = time.Time{}, nil
	}
	return w.trial
}

// text says for a person why nothing can be written; it names no host and no user.
func (w *writes) text(err error) string {
	if why := store.WhyNoWrites(err); why != "" {
		return "the database takes no writes: " + why
	}
	return "the database takes no writes; see the log"
}
