package signer

import (
	"context"
	"time"
)

// Record is one use of a slot, as the log of a signer holds it.
type Record struct {
	At      time.Time
	Network string
	Wallet  string // the paying address; in lower case on account chains
	Fence   int64
	Nonce   *uint64  // account chains; nil elsewhere
	Coins   []string // coin chains: what the slot spends, as txid:index
	Amounts []string // of the coins, in minor units; empty where the log had all of them before
	Bound   string   // what the slot is bound to (the dispatch)
	Cancel  bool
	// Again says that the slot was bound before and only signed again; Payouts is empty then.
	Again   bool
	Payouts []Output // without approvals
}

// Historian is a signer that gives its log back, for a server whose books were lost or
// are older than what was signed.
type Historian interface {
	// History reads the log after a place in it, oldest first: some of it, with the
	// place to go on from. "" is the beginning; an empty page is the end. A place that
	// the log does not have is a fault with code signer_log_other: the log is another
	// one, or older than it was when the place was given.
	History(ctx context.Context, after string) (page []Record, next string, err error)
}

// MemoMax bounds Output.Memo in bytes.
const MemoMax = 4096
