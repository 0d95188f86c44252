package evm

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/rail"
	"sluice/internal/rail/node"
)

// What nodes say when they have the very same bytes already.
var saysKnown = []string{"already known", "already_exists", "already exists", "known transaction", "already imported", "alreadyknown"}

// What nodes say when a block or the pool holds something for the nonce, or lacks what
// must come before. It may be this very attempt, an earlier or a later one, or a
// stranger's.
var saysMovedOn = []string{
	"nonce too low", "nonce is too low", "nonce has already been used", "nonce already used", "old nonce", "invalid nonce", "replacement", "replace existing",
	"could not replace", "nonce too high", "nonce too far", "nonce gap",
}

// What nodes say when what was offered is too little for them to keep the transaction.
var saysTooLow = []string{
	"underpriced", "gas price below", "gas price too low", "gas price is too low", "tip cap", "tip needed", "below minimum", "minimum needed", "fee too low", "feetoolow",
	"fee cap less than", "less than block base fee", "max fee per gas less", "lower than the minimum", "price limit", "minimum gas price", "not enough to cover the base fee",
}

// Submit implements rail.Rail. It sends the stored bytes and never others.
func (r *Rail) Submit(ctx context.Context, a rail.Attempt) error {
	tx, err := decode(a)
	if err != nil {
		return err
	}
	if err := r.ready(ctx); err != nil {
		return err
	}
	err = r.send(ctx, a.Raw)
	var refused *node.Refusal
	switch {
	case err == nil || node.Says(err, saysKnown...):
		return nil
	case node.Says(err, saysMovedOn...):
		if _, lookErr := r.receiptOf(ctx, tx.Hash()); lookErr == nil {
			return nil // a block holds exactly these bytes
		}
		return fmt.Errorf("%w: send %s: %w", rail.ErrLook, a.TxID, err)
	case errors.As(err, &refused) && node.Says(err, saysTooLow...):
		least := r.floor.learn(tx.GasTipCap(), refused.Message)
		return &rail.Wait{
			Code: rail.CodeLowFee, Text: fmt.Sprintf("the network's node wants a higher fee than was offered: about %s wei per gas above the block's own. The payout offers more as far as fee_ceiling allows", least),
			Cause: fmt.Errorf("send %s: %w; tip_min of the network sets the least that is offered", a.TxID, err),
		}
	}
	return unavailable(err, "send "+a.TxID)
}
