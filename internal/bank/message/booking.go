package message

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/money"
)

// Booking is one movement of our account: an entry, or a part of one. Package match
// takes entries apart.
type Booking struct {
	Kind    Kind   // of the message it came in
	Account string // our account's number
	// Key is the same for the same movement in every message of the kind that tells of it,
	// as far as the bank's references allow, and different for different movements: see Keys.
	Key string
	// Place names the movement by where it stands: part, entry, detail.
	Place    string
	Amount   money.Amount // in Currency
	Currency string
	Side     Side // out of or into our account
	Reversal bool
	Booked   bool // false: expected or for information; moves nothing
	Day      Day
	Value    Day
	// Split says that Detail is about this amount alone. Otherwise Detail has what all
	// Details agree on.
	Split   bool
	Detail  Detail
	Details []Detail // of a whole entry
	Batch   BatchInfo
	Charges []money.Amount // each a sum that may be a charge inside Amount
	Ref     string         // the bank's own reference of the entry; "" for none
	Code    TransactionCode
	Text    string
}

// Returned tells whether the bank calls it money that came back.
func (b Booking) Returned() bool {
	return b.Detail.Return != nil || b.Code.Returned() || b.Detail.Code.Returned() ||
		slices.ContainsFunc(b.Details, func(d Detail) bool { return d.Return != nil || d.Code.Returned() })
}

// Reason is the code of why money came back: the one that all details agree on; "" for none.
func (b Booking) Reason() string {
	reason := ""
	if b.Detail.Return != nil {
		reason = b.Detail.Return.Code
	}
	for n, d := range b.Details {
		switch {
		case d.Return == nil:
			return reason
		case n > 0 && reason != d.Return.Code:
			return ""
		}
		reason = d.Return.Code
	}
	return reason
}

// Of is the booking as it is about one of the payments that it moves: with the detail that names
// it, if there is one.
func (b Booking) Of(endToEndID string, amount money.Amount) Booking {
	b.Amount = amount
	n := slices.IndexFunc(b.Details, func(d Detail) bool { return Fold(d.EndToEndID) == Fold(endToEndID) })
	if n >= 0 {
		b.Detail, b.Details = b.Details[n], nil
	}
	return b
}

// Booking is the entry as a movement of the account, without a key.
func (n Entry) Booking(kind Kind, account string) Booking {
	b := Booking{
		Kind: kind, Account: account, Amount: n.Amount, Currency: n.Currency, Side: n.Side, Reversal: n.Reversal, Booked: n.Status == Booked,
		Day: n.Day, Value: n.Value, Charges: slices.Clone(n.Charges), Ref: n.ServicerRef, Code: n.Code, Text: n.Text,
	}
	if len(n.Batches) > 0 {
		b.Batch = n.Batches[0]
	}
	if len(n.Details) == 1 {
		// The one detail is the entry, whatever amount it repeats (it may be the
		// original one, before charges or in another currency).
		b.Split, b.Detail = true, n.Details[0]
		b.Charges = append(b.Charges, n.Details[0].Charges...)
		return b
	}
	b.Details, b.Detail = n.Details, n.common()
	var sums [2][]money.Amount // of the first and the last reading of the charges of each detail
	for _, d := range n.Details {
		if k := len(d.Charges); k > 0 {
			sums[0], sums[1] = append(sums[0], d.Charges[0]), append(sums[1], d.Charges[k-1])
		}
	}
	for _, list := range sums {
		if total, err := money.Sum(list...); err == nil && !total.IsZero() {
			b.Charges = append(b.Charges, total)
		}
	}
	return b
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

// AddUp tells whether the details of the entry make it.
func (b Booking) AddUp() bool {
	var sum money.Amount
	for _, d := range b.Details {
		var err error
		if !d.Known {
			return false
		}
		if sum, err = sum.Add(d.Amount); err != nil {
			return false
		}
	}
	return len(b.Details) > 0 && sum == b.Amount
}

// Part is the movement of one detail of the entry.
func (b Booking) Part(d Detail) Booking {
	p := b
	p.Amount, p.Split, p.Detail, p.Details, p.Batch, p.Charges = d.Amount, true, d, nil, BatchInfo{}, slices.Clone(d.Charges)
	p.Place += "." + strconv.Itoa(d.Index)
	return p
}

// Rest is the movement of several details of the entry, which name no payment.
func (b Booking) Rest(list []Detail) (Booking, error) {
	p := b
	p.Details, p.Charges = list, nil
	p.Place += ".rest"
	amounts := make([]money.Amount, len(list))
	for n, d := range list {
		amounts[n] = d.Amount
	}
	var err error
	p.Amount, err = money.Sum(amounts...)
	return p, err
}

// Keys names the movements of one part of a message. A movement is known by the bank's
// own reference, with amount, side, day and end-to-end id. Where the bank gives none, or a
// placeholder, it is known by its place.
type Keys struct {
	kind    Kind
	account string
	part    string
	seen    map[uint64]int
}

// NewKeys begins to name the movements of a part. part names the part itself among all
// parts of its kind.
func NewKeys(kind Kind, account, part string) *Keys {
	return &Keys{kind, account, part, map[uint64]int{}}
}

// Place names where an entry stands.
func (k *Keys) Place(n Entry) string { return fmt.Sprintf("%s/%d", k.part, n.Index) }

// Of gives the key of a movement, and whether it is made of a reference of the bank. The
// same thing twice in one part is two things.
func (k *Keys) Of(b Booking) (key string, byRef bool) {
	ref := first(b.Ref, b.Detail.ServicerRef, b.Detail.TransactionID, b.Detail.UETR)
	if ref == "" {
		return k.AtPlace(b), false
	}
	key = strings.Join([]string{k.account, ref, b.Amount.Minor() + b.Currency, string(b.Side), string(b.Day), b.Detail.EndToEndID}, "|")
	sum := sha256.Sum256([]byte(key))
	at := binary.BigEndian.Uint64(sum[:])
	k.seen[at]++
	return fmt.Sprintf("%s#%d", key, k.seen[at]), true
}

// AtPlace is the key of a movement that is known by its place alone.
func (k *Keys) AtPlace(b Booking) string { return k.account + "|@" + b.Place }

// Name names the part among all parts of its kind by everything that the bank says of it: a
// part that was sent again has the same name, and two different ones have two.
func (a Account) Name(f *File) string {
	h := sha256.New()
	for _, s := range []string{string(f.Kind), a.Number, f.MessageID, f.CreatedAt.String(), a.ID, a.Created, a.Period, fmt.Sprint(a.Sequence, a.Legal, a.Page)} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	_, _ = h.Write(a.Sums.Content[:])
	return fmt.Sprintf("%x", h.Sum(nil)[:12])
}
