// Package bank is a bank to try payments with: it takes payment orders from a folder,
// checks them as a bank would, books them on an account that it keeps, and answers with
// status reports, notifications and statements.
//
// It shares no code with the rest of the program, not even the check of an IBAN: whoever
// misreads a rule in one place must not find the same misreading confirmed here. What it
// does depends on its configuration, its seed, the files it gets and the times it is
// told, and on nothing else. It keeps everything in memory.
package bank

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"
)

// Config of a bank with one customer.
type Config struct {
	// Dir has the folders outbox, from which orders are taken, and inbox, into which
	// answers are put. What was taken goes to taken.
	Dir     string
	Account string // the customer's IBAN
	Owner   string
	BIC     string // the bank's own
	Opening int64  // what the account holds at the start, in cents
	Start   time.Time
	Zone    *time.Location
	// StatementAt is when the day ends and the statement is made, since midnight.
	StatementAt time.Duration
	Seed        uint64

	Rules []Rule // the first that fits decides
	// RejectPercent and ReturnPercent of the payments without a rule fail so; the seed
	// and the payment's own id decide which.
	RejectPercent, ReturnPercent int

	Positive bool // report also what is accepted and what was executed
	Silent   bool // report nothing at all, not even rejects
	Notify   bool // send a notification for each booking
	Twice    bool // leave every file twice
	Details  bool // list the payments of a batch that is booked at once
	PageSize int  // entries on a page of a statement; 0: all
	// Ahead: the bank's clock runs faster than its customer's. A day of execution that has
	// passed here is today, where a bank with the customer's time would refuse it.
	Ahead bool
}

// Rule gives payments a fate. Empty fields fit every payment.
type Rule struct {
	EndToEndID string
	Creditor   string // IBAN
	Cents      int64  // the amount
	Fate       Fate
}

// Fate is what becomes of a payment.
type Fate struct {
	Reject string // reason code: refused at once
	Lost   bool   // accepted, and never heard of again
	// Reverse is a reason code: booked, then rejected and given back on the same day.
	Reverse string
	// Return is a reason code: booked, and back after ReturnDays business days, less
	// what Kept says, once more if ReturnTwice.
	Return      string
	ReturnDays  int
	Kept        int64
	ReturnTwice bool
}

// Bank is a running bank. It is not safe for concurrent use.
type Bank struct {
	cfg     Config
	orders  map[string]bool // message ids seen
	waiting []*payment      // accepted, not booked
	due     []comeback
	today   []entry // booked since the last statement
	balance int64
	opening int64 // at the last statement
	closed  time.Time
	refs    int // references given out
	files   int // files written
	seq     int // statements made
	log     []Event
}

// Event is something that happened in the bank, for whoever watches.
type Event struct {
	At   time.Time
	Kind string // taken, refused, rejected, booked, lost, returned, reversed, statement
	ID   string // of the order or the payment
	Text string
}

// payment is one payment of an accepted order.
type payment struct {
	order, batch, instruction, endToEnd string
	creditor, name, purpose, text       string
	cents                               int64
	day                                 string
	instant, atOnce                     bool
	fate                                Fate
}

// comeback is money that will return.
type comeback struct {
	day    string
	pay    *payment
	reason string
	cents  int64
}

// entry is a booking on the account.
type entry struct {
	ref      string
	cents    int64
	credit   bool
	reversal bool
	day      string
	pays     []*payment // one, or those of a batch
	batch    bool
	reason   string // of a return
}

// Open starts a bank.
func Open(cfg Config) (*Bank, error) {
	if !validIBAN(cfg.Account) {
		return nil, fmt.Errorf("account %q is no IBAN", cfg.Account)
	}
	if cfg.Zone == nil || cfg.Start.IsZero() {
		return nil, errors.New("a bank needs a zone and a time to start at")
	}
	for _, f := range []string{outbox, inbox, taken} {
		if err := folder(cfg.Dir, f); err != nil {
			return nil, err
		}
	}
	return &Bank{cfg: cfg, orders: map[string]bool{}, balance: cfg.Opening, opening: cfg.Opening, closed: cfg.Start}, nil
}

// Balance is what the account holds, in cents.
func (b *Bank) Balance() int64 { return b.balance }

// Waiting is how many accepted payments are not booked.
func (b *Bank) Waiting() int { return len(b.waiting) }

// Tick lets the bank work until now: it ends the days that have ended, takes what lies
// in the outbox, and books what is due. Times only go forward. The answer is what
// happened.
func (b *Bank) Tick(now time.Time) ([]Event, error) {
	b.log = nil
	for end := b.dayEnd(b.closed); !end.After(now); end = b.dayEnd(b.closed) {
		if err := b.work(end); err != nil {
			return b.log, err
		}
		if err := b.statement(end); err != nil {
			return b.log, err
		}
		b.closed = end
	}
	if err := b.collect(now); err != nil {
		return b.log, err
	}
	return b.log, b.work(now)
}

// dayEnd is the first end of a day after t.
func (b *Bank) dayEnd(t time.Time) time.Time {
	for d := 0; ; d++ {
		y, m, day := t.In(b.cfg.Zone).Date()
		end := time.Date(y, m, day+d, 0, 0, 0, 0, b.cfg.Zone).Add(b.cfg.StatementAt)
		if end.After(t) {
			return end
		}
	}
}

