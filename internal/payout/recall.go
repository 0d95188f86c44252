package payout

import (
	"encoding/json"
	"fmt"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/rail"
)

// Recall makes a dispatch known again that the books have lost, or that they know in an
// earlier state: something outside them says that its slot was bound to its list. From
// then on it is followed like every other. It runs only while the books are just looked
// at. Recalling it again changes nothing. Result: Dispatch.
type Recall struct {
	Dispatch id.Seq
	Wallet   id.Seq
	Network  string
	Slot     rail.Slot
	// Items are as Plan has them, in the order in which they are paid. One that is Settled has
	// no withdrawal any more that could be told its outcome.
	Items []Item
	Count int64 // items that the books have of it already
	// Attempts are exact signed bytes for the slot that were found, beside those that are known.
	Attempts []rail.Attempt
}

// Reads implements commit.Command.
func (c Recall) Reads(w *commit.Wants) {
	Dispatches.Want(w, c.Dispatch)
	Wallets.Want(w, c.Wallet)
	for n := range max(c.Count, int64(len(c.Items))) {
		Items.Want(w, ItemKey{c.Dispatch, n})
	}
	wantHolds(w, c.Wallet, keys(c.Slot))
}

// Apply implements commit.Command.
func (c Recall) Apply(v *commit.View) (Dispatch, error) {
	if !v.Looking() {
		return Dispatch{}, fault.New(fault.Conflict, "not_looking", "payouts from outside the books are taken in only while the books are just looked at; `sluice recover look` begins that")
	}
	w, ok := Wallets.Get(v, c.Wallet)
	if !ok {
		return Dispatch{}, fault.New(fault.NotFound, "wallet_not_found", "no such wallet")
	}
	d, known := Dispatches.Get(v, c.Dispatch)
	var err error
	switch {
	case !known:
		d = Dispatch{Seq: c.Dispatch, Wallet: c.Wallet, Network: c.Network, Nonce: noNonce, Items: int64(len(c.Items)), CreatedAt: c.Dispatch.Time(), Version: 0}
		for n, it := range c.Items {
			it.ItemKey, it.Outcome, it.Version = ItemKey{d.Seq, int64(n)}, OutcomeOpen, 1
			Items.Put(v, it)
			if it.Settled {
				d.Settled++
			}
		}
	case d.Wallet != c.Wallet || d.Items != c.Count:
		return Dispatch{}, fmt.Errorf("%w: dispatch %d is not what its reader thinks", commit.ErrInvariant, c.Dispatch)
	case d.State == Planned:
		if err = c.keepOnly(v, d); err != nil {
			return Dispatch{}, err
		}
	case !d.State.Open() || len(c.Attempts) == 0 || d.Attempts > 0:
		return d, nil
	}
	if d.State != Sealed {
		d, err = c.seal(v, d, w)
	}
	if err != nil {
		return Dispatch{}, err
	}
	for _, a := range c.Attempts {
		d.Attempts++
		Attempts.Append(v, Attempt{Seq: v.NewID(), Dispatch: d.Seq, Number: d.Attempts, TxID: a.TxID, Raw: a.Raw, MaxFee: a.Fee, CreatedAt: v.Now()})
		d.TxID = a.TxID
	}
	return put(v, d), nil
}

// keepOnly drops the items of a planned dispatch that its list was bound without.
func (c Recall) keepOnly(v *commit.View, d Dispatch) error {
	at := on(d, 0)
	next := 0
	for n := range d.Items {
		it := at.item(v, n)
		if next < len(c.Items) && it.ID() == c.Items[next].ID() {
			next++
			continue
		}
		it.Outcome, it.Settled = OutcomeDropped, true
		putItem(v, it)
	}
	if next != len(c.Items) {
		return fault.New(fault.Refused, "recall_differs", "the list of %s in these books is another one than was found: look at both before anything is paid",
			id.ID{Shard: OperatorShard, Seq: d.Seq}.Text(id.Dispatch))
	}
	return nil
}

// seal binds the slot.
func (c Recall) seal(v *commit.View, d Dispatch, w Wallet) (Dispatch, error) {
	d.State = Sealed
	if len(c.Slot.Coins) == 0 && c.Slot.Ref == "" {
		d.Nonce = int64(c.Slot.Nonce) //nolint:gosec // a nonce never nears 2^63
		if w.NextNonce <= d.Nonce {
			w.NextNonce, w.Version = d.Nonce+1, w.Version+1
			Wallets.Put(v, w)
		}
		return d, nil
	}
	text, err := json.Marshal(c.Slot)
	if err != nil {
		return d, err
	}
	d.Slot = text
	return d, Seal{onDispatch: on(d, 0), Keys: keys(c.Slot)}.hold(v)
}

// Refence raises the number of a wallet's lease and ends the lease: whoever held it, in
// these books or in a copy of them, has lost it, here and at the signer. Result: Wallet.
type Refence struct {
	Wallet id.Seq
	Above  int64 // the new number is above this one and the one in the books
}

// fenceGap is by how much Refence goes on: more than another copy of the books catches up
// with soon, and far less than a signer finds implausible.
const fenceGap = 1000

// Reads implements commit.Command.
func (c Refence) Reads(w *commit.Wants) { Wallets.Want(w, c.Wallet) }

// Apply implements commit.Command.
func (c Refence) Apply(v *commit.View) (Wallet, error) {
	w, ok := Wallets.Get(v, c.Wallet)
	if !ok {
		return Wallet{}, fault.New(fault.NotFound, "wallet_not_found", "no such wallet")
	}
	w.LeaseOwner, w.LeaseUntil, w.Fence, w.Version = "", time.Time{}, max(w.Fence, c.Above)+fenceGap, w.Version+1
	Wallets.Put(v, w)
	return w, nil
}
