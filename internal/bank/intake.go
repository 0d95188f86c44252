package bank

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/withdrawal"
)

// chunk is how many entries of a statement are looked up, and taken in by one command, at
// once.
const chunk = 200

// Take takes in a file that may be believed. files are its messages, without their entries:
// these are read from content as a stream. left is what message.Sift would not use.
// Repeating it, also after a crash in the middle, changes nothing.
func (b *Book) Take(ctx context.Context, wallet, name string, content Content, files []*message.File, left []string) error {
	var kinds, ids []string
	for _, f := range files {
		kinds, ids = append(kinds, string(f.Kind)), append(ids, f.MessageID)
	}
	kept, err := b.keep(ctx, File{
		Hash: content.Hash, Wallet: wallet, Name: name, Kind: strings.Join(slices.Compact(kinds), "+"), MessageID: strings.Join(slices.Compact(ids), " "), State: FileBegun, Size: content.Size,
	}, content)
	if err != nil || kept.State != FileBegun {
		return err
	}
	t := taking{book: b, wallet: wallet, name: name, file: kept.Hash, orders: map[string]bool{}}
	for _, text := range left {
		t.problems++
		t.notes = append(t.notes, text)
		if _, err := commit.Do(ctx, b.loop, Shard, Alarm{"file_in_part", "the file " + name + ": " + text, ""}); err != nil {
			return err
		}
	}
	if err := t.run(ctx, content, files); err != nil {
		return err
	}
	_, err = commit.Do(ctx, b.loop, Shard, EndFile{kept.Hash, t.entries, t.problems, strings.Join(t.notes, "; ")})
	return err
}

// taking is a file while it is taken in.
type taking struct {
	book     *Book
	wallet   string
	name     string
	file     string // hash
	orders   map[string]bool
	entries  int64
	known    int
	problems int64
	notes    []string
}

