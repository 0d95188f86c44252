package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
	"sluice/internal/treasury"
)

// exchangedQuery is answered by the index withdrawal_exchanged, which has only what it
// asks for.
const exchangedQuery = "SELECT t.currency, t.receive_currency, t.amount, t.receive FROM withdrawal t WHERE t.shard = $1 AND t.receive_currency <> t.currency AND " + open

// Exposure tells what exchange has left the house with, by currency, in order of the
// codes. It costs the house accounts and what is open, not what was ever stored.
func (db *DB) Exposure(ctx context.Context) ([]treasury.Exposure, error) {
	by := map[string]treasury.Exposure{}
	change := func(currency string, fn func(*treasury.Exposure)) {
		x := by[currency]
		x.Currency = currency
		fn(&x)
		by[currency] = x
	}
	err := db.engine.snapshot(ctx, func(q querier) error {
		for n := range db.shards {
			var currency, to string
			var in, out money.Amount
			err := q.each(ctx, "SELECT t.currency, t.total_in, t.total_out FROM house t WHERE t.shard = $1 AND t.name = $2",
				[]any{int64(n), ledger.Exchange}, []any{&currency, &in, &out}, func() error {
					change(currency, func(x *treasury.Exposure) { x.Done = x.Done.Plus(in).Minus(out) })
					return nil
				})
			if err != nil {
				return err
			}
			err = q.each(ctx, exchangedQuery, []any{int64(n)}, []any{&currency, &to, &in, &out}, func() error {
				change(currency, func(x *treasury.Exposure) { x.Open = x.Open.Plus(in) })
				change(to, func(x *treasury.Exposure) { x.Open = x.Open.Minus(out) })
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the exposure: %w", err)
	}
	var all []treasury.Exposure
	for _, code := range slices.Sorted(maps.Keys(by)) {
		all = append(all, by[code])
	}
	return all, nil
}

// Obligations lists what the house owes each merchant, by currency. It reads all balances.
func (db *DB) Obligations(ctx context.Context) ([]treasury.Obligation, error) {
	type key struct {
		merchant id.ID
		currency string
	}
	sum := map[key]money.Amount{}
	for n := range db.shards {
		err := each(ctx, db.engine, balances, "WHERE t.shard = $1", []any{n}, func(b ledger.Balance) (err error) {
			k := key{id.ID{Shard: id.Shard(n), Seq: b.Merchant}, b.Currency} //nolint:gosec // fewer than id.MaxShards
			for _, part := range []money.Amount{b.Available, b.Locked, b.Reserved} {
				if sum[k], err = sum[k].Add(part); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read what is owed to merchants: %w", err)
		}
	}
	out := make([]treasury.Obligation, 0, len(sum))
	for k, a := range sum {
		if !a.IsZero() {
			out = append(out, treasury.Obligation{Merchant: k.merchant, Currency: k.currency, Amount: a})
		}
	}
	slices.SortFunc(out, func(a, b treasury.Obligation) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Merchant.Shard, b.Merchant.Shard), cmp.Compare(a.Merchant.Seq, b.Merchant.Seq))
	})
	return out, nil
}
