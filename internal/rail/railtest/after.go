package railtest

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"sluice/internal/rail"
)

// This file holds what happens to signed bytes.

func (h *Harness) pays(t *testing.T, asset string) {
	wallet := h.rich(t, asset)
	fees, coins := h.balance(t, wallet, h.Assets[0]), h.balance(t, wallet, asset)
	j := h.job(t, wallet, asset, "")
	a := j.attempt()
	if o := j.observe(rail.StageSent); o.TxID != a.TxID || o.Note == "" {
		t.Errorf("before it was sent: %+v", o)
	}
	j.submit(a)
	if h.Holds {
		if o := j.observe(rail.StageSent); o.TxID != a.TxID || o.Note != "" {
			t.Errorf("in the pool: %+v", o)
		}
	}
	h.Blocks(t, 1)
	first := j.observe(rail.StageMined)
	if first.TxID != a.TxID || first.Block == "" || first.BlockNumber == 0 || first.Confirmations == 0 {
		t.Errorf("in a block: %+v", first)
	}
	h.Blocks(t, 2)
	if o := j.observe(rail.StageMined); o.Confirmations < first.Confirmations+2 {
		t.Errorf("%d confirmations two blocks after %d", o.Confirmations, first.Confirmations)
	}
	o := j.outcome(true)
	if a.Fee.Less(o.Fee) || o.Fee.IsZero() {
		t.Errorf("it cost %s, at most %s was allowed", o.Fee, a.Fee)
	}
	// The balances must agree with the report to the last unit.
	left := h.balance(t, wallet, h.Assets[0])
	spent := o.Fee
	if asset == h.Assets[0] {
		spent = plus(t, spent, h.Payout)
	} else if rest := plus(t, h.balance(t, wallet, asset), h.Payout); rest != coins {
		t.Errorf("the wallet had %s %s, paid %s and has not the rest", coins, asset, h.Payout)
	}
	if plus(t, left, spent) != fees {
		t.Errorf("the wallet had %s for fees, spent %s and has %s left", fees, spent, left)
	}
}

func (h *Harness) twice(t *testing.T, asset string) {
	j := h.job(t, h.rich(t, asset), asset, "")
	a := j.attempt()
	again := *j
	if b := again.attempt(); b.TxID == a.TxID {
		t.Error("a replacement is the same transaction")
	}
	j.submit(a)
	j.submit(a)
	h.Blocks(t, 1)
	j.observe(rail.StageMined)
	j.submit(a) // a block has it: that is success as well
	h.Blocks(t, 1)
	j.submit(a)
	j.outcome(true)
	j.submit(a)
	h.Blocks(t, 1)
	j.received(h.Payout)
}

// replaces bumps a payout that cannot move, since the nonce before it is missing.
func (h *Harness) replaces(t *testing.T, asset string) {
	wallet := h.rich(t, asset)
	var gap *job
	if h.picker() == nil {
		gap = h.job(t, wallet, h.Assets[0], "")
	}
	j := h.job(t, wallet, asset, "")
	if gap != nil {
		j.slot.Nonce++
	}
	first := j.attempt()
	j.submit(first)
	second := j.attempt()
	j.submit(second)
	third := j.attempt()
	j.submit(third)
	if !first.Fee.Less(second.Fee) || !second.Fee.Less(third.Fee) {
		t.Errorf("fees do not rise: %s, %s, %s", first.Fee, second.Fee, third.Fee)
	}
	if err := h.Rail.Submit(t.Context(), first); !errors.Is(err, rail.ErrLook) && (!h.Polite || err != nil) {
		t.Errorf("the replaced attempt again: got %v, want ErrLook", err)
	}
	if o := j.observe(rail.StageSent); o.TxID != third.TxID {
		t.Errorf("the network holds %s, want the last attempt %s", o.TxID, third.TxID)
	}
	if gap != nil {
		gap.submit(gap.attempt())
	}
	h.Blocks(t, 2)
	if o := j.outcome(true); o.TxID != third.TxID {
		t.Errorf("paid by %s, want %s", o.TxID, third.TxID)
	}
	if gap != nil {
		gap.outcome(true)
	}
	if err := h.Rail.Submit(t.Context(), first); err == nil || !errors.Is(err, rail.ErrLook) {
		t.Errorf("the replaced attempt at the end: got %v, want ErrLook", err)
	}
	h.Blocks(t, 1)
	j.received(h.Payout)
}

