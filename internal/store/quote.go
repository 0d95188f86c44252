package store

import (
	"context"
	"fmt"

	"sluice/internal/fee"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/quote"
)

var quotes = bindTable(quote.Quotes, "seq", seqKey,
	`seq merchant form send_currency send receive_currency receive fee_currency fee fee_inside network price rate bid rate_at sources
	created_at expires_at used_by used_at version`,
	func(q *quote.Quote, f []any) []any {
		return append(f, &q.Seq, &q.Merchant, (*string)(&q.Form), &q.SendCurrency, &q.Send, &q.ReceiveCurrency, &q.Receive, &q.FeeCurrency, &q.Fee,
			&q.FeeInside, &q.Network, &q.Price, &q.Rate, &q.Bid, &q.RateAt, &q.Sources, &q.CreatedAt, &q.ExpiresAt, &q.UsedBy, &q.UsedAt, &q.Version)
	})

var feeSchedules = bindTable(fee.Schedules, "merchant currency network kind",
	func(k *fee.Key, f []any) []any {
		return append(f, &k.Merchant, &k.Currency, &k.Network, (*string)(&k.Kind))
	},
	"merchant currency network kind ppm fixed minimum maximum inside carry carry_amount active updated_at version",
	func(s *fee.Stored, f []any) []any {
		return append(f, &s.Merchant, &s.Currency, &s.Network, (*string)(&s.Kind), &s.PPM, &s.Fixed, &s.Minimum, &s.Maximum, &s.Inside,
			(*string)(&s.Carry), &s.CarryAmount, &s.Active, &s.UpdatedAt, &s.Version)
	})

// Quote finds an exchange price that was offered.
func (db *DB) Quote(ctx context.Context, at id.ID) (quote.Quote, bool, error) {
	return bySeq(ctx, db, quotes, at)
}

// Fees lists what is charged to a merchant by schedules of its own, in order of their keys.
func (db *DB) Fees(ctx context.Context, owner id.ID) ([]fee.Stored, error) {
	return query(ctx, db.engine, feeSchedules, "WHERE t.shard = $1 AND t.merchant = $2 ORDER BY t.currency, t.network, t.kind", owner.Shard, owner.Seq)
}

// Owed adds up what accepted withdrawals on a network are still to be paid, by
// currency. It costs what is open, not what was ever stored.
func (db *DB) Owed(ctx context.Context, network string) (map[string]money.Amount, error) {
	out := map[string]money.Amount{}
	var currency string
	var a money.Amount
	for n := range db.shards {
		err := db.engine.each(ctx, "SELECT t.receive_currency, t.receive FROM withdrawal t WHERE t.shard = $1 AND t.network = $2 AND "+open,
			[]any{int64(n), network}, []any{&currency, &a}, func() error {
				sum, err := out[currency].Add(a)
				out[currency] = sum
				return err
			})
		if err != nil {
			return nil, fmt.Errorf("read what is owed: %w", err)
		}
	}
	return out, nil
}
