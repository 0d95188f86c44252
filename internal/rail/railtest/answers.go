package railtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/rail"
	"sluice/internal/rail/node"
)

// This file holds what nodes get wrong: answers that lack something, readings that lie
// once, another chain behind the same address, nodes that take only so many questions,
// forget, or refuse in words of their own.

// Question is a call to a node.
type Question struct {
	Method string
	Params []json.RawMessage
}

// Tamper stands between a rail and its node. It answers by itself, or has the node asked
// and changes what comes back. A *node.Refusal is the node's own refusal, a *node.Busy its
// call for patience, every other error silence.
type Tamper func(ctx context.Context, q Question, ask func() (json.RawMessage, error)) (json.RawMessage, error)

// Wires is how the suite gets between a rail and its node.
type Wires struct {
	// Open makes a rail over the network whose questions go through f. It believes an end
	// that it sees a second time.
	Open func(t *testing.T, f Tamper) rail.Rail
	// OtherChain answers the questions by which the rail knows its chain as another does.
	OtherChain Tamper
	// Pruned answers as a node that has only the latest state.
	Pruned Tamper
	// Send is the method that hands over a payment, and Refusals what the network's nodes
	// say when they do not take it, with the code that a withdrawal must show.
	Send     string
	Refusals []Said
	// Scalars are methods whose whole answer is one figure: a zero there cannot be told
	// from a true one, and who reads it looks more than once.
	Scalars []string
	// Freely are fields (the last part of a path) that may be anything: no outcome depends on them.
	Freely []string
}

// Said is what a node says to a payment that it does not take.
type Said struct {
	Words string
	Code  string // of the Wait; "" for nothing: the node has it; "look" for ErrLook
}

func (h *Harness) answers(t *testing.T) {
	if h.Wires == nil {
		t.Fatal("a rail that asks a node has Wires: this is what nodes get wrong")
	}
	both := []string{h.Assets[0]} // the coin, and one token if there are any
	if len(h.Assets) > 1 {
		both = append(both, h.Assets[len(h.Assets)-1])
	}
	for _, asset := range both {
		t.Run("f01_f15_fields_missing_"+asset, func(t *testing.T) { h.missing(t, asset) })
		t.Run("f03_one_reading_that_lies_"+asset, func(t *testing.T) { h.oneLie(t, asset) })
	}
	t.Run("Another_chain_for_a_while", h.otherChain)
	t.Run("f11_busy_nodes", h.busy)
	t.Run("Pruned_nodes", h.pruned)
	t.Run("f07_refusals_are_named", h.named)
	t.Run("f05_no_secret_in_a_reason", h.discreet)
	t.Run("Slow_answers_are_silence", h.slow)
}

// change is a way to spoil an answer.
type change struct {
	name  string
	value func(v any) (any, bool) // the new value; false: leave it out
}

var changes = []change{
	{"left out", func(any) (any, bool) { return nil, false }},
	{"null", func(any) (any, bool) { return nil, true }},
	{"zero", func(v any) (any, bool) {
		switch v := v.(type) {
		case string:
			if strings.HasPrefix(v, "0x") {
				return "0x0", true
			}
			return "", true
		case json.Number:
			return json.Number("0"), true
		case bool:
			return false, true
		case []any:
			return []any{}, true
		}
		return map[string]any{}, true
	}},
}

// paths lists where something stands in an answer, the whole of it as "".
func paths(v any, at string, out *[]string) {
	*out = append(*out, at)
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			paths(v[k], at+"/"+k, out)
		}
	case []any:
		if len(v) > 0 {
			paths(v[0], at+"/0", out)
		}
	}
}

// spoil changes what stands at a path.
func spoil(v any, path string, c change) (any, bool) {
	head, rest, deeper := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if path == "" {
		return c.value(v)
	}
	if deeper {
		rest = "/" + rest
	}
	switch v := v.(type) {
	case map[string]any:
		if new, keep := spoil(v[head], rest, c); keep {
			v[head] = new
		} else {
			delete(v, head)
		}
	case []any:
		if len(v) == 0 {
			return v, true
		}
		if new, keep := spoil(v[0], rest, c); keep {
			v[0] = new
		} else {
			return v[1:], true
		}
	}
	return v, true
}

func parse(raw json.RawMessage) (v any, err error) {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	return v, d.Decode(&v)
}

