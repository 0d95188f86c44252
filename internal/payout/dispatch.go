// Package payout pays exactly once. A dispatch is a slot (the outside resource
// that makes all attempts for it exclusive) and the fixed list of withdrawals it
// pays; an attempt is the exact signed bytes, stored before the first of them
// leaves. Wallets, dispatches and attempts live in the operator's shard, the
// withdrawals in their merchants'; no transaction spans both, so every step is
// written, idempotent, and taken up again after a crash by what is written.
package payout

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
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
	Nonce     int64  // the slot on an account chain; -1 until sealed, and elsewhere
	Slot      []byte // the slot elsewhere: JSON of a rail.Slot; empty until sealed, and on account chains
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
	Payment    string // what a bank is told, rail.Payment.Text; "" on chains
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

// HoldKey names what a slot holds: a coin, a message id.
type HoldKey struct {
	Wallet id.Seq
	Key    string
}

// Hold keeps what a slot holds away from every other slot of the wallet.
type Hold struct {
	HoldKey
	Dispatch id.Seq
	Live     bool // false: given back, or used up for good
	Version  int64
}

// Holds is the table of holds.
var Holds = commit.NewTable("slot_hold", func(h *Hold) HoldKey { return h.HoldKey })
