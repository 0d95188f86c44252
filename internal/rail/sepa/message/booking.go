package message

import (
	"fmt"
	"strings"

	"sluice/internal/money"
)

// Booking is the smallest movement that a file accounts for: a detail of an entry
// where the details make the entry, else the whole entry. The bookings of a file
// add up to its entries: nothing is left out and nothing counted twice.
type Booking struct {
	Kind    Kind   // of the file it came in
	Account string // our account's number
	// Key is the same for the same movement in every file that tells of it, as far as the
	// bank's references allow, and different for different movements.
	Key      string
	Amount   money.Amount // in Currency
	Currency string
	Side     Side // the entry's: out of or into our account
	Reversal bool
	Booked   bool // false: expected or for information; moves nothing
	Day      Day
	Value    Day
	// Split says that Detail is about this amount alone. Otherwise the booking is a
	// whole entry and Detail has what all its details agree on.
	Split  bool
	Detail Detail
	Batch  BatchInfo // of a whole entry; the zero value if there is none
	Code   TransactionCode
	Text   string
}

// Returned tells whether the bank calls it money that came back.
func (b Booking) Returned() bool {
	return b.Detail.Return != nil || b.Code.Returned() || b.Detail.Code.Returned()
}

// FileKey names a file's part about one account, for recognizing one that was sent
// again: account, message, statement, sequence number and page.
func (f *File) FileKey(a Account) string {
	return strings.Join([]string{string(f.Kind), a.Number, f.MessageID, a.ID, fmt.Sprint(a.Sequence), fmt.Sprint(a.Page.Number)}, "|")
}

// Bookings takes the entries of all accounts apart.
func (f *File) Bookings() []Booking {
	var out []Booking
	for _, a := range f.Accounts {
		seen := map[string]int{}
		for _, n := range a.Entries {
			for _, b := range n.bookings() {
				b.Kind, b.Account = f.Kind, a.Number
				b.Key = f.bookingKey(a, n, b)
				// The same thing twice in one file is two things.
				seen[b.Key]++
				b.Key = fmt.Sprintf("%s#%d", b.Key, seen[b.Key])
				out = append(out, b)
			}
		}
	}
	return out
}

// bookingKey names a movement by what does not change between files. Where the bank
// gives no reference of its own, the statement is part of the name: two alike movements
// in two files are then two, and a person sees one too many rather than one too few.
func (f *File) bookingKey(a Account, n Entry, b Booking) string {
	ref := first(n.ServicerRef, b.Detail.ServicerRef, n.Reference, b.Detail.TransactionID)
	if ref == "" {
		ref = string(f.Kind) + ":" + a.SetKey()
	}
	return strings.Join([]string{a.Number, ref, b.Amount.Minor() + b.Currency, string(b.Side), string(b.Day), b.Detail.EndToEndID}, "|")
}

func (n Entry) bookings() []Booking {
	whole := Booking{
		Amount: n.Amount, Currency: n.Currency, Side: n.Side, Reversal: n.Reversal, Booked: n.Status == Booked,
		Day: n.Day, Value: n.Value, Code: n.Code, Text: n.Text,
	}
	if len(n.Batches) > 0 {
		whole.Batch = n.Batches[0]
	}
	switch {
	case len(n.Details) == 1:
		// The one detail is the entry, whatever amount it repeats (it may be the
		// original one, before charges or in another currency).
		whole.Split, whole.Detail = true, n.Details[0]
		return []Booking{whole}
	case !n.addsUp():
		whole.Detail = n.common()
		return []Booking{whole}
	}
	out := make([]Booking, 0, len(n.Details))
	for _, d := range n.Details {
		b := whole
		b.Amount, b.Split, b.Detail, b.Batch = d.Amount, true, d, BatchInfo{}
		out = append(out, b)
	}
	return out
}

// addsUp tells whether the details, each on the entry's side, make the entry.
func (n Entry) addsUp() bool {
	var sum money.Amount
	for _, d := range n.Details {
		var err error
		if d.Currency != n.Currency || d.Amount.IsZero() {
			return false
		}
		if sum, err = sum.Add(d.Amount); err != nil {
			return false
		}
	}
	return len(n.Details) > 0 && sum == n.Amount
}

// common is what all details of an entry say in the same way.
func (n Entry) common() Detail {
	if len(n.Details) == 0 {
		return Detail{}
	}
	c := Detail{MessageID: n.Details[0].MessageID, BatchID: n.Details[0].BatchID}
	for _, d := range n.Details {
		if d.MessageID != c.MessageID {
			c.MessageID = ""
		}
		if d.BatchID != c.BatchID {
			c.BatchID = ""
		}
	}
	return c
}