// spoiled is a node whose answers to a method lack something. left counts how many are
// spoiled yet; below zero: all.
func spoiled(method, path string, c change, left int) Tamper {
	var mu sync.Mutex
	return func(_ context.Context, q Question, ask func() (json.RawMessage, error)) (json.RawMessage, error) {
		raw, err := ask()
		mu.Lock()
		defer mu.Unlock()
		if err != nil || q.Method != method || left == 0 {
			return raw, err
		}
		left--
		v, err := parse(raw)
		if err != nil {
			return nil, err
		}
		now, keep := spoil(v, path, c)
		if !keep {
			return json.RawMessage("null"), nil
		}
		return json.Marshal(now)
	}
}

// line is a rail whose node can be tampered with as the test goes on.
type line struct {
	rail.Rail
	mu    sync.Mutex
	f     Tamper
	heard map[string]json.RawMessage // the longest answer to each method, while nothing tampers
}

func (h *Harness) line(t *testing.T) *line {
	t.Helper()
	l := &line{heard: map[string]json.RawMessage{}}
	l.Rail = h.Wires.Open(t, func(ctx context.Context, q Question, ask func() (json.RawMessage, error)) (json.RawMessage, error) {
		l.mu.Lock()
		f := l.f
		l.mu.Unlock()
		if f != nil {
			return f(ctx, q, ask)
		}
		raw, err := ask()
		l.mu.Lock()
		defer l.mu.Unlock()
		if old := l.heard[q.Method]; err == nil && len(raw) >= len(old) {
			l.heard[q.Method] = raw
		}
		return raw, err
	})
	return l
}

// tamper puts f in the way from now on; nil takes it away.
func (l *line) tamper(f Tamper) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.f = f
}

// spoilable calls fn with every place in every answer that was heard, and every change.
func (l *line) spoilable(t *testing.T, fn func(method, path string, c change)) {
	t.Helper()
	for _, method := range slices.Sorted(maps.Keys(l.heard)) {
		v, err := parse(l.heard[method])
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		paths(v, "", &all)
		for _, path := range all {
			for _, c := range changes {
				fn(method, path, c)
			}
		}
	}
}

// observeOver observes until an end that is seen twice would be believed.
func (j *job) observeOver(r rail.Rail) (o rail.Observation, err error) {
	for range 3 {
		if o, err = r.Observe(j.t.Context(), j.slot, j.payouts, j.attempts); o.Stage == rail.StageFinal {
			break
		}
	}
	return o, err
}

// paidJob is a payout that a final block holds, with what was observed of it.
func (h *Harness) paidJob(t *testing.T, asset string) (*job, rail.Observation) {
	t.Helper()
	j := h.job(t, h.rich(t, asset), asset, "")
	j.submit(j.attempt())
	return j, j.outcome(true)
}

// must holds what a rail over a bad node says of a paid payout against the truth: it may
// not know, and say so; it may know all of it; it must never know better.
func (j *job) must(name string, o rail.Observation, err error, truth rail.Observation) {
	j.t.Helper()
	switch {
	case err != nil && !errors.Is(err, rail.ErrUnavailable):
		j.t.Errorf("%s: got %v, want ErrUnavailable", name, err)
	case o.Stage != rail.StageFinal && len(o.Paid) > 0:
		j.t.Errorf("%s: an outcome that is none: %+v", name, o)
	case o.Stage == rail.StageFinal && (len(o.Paid) != 1 || !o.Paid[0] || o.Fee != truth.Fee || o.TxID != truth.TxID):
		j.t.Errorf("%s: got %+v, and the truth is %+v", name, o, truth)
	}
}

// missing leaves every field out of every answer, one at a time, makes it null, and makes
// it zero: whatever is absent proves nothing.
func (h *Harness) missing(t *testing.T, asset string) {
	j, truth := h.paidJob(t, asset)
	booker, books := h.Rail.(rail.Booker)
	var pos rail.Position
	if books {
		var err error
		if pos, err = booker.Position(t.Context(), j.slot.Wallet); err != nil {
			t.Fatal(err)
		}
	}
	l := h.line(t)
	over, _ := l.Rail.(rail.Booker)
	next := h.job(t, j.slot.Wallet, asset, "")
	_, _ = j.observeOver(l)
	_, _ = l.Prepare(t.Context(), next.slot, next.payouts, nil)
	if books {
		_, _ = over.Position(t.Context(), j.slot.Wallet)
	}
	l.spoilable(t, func(method, path string, c change) {
		name := fmt.Sprintf("%s%s %s", method, path, c.name)
		l.tamper(spoiled(method, path, c, -1))
		o, err := j.observeOver(l)
		j.must(name, o, err, truth)
		scalar := path == "" && c.name == "zero" && slices.Contains(h.Wires.Scalars, method)
		if books && !scalar {
			got, err := over.Position(t.Context(), j.slot.Wallet)
			if err == nil && !same(got, pos) {
				t.Errorf("%s: a position out of nothing: %+v, want %+v", name, got, pos)
			}
		}
		if _, err := l.Prepare(t.Context(), next.slot, next.payouts, nil); isRefusal(err) {
			t.Errorf("%s: a refusal out of nothing: %v", name, err)
		}
	})
}

