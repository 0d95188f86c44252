package store

import (
	"sluice/internal/dispatch"
)

var wallets = bindTable(dispatch.Wallets, "seq", seqKey,
	"seq network address label next_nonce lease_owner lease_until fence created_at version",
	func(w *dispatch.Wallet, f []any) []any {
		return append(f, &w.Seq, &w.Network, &w.Address, &w.Label, &w.NextNonce, &w.LeaseOwner, &w.LeaseUntil, &w.Fence, &w.CreatedAt, &w.Version)
	})

var walletAddresses = bindLookup(dispatch.WalletAddresses, "wallet", "address <> ''", "network address",
	func(k *dispatch.WalletKey, f []any) []any { return append(f, &k.Network, &k.Address) },
	"network address seq",
	func(r *dispatch.WalletAddress, f []any) []any { return append(f, &r.Network, &r.Address, &r.Wallet) })

var dispatches = bindTable(dispatch.Dispatches, "seq", seqKey,
	"seq wallet network state nonce slot items settled attempts stage txid block fee fee_asset note created_at ended_at version",
	func(d *dispatch.Dispatch, f []any) []any {
		return append(f, &d.Seq, &d.Wallet, &d.Network, (*string)(&d.State), &d.Nonce, &d.Slot, &d.Items, &d.Settled, &d.Attempts,
			(*string)(&d.Stage), &d.TxID, &d.Block, &d.Fee, &d.FeeAsset, &d.Note, &d.CreatedAt, &d.EndedAt, &d.Version)
	})

var dispatchItems = bindTable(dispatch.Items, "dispatch place",
	func(k *dispatch.ItemKey, f []any) []any { return append(f, &k.Dispatch, &k.Place) },
	"dispatch place withdrawal_shard withdrawal asset recipient amount outcome reason settled version",
	func(i *dispatch.Item, f []any) []any {
		return append(f, &i.Dispatch, &i.Place, &i.Shard, &i.Withdrawal, &i.Asset, &i.To, &i.Amount, (*string)(&i.Outcome), &i.Reason, &i.Settled, &i.Version)
	})

var attempts = bindLog(dispatch.Attempts,
	"seq dispatch number txid raw max_fee fence created_at",
	func(a *dispatch.Attempt, f []any) []any {
		return append(f, &a.Seq, &a.Dispatch, &a.Number, &a.TxID, &a.Raw, &a.MaxFee, &a.Fence, &a.CreatedAt)
	})

var slotHolds = bindTable(dispatch.Holds, "wallet key",
	func(k *dispatch.HoldKey, f []any) []any { return append(f, &k.Wallet, &k.Key) },
	"wallet key dispatch live version",
	func(h *dispatch.Hold, f []any) []any {
		return append(f, &h.Wallet, &h.Key, &h.Dispatch, &h.Live, &h.Version)
	})
