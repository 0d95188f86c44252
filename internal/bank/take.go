package bank

import (
	"fmt"

	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
)

// Taken is what came of a part of a file.
type Taken struct {
	Effects []match.Effect // what is new
	Known   int            // bookings that were taken in before
}

// Movement is a share of an entry to be taken in.
type Movement struct {
	match.Share
	// Alt is the key of the booking by its place, for one whose reference is that of another.
	Alt string
	// Said is what the booking says of the other side, as it is kept; see Book.said.
	Said string
	// Creditors are what the recipient's account in the booking is compared with, for each
	// of Payments; see Book.creditor.
	Creditors []string
	Count     int64  // of the order's payments, as Order.Count; with Order only
	Lump      string // see lumpName; "" for what cannot be one
	Tells     *told  // set if it only tells what Lump is made of
}

func (i Movement) keys() []PaymentKey {
	out := make([]PaymentKey, len(i.Payments))
	for n, p := range i.Payments {
		out[n] = PaymentKey{p.Order, int64(p.Place)}
	}
	return out
}

// TakeBookings takes in bookings of one part of a file: some that name payments of ours or
// nothing, or one of a whole batch. A booking that is known changes nothing.
type TakeBookings struct {
	Wallet string // public id
	File   string // hash
	Part   Part
	Items  []Movement
	Policy match.Policy
}

// Reads implements commit.Command.
func (c TakeBookings) Reads(w *commit.Wants) {
	wantTreasury(w, c.Wallet)
	for _, i := range c.Items {
		if i.Lump != "" {
			Lumps.Want(w, i.Lump)
		}
		for _, k := range i.keys() {
			Orders.Want(w, k.Order)
			Payments.Want(w, k)
		}
		if i.Tells != nil {
			continue
		}
		for _, key := range []string{i.Booking.Key, i.Alt} {
			wantEntry(w, entryKey(i.Booking.Kind, key))
		}
		switch {
		case i.Order != "":
			onOrder{i.Order, i.Count}.Reads(w)
		case len(i.Payments) == 0:
			for _, n := range i.Names() {
				Names.Want(w, n)
			}
		}
	}
}

// wantEntry declares a booking, and its charge.
func wantEntry(w *commit.Wants, key string) {
	Entries.Want(w, key)
	Entries.Want(w, key+chargePart)
}

// chargePart is what the key of the charge in a booking ends with.
const chargePart = "/charge"

// Follow implements commit.Follower: what is known under the same reference stands in a
// statement; what was taken in before may turn out to be of no payment; and a whole is told
// of in parts.
func (c TakeBookings) Follow(v *commit.View, w *commit.Wants) {
	for _, i := range c.Items {
		if i.Lump != "" {
			followLump(v, w, i)
		}
		if i.Tells != nil {
			continue
		}
		if known, ok := Entries.Get(v, entryKey(i.Booking.Kind, i.Booking.Key)); ok && known.Statement != "" {
			Statements.Want(w, known.Statement)
		}
		for _, k := range i.keys() {
			if p, ok := Payments.Get(v, k); ok {
				wantEvidence(w, p)
				for _, key := range []string{i.Booking.Key, i.Alt} {
					Entries.Want(w, entryKey(i.Booking.Kind, key)+"/"+p.EndToEnd)
				}
			}
		}
		if i.Order != "" {
			onOrder{i.Order, i.Count}.follow(v, w, i.Booking.Key, i.Alt)
		}
	}
}

// wantEvidence declares the bookings of statements that a payment has as evidence.
func wantEvidence(w *commit.Wants, p Payment) {
	debit, credit, err := decodeEvidence(p.Evidence)
	if err != nil {
		return // Apply says so
	}
	for _, e := range []match.Evidence{debit, credit} {
		if e.StatementPresent {
			Entries.Want(w, entryKey(message.Statement, e.Statement))
			Entries.Want(w, entryKey(message.Statement, e.Statement)+"/"+p.EndToEnd)
		}
	}
}

func (c onOrder) follow(v *commit.View, w *commit.Wants, news ...string) {
	o, m, err := c.load(v)
	if err != nil {
		return // Apply says so
	}
	wantTreasury(w, o.Wallet)
	keys := news
	for _, b := range m.Waiting {
		keys = append(keys, b.Key)
	}
	for n, p := range m.Payments {
		row, _ := Payments.Get(v, PaymentKey{o.ID, int64(n)})
		wantEvidence(w, row)
		for _, k := range keys {
			Entries.Want(w, entryKey(message.Statement, k)+"/"+p.EndToEndID)
		}
	}
	for _, k := range keys {
		wantEntry(w, entryKey(message.Statement, k))
	}
}

