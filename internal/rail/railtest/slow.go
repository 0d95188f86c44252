package railtest

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"sluice/internal/rail"
)

// This file holds nodes that do what they are asked, and say so too late.

// late is a node whose answers to a method come after their time-out: the first one, or
// all of them. It has been asked all the same.
func late(method string, all bool) Tamper {
	var mu sync.Mutex
	was := false
	return func(_ context.Context, q Question, ask func() (json.RawMessage, error)) (json.RawMessage, error) {
		raw, err := ask()
		mu.Lock()
		defer mu.Unlock()
		if q.Method != method || was && !all {
			return raw, err
		}
		was = true
		return nil, context.DeadlineExceeded
	}
}

// sent keeps what a node was handed.
type sent struct {
	mu  sync.Mutex
	all map[string]bool
}

func (s *sent) before(method string, f Tamper) Tamper {
	return func(ctx context.Context, q Question, ask func() (json.RawMessage, error)) (json.RawMessage, error) {
		if q.Method == method {
			s.mu.Lock()
			s.all[string(q.Params[0])] = true
			s.mu.Unlock()
		}
		return f(ctx, q, ask)
	}
}

// slow wants an answer that comes too late to be silence at every step of a payout: no
// refusal, no outcome, and the next attempt goes on with the same bytes.
func (h *Harness) slow(t *testing.T) {
	asset := h.Assets[len(h.Assets)-1]
	probe := h.job(t, h.rich(t, asset), asset, "")
	l := h.line(t)
	_, _ = l.Feasible(t.Context(), probe.slot.Wallet, nil, probe.payouts)
	_, _ = l.Prepare(t.Context(), probe.slot, probe.payouts, nil)
	a := probe.attempt()
	_, _ = l.Observe(t.Context(), probe.slot, probe.payouts, probe.attempts)
	_ = l.Submit(t.Context(), a)
	probe.outcome(true)
	_, _ = probe.observeOver(l)
	for _, method := range slices.Sorted(maps.Keys(l.heard)) {
		t.Run(method+"_once", func(t *testing.T) { h.slowIn(t, l, method, asset, false) })
		t.Run(method+"_for_a_while", func(t *testing.T) { h.slowIn(t, l, method, asset, true) })
	}
}

// slowIn carries one payout over a node that is late in each step, and well after it.
func (h *Harness) slowIn(t *testing.T, l *line, method, asset string, all bool) {
	j := h.job(t, h.rich(t, asset), asset, "")
	handed := sent{all: map[string]bool{}}
	well := func(_ context.Context, _ Question, ask func() (json.RawMessage, error)) (json.RawMessage, error) {
		return ask()
	}
	step := func(what string, do func() error) {
		t.Helper()
		l.tamper(handed.before(h.Wires.Send, late(method, all)))
		err := do()
		l.tamper(handed.before(h.Wires.Send, well))
		if err == nil {
			return
		}
		if isRefusal(err) || !rail.Has(err, rail.CodeSilent) && !errors.Is(err, rail.ErrLook) {
			t.Errorf("%s: got %v, want silence", what, err)
		}
		if err := do(); err != nil {
			t.Fatalf("%s: the node is well again, and there is %v", what, err)
		}
	}
	step("feasible", func() error {
		f, err := l.Feasible(t.Context(), j.slot.Wallet, nil, j.payouts)
		if err == nil && !f.OK {
			return &rail.Wait{Code: f.Code, Text: f.Reason}
		}
		return err
	})
	step("prepare", func() error {
		in, err := l.Prepare(t.Context(), j.slot, j.payouts, nil)
		if err == nil {
			in.Fence, in.Bound = 1, "dsp_test"
			j.attempts = []rail.Attempt{sign(t, j.Signer, in)}
		}
		return err
	})
	step("submit", func() error { return l.Submit(t.Context(), j.attempts[0]) })
	observe := func() error {
		o, err := l.Observe(t.Context(), j.slot, j.payouts, j.attempts)
		if o.Stage != rail.StageFinal && len(o.Paid) > 0 || o.Stage == rail.StageFinal && !o.Paid[0] || o.Lost {
			t.Errorf("silence is taken for an answer: %+v", o)
		}
		return err
	}
	step("observe", observe)
	h.Blocks(t, 1)
	h.Finalize(t)
	step("observe a final block", observe)
	l.tamper(nil)
	j.outcome(true)
	if len(handed.all) != 1 {
		t.Errorf("the node was handed %d different transactions", len(handed.all))
	}
}
