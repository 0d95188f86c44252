package rail

import (
	"context"

	"sluice/internal/money"
)

// Booker is a rail that can prove what a wallet held at a block that never goes away.
// The treasury compares that with the ledger to the last unit.
type Booker interface {
	// Position reads what the wallet held at the latest final block, and which of its
	// slots blocks up to that one have used. All of it must be read at that one block:
	// a rail whose node moves in between reads again or gives an error. Before the
	// first final block, or while the node catches up, the error wraps ErrUnavailable.
	Position(ctx context.Context, wallet string) (Position, error)
}

// Position is a wallet at a final block.
type Position struct {
	Block uint64 // its number; it never goes back for one and the same chain
	Hash  string // as the network names the block
	// Balances is everything that belongs to the wallet at the block, by asset code,
	// with a zero for each asset of the rail that it has nothing of. What a contract of
	// ours holds for the wallet counts as the wallet's. On a coin chain it is the sum
	// of Coins, and nothing that a block after this one has made.
	Balances map[string]money.Amount
	// Nonce is, on account chains, the first nonce of the wallet that no block up to
	// this one has used.
	Nonce uint64
	// Coins are, on coin chains, the Coin.Key of every output of the wallet that
	// blocks up to this one have made and none of them has spent. Not nil there, even
	// when empty; nil on account chains. A slot counts as used once one of its coins is
	// neither among them nor among Later.
	Coins []string
	// Later are the coins that no block up to this one has made, but that exist above it
	// or wait for a block: a slot that holds one cannot have been used yet.
	Later []string
}

// Used tells whether a block up to the position's holds the slot.
func (p Position) Used(s Slot) bool {
	if p.Coins == nil {
		return s.Nonce < p.Nonce
	}
	here := make(map[string]bool, len(p.Coins))
	for _, k := range p.Coins {
		here[k] = true
	}
	for _, k := range p.Later {
		here[k] = true
	}
	for _, c := range s.Coins {
		if !here[c.Key()] {
			return true
		}
	}
	return false
}

// Stander is a rail that can say whether a block that was final still stands.
type Stander interface {
	// BlockAt names the block that the chain has at a height, as Observation.Block does.
	// Before the chain is that long, or while the node does not know, the error wraps
	// ErrUnavailable.
	BlockAt(ctx context.Context, number uint64) (string, error)
}

// Estimator is a rail that can say what paying would cost before anything is decided.
type Estimator interface {
	// Estimate says what it would cost the wallet to pay these payouts now, in the fee
	// asset. A *Refusal says that the network would refuse them; an error that wraps
	// ErrUnavailable that nobody knows now.
	Estimate(ctx context.Context, wallet string, payouts []Payout) (Estimate, error)
}

// Estimate is a network fee before it is paid, in the fee asset of the network.
type Estimate struct {
	Likely  money.Amount // at the prices of the last block; for people
	Ceiling money.Amount // what the first attempt would offer at most; never below Likely
}
