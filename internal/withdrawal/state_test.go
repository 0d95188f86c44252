package withdrawal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// TestStatesChangeOneWay reads the sources: only change gives a withdrawal another state, so
// that no state is reached along an edge that is not in the table.
func TestStatesChangeOneWay(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				if a, ok := n.(*ast.AssignStmt); ok {
					for _, to := range a.Lhs {
						if s, ok := to.(*ast.SelectorExpr); ok && s.Sel.Name == "State" {
							set[fn.Name.Name] = true
						}
					}
				}
				return true
			})
		}
	}
	// AsCreated and At look back; they change nothing.
	if want := []string{"AsCreated", "At", "change"}; !slices.Equal(slices.Sorted(maps.Keys(set)), want) {
		t.Errorf("a state is set in %v, want %v", slices.Sorted(maps.Keys(set)), want)
	}
}
