package evm

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/rail"
	"sluice/internal/rail/node"
)

// plainGas is what a transfer costs that runs no code at all.
const plainGas = 21_000

// Verdict is what a transaction in a final block did to a payout.
type verdict int

const (
	unclear verdict = iota // value moved in a way that we cannot read: a person must look
	paid
	dead // the nonce is used up and nothing was paid: it never will be
)

// judge decides from the content of a plain transaction in a final block, one that
// is no call of a vault, and from its receipt, what became of a payout. Dead needs a
// reason that excludes every payment; whatever is left over is unclear.
func (r *Rail) judge(p rail.Payout, who common.Address, tx *types.Transaction, rec *receipt) (verdict, string) {
	if isCancel(tx, who) {
		return dead, "an operator cancelled the payout before any block held it"
	}
	to := common.BytesToAddress(p.To)
	if t, ok := r.tokens[p.Asset]; ok {
		if !rec.complete() {
			return unclear, noLogs
		}
		return judgeToken(t.contract, who, to, p.Amount.Big(), r.pays(tx, p), rec.logs)
	}
	switch {
	case r.pays(tx, p):
		return paid, ""
	case tx.Value().Sign() == 0, rec.gas != nil && *rec.gas == plainGas && tx.To() != nil && *tx.To() != to:
		return dead, usedByAnother
	}
	return unclear, "another transaction of the wallet used the slot, and what it paid cannot be read from outside"
}

const (
	usedByAnother = "another transaction of the wallet used the slot"
	movedNothing  = "the token moved nothing: there is no Transfer log of the payout"
	noLogs        = "the receipt does not show the logs of the transaction, or not all of them"
)

// judgeToken goes by Transfer logs alone: a token may answer true and do nothing.
// ours says that the transaction is the payout's own transfer, in which any other
// movement of the wallet's tokens means that something else was paid.
func judgeToken(contract, who, to common.Address, amount *big.Int, ours bool, logs []*types.Log) (verdict, string) {
	found, odd := moves(logs, contract)
	matching, other := 0, 0
	for _, m := range found {
		switch {
		case m.from != who:
		case m.to == to && m.amount.Cmp(amount) == 0:
			matching++
		case m.to == to || ours:
			other++
		}
	}
	switch {
	case matching == 1 && other == 0 && !odd:
		return paid, ""
	case matching == 0 && other == 0 && !odd && ours:
		return dead, movedNothing
	case matching == 0 && other == 0 && !odd:
		return dead, usedByAnother
	}
	return unclear, "the token moved something else than the payout: compare the Transfer logs"
}

// whyReverted replays a reverted transaction to learn the reason. It is a courtesy:
// the replay runs on the state before or after the block, not in the middle of it.
func (r *Rail) whyReverted(ctx context.Context, who common.Address, tx *types.Transaction, rec *receipt) string {
	if rec.gas != nil && *rec.gas == tx.Gas() {
		return "the transaction was reverted: it ran out of gas"
	}
	msg := ethereum.CallMsg{From: who, To: tx.To(), Gas: tx.Gas(), Value: tx.Value(), Data: tx.Data()}
	number := new(big.Int).SetUint64(*rec.number)
	for _, at := range []*big.Int{new(big.Int).Sub(number, big.NewInt(1)), number} {
		if _, err := r.callAt(ctx, msg, at); err != nil {
			if reason, ok := revertReason(err); ok {
				return "the transaction was reverted: " + reason
			}
		}
	}
	return "the transaction was reverted"
}

// consumption is a transaction that used a nonce, and the block that holds it.
type consumption struct {
	tx      *types.Transaction
	receipt *receipt
	block   *block
}

// consumer finds the transaction that used a nonce which none of our attempts used,
// by looking for the block at which the wallet's nonce passed it; at the block until it is
// past it. An error means that it could not be found, which proves nothing: nodes forget
// old states, and a nonce can be used up without a transaction (EIP-7702).
func (r *Rail) consumer(ctx context.Context, who common.Address, nonce, until uint64) (out consumption, err error) {
	if hash, ok := r.doubts.user(who, nonce); ok { // found before; the chain may have changed
		if t, err := r.transaction(ctx, hash); err == nil {
			if out, err = r.consumption(ctx, who, nonce, t); err == nil {
				return out, nil
			}
		}
	}
	after, err := r.passed(ctx, who, nonce, until)
	if err != nil {
		return out, err
	}
	var full struct{ Transactions []*transaction }
	if err := r.must(ctx, &full, fmt.Sprintf("read block %d", after), "eth_getBlockByNumber", at(new(big.Int).SetUint64(after)), true); err != nil {
		return out, err
	}
	for _, t := range full.Transactions {
		if t == nil || t.nonce != nonce || t.from != who {
			continue
		}
		if out, err = r.consumption(ctx, who, nonce, t); err == nil && out.block.number != after {
			err = fmt.Errorf("block %d is not the one of the receipt", after)
		}
		if err == nil {
			r.doubts.usedBy(who, nonce, t.hash)
		}
		return out, err
	}
	return out, fmt.Errorf("block %d holds no transaction with nonce %d of %s", after, nonce, who)
}

// consumption proves that a transaction of the node's telling has used a nonce, in a block
// that stands.
func (r *Rail) consumption(ctx context.Context, who common.Address, nonce uint64, t *transaction) (out consumption, err error) {
	var from common.Address
	if out.tx, from, err = t.signed(r.signer); err != nil {
		return out, fmt.Errorf("transaction %s cannot be read: %w", t.hash, err)
	}
	if from != who || out.tx.Nonce() != nonce {
		return out, fmt.Errorf("transaction %s is not what the node says", t.hash)
	}
	if out.receipt, err = r.receiptOf(ctx, t.hash); err != nil {
		return out, err
	}
	if out.receipt.number == nil {
		return out, node.Incomplete("eth_getTransactionReceipt", "blockNumber is missing")
	}
	if out.block, err = (&look{Rail: r}).standing(ctx, out.receipt); err == nil && out.block == nil {
		err = fmt.Errorf("the block of %s is not in the chain", t.hash)
	}
	return out, err
}

// passed finds the first block after which the wallet's nonce is above the given one;
// at the block final it is. Going back in growing steps keeps to recent states, which
// every node still has.
func (r *Rail) passed(ctx context.Context, who common.Address, nonce, final uint64) (uint64, error) {
	above := func(block uint64) (bool, error) {
		n, err := r.nonceAt(ctx, who, new(big.Int).SetUint64(block))
		return n > nonce, err
	}
	low, high := uint64(0), final // above(high) holds; above(low) does not, or low is 0
	for step := uint64(1); high > 0; step *= 2 {
		low = high - min(step, high)
		yes, err := above(low)
		if err != nil {
			return 0, err
		}
		if !yes {
			break
		}
		high = low
	}
	for high > low+1 {
		mid := low + (high-low)/2
		yes, err := above(mid)
		if err != nil {
			return 0, err
		}
		if yes {
			high = mid
		} else {
			low = mid
		}
	}
	return high, nil
}
