// Package commit is the one way in. Every change of money or state is a Command;
// a Loop per shard takes the commands that wait, loads what they declared, applies
// them in order in memory, writes all changes, commits once, and only then answers
// each caller (group commit). The package knows commands and a Store port, no SQL.
package commit

import (
	"context"
	"errors"
	"time"

	"sluice/internal/id"
)

// Command is one change whose result is an R. A command value may be applied more
// than once (a batch that did not commit is run again on fresh rows), so Apply must
// not change it.
type Command[R any] interface {
	// Reads declares every row that Apply may read or write, by key.
	Reads(w *Wants)
	// Apply makes the change. It is pure: no clock, no randomness, no I/O; time
	// and ids come from the view. An error refuses the command, and everything it
	// did to the view is undone; the other commands of its batch go on.
	Apply(v *View) (R, error)
}

// Nothing is the result of a command that has none.
type Nothing struct{}

// Follower is a command that learns from the rows it read which further rows it
// needs (a withdrawal names its account). Follow is called once, after the first load.
type Follower interface {
	Follow(v *View, w *Wants)
}

// Quiet drops the result of a command, so that commands of several kinds fit in one list.
func Quiet[R any](c Command[R]) Command[Nothing] { return quiet[R]{c} }

type quiet[R any] struct{ Command[R] }

// Follow implements Follower.
func (q quiet[R]) Follow(v *View, w *Wants) { follow(q.Command, v, w) }

// Apply implements Command.
func (q quiet[R]) Apply(v *View) (Nothing, error) {
	_, err := q.Command.Apply(v)
	return Nothing{}, err
}

// follow calls Follow on a command that has it.
func follow[R any](c Command[R], v *View, w *Wants) {
	if f, ok := c.(Follower); ok {
		f.Follow(v, w)
	}
}

// Store is what the loop needs from a database.
type Store interface {
	// Begin opens a transaction on a shard, locks the shard's row (total order
	// per shard), and loads every row the view wants. Any error means that
	// nothing happened.
	Begin(ctx context.Context, shard id.Shard, v *View) (Tx, error)
}

// Tx is an open batch.
type Tx interface {
	// Load loads what the view wants since Begin.
	Load(ctx context.Context, v *View) error
	// Commit writes every change of the view and commits. An error that
	// matches ErrRejected or ErrNotCommitted means nothing was written; any other
	// error means that the outcome is unknown.
	Commit(ctx context.Context, v *View) error
	// Rollback gives up; it is safe after Commit.
	Rollback()
}

// ErrNotCommitted says that a batch certainly left nothing, and that running it again may work
// (connection lost before commit, serialization failure, lock time-out).
var ErrNotCommitted = errors.New("the batch was not committed")

// ErrRejected says that a batch certainly left nothing because the database
// refused one of its rows; the other commands deserve to be run without it.
var ErrRejected = errors.New("the database refused a row of the batch")

// ErrInvariant marks a broken invariant found in a command or a store: the shard
// stops rather than continue wrong.
var ErrInvariant = errors.New("invariant broken")

// KeyLife is how long an idempotency key is remembered, at the least.
const KeyLife = 30 * 24 * time.Hour
