package account

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
	"sluice/internal/pricing/fx"
	"sluice/internal/pricing/quote"
)

// Conversion is an exchange inside an account: one of its balances gives, another one
// gets. It is done when it is written and never changes.
type Conversion struct {
	Seq             id.Seq
	Merchant        id.Seq
	Account         id.Seq
	ForeignID       string // the merchant's own id of it, unique per merchant among conversions; "" for none
	Quote           id.Seq
	SendCurrency    string
	Send            money.Amount
	Fee             money.Amount // in SendCurrency, taken beside Send
	ReceiveCurrency string
	Receive         money.Amount
	Price           string // as the quote showed it
	CreatedAt       time.Time
}

// Conversions is the table of conversions.
var Conversions = commit.NewTable("conversion", func(c *Conversion) id.Seq { return c.Seq })

// ConversionForeignKey finds a conversion by the merchant's own id.
type ConversionForeignKey struct {
	Merchant  id.Seq
	ForeignID string
}

// ConversionForeignID says which conversion has a merchant's own id. It is read from
// the conversion table; writing it changes only the view.
type ConversionForeignID struct {
	ConversionForeignKey
	Conversion id.Seq
}

// ConversionForeignIDs is the look-up of conversions by foreign id.
var ConversionForeignIDs = commit.NewTable("conversion_foreign_id", func(f *ConversionForeignID) ConversionForeignKey { return f.ConversionForeignKey })

// Answer implements commit.Answerer: a conversion never changes.
func (c Conversion) Answer() commit.Answer { return commit.Answer{Ref: c.Seq} }

// Convert exchanges money of an account: the amount and the fee leave one balance, the
// other one gets what was quoted, both through the house's exchange accounts. Either
// Quote was offered before, or Deal is agreed on here and now.
type Convert struct {
	Merchant  id.Seq
	Account   id.Seq
	ForeignID string
	From, To  money.Asset
	Quote     id.Seq
	Deal      *fx.Deal
	Fee       money.Amount // with Deal; a quote has its own
	FeeInside bool         // with Deal: the fee was taken out of what the merchant named
	Problem   error        // why there is no deal, told when nothing else stands in the way
	Actor     string
}

// Reads implements commit.Command.
func (c Convert) Reads(w *commit.Wants) {
	ledger.Accounts.Want(w, c.Account)
	ledger.WantBalance(w, c.Account, c.From.Code)
	ledger.WantBalance(w, c.Account, c.To.Code)
	ledger.WantHouse(w, ledger.Exchange, c.From.Code)
	ledger.WantHouse(w, ledger.Exchange, c.To.Code)
	ledger.WantHouse(w, ledger.Fees, c.From.Code)
	if c.ForeignID != "" {
		ConversionForeignIDs.Want(w, ConversionForeignKey{c.Merchant, c.ForeignID})
	}
	if c.Quote != 0 {
		quote.Want(w, c.Quote)
	}
}

// Apply implements commit.Command.
func (c Convert) Apply(v *commit.View) (Conversion, error) {
	if err := v.Accepts(); err != nil {
		return Conversion{}, err
	}
	if _, err := Owned(v, c.Merchant, c.Account); err != nil {
		return Conversion{}, err
	}
	key := ConversionForeignKey{c.Merchant, c.ForeignID}
	if c.ForeignID != "" {
		if first, taken := ConversionForeignIDs.Get(v, key); taken {
			return Conversion{}, fault.New(fault.Conflict, "duplicate_foreign_id", "a conversion with this foreign_id exists: %s; nothing was done", v.ID(first.Conversion).Text(id.Conversion)).
				At("foreign_id").With("conversion", v.ID(first.Conversion).Text(id.Conversion))
		}
		if err := CheckForeignID(c.ForeignID); err != nil {
			return Conversion{}, err
		}
	}
	if c.Problem != nil {
		return Conversion{}, c.Problem
	}
	x := Conversion{Seq: v.NewID(), Merchant: c.Merchant, Account: c.Account, ForeignID: c.ForeignID, CreatedAt: v.Now()}
	if err := c.price(v, &x); err != nil {
		return Conversion{}, err
	}
	if err := c.pay(v, x); err != nil {
		return Conversion{}, err
	}
	Conversions.Insert(v, x)
	if c.ForeignID != "" {
		ConversionForeignIDs.Put(v, ConversionForeignID{key, x.Seq})
	}
	event.Append(v, Snapshot(v, event.Event{
		Type: event.ConversionCompleted, Merchant: c.Merchant, Subject: x.Seq, Version: 1, Actor: c.Actor, Data: mustJSON(x.fact()),
	}, c.Account, x.SendCurrency))
	event.Append(v, Snapshot(v, event.Event{Type: event.BalanceUpdated, Merchant: c.Merchant, Subject: x.Seq, Version: 1, Actor: c.Actor}, c.Account, x.ReceiveCurrency))
	return x, nil
}

