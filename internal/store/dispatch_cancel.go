package store

import (
	"context"

	"sluice/internal/id"
	"sluice/internal/payout"
)

var dispatchCancels = bindTable(payout.Cancels, "seq", seqKey,
	"seq wallet actor reason attempt created_at version",
	func(c *payout.Cancel, f []any) []any {
		return append(f, &c.Seq, &c.Wallet, &c.Actor, &c.Reason, &c.Attempt, &c.CreatedAt, &c.Version)
	})

// cancelOrders gives the orders to cancel among the open dispatches of a wallet.
func (db *DB) cancelOrders(ctx context.Context, wallet id.Seq, open []payout.Dispatch) (map[id.Seq]*payout.Cancel, error) {
	if len(open) == 0 {
		return nil, nil
	}
	out := map[id.Seq]*payout.Cancel{}
	err := each(ctx, db.engine, dispatchCancels, "WHERE t.shard = $1 AND t.wallet = $2 AND t.seq >= $3", []any{payout.OperatorShard, wallet, open[0].Seq},
		func(c payout.Cancel) error {
			out[c.Seq] = &c
			return nil
		})
	return out, err
}
