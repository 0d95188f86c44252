package store

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/dialect/alias"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant/credential"
	"sluice/internal/pricing/quote"
	"sluice/internal/withdrawal"
)

var credentials = bindTable(credential.Credentials, "seq", seqKey,
	"seq merchant dialect name secret public_key scopes options created_at revoked_at version mark",
	func(c *credential.Credential, f []any) []any {
		return append(f, &c.Seq, &c.Merchant, &c.Dialect, &c.Name, &c.Secret, &c.PublicKey, &c.Scopes, &c.Options, &c.CreatedAt, &c.RevokedAt, &c.Version, &c.Mark)
	}).markedBy(func(c *credential.Credential, s id.Shard) (record, mark []byte, kept bool) {
	return c.Record(s), c.Mark, true
})

var aliases = bindTable(alias.Aliases, "merchant wire ref",
	func(k *alias.Key, f []any) []any { return append(f, &k.Merchant, &k.Wire, &k.Ref) },
	"merchant wire ref kind number",
	func(a *alias.Alias, f []any) []any {
		return append(f, &a.Merchant, &a.Wire, &a.Ref, &a.Kind, &a.Number)
	})

var aliasCounters = bindTable(alias.Counters, "merchant wire",
	func(k *alias.CounterKey, f []any) []any { return append(f, &k.Merchant, &k.Wire) },
	"merchant wire last version",
	func(c *alias.Counter, f []any) []any {
		return append(f, &c.Merchant, &c.Wire, &c.Last, &c.Version)
	})

var allowances = added(26, bindTable(account.Allowances, "merchant currency",
	func(k *account.AllowanceKey, f []any) []any { return append(f, &k.Merchant, &k.Currency) },
	"merchant currency granted used updated_at version",
	func(a *account.Allowance, f []any) []any {
		return append(f, &a.Merchant, &a.Currency, &a.Granted, &a.Used, &a.UpdatedAt, &a.Version)
	}))

// Allowances lists what a merchant may credit by itself and has, in order of currencies.
func (db *DB) Allowances(ctx context.Context, owner id.ID) ([]account.Allowance, error) {
	return query(ctx, db.engine, allowances, "WHERE t.shard = $1 AND t.merchant = $2 ORDER BY t.currency", owner.Shard, owner.Seq)
}

var conversions = bindTable(account.Conversions, "seq", seqKey,
	"seq merchant account foreign_id quote send_currency send fee receive_currency receive price created_at",
	func(c *account.Conversion, f []any) []any {
		return append(f, &c.Seq, &c.Merchant, &c.Account, &c.ForeignID, &c.Quote, &c.SendCurrency, &c.Send, &c.Fee, &c.ReceiveCurrency,
			&c.Receive, &c.Price, &c.CreatedAt)
	})

var conversionForeignIDs = bindLookup(account.ConversionForeignIDs, "conversion", "foreign_id <> ''", "merchant foreign_id",
	func(k *account.ConversionForeignKey, f []any) []any { return append(f, &k.Merchant, &k.ForeignID) },
	"merchant foreign_id seq",
	func(r *account.ConversionForeignID, f []any) []any {
		return append(f, &r.Merchant, &r.ForeignID, &r.Conversion)
	})

// Credential finds a credential, also a revoked one. One that another hand wrote is
// refused with record_altered.
func (db *DB) Credential(ctx context.Context, at id.ID) (credential.Credential, bool, error) {
	c, ok, err := bySeq(ctx, db, credentials, at)
	if ok && err == nil {
		err = db.checked("credential", id.Credential, at, c.Record(at.Shard), c.Mark)
	}
	return c, ok, err
}

// Credentials lists the credentials of a merchant for a dialect ("" for all), also
// revoked ones, newest first.
func (db *DB) Credentials(ctx context.Context, owner id.ID, dialect string, limit int) ([]credential.Credential, error) {
	var c conditions
	c.add("t.shard = $?", owner.Shard)
	c.add("t.merchant = $?", owner.Seq)
	if dialect != "" {
		c.add("t.dialect = $?", dialect)
	}
	c.before(0)
	return query(ctx, db.engine, credentials, c.newestFirst(limit), c.args...)
}