func (h *Harness) reorg(t *testing.T, asset string) {
	if h.Undo == nil {
		return // declared: this network never takes a block back
	}
	wallet := h.rich(t, asset)
	h.Finalize(t) // what the wallet owns stays
	j := h.job(t, wallet, asset, "")
	a := j.attempt()
	j.submit(a)
	h.Blocks(t, 1)
	before := j.observe(rail.StageMined)
	h.Blocks(t, 1)
	h.stands(t, before, true)
	h.Undo(t, before.BlockNumber, false)
	h.stands(t, before, false)
	if h.Obeys {
		if o := j.observe(rail.StageSent); o.TxID != a.TxID || o.Paid != nil {
			t.Errorf("after the reorg: %+v", o)
		}
		j.received()
	}
	j.submit(a) // the same bytes; nothing is signed again
	h.Blocks(t, 1)
	after := j.observe(rail.StageMined)
	if after.TxID != a.TxID || after.Block == before.Block {
		t.Errorf("mined again: %+v, before %+v", after, before)
	}
	if h.Obeys {
		h.Undo(t, after.BlockNumber, true)
		if o := j.observe(rail.StageMined); o.TxID != a.TxID || o.Block == after.Block {
			t.Errorf("moved to another block: %+v, before %+v", o, after)
		}
	}
	j.outcome(true)
}

// stands wants the rail to tell whether the chain still has the block of an observation
// (A6): whoever proves balances can be asked. A chain that is shorter now does not say.
func (h *Harness) stands(t *testing.T, seen rail.Observation, still bool) {
	t.Helper()
	if _, books := h.Rail.(rail.Booker); !books {
		return
	}
	s, ok := h.Rail.(rail.Stander)
	if !ok {
		t.Fatal("a rail that proves balances says whether a block still stands: rail.Stander")
	}
	block, err := s.BlockAt(t.Context(), seen.BlockNumber)
	if err != nil && (still || !errors.Is(err, rail.ErrUnavailable)) || (block == seen.Block) != still {
		t.Errorf("block %d is %q (%v), it was %q, and still: %v", seen.BlockNumber, block, err, seen.Block, still)
	}
	if block, err := s.BlockAt(t.Context(), seen.BlockNumber+1_000_000); !errors.Is(err, rail.ErrUnavailable) {
		t.Errorf("a block far ahead: %q (%v)", block, err)
	}
}

// broken wants every network that cannot be trusted to prove nothing, at the moment
// when the truth is that the payout is paid and final.
func (h *Harness) broken(t *testing.T, asset string) {
	j := h.job(t, h.rich(t, asset), asset, "")
	a := j.attempt()
	all := maps.Clone(h.Broken)
	maps.Copy(all, h.Blind)
	silent := func() {
		t.Helper()
		for name, broken := range all {
			o, err := broken.Observe(t.Context(), j.slot, j.payouts, j.attempts)
			if o.Stage == rail.StageFinal || len(o.Paid) > 0 {
				t.Errorf("broken %s: an outcome out of nothing: %+v", name, o)
			}
			if err != nil && !errors.Is(err, rail.ErrUnavailable) {
				t.Errorf("broken %s: got %v, want ErrUnavailable", name, err)
			}
			if err == nil && o.Stage == rail.StageMined {
				t.Errorf("broken %s: claims a block: %+v", name, o)
			}
		}
	}
	silent()
	j.submit(a)
	h.Blocks(t, 1)
	j.observe(rail.StageMined)
	silent()
	j.outcome(true)
	silent()
}

