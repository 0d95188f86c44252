// Package dispatch pays exactly once. A dispatch is a slot (the outside resource
// that makes all attempts for it exclusive) and the fixed list of withdrawals it
// pays; an attempt is the exact signed bytes, stored before the first of them
// leaves. Wallets, dispatches and attempts live in the operator's shard, the
// withdrawals in their merchants'; no transaction spans both, so every step is
// written, idempotent, and taken up again after a crash by what is written.
package dispatch

import (
	"fmt"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// OperatorShard is where wallets, dispatches and attempts live.
const OperatorShard id.Shard = 0

// State is where a dispatch is in its life.
type State string

// The states.
const (
	Planned State = "planned" // withdrawals are being claimed for it; nothing is bound
	Sealed  State = "sealed"  // list and slot are fixed; attempts may exist
	Final   State = "final"   // the fate of every payout is proved; withdrawals are being told
	Done    State = "done"    // every withdrawal has been told
	Void    State = "void"    // nothing was claimed
	Refused State = "refused" // the network refused before anything was signed; withdrawals are being told
	noNonce       = int64(-1)
)

// Open tells whether there is something left to do.
func (s State) Open() bool { return s != Done && s != Void }

// Dispatch is a slot and what it pays.
type Dispatch struct {
	Seq       id.Seq
	Wallet    id.Seq
	Network   string
	State     State
	Nonce     int64 // the slot; -1 until sealed
	Items     int64
	Settled   int64 // items whose withdrawal has been told
	Attempts  int64
	Stage     rail.Stage // as last observed
	TxID      string
	Block     string
	Fee       money.Amount // what it cost, in FeeAsset; known when final
	FeeAsset  string
	Note      string
	CreatedAt time.Time
	EndedAt   time.Time
	Version   int64
}

// Dispatches is the table of dispatches.
var Dispatches = commit.NewTable("dispatch", func(d *Dispatch) id.Seq { return d.Seq })

// Outcome is what became of one item.
type Outcome string

// The outcomes. Only a proof sets OutcomePaid or OutcomeUnpaid.
const (
	OutcomeOpen    Outcome = ""
	OutcomePaid    Outcome = "paid"
	OutcomeUnpaid  Outcome = "unpaid"
	OutcomeDropped Outcome = "dropped" // its withdrawal could not be claimed; it is not part of the sealed list
)

// ItemKey names an item by its place in the list.
type ItemKey struct {
	Dispatch id.Seq
	Place    int64
}

// Item is one withdrawal of a dispatch, with what is signed for it.
type Item struct {
	ItemKey
	Shard      int64 // of the withdrawal
	Withdrawal id.Seq
	Asset      string
	To         []byte
	Amount     money.Amount
	Outcome    Outcome
	Reason     string // of OutcomeUnpaid, for a person
	Settled    bool   // the withdrawal has been told
	Version    int64
}

// ID is the withdrawal's address.
func (i Item) ID() id.ID { return id.ID{Shard: id.Shard(i.Shard), Seq: i.Withdrawal} } //nolint:gosec // written from an id.Shard

// Items is the table of items.
var Items = commit.NewTable("dispatch_item", func(i *Item) ItemKey { return i.ItemKey })

// Attempt is exact signed bytes for a slot. It is never changed or removed.
type Attempt struct {
	Seq       id.Seq
	Dispatch  id.Seq
	Number    int64 // from 1
	TxID      string
	Raw       []byte
	MaxFee    money.Amount // the most it can cost, in the network's fee asset
	Fence     int64        // of the worker that had it signed
	CreatedAt time.Time
}

// Attempts is the log of attempts.
var Attempts = commit.NewLog[Attempt]("attempt")

// Plan writes a dispatch with the withdrawals it would like to pay. Result: Dispatch.
type Plan struct {
	Wallet  id.Seq
	Fence   int64
	Network string
	Items   []Item // Shard, Withdrawal, Asset, To, Amount
}

// Reads implements commit.Command.
func (c Plan) Reads(w *commit.Wants) { Wallets.Want(w, c.Wallet) }

// Apply implements commit.Command.
func (c Plan) Apply(v *commit.View) (any, error) {
	if _, err := fenced(v, c.Wallet, c.Fence); err != nil {
		return nil, err
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

// whole is the part that all commands on an existing dispatch share: they declare
// it, its items, and its wallet.
type whole struct {
	Dispatch id.Seq
	Wallet   id.Seq
	Count    int64 // how many items it has
	Fence    int64
}

// on addresses an existing dispatch for the worker that holds the fence.
func on(d Dispatch, fence int64) whole { return whole{d.Seq, d.Wallet, d.Items, fence} }

// Reads implements commit.Command.
func (c whole) Reads(w *commit.Wants) {
	Dispatches.Want(w, c.Dispatch)
	Wallets.Want(w, c.Wallet)
	for n := range c.Count {
		Items.Want(w, ItemKey{c.Dispatch, n})
	}
}

func (c whole) get(v *commit.View) (Dispatch, Wallet, error) {
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

func (c whole) item(v *commit.View, place int64) Item {
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
// dispatch for which nothing was claimed becomes void. Result: Dispatch.
type Seal struct {
	whole
	Claimed []bool // by place
	// ChainNonce is the first nonce that no block has used: a wallet that was used
	// before Sluice knew it goes on from there.
	ChainNonce int64
}

// Apply implements commit.Command.
func (c Seal) Apply(v *commit.View) (any, error) {
	d, w, err := c.get(v)
	if err != nil || d.State != Planned {
		return d, err
	}
	claimed := c.drop(v, c.Claimed)
	if claimed == 0 {
		d.State, d.EndedAt = Void, v.Now()
		return put(v, d), nil
	}
	return bind(v, d, w, c.ChainNonce), nil
}

// drop marks the items that were not claimed and counts the others.
func (c whole) drop(v *commit.View, claimed []bool) int {
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
// nonce, because a block already holds another use of its own. Result: Dispatch.
type Rebind struct {
	whole
	ChainNonce int64
}

// Apply implements commit.Command.
func (c Rebind) Apply(v *commit.View) (any, error) {
	d, w, err := c.get(v)
	if err != nil {
		return nil, err
	}
	if d.State != Sealed || d.Attempts > 0 || c.ChainNonce <= d.Nonce {
		return nil, fault.New(fault.Conflict, "slot_bound", "the slot of this dispatch cannot change: only one for which nothing was signed may, and only to a later one")
	}
	return bind(v, d, w, c.ChainNonce), nil
}

// Refuse ends a dispatch that the network refuses, before anything was signed:
// that nothing was signed is the proof that nothing can be paid. A bound nonce goes
// back to the wallet. Result: Dispatch.
type Refuse struct {
	whole
	Claimed []bool // by place; nil when sealed already
	Reason  string
}

// Apply implements commit.Command.
func (c Refuse) Apply(v *commit.View) (any, error) {
	d, w, err := c.get(v)
	if err != nil || d.State == Refused {
		return d, err
	}
	if d.Attempts > 0 || d.State != Planned && d.State != Sealed {
		return nil, fault.New(fault.Conflict, "already_signed", "something was signed for this dispatch: only the network can prove its end")
	}
	if d.State == Sealed {
		if w.NextNonce != d.Nonce+1 {
			return nil, fmt.Errorf("%w: dispatch %d holds nonce %d with nothing signed, and the wallet is at %d", commit.ErrInvariant, d.Seq, d.Nonce, w.NextNonce)
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

// RecordAttempt stores signed bytes. Only after it has committed may they leave.
// Result: Dispatch.
type RecordAttempt struct {
	whole
	Number int64 // the attempt's number; recording the same number twice is refused
	Rail   rail.Attempt
}

// Apply implements commit.Command.
func (c RecordAttempt) Apply(v *commit.View) (any, error) {
	d, _, err := c.get(v)
	if err != nil {
		return nil, err
	}
	if d.State != Sealed || d.Attempts != c.Number-1 {
		return nil, fault.New(fault.Conflict, "attempt_out_of_order", "the dispatch is %s with %d attempts; attempt %d cannot be recorded", d.State, d.Attempts, c.Number)
	}
	Attempts.Append(v, Attempt{
		Seq: v.NewID(), Dispatch: d.Seq, Number: c.Number, TxID: c.Rail.TxID, Raw: c.Rail.Raw, MaxFee: c.Rail.Fee, Fence: c.Fence, CreatedAt: v.Now(),
	})
	d.Attempts, d.TxID = c.Number, c.Rail.TxID
	return put(v, d), nil
}

// Note keeps how far the network has come, when that changed. Result: Dispatch.
type Note struct {
	whole
	Stage rail.Stage
	TxID  string
	Block string
	Text  string
}

// Apply implements commit.Command.
func (c Note) Apply(v *commit.View) (any, error) {
	d, _, err := c.get(v)
	if err != nil || d.State != Sealed || d.Stage == c.Stage && d.TxID == c.TxID && d.Block == c.Block && d.Note == c.Text {
		return d, err
	}
	d.Stage, d.TxID, d.Block, d.Note = c.Stage, c.TxID, c.Block, c.Text
	return put(v, d), nil
}

// Conclude records the proof: which payouts a final block pays, which it never
// will, and what it cost. The cost is booked here. Result: Dispatch.
type Conclude struct {
	whole
	Seen     rail.Observation
	FeeAsset string
}

// Reads implements commit.Command.
func (c Conclude) Reads(w *commit.Wants) {
	c.whole.Reads(w)
	ledger.WantHouse(w, ledger.NetworkFees, c.FeeAsset)
	ledger.WantHouse(w, ledger.Treasury(walletText(c.Wallet)), c.FeeAsset)
}

// Apply implements commit.Command.
func (c Conclude) Apply(v *commit.View) (any, error) {
	d, _, err := c.get(v)
	if err != nil || d.State == Final || d.State == Done {
		return d, err
	}
	if d.State != Sealed || d.Attempts == 0 || c.Seen.Stage != rail.StageFinal {
		return nil, fault.New(fault.Conflict, "not_final", "the dispatch is %s and the network says %s: nothing is proved", d.State, c.Seen.Stage)
	}
	next := 0
	for n := range d.Items {
		it := c.item(v, n)
		if it.Outcome == OutcomeDropped {
			d.Settled++
			continue
		}
		if next >= len(c.Seen.Paid) {
			return nil, fmt.Errorf("%w: the rail proves %d payouts of dispatch %d, which has more", commit.ErrInvariant, len(c.Seen.Paid), d.Seq)
		}
		it.Outcome = OutcomePaid
		if !c.Seen.Paid[next] {
			it.Outcome = OutcomeUnpaid
			if next < len(c.Seen.Reasons) {
				it.Reason = c.Seen.Reasons[next]
			}
		}
		next++
		putItem(v, it)
	}
	if !c.Seen.Fee.IsZero() {
		if _, err := ledger.Post(v, ledger.Transfer{
			Kind: ledger.KindNetworkFee, Currency: c.FeeAsset, Amount: c.Seen.Fee, Debit: ledger.AtHouse(ledger.NetworkFees),
			Credit: ledger.AtHouse(ledger.Treasury(walletText(c.Wallet))), Cause: d.Seq,
		}); err != nil {
			return nil, err
		}
	}
	d.State, d.Stage, d.TxID, d.Block, d.Fee, d.FeeAsset, d.Note = Final, rail.StageFinal, c.Seen.TxID, c.Seen.Block, c.Seen.Fee, c.FeeAsset, c.Seen.Note
	return put(v, d), nil
}

// MarkSettled notes that the withdrawal of an item has been told its outcome. The
// last one ends the dispatch. Result: Dispatch.
type MarkSettled struct {
	whole
	Place int64
}

// Apply implements commit.Command.
func (c MarkSettled) Apply(v *commit.View) (any, error) {
	d, _, err := c.get(v)
	if err != nil {
		return nil, err
	}
	it := c.item(v, c.Place)
	if it.Settled || it.Outcome == OutcomeOpen {
		return d, nil
	}
	it.Settled = true
	putItem(v, it)
	d.Settled++
	if d.Settled == d.Items {
		d.State, d.EndedAt = Done, v.Now()
	}
	return put(v, d), nil
}
