package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/payout/due"
)

var _ due.Reader = (*DB)(nil)

// NextDue implements schedule.Reader. It costs two look-ups.
func (db *DB) NextDue(ctx context.Context, shard id.Shard) (time.Time, error) {
	var next time.Time
	for _, text := range []string{
		"SELECT release_at FROM withdrawal WHERE shard = $1 AND state = 'new' AND ended_at = 0 ORDER BY release_at, seq LIMIT 1",
		"SELECT available_at FROM credit WHERE shard = $1 AND state = 'pending' AND available_at > 0 ORDER BY available_at, seq LIMIT 1",
	} {
		var at time.Time
		if err := db.engine.each(ctx, text, []any{int64(shard)}, []any{&at}, func() error { return nil }); err != nil {
			return next, err
		}
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, nil
}

// forgetPage is how many idempotency records are removed in one short transaction.
const forgetPage = 500

// ForgetKeys implements schedule.Reader. A record decides nothing once its promised
// time is over, so removing it is no business of the write path.
func (db *DB) ForgetKeys(ctx context.Context, before time.Time) (int64, error) {
	var total int64
	for n := range db.shards {
		for {
			old, err := query(ctx, db.engine, records, "WHERE t.shard = $1 AND t.at < $2 LIMIT $3", n, before, forgetPage)
			if err != nil {
				return total, err
			}
			for _, r := range old {
				if err := db.engine.exec(ctx, "DELETE FROM idempotency WHERE shard = $1 AND merchant = $2 AND route = $3 AND key = $4 AND at < $5",
					int64(n), int64(r.Merchant), r.Route, r.Key.Key, micros(before)); err != nil {
					return total, err
				}
				total++
			}
			if len(old) < forgetPage {
				break
			}
		}
	}
	return total, nil
}

// exec implements engine.
func (s *sqliteStore) exec(ctx context.Context, text string, args ...any) error {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { s.turn <- struct{}{} }()
	if s.writer == nil {
		if err := s.openWriter(ctx); err != nil {
			return err
		}
	}
	w := s.writer
	var st statement
	if err := w.prepare(ctx, &st, text); err != nil {
		return err
	}
	w.args = w.args[:0]
	for _, a := range args {
		w.bind(a)
	}
	_, err := st.ExecContext(ctx, w.args) // it may wait for another process
	return errors.Join(classifySQLite(err), st.Close())
}

// exec implements engine.
func (s *pgStore) exec(ctx context.Context, text string, args ...any) error {
	// As the write path begins: a default that is read-only does not count, a standby does.
	err := pgx.BeginTxFunc(ctx, s.writers, pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, text, args...)
		return err
	})
	if err != nil {
		return errors.Join(commit.ErrNotCommitted, err)
	}
	return nil
}
