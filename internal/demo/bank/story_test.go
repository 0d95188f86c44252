package bank_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/bank/sepa"
	"sluice/internal/bank/sepa/channel"
	"sluice/internal/demo/bank"
	"sluice/internal/money"
)

// minor is an amount as a number, for sums with signs.
func minor(a money.Amount) int64 {
	var v int64
	if _, err := fmt.Sscan(a.Minor(), &v); err != nil {
		panic(err)
	}
	return v
}

// company is the other side: the rail's parts, put together as dispatch will, with a
// ledger of three totals.
type company struct {
	bank     sepa.Bank
	channel  sepa.Channel
	book     *match.Book
	applied  map[string]bool
	account  int64 // what left and entered the bank account, by the ledger
	released int64 // given back to users
	suspense int64
}

func (c *company) take(f *message.File) {
	for _, e := range c.book.Take(f) {
		if e.Key == "" || c.applied[e.Key] {
			continue
		}
		c.applied[e.Key] = true
		switch v := minor(e.Amount); e.Kind {
		case match.Confirm:
			c.account -= v
		case match.Fail:
			c.released += v
		case match.Return:
			c.account += v
			c.released += v
		case match.Suspend:
			if e.Booking.Side == message.Debit {
				v = -v
			}
			c.account += v
			c.suspense += v
		case match.Charge, match.Alert, match.Note:
		}
	}
}

// TestTheWholeWay: orders leave through a folder, a bank that nobody here wrote the rules
// for decides about them, and what comes back makes the ledger agree with the bank to
// the cent, whatever the fates, in whatever order the files arrive.
func TestTheWholeWay(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) { wholeWay(t, r) })
}

func wholeWay(t *testing.T, r *rapid.T) {
	dir, err := os.MkdirTemp("", "bank")
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ch, err := channel.OpenFolder(dir, channel.FolderOptions{})
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = ch.Close() }()
	flag := func(name string) bool { return rapid.Bool().Draw(r, name) }
	cfg := bank.Config{
		Dir: dir, Account: ours, Owner: "Example GmbH", BIC: "BELADEBE", Opening: 1000_00, Start: monday.Add(-time.Hour), Zone: berlin, StatementAt: 20 * time.Hour,
		Seed: rapid.Uint64().Draw(r, "seed"), RejectPercent: rapid.SampledFrom([]int{0, 30}).Draw(r, "reject"), ReturnPercent: rapid.SampledFrom([]int{0, 30}).Draw(r, "return"),
		Positive: flag("positive"), Notify: flag("notify"), Twice: flag("twice"), Details: flag("details"), PageSize: rapid.IntRange(0, 2).Draw(r, "page"),
	}
	single := !flag("one booking")
	if single {
		cfg.Rules = []bank.Rule{{Cents: 3_00, Fate: bank.Fate{Reverse: "MS03"}}}
	}
	cfg.Rules = append(cfg.Rules, bank.Rule{Cents: 4_00, Fate: bank.Fate{Return: "AC04", ReturnDays: 1, Kept: 50}}, bank.Rule{Cents: 5_00, Fate: bank.Fate{Return: "MD07", ReturnTwice: true}})
	theBank, err := bank.Open(cfg)
	if err != nil {
		r.Fatal(err)
	}
	c := &company{bank: ourBank(), channel: ch, book: match.NewBook(match.Policy{ConfirmOnSettled: flag("confirm on settled")}), applied: map[string]bool{}}
	c.bank.OneBooking = !single

	sent, payments := int64(0), 0
	for day := range rapid.IntRange(1, 3).Draw(r, "days") {
		at := monday.AddDate(0, 0, day)
		var list []sepa.Instruction
		for range rapid.IntRange(1, 4).Draw(r, "payments") {
			payments++
			p := payout(fmt.Sprintf("P%d", payments), uint64(rapid.IntRange(1, 6).Draw(r, "euro"))*100)
			sent += minor(p.Amount)
			list = append(list, p)
		}
		id := fmt.Sprintf("M%d", day)
		file := order(t, c.bank, id, at, list...)
		o, err := message.ReadOrder(file)
		if err != nil {
			r.Fatal(err)
		}
		c.book.Sent(match.NewOrder(o))
		for range rapid.IntRange(1, 2).Draw(r, "handed over") { // a crash repeats it
			if err := ch.Send(t.Context(), sepa.FileName(id), file); err != nil {
				r.Fatal(err)
			}
		}
		if _, err := theBank.Tick(at.Add(time.Minute)); err != nil {
			r.Fatal(err)
		}
	}
	if flag("top-up") {
		if err := theBank.Pay(monday.AddDate(0, 0, 3), 777, true, "top-up"); err != nil {
			r.Fatal(err)
		}
	}
	if _, err := theBank.Tick(monday.AddDate(0, 0, 14)); err != nil {
		r.Fatal(err)
	}
	c.receive(t, r)
	c.compare(r, theBank, sent)
}

