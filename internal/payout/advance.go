package payout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/internal/commit"
	"sluice/internal/crash"
	"sluice/internal/fault"
	"sluice/internal/fault/outage"
	"sluice/internal/rail"
	"sluice/internal/withdrawal"
)

// advance carries one dispatch as far as it goes now, from whatever is written. It is the
// normal path and the recovery at once. What it signs for a nonce is sent by sendAll.
func (h *walletWorker) advance(ctx context.Context, d Work) (Work, error) {
	if h.opt.Looking(h.wallet.Seq) {
		return h.onlyFollow(ctx, d)
	}
	var err error
	if d.Dispatch.State == Planned {
		if d, err = h.claimAndSeal(ctx, d); err != nil {
			return d, err
		}
	}
	if d, err = h.cancel(ctx, d); err != nil {
		return d, err
	}
	if d.Dispatch.State == Sealed && d.Dispatch.Attempts == 0 {
		if d, err = h.sign(ctx, d); err != nil {
			return d, err
		}
		if d.Dispatch.Nonce != noNonce || d.Dispatch.State != Sealed {
			return h.settled(ctx, d)
		}
		if d, err = h.send(ctx, d); err != nil {
			return d, err
		}
	}
	if d.Dispatch.State == Sealed {
		if d, err = h.follow(ctx, d); err != nil {
			return d, err
		}
	}
	return h.settled(ctx, d)
}

// settled tells the withdrawals of a dispatch whose end is proved.
func (h *walletWorker) settled(ctx context.Context, d Work) (Work, error) {
	if d.Dispatch.State == Final || d.Dispatch.State == Refused {
		return h.settle(ctx, d)
	}
	return d, nil
}

// sendAll hands over, side by side, what was just signed and never sent.
func (h *walletWorker) sendAll(ctx context.Context, open []Work) []Work {
	_ = rail.Side(len(open), followers, func(n int) error {
		d := open[n]
		if d.Dispatch.State != Sealed || len(d.Attempts) == 0 || !h.sentAt.get(d.Dispatch.Seq).IsZero() {
			return nil
		}
		err := h.caught(func() (err error) { open[n], err = h.send(ctx, d); return err })
		h.stop(open[n].Dispatch, err)
		return nil
	})
	return open
}

func (h *walletWorker) on(d Work) onDispatch { return on(d.Dispatch, h.wallet.Fence) }

// do submits a command on the dispatch and keeps what it became.
func (h *walletWorker) do(ctx context.Context, d Work, c commit.Command[Dispatch]) (Work, error) {
	now, err := commit.Do(ctx, h.loop, OperatorShard, c)
	if err == nil {
		d.Dispatch = now
	}
	return d, err
}

// submitEach submits one command for each chosen item in its withdrawal's shard, all side by
// side so that they share commits, and gives the error of each by place.
func (h *walletWorker) submitEach(ctx context.Context, d Work, chosen func(Item) bool, command func(Item) commit.Command[withdrawal.Withdrawal]) []error {
	errs := make([]error, len(d.Items))
	done := make(chan struct{})
	n := 0
	for place, it := range d.Items {
		if !chosen(it) {
			continue
		}
		n++
		go func() {
			_, errs[place] = commit.Do(ctx, h.loop, it.ID().Shard, command(it))
			done <- struct{}{}
		}()
	}
	for range n {
		<-done
	}
	return errs
}

// undecided are the items whose withdrawals are told what becomes of them. One that is
// settled before its outcome is known has none: see Recall.
func undecided(it Item) bool { return it.Outcome == OutcomeOpen && !it.Settled }

