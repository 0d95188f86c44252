package store

import (
	"context"
	"time"

	"sluice/internal/id"
	"sluice/internal/withdrawal"
)

var withdrawals = bindTable(withdrawal.Withdrawals, "seq", seqKey,
	`seq merchant account foreign_id currency amount fee network destination typed canonical decoded tag metadata release_at created_at
	fee_inside network_hold network_rate receive_currency receive quote payment review origin
	state stage attention attention_text reason dispatch wallet txid network_fee fee_asset network_charge approval updated_at ended_at version mark`,
	func(w *withdrawal.Withdrawal, f []any) []any {
		return append(f, &w.Seq, &w.Merchant, &w.Account, &w.ForeignID, &w.Currency, &w.Amount, &w.Fee, &w.Network, &w.Destination,
			&w.Typed, &w.Canonical, &w.Decoded, &w.Tag, &w.Metadata, &w.ReleaseAt, &w.CreatedAt,
			&w.FeeInside, &w.NetworkHold, &w.NetworkRate, &w.ReceiveCurrency, &w.Receive, &w.Quote, &w.Payment, &w.Review, &w.Origin,
			(*string)(&w.State), (*string)(&w.Stage), &w.Attention, &w.AttentionText, &w.Reason, &w.Dispatch, &w.Wallet, &w.TxID,
			&w.NetworkFee, &w.FeeAsset, &w.NetworkCharge, &w.Approval, &w.UpdatedAt, &w.EndedAt, &w.Version, &w.Mark)
	}).markedBy(func(w *withdrawal.Withdrawal, s id.Shard) (record, mark []byte, kept bool) {
	// Those that had ended when the chain began have none.
	return w.Accepted(s), w.Mark, len(w.Mark) > 0 || w.EndedAt.IsZero()
})

var withdrawalForeignIDs = bindLookup(withdrawal.ForeignIDs, "withdrawal", "foreign_id <> ''", "merchant foreign_id",
	func(k *withdrawal.ForeignKey, f []any) []any { return append(f, &k.Merchant, &k.ForeignID) },
	"merchant foreign_id seq",
	func(r *withdrawal.ForeignID, f []any) []any {
		return append(f, &r.Merchant, &r.ForeignID, &r.Withdrawal)
	})

// Withdrawal finds a withdrawal.
func (db *DB) Withdrawal(ctx context.Context, at id.ID) (withdrawal.Withdrawal, bool, error) {
	return bySeq(ctx, db, withdrawals, at)
}

// WithdrawalByForeignID finds a withdrawal by its merchant's own id of it.
func (db *DB) WithdrawalByForeignID(ctx context.Context, owner id.ID, foreignID string) (withdrawal.Withdrawal, bool, error) {
	return first(ctx, db.engine, withdrawals, "WHERE t.shard = $1 AND t.merchant = $2 AND t.foreign_id = $3 AND t.foreign_id <> ''",
		owner.Shard, owner.Seq, foreignID)
}

// clockSlack is by how much a row's number may run ahead of the clock, after the
// clock was set back. It only widens the part of an index that is looked at.
const clockSlack = 24 * time.Hour

// Withdrawals lists withdrawals, newest first. A number begins with the time it was
// made in, so a range of time is a range of the index.
func (db *DB) Withdrawals(ctx context.Context, f withdrawal.Filter) ([]withdrawal.Withdrawal, error) {
	var c conditions
	c.add("t.shard = $?", f.Shard)
	if f.Account != 0 {
		c.add("t.account = $?", f.Account)
	}
	if f.Merchant != 0 {
		c.add("t.merchant = $?", f.Merchant)
	}
	if f.State != "" {
		c.add("t.state = $?", string(f.State))
	}
	if f.Currency != "" {
		c.add("t.currency = $?", f.Currency)
	}
	if !f.CreatedFrom.IsZero() {
		c.add("t.created_at >= $?", f.CreatedFrom)
		c.add("t.seq >= $?", id.Next(0, f.CreatedFrom))
	}
	if !f.CreatedTo.IsZero() {
		c.add("t.created_at < $?", f.CreatedTo)
		c.add("t.seq < $?", id.Next(0, f.CreatedTo.Add(clockSlack)))
	}
	c.before(f.Before)
	return query(ctx, db.engine, withdrawals, c.newestFirst(f.Limit), c.args...)
}

// open repeats the condition of the index of withdrawals that are not at their end.
const open = "t.ended_at = 0"

// DueNew lists new withdrawals whose time to be queued has come, the longest due first.
func (db *DB) DueNew(ctx context.Context, shard id.Shard, now time.Time, limit int) ([]withdrawal.Withdrawal, error) {
	return query(ctx, db.engine, withdrawals,
		"WHERE t.shard = $1 AND t.state = 'new' AND "+open+" AND t.release_at <= $2 ORDER BY t.release_at, t.seq LIMIT $3", shard, now, page(limit))
}

// InReview lists withdrawals that wait for a person, over all shards, the longest
// waiting of each first.
func (db *DB) InReview(ctx context.Context, limit int) (map[id.ID]withdrawal.Withdrawal, error) {
	out := map[id.ID]withdrawal.Withdrawal{}
	for n := range db.shards {
		rows, err := query(ctx, db.engine, withdrawals,
			"WHERE t.shard = $1 AND t.state = 'review' AND "+open+" ORDER BY t.release_at, t.seq LIMIT $2", n, page(limit))
		if err != nil {
			return nil, err
		}
		for _, w := range rows {
			out[id.ID{Shard: id.Shard(n), Seq: w.Seq}] = w
		}
	}
	return out, nil
}

// OpenCounts counts the withdrawals of a shard that are not at their end, by state.
// It costs what is open, not what was ever stored.
func (db *DB) OpenCounts(ctx context.Context, shard id.Shard) (map[withdrawal.State]int64, error) {
	var state string
	var n int64
	out := map[withdrawal.State]int64{}
	err := db.engine.each(ctx, "SELECT t.state, count(*) FROM withdrawal t WHERE t.shard = $1 AND "+open+" GROUP BY t.state",
		[]any{int64(shard)}, []any{&state, &n}, func() error {
			out[withdrawal.State(state)] = n
			return nil
		})
	return out, err
}