// foreign uses the slot for something that Sluice has not signed.
func (h *Harness) foreign(t *testing.T, slot rail.Slot, payouts []rail.Payout) rail.Attempt {
	t.Helper()
	in, err := h.Rail.Prepare(t.Context(), slot, payouts, nil)
	if err != nil {
		t.Fatal(err)
	}
	in.Fence, in.Bound = 1, "somebody else"
	a := sign(t, h.Stranger, in)
	if err := h.Rail.Submit(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	h.Blocks(t, 1)
	return a
}

func (h *Harness) stranger(t *testing.T, asset string) {
	wallet := h.rich(t, asset)
	j, other := h.job(t, wallet, asset, ""), h.job(t, wallet, h.Assets[0], "")
	a := j.attempt()
	theirs := h.foreign(t, other.slot, other.payouts)
	other.received(h.Payout)
	if o := j.observe(rail.StageUnknown); o.Note == "" {
		t.Errorf("not final yet: %+v", o)
	}
	if err := h.Rail.Submit(t.Context(), a); !errors.Is(err, rail.ErrLook) {
		t.Errorf("submit: got %v, want ErrLook", err)
	}
	o := j.outcome(false)
	if o.TxID != theirs.TxID {
		t.Errorf("the slot was used by %s, want %s", o.TxID, theirs.TxID)
	}
	if h.Forgetful == nil {
		return
	}
	o, err := h.Forgetful.Observe(t.Context(), j.slot, j.payouts, j.attempts)
	if err != nil || o.Stage != rail.StageUnknown || !strings.Contains(o.Note, "operator must look") || len(o.Paid) > 0 {
		t.Errorf("without a look into the past: %+v (error %v), want unknown", o, err)
	}
}

// strangerPays is a payout whose attempt is not in our store: it was restored from an
// older backup. The network knows better than we do.
func (h *Harness) strangerPays(t *testing.T, asset string) {
	j := h.job(t, h.rich(t, asset), asset, "")
	before, err := j.prepare()
	if err != nil {
		t.Fatal(err)
	}
	theirs := h.foreign(t, j.slot, j.payouts)
	// What we have stored is another transaction.
	in := j.similar(before)
	in.Fence, in.Bound = 1, "dsp_test"
	j.attempts = append(j.attempts, sign(t, j.Signer, in))
	if o := j.outcome(true); o.TxID != theirs.TxID {
		t.Errorf("paid by %s, want %s", o.TxID, theirs.TxID)
	}
}

func (h *Harness) lostAnswer(t *testing.T) {
	if h.LosesAnswers == nil {
		return // declared: no answers can be lost here
	}
	for _, asset := range h.Assets {
		j := h.job(t, h.rich(t, asset), asset, "")
		a := j.attempt()
		if err := h.LosesAnswers.Submit(t.Context(), a); err == nil {
			t.Fatal("the answer was not lost")
		}
		h.Blocks(t, 1)
		j.observe(rail.StageMined)
		j.submit(a)
		j.outcome(true)
	}
}

func (h *Harness) reverted(t *testing.T) {
	for _, r := range h.Refuse {
		t.Run(r.Name, func(t *testing.T) {
			wallet := h.rich(t, r.Asset)
			j := h.job(t, wallet, r.Asset, r.Recipient(t))
			coins := h.balance(t, wallet, r.Asset)
			a := j.attempt()
			r.Start(t, j.typed)
			j.submit(a)
			h.Blocks(t, 1)
			j.observe(rail.StageMined) // not failed before it is final
			o := j.outcome(false)
			if !strings.Contains(o.Reasons[0], r.Reason) {
				t.Errorf("reason %q, want %q in it", o.Reasons[0], r.Reason)
			}
			left := h.balance(t, wallet, r.Asset)
			if r.Asset == h.Assets[0] {
				left = plus(t, left, o.Fee)
			}
			if left != coins {
				t.Errorf("the wallet had %s and has %s (fee %s)", coins, left, o.Fee)
			}
		})
	}
}

func (h *Harness) lies(t *testing.T) {
	for _, l := range h.Lies {
		t.Run(l.Name, func(t *testing.T) {
			j := h.job(t, h.rich(t, l.Asset), l.Asset, "")
			a := j.attempt()
			l.Start(t)
			j.submit(a)
			h.Blocks(t, 1)
			j.observe(rail.StageMined)
			if l.Stage == rail.StageFinal {
				j.outcome(false)
				return
			}
			h.Finalize(t)
			if o := j.observe(l.Stage); len(o.Paid) > 0 || !strings.Contains(o.Note, "operator must look") {
				t.Errorf("%+v, want a call for an operator", o)
			}
		})
	}
}
