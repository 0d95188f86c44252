package payout

import (
	"context"

	"sluice/internal/rail"
)

// onlyFollow carries a dispatch on as far as looking goes: what was sent is observed, what
// is proved is written down and told. Nothing is claimed, signed or sent.
func (h *walletWorker) onlyFollow(ctx context.Context, d Work) (Work, error) {
	if d.Dispatch.State == Sealed && len(d.Attempts) > 0 {
		slot, err := h.slot(d.Dispatch)
		if err != nil {
			return d, err
		}
		if d, err = h.tellDecided(ctx, d); err != nil {
			return d, err
		}
		seen, err := h.rail.Observe(ctx, slot, d.payouts(), d.attempts())
		switch {
		case err != nil:
			return d, h.wait(ctx, d, err)
		case seen.Stage == rail.StageFinal:
			d, err = h.conclude(ctx, d, seen)
		case len(seen.Decided) > 0:
			d, err = h.decide(ctx, d, seen.Decided)
		case seen.Stage == rail.StageMined:
			d, err = h.progress(ctx, d, seen)
		}
		if err != nil {
			return d, err
		}
	}
	if d.Dispatch.State == Final || d.Dispatch.State == Refused {
		return h.settle(ctx, d)
	}
	return d, nil
}
