package payout

import (
	"context"
	"errors"
	"slices"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/fault/outage"
	"sluice/internal/id"
	"sluice/internal/rail"
	"sluice/internal/withdrawal"
)

// This file says on withdrawals what keeps them, and takes it back.

// Codes of attention beside those of rail.Wait.
const (
	codeUnknown = "outcome_unknown" // the network shows something that only a person can read
	codeOurs    = "not_advancing"   // the reason is a fault of ours
)

// passing are the codes that are over once the network has answered.
var passing = append(slices.Clone(rail.PassingCodes), codeUnknown, codeOurs, codeHalted)

// why is what a withdrawal shows of an error: the network's own reason, the fault that a
// caller may see, or that it is ours. It names no node and repeats no words of one.
func why(err error) (code, text string) {
	if code, text, ok := rail.Why(err); ok {
		return code, text
	}
	if errors.Is(err, rail.ErrLook) {
		return codeUnknown, "whether the network has the payout is not known yet; it is looked at again"
	}
	if f := fault.Of(err); f.Kind != fault.Internal {
		return f.Code, f.Message
	}
	return codeOurs, "something is wrong on our side, and an operator must look; the withdrawal waits, its money stays held"
}

// wait notes on every withdrawal why it does not go on, and gives the error back.
func (h *walletWorker) wait(ctx context.Context, d Work, err error) error {
	_ = h.reached(err) // noted
	code, text := why(err)
	if code == "sign_slot" && len(d.Attempts) == 0 {
		text = d.stuck(text)
	}
	h.attendAll(ctx, d, code, text)
	return err
}

func (h *walletWorker) attendAll(ctx context.Context, d Work, code, text string) {
	h.calmed.forget(d.Dispatch.Seq)
	errs := h.submitEach(ctx, d, undecided, func(it Item) commit.Command[withdrawal.Withdrawal] {
		return withdrawal.NewAttend(it.Withdrawal, code, text, Actor)
	})
	if err := errors.Join(errs...); err != nil {
		h.log.Error("a reason cannot be noted", "dispatch", dispatchText(d.Dispatch.Seq), "reason", code, "error", err)
	}
}

// calm takes back what withdrawals of a dispatch show that is over: the network has just
// answered, and nothing keeps them.
func (h *walletWorker) calm(ctx context.Context, d Work) {
	if h.calmed.get(d.Dispatch.Seq) {
		return
	}
	errs := h.submitEach(ctx, d, undecided, func(it Item) commit.Command[withdrawal.Withdrawal] {
		return withdrawal.NewCalm(it.Withdrawal, passing, Actor)
	})
	if err := errors.Join(errs...); err != nil {
		h.log.Error("a reason that is over cannot be taken back", "dispatch", dispatchText(d.Dispatch.Seq), "error", err)
		return
	}
	h.calmed.set(d.Dispatch.Seq, true)
}

// calmMax is how many queued withdrawals are looked at when a node is back.
const calmMax = 1000

// nodeBack takes back what queued withdrawals show of a node that has answered again.
func (h *walletWorker) nodeBack(ctx context.Context) {
	if !h.troubled {
		return
	}
	queued, err := h.queued(ctx, calmMax)
	if err != nil {
		h.log.Error("queued withdrawals cannot be read", "error", err)
		return
	}
	for _, c := range queued {
		if !rail.EverybodyWaits(c.Withdrawal.Attention) && c.Withdrawal.Attention != codeHalted {
			continue
		}
		if _, err := commit.Do(ctx, h.loop, c.ID.Shard, withdrawal.NewCalm(c.ID.Seq, passing, Actor)); err != nil {
			h.log.Error("a reason that is over cannot be taken back", "withdrawal", c.ID.Text(id.Withdrawal), "error", err)
			return
		}
	}
	h.troubled = false
}

// tellBehind notes on queued withdrawals why they wait, when a slot that is not signed
// stands before all of them: the same for everybody, if it is the signer's or the node's.
func (h *walletWorker) tellBehind(ctx context.Context, err error) {
	code, text := why(err)
	switch {
	case code == codeOurs:
		return
	case refusedByRule(err) && code != "sign_stopped": // a matter of that payout, such as its approval
		code = "waits_behind"
	}
	waiting, err := h.queued(ctx, calmMax)
	if err != nil {
		h.log.Warn("queued withdrawals cannot be read", "error", err)
		return
	}
	h.attendEach(ctx, waiting, code, "it waits behind an earlier payout of the wallet: "+text)
}

// reached notes whether the node answered, and gives the error back.
func (h *walletWorker) reached(err error) error {
	node := outage.Subject{What: outage.Node, Name: h.wallet.Network}
	if code, _, ok := rail.Why(err); ok && rail.EverybodyWaits(code) {
		h.opt.Outages.Fail(node, err)
	} else {
		h.opt.Outages.OK(node)
	}
	return err
}

// stuck is a dispatch as an outage names it.
func stuck(d Dispatch) outage.Subject {
	return outage.Subject{What: outage.Dispatch, Name: dispatchText(d.Seq)}
}

func dispatchText(seq id.Seq) string { return id.ID{Shard: OperatorShard, Seq: seq}.Text(id.Dispatch) }

// attendEach tells candidates why they wait, those that do not say so already.
func (w *Worker) attendEach(ctx context.Context, g []Candidate, code, text string) {
	for _, c := range g {
		if c.Withdrawal.Attention == code {
			continue
		}
		if _, err := commit.Do(ctx, w.loop, c.ID.Shard, withdrawal.NewAttend(c.ID.Seq, code, text, Actor)); err != nil {
			w.opt.Log.Error("a reason cannot be noted", "withdrawal", c.ID.Text(id.Withdrawal), "reason", code, "error", err)
		}
	}
}
