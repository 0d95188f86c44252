package payout

import (
	"context"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/rail"
)

// Cancel is an operator's order to use up the slot of a dispatch for nothing. It ends
// nothing by itself: what became of the payouts, only the network proves. Whoever was
// first in a final block has won, the cancel or an attempt that pays.
type Cancel struct {
	Seq       id.Seq // of the dispatch
	Wallet    id.Seq
	Actor     string // who ordered it
	Reason    string
	Attempt   int64 // number of the first attempt that cancels; 0 before
	CreatedAt time.Time
	Version   int64
}

// Cancels is the table of orders; it is never emptied, so that it tells who ordered what.
var Cancels = commit.NewTable("dispatch_cancel", func(c *Cancel) id.Seq { return c.Seq })

// OrderCancel orders the cancel of a dispatch that holds a slot, or is about to. Only
// operators may. A second order changes nothing. It runs in the operator's shard.
type OrderCancel struct {
	Dispatch id.Seq
	Actor    string
	Reason   string
}

// maxReason bounds the reason of an order, in bytes.
const maxReason = 500

// Reads implements commit.Command.
func (c OrderCancel) Reads(w *commit.Wants) {
	Dispatches.Want(w, c.Dispatch)
	Cancels.Want(w, c.Dispatch)
}

// Apply implements commit.Command.
func (c OrderCancel) Apply(v *commit.View) (Cancel, error) {
	if c.Reason == "" || len(c.Reason) > maxReason {
		return Cancel{}, fault.Bad("invalid_reason", "reason", "say why, in at most %d bytes", maxReason)
	}
	d, ok := Dispatches.Get(v, c.Dispatch)
	if !ok {
		return Cancel{}, fault.New(fault.NotFound, "dispatch_not_found", "no such dispatch")
	}
	if old, ok := Cancels.Get(v, c.Dispatch); ok {
		return old, nil
	}
	if d.State != Planned && d.State != Sealed {
		return Cancel{}, fault.New(fault.Conflict, "dispatch_over", "the dispatch is %s: there is nothing left to cancel", d.State)
	}
	order := Cancel{Seq: d.Seq, Wallet: d.Wallet, Actor: c.Actor, Reason: c.Reason, CreatedAt: v.Now(), Version: 1}
	Cancels.Insert(v, order)
	return order, nil
}

// RecordCancel stores the first attempt that cancels.
type RecordCancel struct{ RecordAttempt }

// Reads implements commit.Command.
func (c RecordCancel) Reads(w *commit.Wants) {
	c.RecordAttempt.Reads(w)
	Cancels.Want(w, c.Dispatch)
}

// Apply implements commit.Command.
func (c RecordCancel) Apply(v *commit.View) (Dispatch, error) {
	order, ok := Cancels.Get(v, c.Dispatch)
	if !ok || order.Attempt > 0 {
		return Dispatch{}, fault.New(fault.Conflict, "no_cancel", "nobody has ordered to cancel this dispatch, or it is being cancelled already")
	}
	d, err := c.RecordAttempt.Apply(v)
	if err != nil {
		return Dispatch{}, err
	}
	order.Attempt, order.Version = c.Number, order.Version+1
	Cancels.Put(v, order)
	return d, nil
}

// cancelling tells whether attempts of the dispatch cancel from now on.
func (d Work) cancelling() bool { return d.Cancel != nil && d.Cancel.Attempt > 0 }

// prepare asks for the intent of the next attempt: a payment, or a cancel.
func (h *walletWorker) prepare(d Work) prepare {
	if canceller, ok := h.rail.(rail.Canceller); ok && d.cancelling() {
		return canceller.Cancel
	}
	return h.rail.Prepare
}

// cancel carries out an order on a sealed dispatch. A failure leaves the dispatch as
// it was: it is followed on, and the cancel is tried again in the next round.
func (h *walletWorker) cancel(ctx context.Context, d Work) (Work, error) {
	if d.Cancel == nil || d.Cancel.Attempt > 0 || d.Dispatch.State != Sealed {
		return d, nil
	}
	if len(d.Attempts) == 0 && h.goesBack(d.Dispatch) {
		// Nothing was sent, and that is the proof already.
		return h.giveUp(ctx, d, nil, "an operator cancelled the payout before it was signed")
	}
	if _, ok := h.rail.(rail.Canceller); !ok {
		h.attendAll(ctx, d, "cancel_not_possible", "an operator has ordered to cancel the payout, and the network "+h.wallet.Network+" knows no cancel: it goes on")
		return d, nil
	}
	slot, err := h.slot(d.Dispatch)
	if err != nil {
		return d, err
	}
	number := int64(len(d.Attempts)) + 1
	next := d
	next.Cancel = &Cancel{}
	*next.Cancel = *d.Cancel
	next.Cancel.Attempt = number
	a, err := h.attempt(ctx, slot, next, d.payouts())
	if err != nil {
		return h.uncancelled(ctx, d, err)
	}
	if next, err = h.do(ctx, next, RecordCancel{RecordAttempt{onDispatch: h.on(d), Number: number, Rail: a}}); err != nil {
		return d, err
	}
	h.log.Warn("a dispatch is being cancelled", "dispatch", dispatchText(d.Dispatch.Seq), "by", d.Cancel.Actor, "reason", d.Cancel.Reason, "txid", a.TxID)
	next.Attempts = append(next.Attempts, Attempt{Dispatch: d.Dispatch.Seq, Number: number, TxID: a.TxID, Raw: a.Raw, MaxFee: a.Fee, CreatedAt: time.Now()})
	text := "an operator has ordered to cancel the payout: " + d.Cancel.Reason + ". Which came first, the network shows"
	if number == 1 {
		text = "the payout ends, and its slot is used up for nothing: " + d.Cancel.Reason + ". Its money comes back once a final block holds that"
	}
	h.attendAll(ctx, next, "cancel_ordered", text)
	return h.send(ctx, next)
}