// Apply implements commit.Command.
func (c TakeBookings) Apply(v *commit.View) (Taken, error) {
	var t Taken
	for _, i := range c.Items {
		effects, known, err := c.item(v, i)
		if err != nil {
			return Taken{}, err
		}
		if known {
			t.Known++
		}
		if err := carry(v, effects, c.Wallet, i.Order, i.Said); err != nil {
			return Taken{}, err
		}
		t.Effects = append(t.Effects, effects...)
	}
	return t, nil
}

// item takes in one share. known tells that it was taken in before, from another place.
func (c TakeBookings) item(v *commit.View, i Movement) (effects []match.Effect, known bool, err error) {
	if i.Tells != nil {
		effects, err = c.tell(v, i)
		return effects, false, err
	}
	b := i.Booking
	if e, ok := Entries.Get(v, entryKey(b.Kind, b.Key)); ok {
		if !c.another(v, e) {
			return nil, e.Statement != c.Part.Statement || e.Place != b.Place, nil
		}
		b.Key = i.Alt
		if _, ok := Entries.Get(v, entryKey(b.Kind, b.Key)); ok {
			return nil, false, nil
		}
	}
	switch {
	case i.Order != "":
		effects, err = c.batch(v, i, b)
	case len(i.Payments) > 0:
		effects, err = c.payments(v, i, b)
	default:
		effects, err = c.stray(v, i, b)
	}
	return effects, false, err
}

// payments takes in a booking of payments that it names.
func (c TakeBookings) payments(v *commit.View, i Movement, b message.Booking) ([]match.Effect, error) {
	first := i.Payments[0]
	for _, k := range i.keys() {
		if o, ok := Orders.Get(v, k.Order); !ok || o.Wallet != c.Wallet {
			c.entry(v, b, "", EntryNote)
			return match.Elsewhere(b), nil
		}
	}
	set, save, err := load(v, i.keys(), i.Creditors)
	if err != nil {
		return nil, err
	}
	c.entry(v, b, first.Order, EntryMatched)
	effects := match.Take(b, set, i.Fee, c.Policy)
	save()
	return effects, nil
}

// load gives payments as match knows them. creditors may be shorter: the rest is not compared.
func load(v *commit.View, keys []PaymentKey, creditors []string) (set []*match.Payment, save func(), err error) {
	for n, k := range keys {
		row, ok := Payments.Get(v, k)
		if !ok {
			return nil, nil, fmt.Errorf("%w: order %s has no payment %d", commit.ErrInvariant, k.Order, k.Place)
		}
		p, err := row.facts()
		if err != nil {
			return nil, nil, err
		}
		if n < len(creditors) {
			p.Creditor = creditors[n]
		}
		set = append(set, &p)
	}
	return set, func() {
		for n, k := range keys {
			savePayment(v, k, *set[n])
		}
	}, nil
}

// batch takes in a booking of a whole batch.
func (c TakeBookings) batch(v *commit.View, i Movement, b message.Booking) ([]match.Effect, error) {
	at := onOrder{i.Order, i.Count}
	o, m, err := at.load(v)
	if err != nil {
		return nil, err
	}
	if o.Wallet != c.Wallet {
		c.entry(v, b, "", EntryNote)
		return match.Elsewhere(b), nil
	}
	c.entry(v, b, o.ID, EntryMatched)
	effects := append(m.Batch(b, c.Policy), m.Retry(c.Policy)...)
	at.save(v, o, m)
	return effects, nil
}

// stray takes in a booking that names nothing of ours.
func (c TakeBookings) stray(v *commit.View, i Movement, b message.Booking) ([]match.Effect, error) {
	for _, n := range i.Names() {
		if _, ours := Names.Get(v, n); ours && !i.Short {
			return nil, fault.New(fault.Conflict, "order_known", "a booking names an order of ours: look again")
		}
	}
	if !match.Moves(b) {
		c.entry(v, b, "", EntryNote)
		return nil, nil
	}
	if effects, ok, err := c.lump(v, i, b); ok || err != nil {
		return effects, err
	}
	c.entry(v, b, "", EntryNote)
	if i.Short {
		return match.Short(b), nil
	}
	return match.Stray(b), nil
}

// entry keeps a booking.
func (c TakeBookings) entry(v *commit.View, b message.Booking, order string, state EntryState) {
	if !match.Moves(b) || b.Amount.IsZero() {
		state = EntryNote
	}
	Entries.Put(v, Entry{
		Key: entryKey(b.Kind, b.Key), Statement: c.Part.Statement, Place: b.Place, Seq: v.NewID(), Wallet: c.Wallet, Kind: string(b.Kind), File: c.File, Order: order,
		EndToEnd: b.Detail.EndToEndID, Amount: b.Amount, Currency: b.Currency, Side: string(b.Side), Booked: b.Booked, Day: string(b.Day), State: state, Reason: b.Reason(),
		CreatedAt: v.Now(), Version: 1,
	})
}

