package store

import (
	"context"
	"time"

	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
)

var accounts = bindTable(ledger.Accounts, "seq", seqKey,
	"seq merchant kind foreign_id name owner created_at version",
	func(a *ledger.Account, f []any) []any {
		return append(f, &a.Seq, &a.Merchant, &a.Kind, &a.ForeignID, &a.Name, &a.Owner, &a.CreatedAt, &a.Version)
	})

var accountForeignIDs = bindLookup(ledger.AccountForeignIDs, "account", "foreign_id <> ''", "merchant foreign_id",
	func(k *ledger.AccountForeignKey, f []any) []any { return append(f, &k.Merchant, &k.ForeignID) },
	"merchant foreign_id seq",
	func(r *ledger.AccountForeignID, f []any) []any {
		return append(f, &r.Merchant, &r.ForeignID, &r.Account)
	})

var balances = bindTable(ledger.Balances, "account currency",
	func(k *ledger.BalanceKey, f []any) []any { return append(f, &k.Account, &k.Currency) },
	"account currency merchant available pending locked reserved tradable updated_at version",
	func(b *ledger.Balance, f []any) []any {
		return append(f, &b.Account, &b.Currency, &b.Merchant, &b.Available, &b.Pending, &b.Locked, &b.Reserved, &b.Tradable, &b.UpdatedAt, &b.Version)
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
	"seq merchant account currency amount state available_at reference kind tradable created_at settled_at taken_back_at version",
	func(c *account.Credit, f []any) []any {
		return append(f, &c.Seq, &c.Merchant, &c.Account, &c.Currency, &c.Amount, &c.State, &c.AvailableAt, &c.Reference,
			&c.Kind, &c.Tradable, &c.CreatedAt, &c.SettledAt, &c.TakenBackAt, &c.Version)
	})

var events = bindLog(event.Log,
	"seq at type merchant account subject subject_version state actor reason data currency available pending locked reserved tradable balance_version origin",
	func(e *event.Event, f []any) []any {
		return append(f, &e.Seq, &e.At, (*string)(&e.Type), &e.Merchant, &e.Account, &e.Subject, &e.Version, &e.State, &e.Actor, &e.Reason, &e.Data,
			&e.Currency, &e.Available, &e.Pending, &e.Locked, &e.Reserved, &e.Tradable, &e.BalanceVersion, &e.Origin)
	})

// Account finds an account.
func (db *DB) Account(ctx context.Context, at id.ID) (ledger.Account, bool, error) {
	return bySeq(ctx, db, accounts, at)
}

// AccountByForeignID finds an account by its merchant's own id of it.
func (db *DB) AccountByForeignID(ctx context.Context, owner id.ID, foreignID string) (ledger.Account, bool, error) {
	return first(ctx, db.engine, accounts, "WHERE t.shard = $1 AND t.merchant = $2 AND t.foreign_id = $3 AND t.foreign_id <> ''",
		owner.Shard, owner.Seq, foreignID)
}

// Accounts lists the accounts of a merchant, newest first, before the one given (0 for the first page).
func (db *DB) Accounts(ctx context.Context, owner id.ID, before id.Seq, limit int) ([]ledger.Account, error) {
	var c conditions
	c.add("t.shard = $?", owner.Shard)
	c.add("t.merchant = $?", owner.Seq)
	c.before(before)
	return query(ctx, db.engine, accounts, c.newestFirst(limit), c.args...)
}

// Balances lists the balances of an account by currency.
func (db *DB) Balances(ctx context.Context, account id.ID) ([]ledger.Balance, error) {
	return query(ctx, db.engine, balances, "WHERE t.shard = $1 AND t.account = $2 ORDER BY t.currency", account.Shard, account.Seq)
}

// Houses lists the house accounts of a shard by name and currency.
func (db *DB) Houses(ctx context.Context, shard id.Shard) ([]ledger.House, error) {
	return query(ctx, db.engine, houses, "WHERE t.shard = $1 ORDER BY t.name, t.currency", shard)
}

// TransfersOf lists the transfers of a withdrawal, oldest first.
func (db *DB) TransfersOf(ctx context.Context, withdrawal id.ID) ([]ledger.Transfer, error) {
	return query(ctx, db.engine, transfers, "WHERE t.shard = $1 AND t.withdrawal = $2 AND t.withdrawal <> 0 ORDER BY t.seq", withdrawal.Shard, withdrawal.Seq)
}

// Credit finds a credit.
func (db *DB) Credit(ctx context.Context, at id.ID) (account.Credit, bool, error) {
	return bySeq(ctx, db, credits, at)
}

// Credits lists the credits of an account, newest first, before the one given (0 for the first page).
func (db *DB) Credits(ctx context.Context, account id.ID, before id.Seq, limit int) ([]account.Credit, error) {
	var c conditions
	c.add("t.shard = $?", account.Shard)
	c.add("t.account = $?", account.Seq)
	c.before(before)
	return query(ctx, db.engine, credits, c.newestFirst(limit), c.args...)
}

// MerchantCredits lists the credits of a merchant, newest first.
func (db *DB) MerchantCredits(ctx context.Context, owner id.ID, before id.Seq, limit int) ([]account.Credit, error) {
	var c conditions
	c.add("t.shard = $?", owner.Shard)
	c.add("t.merchant = $?", owner.Seq)
	c.before(before)
	return query(ctx, db.engine, credits, c.newestFirst(limit), c.args...)
}

// DueCredits lists pending credits whose time has come, the longest due first.
func (db *DB) DueCredits(ctx context.Context, shard id.Shard, now time.Time, limit int) ([]account.Credit, error) {
	return query(ctx, db.engine, credits,
		"WHERE t.shard = $1 AND t.state = 'pending' AND t.available_at > 0 AND t.available_at <= $2 ORDER BY t.available_at, t.seq LIMIT $3",
		shard, now, page(limit))
}

// Events lists the events of a merchant, or with merchant 0 of the whole shard,
// after a sequence, oldest first.
func (db *DB) Events(ctx context.Context, shard id.Shard, merchant id.Seq, after int64, limit int) ([]event.Event, error) {
	if merchant == 0 {
		return query(ctx, db.engine, events, "WHERE t.shard = $1 AND t.seq > $2 ORDER BY t.seq LIMIT $3", shard, after, page(limit))
	}
	return query(ctx, db.engine, events, "WHERE t.shard = $1 AND t.merchant = $2 AND t.seq > 0 AND t.seq > $3 ORDER BY t.seq LIMIT $4",
		shard, merchant, after, page(limit))
}

// LastEvents lists the newest events of a merchant, newest first.
func (db *DB) LastEvents(ctx context.Context, owner id.ID, limit int) ([]event.Event, error) {
	return query(ctx, db.engine, events, "WHERE t.shard = $1 AND t.merchant = $2 AND t.seq > 0 ORDER BY t.seq DESC LIMIT $3", owner.Shard, owner.Seq, page(limit))
}

// EventsOf lists the events about a withdrawal, credit, account or endpoint, oldest first.
func (db *DB) EventsOf(ctx context.Context, subject id.ID) ([]event.Event, error) {
	return query(ctx, db.engine, events, "WHERE t.shard = $1 AND t.subject = $2 AND t.subject <> 0 ORDER BY t.seq", subject.Shard, subject.Seq)
}
