package railtest

import (
	"fmt"
	"testing"

	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/signer"
)

// This file holds what only networks with picked slots can do.

// similar is an intent for the same payouts in the same slot that is another
// transaction.
func (j *job) similar(in signer.Intent) signer.Intent {
	j.t.Helper()
	if j.picker() == nil {
		in.Gas++
		return in
	}
	less, err := in.Change.Amount.Sub(money.Of(1))
	if err != nil {
		j.t.Fatal("the slot leaves no change")
	}
	in.Change.Amount = less
	return in
}

// feasibleCoins goes on where a wallet holds one coin that covers a payout: while it is
// in flight there is none.
func (h *Harness) feasibleCoins(t *testing.T, wallet string, pay []rail.Payout, want func(*testing.T, string, ...rail.InFlight)) {
	t.Helper()
	j := h.job(t, wallet, h.Assets[0], "")
	want(t, "wallet_out_of_funds", rail.InFlight{Slot: j.slot, Payouts: j.payouts})
	planned := rail.InFlight{Slot: rail.Slot{Wallet: wallet}, Payouts: []rail.Payout{j.payouts[0]}}
	want(t, "", planned)
	planned.Payouts[0].Amount = h.Enough
	want(t, "wallet_out_of_funds", planned)
	h.Credit(t, wallet, h.Assets[0], h.Enough)
	want(t, "", rail.InFlight{Slot: j.slot, Payouts: j.payouts})
	h.namesTheNode(t, wallet, pay)
}

// heldSlot wants what a live slot holds to be in no other.
func (h *Harness) heldSlot(t *testing.T) {
	wallet := h.Wallet(t)
	for range 3 {
		h.Credit(t, wallet, h.Assets[0], h.Enough)
	}
	pay := []rail.Payout{{Ref: newRef(), Asset: h.Assets[0], To: h.target(t, h.Recipient(t), h.Assets[0]), Amount: h.Payout}}
	held := map[string]bool{}
	for n := range 3 {
		_, keys, err := h.picker().Pick(t.Context(), wallet, fmt.Sprintf("test%d", n), pay, held)
		if err != nil || len(keys) == 0 {
			t.Fatalf("slot %d: %v %v", n, keys, err)
		}
		for _, k := range keys {
			if held[k] {
				t.Errorf("slot %d holds %s, which another one holds", n, k)
			}
			held[k] = true
		}
	}
	if slot, _, err := h.picker().Pick(t.Context(), wallet, "test4", pay, held); err == nil {
		t.Errorf("picked %+v although everything is held", slot)
	}
}

// many pays several recipients at once, one of them twice.
func (h *Harness) many(t *testing.T) {
	wallet := h.rich(t)
	asset := h.Assets[0]
	j := h.job(t, wallet, asset, "")
	to := []string{j.typed, j.typed, h.Recipient(t), h.Recipient(t)}
	j.payouts = nil
	for _, typed := range to {
		j.payouts = append(j.payouts, rail.Payout{Ref: newRef(), Asset: asset, To: h.target(t, typed, asset), Amount: h.Payout})
	}
	grouper, ok := h.Rail.(rail.Grouper)
	if !ok {
		t.Fatal("picked slots without groups")
	}
	lists, err := grouper.Group(t.Context(), wallet, j.payouts)
	if err != nil || len(lists) != 1 || len(lists[0]) != len(to) {
		t.Fatalf("groups %v (error %v), want one of all", lists, err)
	}
	j.slot = h.slot(t, wallet, j.payouts)
	before := h.balance(t, wallet, asset)
	j.submit(j.attempt())
	h.Blocks(t, 1)
	h.Finalize(t)
	o := j.observe(rail.StageFinal)
	spent := o.Fee
	for n, typed := range to {
		if !o.Paid[n] || o.Reasons[n] != "" {
			t.Errorf("payout %d: %v %q", n, o.Paid[n], o.Reasons[n])
		}
		spent = plus(t, spent, h.Payout)
		want := 1
		if typed == j.typed {
			want = 2
		}
		if got := h.Received(t, typed, asset); len(got) != want {
			t.Errorf("recipient %d got %v", n, got)
		}
	}
	if plus(t, h.balance(t, wallet, asset), spent) != before {
		t.Errorf("the wallet had %s, spent %s, has %s", before, spent, h.balance(t, wallet, asset))
	}
}
