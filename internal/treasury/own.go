package treasury

import (
	"math"
	"slices"
	"strings"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
)

// OwnPart is what a transaction took in one asset.
type OwnPart struct {
	Asset  money.Asset
	Amount money.Amount // above zero
}

// BookOwn books what a transaction of the operator has taken from a wallet: its fee, and
// what it moved away. A final block must hold it, and it must be no payout of ours; the
// caller has seen to both. What the worker has noted as missing is explained by it; what
// the worker has not seen yet is booked before it can miss it, and a look that is under
// way fails and is repeated. The database refuses a second booking of one transaction.
// It runs in the operator's shard.
type BookOwn struct {
	Wallet id.Seq
	TxID   string
	Parts  []OwnPart
	Block  uint64 // a final block at or above the transaction's
	Hash   string // of that block
	Reason string
	Actor  string
}

// Reads implements commit.Command.
func (c BookOwn) Reads(w *commit.Wants) {
	for _, p := range c.Parts {
		wantBook(w, c.Wallet, p.Asset.Code)
	}
}

// Apply implements commit.Command.
func (c BookOwn) Apply(v *commit.View) ([]Book, error) {
	switch {
	case strings.TrimSpace(c.Reason) == "" || len(c.Reason) > MaxReason:
		return nil, fault.Bad("invalid_reason", "reason", "say in 1 to %d bytes what it was for: the books keep it", MaxReason)
	case c.TxID == "" || c.Block == 0 || c.Block > math.MaxInt64:
		return nil, fault.New(fault.Invalid, "not_final", "only a transaction in a final block can be booked")
	}
	var out []Book
	for _, p := range c.Parts {
		b, _ := Books.Get(v, BookKey{c.Wallet, p.Asset.Code})
		b.BookKey = BookKey{c.Wallet, p.Asset.Code}
		if left, err := b.Missing.Sub(p.Amount); err == nil {
			b.Missing = left
		}
		if block := int64(c.Block); b.Block < block {
			// Whoever is behind this block does not see the transaction, and must not
			// take what is booked for a deposit.
			b.Block, b.Hash = block, c.Hash
		}
		f := Funding{Wallet: c.Wallet, Asset: p.Asset.Code, Kind: KindOutflow, Amount: p.Amount, Hash: c.TxID, Reason: c.Reason, Actor: c.Actor}
		if err := fund(v, f); err != nil {
			return nil, err
		}
		tell(v, event.WalletExplained, c.Wallet, b, p.Amount, c.Actor, c.Reason)
		out = append(out, put(v, b))
	}
	return out, nil
}

// OwnParts puts what left a wallet into the order in which it is booked.
func OwnParts(assets money.Assets, gone map[string]money.Amount) ([]OwnPart, error) {
	var out []OwnPart
	for code, amount := range gone {
		a, err := assets.Get(code)
		if err != nil {
			return nil, err
		}
		out = append(out, OwnPart{a, amount})
	}
	slices.SortFunc(out, func(a, b OwnPart) int { return strings.Compare(a.Asset.Code, b.Asset.Code) })
	return out, nil
}
