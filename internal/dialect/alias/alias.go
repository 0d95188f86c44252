// Package alias gives rows the small whole numbers that some wires use as ids. A
// number is counted per merchant and wire, given once, and never used again. It is
// given in the commit that makes the row, or later to a row that was made otherwise.
package alias

import (
	"fmt"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// Max bounds a number: twice it and one more still fit 31 bits, which is what clients
// with signed 32-bit ids read.
const Max = 1<<30 - 1

// Key finds the number of a row on a wire.
type Key struct {
	Merchant id.Seq
	Wire     string // the dialect's name
	Ref      id.Seq // the row
}

// Alias is the number of a row.
type Alias struct {
	Key
	Kind   string // what the row is: a word of the wire's own
	Number int64  // 1 to Max, unique per merchant and wire
}

// Aliases is the table of numbers.
var Aliases = commit.NewTable("alias", func(a *Alias) Key { return a.Key })

// CounterKey names a counter.
type CounterKey struct {
	Merchant id.Seq
	Wire     string
}

// Counter is the last number that was given.
type Counter struct {
	CounterKey
	Last    int64
	Version int64
}

// Counters is the table of counters.
var Counters = commit.NewTable("alias_counter", func(c *Counter) CounterKey { return c.CounterKey })

// Give makes sure that a row has a number. Repeating it changes nothing. The row is
// the merchant's: whoever submits this has checked that.
type Give struct {
	Key
	Kind string
}

// Reads implements commit.Command.
func (c Give) Reads(w *commit.Wants) {
	Aliases.Want(w, c.Key)
	Counters.Want(w, CounterKey{c.Merchant, c.Wire})
}

// Apply implements commit.Command.
func (c Give) Apply(v *commit.View) (Alias, error) {
	if a, ok := Aliases.Get(v, c.Key); ok {
		return a, nil
	}
	return next(v, c.Key, c.Kind)
}

func next(v *commit.View, k Key, kind string) (Alias, error) {
	at := CounterKey{k.Merchant, k.Wire}
	n, _ := Counters.Get(v, at)
	if n.Last >= Max {
		return Alias{}, fault.New(fault.Refused, "numbers_used_up", "this merchant has used all %d numbers that the wire of %s has room for: use another merchant, or another API", Max, k.Wire)
	}
	n.CounterKey, n.Last, n.Version = at, n.Last+1, n.Version+1
	Counters.Put(v, n)
	a := Alias{k, kind, n.Last}
	Aliases.Insert(v, a)
	return a, nil
}

// Result is the command's own result and the number of its row.
type Result[R commit.Answerer] struct {
	Value  R
	Number int64
}

// Answer implements commit.Answerer: that of the command.
func (r Result[R]) Answer() commit.Answer { return r.Value.Answer() }

// Numbered runs a command that makes a row, which is the Ref of its answer, and gives
// the row its number in the same commit.
type Numbered[R commit.Answerer] struct {
	Command  commit.Command[R]
	Merchant id.Seq
	Wire     string
	Kind     string
}

// Reads implements commit.Command.
func (c Numbered[R]) Reads(w *commit.Wants) {
	c.Command.Reads(w)
	Counters.Want(w, CounterKey{c.Merchant, c.Wire})
}

// Follow implements commit.Follower.
func (c Numbered[R]) Follow(v *commit.View, w *commit.Wants) {
	if f, ok := c.Command.(commit.Follower); ok {
		f.Follow(v, w)
	}
}

// Apply implements commit.Command.
func (c Numbered[R]) Apply(v *commit.View) (Result[R], error) {
	made, err := c.Command.Apply(v)
	if err != nil {
		return Result[R]{}, err
	}
	row := made.Answer().Ref
	if row == 0 {
		return Result[R]{}, fmt.Errorf("%w: %T returns no row to number", commit.ErrInvariant, c.Command)
	}
	a, err := next(v, Key{c.Merchant, c.Wire, row}, c.Kind)
	if err != nil {
		return Result[R]{}, err
	}
	return Result[R]{made, a.Number}, nil
}
