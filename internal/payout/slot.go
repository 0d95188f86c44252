package payout

import (
	"context"
	"encoding/json"
	"fmt"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/rail"
)

// slot gives the slot that a dispatch holds.
func (h *walletWorker) slot(d Dispatch) (rail.Slot, error) {
	if len(d.Slot) == 0 {
		return rail.Slot{Wallet: h.wallet.Address, Nonce: uint64(max(d.Nonce, 0))}, nil
	}
	var s rail.Slot
	if err := json.Unmarshal(d.Slot, &s); err != nil {
		return s, fmt.Errorf("%w: the slot of dispatch %d cannot be read: %w", commit.ErrInvariant, d.Seq, err)
	}
	return s, nil
}

// keys are what a picked slot holds, in the form in which they were sealed.
func keys(s rail.Slot) []string {
	var out []string
	for _, c := range s.Coins {
		out = append(out, c.Key())
	}
	if s.Ref != "" {
		out = append(out, "ref:"+s.Ref)
	}
	return out
}

// slotKeys gives the keys of the slot of a dispatch; none on an account chain.
func (h *walletWorker) slotKeys(d Dispatch) ([]string, error) {
	s, err := h.slot(d)
	return keys(s), err
}

// pick is the slot that a planned dispatch shall get: the next nonce, or what the
// rail picks. It is bound only by Seal.
func (h *walletWorker) pick(ctx context.Context, d Work) (slot rail.Slot, nonce int64, err error) {
	picker, ok := h.rail.(rail.SlotPicker)
	if !ok {
		nonce, err = h.chainNonce(ctx)
		return rail.Slot{Wallet: h.wallet.Address, Nonce: uint64(max(nonce, h.wallet.NextNonce, 0))}, nonce, err
	}
	live, err := h.read.HeldKeys(ctx, h.wallet.Seq)
	if err != nil {
		return slot, 0, err
	}
	ref := dispatchText(d.Dispatch.Seq)
	slot, _, err = picker.Pick(ctx, h.wallet.Address, ref[len(ref)-32:], d.payouts(), live)
	return slot, noNonce, err
}

// remember tells a rail that must know it what else is in flight.
func (h *walletWorker) remember(work []Work) {
	rememberer, ok := h.rail.(rail.Rememberer)
	if !ok {
		return
	}
	var live []rail.Live
	for _, d := range work {
		if d.Dispatch.State != Sealed {
			continue
		}
		slot, err := h.slot(d.Dispatch)
		if err != nil {
			h.log.Error("a slot cannot be read", "dispatch", dispatchText(d.Dispatch.Seq), "error", err)
			continue
		}
		live = append(live, rail.Live{Slot: slot, Payouts: d.payouts(), Attempts: d.attempts()})
	}
	rememberer.Remember(h.wallet.Address, live)
}

// Repick moves a sealed dispatch for which nothing was ever signed to another picked
// slot, because somebody else used what its own holds.
type Repick struct {
	Seal
	Old []string // what the slot before holds
}

// Reads implements commit.Command.
func (c Repick) Reads(w *commit.Wants) {
	c.Seal.Reads(w)
	wantHolds(w, c.Wallet, c.Old)
}

// Apply implements commit.Command.
func (c Repick) Apply(v *commit.View) (Dispatch, error) {
	d, _, err := c.get(v)
	if err != nil {
		return Dispatch{}, err
	}
	if d.State != Sealed || d.Attempts > 0 || len(d.Slot) == 0 || len(c.Slot) == 0 {
		return Dispatch{}, fault.New(fault.Conflict, "slot_bound", "the slot of this dispatch cannot change: only one for which nothing was signed may")
	}
	c.free(v, c.Old)
	if err := c.hold(v); err != nil {
		return Dispatch{}, err
	}
	d.Slot = c.Slot
	return put(v, d), nil
}

// repick takes another picked slot for a dispatch that nothing was signed for.
func (h *walletWorker) repick(ctx context.Context, d Work) (Work, error) {
	old, err := h.slotKeys(d.Dispatch)
	if err != nil {
		return d, err
	}
	slot, _, err := h.pick(ctx, d)
	if err != nil {
		return d, h.wait(ctx, d, err)
	}
	text, err := json.Marshal(slot)
	if err != nil {
		return d, err
	}
	if d, err = h.do(ctx, d, Repick{Seal{onDispatch: h.on(d), Slot: text, Keys: keys(slot)}, old}); err != nil {
		return d, err
	}
	h.bound(d.Dispatch)
	return d, fmt.Errorf("the slot was used by somebody else; the next round signs for another one")
}
