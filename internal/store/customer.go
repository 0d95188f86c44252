package store

import (
	"context"
	"fmt"

	"sluice/internal/dialect/upvest/customer"
	"sluice/internal/id"
	"sluice/internal/merchant/credential"
)

var signingKeys = bindTable(credential.SigningKeys, "wire number",
	func(k *credential.SigningKeyID, f []any) []any { return append(f, &k.Wire, &k.Number) },
	"wire number seq secret use_from created_at version",
	func(k *credential.SigningKey, f []any) []any {
		return append(f, &k.Wire, &k.Number, &k.Seq, &k.Secret, &k.UseFrom, &k.CreatedAt, &k.Version)
	})

var customerUsers = bindTable(customer.Users, "seq", seqKey,
	"seq merchant profile status account_groups created_at updated_at version",
	func(u *customer.User, f []any) []any {
		return append(f, &u.Seq, &u.Merchant, &u.Profile, (*string)(&u.Status), &u.Groups, &u.CreatedAt, &u.UpdatedAt, &u.Version)
	})

var customerGroups = bindTable(customer.Groups, "seq", seqKey,
	"seq merchant owner type number trading status created_at updated_at version",
	func(g *customer.Group, f []any) []any {
		return append(f, &g.Seq, &g.Merchant, &g.User, &g.Type, &g.Number, &g.Trading, (*string)(&g.Status), &g.CreatedAt, &g.UpdatedAt, &g.Version)
	})

var customerReferences = bindTable(customer.References, "seq", seqKey,
	"seq merchant owner mask version",
	func(r *customer.Reference, f []any) []any {
		return append(f, &r.Seq, &r.Merchant, &r.User, &r.Mask, &r.Version)
	})

var tradingAccounts = bindTable(customer.TradingAccounts, "seq", seqKey,
	"seq merchant customer_group owner type name number status created_at updated_at version",
	func(a *customer.TradingAccount, f []any) []any {
		return append(f, &a.Seq, &a.Merchant, &a.Group, &a.User, &a.Type, &a.Name, &a.Number, (*string)(&a.Status), &a.CreatedAt, &a.UpdatedAt, &a.Version)
	})

// SigningKeys lists the installation's keys for a wire, the first one first.
func (db *DB) SigningKeys(ctx context.Context, wire string) ([]credential.SigningKey, error) {
	return query(ctx, db.engine, signingKeys, "WHERE t.shard = $1 AND t.wire = $2 ORDER BY t.number", 0, wire)
}

// CustomerUser finds a user.
func (db *DB) CustomerUser(ctx context.Context, at id.ID) (customer.User, bool, error) {
	return bySeq(ctx, db, customerUsers, at)
}

// CustomerGroup finds an account group.
func (db *DB) CustomerGroup(ctx context.Context, at id.ID) (customer.Group, bool, error) {
	return bySeq(ctx, db, customerGroups, at)
}

// CustomerReference finds what is shown of a reference account.
func (db *DB) CustomerReference(ctx context.Context, at id.ID) (customer.Reference, bool, error) {
	return bySeq(ctx, db, customerReferences, at)
}

// CustomerTradingAccount finds a trading account.
func (db *DB) CustomerTradingAccount(ctx context.Context, at id.ID) (customer.TradingAccount, bool, error) {
	return bySeq(ctx, db, tradingAccounts, at)
}

// CustomerUsers gives a window of a merchant's users, and how many there are in all.
func (db *DB) CustomerUsers(ctx context.Context, owner id.ID, w customer.Window) ([]customer.User, int64, error) {
	return window(ctx, db, customerUsers, "t.shard = $1 AND t.merchant = $2 AND t.seq > 0", w, owner.Shard, owner.Seq)
}

// CustomerGroups gives a window of a merchant's account groups, likewise.
func (db *DB) CustomerGroups(ctx context.Context, owner id.ID, w customer.Window) ([]customer.Group, int64, error) {
	return window(ctx, db, customerGroups, "t.shard = $1 AND t.merchant = $2 AND t.seq > 0", w, owner.Shard, owner.Seq)
}

// CustomerGroupsOf gives a window of a user's account groups, likewise.
func (db *DB) CustomerGroupsOf(ctx context.Context, user id.ID, w customer.Window) ([]customer.Group, int64, error) {
	return window(ctx, db, customerGroups, "t.shard = $1 AND t.owner = $2 AND t.seq > 0", w, user.Shard, user.Seq)
}

// CustomerTradingAccounts gives a window of a merchant's trading accounts, likewise: all of
// them, or those of a user or a group, whichever is not 0.
func (db *DB) CustomerTradingAccounts(ctx context.Context, owner id.ID, user, group id.Seq, w customer.Window) ([]customer.TradingAccount, int64, error) {
	where, of := "t.merchant = $2", owner.Seq
	if user != 0 {
		where, of = fmt.Sprintf("t.merchant = %d AND t.owner = $2", owner.Seq), user
	}
	if group != 0 {
		where, of = "t.customer_group = $2", group
	}
	return window(ctx, db, tradingAccounts, "t.shard = $1 AND "+where+" AND t.seq > 0", w, owner.Shard, of)
}

// window reads rows by position. It costs the more the farther back they are, and sorts all
// of them where they are wanted by their last change: wires that page by position have it so.
func window[R any](ctx context.Context, db *DB, from source[R], where string, w customer.Window, args ...any) ([]R, int64, error) {
	var total int64
	plainArgs := make([]any, len(args))
	for i, a := range args {
		plainArgs[i] = plain(a)
	}
	count := "SELECT count(*) FROM " + from.describe().name + " t WHERE " + where
	if err := db.engine.each(ctx, count, plainArgs, []any{&total}, func() error { return nil }); err != nil {
		return nil, 0, err
	}
	order := "ASC"
	if w.NewestFirst {
		order = "DESC"
	}
	by := "t.seq " + order
	if w.ByChange {
		by = "t.updated_at " + order + ", " + by
	}
	rows, err := query(ctx, db.engine, from, "WHERE "+where+" ORDER BY "+by+" LIMIT $3 OFFSET $4", append(args, page(w.Limit), int64(max(w.Offset, 0)))...)
	return rows, total, err
}
