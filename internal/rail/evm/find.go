package evm

import (
	"context"
	"math/big"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/money"
	"sluice/internal/rail"
)

var (
	_ rail.Finder = (*Rail)(nil)
	_ rail.Mover  = (*Rail)(nil)
)

// Find implements rail.Finder.
func (r *Rail) Find(ctx context.Context, slot rail.Slot) (rail.Slot, *rail.Attempt, error) {
	who, head, err := r.begin(ctx, slot.Wallet)
	if err != nil {
		return slot, nil, err
	}
	used, err := r.nonceAt(ctx, who, head.at())
	if err != nil || used <= slot.Nonce {
		return slot, nil, err
	}
	found, err := r.consumer(ctx, who, slot.Nonce, head.number)
	if err != nil {
		return slot, nil, unavailable(err, "look for what used a nonce")
	}
	raw, err := found.tx.MarshalBinary()
	if err != nil {
		return slot, nil, err
	}
	most, err := Amount(new(big.Int).Mul(found.tx.GasFeeCap(), new(big.Int).SetUint64(found.tx.Gas())))
	return slot, &rail.Attempt{TxID: found.tx.Hash().Hex(), Raw: raw, Fee: most}, err
}

// Moved implements rail.Mover.
func (r *Rail) Moved(ctx context.Context, wallet, txid string) (bool, error) {
	who, err := r.wallet(ctx, wallet)
	if err != nil {
		return false, err
	}
	found, err := r.transaction(ctx, common.HexToHash(txid))
	if err != nil {
		return false, unavailable(err, "look for "+txid)
	}
	tx, _, err := found.signed(r.signer)
	if err != nil {
		return false, err
	}
	c, err := r.consumption(ctx, who, tx.Nonce(), found)
	if err != nil {
		return false, unavailable(err, "read what "+txid+" did")
	}
	fee, err := r.feeOf(ctx, c.receipt, c.block, c.tx)
	if err != nil {
		return false, err
	}
	gone := map[string]money.Amount{}
	if err := r.gone(ctx, who, c, gone); err != nil {
		return false, err
	}
	if gone[r.conf.FeeAsset] == fee {
		delete(gone, r.conf.FeeAsset)
	}
	return len(gone) > 0, nil
}
