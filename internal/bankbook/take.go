package bankbook

import (
	"slices"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/rail/sepa/match"
	"sluice/internal/rail/sepa/message"
)

// Taken is what came of a part of a file.
type Taken struct {
	Effects []match.Effect // what is new
}

// TakeBookings takes in bookings of one file: all of those that name one order, or
// some that name none. A booking that is known changes nothing. Result: Taken.
type TakeBookings struct {
	whole           // Order is "" for bookings that name none of ours
	Wallet   string // public id
	File     string // hash
	Bookings []message.Booking
	// Marks gives for each recipient's account in the bookings what it may be kept as.
	Marks map[string][]string
	// Said is what bookings say of the other side, as it is kept; see Book.said.
	Said   map[string]string
	Policy match.Policy
}

// Reads implements commit.Command.
func (c TakeBookings) Reads(w *commit.Wants) {
	c.whole.Reads(w)
	wantTreasury(w, c.Wallet)
	for _, b := range c.Bookings {
		Entries.Want(w, entryKey(b))
		if c.Order == "" {
			for _, n := range match.Wanted(b) {
				Names.Want(w, n)
			}
		}
	}
}

// Follow implements commit.Follower: what was taken in before may turn out to be
// nobody's.
func (c TakeBookings) Follow(v *commit.View, w *commit.Wants) { c.follow(v, w, c.Bookings) }

func (c whole) follow(v *commit.View, w *commit.Wants, news []message.Booking) {
	if c.Order == "" {
		return
	}
	o, m, err := c.load(v)
	if err != nil {
		return // Apply says so
	}
	wantTreasury(w, o.Wallet)
	for _, b := range append(slices.Clone(m.Waiting), news...) {
		Entries.Want(w, entryKey(b))
		if b.Detail.EndToEndID != "" || b.Detail.InstructionID != "" {
			continue // of one payment: there are no parts
		}
		for _, p := range m.Payments {
			Entries.Want(w, entryKey(b)+"/"+p.EndToEndID)
		}
	}
	for _, p := range m.Payments {
		for _, e := range []match.Evidence{p.Debit, p.Credit} {
			if e.StatementPresent {
				Entries.Want(w, string(message.Statement)+"|"+e.Statement)
			}
		}
	}
}

// Apply implements commit.Command.
func (c TakeBookings) Apply(v *commit.View) (any, error) {
	if c.Order == "" {
		return c.strays(v)
	}
	o, m, err := c.load(v)
	if err != nil {
		return nil, err
	}
	var t Taken
	for _, b := range c.Bookings {
		if _, known := Entries.Get(v, entryKey(b)); known {
			continue
		}
		b = c.marked(m, b)
		effects := m.Booking(b, c.Policy)
		state := EntryMatched
		if !b.Booked || b.Kind != message.Statement && b.Kind != message.Notification {
			state = EntryNote
		}
		c.entry(v, b, o.ID, state)
		if err := c.carry(v, effects, c.Wallet, c.Said); err != nil {
			return nil, err
		}
		t.Effects = append(t.Effects, effects...)
	}
	c.save(v, o, m)
	return t, nil
}

// marked gives the booking with its recipient as the order keeps it.
func (c TakeBookings) marked(m match.Order, b message.Booking) message.Booking {
	marks := c.Marks[b.Detail.Creditor.Account]
	if len(marks) == 0 {
		return b
	}
	b.Detail.Creditor.Account = marks[0]
	for _, p := range m.Payments {
		if slices.Contains(marks, p.Creditor) {
			b.Detail.Creditor.Account = p.Creditor
			return b
		}
	}
	return b
}

// strays takes in bookings that name no order of ours.
func (c TakeBookings) strays(v *commit.View) (any, error) {
	var t Taken
	for _, b := range c.Bookings {
		if _, known := Entries.Get(v, entryKey(b)); known {
			continue
		}
		for _, n := range match.Wanted(b) {
			if _, ours := Names.Get(v, n); ours {
				return nil, fault.New(fault.Conflict, "order_known", "a booking names an order of ours: look again")
			}
		}
		c.entry(v, b, "", EntryNote)
		if !b.Booked || b.Kind == message.Intraday {
			continue
		}
		effects := match.Stray(b)
		if err := c.carry(v, effects, c.Wallet, c.Said); err != nil {
			return nil, err
		}
		t.Effects = append(t.Effects, effects...)
	}
	return t, nil
}

// entry keeps a booking.
func (c TakeBookings) entry(v *commit.View, b message.Booking, order string, state EntryState) {
	Entries.Put(v, Entry{
		Key: entryKey(b), Seq: v.NewID(), Wallet: c.Wallet, Kind: string(b.Kind), File: c.File, Order: order, EndToEnd: b.Detail.EndToEndID, Amount: b.Amount,
		Currency: b.Currency, Side: string(b.Side), Booked: b.Booked, Day: string(b.Day), State: state, CreatedAt: v.Now(), Version: 1,
	})
}

