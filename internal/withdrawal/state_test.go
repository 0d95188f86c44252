package withdrawal_test

import (
	"os"
	"testing"

	"sluice/internal/event"
	"sluice/internal/withdrawal"
)

// The generated page is what the table says.
func TestDiagramIsCurrent(t *testing.T) {
	have, err := os.ReadFile("states.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != withdrawal.Diagram() {
		t.Error("states.md is not what state.go says: run make gen")
	}
}

// Every state can be reached, every state that is not final can be left, and what
// every edge announces is in the catalogue of events.
func TestStateMachineIsWhole(t *testing.T) {
	in, out := map[withdrawal.State]bool{withdrawal.New: true}, map[withdrawal.State]bool{}
	for _, e := range withdrawal.Transitions {
		in[e.To], out[e.From] = true, true
		if e.Why == "" {
			t.Errorf("%s -> %s has no reason", e.From, e.To)
		}
		if !known(e.Event) {
			t.Errorf("%s -> %s announces %q, which is not in the catalogue", e.From, e.To, e.Event)
		}
		if e.From.Cancellable() != (e.From.Holds() && e.From != withdrawal.Processing) {
			t.Errorf("%s: cancellable %v, holds %v", e.From, e.From.Cancellable(), e.From.Holds())
		}
	}
	for _, s := range withdrawal.States {
		if !in[s] {
			t.Errorf("%s cannot be reached", s)
		}
		if s.Final() == s.Holds() {
			t.Errorf("%s is final: %v, and holds money: %v", s, s.Final(), s.Holds())
		}
		// Confirmed is final and can still be left: a bank may send the money back.
		if out[s] == s.Final() && s != withdrawal.Confirmed {
			t.Errorf("%s is final: %v, and can be left: %v", s, s.Final(), out[s])
		}
	}
}

func known(e event.Type) bool {
	for _, k := range event.All {
		if k.Type == e {
			return true
		}
	}
	return false
}
