package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/commit"
	"sluice/internal/crash"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/withdrawal"
)

// advance carries one dispatch as far as it goes now, from whatever is written.
// It is the normal path and the recovery at once.
func (h *hand) advance(ctx context.Context, d Work) (Work, error) {
	var err error
	if d.Dispatch.State == Planned {
		if d, err = h.claimAndSeal(ctx, d); err != nil {
			return d, err
		}
	}
	if d.Dispatch.State == Sealed && d.Dispatch.Attempts == 0 {
		if d, err = h.sign(ctx, d); err != nil {
			return d, err
		}
	}
	if d.Dispatch.State == Sealed {
		if d, err = h.follow(ctx, d); err != nil {
			return d, err
		}
	}
	if d.Dispatch.State == Final || d.Dispatch.State == Refused {
		return h.settle(ctx, d)
	}
	return d, nil
}

func (h *hand) on(d Work) whole { return on(d.Dispatch, h.wallet.Fence) }

// do submits a command on the dispatch and keeps what it became.
func (h *hand) do(ctx context.Context, d Work, c commit.Command) (Work, error) {
	now, err := commit.Do[Dispatch](ctx, h.loop, OperatorShard, c)
	if err == nil {
		d.Dispatch = now
	}
	return d, err
}

// claimAndSeal claims the planned withdrawals in their merchants' shards, asks the
// network whether it takes them, and fixes the list and the slot.
func (h *hand) claimAndSeal(ctx context.Context, d Work) (Work, error) {
	crash.Point("dispatch.planned")
	claimed := make([]bool, len(d.Items))
	for n, it := range d.Items {
		_, err := commit.Do[withdrawal.Withdrawal](ctx, h.loop, id.Shard(it.Shard), //nolint:gosec // written from an id.Shard
			withdrawal.NewClaim(it.Withdrawal, d.Dispatch.Seq, h.wallet.Text(), Actor))
		switch kind := fault.KindOf(err); {
		case err == nil:
			claimed[n] = true
		case kind == fault.Conflict || kind == fault.NotFound:
			d.Items[n].Outcome = OutcomeDropped // cancelled meanwhile, or another wallet was first
		default:
			return d, err
		}
	}
	crash.Point("dispatch.claimed")
	nonce, err := h.chainNonce(ctx)
	if err != nil {
		return d, h.wait(ctx, d, err)
	}
	if left := d.payouts(); len(left) > 0 {
		_, err := h.rail.Prepare(ctx, rail.Slot{Wallet: h.wallet.Address, Nonce: uint64(nonce)}, left, nil) //nolint:gosec // not negative
		var refusal *rail.Refusal
		switch {
		case errors.As(err, &refusal):
			return h.refuse(ctx, d, claimed, refusal.Reason)
		case err != nil && !errors.Is(err, rail.ErrSlotTaken):
			return d, h.wait(ctx, d, err)
		}
	}
	d, err = h.do(ctx, d, Seal{whole: h.on(d), Claimed: claimed, ChainNonce: nonce})
	crash.Point("dispatch.sealed")
	if err == nil && d.Dispatch.State == Sealed {
		h.flying++
	}
	return d, err
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

// refuse ends a dispatch on the network's refusal, before anything was signed.
func (h *hand) refuse(ctx context.Context, d Work, claimed []bool, reason string) (Work, error) {
	h.log.Warn("the network refuses a payout before anything was signed", "dispatch", d.Dispatch.Seq, "reason", reason)
	d, err := h.do(ctx, d, Refuse{whole: h.on(d), Claimed: claimed, Reason: reason})
	if err != nil {
		return d, err
	}
	for n := range d.Items {
		if d.Items[n].Outcome == OutcomeDropped {
			d.Items[n].Settled = true
			continue
		}
		d.Items[n].Outcome, d.Items[n].Reason = OutcomeUnpaid, reason
	}
	return d, nil
}

// wait notes on every withdrawal why it does not go on, and gives the error back.
func (h *hand) wait(ctx context.Context, d Work, err error) error {
	code, text := "not_advancing", err.Error()
	if unavailable(err) {
		code, text = "node_unavailable", "the node of "+h.wallet.Network+" does not answer; the withdrawal waits, its money stays held"
	} else if f := fault.Of(err); f.Kind != fault.Internal {
		code, text = f.Code, f.Message
	}
	for _, it := range d.Items {
		if it.Outcome == OutcomeOpen {
			h.attend(ctx, it.ID(), code, text)
		}
	}
	return err
}

// sign has the first attempt signed and stores it. Nothing leaves before the store
// has committed.
func (h *hand) sign(ctx context.Context, d Work) (Work, error) {
	in, err := h.rail.Prepare(ctx, h.slot(d.Dispatch), d.payouts(), nil)
	var refusal *rail.Refusal
	switch {
	case errors.As(err, &refusal):
		return h.refuse(ctx, d, nil, refusal.Reason)
	case errors.Is(err, rail.ErrSlotTaken):
		nonce, err := h.rail.NextNonce(ctx, h.wallet.Address)
		if err != nil {
			return d, h.wait(ctx, d, err)
		}
		if d, err = h.do(ctx, d, Rebind{h.on(d), int64(nonce)}); err != nil { //nolint:gosec // a nonce never nears 2^63
			return d, err
		}
		return d, fmt.Errorf("the slot was used by somebody else; the next round signs for nonce %d", d.Dispatch.Nonce)
	case err != nil:
		return d, h.wait(ctx, d, err)
	}
	in.Fence, in.Bound = h.wallet.Fence, id.ID{Shard: OperatorShard, Seq: d.Dispatch.Seq}.Text(id.Dispatch)
	signed, err := h.Worker.sign.Sign(ctx, in)
	if err != nil {
		return d, h.wait(ctx, d, err)
	}
	fee, err := in.MaxFee()
	if err != nil {
		return d, err
	}
	crash.Point("dispatch.signed")
	a := rail.Attempt{TxID: signed.TxID, Raw: signed.Raw, Fee: fee}
	d, err = h.do(ctx, d, RecordAttempt{whole: h.on(d), Number: 1, Rail: a})
	if err != nil {
		return d, err
	}
	crash.Point("dispatch.recorded")
	d.Attempts = append(d.Attempts, Attempt{Dispatch: d.Dispatch.Seq, Number: 1, TxID: a.TxID, Raw: a.Raw, MaxFee: a.Fee})
	return h.send(ctx, d)
}

// send hands over the stored bytes of the latest attempt. Whatever the answer, it
// proves nothing; observing does.
func (h *hand) send(ctx context.Context, d Work) (Work, error) {
	last := d.Attempts[len(d.Attempts)-1]
	h.sentAt[d.Dispatch.Seq] = time.Now()
	err := h.rail.Submit(ctx, rail.Attempt{TxID: last.TxID, Raw: last.Raw, Fee: last.MaxFee})
	crash.Point("dispatch.submitted")
	if err != nil && !errors.Is(err, rail.ErrLook) {
		return d, h.wait(ctx, d, err)
	}
	if d.Dispatch.Stage == "" {
		return h.progress(ctx, d, rail.Observation{Stage: rail.StageSent, TxID: last.TxID})
	}
	return d, nil
}

// follow looks for the fate of a dispatch and, while no block holds it, sends the
// stored bytes again.
func (h *hand) follow(ctx context.Context, d Work) (Work, error) {
	seen, err := h.rail.Observe(ctx, h.slot(d.Dispatch), d.payouts(), d.attempts())
	if err != nil {
		return d, h.wait(ctx, d, err)
	}
	switch seen.Stage {
	case rail.StageFinal:
		return h.conclude(ctx, d, seen)
	case rail.StageMined:
		return h.progress(ctx, d, seen)
	case rail.StageSent:
		dropped := d.Dispatch.Stage == rail.StageMined
		if d.Dispatch.Stage != "" {
			if d, err = h.progress(ctx, d, seen); err != nil {
				return d, err
			}
		}
		if dropped || time.Since(h.sentAt[d.Dispatch.Seq]) >= h.opt.ResendEvery {
			return h.send(ctx, d)
		}
		return d, nil
	case rail.StageUnknown:
		if seen.Note != "" {
			for _, it := range d.Items {
				if it.Outcome == OutcomeOpen {
					h.attend(ctx, it.ID(), "outcome_unknown", seen.Note)
				}
			}
		}
	}
	return d, nil
}

// progress notes a new stage on the dispatch and on its withdrawals.
func (h *hand) progress(ctx context.Context, d Work, seen rail.Observation) (Work, error) {
	if d.Dispatch.Stage == seen.Stage && d.Dispatch.TxID == seen.TxID && d.Dispatch.Block == seen.Block {
		return d, nil
	}
	// Withdrawals first: a crash in between repeats this, it does not lose it.
	for _, it := range d.Items {
		if it.Outcome != OutcomeOpen {
			continue
		}
		if _, err := commit.Do[withdrawal.Withdrawal](ctx, h.loop, id.Shard(it.Shard), //nolint:gosec // written from an id.Shard
			withdrawal.NewProgress(it.Withdrawal, d.Dispatch.Seq, seen.Stage, seen.TxID, seen.Note, Actor)); err != nil {
			return d, err
		}
	}
	return h.do(ctx, d, Note{whole: h.on(d), Stage: seen.Stage, TxID: seen.TxID, Block: seen.Block, Text: seen.Note})
}

// conclude writes the proof down, and then what it means for each item.
func (h *hand) conclude(ctx context.Context, d Work, seen rail.Observation) (Work, error) {
	crash.Point("dispatch.final")
	d, err := h.do(ctx, d, Conclude{whole: h.on(d), Seen: seen, FeeAsset: h.rail.FeeAsset()})
	if err != nil {
		return d, err
	}
	crash.Point("dispatch.concluded")
	delete(h.sentAt, d.Dispatch.Seq)
	next := 0
	for n := range d.Items {
		if d.Items[n].Outcome == OutcomeDropped {
			continue
		}
		d.Items[n].Outcome = OutcomePaid
		if !seen.Paid[next] {
			d.Items[n].Outcome = OutcomeUnpaid
			if next < len(seen.Reasons) {
				d.Items[n].Reason = seen.Reasons[next]
			}
		}
		next++
	}
	return d, nil
}

// settle tells each withdrawal what is proved, as often as it takes.
func (h *hand) settle(ctx context.Context, d Work) (Work, error) {
	for n, it := range d.Items {
		if it.Settled || it.Outcome == OutcomeDropped {
			continue
		}
		var c commit.Command
		switch it.Outcome {
		case OutcomePaid:
			c = withdrawal.NewConfirm(it.Withdrawal, d.Dispatch.Seq, d.Dispatch.TxID, h.share(d), d.Dispatch.FeeAsset, Actor)
		case OutcomeUnpaid:
			c = withdrawal.NewFail(it.Withdrawal, d.Dispatch.Seq, d.Dispatch.TxID, it.Reason, Actor)
		case OutcomeOpen, OutcomeDropped:
			return d, fmt.Errorf("%w: dispatch %d is %s and item %d has no outcome", commit.ErrInvariant, d.Dispatch.Seq, d.Dispatch.State, n)
		}
		if _, err := commit.Do[withdrawal.Withdrawal](ctx, h.loop, id.Shard(it.Shard), c); err != nil { //nolint:gosec // written from an id.Shard
			return d, err
		}
		crash.Point("dispatch.told")
		var err error
		if d, err = h.do(ctx, d, MarkSettled{h.on(d), int64(n)}); err != nil {
			return d, err
		}
		d.Items[n].Settled = true
	}
	return d, nil
}

// share is what a withdrawal of the dispatch shows as its network fee. A dispatch
// pays one withdrawal for now, so it is all of it.
func (h *hand) share(d Work) money.Amount { return d.Dispatch.Fee }
