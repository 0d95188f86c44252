package commit

import (
	"errors"
	"fmt"
	"runtime/debug"

	"sluice/internal/fault"
)

// A panic of a command is a fault of its code, and is caught where it is certain what
// it left: nothing. The command is refused and the others of its batch go on. Only a
// panic with ErrInvariant in it speaks of the books and stops the shard.

// declare asks a command what it reads.
func (c *call[R]) declare(w *Wants) (err error) {
	c.out = Outcome[R]{}
	defer caught(c.req.Command, "Reads", &err)
	c.req.Command.Reads(w)
	if c.req.Key.Key != "" {
		Records.Want(w, c.req.Key)
	}
	return nil
}

// follow asks a command what else it reads. It must change nothing; what it has changed
// all the same when it panicked is undone.
func (c *call[R]) follow(v *View, w *Wants) (err error) {
	if _, ok := c.req.Command.(Follower); !ok {
		return nil
	}
	v.begin()
	defer func() {
		if err != nil {
			v.rollback()
		}
	}()
	defer caught(c.req.Command, "Follow", &err)
	follow(c.req.Command, v, w)
	return nil
}

// apply runs a command in the view and keeps its outcome; after an error the view is as
// it was before, but for the record of a refusal.
func (c *call[R]) apply(v *View) (err error) {
	v.begin()
	defer func() {
		if isPanic(err) || errors.Is(err, ErrInvariant) {
			c.out = Outcome[R]{}
			v.rollback()
		}
	}()
	defer caught(c.req.Command, "Apply", &err)
	out, seen, err := c.req.replay(v)
	if seen {
		c.out = out
		return err
	}
	result, err := c.req.Command.Apply(v)
	if err != nil {
		v.rollback()
		v.begin()
	}
	if !errors.Is(err, ErrInvariant) {
		c.req.record(v, result, err)
	}
	c.out = Outcome[R]{Result: result}
	return err
}

// panicked is a panic of a command: what the caller gets to know of it, and for the log
// what happened.
type panicked struct{ error }

func (p panicked) Unwrap() error { return p.error }

func isPanic(err error) bool {
	var p panicked
	return errors.As(err, &p)
}

// caught turns a panic into an error. It must be deferred itself.
func caught(c any, where string, err *error) {
	r := recover()
	if r == nil {
		return
	}
	if e, ok := r.(error); ok && errors.Is(e, ErrInvariant) {
		*err = fmt.Errorf("%T panicked in %s: %w\n%s", c, where, e, debug.Stack())
		return
	}
	*err = panicked{fault.Wrap(fmt.Errorf("%T panicked in %s: %v\n%s", c, where, r, debug.Stack()), fault.Internal, "internal",
		"Something went wrong on our side; nothing was done. See the server log")}
}
