package bank

import (
	"slices"
	"strings"

	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/money"
)

// A bank may book many payments as one line in its statement, and tell in other messages,
// before or after, which payments the line is made of: in the details of one entry, or in
// several entries. All carry the bank's own reference. The statement proves that the money
// moved, the other messages say whose it is.

// told is what an entry of another message tells: payments that moved together.
type told struct {
	Amount   string       `json:"amount"`
	Payments []PaymentKey `json:"payments"`
	Reasons  []string     `json:"reasons,omitempty"` // of a return, for each of Payments
	Charge   string       `json:"charge,omitempty"`  // of the bank, in Amount
	Returned bool         `json:"returned,omitempty"`
}

// lumpName names movements by the bank's reference and their side; "" if there is none. The
// day is not in it: a notification may come the day before.
func lumpName(b message.Booking) string {
	ref := b.Ref
	if ref == "" && b.Split {
		ref = b.Detail.ServicerRef
	}
	if ref == "" && len(b.Details) > 0 {
		ref = b.Details[0].ServicerRef
		for _, d := range b.Details {
			if d.ServicerRef != ref {
				return ""
			}
		}
	}
	if ref == "" {
		return ""
	}
	return strings.Join([]string{b.Account, ref, b.Currency, string(b.Side)}, "|")
}

// lumpOf is what an entry of another message than a statement tells, if it has a reference
// of the bank and names all of its payments.
func lumpOf(entry message.Booking, shares []match.Share) (Movement, bool) {
	i := Movement{Lump: lumpName(entry)}
	if entry.Kind == message.Statement || i.Lump == "" {
		return i, false
	}
	t := told{Amount: entry.Amount.Minor(), Returned: entry.Returned() || entry.Reversal}
	var sums []money.Amount
	charged := false
	for _, s := range shares {
		if len(s.Payments) == 0 {
			return i, false
		}
		charged = charged || !s.Fee.IsZero()
		i.Payments = append(i.Payments, s.Payments...)
		for n, p := range s.Payments {
			sums = append(sums, p.Amount)
			// A share of several payments has a detail for each, in their order.
			reason := s.Booking.Reason()
			if len(s.Booking.Details) == len(s.Payments) {
				reason = message.Booking{Detail: s.Booking.Details[n]}.Reason()
			}
			t.Reasons = append(t.Reasons, reason)
		}
	}
	total, err := money.Sum(sums...)
	if err != nil {
		return i, false
	}
	large, small := entry.Amount, total
	if entry.Side == message.Credit {
		large, small = total, entry.Amount
	}
	fee, err := large.Sub(small)
	if err != nil || !fee.IsZero() && !charged {
		return i, false
	}
	if !fee.IsZero() {
		t.Charge = fee.Minor()
	}
	t.Payments = i.keys()
	i.Tells = &t
	return i, true
}

// followLump declares what a lump leads to: the payments that it is made of, and the bookings
// that wait in suspense.
func followLump(v *commit.View, w *commit.Wants, i Movement) {
	row, _ := Lumps.Get(v, i.Lump)
	list, entries, err := row.open()
	if err != nil {
		return // Apply says so
	}
	if i.Tells != nil {
		list = append(list, *i.Tells)
	}
	for _, t := range list {
		for _, k := range t.Payments {
			Orders.Want(w, k.Order)
			Payments.Want(w, k)
		}
	}
	for _, k := range entries {
		wantEntry(w, k)
	}
}

// open gives what was told and what waits.
func (l Lump) open() (list []told, entries []string, err error) {
	if list, err = decode[[]told](l.Parts); err == nil {
		entries, err = decode[[]string]([]byte(l.Entries))
	}
	return list, entries, err
}

// put keeps what was told and what waits.
func (l Lump) put(v *commit.View, name string, list []told, entries []string) {
	now := l
	now.Parts, now.Entries = nil, ""
	if len(list) > 0 {
		now.Parts = encode(list)
	}
	if len(entries) > 0 {
		now.Entries = string(encode(entries))
	}
	if string(now.Parts) != string(l.Parts) || now.Entries != l.Entries {
		now.Name, now.Version = name, l.Version+1
		Lumps.Put(v, now)
	}
}

// lump takes in a booking of a statement that names nothing, if other messages have told
// what it is made of. ok is false if none has: then the booking is remembered, so that one
// that comes later finds it.
func (c TakeBookings) lump(v *commit.View, i Movement, b message.Booking) (effects []match.Effect, ok bool, err error) {
	if i.Lump == "" || b.Kind != message.Statement {
		return nil, false, nil
	}
	row, _ := Lumps.Get(v, i.Lump)
	list, entries, err := row.open()
	if err != nil {
		return nil, false, err
	}
	effects, order, rest, err := c.together(v, list, b)
	if err != nil {
		return nil, false, err
	}
	if effects != nil {
		row.put(v, i.Lump, rest, entries)
		c.entry(v, b, order, EntryMatched)
		return effects, true, nil
	}
	row.put(v, i.Lump, list, append(entries, entryKey(b.Kind, b.Key)))
	return nil, false, nil
}

