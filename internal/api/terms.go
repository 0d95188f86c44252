package api

import (
	"context"
	"slices"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/pricing/fx"
	"sluice/internal/pricing/quote"
	"sluice/internal/rail"
	"sluice/internal/withdrawal/intake"
)

// priceRequest is what a request wants to be paid: one of the two amounts is fixed, or a quote
// fixes both.
type priceRequest struct {
	from, to money.Asset
	form     fx.Form
	amount   money.Amount
	quote    id.ID
}

// priceRequest reads currencies and amounts. Without receive_currency nothing is exchanged.
func (o object) priceRequest(known money.Assets) priceRequest {
	x := priceRequest{from: o.asset("currency", known)}
	if o.has("quote_id") {
		x.quote = o.id("quote_id", id.Quote, true)
		for _, name := range []string{"amount", "receive_amount", "receive_currency"} {
			if o.has(name) {
				o.d.wrong("quote_ambiguous", o.key(name), "the quote says it: leave it out")
			}
		}
		return x
	}
	x.to = x.from
	if o.has("receive_currency") {
		x.to = o.asset("receive_currency", known)
	}
	x.form, x.amount = o.fixed(x.from, x.to)
	return x
}

// fixed reads which of the two amounts a request fixes.
func (o object) fixed(from, to money.Asset) (fx.Form, money.Amount) {
	switch {
	case o.has("amount") && o.has("receive_amount"):
		o.d.wrong("amount_ambiguous", o.key("receive_amount"), "give amount or receive_amount, not both: the other one follows from price and fee")
	case o.has("receive_amount"):
		return fx.ReceiveForm, o.amount("receive_amount", to)
	}
	return fx.SendForm, o.amount("amount", from)
}

// quoted reads the quote of a wish. One of somebody else does not exist.
func (c *call) quoted(x priceRequest) (priceRequest, quote.Quote, error) {
	missing := errNoQuote
	if x.quote.Shard != c.who.merchant.Shard {
		return x, quote.Quote{}, missing
	}
	q, found, err := maybe(c.Reads.Quote(c.ctx(), x.quote))
	if err == nil && (!found || q.Merchant != c.who.merchant.Seq) {
		err = missing
	}
	if err != nil {
		return x, q, err
	}
	x.form, x.amount = q.Form, q.Send
	x.to, err = c.Assets.Get(q.ReceiveCurrency)
	return x, q, err
}

// registered reads the target of a registered destination; zero for one that is not there.
func (c *call) registered(ctx context.Context, at id.Seq) (rail.Target, error) {
	d, found, err := maybe(c.Reads.Destination(ctx, c.at(at)))
	if err != nil || !found || d.Merchant != c.who.merchant.Seq {
		return rail.Target{}, err
	}
	return d.Target(), nil
}

// intake is where every API works requests out.
func (c *call) intake() *intake.Intake {
	return &intake.Intake{Assets: c.Assets, Rails: c.Rails, Terms: c.Terms, ReviewAbove: c.ReviewAbove}
}

// networkOf is the network of a registered destination, as far as something depends on
// it; "" otherwise, and for one that is not there: the command says so. It is read only
// where the currency leaves a choice.
func (c *call) networkOf(at id.ID, x priceRequest, p payment) (string, error) {
	if len(x.to.Networks) == 1 {
		return x.to.Networks[0], nil
	}
	need := p.given || len(x.to.Limits) > 0 || !x.quote.IsZero() || x.from.Code != x.to.Code || slices.ContainsFunc(x.to.Networks, func(n string) bool { return c.toBank(n) != nil })
	if !need {
		free, err := c.Terms.Free(c.ctx(), c.who.merchant)
		if free || err != nil {
			return "", err
		}
	}
	d, found, err := maybe(c.Reads.Destination(c.ctx(), at))
	if err != nil || !found || d.Merchant != c.who.merchant.Seq {
		return "", err
	}
	return d.Network, nil
}

var errNoQuote = fault.New(fault.NotFound, "quote_not_found", "no such quote")