// claimAndSeal claims the planned withdrawals in their merchants' shards, asks the
// network whether it takes them, and fixes the list and the slot.
func (h *walletWorker) claimAndSeal(ctx context.Context, d Work) (Work, error) {
	crash.Point("dispatch.planned")
	claimed := make([]bool, len(d.Items))
	errs := h.submitEach(ctx, d, undecided, func(it Item) commit.Command[withdrawal.Withdrawal] {
		return withdrawal.NewClaim(it.Withdrawal, d.Dispatch.Seq, h.wallet.Text(), Actor)
	})
	for n, err := range errs {
		switch kind := fault.KindOf(err); {
		case err == nil:
			claimed[n] = true
		case kind == fault.Conflict || kind == fault.NotFound || fault.CodeOf(err) == codeAltered:
			d.Items[n].Outcome = OutcomeDropped // cancelled meanwhile, or another wallet was first
		default:
			return d, err
		}
	}
	crash.Point("dispatch.claimed")
	seal := Seal{onDispatch: h.on(d), Claimed: claimed}
	if left := d.payouts(); len(left) > 0 {
		slot, nonce, err := h.pick(ctx, d)
		if err == nil {
			err = h.takes(ctx, slot, left)
		}
		var refusal *rail.Refusal
		switch {
		case errors.As(err, &refusal):
			return h.refuse(ctx, d, claimed, refusal.Reason)
		case err != nil && !errors.Is(err, rail.ErrSlotTaken):
			return d, h.wait(ctx, d, err)
		}
		seal.ChainNonce = nonce
		if nonce == noNonce {
			if seal.Slot, err = json.Marshal(slot); err != nil {
				return d, err
			}
			seal.Keys = keys(slot)
		}
	}
	d, err := h.do(ctx, d, seal)
	crash.Point("dispatch.sealed")
	if err == nil && d.Dispatch.State == Sealed {
		h.flying++
		h.bound(d.Dispatch)
		h.calmed.set(d.Dispatch.Seq, true) // the claims took back what was noted before
	}
	return d, err
}

// refuse ends a dispatch on the network's refusal, before an attempt was stored. Its slot
// goes back, or is used up where the signer may have bound it.
func (h *walletWorker) refuse(ctx context.Context, d Work, claimed []bool, reason string) (Work, error) {
	if h.usesUp(d.Dispatch) {
		return h.useUp(ctx, d, reason)
	}
	return h.giveUp(ctx, d, claimed, reason)
}

