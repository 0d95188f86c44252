// Package withdrawal is the aggregate that a merchant asks for: money of an
// account, held, carried to a destination exactly once, and followed to its end.
package withdrawal

//go:generate go run ./gen

import (
	"sluice/internal/event"
)

// State is where a withdrawal is in its life.
type State string

// The states.
const (
	New        State = "new"        // accepted, money held, cancellable; waits for its time
	Review     State = "review"     // waits for a person; money held, cancellable
	Queued     State = "queued"     // ready to be paid; money held, cancellable until a dispatch claims it
	Processing State = "processing" // an instruction that may pay it exists; never leaves without proof
	Confirmed  State = "confirmed"  // paid, finally
	Failed     State = "failed"     // proved not paid; money back
	Cancelled  State = "cancelled"  // taken back by the merchant; money back
	Rejected   State = "rejected"   // refused by a rule or the operator; money back
	Returned   State = "returned"   // paid, then came back; money back
)

// States lists all of them in the order of a life.
var States = []State{New, Review, Queued, Processing, Confirmed, Failed, Cancelled, Rejected, Returned}

// Final tells whether the state is an end. Confirmed is one although a bank payment may still be returned.
func (s State) Final() bool {
	switch s {
	case Confirmed, Failed, Cancelled, Rejected, Returned:
		return true
	case New, Review, Queued, Processing:
		return false
	}
	return false
}

// Cancellable tells whether the merchant may still take it back.
func (s State) Cancellable() bool { return s == New || s == Review || s == Queued }

// Holds tells whether the money is held in the reserved bucket.
func (s State) Holds() bool { return s == New || s == Review || s == Queued || s == Processing }

// Transition is one edge of the state machine.
type Transition struct {
	From, To State
	Event    event.Type
	Why      string // for the diagram and the timeline
}

// Transitions is the whole state machine. A state is left only along one of these;
// states.md is generated from it, and the stores repeat it as a CHECK.
var Transitions = []Transition{
	{New, Queued, event.WithdrawalQueued, "its time has come and nothing holds it back"},
	{New, Review, event.WithdrawalReview, "a rule wants a person to look"},
	{New, Cancelled, event.WithdrawalCancelled, "the merchant took it back"},
	{New, Rejected, event.WithdrawalRejected, "a rule or the operator refused it"},
	{Review, Queued, event.WithdrawalQueued, "approved"},
	{Review, Cancelled, event.WithdrawalCancelled, "the merchant took it back"},
	{Review, Rejected, event.WithdrawalRejected, "the operator refused it"},
	{Queued, Processing, event.WithdrawalProcessing, "a dispatch claimed it"},
	{Queued, Cancelled, event.WithdrawalCancelled, "the merchant took it back before a dispatch claimed it"},
	{Queued, Rejected, event.WithdrawalRejected, "the operator refused it before a dispatch claimed it"},
	{Processing, Confirmed, event.WithdrawalConfirmed, "proof that it was paid"},
	{Processing, Failed, event.WithdrawalFailed, "proof that nothing was or can be paid"},
	{Confirmed, Returned, event.WithdrawalReturned, "the money came back"},
}

// find gives the edge from one state to another.
func find(from, to State) (Transition, bool) {
	for _, t := range Transitions {
		if t.From == from && t.To == to {
			return t, true
		}
	}
	return Transition{}, false
}

// Diagram writes the state machine as a Mermaid state diagram.
func Diagram() string {
	s := "# States of a withdrawal\n\nGenerated from `state.go` by `make gen`; do not edit.\n\n```mermaid\nstateDiagram-v2\n    [*] --> new: accepted, money held\n"
	for _, t := range Transitions {
		s += "    " + string(t.From) + " --> " + string(t.To) + ": " + t.Why + "\n"
	}
	for _, st := range States {
		if st.Final() && st != Confirmed {
			s += "    " + string(st) + " --> [*]\n"
		}
	}
	return s + "```\n"
}
