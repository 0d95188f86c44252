package store

import (
	"context"

	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant/destination"
	"sluice/internal/withdrawal"
)

// What the writing of messages reads: many rows at once, by number.

func bySeqs[R any](ctx context.Context, db *DB, from source[R], shard id.Shard, seqs []id.Seq) ([]R, error) {
	var out []R
	err := eachList(seqs, 2, func(marks string, args []any) error {
		part, err := query(ctx, db.engine, from, "WHERE t.shard = $1 AND t.seq IN ("+marks+")", append([]any{shard}, args...)...)
		out = append(out, part...)
		return err
	})
	return out, err
}

// WithdrawalsAt gives the withdrawals with these numbers, in any order; missing ones are left out.
func (db *DB) WithdrawalsAt(ctx context.Context, shard id.Shard, seqs []id.Seq) ([]withdrawal.Withdrawal, error) {
	return bySeqs(ctx, db, withdrawals, shard, seqs)
}

// CreditsAt gives the credits with these numbers, in any order; missing ones are left out.
func (db *DB) CreditsAt(ctx context.Context, shard id.Shard, seqs []id.Seq) ([]account.Credit, error) {
	return bySeqs(ctx, db, credits, shard, seqs)
}

// DestinationsAt gives the destinations with these numbers, in any order; missing ones are left out.
func (db *DB) DestinationsAt(ctx context.Context, shard id.Shard, seqs []id.Seq) ([]destination.Destination, error) {
	return bySeqs(ctx, db, destinations, shard, seqs)
}

// AccountsAt gives the accounts with these numbers, in any order; missing ones are left out.
func (db *DB) AccountsAt(ctx context.Context, shard id.Shard, seqs []id.Seq) ([]ledger.Account, error) {
	return bySeqs(ctx, db, accounts, shard, seqs)
}
