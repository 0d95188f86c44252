package payout

import (
	"context"
	"errors"
	"strings"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/fault/outage"
	"sluice/internal/rail"
)

// The signer binds a slot before it answers, for good. When its answer is lost, by a crash
// or on the wire, nothing was sent and nothing can be paid, and still the slot is of no use
// for any other payout. So a slot goes back only if it is clean: this very process bound it,
// and knows for certain that the signer has not.

// bound notes a slot that this process has just bound, and what follows for the wallet.
func (h *walletWorker) bound(d Dispatch) {
	h.clean.set(d.Seq, true)
	if d.Nonce != noNonce {
		h.wallet.NextNonce = d.Nonce + 1
	}
}

// asked calls the signer for a slot. The slot is clean afterwards only if it was before
// and the signer refused.
func (h *walletWorker) asked(d Dispatch, sign func() error) error {
	was := h.clean.get(d.Seq)
	h.clean.forget(d.Seq)
	err := sign()
	if was && err != nil && refusedByRule(err) {
		h.clean.set(d.Seq, true)
	}
	return err
}

// refusedByRule tells whether the signer has refused before it bound anything. Places of
// keys may refuse, too, but are asked afterwards.
func refusedByRule(err error) bool {
	f := fault.Of(err)
	return f.Kind == fault.Refused && f.Code != "sign_scheme" && (strings.HasPrefix(f.Code, "sign_") || strings.Contains(f.Code, "approval_"))
}

// usesUp tells whether the slot of a dispatch, for which no attempt was stored, has to be
// used up by a cancel.
func (h *walletWorker) usesUp(d Dispatch) bool {
	_, cancels := h.rail.(rail.Canceller)
	return cancels && d.State == Sealed && d.Attempts == 0 && !h.clean.get(d.Seq)
}

// goesBack tells whether a slot without an attempt may just end: nothing has left, and it
// can serve other payouts or never serves any.
func (h *walletWorker) goesBack(d Dispatch) bool {
	_, writes := h.rail.(rail.Writer)
	return writes || h.clean.get(d.Seq)
}

// useUp gives the order to use up a slot that cannot go back, and carries it out. The
// payouts end when a final block holds the cancel.
func (h *walletWorker) useUp(ctx context.Context, d Work, reason string) (Work, error) {
	if d.Cancel == nil {
		order, err := commit.Do(ctx, h.loop, OperatorShard, OrderCancel{Dispatch: d.Dispatch.Seq, Actor: Actor, Reason: short(reason)})
		if err != nil {
			return d, err
		}
		d.Cancel = &order
	}
	return h.cancel(ctx, d)
}

// short makes a reason fit an order.
func short(reason string) string {
	if reason == "" {
		return "refused without a reason"
	}
	return strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "")
}

// uncancelled goes on after a cancel could not be signed. Where an attempt exists it is
// followed; else nothing else may be signed for the slot.
func (h *walletWorker) uncancelled(ctx context.Context, d Work, err error) (Work, error) {
	if len(d.Attempts) > 0 {
		if !errors.Is(err, rail.ErrLook) { // a block holds the slot: following tells which attempt
			h.opt.Outages.Fail(outage.Subject{What: outage.Step, Name: "cancel of " + dispatchText(d.Dispatch.Seq)}, err)
		}
		return d, nil
	}
	if errors.Is(err, rail.ErrSlotTaken) { // somebody else has used it up
		return h.giveUp(ctx, d, nil, d.Cancel.Reason)
	}
	return d, h.wait(ctx, d, err)
}

// whyUnpaid puts the reason for which a slot was used up in place of what the network
// shows, where every attempt was a cancel.
func (d Work) whyUnpaid(seen rail.Observation) rail.Observation {
	if !d.cancelling() || d.Cancel.Attempt != 1 || d.Cancel.Actor != Actor {
		return seen
	}
	seen.Reasons = make([]string, len(seen.Paid))
	for n, paid := range seen.Paid {
		if !paid {
			seen.Reasons[n] = d.Cancel.Reason
		}
	}
	return seen
}

// stuck says what to do about a slot that the signer has bound to something else.
func (d Work) stuck(text string) string {
	return text + ". An operator must look which payout had the slot (the signer's log says it); then `sluice dispatch cancel " + dispatchText(d.Dispatch.Seq) +
		" --reason ...` uses the slot up, which pays nobody, and the money of this withdrawal comes back"
}