// carry does what effects ask for in the operator's shard: what is suspended is booked
// between the bank account and suspense, a charge between it and the fees, and what needs a
// person becomes an event. What becomes of withdrawals follows from the payments' states.
func carry(v *commit.View, effects []match.Effect, wallet, order, said string) error {
	for _, e := range effects {
		var err error
		switch e.Kind {
		case match.Suspend:
			err = suspend(v, e, wallet, order, said)
		case match.Charge:
			err = charge(v, e, wallet, order)
		case match.Alert:
			alert(v, string(e.Cause), e.Payment, e.Text)
		case match.Confirm, match.Fail, match.Return, match.Note:
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// part is an entry for a part of a booking.
func part(v *commit.View, key string, e match.Effect, wallet, order string) Entry {
	b := e.Booking
	out := Entry{
		Key: key, Seq: v.NewID(), Wallet: wallet, Kind: string(b.Kind), Order: order, EndToEnd: e.Payment, Amount: e.Amount, Currency: b.Currency,
		Side: string(b.Side), Booked: true, Part: true, Day: string(b.Day), Reason: b.Reason(), CreatedAt: v.Now(),
	}
	if all, ok := Entries.Get(v, entryKey(b.Kind, b.Key)); ok {
		out.File, out.Statement, out.Place = all.File, all.Statement, all.Place
	}
	return out
}

// suspend puts a booking, or its part of one payment, on the list for a person.
func suspend(v *commit.View, e match.Effect, wallet, order, said string) error {
	key := entryKey(message.Statement, e.Key[len("suspend:"):])
	entry, ok := Entries.Get(v, key)
	if ok && entry.Amount != e.Amount && e.Payment != "" {
		// Of a booking of several payments, this is about one.
		key += "/" + e.Payment
		entry, ok = Entries.Get(v, key)
	}
	if !ok {
		entry = part(v, key, e, wallet, order)
	}
	if entry.State == EntrySuspense || entry.State == EntryResolved {
		return nil
	}
	entry.State, entry.Cause, entry.Text, entry.Version = EntrySuspense, string(e.Cause), e.Text, entry.Version+1
	entry.Counterparty = said
	Entries.Put(v, entry)
	if err := move(v, entry, false); err != nil {
		return err
	}
	alertAbout(v, entry.Seq, entry.Cause, e.Payment, "in suspense: "+entry.Text)
	return nil
}

// move books what an entry in suspense moved between the bank account and suspense; back
// takes that back.
func move(v *commit.View, e Entry, back bool) error {
	if e.Currency != Currency.Code || e.Amount.IsZero() {
		return nil // not in the ledger
	}
	t := ledger.Transfer{Kind: ledger.KindSuspense, Currency: e.Currency, Amount: e.Amount, Cause: e.Seq, Debit: ledger.AtHouse(ledger.Suspense), Credit: treasury(e.Wallet)}
	if (e.Side == string(message.Credit)) != back {
		t.Debit, t.Credit = t.Credit, t.Debit
	}
	_, err := ledger.Post(v, t)
	return err
}

// charge books what the bank charged inside a booking of payments. It always goes out: it
// adds to what was paid, and takes from what came back.
func charge(v *commit.View, e match.Effect, wallet, order string) error {
	key := entryKey(e.Booking.Kind, e.Booking.Key) + chargePart
	if _, known := Entries.Get(v, key); known {
		return nil
	}
	entry := part(v, key, e, wallet, order)
	entry.Side, entry.State, entry.Resolution, entry.ResolvedBy, entry.ResolvedAt, entry.Text, entry.Version = string(message.Debit), EntryResolved, AsFee, Actor, v.Now(), e.Text, 1
	Entries.Put(v, entry)
	_, err := ledger.Post(v, ledger.Transfer{
		Kind: ledger.KindNetworkFee, Currency: entry.Currency, Amount: entry.Amount, Cause: entry.Seq, Debit: ledger.AtHouse(ledger.NetworkFees), Credit: treasury(wallet),
	})
	return err
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

// Retry looks again at the bookings of an order that wait, after something has changed.
type Retry struct {
	onOrder
	Policy match.Policy
}

// Follow implements commit.Follower.
func (c Retry) Follow(v *commit.View, w *commit.Wants) { c.follow(v, w) }

// Apply implements commit.Command.
func (c Retry) Apply(v *commit.View) (Taken, error) {
	o, m, err := c.load(v)
	if err != nil {
		return Taken{}, err
	}
	effects := m.Retry(c.Policy)
	if err := carry(v, effects, o.Wallet, o.ID, ""); err != nil {
		return Taken{}, err
	}
	c.save(v, o, m)
	return Taken{Effects: effects}, nil
}
