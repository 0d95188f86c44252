package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/bank"
)

var bankFiles = bindTable(bank.Files, "hash",
	func(k *string, f []any) []any { return append(f, k) },
	"hash seq wallet name kind message_id state reason size entries problems created_at done_at version",
	func(r *bank.File, f []any) []any {
		return append(f, &r.Hash, &r.Seq, &r.Wallet, &r.Name, &r.Kind, &r.MessageID, (*string)(&r.State), &r.Reason, &r.Size, &r.Entries, &r.Problems,
			&r.CreatedAt, &r.DoneAt, &r.Version)
	})

var bankFileBytes = bindLog(bank.Bytes, "seq hash sealed raw",
	func(r *bank.FileBytes, f []any) []any { return append(f, &r.Seq, &r.Hash, &r.Sealed, &r.Raw) })

var bankOrders = bindTable(bank.Orders, "id",
	func(k *string, f []any) []any { return append(f, k) },
	"id seq wallet service day payments total waiting handed_at created_at version",
	func(r *bank.Order, f []any) []any {
		return append(f, &r.ID, &r.Seq, &r.Wallet, &r.Service, &r.Day, &r.Count, &r.Total, &r.Waiting, &r.HandedAt, &r.CreatedAt, &r.Version)
	})

var bankPayments = bindTable(bank.Payments, "order_id place",
	func(k *bank.PaymentKey, f []any) []any { return append(f, &k.Order, &k.Place) },
	"order_id place end_to_end batch instruction withdrawal_shard withdrawal amount creditor account state status payee servicer_ref rejected reason evidence back back_reason told updated_at version",
	func(r *bank.Payment, f []any) []any {
		return append(f, &r.Order, &r.Place, &r.EndToEnd, &r.Batch, &r.Instruction, &r.Shard, &r.Withdrawal, &r.Amount, &r.Creditor, &r.Account, (*string)(&r.State), &r.Status,
			&r.Payee, &r.ServicerRef, &r.Rejected, &r.Reason, &r.Evidence, &r.Back, &r.BackReason, &r.Told, &r.UpdatedAt, &r.Version)
	})

var bankNames = bindTable(bank.Names, "name",
	func(k *string, f []any) []any { return append(f, k) },
	"name order_id", func(r *bank.Name, f []any) []any { return append(f, &r.Name, &r.Order) })

var bankEntries = bindTable(bank.Entries, "key",
	func(k *string, f []any) []any { return append(f, k) },
	"key statement place seq wallet kind file order_id end_to_end amount currency side booked part day state cause reason text counterparty resolution resolved_by resolved_at created_at version",
	func(r *bank.Entry, f []any) []any {
		return append(f, &r.Key, &r.Statement, &r.Place, &r.Seq, &r.Wallet, &r.Kind, &r.File, &r.Order, &r.EndToEnd, &r.Amount, &r.Currency, &r.Side, &r.Booked, &r.Part, &r.Day,
			(*string)(&r.State), &r.Cause, &r.Reason, &r.Text, &r.Counterparty, &r.Resolution, &r.ResolvedBy, &r.ResolvedAt, &r.CreatedAt, &r.Version)
	})

var bankStatements = bindTable(bank.Statements, "key",
	func(k *string, f []any) []any { return append(f, k) },
	"key seq wallet ident year sequence day state opening opening_side closing closing_side total_in total_out gap pages created_at version",
	func(r *bank.Statement, f []any) []any {
		return append(f, &r.Key, &r.Seq, &r.Wallet, &r.Ident, &r.Year, &r.Sequence, &r.Day, (*string)(&r.State), &r.Opening, &r.OpeningSide, &r.Closing, &r.ClosingSide,
			&r.In, &r.Out, &r.Gap, &r.Pages, &r.CreatedAt, &r.Version)
	})

var bankLinks = bindTable(bank.Links, "name",
	func(k *string, f []any) []any { return append(f, k) },
	"name ends starts version", func(r *bank.Link, f []any) []any { return append(f, &r.Name, &r.Ends, &r.Starts, &r.Version) })

var bankLumps = bindTable(bank.Lumps, "name",
	func(k *string, f []any) []any { return append(f, k) },
	"name parts entry version", func(r *bank.Lump, f []any) []any { return append(f, &r.Name, &r.Parts, &r.Entries, &r.Version) })

var (
	_ bank.Reader = (*DB)(nil)
	_ bank.Lists  = (*DB)(nil)
)

// BankFile implements bankbook.Reader.
func (db *DB) BankFile(ctx context.Context, hash string) (bank.File, bool, error) {
	return first(ctx, db.engine, bankFiles, "WHERE t.shard = $1 AND t.hash = $2", bank.Shard, hash)
}

// BankFileBytes implements bankbook.Lists.
func (db *DB) BankFileBytes(ctx context.Context, hash string) (bank.FileBytes, bool, error) {
	return first(ctx, db.engine, bankFileBytes, "WHERE t.shard = $1 AND t.hash = $2 AND t.seq > 0", bank.Shard, hash)
}

// BankFiles implements bankbook.Lists.
func (db *DB) BankFiles(ctx context.Context, limit int) ([]bank.File, error) {
	return query(ctx, db.engine, bankFiles, "WHERE t.shard = $1 AND t.seq > 0 ORDER BY t.seq DESC LIMIT $2", bank.Shard, page(limit))
}

// BankOrder implements bankbook.Reader.
func (db *DB) BankOrder(ctx context.Context, id string) (bank.Order, bool, error) {
	return first(ctx, db.engine, bankOrders, "WHERE t.shard = $1 AND t.id = $2", bank.Shard, id)
}

