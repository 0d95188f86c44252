package store

import (
	"sluice/internal/withdrawal"
)

var withdrawals = bindTable(withdrawal.Withdrawals, "seq", seqKey,
	`seq merchant account foreign_id currency amount fee network destination typed canonical decoded tag metadata release_at actor created_at
	state stage attention attention_text reason dispatch wallet txid network_fee fee_asset updated_at ended_at version`,
	func(w *withdrawal.Withdrawal, f []any) []any {
		return append(f, &w.Seq, &w.Merchant, &w.Account, &w.ForeignID, &w.Currency, &w.Amount, &w.Fee, &w.Network, &w.Destination,
			&w.Typed, &w.Canonical, &w.Decoded, &w.Tag, &w.Metadata, &w.ReleaseAt, &w.Actor, &w.CreatedAt,
			(*string)(&w.State), (*string)(&w.Stage), &w.Attention, &w.AttentionText, &w.Reason, &w.Dispatch, &w.Wallet, &w.TxID,
			&w.NetworkFee, &w.FeeAsset, &w.UpdatedAt, &w.EndedAt, &w.Version)
	})

var withdrawalForeignIDs = bindLookup(withdrawal.ForeignIDs, "withdrawal", "foreign_id <> ''", "merchant foreign_id",
	func(k *withdrawal.ForeignKey, f []any) []any { return append(f, &k.Merchant, &k.ForeignID) },
	"merchant foreign_id seq",
	func(r *withdrawal.ForeignID, f []any) []any {
		return append(f, &r.Merchant, &r.ForeignID, &r.Withdrawal)
	})
