package bank

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"sluice/internal/bank/code"
	"sluice/internal/bank/iban"
	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/seal"
	"sluice/internal/withdrawal"
)

// Reader gives what is written. It is for looking things up and for lists; commands decide.
type Reader interface {
	BankFile(ctx context.Context, hash string) (File, bool, error)
	BankOrder(ctx context.Context, id string) (Order, bool, error)
	// BankPayments are the payments of an order, by place.
	BankPayments(ctx context.Context, order string) ([]Payment, error)
	// BankPaymentsOf are the payments with these end-to-end ids, in any order.
	BankPaymentsOf(ctx context.Context, endToEnd []string) ([]Payment, error)
	// BankPayment finds the payment of a withdrawal.
	BankPayment(ctx context.Context, endToEnd string) (Payment, bool, error)
	// BankNames are those of these names that are known, in any order.
	BankNames(ctx context.Context, names []string) ([]Name, error)
	// BankLastDay are the statements of a wallet that have a closing balance and end with the
	// last day that any of them has.
	BankLastDay(ctx context.Context, wallet string) ([]Statement, error)
	// BankReturns are payments that came back and whose withdrawals were not told.
	BankReturns(ctx context.Context, limit int) ([]Payment, error)
	// BankSmallest is the smallest number of a statement of a wallet and year, 0 for none.
	BankSmallest(ctx context.Context, wallet, year string) (int64, error)
}

// Options of a book.
type Options struct {
	Policy match.Policy
	// Keys seal what is kept of files. nil: files are kept readable.
	Keys *seal.Ring
	Log  *slog.Logger
}

// Book keeps what is known about payments at banks. Its methods may be called from
// several goroutines and processes, and repeated.
type Book struct {
	loop *commit.Loop
	read Reader
	opt  Options
}

// New makes a book.
func New(loop *commit.Loop, read Reader, opt Options) *Book {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	return &Book{loop, read, opt}
}

// purpose is what files and marks are sealed for.
const purpose = "bank.file"

// Seal gives bytes as they are kept: sealed, if there are keys.
func (b *Book) Seal(plain []byte) ([]byte, error) {
	if b.opt.Keys == nil {
		return plain, nil
	}
	return b.opt.Keys.Seal(purpose, plain)
}

// Open gives back what Seal was given. Whatever begins like XML was never sealed.
func (b *Book) Open(kept []byte) ([]byte, error) {
	if len(kept) > 0 && kept[0] == '<' {
		return kept, nil
	}
	return b.opt.Keys.Open(purpose, kept)
}

// marks are what an account number may be kept as: it tells two apart, and gives none away.
func (b *Book) marks(number string) []string {
	sum := sha256.Sum256([]byte(purpose + " " + number))
	return append(b.opt.Keys.Fingerprints(purpose, []byte(number)), "sha256:"+hex.EncodeToString(sum[:]))
}

// accountPurpose is what the account of a payment is sealed for: that payment alone.
func accountPurpose(endToEnd string) string { return "bank.payment " + endToEnd }

// sealAccount gives a recipient's account as it is kept beside its payment; nothing without keys.
func (b *Book) sealAccount(endToEnd, number string) ([]byte, error) {
	if b.opt.Keys == nil {
		return nil, nil
	}
	return b.opt.Keys.Seal(accountPurpose(endToEnd), []byte(number))
}

// creditor gives what the account that a booking names is compared with: see
// match.Payment.Creditor. Most bookings name the IBAN, which a mark tells; only what is none of
// these is held against the account itself.
func (b *Book) creditor(p Payment, number string) (string, error) {
	if number == "" {
		return "", nil
	}
	if slices.Contains(b.marks(number), p.Creditor) {
		return number, nil
	}
	if len(p.Account) == 0 || b.opt.Keys == nil {
		if _, err := iban.Parse(number); err != nil {
			return "", nil // a national number: there is nothing to compare it with
		}
		return p.Creditor, nil // a mark is no account: they differ
	}
	plain, err := b.opt.Keys.Open(accountPurpose(p.EndToEnd), p.Account)
	return string(plain), err
}

// Sent keeps an order before it leaves. wallet is the wallet's public id.
func (b *Book) Sent(ctx context.Context, wallet string, o message.Order) (Order, error) {
	c := Record{Wallet: wallet, Order: o}
	for _, batch := range o.Batches {
		for _, p := range batch.Payouts {
			number := p.Creditor.IBAN.String()
			account, err := b.sealAccount(p.EndToEndID, number)
			if err != nil {
				return Order{}, err
			}
			c.Marks, c.Accounts = append(c.Marks, b.marks(number)[0]), append(c.Accounts, account)
		}
	}
	return commit.Do(ctx, b.loop, Shard, c)
}

