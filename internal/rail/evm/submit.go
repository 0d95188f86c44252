package evm

import (
	"context"
	"fmt"

	"sluice/internal/rail"
)

// What nodes say when they have the very same bytes already.
var saysKnown = []string{"already known", "already_exists", "already exists", "known transaction", "already imported", "alreadyknown"}

// What nodes say when a block or the pool holds something for the nonce. It may be
// this very attempt, an earlier or a later one, or a stranger's.
var saysMovedOn = []string{"nonce too low", "nonce is too low", "nonce has already been used", "oldnonce", "invalid nonce", "underpriced", "replacement"}

// Submit implements rail.Rail. It sends the stored bytes and never others.
func (r *Rail) Submit(ctx context.Context, a rail.Attempt) error {
	ctx, cancel := context.WithTimeout(ctx, r.conf.Timeout)
	defer cancel()
	tx, err := decode(a)
	if err != nil {
		return err
	}
	if err := r.ready(ctx); err != nil {
		return err
	}
	err = r.node.SendTransaction(ctx, tx)
	switch {
	case err == nil || says(err, saysKnown...):
		return nil
	case says(err, saysMovedOn...):
		if receipt, lookErr := r.node.TransactionReceipt(ctx, tx.Hash()); lookErr == nil && receipt != nil {
			return nil // a block holds exactly these bytes
		}
		return fmt.Errorf("%w: send %s: %w", rail.ErrLook, a.TxID, err)
	}
	return unavailable(err, "send "+a.TxID)
}
