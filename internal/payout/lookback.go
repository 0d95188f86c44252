package payout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault/outage"
	"sluice/internal/id"
	"sluice/internal/rail"
	"sluice/internal/withdrawal"
)

// This file looks back: what was final can be gone, when the chain was undone deeper than
// its finality says. Then nothing new is sent, and a person decides.

// Codes of attention of what is gone.
const (
	codeGone   = "payout_gone"   // of the confirmed withdrawal itself
	codeHalted = "wallet_halted" // of what waits for the wallet
)

// back is what a hand knows of its wallet's past.
type back struct {
	at    time.Time // of the last look
	since time.Time // since when another block stands where a proof stood; zero: it stands
	lost  int64
}

// halts tells whether the wallet sends nothing new.
func (b back) halts() bool { return b.lost > 0 || !b.since.IsZero() }

// lookBackMax is how many of the newest dispatches are looked at when a block has gone, and
// lookBackKept after how many that still stand, one after the other, the older ones do too.
const (
	lookBackMax  = 500
	lookBackKept = 16
)

// lookBack makes sure that the block of the wallet's latest proof still stands: then all
// before it does. It asks one question.
func (h *walletWorker) lookBack(ctx context.Context) error {
	stander, ok := h.rail.(rail.Stander)
	if !ok || time.Since(h.back.at) < h.opt.LookBack {
		return nil
	}
	h.back.at = time.Now()
	s, gone, err := h.read.Stand(ctx, h.wallet.Seq)
	if err != nil {
		return err
	}
	h.back.lost = s.Lost
	if s.Lost > 0 {
		h.outage(s.Lost)
		return h.regain(ctx, stander, s, gone)
	}
	if s.Number == 0 {
		return nil
	}
	block, err := stander.BlockAt(ctx, uint64(s.Number)) //nolint:gosec // see stood
	switch {
	case err != nil:
		return h.reached(err)
	case block == s.Block:
		h.back.since = time.Time{}
		h.opt.Outages.OK(h.past())
		return nil
	case h.back.since.IsZero():
		h.back.since = time.Now()
		h.log.Warn("the chain has another block where a payout was final; it is looked at again", "block", s.Number, "was", s.Block, "is", block)
		return nil
	case time.Since(h.back.since) < h.opt.LookAgain:
		return nil
	}
	return h.examine(ctx, s, block)
}

// past is the wallet's past as an outage names it.
func (h *walletWorker) past() outage.Subject {
	return outage.Subject{What: outage.Work, Name: "the past of " + h.wallet.Text()}
}

func (h *walletWorker) outage(lost int64) {
	h.opt.Outages.Fail(h.past(), fmt.Errorf("%d payouts were final and are gone from the chain; nothing new is sent: `sluice wallet resume %s`", lost, h.wallet.Text()))
}

// examine finds which dispatches are gone, after the block of a proof was replaced by another.
func (h *walletWorker) examine(ctx context.Context, s Stand, block string) error {
	done, err := h.read.DoneWork(ctx, h.wallet.Seq, lookBackMax)
	if err != nil {
		return err
	}
	var gone []id.Seq
	kept, pending := 0, false
	top := rail.Observation{BlockNumber: uint64(s.Number), Block: block} //nolint:gosec // see stood
	for _, d := range done {
		if len(d.Attempts) == 0 {
			continue
		}
		seen, err := h.observed(ctx, d)
		switch {
		case err != nil:
			return h.reached(err)
		case seen.Stage == rail.StageMined:
			pending = true
		case !d.ended(seen):
			gone = append(gone, d.Dispatch.Seq)
			kept = 0
		default:
			if kept++; kept == 1 && len(gone) == 0 {
				top = seen
			}
		}
		if kept == lookBackKept {
			break
		}
	}
	if len(gone) == 0 {
		if pending {
			return nil // blocks hold all of them again, which are not final yet
		}
		_, err := commit.Do(ctx, h.loop, OperatorShard, Regain{Wallet: h.wallet.Seq, Number: top.BlockNumber, Block: top.Block})
		return err
	}
	now, err := commit.Do(ctx, h.loop, OperatorShard, Lose{Wallet: h.wallet.Seq, Dispatches: gone})
	if err != nil {
		return err
	}
	h.back.lost = now.Lost
	h.log.Error("payouts that were final are gone from the chain: the wallet sends nothing new until `sluice wallet resume`", "payouts", now.Lost, "block", s.Number, "was", s.Block, "is", block)
	h.outage(now.Lost)
	return nil
}

