package store

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"sluice/internal/bank"
	"sluice/internal/id"
	"sluice/internal/merchant/destination"
	"sluice/internal/payout"
	"sluice/internal/seal"
	"sluice/internal/withdrawal"
)

// SealUse is how many rows of one kind are sealed under one key.
type SealUse struct {
	What  string
	Key   string
	Count int64
}

// SealUses reads every sealed row and counts them by key, so that an operator knows which
// keys of the ring are still needed. It opens nothing, needs no key, and reads whole tables.
func (db *DB) SealUses(ctx context.Context) ([]SealUse, error) {
	type kind struct{ what, key string }
	count := map[kind]int64{}
	see := func(what string, raw []byte) {
		if key, err := seal.KeyID(raw); err == nil {
			count[kind{what, key}]++
		}
	}
	const all = "WHERE t.shard >= $1"
	args := []any{0}
	err := each(ctx, db.engine, destinations, all, args, func(d destination.Destination) error {
		see("bank accounts", d.Decoded)
		return nil
	})
	if err == nil {
		err = each(ctx, db.engine, withdrawals, all, args, func(w withdrawal.Withdrawal) error {
			see("withdrawals", w.Decoded)
			return nil
		})
	}
	if err == nil {
		err = each(ctx, db.engine, attempts, all, args, func(a payout.Attempt) error {
			see("files of payments", a.Raw)
			return nil
		})
	}
	if err == nil {
		err = each(ctx, db.engine, bankFileBytes, all, args, func(f bank.FileBytes) error {
			if f.Sealed {
				see("files of banks", f.Raw)
			}
			return nil
		})
	}
	if err == nil {
		err = each(ctx, db.engine, bankPayments, all, args, func(p bank.Payment) error {
			see("recipients of payments", p.Account)
			return nil
		})
	}
	if err == nil {
		err = each(ctx, db.engine, bankEntries, all, args, func(e bank.Entry) error {
			if raw := e.Sealed(); raw != nil {
				see("bookings in suspense", raw)
			}
			return nil
		})
	}
	for n := range db.shards {
		if err == nil {
			err = sealedRows(ctx, db.engine, id.Shard(n), func(r sealedRow) error {
				if r.what != "bank accounts" && r.what != "withdrawals" { // those were counted, the ended ones too
					for _, raw := range r.raw {
						see(r.what, raw)
					}
				}
				return nil
			})
		}
	}
	out := []SealUse{}
	for k := range maps.Keys(count) {
		out = append(out, SealUse{k.what, k.key, count[k]})
	}
	slices.SortFunc(out, func(a, b SealUse) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.What, b.What)) })
	return out, err
}