// carry does what effects ask for in the operator's shard: what is suspended is booked
// between the bank account and suspense, and what needs a person becomes an event. What
// becomes of withdrawals follows from the payments' states.
func (c whole) carry(v *commit.View, effects []match.Effect, wallet string, said map[string]string) error {
	for _, e := range effects {
		switch e.Kind {
		case match.Suspend:
			if err := c.suspend(v, e, wallet, said); err != nil {
				return err
			}
		case match.Alert:
			alert(v, string(e.Cause), e.Payment, e.Text)
		case match.Confirm, match.Fail, match.Return, match.Note:
		}
	}
	return nil
}

// suspend puts a booking, or its part of one payment, on the list for a person.
func (c whole) suspend(v *commit.View, e match.Effect, wallet string, said map[string]string) error {
	key := string(message.Statement) + "|" + e.Key[len("suspend:"):]
	entry, ok := Entries.Get(v, key)
	if !ok { // a part of a booking
		b := e.Booking
		entry = Entry{
			Key: key, Seq: v.NewID(), Wallet: wallet, Kind: string(b.Kind), Order: c.Order, EndToEnd: e.Payment, Amount: e.Amount, Currency: b.Currency,
			Side: string(b.Side), Booked: true, Part: true, Day: string(b.Day), CreatedAt: v.Now(),
		}
		if all, ok := Entries.Get(v, entryKey(b)); ok {
			entry.File = all.File
		}
	}
	if entry.State == EntrySuspense || entry.State == EntryResolved {
		return nil
	}
	entry.State, entry.Cause, entry.Text, entry.Version = EntrySuspense, string(e.Cause), e.Text, entry.Version+1
	entry.Counterparty = said[entryKey(e.Booking)]
	Entries.Put(v, entry)
	t := ledger.Transfer{Kind: ledger.KindSuspense, Currency: entry.Currency, Amount: entry.Amount, Cause: entry.Seq}
	t.Debit, t.Credit = ledger.AtHouse(ledger.Suspense), treasury(wallet)
	if entry.Side == string(message.Credit) {
		t.Debit, t.Credit = t.Credit, t.Debit
	}
	if entry.Currency == Currency.Code && !entry.Amount.IsZero() {
		if _, err := ledger.Post(v, t); err != nil {
			return err
		}
	}
	alertAbout(v, entry.Seq, entry.Cause, e.Payment, "in suspense: "+entry.Text)
	return nil
}

// alert writes what a person should know into the log of events.
func alert(v *commit.View, cause, payment, text string) {
	alertAbout(v, 0, cause, payment, text)
}

// alertAbout is alert about an entry.
func alertAbout(v *commit.View, entry id.Seq, cause, payment, text string) {
	if at, err := withdrawalOf(payment); err == nil {
		text += " (" + at.Text(id.Withdrawal) + ")"
	}
	event.Append(v, event.Event{Type: event.BankAlert, Subject: entry, Version: 1, State: cause, Actor: Actor, Reason: text})
}

// TakeStatus takes in a status report about an order of ours. Result: Taken.
type TakeStatus struct {
	whole
	Wallet string
	Status message.Status
	Policy match.Policy
}

// Reads implements commit.Command.
func (c TakeStatus) Reads(w *commit.Wants) {
	c.whole.Reads(w)
	wantTreasury(w, c.Wallet)
	for _, b := range c.Status.Batches {
		for _, p := range b.Payouts {
			if p.ServicerRef != "" {
				Names.Want(w, "bank:"+p.ServicerRef)
			}
		}
	}
}

// Follow implements commit.Follower.
func (c TakeStatus) Follow(v *commit.View, w *commit.Wants) { c.follow(v, w, nil) }

// Apply implements commit.Command.
func (c TakeStatus) Apply(v *commit.View) (any, error) {
	o, m, err := c.load(v)
	if err != nil {
		return nil, err
	}
	effects := m.Status(c.Status, c.Policy)
	if err := c.carry(v, effects, o.Wallet, nil); err != nil {
		return nil, err
	}
	for _, p := range m.Payments {
		name := "bank:" + p.ServicerRef
		if p.ServicerRef == "" || !c.tells(p.ServicerRef) {
			continue
		}
		if _, known := Names.Get(v, name); !known {
			Names.Put(v, Name{name, o.ID})
		}
	}
	c.save(v, o, m)
	return Taken{effects}, nil
}

func (c TakeStatus) tells(ref string) bool {
	for _, b := range c.Status.Batches {
		for _, p := range b.Payouts {
			if p.ServicerRef == ref {
				return true
			}
		}
	}
	return false
}
