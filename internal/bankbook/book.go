package bankbook

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail/sepa/code"
	"sluice/internal/rail/sepa/match"
	"sluice/internal/rail/sepa/message"
	"sluice/internal/seal"
	"sluice/internal/withdrawal"
)

// Reader gives what is written. It is for looking things up and for lists; commands decide.
type Reader interface {
	BankFile(ctx context.Context, hash string) (File, bool, error)
	BankOrder(ctx context.Context, id string) (Order, bool, error)
	// BankPayments are the payments of an order, by place.
	BankPayments(ctx context.Context, order string) ([]Payment, error)
	// BankPayment finds the payment of a withdrawal.
	BankPayment(ctx context.Context, endToEnd string) (Payment, bool, error)
	// BankName finds the order of the first of these names that is known, "" for none.
	BankName(ctx context.Context, names []string) (string, error)
	// BankClosing is the last statement of a wallet that has a closing balance.
	BankClosing(ctx context.Context, wallet string) (Statement, bool, error)
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

// Sent keeps an order before it leaves. wallet is the wallet's public id.
func (b *Book) Sent(ctx context.Context, wallet string, o message.Order) (Order, error) {
	var marks []string
	for _, batch := range o.Batches {
		for _, p := range batch.Payouts {
			marks = append(marks, b.marks(p.Creditor.IBAN.String())[0])
		}
	}
	return commit.Do[Order](ctx, b.loop, Shard, Record{wallet, o, marks})
}

// Handed notes that the bank could take the file of an order.
func (b *Book) Handed(ctx context.Context, order string) error {
	_, err := commit.Do[Order](ctx, b.loop, Shard, Handed{order})
	return err
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
	s, known, err := b.read.BankClosing(ctx, wallet)
	if s.ClosingSide == string(message.Debit) {
		s.Closing = money.Amount{}
	}
	return s.Closing, known, err
}

// Explain is what a person is told about a bank's code.
func Explain(c string) string {
	r := code.ReasonOf(c)
	if c == "" {
		return r.Text
	}
	return fmt.Sprintf("%s (%s: %s)", r.Text, c, r.Meaning)
}

// Refuse keeps a file of which nothing may be used, with the reason. raw is nil for
// one that was too large to be read.
func (b *Book) Refuse(ctx context.Context, wallet, name string, size int64, raw []byte, reason string) error {
	hash := sha256.New()
	_, _ = hash.Write(raw)
	if raw == nil {
		_, _ = fmt.Fprintf(hash, "%s %d", name, size)
	}
	_, err := b.keep(ctx, File{
		Hash: hex.EncodeToString(hash.Sum(nil)), Wallet: wallet, Name: name, State: FileRefused, Reason: reason, Size: size,
	}, raw)
	b.opt.Log.Warn("a bank's file is refused and kept", "file", name, "reason", reason)
	return err
}

func (b *Book) keep(ctx context.Context, f File, raw []byte) (File, error) {
	c := KeepFile{File: f, Sealed: b.opt.Keys != nil}
	if raw != nil {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(raw); err != nil {
			return f, err
		}
		if err := w.Close(); err != nil {
			return f, err
		}
		c.Raw = packed.Bytes()
		if c.Sealed {
			var err error
			if c.Raw, err = b.opt.Keys.Seal(purpose, c.Raw); err != nil {
				return f, err
			}
		}
	}
	return commit.Do[File](ctx, b.loop, Shard, c)
}

// Content gives back what was in a file.
func (b *Book) Content(kept FileBytes) ([]byte, error) {
	packed := kept.Raw
	if kept.Sealed {
		var err error
		if packed, err = b.opt.Keys.Open(purpose, packed); err != nil {
			return nil, err
		}
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// strayMax is how many bookings that name nothing of ours one command takes.
const strayMax = 200

// Take takes in a file that may be believed. Repeating it, also after a crash in the
// middle, changes nothing.
func (b *Book) Take(ctx context.Context, wallet, name string, raw []byte, f *message.File) error {
	sum := sha256.Sum256(raw)
	bookings := f.Bookings()
	count := len(bookings)
	if f.Status != nil {
		for _, x := range f.Status.Batches {
			count += len(x.Payouts)
		}
	}
	kept, err := b.keep(ctx, File{
		Hash: hex.EncodeToString(sum[:]), Wallet: wallet, Name: name, Kind: string(f.Kind), MessageID: f.MessageID, State: FileBegun, Size: int64(len(raw)), Entries: int64(count),
	}, raw)
	if err != nil || kept.State != FileBegun {
		return err
	}
	var effects []match.Effect
	switch {
	case f.Status != nil:
		effects, err = b.status(ctx, wallet, *f.Status)
	case f.Kind == message.Resolution:
		err = b.answers(ctx, f.Answers)
	default:
		effects, err = b.bookings(ctx, wallet, kept.Hash, bookings)
	}
	if err != nil {
		return err
	}
	if f.Kind == message.Statement {
		for _, a := range f.Accounts {
			if err := b.statement(ctx, wallet, a); err != nil {
				return err
			}
		}
	}
	problems := int64(0)
	for _, e := range effects {
		if e.Kind == match.Suspend || e.Kind == match.Alert {
			problems++
			b.opt.Log.Warn("a bank's answer needs a person", "file", name, "cause", e.Cause, "payment", e.Payment, "text", e.Text)
			b.attend(ctx, e)
		}
		if e.Kind == match.Note && f.Status != nil {
			b.report(ctx, e)
		}
	}
	_, err = commit.Do[File](ctx, b.loop, Shard, EndFile{kept.Hash, problems})
	return err
}

// report puts what the bank says of a payment into the timeline of its withdrawal. Nothing
// depends on it: a crash may lose it, and most banks say nothing at all.
func (b *Book) report(ctx context.Context, e match.Effect) {
	at, err := withdrawalOf(e.Payment)
	if err != nil {
		return
	}
	if _, err := commit.Do[withdrawal.Withdrawal](ctx, b.loop, at.Shard, withdrawal.NewReport(at.Seq, "the bank says "+e.Text, Actor)); err != nil && fault.KindOf(err) != fault.NotFound {
		b.opt.Log.Error("what a bank says cannot be noted", "withdrawal", at.Text(id.Withdrawal), "error", err)
	}
}

// attend says on a withdrawal that waits what keeps it.
func (b *Book) attend(ctx context.Context, e match.Effect) {
	at, err := withdrawalOf(e.Payment)
	if err != nil {
		return // about no payment of ours
	}
	if _, err := commit.Do[withdrawal.Withdrawal](ctx, b.loop, at.Shard, withdrawal.NewAttend(at.Seq, "bank_"+string(e.Cause), e.Text, Actor)); err != nil && fault.KindOf(err) != fault.NotFound {
		b.opt.Log.Error("a reason cannot be noted", "withdrawal", at.Text(id.Withdrawal), "error", err)
	}
}

func (b *Book) status(ctx context.Context, wallet string, s message.Status) ([]match.Effect, error) {
	o, ok, err := b.read.BankOrder(ctx, s.OrderID)
	if err != nil {
		return nil, err
	}
	if !ok {
		_, err := commit.Do[bool](ctx, b.loop, Shard, Alarm{string(match.UnknownOrder), "the bank reports on order " + s.OrderID + ", which is not ours", ""})
		return nil, err
	}
	t, err := commit.Do[Taken](ctx, b.loop, Shard, TakeStatus{whole{o.ID, o.Count}, wallet, s, b.opt.Policy})
	return t.Effects, err
}

// bookings takes in bookings in runs that name the same order.
func (b *Book) bookings(ctx context.Context, wallet, file string, list []message.Booking) ([]match.Effect, error) {
	var effects []match.Effect
	for len(list) > 0 {
		order, err := b.read.BankName(ctx, match.Wanted(list[0]))
		if err != nil {
			return nil, err
		}
		n := 1
		for ; n < len(list) && n < strayMax; n++ {
			next, err := b.read.BankName(ctx, match.Wanted(list[n]))
			if err != nil {
				return nil, err
			}
			if next != order {
				break
			}
		}
		c := TakeBookings{whole: whole{Order: order}, Wallet: wallet, File: file, Bookings: list[:n], Marks: map[string][]string{}, Said: map[string]string{}, Policy: b.opt.Policy}
		if order != "" {
			o, _, err := b.read.BankOrder(ctx, order)
			if err != nil {
				return nil, err
			}
			c.Count = o.Count
		}
		for _, x := range list[:n] {
			if c.Said[entryKey(x)], err = b.said(x); err != nil {
				return nil, err
			}
			if number := x.Detail.Creditor.Account; number != "" {
				c.Marks[number] = b.marks(number)
			}
		}
		t, err := commit.Do[Taken](ctx, b.loop, Shard, c)
		if err != nil {
			return nil, err
		}
		effects = append(effects, t.Effects...)
		list = list[n:]
	}
	return effects, nil
}

func (b *Book) statement(ctx context.Context, wallet string, a message.Account) error {
	year := ""
	if key := a.SetKey(); a.Sequence != 0 {
		year = Statement{Key: key}.year()
	}
	smallest, err := b.read.BankSmallest(ctx, wallet, year)
	if err != nil {
		return err
	}
	_, err = commit.Do[Statement](ctx, b.loop, Shard, TakeStatement{wallet, a, smallest})
	return err
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
		_, err := commit.Do[withdrawal.Withdrawal](ctx, b.loop, shard, withdrawal.NewReturn(p.Withdrawal, p.Back, reason, Actor))
		if fault.CodeOf(err) == "wrong_state" {
			continue
		}
		if err == nil {
			_, err = commit.Do[Payment](ctx, b.loop, Shard, Returned{p.PaymentKey})
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