// OwnAccount finds the account of a merchant itself; of several, the first that was opened.
func (db *DB) OwnAccount(ctx context.Context, owner id.ID) (ledger.Account, bool, error) {
	return first(ctx, db.engine, accounts, "WHERE t.shard = $1 AND t.merchant = $2 AND t.kind = 'merchant' AND t.seq > 0 ORDER BY t.seq LIMIT 1", owner.Shard, owner.Seq)
}

// QuotesOf lists the quotes of a merchant that were made at or after a time, newest first.
func (db *DB) QuotesOf(ctx context.Context, owner id.ID, since time.Time, limit int) ([]quote.Quote, error) {
	return query(ctx, db.engine, quotes, "WHERE t.shard = $1 AND t.merchant = $2 AND t.seq > 0 AND t.seq >= $3 ORDER BY t.seq DESC LIMIT $4",
		owner.Shard, owner.Seq, id.Next(0, since), page(limit))
}

// QuotesUsed lists the newest quotes of a pair that a merchant has used, newest first.
func (db *DB) QuotesUsed(ctx context.Context, owner id.ID, send, receive string, limit int) ([]quote.Quote, error) {
	return query(ctx, db.engine, quotes,
		"WHERE t.shard = $1 AND t.merchant = $2 AND t.send_currency = $3 AND t.receive_currency = $4 AND t.used_by > 0 ORDER BY t.seq DESC LIMIT $5",
		owner.Shard, owner.Seq, send, receive, page(limit))
}

// WithdrawalsOn lists the withdrawals of a merchant on some networks, newest first,
// beginning after as many of them as are skipped. Skipping costs time for every row.
func (db *DB) WithdrawalsOn(ctx context.Context, owner id.ID, networks []string, skip, limit int) ([]withdrawal.Withdrawal, error) {
	if len(networks) == 0 {
		return nil, nil
	}
	args, marks := []any{owner.Shard, owner.Seq, page(limit), max(skip, 0)}, ""
	for n, name := range networks {
		args, marks = append(args, name), marks+fmt.Sprintf(", $%d", n+5)
	}
	return query(ctx, db.engine, withdrawals,
		"WHERE t.shard = $1 AND t.merchant = $2 AND t.seq > 0 AND t.network IN ("+marks[2:]+") ORDER BY t.seq DESC LIMIT $3 OFFSET $4", args...)
}

// Alias finds the number of a row on a wire.
func (db *DB) Alias(ctx context.Context, owner id.ID, wire string, ref id.Seq) (alias.Alias, bool, error) {
	return first(ctx, db.engine, aliases, "WHERE t.shard = $1 AND t.merchant = $2 AND t.wire = $3 AND t.ref = $4", owner.Shard, owner.Seq, wire, ref)
}

// AliasByNumber finds the row that has a number on a wire.
func (db *DB) AliasByNumber(ctx context.Context, owner id.ID, wire string, number int64) (alias.Alias, bool, error) {
	return first(ctx, db.engine, aliases, "WHERE t.shard = $1 AND t.merchant = $2 AND t.wire = $3 AND t.number = $4 AND t.number > 0",
		owner.Shard, owner.Seq, wire, number)
}

// Conversion finds an exchange between balances.
func (db *DB) Conversion(ctx context.Context, at id.ID) (account.Conversion, bool, error) {
	return bySeq(ctx, db, conversions, at)
}

// WithdrawalsByTxID lists withdrawals of a merchant that a transaction pays, as far as
// it is known for them now, newest first.
func (db *DB) WithdrawalsByTxID(ctx context.Context, owner id.ID, txid string, limit int) ([]withdrawal.Withdrawal, error) {
	return query(ctx, db.engine, withdrawals, "WHERE t.shard = $1 AND t.txid = $2 AND t.txid <> '' AND t.merchant = $3 ORDER BY t.seq DESC LIMIT $4",
		owner.Shard, txid, owner.Seq, page(limit))
}