// receive takes in everything, in any order, some of it twice.
func (c *company) receive(t *testing.T, r *rapid.T) {
	var files []*message.File
	in := sepa.Intake{Channel: c.channel, Own: func(n string) bool { return n == ours }, Limits: message.DefaultLimits, Take: func(_ context.Context, d sepa.Delivery) error {
		whole, err := d.Content.Open()
		if err != nil {
			return err
		}
		f, err := message.Read(whole, message.DefaultLimits)
		files = append(files, f)
		return err
	}}
	if refused, err := in.Run(t.Context()); err != nil || len(refused) > 0 {
		r.Fatalf("%v, %v", refused, err)
	}
	again := len(files)
	for range rapid.IntRange(0, 3).Draw(r, "again") {
		files = append(files, files[rapid.IntRange(0, again-1).Draw(r, "which")])
	}
	for _, f := range rapid.Permutation(files).Draw(r, "order") {
		c.take(f)
	}
}

func (c *company) compare(r *rapid.T, b *bank.Bank, sent int64) {
	if got, want := c.account, b.Balance()-1000_00; got != want {
		r.Fatalf("the ledger's account moved by %d, the bank's by %d", got, want)
	}
	confirmed := int64(0)
	for _, o := range c.book.Orders() {
		if o.Open() > 0 || len(o.Waiting) > 0 {
			r.Fatalf("order %s has %d open payments and %d waiting bookings", o.ID, o.Open(), len(o.Waiting))
		}
		for _, p := range o.Payments {
			if p.State == match.Confirmed {
				confirmed += minor(p.Amount)
			}
		}
	}
	// Every cent that was sent is out, back with its user, or kept by the bank.
	if kept := sent - confirmed - c.released; kept < 0 || kept%50 != 0 {
		r.Fatalf("sent %d, confirmed %d, released %d", sent, confirmed, c.released)
	}
}

// TestSilence: a bank that never reports and never books. Nothing is concluded.
func TestSilence(t *testing.T) {
	dir := t.TempDir()
	theBank, err := bank.Open(bank.Config{
		Dir: dir, Account: ours, Owner: "x", BIC: "BELADEBE", Opening: 1000_00, Start: monday.Add(-time.Hour), Zone: berlin, StatementAt: 20 * time.Hour, Silent: true,
		Rules: []bank.Rule{{Fate: bank.Fate{Lost: true}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ch, err := channel.OpenFolder(dir, channel.FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ch.Close() }()
	file := order(t, ourBank(), "M1", monday, payout("P1", 200_00))
	o, err := message.ReadOrder(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &company{bank: ourBank(), channel: ch, book: match.NewBook(match.Policy{}), applied: map[string]bool{}}
	c.book.Sent(match.NewOrder(o))
	if err := ch.Send(t.Context(), "a.xml", file); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "outbox", "a.xml")); errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if _, err := theBank.Tick(monday.AddDate(0, 1, 0)); err != nil {
		t.Fatal(err)
	}
	for name, f := range answers(t, dir) {
		if !strings.Contains(name, "camt.053") {
			t.Errorf("the silent bank says %s", name)
		}
		c.take(f)
	}
	left, _ := c.book.Order("M1")
	if left.Open() != 1 || len(c.applied) > 0 {
		t.Errorf("%d open, %v", left.Open(), c.applied)
	}
}
