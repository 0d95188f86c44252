// Package quote holds exchange prices for a short time. A quote fixes both amounts
// and the fee of one exchange; it is used once, before it expires, by one thing. A
// quote moves no money and holds none: whoever uses it does that in the same commit.
package quote

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/pricing/fx"
)

// How long a quote may be valid.
const (
	DefaultValidity = 60 * time.Second
	MaxValidity     = 10 * time.Minute
)

// PriceDecimals is how many decimals the price of a quote is shown with.
const PriceDecimals = 8

// Quote is an exchange that was offered. All but its use is fixed when it is made.
type Quote struct {
	Seq             id.Seq
	Merchant        id.Seq
	Form            fx.Form // which amount the merchant fixed
	SendCurrency    string
	Send            money.Amount // what the merchant gives, without the fee
	ReceiveCurrency string
	Receive         money.Amount // what the merchant gets
	FeeCurrency     string       // the sender's, the receiver's or a third currency
	Fee             money.Amount
	FeeInside       bool   // the fee was taken out of what the merchant named, not added to it
	Network         string // where what the merchant gets may be paid out to; the fee depends on it
	Price           string // receive per one of send, rounded half up to PriceDecimals: for people, and to be sent back
	Rate            string // the exact fraction the amounts were computed with
	Bid             string // the exact fraction the market paid, before the spread
	RateAt          time.Time
	Sources         string // whose prices made the market, with commas; for the audit
	CreatedAt       time.Time
	ExpiresAt       time.Time // the quote may be used before, not at, this moment
	UsedBy          id.Seq    // the withdrawal or exchange that used it; 0: unused
	UsedAt          time.Time // zero: unused
	Version         int64
}

// Quotes is the table of quotes.
var Quotes = commit.NewTable("quote", func(q *Quote) id.Seq { return q.Seq })

// Answer implements commit.Answerer: the body of a quote never changes, so its number is enough.
func (q Quote) Answer() commit.Answer { return commit.Answer{Ref: q.Seq} }

// AsCreated is the quote as it was when it was made: what a repeat of the request is
// answered with.
func (q Quote) AsCreated() Quote {
	q.UsedBy, q.UsedAt, q.Version = 0, time.Time{}, 1
	return q
}

// Expired tells whether the quote can no longer be used at t by something new.
func (q Quote) Expired(t time.Time) bool { return !t.Before(q.ExpiresAt) }

// errNotFound is also the answer for a quote of somebody else.
var errNotFound = fault.New(fault.NotFound, "quote_not_found", "no such quote")

// Want declares that a command uses a quote.
func Want(w *commit.Wants, quote id.Seq) { Quotes.Want(w, quote) }

// Take uses a quote within another command, which declared it with Want: by is what
// uses it, a number from View.NewID. It gives the quote to book by. Taking it again
// for the same thing is answered the same, also after it expired; for anything else
// it is refused, as is a quote that expired or belongs to another merchant.
func Take(v *commit.View, merchant, quote, by id.Seq) (Quote, error) {
	q, ok := Quotes.Get(v, quote)
	if !ok || q.Merchant != merchant {
		return Quote{}, errNotFound
	}
	if by == 0 {
		return Quote{}, fault.New(fault.Internal, "quote_user_missing", "a quote was to be used by nothing")
	}
	if q.UsedBy == by {
		return q, nil
	}
	if q.UsedBy != 0 {
		return Quote{}, fault.New(fault.Conflict, "quote_used", "this quote was used already; nothing was done. Ask for a new one").
			With("quote", v.ID(quote).Text(id.Quote))
	}
	if q.Expired(v.Now()) {
		return Quote{}, fault.New(fault.Conflict, "quote_expired", "this quote was valid until %s; nothing was done. Ask for a new one", q.ExpiresAt.Format(time.RFC3339)).
			With("quote", v.ID(quote).Text(id.Quote))
	}
	q.UsedBy, q.UsedAt, q.Version = by, v.Now(), q.Version+1
	Quotes.Put(v, q)
	return q, nil
}

// Use is Take as a command of its own.
type Use struct {
	Merchant id.Seq
	Quote    id.Seq
	By       id.Seq
}

// Reads implements commit.Command.
func (c Use) Reads(w *commit.Wants) { Want(w, c.Quote) }

// Apply implements commit.Command.
func (c Use) Apply(v *commit.View) (Quote, error) {
	q, err := Take(v, c.Merchant, c.Quote, c.By)
	if err != nil {
		return Quote{}, err
	}
	return q, nil
}