// BankOrders implements bankbook.Lists.
func (db *DB) BankOrders(ctx context.Context, limit int) ([]bank.Order, error) {
	return query(ctx, db.engine, bankOrders, "WHERE t.shard = $1 AND t.seq > 0 ORDER BY t.seq DESC LIMIT $2", bank.Shard, page(limit))
}

// BankPayments implements bankbook.Reader.
func (db *DB) BankPayments(ctx context.Context, order string) ([]bank.Payment, error) {
	return query(ctx, db.engine, bankPayments, "WHERE t.shard = $1 AND t.order_id = $2 ORDER BY t.place", bank.Shard, order)
}

// BankPayment implements bankbook.Reader.
func (db *DB) BankPayment(ctx context.Context, endToEnd string) (bank.Payment, bool, error) {
	return first(ctx, db.engine, bankPayments, "WHERE t.shard = $1 AND t.end_to_end = $2 AND t.place >= 0", bank.Shard, endToEnd)
}

// BankPaymentsOf implements bankbook.Reader.
func (db *DB) BankPaymentsOf(ctx context.Context, endToEnd []string) ([]bank.Payment, error) {
	return amongTexts(ctx, db, bankPayments, "WHERE t.shard = $1 AND t.place >= 0 AND t.end_to_end IN ", endToEnd)
}

// BankNames implements bankbook.Reader.
func (db *DB) BankNames(ctx context.Context, names []string) ([]bank.Name, error) {
	return amongTexts(ctx, db, bankNames, "WHERE t.shard = $1 AND t.name IN ", names)
}

// amongTexts are the rows with one of these texts, some at a time.
func amongTexts[R any](ctx context.Context, db *DB, from source[R], where string, texts []string) (out []R, err error) {
	texts = slices.Compact(slices.Sorted(slices.Values(texts)))
	for part := range slices.Chunk(texts, 500) {
		args, marks := []any{bank.Shard}, make([]string, len(part))
		for n, s := range part {
			args, marks[n] = append(args, s), fmt.Sprintf("$%d", n+2)
		}
		rows, err := query(ctx, db.engine, from, where+"("+strings.Join(marks, ", ")+")", args...)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

// BankReturns implements bankbook.Reader.
func (db *DB) BankReturns(ctx context.Context, limit int) ([]bank.Payment, error) {
	return query(ctx, db.engine, bankPayments, "WHERE t.shard = $1 AND t.state = 'returned' AND t.told = FALSE ORDER BY t.order_id, t.place LIMIT $2", bank.Shard, page(limit))
}

// BankSmallest implements bankbook.Reader.
func (db *DB) BankSmallest(ctx context.Context, wallet, year string) (int64, error) {
	s, _, err := first(ctx, db.engine, bankStatements, "WHERE t.shard = $1 AND t.wallet = $2 AND t.year = $3 AND t.sequence > 0 ORDER BY t.sequence LIMIT 1", bank.Shard, wallet, year)
	return s.Sequence, err
}

// BankLastDay implements bankbook.Reader.
func (db *DB) BankLastDay(ctx context.Context, wallet string) ([]bank.Statement, error) {
	const complete = "t.shard = $1 AND t.wallet = $2 AND t.closing_side <> '' AND t.state <> 'open' AND t.seq > 0"
	last, ok, err := first(ctx, db.engine, bankStatements, "WHERE "+complete+" ORDER BY t.day DESC LIMIT 1", bank.Shard, wallet)
	if err != nil || !ok {
		return nil, err
	}
	return query(ctx, db.engine, bankStatements, "WHERE "+complete+" AND t.day = $3 ORDER BY t.seq", bank.Shard, wallet, last.Day)
}

// BankSuspense implements bankbook.Lists.
func (db *DB) BankSuspense(ctx context.Context, limit int) ([]bank.Entry, error) {
	return query(ctx, db.engine, bankEntries, "WHERE t.shard = $1 AND t.state = 'suspense' ORDER BY t.seq LIMIT $2", bank.Shard, page(limit))
}

// BankEntry implements bankbook.Lists.
func (db *DB) BankEntry(ctx context.Context, seq int64) (bank.Entry, bool, error) {
	return first(ctx, db.engine, bankEntries, "WHERE t.shard = $1 AND t.seq = $2 AND t.seq > 0", bank.Shard, seq)
}

// EachBankEntry implements bankbook.Lists.
func (db *DB) EachBankEntry(ctx context.Context, fn func(bank.Entry) error) error {
	return each(ctx, db.engine, bankEntries, "WHERE t.shard = $1 AND t.seq > 0 ORDER BY t.seq", []any{bank.Shard}, fn)
}

// EachBankPayment implements bankbook.Lists.
func (db *DB) EachBankPayment(ctx context.Context, fn func(bank.Payment) error) error {
	return each(ctx, db.engine, bankPayments, "WHERE t.shard = $1 ORDER BY t.order_id, t.place", []any{bank.Shard}, fn)
}

// BankRows counts the bookings and payments, which EachBankEntry and EachBankPayment hand over.
func (db *DB) BankRows(ctx context.Context) (n int64, err error) {
	for _, count := range []string{"SELECT COUNT(*) FROM bank_entry WHERE shard = $1", "SELECT COUNT(*) FROM bank_payment WHERE shard = $1"} {
		var rows int64
		err = errors.Join(err, db.engine.each(ctx, count, []any{int64(bank.Shard)}, []any{&rows}, func() error {
			n += rows
			return nil
		}))
	}
	return n, err
}

// BankStatements implements bankbook.Lists.
func (db *DB) BankStatements(ctx context.Context) ([]bank.Statement, error) {
	return query(ctx, db.engine, bankStatements, "WHERE t.shard = $1 AND t.seq > 0 ORDER BY t.seq", bank.Shard)
}