// tell takes in what a movement is made of. A booking of it that waits in suspense is
// taken out.
func (c TakeBookings) tell(v *commit.View, i Movement) ([]match.Effect, error) {
	row, _ := Lumps.Get(v, i.Lump)
	list, entries, err := row.open()
	if err != nil {
		return nil, err
	}
	for _, k := range i.Tells.Payments {
		if o, ok := Orders.Get(v, k.Order); !ok || o.Wallet != c.Wallet {
			return nil, nil // of another account of ours
		}
	}
	if slices.ContainsFunc(list, func(t told) bool { return slices.Equal(t.Payments, i.Tells.Payments) }) {
		return nil, nil
	}
	list = append(list, *i.Tells)
	var out []match.Effect
	for n := 0; n < len(entries); n++ {
		e, ok := Entries.Get(v, entries[n])
		if !ok || e.State != EntrySuspense {
			entries = slices.Delete(entries, n, n+1) // a person has decided
			n--
			continue
		}
		effects, order, rest, err := c.together(v, list, e.booking())
		if err != nil {
			return nil, err
		}
		if effects == nil {
			continue
		}
		if err := move(v, e, true); err != nil {
			return nil, err
		}
		as := AsPaid
		if e.Side == string(message.Credit) {
			as = AsReturn
		}
		e.Order = order
		resolved(v, e, as, Actor, "another message of the bank names its payments")
		out, list = append(out, effects...), rest
		entries = slices.Delete(entries, n, n+1)
		n--
	}
	row.put(v, i.Lump, list, entries)
	return out, nil
}

// together takes in a booking as that of payments that were told: those of one entry of its
// amount, else all of them. rest is what is still told. effects is nil if it is neither, or
// cannot be: one of the payments has such a booking already, or is not to be moved so.
func (c TakeBookings) together(v *commit.View, list []told, b message.Booking) (effects []match.Effect, order string, rest []told, err error) {
	list, err = c.open(v, list, b.Side)
	if err != nil || len(list) == 0 {
		return nil, "", list, err
	}
	use := list
	if n := slices.IndexFunc(list, func(t told) bool { return t.Amount == b.Amount.Minor() }); n >= 0 {
		use, rest = list[n:n+1], slices.Concat(list[:n], list[n+1:])
	}
	var keys []PaymentKey
	var details []message.Detail
	var sums, fees []money.Amount
	for _, t := range use {
		amount, err := money.ParseMinor(t.Amount)
		if err != nil {
			return nil, "", nil, err
		}
		charge, err := money.ParseMinor(first(t.Charge, "0"))
		if err != nil {
			return nil, "", nil, err
		}
		sums, fees = append(sums, amount), append(fees, charge)
		for n, k := range t.Payments {
			p, _ := Payments.Get(v, k)
			d := message.Detail{EndToEndID: p.EndToEnd}
			if t.Returned {
				d.Return = &message.Return{Code: t.Reasons[n]}
			}
			keys, details = append(keys, k), append(details, d)
		}
	}
	total, err := money.Sum(sums...)
	fee, feeErr := money.Sum(fees...)
	if err != nil || feeErr != nil || total != b.Amount {
		return nil, "", list, nil //nolint:nilerr // sums that no account holds make no booking
	}
	set, save, err := load(v, keys, nil)
	if err != nil {
		return nil, "", list, err
	}
	b.Details = details
	if why, _ := match.Refused(b, set); why != "" {
		return nil, "", list, nil
	}
	effects = append([]match.Effect{}, match.Take(b, set, fee, c.Policy)...)
	save()
	return effects, keys[0].Order, rest, nil
}

// open leaves out what was told of payments that a statement has booked meanwhile.
func (c TakeBookings) open(v *commit.View, list []told, side message.Side) (out []told, err error) {
	for _, t := range list {
		booked := 0
		for _, k := range t.Payments {
			p, ok := Payments.Get(v, k)
			if !ok {
				continue
			}
			debit, credit, err := decodeEvidence(p.Evidence)
			if err != nil {
				return nil, err
			}
			if side == message.Debit && debit.StatementPresent || side == message.Credit && credit.StatementPresent {
				booked++
			}
		}
		if booked == 0 {
			out = append(out, t)
		}
	}
	return out, nil
}

// booking is the entry as match knows it.
func (e Entry) booking() message.Booking {
	_, key, _ := strings.Cut(e.Key, "|")
	return message.Booking{
		Kind: message.Kind(e.Kind), Key: key, Place: e.Place, Amount: e.Amount, Currency: e.Currency, Side: message.Side(e.Side), Booked: e.Booked,
		Day: message.Day(e.Day), Detail: message.Detail{EndToEndID: e.EndToEnd},
	}
}

// resolved ends a booking in suspense.
func resolved(v *commit.View, e Entry, as, actor, text string) Entry {
	e.State, e.Resolution, e.ResolvedBy, e.ResolvedAt, e.Version = EntryResolved, as, actor, v.Now(), e.Version+1
	e.Text += " | " + text
	Entries.Put(v, e)
	event.Append(v, event.Event{Type: event.BankResolved, Subject: e.Seq, Version: e.Version, State: e.Cause, Actor: actor, Reason: as + ": " + text})
	return e
}
