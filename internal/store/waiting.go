package store

import (
	"context"
	"fmt"

	"sluice/internal/bank"
	"sluice/internal/id"
	"sluice/internal/treasury"
	"sluice/internal/withdrawal"
	"sluice/internal/withdrawal/waiting"
)

var _ waiting.Reader = (*DB)(nil)

// WaitingGroups implements waiting.Reader. It costs what waits, by an index of its own.
func (db *DB) WaitingGroups(ctx context.Context) ([]waiting.Group, error) {
	var out []waiting.Group
	var g waiting.Group
	for _, text := range []string{
		"SELECT t.network, '" + waiting.InReview + "', count(*), min(t.updated_at) FROM withdrawal t WHERE t.shard = $1 AND t.state = 'review' AND " + open + " GROUP BY t.network",
		"SELECT t.network, t.attention, count(*), min(t.updated_at) FROM withdrawal t WHERE t.shard = $1 AND t.attention <> '' AND " + open + " GROUP BY t.network, t.attention",
	} {
		for n := range db.shards {
			if err := db.engine.each(ctx, text, []any{int64(n)}, []any{&g.Network, &g.Reason, &g.Count, &g.Since}, func() error {
				out = plusGroup(out, g)
				return nil
			}); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// plusGroup adds what one shard has.
func plusGroup(all []waiting.Group, g waiting.Group) []waiting.Group {
	for n := range all {
		if all[n].Network == g.Network && all[n].Reason == g.Reason {
			all[n].Count += g.Count
			if g.Since.Before(all[n].Since) {
				all[n].Since = g.Since
			}
			return all
		}
	}
	return append(all, g)
}

// Waiting implements waiting.Reader.
func (db *DB) Waiting(ctx context.Context, of waiting.Group, limit int) (map[id.ID]withdrawal.Withdrawal, error) {
	cond, args := "t.attention = $3 AND t.attention <> ''", []any{nil, of.Network, of.Reason, page(limit)}
	if of.Reason == waiting.InReview {
		cond, args = "t.state = 'review'", []any{nil, of.Network, page(limit)}
	}
	tail := fmt.Sprintf("WHERE t.shard = $1 AND t.network = $2 AND %s AND %s ORDER BY t.updated_at, t.seq LIMIT $%d", cond, open, len(args))
	out := map[id.ID]withdrawal.Withdrawal{}
	for n := range db.shards {
		args[0] = n
		rows, err := query(ctx, db.engine, withdrawals, tail, args...)
		if err != nil {
			return nil, err
		}
		for _, w := range rows {
			out[id.ID{Shard: id.Shard(n), Seq: w.Seq}] = w
		}
	}
	return out, nil
}

// WaitingBookings implements waiting.Reader.
func (db *DB) WaitingBookings(ctx context.Context, limit int) ([]waiting.Suspended, error) {
	rows, err := db.BankSuspense(ctx, limit)
	out := make([]waiting.Suspended, 0, len(rows))
	for _, e := range rows {
		out = append(out, waiting.Suspended{
			ID: id.ID{Shard: bank.Shard, Seq: e.Seq}, Asset: e.Currency, Amount: e.Amount, Cause: e.Cause, Text: e.Text, Since: e.CreatedAt,
		})
	}
	return out, err
}

// WaitingGaps implements waiting.Reader.
func (db *DB) WaitingGaps(ctx context.Context) ([]waiting.Gap, error) {
	wallets, err := db.Wallets(ctx)
	if err != nil {
		return nil, err
	}
	networks := map[id.Seq]string{}
	for _, w := range wallets {
		networks[w.Seq] = w.Network
	}
	var out []waiting.Gap
	err = each(ctx, db.engine, walletBooks, "WHERE t.shard = $1", []any{treasury.OperatorShard}, func(b treasury.Book) error {
		if !b.Missing.IsZero() {
			out = append(out, waiting.Gap{
				Wallet: id.ID{Shard: treasury.OperatorShard, Seq: b.Wallet}, Network: networks[b.Wallet], Asset: b.Asset, Amount: b.Missing, Since: b.UpdatedAt,
			})
		}
		return nil
	})
	return out, err
}
