package bankbook

import (
	"strings"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/money"
	"sluice/internal/rail/sepa/match"
	"sluice/internal/rail/sepa/message"
)

// A bank may book many payments as one line in its statement, and tell in another message,
// before or after, which payments the line is made of. Both carry the bank's own reference.
// The statement proves that the money moved, the other message says whose it is.

// lumpParts is what a message tells that a movement is made of.
type lumpParts struct {
	Payments []PaymentKey `json:"payments"`
	Reasons  []string     `json:"reasons,omitempty"` // of a return, for each of Payments
	Charge   string       `json:"charge,omitempty"`  // of the bank, in it
	Returned bool         `json:"returned,omitempty"`
}

// lumpName names a movement by the bank's reference, amount and side. The day is not in
// it: a notification may come the day before.
func lumpName(b message.Booking) string {
	return strings.Join([]string{b.Account, b.Ref, b.Amount.Minor() + b.Currency, string(b.Side)}, "|")
}

// lumpOf is what an entry of another message than a statement tells a statement's booking
// to be made of, if it has a reference of the bank and names all of its payments.
func lumpOf(entry message.Booking, shares []match.Share) (Movement, bool) {
	i := Movement{Tells: true, Lump: lumpName(entry), Share: match.Share{Booking: entry}}
	if entry.Kind == message.Statement || entry.Ref == "" {
		return i, false
	}
	var sums []money.Amount
	for _, s := range shares {
		if len(s.Payments) == 0 {
			return i, false
		}
		i.Payments = append(i.Payments, s.Payments...)
		for n, p := range s.Payments {
			sums = append(sums, p.Amount)
			// A share of several payments has a detail for each, in their order.
			reason := s.Booking.Reason()
			if len(s.Booking.Details) == len(s.Payments) {
				reason = message.Booking{Detail: s.Booking.Details[n]}.Reason()
			}
			i.Reasons = append(i.Reasons, reason)
		}
	}
	total, err := money.Sum(sums...)
	if err != nil {
		return i, false
	}
	i.Fee, err = entry.Amount.Sub(total)
	if entry.Side == message.Credit {
		i.Fee, err = total.Sub(entry.Amount)
	}
	if err != nil || !i.Fee.IsZero() && !charges(shares) {
		return i, false
	}
	i.Booking.Details = trimmed(entry.Details)
	return i, true
}

func charges(shares []match.Share) bool {
	for _, s := range shares {
		if !s.Fee.IsZero() {
			return true
		}
	}
	return false
}

// followLump declares what a lump leads to: the payments that it is made of, or the booking
// that waits in suspense.
func followLump(v *commit.View, w *commit.Wants, i Movement) {
	row, ok := Lumps.Get(v, i.Lump)
	if !ok {
		return
	}
	parts, err := decode[lumpParts](row.Parts)
	if err != nil {
		return // Apply says so
	}
	keys := append(parts.Payments, i.keys()...)
	for _, k := range keys {
		Orders.Want(w, k.Order)
		Payments.Want(w, k)
	}
	if row.Entry != "" {
		wantEntry(w, row.Entry)
	}
}

// lump takes in a booking of a statement that names nothing, if another message has told
// what it is made of. ok is false if none has: then the booking is remembered, so that one
// that comes later finds it.
func (c TakeBookings) lump(v *commit.View, i Movement, b message.Booking) (effects []match.Effect, ok bool, err error) {
	if i.Lump == "" || b.Kind != message.Statement {
		return nil, false, nil
	}
	row, known := Lumps.Get(v, i.Lump)
	if known && len(row.Parts) > 0 {
		parts, err := decode[lumpParts](row.Parts)
		if err != nil {
			return nil, false, err
		}
		effects, order, err := c.together(v, parts, b)
		if err != nil || effects != nil {
			c.entry(v, b, order, EntryMatched)
			return effects, true, err
		}
	}
	row.Name, row.Entry, row.Version = i.Lump, entryKey(b.Kind, b.Key), row.Version+1
	Lumps.Put(v, row)
	return nil, false, nil
}

// tell takes in what a movement is made of. A booking of it that waits in suspense is
// taken out.
func (c TakeBookings) tell(v *commit.View, i Movement) (effects []match.Effect, known bool, err error) {
	row, _ := Lumps.Get(v, i.Lump)
	parts := lumpParts{Payments: i.keys(), Reasons: i.Reasons, Returned: i.Booking.Returned() || i.Booking.Reversal}
	if !i.Fee.IsZero() {
		parts.Charge = i.Fee.Minor()
	}
	for _, k := range parts.Payments {
		if o, ok := Orders.Get(v, k.Order); !ok || o.Wallet != c.Wallet {
			return nil, false, nil // of another account of ours
		}
	}
	if e, ok := waiting1(v, row.Entry); ok {
		b := e.booking(i.Booking.Account)
		effects, order, err := c.together(v, parts, b)
		if err != nil {
			return nil, false, err
		}
		if effects != nil {
			if err := move(v, e, true); err != nil {
				return nil, false, err
			}
			as := AsPaid
			if e.Side == string(message.Credit) {
				as = AsReturn
			}
			e.Order = order
			resolved(v, e, as, Actor, "another message of the bank names its payments")
			row.Entry = ""
		}
		putLump(v, row, i.Lump, parts)
		return effects, false, nil
	}
	putLump(v, row, i.Lump, parts)
	return nil, false, nil
}

func putLump(v *commit.View, row Lump, name string, parts lumpParts) {
	if now := encode(parts); string(now) != string(row.Parts) || row.Version == 0 {
		row.Name, row.Parts, row.Version = name, now, row.Version+1
		Lumps.Put(v, row)
	}
}

// waiting1 gives a booking if it is in suspense.
func waiting1(v *commit.View, key string) (Entry, bool) {
	if key == "" {
		return Entry{}, false
	}
	e, ok := Entries.Get(v, key)
	return e, ok && e.State == EntrySuspense
}

// together takes in a booking as that of these payments. effects is nil if it cannot be:
// one of them has such a booking already, was rejected, or is not to be moved so.
func (c TakeBookings) together(v *commit.View, parts lumpParts, b message.Booking) (effects []match.Effect, order string, err error) {
	set, save, err := load(v, parts.Payments, nil)
	if err != nil {
		return nil, "", err
	}
	var fee money.Amount
	if parts.Charge != "" {
		if fee, err = money.ParseMinor(parts.Charge); err != nil {
			return nil, "", err
		}
	}
	if parts.Returned {
		b.Details = nil
		for n, p := range set {
			b.Details = append(b.Details, message.Detail{EndToEndID: p.EndToEndID, Return: &message.Return{Code: parts.Reasons[n]}})
		}
	}
	if why, _ := match.Refused(b, set); why != "" {
		return nil, "", nil
	}
	effects = match.Take(b, set, fee, c.Policy)
	save()
	if effects == nil {
		effects = []match.Effect{}
	}
	return effects, parts.Payments[0].Order, nil
}

// booking is the entry as match knows it.
func (e Entry) booking(account string) message.Booking {
	_, key, _ := strings.Cut(e.Key, "|")
	return message.Booking{
		Kind: message.Kind(e.Kind), Account: account, Key: key, Place: e.Place, Amount: e.Amount, Currency: e.Currency, Side: message.Side(e.Side), Booked: e.Booked,
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
