package evm

import (
	"context"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/fault"
	"sluice/internal/rail"
)

// reachBlocks is how many of the latest blocks are looked through for a transaction.
const reachBlocks = 16

// Reach asks the node for everything that must hold before money leaves: its chain and
// the contracts there, that it is in sync, which blocks are final, what its blocks ask
// for, and whether its receipts say what decides a payout. The error says what stands in
// the way; the warnings say what works without, but worse.
func (r *Rail) Reach(ctx context.Context) (warnings []string, err error) {
	ctx = rail.InRound(ctx)
	if err := r.ready(ctx); err != nil {
		return nil, err
	}
	if err := r.synced(ctx); err != nil {
		return nil, err
	}
	head, err := r.head(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.provable(ctx, head); err != nil {
		return nil, err
	}
	if _, err := r.price(ctx); err != nil && !rail.Has(err, rail.CodeHighFee) {
		return nil, err
	} else if err != nil {
		warnings = append(warnings, err.Error())
	}
	if final, err := r.final(ctx); err == nil {
		if _, err := r.coins(ctx, common.Address{}, new(big.Int).SetUint64(final)); err != nil {
			warnings = append(warnings, "it does not show balances at the latest final block, so deposits are not booked: "+err.Error())
		}
	}
	return warnings, r.readable(ctx, head)
}

// readable looks at the receipt of some late transaction, if there is one.
func (r *Rail) readable(ctx context.Context, b *block) error {
	for n := 0; len(b.txs) == 0; n++ {
		if n == reachBlocks || b.number == 0 {
			return nil
		}
		before, err := r.number(ctx, b.number-1)
		if err != nil {
			return unavailable(err, "look for a transaction")
		}
		b = before
	}
	rec, err := r.receiptOf(ctx, b.txs[0])
	if errors.Is(err, errNothing) {
		return nil // it is indexed later
	}
	if err != nil {
		return err
	}
	for what, missing := range map[string]bool{
		"status": rec.status == nil, "gasUsed": rec.gas == nil, "blockNumber": rec.number == nil, "logs": !rec.logged,
		"blockHash": rec.block == (common.Hash{}) || rec.number != nil && *rec.number == b.number && rec.block != b.hash,
	} {
		if missing {
			return fault.New(fault.Invalid, "rail_config", "the node of %s gives receipts without %s, or a wrong one: no payout could ever be proved there. Use another node", r.conf.Network, what)
		}
	}
	return nil
}