// price fixes both amounts from the quote.
func (c Convert) price(v *commit.View, x *Conversion) error {
	q := c.Quote
	if c.Deal != nil {
		made, err := quote.Create{Merchant: c.Merchant, Deal: *c.Deal, FeeCurrency: c.From.Code, Fee: c.Fee, FeeInside: c.FeeInside}.Apply(v)
		if err != nil {
			return err
		}
		q = made.Seq
	}
	taken, err := quote.Take(v, c.Merchant, q, x.Seq)
	if err != nil {
		return err
	}
	if taken.SendCurrency != c.From.Code || taken.ReceiveCurrency != c.To.Code || taken.FeeCurrency != c.From.Code {
		return fault.New(fault.Conflict, "quote_differs", "the quote exchanges %s for %s, not %s for %s; nothing was done",
			taken.SendCurrency, taken.ReceiveCurrency, c.From.Code, c.To.Code).At("quote")
	}
	x.Quote, x.Price, x.Fee = q, taken.Price, taken.Fee
	x.SendCurrency, x.Send, x.ReceiveCurrency, x.Receive = taken.SendCurrency, taken.Send, taken.ReceiveCurrency, taken.Receive
	return nil
}

// pay moves the money.
func (c Convert) pay(v *commit.View, x Conversion) error {
	total, err := x.Send.Add(x.Fee)
	if err != nil {
		return err
	}
	b, _ := ledger.Balances.Get(v, ledger.BalanceKey{Account: c.Account, Currency: x.SendCurrency})
	if b.Available.Less(total) {
		return Insufficient(v, c.Account, c.From, total)
	}
	of, exchange := ledger.Of(c.Account, ledger.Available), ledger.AtHouse(ledger.Exchange)
	for _, t := range []ledger.Transfer{
		{Kind: ledger.KindExchange, Currency: x.SendCurrency, Amount: x.Send, Debit: of, Credit: exchange},
		{Kind: ledger.KindFee, Currency: x.SendCurrency, Amount: x.Fee, Debit: of, Credit: ledger.AtHouse(ledger.Fees)},
		{Kind: ledger.KindExchange, Currency: x.ReceiveCurrency, Amount: x.Receive, Debit: exchange, Credit: of},
	} {
		if t.Amount.IsZero() {
			continue
		}
		t.Cause = x.Seq
		if _, err := ledger.Post(v, t); err != nil {
			if errors.Is(err, money.ErrNegative) {
				return errors.Join(commit.ErrInvariant, err) // it was looked at above
			}
			return err
		}
	}
	return nil
}

// conversionFact is a conversion as its event keeps it.
type conversionFact struct {
	From    string `json:"from"`
	Send    string `json:"send"`
	Fee     string `json:"fee"`
	To      string `json:"to"`
	Receive string `json:"receive"`
	Foreign string `json:"foreign_id,omitempty"`
	Price   string `json:"price"`
}

func (c Conversion) fact() conversionFact {
	return conversionFact{c.SendCurrency, c.Send.Minor(), c.Fee.Minor(), c.ReceiveCurrency, c.Receive.Minor(), c.ForeignID, c.Price}
}

// ConversionOf is the conversion that an event tells of.
func ConversionOf(e event.Event) (Conversion, error) {
	var f conversionFact
	if err := json.Unmarshal(e.Data, &f); err != nil {
		return Conversion{}, fmt.Errorf("the event of a conversion: %w", err)
	}
	c := Conversion{
		Seq: e.Subject, Merchant: e.Merchant, Account: e.Account, ForeignID: f.Foreign, SendCurrency: f.From, ReceiveCurrency: f.To, Price: f.Price, CreatedAt: e.At,
	}
	for _, p := range []struct {
		to   *money.Amount
		text string
	}{{&c.Send, f.Send}, {&c.Fee, f.Fee}, {&c.Receive, f.Receive}} {
		a, err := money.ParseMinor(p.text)
		if err != nil {
			return Conversion{}, fmt.Errorf("the event of a conversion: %w", err)
		}
		*p.to = a
	}
	return c, nil
}
