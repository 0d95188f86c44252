package store

import (
	"sluice/internal/account"
	"sluice/internal/event"
	"sluice/internal/ledger"
)

var accounts = bindTable(ledger.Accounts, "seq", seqKey,
	"seq merchant kind foreign_id name created_at version",
	func(a *ledger.Account, f []any) []any {
		return append(f, &a.Seq, &a.Merchant, &a.Kind, &a.ForeignID, &a.Name, &a.CreatedAt, &a.Version)
	})

var accountForeignIDs = bindLookup(ledger.AccountForeignIDs, "account", "foreign_id <> ''", "merchant foreign_id",
	func(k *ledger.AccountForeignKey, f []any) []any { return append(f, &k.Merchant, &k.ForeignID) },
	"merchant foreign_id seq",
	func(r *ledger.AccountForeignID, f []any) []any {
		return append(f, &r.Merchant, &r.ForeignID, &r.Account)
	})

var balances = bindTable(ledger.Balances, "account currency",
	func(k *ledger.BalanceKey, f []any) []any { return append(f, &k.Account, &k.Currency) },
	"account currency merchant available pending locked reserved updated_at version",
	func(b *ledger.Balance, f []any) []any {
		return append(f, &b.Account, &b.Currency, &b.Merchant, &b.Available, &b.Pending, &b.Locked, &b.Reserved, &b.UpdatedAt, &b.Version)
	})

var houses = bindTable(ledger.Houses, "name currency",
	func(k *ledger.HouseKey, f []any) []any { return append(f, &k.Name, &k.Currency) },
	"name currency total_in total_out updated_at version",
	func(h *ledger.House, f []any) []any {
		return append(f, &h.Name, &h.Currency, &h.In, &h.Out, &h.UpdatedAt, &h.Version)
	})

var transfers = bindLog(ledger.Transfers,
	"seq at kind currency amount debit_account debit_name credit_account credit_name withdrawal cause",
	func(t *ledger.Transfer, f []any) []any {
		return append(f, &t.Seq, &t.At, (*string)(&t.Kind), &t.Currency, &t.Amount, &t.Debit.Account, &t.Debit.Name,
			&t.Credit.Account, &t.Credit.Name, &t.Withdrawal, &t.Cause)
	})

var credits = bindTable(account.Credits, "seq", seqKey,
	"seq merchant account currency amount state available_at reference created_at settled_at version",
	func(c *account.Credit, f []any) []any {
		return append(f, &c.Seq, &c.Merchant, &c.Account, &c.Currency, &c.Amount, &c.State, &c.AvailableAt, &c.Reference,
			&c.CreatedAt, &c.SettledAt, &c.Version)
	})

var events = bindLog(event.Log,
	"seq at type merchant account subject subject_version state actor reason data currency available pending locked reserved balance_version",
	func(e *event.Event, f []any) []any {
		return append(f, &e.Seq, &e.At, (*string)(&e.Type), &e.Merchant, &e.Account, &e.Subject, &e.Version, &e.State, &e.Actor, &e.Reason, &e.Data,
			&e.Currency, &e.Available, &e.Pending, &e.Locked, &e.Reserved, &e.BalanceVersion)
	})
