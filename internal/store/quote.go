package store

import (
	"context"

	"sluice/internal/id"
	"sluice/internal/pricing/fee"
	"sluice/internal/pricing/quote"
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
