package dispatch

import (
	"context"
	"encoding/json"
	"fmt"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/rail"
)

// slot gives the slot that a dispatch holds.
func (h *hand) slot(d Dispatch) (rail.Slot, error) {
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

// held gives the keys of the slot of a dispatch; none on an account chain.
func (h *hand) held(d Dispatch) ([]string, error) {
	s, err := h.slot(d)
	return keys(s), err
}

// pick is the slot that a planned dispatch shall get: the next nonce, or what the
// rail picks. It is bound only by Seal.
func (h *hand) pick(ctx context.Context, d Work) (slot rail.Slot, nonce int64, err error) {
	picker, ok := h.rail.(rail.SlotPicker)
	if !ok {
		nonce, err = h.chainNonce(ctx)
		return rail.Slot{Wallet: h.wallet.Address, Nonce: uint64(max(nonce, 0))}, nonce, err
	}
	live, err := h.read.HeldKeys(ctx, h.wallet.Seq)
	if err != nil {
		return slot, 0, err
	}
	ref := id.ID{Shard: OperatorShard, Seq: d.Dispatch.Seq}.Text(id.Dispatch)
	slot, _, err = picker.Pick(ctx, h.wallet.Address, ref[len(ref)-32:], d.payouts(), live)
	return slot, noNonce, err
}

// chainNonce is the nonce from which the wallet goes on. The chain is asked only
// while nothing of ours is in flight: then whatever waits in its pool is a stranger's.
func (h *hand) chainNonce(ctx context.Context) (int64, error) {
	if h.flying > 0 {
		return h.wallet.NextNonce, nil
	}
	n, err := h.rail.NextNonce(ctx, h.wallet.Address)
	return max(int64(n), h.wallet.NextNonce), err //nolint:gosec // a nonce never nears 2^63
}
