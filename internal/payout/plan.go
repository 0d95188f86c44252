package payout

import (
	"fmt"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// Plan writes a dispatch with the withdrawals it would like to pay.
type Plan struct {
	Wallet  id.Seq
	Fence   int64
	Network string
	Items   []Item // Shard, Withdrawal, Asset, To, Amount, Payment
}

// Reads implements commit.Command.
func (c Plan) Reads(w *commit.Wants) {
	Wallets.Want(w, c.Wallet)
	Stands.Want(w, c.Wallet)
}

// Apply implements commit.Command.
func (c Plan) Apply(v *commit.View) (Dispatch, error) {
	if _, err := fenced(v, c.Wallet, c.Fence); err != nil {
		return Dispatch{}, err
	}
	if wd, twice := c.twice(); twice {
		return Dispatch{}, fault.New(fault.Conflict, "withdrawal_twice", "%s is in the list twice: a withdrawal is paid once", wd.Text(id.Withdrawal))
	}
	if s, ok := Stands.Get(v, c.Wallet); ok && s.Lost > 0 {
		return Dispatch{}, errHalted(s)
	}
	d := Dispatch{
		Seq: v.NewID(), Wallet: c.Wallet, Network: c.Network, State: Planned, Nonce: noNonce, Items: int64(len(c.Items)), CreatedAt: v.Now(), Version: 1,
	}
	Dispatches.Insert(v, d)
	for n, it := range c.Items {
		it.ItemKey, it.Outcome, it.Settled, it.Version = ItemKey{d.Seq, int64(n)}, OutcomeOpen, false, 1
		Items.Insert(v, it)
	}
	return d, nil
}

// twice gives a withdrawal that is in the list more than once.
func (c Plan) twice() (id.ID, bool) {
	seen := make(map[id.ID]bool, len(c.Items))
	for _, it := range c.Items {
		if seen[it.ID()] {
			return it.ID(), true
		}
		seen[it.ID()] = true
	}
	return id.ID{}, false
}

// onDispatch is the part that all commands on an existing dispatch share: they declare
// it, its items, and its wallet.
type onDispatch struct {
	Dispatch id.Seq
	Wallet   id.Seq
	Count    int64 // how many items it has
	Fence    int64
}

// on addresses an existing dispatch for the worker that holds the fence.
func on(d Dispatch, fence int64) onDispatch { return onDispatch{d.Seq, d.Wallet, d.Items, fence} }

// Reads implements commit.Command.
func (c onDispatch) Reads(w *commit.Wants) {
	Dispatches.Want(w, c.Dispatch)
	Wallets.Want(w, c.Wallet)
	for n := range c.Count {
		Items.Want(w, ItemKey{c.Dispatch, n})
	}
}

func (c onDispatch) get(v *commit.View) (Dispatch, Wallet, error) {
	w, err := fenced(v, c.Wallet, c.Fence)
	if err != nil {
		return Dispatch{}, w, err
	}
	d, ok := Dispatches.Get(v, c.Dispatch)
	if !ok || d.Wallet != c.Wallet || d.Items != c.Count {
		return d, w, fmt.Errorf("%w: dispatch %d is not what its worker thinks", commit.ErrInvariant, c.Dispatch)
	}
	return d, w, nil
}

func put(v *commit.View, d Dispatch) Dispatch {
	d.Version++
	Dispatches.Put(v, d)
	return d
}

func (c onDispatch) item(v *commit.View, place int64) Item {
	it, ok := Items.Get(v, ItemKey{c.Dispatch, place})
	if !ok {
		panic(fmt.Sprintf("dispatch %d has no item %d", c.Dispatch, place))
	}
	return it
}

func putItem(v *commit.View, it Item) {
	it.Version++
	Items.Put(v, it)
}

// Seal fixes the list from the claims and binds the next nonce of the wallet. A
// dispatch for which nothing was claimed becomes void.
type Seal struct {
	onDispatch
	Claimed []bool // by place
	// ChainNonce is the first nonce that no block has used: a wallet that was used
	// before Sluice knew it goes on from there.
	ChainNonce int64
	// Slot and Keys are for rails that pick their slots: then no nonce is bound, and
	// the keys are held. Sealing is refused when a live slot holds one of them.
	Slot []byte
	Keys []string
}

// Reads implements commit.Command.
func (c Seal) Reads(w *commit.Wants) {
	c.onDispatch.Reads(w)
	wantHolds(w, c.Wallet, c.Keys)
}

// hold binds the keys of a picked slot.
func (c Seal) hold(v *commit.View) error {
	for _, k := range c.Keys {
		h, ok := Holds.Get(v, HoldKey{c.Wallet, k})
		if ok && h.Live && h.Dispatch != c.Dispatch {
			return fault.New(fault.Conflict, "slot_taken", "%s is held by another dispatch", k)
		}
		h.HoldKey, h.Dispatch, h.Live, h.Version = HoldKey{c.Wallet, k}, c.Dispatch, true, h.Version+1
		Holds.Put(v, h)
	}
	return nil
}

// Apply implements commit.Command.
func (c Seal) Apply(v *commit.View) (Dispatch, error) {
	d, w, err := c.get(v)
	if err != nil || d.State != Planned {
		return d, err
	}
	claimed := c.drop(v, c.Claimed)
	if claimed == 0 {
		d.State, d.EndedAt = Void, v.Now()
		return put(v, d), nil
	}
	if len(c.Slot) == 0 {
		return bind(v, d, w, c.ChainNonce), nil
	}
	if err := c.hold(v); err != nil {
		return Dispatch{}, err
	}
	d.State, d.Slot = Sealed, c.Slot
	return put(v, d), nil
}

// drop marks the items that were not claimed and counts the others.
func (c onDispatch) drop(v *commit.View, claimed []bool) int {
	n := 0
	for place, ok := range claimed {
		if ok {
			n++
			continue
		}
		it := c.item(v, int64(place))
		it.Outcome, it.Settled = OutcomeDropped, true
		putItem(v, it)
	}
	return n
}

func bind(v *commit.View, d Dispatch, w Wallet, chainNonce int64) Dispatch {
	d.State, d.Nonce = Sealed, max(w.NextNonce, chainNonce)
	w.NextNonce = d.Nonce + 1
	w.Version++
	Wallets.Put(v, w)
	return put(v, d)
}

// Rebind moves a sealed dispatch for which nothing was ever signed to another
// nonce, because a block already holds another use of its own.
type Rebind struct {
	onDispatch
	ChainNonce int64
}

// Apply implements commit.Command.
func (c Rebind) Apply(v *commit.View) (Dispatch, error) {
	d, w, err := c.get(v)
	if err != nil {
		return Dispatch{}, err
	}
	if d.State != Sealed || d.Attempts > 0 || c.ChainNonce <= d.Nonce {
		return Dispatch{}, fault.New(fault.Conflict, "slot_bound", "the slot of this dispatch cannot change: only one for which nothing was signed may, and only to a later one")
	}
	return bind(v, d, w, c.ChainNonce), nil
}

// Refuse ends a dispatch that the network refuses, before anything was signed:
// that nothing was signed is the proof that nothing can be paid. A bound nonce goes
// back to the wallet.
type Refuse struct {
	onDispatch
	Claimed []bool   // by place; nil when sealed already
	Keys    []string // what its slot holds
	Reason  string
}

// Reads implements commit.Command.
func (c Refuse) Reads(w *commit.Wants) {
	c.onDispatch.Reads(w)
	wantHolds(w, c.Wallet, c.Keys)
}

func wantHolds(w *commit.Wants, wallet id.Seq, keys []string) {
	for _, k := range keys {
		Holds.Want(w, HoldKey{wallet, k})
	}
}

// free ends the holds of a dispatch: given back, or used up for good.
func (c onDispatch) free(v *commit.View, keys []string) {
	for _, k := range keys {
		if h, ok := Holds.Get(v, HoldKey{c.Wallet, k}); ok && h.Live && h.Dispatch == c.Dispatch {
			h.Live, h.Version = false, h.Version+1
			Holds.Put(v, h)
		}
	}
}

// Apply implements commit.Command.
func (c Refuse) Apply(v *commit.View) (Dispatch, error) {
	d, w, err := c.get(v)
	if err != nil || d.State == Refused {
		return d, err
	}
	if d.Attempts > 0 || d.State != Planned && d.State != Sealed {
		return Dispatch{}, fault.New(fault.Conflict, "already_signed", "something was signed for this dispatch: only the network can prove its end")
	}
	c.free(v, c.Keys)
	if d.State == Sealed && d.Nonce != noNonce {
		if w.NextNonce != d.Nonce+1 {
			return Dispatch{}, fmt.Errorf("%w: dispatch %d holds nonce %d with nothing signed, and the wallet is at %d", commit.ErrInvariant, d.Seq, d.Nonce, w.NextNonce)
		}
		w.NextNonce, d.Nonce = d.Nonce, noNonce
		w.Version++
		Wallets.Put(v, w)
	}
	c.drop(v, c.Claimed)
	d.State, d.Note = Refused, c.Reason
	d.Settled = 0
	for n := range d.Items {
		it := c.item(v, n)
		if it.Outcome == OutcomeDropped {
			d.Settled++
			continue
		}
		it.Outcome, it.Reason = OutcomeUnpaid, c.Reason
		putItem(v, it)
	}
	if d.Settled == d.Items {
		d.State, d.EndedAt = Void, v.Now()
	}
	return put(v, d), nil
}
