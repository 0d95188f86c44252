package store

import (
	"context"

	"sluice/internal/id"
	"sluice/internal/treasury"
)

// OwnBooked tells whether an operator's own transaction of a wallet was booked.
func (db *DB) OwnBooked(ctx context.Context, wallet id.Seq, txid string) (bool, error) {
	return db.any(ctx, "SELECT seq FROM wallet_funding WHERE shard = $1 AND wallet = $2 AND hash = $3 AND block = 0 AND hash <> '' LIMIT 1",
		int64(treasury.OperatorShard), int64(wallet), txid)
}

// IsAttempt tells whether a transaction is an attempt of a dispatch.
func (db *DB) IsAttempt(ctx context.Context, txid string) (bool, error) {
	return db.any(ctx, "SELECT dispatch FROM attempt WHERE shard = $1 AND txid = $2 AND number > 0 LIMIT 1", int64(treasury.OperatorShard), txid)
}

func (db *DB) any(ctx context.Context, text string, args ...any) (found bool, err error) {
	var seq int64
	err = db.engine.each(ctx, text, args, []any{&seq}, func() error { found = true; return nil })
	return found, err
}