func (h *walletWorker) observed(ctx context.Context, d Work) (rail.Observation, error) {
	slot, err := h.slot(d.Dispatch)
	if err != nil {
		return rail.Observation{}, err
	}
	return h.rail.Observe(ctx, slot, d.payouts(), d.attempts())
}

// ended tells whether an observation proves again what was proved of a done dispatch.
func (d Work) ended(seen rail.Observation) bool {
	if seen.Stage != rail.StageFinal {
		return false
	}
	next := 0
	for _, it := range d.Items {
		if it.Outcome == OutcomeDropped {
			continue
		}
		if next >= len(seen.Paid) || seen.Paid[next] != (it.Outcome == OutcomePaid) {
			return false
		}
		next++
	}
	return true
}

// LostWork is a dispatch that is gone from the chain.
type LostWork struct {
	Work
	Lost Lost
}

// regain follows what is gone: it says so on the withdrawals, sends the stored bytes again
// once that was ordered, and notes what a final block holds again.
func (h *walletWorker) regain(ctx context.Context, stander rail.Stander, s Stand, gone []LostWork) error {
	var is []LostWork
	top := rail.Observation{}
	for _, d := range gone {
		h.mark(ctx, d.Work, codeGone, "the network undid the block that held this payout, though it was final. An operator must look; it was not paid out again")
		seen, err := h.observed(ctx, d.Work)
		switch {
		case err != nil:
			return h.reached(err)
		case d.ended(seen):
			is = append(is, d)
			if seen.BlockNumber > top.BlockNumber {
				top = seen
			}
		case seen.Stage == rail.StageFinal:
			h.opt.Outages.Fail(stuck(d.Dispatch), errors.New("it was gone from the chain, and its slot now has another end: it can only be settled by hand"), "wallet", h.wallet.Text())
		case d.Lost.State == LostOrdered && time.Since(h.sentAt.get(d.Dispatch.Seq)) >= h.opt.ResendEvery:
			h.sentAt.set(d.Dispatch.Seq, time.Now())
			h.opt.Outages.Note(stuck(d.Dispatch), h.sameBytes(ctx, d.Work), "wallet", h.wallet.Text())
		}
	}
	if len(is) == 0 {
		return nil
	}
	c := Regain{Wallet: s.Wallet, Number: top.BlockNumber, Block: top.Block}
	for _, d := range is {
		h.mark(ctx, d.Work, "", "")
		h.opt.Outages.Forget(stuck(d.Dispatch))
		c.Dispatches = append(c.Dispatches, d.Dispatch.Seq)
	}
	now, err := commit.Do(ctx, h.loop, OperatorShard, c)
	if err == nil {
		h.back = back{at: h.back.at, lost: now.Lost}
		h.log.Warn("payouts that were gone from the chain are final again", "payouts", len(is), "left", now.Lost)
	}
	return err
}

// sameBytes sends the attempt again that a final block held.
func (h *walletWorker) sameBytes(ctx context.Context, d Work) error {
	a := d.Attempts[len(d.Attempts)-1]
	for _, held := range d.Attempts {
		if held.TxID == d.Dispatch.TxID {
			a = held
		}
	}
	err := h.rail.Submit(ctx, rail.Attempt{TxID: a.TxID, Raw: a.Raw, Fee: a.MaxFee})
	if errors.Is(err, rail.ErrLook) {
		return nil
	}
	return err
}

// mark says on the withdrawals that a dispatch has paid that the payout is gone, or with an
// empty code that it is back.
func (h *walletWorker) mark(ctx context.Context, d Work, code, text string) {
	errs := h.submitEach(ctx, d, func(it Item) bool { return it.Outcome == OutcomePaid }, func(it Item) commit.Command[withdrawal.Withdrawal] {
		return withdrawal.NewGone(it.Withdrawal, code, text, Actor)
	})
	if err := errors.Join(errs...); err != nil {
		h.log.Error("a payout that is gone cannot be marked", "dispatch", dispatchText(d.Dispatch.Seq), "error", err)
	}
}

// halted says on everything that is queued why it waits.
func (h *walletWorker) halted(ctx context.Context) {
	queued, err := h.queued(ctx, calmMax)
	if err != nil {
		h.log.Error("queued withdrawals cannot be read", "error", err)
		return
	}
	h.attendEach(ctx, queued, codeHalted, "payouts of this wallet that were final are gone from the network; nothing is sent before an operator has looked. The withdrawal waits, its money stays held")
	h.troubled = true
}