// giveUp ends a dispatch of which nothing has left and gives its slot back.
func (h *walletWorker) giveUp(ctx context.Context, d Work, claimed []bool, reason string) (Work, error) {
	h.log.Warn("a payout is given up before anything was sent", "dispatch", dispatchText(d.Dispatch.Seq), "reason", reason)
	held, err := h.slotKeys(d.Dispatch)
	if err != nil {
		return d, err
	}
	before := d.Dispatch
	if d, err = h.do(ctx, d, Refuse{onDispatch: h.on(d), Claimed: claimed, Keys: held, Reason: reason}); err != nil {
		return d, err
	}
	if before.State == Sealed {
		h.flying--
		h.clean.forget(before.Seq)
	}
	if before.Nonce != noNonce {
		h.wallet.NextNonce = before.Nonce
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

// sign has the next attempt signed and stores it. Nothing leaves before the store
// has committed.
func (h *walletWorker) sign(ctx context.Context, d Work) (Work, error) {
	slot, err := h.slot(d.Dispatch)
	if err != nil {
		return d, err
	}
	payouts, err := h.accepted(ctx, d)
	if err != nil {
		return d, h.wait(ctx, d, err)
	}
	a, err := h.attempt(ctx, slot, d, payouts)
	var refusal *rail.Refusal
	switch {
	case errors.As(err, &refusal) && len(d.Attempts) == 0:
		return h.refuse(ctx, d, nil, refusal.Reason)
	case errors.Is(err, rail.ErrSlotTaken) && len(d.Attempts) == 0:
		return h.rebind(ctx, d)
	case err != nil:
		return d, h.wait(ctx, d, err)
	}
	crash.Point("dispatch.signed")
	number := int64(len(d.Attempts)) + 1
	d, err = h.do(ctx, d, RecordAttempt{onDispatch: h.on(d), Number: number, Rail: a})
	if err != nil {
		return d, err
	}
	crash.Point("dispatch.recorded")
	d.Attempts = append(slices.Clip(d.Attempts), Attempt{Dispatch: d.Dispatch.Seq, Number: number, TxID: a.TxID, Raw: a.Raw, MaxFee: a.Fee, CreatedAt: time.Now()})
	h.sentAt.forget(d.Dispatch.Seq)
	return d, nil
}

// rebind takes another slot for a dispatch that nothing was signed for.
func (h *walletWorker) rebind(ctx context.Context, d Work) (Work, error) {
	if d.Dispatch.Nonce == noNonce {
		return h.repick(ctx, d)
	}
	nonce, err := h.believedNonce(ctx, d.Dispatch.Nonce)
	if err != nil {
		return d, h.wait(ctx, d, err)
	}
	if d, err = h.do(ctx, d, Rebind{h.on(d), nonce}); err != nil {
		return d, err
	}
	h.bound(d.Dispatch)
	return d, fmt.Errorf("the slot was used by somebody else; the next round signs for nonce %d", d.Dispatch.Nonce)
}

// send hands over the stored bytes of the latest attempt. Whatever the answer, it
// proves nothing; observing does. A network that takes nothing at the price that was
// offered is offered more at once, in the same slot.
func (h *walletWorker) send(ctx context.Context, d Work) (Work, error) {
	d, err := h.submit(ctx, d)
	if code, _, _ := rail.Why(err); code != rail.CodeLowFee {
		return d, err
	}
	dearer, raised := h.sign(ctx, d)
	if raised != nil || len(dearer.Attempts) == len(d.Attempts) {
		return dearer, errors.Join(err, raised)
	}
	return h.submit(ctx, dearer)
}

func (h *walletWorker) submit(ctx context.Context, d Work) (Work, error) {
	last := d.Attempts[len(d.Attempts)-1]
	h.sentAt.set(d.Dispatch.Seq, time.Now())
	err := h.rail.Submit(ctx, rail.Attempt{TxID: last.TxID, Raw: last.Raw, Fee: last.MaxFee, Fence: h.wallet.Fence, Bound: dispatchText(d.Dispatch.Seq)})
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
// stored bytes again, or pays more for the same list when that takes too long.
func (h *walletWorker) follow(ctx context.Context, d Work) (Work, error) {
	slot, err := h.slot(d.Dispatch)
	if err != nil {
		return d, err
	}
	if d, err = h.tellDecided(ctx, d); err != nil { // what a crash has left
		return d, err
	}
	seen, err := h.rail.Observe(ctx, slot, d.payouts(), d.attempts())
	if h.reached(err) != nil {
		return d, h.wait(ctx, d, err)
	}
	if seen.Stage != rail.StageFinal && len(seen.Decided) > 0 {
		if d, err = h.decide(ctx, d, seen.Decided); err != nil {
			return d, err
		}
	}
	switch seen.Stage {
	case rail.StageFinal:
		return h.conclude(ctx, d, seen)
	case rail.StageMined, rail.StageSent:
		if seen.Stage == rail.StageMined {
			d, err = h.progress(ctx, d, seen)
		} else {
			d, err = h.waiting(ctx, d, seen)
		}
		if err == nil {
			h.keeps(ctx, d, seen.Why)
		}
		return d, err
	case rail.StageUnknown:
		if seen.Note != "" {
			h.attendAll(ctx, d, codeUnknown, seen.Note)
			h.opt.Outages.Fail(stuck(d.Dispatch), errors.Join(errors.New(seen.Note), seen.Cause), "wallet", h.wallet.Text())
			return d, nil
		}
	}
	return d, nil
}

// keeps notes what keeps a dispatch that is on its way; nil: nothing does.
func (h *walletWorker) keeps(ctx context.Context, d Work, why *rail.Wait) {
	if why == nil {
		h.calm(ctx, d)
		return
	}
	h.attendAll(ctx, d, why.Code, why.Text)
}

// waiting keeps a dispatch alive that is in no block.
func (h *walletWorker) waiting(ctx context.Context, d Work, seen rail.Observation) (Work, error) {
	dropped := d.Dispatch.Stage == rail.StageMined
	if d.Dispatch.Stage != "" {
		var err error
		if d, err = h.progress(ctx, d, seen); err != nil {
			return d, err
		}
	}
	if !dropped && time.Since(h.sentAt.get(d.Dispatch.Seq)) < h.opt.ResendEvery {
		return d, nil
	}
	last := d.Attempts[len(d.Attempts)-1]
	if _, writes := h.rail.(rail.Writer); !writes && !dropped && !seen.Lost && h.opt.BumpAfter > 0 && time.Since(last.CreatedAt) >= h.opt.BumpAfter {
		bumped, err := h.sign(ctx, d)
		h.opt.Outages.Note(outage.Subject{What: outage.Step, Name: "higher fee of " + dispatchText(d.Dispatch.Seq)}, err)
		if err == nil {
			return h.send(ctx, bumped)
		}
		// Too dear, or not possible now: the bytes that exist stay good, and are sent again.
		if fault.CodeOf(err) == "lease_lost" {
			return d, err
		}
	}
	return h.send(ctx, d)
}

// progress notes a new stage on the dispatch and on its withdrawals.
func (h *walletWorker) progress(ctx context.Context, d Work, seen rail.Observation) (Work, error) {
	if d.Dispatch.Stage == seen.Stage && d.Dispatch.TxID == seen.TxID && d.Dispatch.Block == seen.Block {
		return d, nil
	}
	// Withdrawals first: a crash in between repeats this, it does not lose it.
	errs := h.submitEach(ctx, d, undecided, func(it Item) commit.Command[withdrawal.Withdrawal] {
		return withdrawal.NewProgress(it.Withdrawal, d.Dispatch.Seq, seen.Stage, seen.TxID, seen.Note, Actor)
	})
	if err := errors.Join(errs...); err != nil {
		return d, err
	}
	return h.do(ctx, d, Note{onDispatch: h.on(d), Stage: seen.Stage, TxID: seen.TxID, Block: seen.Block, Text: seen.Note})
}

// conclude writes the proof down; what it means for each withdrawal follows from there.
func (h *walletWorker) conclude(ctx context.Context, d Work, seen rail.Observation) (Work, error) {
	crash.Point("dispatch.final")
	held, err := h.slotKeys(d.Dispatch)
	if err != nil {
		return d, err
	}
	seen = d.whyUnpaid(seen)
	if d, err = h.do(ctx, d, Conclude{onDispatch: h.on(d), Seen: seen, FeeAsset: h.rail.FeeAsset(), Keys: held}); err != nil {
		return d, err
	}
	crash.Point("dispatch.concluded")
	h.sentAt.forget(d.Dispatch.Seq)
	h.clean.forget(d.Dispatch.Seq)
	h.calmed.forget(d.Dispatch.Seq)
	h.opt.Outages.Forget(stuck(d.Dispatch))
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

// decide writes down what is proved of single payouts, and tells their withdrawals.
func (h *walletWorker) decide(ctx context.Context, d Work, fates []rail.Fate) (Work, error) {
	next, news := 0, false
	for _, it := range d.Items {
		if it.Outcome == OutcomeDropped {
			continue
		}
		if next < len(fates) && fates[next].Known && it.Outcome == OutcomeOpen {
			news = true
		}
		next++
	}
	if !news {
		return d, nil
	}
	d, err := h.do(ctx, d, Decide{onDispatch: h.on(d), Fates: fates})
	if err != nil {
		return d, err
	}
	crash.Point("dispatch.decided")
	next = 0
	for n := range d.Items {
		it := &d.Items[n]
		if it.Outcome == OutcomeDropped {
			continue
		}
		if f := fates[next]; f.Known && it.Outcome == OutcomeOpen {
			it.Outcome = OutcomePaid
			if !f.Paid {
				it.Outcome, it.Reason = OutcomeUnpaid, f.Reason
			}
		}
		next++
	}
	return h.tellDecided(ctx, d)
}

// settle tells each withdrawal what is proved, as often as it takes.
func (h *walletWorker) settle(ctx context.Context, d Work) (Work, error) {
	for n, it := range d.Items {
		if it.Outcome == OutcomeOpen {
			return d, fmt.Errorf("%w: dispatch %d is %s and item %d has no outcome", commit.ErrInvariant, d.Dispatch.Seq, d.Dispatch.State, n)
		}
	}
	return h.tellDecided(ctx, d)
}

// tellDecided tells the withdrawals whose fate is proved and that have not been told.
func (h *walletWorker) tellDecided(ctx context.Context, d Work) (Work, error) {
	due := func(it Item) bool { return !it.Settled && (it.Outcome == OutcomePaid || it.Outcome == OutcomeUnpaid) }
	if !slices.ContainsFunc(d.Items, due) {
		return d, nil
	}
	shares, err := d.shares()
	if err != nil {
		return d, err
	}
	errs := h.submitEach(ctx, d, due, func(it Item) commit.Command[withdrawal.Withdrawal] {
		if it.Outcome == OutcomePaid {
			return withdrawal.NewConfirm(it.Withdrawal, d.Dispatch.Seq, d.Dispatch.TxID, shares[it.Place], d.Dispatch.FeeAsset, Actor)
		}
		return withdrawal.NewFail(it.Withdrawal, d.Dispatch.Seq, d.Dispatch.TxID, it.Reason, Actor)
	})
	crash.Point("dispatch.told")
	var places []int64
	for n, it := range d.Items {
		if due(it) && errs[n] == nil {
			places = append(places, it.Place)
			d.Items[n].Settled = true
		}
	}
	if len(places) > 0 {
		if d, err = h.do(ctx, d, MarkSettled{h.on(d), places}); err != nil {
			return d, err
		}
	}
	return d, errors.Join(errs...)
}