// same compares positions; one at a later block has what the earlier one had.
func same(a, b rail.Position) bool { return maps.Equal(a.Balances, b.Balances) && a.Nonce == b.Nonce }

// oneLie spoils one answer alone: a single reading decides nothing.
func (h *Harness) oneLie(t *testing.T, asset string) {
	j, truth := h.paidJob(t, asset)
	l := h.line(t)
	_, _ = j.observeOver(l)
	l.spoilable(t, func(method, path string, c change) {
		l.tamper(spoiled(method, path, c, 1))
		o, err := j.observeOver(l)
		j.must(fmt.Sprintf("once %s%s %s", method, path, c.name), o, err, truth)
	})
	// What was never sent has no end, whatever a node says once.
	unsent := h.job(t, h.rich(t, asset), asset, "")
	a := unsent.attempt()
	for method, raw := range l.heard {
		var mu sync.Mutex
		left := 1
		l.tamper(func(_ context.Context, q Question, ask func() (json.RawMessage, error)) (json.RawMessage, error) {
			mu.Lock()
			defer mu.Unlock()
			if q.Method == method && left > 0 {
				left--
				return raw, nil // the answer about another payout, which is paid
			}
			return ask()
		})
		if o, _ := unsent.observeOver(l); o.Stage == rail.StageFinal || len(o.Paid) > 0 {
			t.Errorf("%s answered once for another payout: %+v", method, o)
		}
	}
	unsent.submit(a)
	unsent.outcome(true)
}

// otherChain puts another chain behind the address for a while: nothing is concluded or
// signed there, and all goes on when the right one is back.
func (h *Harness) otherChain(t *testing.T) {
	asset := h.Assets[0]
	j, truth := h.paidJob(t, asset)
	next := h.job(t, j.slot.Wallet, asset, "")
	r := h.line(t)
	for range 2 {
		if o, err := j.observeOver(r); err != nil || o.Stage != rail.StageFinal {
			t.Fatalf("on its chain: %+v (%v)", o, err)
		}
		r.tamper(h.Wires.OtherChain)
		o, err := j.observeOver(r)
		if !rail.Has(err, rail.CodeWrongChain) || len(o.Paid) > 0 {
			t.Errorf("on another chain: %+v (%v)", o, err)
		}
		if f, err := r.Feasible(t.Context(), next.slot.Wallet, nil, next.payouts); err != nil || f.Code != rail.CodeWrongChain {
			t.Errorf("on another chain: %+v (%v)", f, err)
		}
		if _, err := r.Prepare(t.Context(), next.slot, next.payouts, nil); !rail.Has(err, rail.CodeWrongChain) {
			t.Errorf("on another chain: %v", err)
		}
		if b, ok := r.Rail.(rail.Booker); ok {
			if pos, err := b.Position(t.Context(), j.slot.Wallet); err == nil {
				t.Errorf("on another chain: %+v", pos)
			}
		}
		if s, ok := r.Rail.(rail.Stander); ok {
			if block, err := s.BlockAt(t.Context(), truth.BlockNumber); !errors.Is(err, rail.ErrUnavailable) {
				t.Errorf("on another chain: block %s (%v)", block, err)
			}
		}
		r.tamper(nil)
	}
	o, err := j.observeOver(r)
	j.must("back", o, err, truth)
	if o.Stage != rail.StageFinal {
		t.Errorf("back on its chain: %+v (%v)", o, err)
	}
}

// busy wants a node that asks for patience to be given it, and to be named for what it is
// when there is no end of that.
func (h *Harness) busy(t *testing.T) {
	asset := h.Assets[0]
	j, truth := h.paidJob(t, asset)
	var mu sync.Mutex
	asked := 0
	count := func() int { mu.Lock(); defer mu.Unlock(); asked++; return asked }
	r := h.Wires.Open(t, func(_ context.Context, _ Question, ask func() (json.RawMessage, error)) (json.RawMessage, error) {
		if n := count(); n == 1 || n == 5 {
			return nil, &node.Busy{After: time.Millisecond, Said: "status 429"}
		}
		return ask()
	})
	for range 20 { // its patience is short in tests
		if o, err := j.observeOver(r); err == nil && o.Stage == rail.StageFinal {
			j.must("busy at first", o, err, truth)
			break
		} else if err != nil && !rail.Has(err, rail.CodeBusy) {
			t.Fatalf("got %v, want %s", err, rail.CodeBusy)
		}
	}
	asked = 0
	r = h.Wires.Open(t, func(context.Context, Question, func() (json.RawMessage, error)) (json.RawMessage, error) {
		count()
		return nil, &node.Busy{After: time.Hour, Said: "status 429"}
	})
	next := h.job(t, j.slot.Wallet, asset, "")
	for range 5 {
		if f, err := r.Feasible(t.Context(), next.slot.Wallet, nil, next.payouts); err != nil || f.OK || f.Code != rail.CodeBusy {
			t.Errorf("got %+v (%v), want %s", f, err, rail.CodeBusy)
		}
	}
	if asked > 16 {
		t.Errorf("a node that asked for an hour's patience was asked %d times", asked)
	}
}

