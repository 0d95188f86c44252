package rail_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fault"
	"sluice/internal/rail"
)

func TestSide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		start := time.Now()
		err := rail.Side(10, 4, func(n int) error {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Second)
			switch n {
			case 3:
				return context.Canceled
			case 7:
				panic("seven")
			}
			return nil
		})
		if most.Load() != 4 || time.Since(start) != 3*time.Second {
			t.Errorf("%d side by side, in %s", most.Load(), time.Since(start))
		}
		var p *fault.Panic
		if !errors.Is(err, context.Canceled) || !errors.As(err, &p) || p.Value != "seven" || len(p.Stack) == 0 {
			t.Errorf("got %v", err)
		}
	})
}

// TestRound: a question is asked once in a round, an error is not remembered, and without
// a round nothing is.
func TestRound(t *testing.T) {
	asked := 0
	ask := func(ctx context.Context, key string, err error) (int, error) {
		return rail.Once(ctx, key, func() (int, error) { asked++; return asked, err })
	}
	round := rail.Round(t.Context())
	for range 3 {
		if n, err := ask(round, "a", nil); n != 1 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
	}
	if _, err := ask(round, "b", context.Canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n, err := ask(round, "b", nil); n != 3 || err != nil {
		t.Errorf("after an error: %d, %v", n, err)
	}
	if n, _ := ask(rail.Round(t.Context()), "a", nil); n != 4 {
		t.Errorf("another round remembers %d", n)
	}
	if n, _ := ask(t.Context(), "a", nil); n != 5 {
		t.Errorf("without a round: %d", n)
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = rail.Once(round, "c", func() (int, error) { panic("c") })
	}()
	if n, err := ask(round, "c", nil); n != 6 || err != nil {
		t.Errorf("after a panic: %d, %v", n, err)
	}
}

// TestRoundShares: who asks the same at the same time waits for one answer.
func TestRoundShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		round := rail.Round(t.Context())
		var asked atomic.Int64
		err := rail.Side(5, 5, func(int) error {
			_, err := rail.Once(round, "a", func() (int, error) {
				time.Sleep(time.Second)
				return int(asked.Add(1)), nil
			})
			return err
		})
		if err != nil || asked.Load() != 1 {
			t.Errorf("asked %d times (%v)", asked.Load(), err)
		}
	})
}

func TestWhy(t *testing.T) {
	cause := fault.New(fault.Invalid, "rail_config", "wrong chain")
	w := &rail.Wait{Code: rail.CodeWrongChain, Text: "for everybody", Cause: cause}
	if !errors.Is(w, rail.ErrUnavailable) || fault.CodeOf(w) != "rail_config" {
		t.Errorf("%v is not what its cause says", w)
	}
	for err, want := range map[error]string{w: rail.CodeWrongChain, rail.ErrUnavailable: rail.CodeSilent, rail.ErrLook: "", context.Canceled: ""} {
		if code, text, ok := rail.Why(err); code != want || ok != (want != "") || ok != (text != "") {
			t.Errorf("%v: %q %q %t, want %q", err, code, text, ok, want)
		}
	}
}
