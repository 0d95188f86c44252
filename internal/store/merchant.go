package store

import (
	"context"

	"sluice/internal/id"
	"sluice/internal/merchant"
)

var merchants = bindTable(merchant.Merchants, "seq", seqKey,
	"seq name mode cancel_window_ns created_at version",
	func(m *merchant.Merchant, f []any) []any {
		return append(f, &m.Seq, &m.Name, (*string)(&m.Mode), duration(&m.CancelWindow), &m.CreatedAt, &m.Version)
	})

var keys = bindTable(merchant.Keys, "seq", seqKey,
	"seq owner_shard owner mode name hash prefix last4 scopes created_at expires_at revoked_at version mark",
	func(k *merchant.Key, f []any) []any {
		return append(f, &k.Seq, &k.Owner.Shard, &k.Owner.Seq, (*string)(&k.Mode), &k.Name, (*rawText)(&k.Hash), &k.Prefix, &k.Last4,
			&k.Scopes, &k.CreatedAt, &k.ExpiresAt, &k.RevokedAt, &k.Version, &k.Mark)
	}).markedBy(func(k *merchant.Key, _ id.Shard) (record, mark []byte, kept bool) { return k.Record(), k.Mark, true })

// Merchant finds a merchant.
func (db *DB) Merchant(ctx context.Context, at id.ID) (merchant.Merchant, bool, error) {
	return bySeq(ctx, db, merchants, at)
}

// KeyByHash finds an API key by merchant.HashSecret of its secret. One that another hand
// wrote is refused with record_altered.
func (db *DB) KeyByHash(ctx context.Context, hash string) (merchant.Key, bool, error) {
	k, ok, err := first(ctx, db.engine, keys, "WHERE t.shard = 0 AND t.hash = $1 AND length(t.hash) > 0", []byte(hash))
	if ok && err == nil {
		err = db.checked("API key", id.Key, id.ID{Seq: k.Seq}, k.Record(), k.Mark)
	}
	return k, ok, err
}

// Key finds an API key. All keys are in the operator's shard.
func (db *DB) Key(ctx context.Context, seq id.Seq) (merchant.Key, bool, error) {
	return bySeq(ctx, db, keys, id.ID{Seq: seq})
}
