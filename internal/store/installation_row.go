package store

import (
	"context"
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/payout"
	"sluice/internal/payout/recovery"
	"sluice/internal/withdrawal"
)

// recoveryVersion is the migration that makes these tables.
const recoveryVersion = 27

var installations = added(recoveryVersion, bindTable(recovery.Installations, "name",
	func(k *string, f []any) []any { return append(f, k) },
	"name state reason since actor asks place version",
	func(i *recovery.Installation, f []any) []any {
		return append(f, &i.Name, (*string)(&i.State), &i.Reason, &i.Since, &i.Actor, &i.Asks, &i.Place, &i.Version)
	}))

var keptForeignIDs = added(recoveryVersion, bindTable(withdrawal.KeptForeignIDs, "merchant foreign_id",
	func(k *withdrawal.ForeignKey, f []any) []any { return append(f, &k.Merchant, &k.ForeignID) },
	"merchant foreign_id withdrawal network asset amount address dispatch reason actor created_at version",
	func(k *withdrawal.KeptForeignID, f []any) []any {
		return append(f, &k.Merchant, &k.ForeignID, &k.Withdrawal, &k.Network, &k.Asset, &k.Amount, &k.Address, &k.Dispatch, &k.Reason, &k.Actor, &k.CreatedAt, &k.Version)
	}))

// Installation reads the row about the books as a whole; it is empty before the first start.
func (db *DB) Installation(ctx context.Context) (recovery.Installation, error) {
	i, _, err := first(ctx, db.engine, installations, "WHERE t.shard = $1 AND t.name = $2", int64(recovery.Shard), recovery.Self)
	return i, err
}

// ShardRows reads the rows of all shards, in order, of one moment.
func (db *DB) ShardRows(ctx context.Context) ([]commit.Shard, error) {
	var out []commit.Shard
	var s commit.Shard
	err := db.engine.each(ctx, "SELECT number, last_seq, last_event, version, looking FROM shard ORDER BY number", nil,
		[]any{&s.Number, &s.LastSeq, &s.LastEvent, &s.Version, &s.Looking}, func() error {
			out = append(out, s)
			return nil
		})
	return out, err
}

// LastEventTime is when the newest event of all shards was written; zero where there is none.
func (db *DB) LastEventTime(ctx context.Context) (last time.Time, err error) {
	for n := range db.Shards() {
		e, found, err := first(ctx, db.engine, events, "WHERE t.shard = $1 ORDER BY t.seq DESC LIMIT 1", int64(n))
		if err != nil {
			return last, err
		}
		if found && e.At.After(last) {
			last = e.At
		}
	}
	return last, nil
}

// DispatchStates gives the states of those dispatches that the books have.
func (db *DB) DispatchStates(ctx context.Context, seqs []id.Seq) (map[id.Seq]payout.State, error) {
	rows, err := bySeqs(ctx, db, dispatches, payout.OperatorShard, seqs)
	out := make(map[id.Seq]payout.State, len(rows))
	for _, d := range rows {
		out[d.Seq] = d.State
	}
	return out, err
}

// KeptForeignID finds an id that stays taken although its withdrawal was lost.
func (db *DB) KeptForeignID(ctx context.Context, owner id.ID, foreignID string) (withdrawal.KeptForeignID, bool, error) {
	return first(ctx, db.engine, keptForeignIDs, "WHERE t.shard = $1 AND t.merchant = $2 AND t.foreign_id = $3", owner.Shard, owner.Seq, foreignID)
}
