package store

import (
	"context"

	"sluice/internal/id"
	"sluice/internal/payout"
)

// standVersion is the migration that makes the tables.
const standVersion = 25

var walletStands = added(standVersion, bindTable(payout.Stands, "wallet", seqKey,
	"wallet number block lost version",
	func(s *payout.Stand, f []any) []any {
		return append(f, &s.Wallet, &s.Number, &s.Block, &s.Lost, &s.Version)
	}))

var dispatchLosts = added(standVersion, bindTable(payout.Losts, "seq", seqKey,
	"seq wallet state actor reason created_at ended_at version",
	func(l *payout.Lost, f []any) []any {
		return append(f, &l.Seq, &l.Wallet, &l.State, &l.Actor, &l.Reason, &l.CreatedAt, &l.EndedAt, &l.Version)
	}))

// DoneWork implements dispatch.Reader.
func (db *DB) DoneWork(ctx context.Context, wallet id.Seq, limit int) ([]payout.Work, error) {
	done, err := query(ctx, db.engine, dispatches,
		"WHERE t.shard = $1 AND t.wallet = $2 AND t.state = 'done' ORDER BY t.seq DESC LIMIT $3", payout.OperatorShard, wallet, page(limit))
	if err != nil {
		return nil, err
	}
	out := make([]payout.Work, len(done))
	for n, d := range done {
		if out[n], err = db.work(ctx, d); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Stand implements dispatch.Reader.
func (db *DB) Stand(ctx context.Context, wallet id.Seq) (payout.Stand, []payout.LostWork, error) {
	s, _, err := first(ctx, db.engine, walletStands, "WHERE t.shard = $1 AND t.wallet = $2", payout.OperatorShard, wallet)
	if err != nil || s.Lost == 0 {
		return s, nil, err
	}
	rows, err := query(ctx, db.engine, dispatchLosts,
		"WHERE t.shard = $1 AND t.wallet = $2 AND t.state <> 'back' ORDER BY t.seq", payout.OperatorShard, wallet)
	out := make([]payout.LostWork, 0, len(rows))
	for _, l := range rows {
		w, _, err := db.Dispatch(ctx, l.Seq)
		if err != nil {
			return s, nil, err
		}
		out = append(out, payout.LostWork{Work: w, Lost: l})
	}
	return s, out, err
}

// Halted lists the wallets of which payouts are gone that were final.
func (db *DB) Halted(ctx context.Context) ([]payout.Stand, error) {
	return query(ctx, db.engine, walletStands, "WHERE t.shard = $1 AND t.lost > 0 ORDER BY t.wallet", payout.OperatorShard)
}
