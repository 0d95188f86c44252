package evm

import (
	"context"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail/node"
)

// Own is a transaction that a wallet's key has made, as a final block holds it.
type Own struct {
	Block uint64 // the final block that was asked: at or above the transaction's
	Hash  string // of that block
	// Gone is, by asset, what left the wallet and its vault with it: the fee, and what
	// went to anybody else. Nothing of it is zero.
	Gone map[string]money.Amount
}

// OwnTransaction reads what a transaction of the wallet has taken from wallet and vault.
// It answers only when a final block holds it: not_final before that.
func (r *Rail) OwnTransaction(ctx context.Context, wallet, txid string) (Own, error) {
	pos, err := r.Position(ctx, wallet)
	if err != nil {
		return Own{}, err
	}
	who := common.HexToAddress(wallet)
	hash := common.HexToHash(txid)
	found, err := r.transaction(ctx, hash)
	var rec *receipt
	var tx *types.Transaction
	if err == nil {
		var from common.Address
		var bad error
		if tx, from, bad = found.signed(r.signer); bad != nil || from != who {
			return Own{}, fault.New(fault.Refused, "not_own", "the transaction %s is not of the wallet %s", txid, wallet).At("txid")
		}
		rec, err = r.receiptOf(ctx, hash)
	}
	switch {
	case errors.Is(err, errNothing):
		return Own{}, fault.New(fault.NotFound, "transaction_not_found", "no block of %s holds the transaction %s", r.conf.Network, txid).At("txid")
	case err != nil:
		return Own{}, err
	case rec.number == nil || *rec.number > pos.Block || tx.Nonce() >= pos.Nonce:
		return Own{}, fault.New(fault.Conflict, "not_final", "the block of %s is not final yet: the last final one is %d. Try again later", txid, pos.Block)
	}
	b, err := (&look{Rail: r}).standing(ctx, rec)
	if err == nil && b == nil {
		err = node.Incomplete("eth_getTransactionReceipt", "its block is not in the chain")
	}
	if err != nil {
		return Own{}, err
	}
	out := Own{Block: pos.Block, Hash: pos.Hash, Gone: map[string]money.Amount{}}
	return out, r.gone(ctx, who, consumption{tx, rec, b}, out.Gone)
}

// gone adds up what a transaction of a wallet has cost and moved away.
func (r *Rail) gone(ctx context.Context, who common.Address, c consumption, sum map[string]money.Amount) error {
	tx, rec := c.tx, c.receipt
	vault, has := r.vaults[who]
	ours := func(a common.Address) bool { return a == who || has && a == vault }
	fee, err := r.feeOf(ctx, rec, c.block, tx)
	if err != nil {
		return err
	}
	if sum[r.conf.FeeAsset] = fee; fee.IsZero() {
		delete(sum, r.conf.FeeAsset)
	}
	if rec.reverted() {
		return nil // it moved nothing
	}
	if !rec.succeeded() || !rec.complete() {
		return node.Incomplete("eth_getTransactionReceipt", "status or logs are missing")
	}
	add := func(asset string, v *big.Int) error {
		a, err := Amount(v)
		if err != nil || a.IsZero() {
			return err
		}
		sum[asset], err = sum[asset].Add(a)
		return err
	}
	if tx.To() == nil || !ours(*tx.To()) {
		if err := add(r.conf.FeeAsset, tx.Value()); err != nil {
			return err
		}
	}
	for asset, t := range r.tokens {
		found, odd := moves(rec.logs, t.contract)
		if odd {
			return fault.New(fault.Refused, "odd_logs", "the logs of %s cannot be read: book what is missing with `sluice reconcile book`", tx.Hash())
		}
		for _, m := range found {
			if ours(m.from) && !ours(m.to) {
				if err := add(asset, m.amount); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ParseTxID checks the id of a transaction and gives it as it is kept.
func ParseTxID(s string) (string, error) {
	raw, err := hexutil.Decode(s)
	if err != nil || len(raw) != common.HashLength {
		return "", fault.Bad("invalid_txid", "txid", "must be 0x and 64 hex digits")
	}
	return common.BytesToHash(raw).Hex(), nil
}

// Gas is what a wallet has for fees at the latest block: its own coins. Those of its vault
// pay no fees.
func (r *Rail) Gas(ctx context.Context, wallet string) (money.Amount, error) {
	who, head, err := r.begin(ctx, wallet)
	if err != nil {
		return money.Amount{}, err
	}
	return r.balance(ctx, r.conf.FeeAsset, who, head.at())
}
