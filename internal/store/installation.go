package store

import (
	"context"
	"math/big"
	"time"

	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
)

// What belongs to the installation as a whole: its currencies, and the few figures
// that show whether it keeps up.

var knownAssets = bindTable(ledger.KnownAssets, "code",
	func(k *string, f []any) []any { return append(f, k) },
	"code scale version",
	func(a *ledger.KnownAsset, f []any) []any { return append(f, &a.Code, &a.Scale, &a.Version) })

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	var n int64
	return db.engine.each(ctx, "SELECT version FROM shard WHERE number = 0", nil, []any{&n}, func() error { return nil })
}

// EngineVersion is the version of the database engine.
func (db *DB) EngineVersion(ctx context.Context) (string, error) {
	text := "SELECT sqlite_version()"
	if db.Engine() == enginePostgres {
		text = "SELECT current_setting('server_version')"
	}
	var v string
	err := db.engine.each(ctx, text, nil, []any{&v}, func() error { return nil })
	return v, err
}

// KnownAssets lists the currencies that this database was ever used with, by code.
func (db *DB) KnownAssets(ctx context.Context) ([]ledger.KnownAsset, error) {
	return query(ctx, db.engine, knownAssets, "WHERE t.shard = 0 ORDER BY t.code")
}

// OldestOpen is when the longest-waiting withdrawal of a state was due to be queued;
// zero when there is none. The state is one that is not final. It costs one look-up.
func (db *DB) OldestOpen(ctx context.Context, shard id.Shard, state withdrawal.State) (time.Time, error) {
	var at time.Time
	err := db.engine.each(ctx,
		"SELECT release_at FROM withdrawal WHERE shard = $1 AND state = $2 AND ended_at = 0 ORDER BY release_at, seq LIMIT 1",
		[]any{int64(shard), string(state)}, []any{&at}, func() error { return nil })
	return at, err
}

// NeedingALook counts the withdrawals of a shard that are processing with something
// to attend to: their outcome is not established. Few are ever processing.
func (db *DB) NeedingALook(ctx context.Context, shard id.Shard) (int64, error) {
	var n int64
	err := db.engine.each(ctx,
		"SELECT count(*) FROM withdrawal WHERE shard = $1 AND state = 'processing' AND ended_at = 0 AND attention <> ''",
		[]any{int64(shard)}, []any{&n}, func() error { return nil })
	return n, err
}

// DisabledEndpoints counts the webhook endpoints of a shard that are disabled.
func (db *DB) DisabledEndpoints(ctx context.Context, shard id.Shard) (int64, error) {
	var n int64
	err := db.engine.each(ctx, "SELECT count(*) FROM webhook_endpoint WHERE shard = $1 AND state = 'disabled' AND state <> 'deleted'",
		[]any{int64(shard)}, []any{&n}, func() error { return nil })
	return n, err
}

// EndpointsBehind counts the webhook endpoints of a shard that are held back.
func (db *DB) EndpointsBehind(ctx context.Context, shard id.Shard) (int64, error) {
	list, err := db.HeldBack(ctx, shard)
	return int64(len(list)), err
}

// OldestUntold is the time of the first event of a shard that has not become
// deliveries yet; zero when all have. It costs two look-ups.
func (db *DB) OldestUntold(ctx context.Context, shard id.Shard) (time.Time, error) {
	var done int64
	err := db.engine.each(ctx, "SELECT event FROM event_cursor WHERE shard = $1 AND name = $2",
		[]any{int64(shard), webhook.CursorName}, []any{&done}, func() error { return nil })
	if err != nil {
		return time.Time{}, err
	}
	var at time.Time
	err = db.engine.each(ctx, "SELECT at FROM event WHERE shard = $1 AND seq > $2 ORDER BY seq LIMIT 1",
		[]any{int64(shard), done}, []any{&at}, func() error { return nil })
	return at, err
}

// TrialBalance gives per currency what all balances and house accounts of all shards
// add up to, in minor units: zero, or the books are wrong. It sees one state of the
// database and reads every balance, which takes a second per million.
func (db *DB) TrialBalance(ctx context.Context) (map[string]*big.Int, error) {
	sums := map[string]*big.Int{}
	plus := func(currency string, sign int64, amounts ...money.Amount) {
		sum := sums[currency]
		if sum == nil {
			sum = new(big.Int)
			sums[currency] = sum
		}
		for _, a := range amounts {
			sum.Add(sum, new(big.Int).Mul(a.Big(), big.NewInt(sign)))
		}
	}
	err := db.engine.snapshot(ctx, func(q querier) error {
		for n := range db.shards {
			if err := each(ctx, q, balances, "WHERE t.shard = $1", []any{n}, func(b ledger.Balance) error {
				plus(b.Currency, 1, b.Available, b.Pending, b.Locked, b.Reserved)
				return nil
			}); err != nil {
				return err
			}
			if err := each(ctx, q, houses, "WHERE t.shard = $1", []any{n}, func(h ledger.House) error {
				plus(h.Currency, 1, h.In)
				plus(h.Currency, -1, h.Out)
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	return sums, err
}

// Merchants lists the merchants of a shard, newest first, before the one given (0 for the first page).
func (db *DB) Merchants(ctx context.Context, shard id.Shard, before id.Seq, limit int) ([]merchant.Merchant, error) {
	var c conditions
	c.add("t.shard = $?", shard)
	c.before(before)
	return query(ctx, db.engine, merchants, c.newestFirst(limit), c.args...)
}

// Keys lists the API keys of a merchant, or with the zero id of the operator, newest
// first, revoked ones too.
func (db *DB) Keys(ctx context.Context, owner id.ID, limit int) ([]merchant.Key, error) {
	return query(ctx, db.engine, keys, "WHERE t.shard = 0 AND t.owner_shard = $1 AND t.owner = $2 ORDER BY t.seq DESC LIMIT $3",
		owner.Shard, owner.Seq, page(limit))
}
