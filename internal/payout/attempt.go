package payout

import (
	"context"

	"sluice/internal/rail"
	"sluice/internal/signer"
)

// prepare makes the intent of an attempt.
type prepare func(ctx context.Context, slot rail.Slot, payouts []rail.Payout, previous []rail.Attempt) (signer.Intent, error)

// takes asks the rail whether it takes the payouts, before anything is bound.
func (h *walletWorker) takes(ctx context.Context, slot rail.Slot, payouts []rail.Payout) error {
	_, err := h.rail.Prepare(ctx, slot, payouts, nil)
	return err
}

// attempt has the bytes of the next attempt signed. Nothing of it is stored here.
func (h *walletWorker) attempt(ctx context.Context, slot rail.Slot, d Work, payouts []rail.Payout) (rail.Attempt, error) {
	in, err := h.prepare(d)(ctx, slot, payouts, d.attempts())
	if err != nil {
		return rail.Attempt{}, err
	}
	in.Fence, in.Bound = h.wallet.Fence, dispatchText(d.Dispatch.Seq)
	of := map[string]rail.Payout{}
	for _, p := range payouts {
		of[p.Ref] = p
	}
	for n := range in.Outputs {
		o := &in.Outputs[n]
		o.Memo, o.Acceptance = of[o.Ref].Memo, of[o.Ref].Acceptance
	}
	var signed signer.Signed
	if err := h.asked(d.Dispatch, func() (err error) {
		signed, err = h.Worker.sign.Sign(ctx, in)
		return err
	}); err != nil {
		return rail.Attempt{}, err
	}
	if w, ok := h.rail.(rail.Writer); ok {
		return w.Keep(signed)
	}
	fee, err := in.MaxFee()
	return rail.Attempt{TxID: signed.TxID, Raw: signed.Raw, Fee: fee}, err
}

// outputs are payouts as the signer sees them before their slot is chosen.
func (h *walletWorker) outputs(payouts []rail.Payout) ([]signer.Output, error) {
	if w, ok := h.rail.(rail.Writer); ok {
		return w.Outputs(payouts)
	}
	out := make([]signer.Output, 0, len(payouts))
	for _, p := range payouts {
		out = append(out, signer.Output{Ref: p.Ref, Asset: p.Asset, To: p.To, Amount: p.Amount, Approval: p.Approval})
	}
	return out, nil
}

// filesOpen is how many files may wait for their bank's answers. One whose payments
// the bank is silent about stays open for ever, and must not stand in the way.
const filesOpen = 1000

// window is how many dispatches of the wallet may be in flight.
func (h *walletWorker) window() int {
	if _, ok := h.rail.(rail.Writer); ok {
		return max(h.opt.Window, filesOpen)
	}
	return h.opt.Window
}