func (b *Bank) note(at time.Time, kind, id, format string, args ...any) {
	b.log = append(b.log, Event{at, kind, id, fmt.Sprintf(format, args...)})
}

// date is the bank's day.
func (b *Bank) date(t time.Time) string { return t.In(b.cfg.Zone).Format(time.DateOnly) }

// fate decides what becomes of a payment.
func (b *Bank) fate(p *payment) Fate {
	for _, r := range b.cfg.Rules {
		if (r.EndToEndID == "" || r.EndToEndID == p.endToEnd) && (r.Creditor == "" || r.Creditor == p.creditor) && (r.Cents == 0 || r.Cents == p.cents) {
			return r.Fate
		}
	}
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d %s", b.cfg.Seed, p.endToEnd)
	switch dice := int(h.Sum64() % 100); {
	case dice < b.cfg.RejectPercent:
		return Fate{Reject: "AC01"}
	case dice < b.cfg.RejectPercent+b.cfg.ReturnPercent:
		return Fate{Return: "AC04", ReturnDays: 1 + dice%3}
	}
	return Fate{}
}

// work books what is due at a moment, and lets come back what comes back.
func (b *Bank) work(now time.Time) error {
	day := b.date(now)
	var still []*payment
	var batches [][]*payment
	for _, p := range b.waiting {
		switch {
		case p.day > day || !p.instant && !openDay(day):
			still = append(still, p)
		case p.fate.Lost:
			b.note(now, "lost", p.endToEnd, "nobody will hear of it again")
		case p.atOnce && len(batches) > 0 && batches[len(batches)-1][0].batch == p.batch:
			batches[len(batches)-1] = append(batches[len(batches)-1], p)
		default:
			batches = append(batches, []*payment{p})
		}
	}
	b.waiting = still
	var reports []report
	for _, pays := range batches {
		r, err := b.execute(now, pays)
		if err != nil {
			return err
		}
		reports = append(reports, r...)
	}
	if err := b.report(now, reports); err != nil {
		return err
	}
	return b.giveBack(now, day)
}

// execute books a payment, or a batch at once, if the account has the money.
func (b *Bank) execute(now time.Time, pays []*payment) ([]report, error) {
	var total int64
	for _, p := range pays {
		total += p.cents
	}
	var out []report
	if total > b.balance {
		for _, p := range pays {
			b.note(now, "rejected", p.endToEnd, "AM04: the account does not have %s EUR", euro(total))
			out = append(out, report{p, "RJCT", "AM04"})
		}
		return out, nil
	}
	if err := b.book(now, entry{cents: total, pays: pays, batch: pays[0].atOnce}); err != nil {
		return nil, err
	}
	for _, p := range pays {
		b.note(now, "booked", p.endToEnd, "%s EUR to %s", euro(p.cents), p.creditor)
		switch f := p.fate; {
		case f.Reverse != "":
			if err := b.book(now, entry{cents: p.cents, credit: true, reversal: true, pays: []*payment{p}}); err != nil {
				return nil, err
			}
			b.note(now, "reversed", p.endToEnd, "%s", f.Reverse)
			out = append(out, report{p, "RJCT", f.Reverse})
			continue
		case f.Return != "":
			back := comeback{addOpenDays(b.date(now), f.ReturnDays), p, f.Return, p.cents - f.Kept}
			b.due = append(b.due, back)
			if f.ReturnTwice {
				b.due = append(b.due, back)
			}
		}
		if b.cfg.Positive {
			out = append(out, report{p, "ACSC", ""})
		}
	}
	return out, nil
}

func (b *Bank) giveBack(now time.Time, day string) error {
	var still []comeback
	for _, c := range b.due {
		if c.day > day {
			still = append(still, c)
			continue
		}
		if err := b.book(now, entry{cents: c.cents, credit: true, pays: []*payment{c.pay}, reason: c.reason}); err != nil {
			return err
		}
		b.note(now, "returned", c.pay.endToEnd, "%s: %s EUR", c.reason, euro(c.cents))
	}
	b.due = still
	return nil
}

// Pay books something that is no answer to an order: a top-up, a fee. credit is into
// the account.
func (b *Bank) Pay(now time.Time, cents int64, credit bool, text string) error {
	return b.book(now, entry{cents: cents, credit: credit, pays: []*payment{{text: text, cents: cents}}})
}

func (b *Bank) book(now time.Time, e entry) error {
	b.refs++
	e.ref, e.day = fmt.Sprintf("B%06d", b.refs), b.date(now)
	if e.credit {
		b.balance += e.cents
	} else {
		b.balance -= e.cents
	}
	b.today = append(b.today, e)
	if !b.cfg.Notify {
		return nil
	}
	return b.put("camt.054", b.notification(now, e))
}

// statement ends a day. Days on which T2 is closed have none; what was booked on them is
// on the next one.
func (b *Bank) statement(end time.Time) error {
	if !openDay(b.date(end)) {
		return nil
	}
	b.seq++
	slices.SortStableFunc(b.today, func(x, y entry) int { return cmp.Compare(x.day, y.day) })
	for _, page := range b.pages(end) {
		if err := b.put("camt.053", page); err != nil {
			return err
		}
	}
	b.note(end, "statement", fmt.Sprint(b.seq), "%d entries, %s EUR", len(b.today), euro(b.balance))
	b.today, b.opening = nil, b.balance
	return nil
}