// Handed notes that the bank could take the file of an order.
func (b *Book) Handed(ctx context.Context, order string) error {
	_, err := commit.Do(ctx, b.loop, Shard, Handed{order})
	return err
}

// HandedOver tells whether an order has left.
func (b *Book) HandedOver(ctx context.Context, order string) (bool, error) {
	o, known, err := b.read.BankOrder(ctx, order)
	return known && !o.HandedAt.IsZero(), err
}

// Fate is what the bank's answers prove of a payment.
type Fate struct {
	Known  bool
	Paid   bool
	Reason string // of one that is not paid, for a person
}

// Fates tells for each payment of an order what is proved. known is false for an
// order that was never handed over.
func (b *Book) Fates(ctx context.Context, order string) (list []Payment, fates []Fate, err error) {
	list, err = b.read.BankPayments(ctx, order)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range list {
		switch p.State {
		case match.Confirmed, match.Returned:
			fates = append(fates, Fate{Known: true, Paid: true})
		case match.Failed:
			fates = append(fates, Fate{Known: true, Reason: Explain(p.Reason)})
		case match.Held:
			fates = append(fates, Fate{})
		}
	}
	return list, fates, nil
}

// Balance is what the account of a wallet held at the end of the last statement; nothing
// if it was overdrawn.
func (b *Book) Balance(ctx context.Context, wallet string) (held money.Amount, known bool, err error) {
	s, known, err := Closing(ctx, b.read, wallet)
	if s.ClosingSide == string(message.Debit) {
		s.Closing = money.Amount{}
	}
	return s.Closing, known, err
}

// Closing is the last statement of a wallet that has a closing balance.
func Closing(ctx context.Context, read interface {
	BankLastDay(ctx context.Context, wallet string) ([]Statement, error)
}, wallet string,
) (s Statement, known bool, err error) {
	list, err := read.BankLastDay(ctx, wallet)
	if err != nil || len(list) == 0 {
		return s, false, err
	}
	list = inOrder(list)
	return list[len(list)-1], true, nil
}

// Explain is what a person is told about a bank's code.
func Explain(c string) string {
	r := code.ReasonOf(c)
	if c == "" {
		return r.Text
	}
	return fmt.Sprintf("%s (%s: %s)", r.Text, c, r.Meaning)
}

// Refuse keeps a file of which nothing may be used, with the reason. content is zero for
// one that was not read, because it is too large or no file.
func (b *Book) Refuse(ctx context.Context, wallet, name string, size int64, content Content, reason string) error {
	hash := content.Hash
	if content.IsZero() {
		hash = fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s %d", name, size)))
	}
	if _, known, err := b.read.BankFile(ctx, hash); known || err != nil {
		return err
	}
	b.opt.Log.Warn("a bank's file is refused", "file", name, "reason", reason)
	_, err := b.keep(ctx, File{Hash: hash, Wallet: wallet, Name: name, State: FileRefused, Reason: reason, Size: size}, content)
	return err
}

func (b *Book) keep(ctx context.Context, f File, content Content) (File, error) {
	c := KeepFile{File: f, Raw: content.packed, Sealed: b.opt.Keys != nil && !content.IsZero()}
	if c.Sealed {
		var err error
		if c.Raw, err = b.opt.Keys.Seal(purpose, c.Raw); err != nil {
			return f, err
		}
	}
	return commit.Do(ctx, b.loop, Shard, c)
}

// Content gives back what was in a file.
func (b *Book) Content(kept FileBytes) (Content, error) {
	c := Content{Hash: kept.Hash, packed: kept.Raw}
	var err error
	if kept.Sealed {
		c.packed, err = b.opt.Keys.Open(purpose, kept.Raw)
	}
	return c, err
}

// returnsAtOnce is how many returns are told in one round.
const returnsAtOnce = 100

// Tell tells withdrawals that their money came back. One whose confirmation is still
// on its way is told in a later round.
func (b *Book) Tell(ctx context.Context) error {
	list, err := b.read.BankReturns(ctx, returnsAtOnce)
	if err != nil {
		return err
	}
	var problems []error
	for _, p := range list {
		reason := Explain(p.BackReason)
		if less, err := p.Amount.Sub(p.Back); err == nil && !less.IsZero() {
			reason += "; the bank kept " + Currency.Format(less) + " " + Currency.Code
		}
		shard := id.Shard(p.Shard) //nolint:gosec // written from an id.Shard
		_, err := commit.Do(ctx, b.loop, shard, withdrawal.NewReturn(p.Withdrawal, p.Back, reason, Actor))
		if fault.CodeOf(err) == "wrong_state" {
			continue
		}
		if err == nil {
			_, err = commit.Do(ctx, b.loop, Shard, Returned{p.PaymentKey})
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