func (t *taking) run(ctx context.Context, content Content, files []*message.File) error {
	reports := false
	for _, f := range files {
		var err error
		switch f.Kind {
		case message.StatusReport:
			err = t.status(ctx, *f.Status)
		case message.Resolution:
			t.entries += int64(len(f.Answers))
			err = t.book.answers(ctx, f.Answers)
		case message.Statement, message.Notification, message.Intraday:
			reports = true
		}
		if err != nil {
			return err
		}
	}
	if !reports {
		return nil
	}
	parts, err := t.parts(ctx, files)
	if err != nil {
		return err
	}
	if err := t.stream(ctx, content, files, parts); err != nil {
		return err
	}
	if t.known > 0 {
		t.notes = append(t.notes, fmt.Sprintf("%d bookings were known already, by references of the bank", t.known))
	}
	for _, id := range slices.Sorted(maps.Keys(t.orders)) {
		if err := t.retry(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

type partKey struct{ file, account int }

// parts frames what the file says of accounts: statements are taken in before their
// entries, since these are known by the statement that they stand in.
func (t *taking) parts(ctx context.Context, files []*message.File) (map[partKey]Part, error) {
	out := map[partKey]Part{}
	for _, f := range files {
		for _, a := range f.Accounts {
			if a.Left != "" {
				continue
			}
			at := partKey{f.Index, a.Index}
			if f.Kind != message.Statement {
				out[at] = Part{Name: a.Name(f)}
				continue
			}
			c := TakeStatement{Wallet: t.wallet, File: fmt.Sprintf("%s:%d:%d", t.file, f.Index, a.Index), Account: a}
			var err error
			if c.Smallest, err = t.book.read.BankSmallest(ctx, t.wallet, c.year()); err != nil {
				return nil, err
			}
			p, err := commit.Do(ctx, t.book.loop, Shard, c)
			if err != nil {
				return nil, err
			}
			if out[at] = p; p.Repeats != "" {
				t.notes = append(t.notes, fmt.Sprintf("statement %s of %s is the one that was taken in as %s: its %d entries are known", a.ID, a.Day(), p.Repeats, a.Sums.Entries))
			}
		}
	}
	return out, nil
}

// stream reads the entries and takes them in, some at a time.
func (t *taking) stream(ctx context.Context, content Content, files []*message.File, parts map[partKey]Part) error {
	r, err := content.Open()
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // only read from
	var at partKey
	var keys *message.Keys
	var list []message.Booking
	flush := func() error {
		err := t.bookings(ctx, parts[at], keys, list)
		list = list[:0]
		return err
	}
	_, _, err = message.Walk(r, message.Limits{Bytes: content.Size, Records: maxRecords, Depth: maxDepth, Text: maxText}, func(f *message.File, a *message.Account, n message.Entry) error {
		if now := (partKey{f.Index, a.Index}); now != at || keys == nil {
			if err := flush(); err != nil {
				return err
			}
			at, keys = now, message.NewKeys(f.Kind, a.Number, parts[now].Name)
		}
		p, used := parts[at]
		if !used {
			return nil
		}
		t.entries++
		if p.Repeats != "" {
			return nil
		}
		b := files[at.file].Accounts[at.account].True(n).Booking(f.Kind, a.Number)
		b.Place = keys.Place(n)
		if list = append(list, b); len(list) >= chunk {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// What is read a second time has been within its limits.
const (
	maxRecords = 1 << 40
	maxDepth   = 1 << 20
	maxText    = 1 << 30
)

// bookings takes in entries of one part of a file.
func (t *taking) bookings(ctx context.Context, p Part, keys *message.Keys, list []message.Booking) error {
	if len(list) == 0 {
		return nil
	}
	find, err := t.book.look(ctx, list)
	if err != nil {
		return err
	}
	c := TakeBookings{Wallet: t.wallet, File: t.file, Part: p, Policy: t.book.opt.Policy}
	flush := func() error {
		if len(c.Items) == 0 {
			return nil
		}
		done, err := commit.Do(ctx, t.book.loop, Shard, c)
		c.Items = nil
		t.known += done.Known
		if err != nil {
			return err
		}
		return t.effects(ctx, done.Effects, false)
	}
	for _, entry := range list {
		shares := match.Divide(entry, find)
		if tell, ok := lumpOf(entry, shares); ok {
			c.Items = append(c.Items, tell)
		}
		for _, s := range shares {
			item, err := t.item(ctx, keys, s, find)
			if err != nil {
				return err
			}
			// A booking of a whole batch needs all of its order in memory: it comes alone.
			if s.Order != "" {
				if err := flush(); err != nil {
					return err
				}
			}
			c.Items = append(c.Items, item)
			if len(c.Items) >= chunk || s.Order != "" {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

func (t *taking) item(ctx context.Context, keys *message.Keys, s match.Share, find *lookup) (Movement, error) {
	item := Movement{Share: s}
	item.Booking.Key, _ = keys.Of(s.Booking)
	item.Alt = keys.AtPlace(s.Booking)
	if s.Booking.Kind == message.Statement && len(s.Payments) == 0 && s.Order == "" && match.Moves(s.Booking) {
		item.Lump = lumpName(s.Booking)
	}
	var err error
	if item.Said, err = t.book.said(s.Booking); err != nil {
		return item, err
	}
	for _, p := range s.Payments {
		t.orders[p.Order] = true
		row := find.rows[PaymentKey{p.Order, int64(p.Place)}]
		creditor, err := t.book.creditor(row, s.Booking.Detail.Creditor.Account)
		if err != nil {
			return item, err
		}
		item.Creditors = append(item.Creditors, creditor)
	}
	if s.Order != "" {
		t.orders[s.Order] = true
		o, _, err := t.book.read.BankOrder(ctx, s.Order)
		if err != nil {
			return item, err
		}
		item.Count = o.Count
	}
	// The command moves nothing by what only a person reads.
	item.Booking.Details, item.Booking.Text = trimmed(item.Booking.Details), ""
	return item, nil
}

// trimmed keeps of details what says whether they are returns.
func trimmed(list []message.Detail) []message.Detail {
	out := make([]message.Detail, len(list))
	for n, d := range list {
		out[n] = message.Detail{Return: d.Return, Code: d.Code, EndToEndID: d.EndToEndID}
	}
	return out
}

// retry looks again at bookings of a batch that waited for something in this file.
func (t *taking) retry(ctx context.Context, id string) error {
	o, ok, err := t.book.read.BankOrder(ctx, id)
	if err != nil || !ok || len(o.Waiting) == 0 {
		return err
	}
	done, err := commit.Do(ctx, t.book.loop, Shard, Retry{onOrder{o.ID, o.Count}, t.book.opt.Policy})
	if err != nil {
		return err
	}
	return t.effects(ctx, done.Effects, false)
}

func (t *taking) status(ctx context.Context, s message.Status) error {
	for _, x := range s.Batches {
		t.entries += int64(len(x.Payouts))
	}
	order, rest := match.NamesOf(s)
	names, err := t.book.names(ctx, order)
	if err == nil && len(names) == 0 {
		names, err = t.book.names(ctx, rest)
	}
	if err != nil {
		return err
	}
	parts := match.ByOrder(s, func(name string) (string, bool) { id, ok := names[name]; return id, ok })
	for _, id := range slices.Sorted(maps.Keys(parts)) {
		o, ok, err := t.book.read.BankOrder(ctx, id)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		done, err := commit.Do(ctx, t.book.loop, Shard, TakeStatus{onOrder{o.ID, o.Count}, t.file, parts[id], t.book.opt.Policy})
		if err != nil {
			return err
		}
		if err := t.effects(ctx, done.Effects, true); err != nil {
			return err
		}
	}
	if len(parts) == 0 {
		t.problems++
		_, err := commit.Do(ctx, t.book.loop, Shard, Alarm{string(match.UnknownOrder), "the bank reports on order " + s.OrderID + ", which is not ours", ""})
		return err
	}
	return nil
}

// effects reports what a person must look at, and what banks say on the way.
func (t *taking) effects(ctx context.Context, list []match.Effect, report bool) error {
	for _, e := range list {
		if e.Kind == match.Suspend || e.Kind == match.Alert {
			t.problems++
			t.book.opt.Log.Warn("a bank's answer needs a person", "file", t.name, "cause", e.Cause, "payment", e.Payment, "text", e.Text)
			t.book.attend(ctx, e)
		}
		if e.Kind == match.Note && report {
			t.book.report(ctx, e)
		}
	}
	return ctx.Err()
}

// report puts what the bank says of a payment into the timeline of its withdrawal. Nothing
// depends on it: a crash may lose it, and most banks say nothing at all.
func (b *Book) report(ctx context.Context, e match.Effect) {
	at, err := withdrawalOf(e.Payment)
	if err != nil {
		return
	}
	if _, err := commit.Do(ctx, b.loop, at.Shard, withdrawal.NewReport(at.Seq, "the bank says "+e.Text, Actor)); err != nil && fault.KindOf(err) != fault.NotFound {
		b.opt.Log.Error("what a bank says cannot be noted", "withdrawal", at.Text(id.Withdrawal), "error", err)
	}
}

// attend says on a withdrawal that waits what keeps it.
func (b *Book) attend(ctx context.Context, e match.Effect) {
	at, err := withdrawalOf(e.Payment)
	if err != nil {
		return // about no payment of ours
	}
	if _, err := commit.Do(ctx, b.loop, at.Shard, withdrawal.NewAttend(at.Seq, "bank_"+string(e.Cause), e.Text, Actor)); err != nil && fault.KindOf(err) != fault.NotFound {
		b.opt.Log.Error("a reason cannot be noted", "withdrawal", at.Text(id.Withdrawal), "error", err)
	}
}
