package rail

import "context"

// Finder is a rail that finds out what has used a slot, without the bytes that were signed
// for it: for books that have lost them.
type Finder interface {
	// Find looks for the transaction in a block that has used a slot; nil: no block has, as
	// far as the node shows. Of the slot only its names must be known: the nonce, or TxID and
	// Index of each coin. It comes back whole. An error that wraps ErrUnavailable says that
	// nobody knows now.
	Find(ctx context.Context, slot Slot) (Slot, *Attempt, error)
}

// Mover is a rail that tells what a transaction of a wallet did, without knowing why.
type Mover interface {
	// Moved tells whether a transaction in a block, one of the wallet's own, has moved anything
	// to somebody else than the wallet and what belongs to it. Fees do not count.
	Moved(ctx context.Context, wallet, txid string) (bool, error)
}