// pruned wants a node that has forgotten the past to prove what it can, and nothing else.
func (h *Harness) pruned(t *testing.T) {
	for _, asset := range h.Assets {
		j, truth := h.paidJob(t, asset)
		o, err := j.observeOver(h.Wires.Open(t, h.Wires.Pruned))
		j.must("pruned", o, err, truth)
	}
	for _, r := range h.Refuse {
		j := h.job(t, h.rich(t, r.Asset), r.Asset, r.Recipient(t))
		a := j.attempt()
		r.Start(t, j.typed)
		j.submit(a)
		h.Blocks(t, 1)
		h.Finalize(t)
		if o, err := j.observeOver(h.Wires.Open(t, h.Wires.Pruned)); len(o.Paid) > 0 && o.Paid[0] {
			t.Errorf("%s: paid, by a node that has forgotten: %+v (%v)", r.Name, o, err)
		}
		j.outcome(false)
	}
}

// named wants a refusal to be called what it is, and silence silence.
func (h *Harness) named(t *testing.T) {
	asset := h.Assets[0]
	j := h.job(t, h.rich(t, asset), asset, "")
	a := j.attempt()
	for _, said := range append(slices.Clone(h.Wires.Refusals), Said{"words that no node has ever said", rail.CodeRefuses}) {
		r := h.Wires.Open(t, func(_ context.Context, q Question, ask func() (json.RawMessage, error)) (json.RawMessage, error) {
			if q.Method == h.Wires.Send {
				return nil, &node.Refusal{Code: -32000, Message: said.Words}
			}
			return ask()
		})
		err := r.Submit(t.Context(), a)
		code, text, _ := rail.Why(err)
		if errors.Is(err, rail.ErrLook) {
			code = "look"
		}
		if code != said.Code || strings.Contains(text, said.Words) {
			t.Errorf("%q: got %v (%s), want %q", said.Words, err, code, said.Code)
		}
	}
	r := h.Wires.Open(t, func(_ context.Context, q Question, ask func() (json.RawMessage, error)) (json.RawMessage, error) {
		if q.Method == h.Wires.Send {
			return nil, errors.New("connection reset")
		}
		return ask()
	})
	if err := r.Submit(t.Context(), a); !rail.Has(err, rail.CodeSilent) {
		t.Errorf("a broken connection: %v", err)
	}
	j.submit(a)
	j.outcome(true)
}

// discreet wants what merchants read to be without words of a node or of its client.
func (h *Harness) discreet(t *testing.T) {
	const secret = "SECRET-10.9.8.7:8545"
	asset := h.Assets[0]
	j := h.job(t, h.rich(t, asset), asset, "")
	a := j.attempt()
	for _, err := range []error{errors.New("dial tcp " + secret), &node.Refusal{Code: -32000, Message: secret}, &node.Busy{Said: secret}} {
		r := h.Wires.Open(t, func(context.Context, Question, func() (json.RawMessage, error)) (json.RawMessage, error) {
			return nil, err
		})
		f, _ := r.Feasible(t.Context(), j.slot.Wallet, nil, j.payouts)
		o, looked := r.Observe(t.Context(), j.slot, j.payouts, j.attempts)
		_, prepared := r.Prepare(t.Context(), j.slot, j.payouts, nil)
		sent := r.Submit(t.Context(), a)
		for what, err := range map[string]error{"observe": looked, "prepare": prepared, "submit": sent} {
			if _, text, ok := rail.Why(err); strings.Contains(text, secret) || !ok && !errors.Is(err, rail.ErrLook) {
				t.Errorf("%s: %v says %q", what, err, text)
			}
		}
		if strings.Contains(f.Reason+o.Note, secret) || f.OK {
			t.Errorf("%+v %+v", f, o)
		}
	}
	j.submit(a)
	j.outcome(true)
}
