// Package recovery keeps a restored database from paying twice. A database that was
// restored from a backup does not know what was accepted and paid since. So whenever
// something outside the database knows more than it does (an anchor of the books, the log
// of the signer, a chain), the installation only looks: it follows what is under way, and
// accepts, takes back and pays nothing until what was found is taken in and the books are
// opened again.
package recovery

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// Shard is where the row of the installation is: the operator's.
const Shard id.Shard = 0

// State says whether the books are used or only looked at.
type State string

// The states.
const (
	Open    State = "open"
	Looking State = "looking"
)

// Self is the key of the one row there is.
const Self = "self"

// Installation is the one row about the books as a whole.
type Installation struct {
	Name   string // Self
	State  State
	Reason string    // why they are only looked at, or were opened, for a person
	Since  time.Time // of the state
	Actor  string    // who caused the state
	// Asks says that only an operator opens the books again: something was lost that nothing
	// outside them remembers, or an operator began the looking.
	Asks bool
	// Place is how far the signer's log was compared, see signer.Historian.
	Place   string
	Version int64
}

// Installations is the table of the one row.
var Installations = commit.NewTable("installation", func(i *Installation) string { return i.Name })

// Actor is the name under which the process's own changes appear.
const Actor = "server:recovery"

// BackupActor is the name under which a backup says that it is one.
const BackupActor = "sluice backup"

// MaxReason bounds reasons, in bytes.
const MaxReason = 1000

// Look makes a shard only look. In the operator's shard it notes why, for all; the
// others follow what stands there. Looking again changes nothing, but that a reason which asks for an operator takes the place of one that does not. Result: Installation,
// empty in other shards.
type Look struct {
	Reason string
	Asks   bool // see Installation
	Actor  string
}

// Reads implements commit.Command.
func (Look) Reads(w *commit.Wants) { Installations.Want(w, Self) }

// Apply implements commit.Command.
func (c Look) Apply(v *commit.View) (Installation, error) {
	v.SetLooking(true)
	i, ok := Installations.Get(v, Self)
	if v.Shard() != Shard || ok && i.State == Looking && (i.Asks || !c.Asks) {
		return i, nil
	}
	i.Name, i.State, i.Reason, i.Since, i.Actor, i.Asks, i.Version = Self, Looking, cut(c.Reason), v.Now(), c.Actor, c.Asks, i.Version+1
	Installations.Put(v, i)
	event.Append(v, event.Event{Type: event.BooksLooking, Version: i.Version, State: string(i.State), Actor: c.Actor, Reason: i.Reason})
	return i, nil
}

// Reopen ends the looking of a shard: what was found is taken in, or an operator says
// so. The operator's shard is the last one. Messages of the shard that were written
// after the backup are forgotten, and whoever got them has their numbers: Skip numbers
// are left out, at least 1. Result: Installation, empty in other shards.
type Reopen struct {
	Skip   int64
	Reason string
	Actor  string
}

// Reads implements commit.Command.
func (Reopen) Reads(w *commit.Wants) { Installations.Want(w, Self) }

// Apply implements commit.Command.
func (c Reopen) Apply(v *commit.View) (Installation, error) {
	if c.Reason == "" || len(c.Reason) > MaxReason {
		return Installation{}, fault.Bad("invalid_reason", "reason", "say why in 1 to %d bytes: it is kept with the books", MaxReason)
	}
	i, ok := Installations.Get(v, Self)
	if !v.Looking() && (!ok || i.State == Open) {
		return i, nil
	}
	v.SetLooking(false)
	if v.Shard() == Shard {
		i.Name, i.State, i.Reason, i.Since, i.Actor, i.Asks, i.Version = Self, Open, c.Reason, v.Now(), c.Actor, false, i.Version+1
		Installations.Put(v, i)
	}
	event.Append(v, event.Event{Type: event.BooksOpened, Version: max(c.Skip, 1), State: string(Open), Actor: c.Actor, Reason: c.Reason})
	return i, nil
}

// Compared notes how far the signer's log was compared. It does nothing if somebody else
// has noted another place meanwhile. Result: Installation.
type Compared struct{ From, To string }

// Reads implements commit.Command.
func (Compared) Reads(w *commit.Wants) { Installations.Want(w, Self) }

// Apply implements commit.Command.
func (c Compared) Apply(v *commit.View) (Installation, error) {
	i, ok := Installations.Get(v, Self)
	if i.Place != c.From {
		return i, nil
	}
	if !ok {
		i = Installation{Name: Self, State: Open, Since: v.Now(), Actor: Actor}
	}
	i.Place, i.Version = c.To, i.Version+1
	Installations.Put(v, i)
	return i, nil
}

func cut(reason string) string { return reason[:min(len(reason), MaxReason)] }

// Knows tells whether books that have a dispatch in a state ("" for none) know that its
// slot was bound.
func Knows(state string) bool { return state != "" && state != "planned" }
