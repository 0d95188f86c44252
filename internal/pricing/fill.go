package pricing

import (
	"context"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/pricing/fee"
	"sluice/internal/pricing/quote"
	"sluice/internal/withdrawal"
)

// Quoted gives the terms of a withdrawal that uses a quote: price and fee are those of
// the quote, what is passed on of the network's fee is what holds now.
func (b *Book) Quoted(ctx context.Context, a Ask, q quote.Quote) (Terms, error) {
	gross, err := q.Send.Add(q.Fee)
	if err != nil {
		return Terms{}, err
	}
	t := Terms{Kind: fee.Exchange, Charge: fee.Charge{Gross: gross, Net: q.Send, Fee: q.Fee}, Receive: q.Receive}
	t.Schedule.Inside = q.FeeInside
	if b == nil {
		return t, errUnavailable(a.From, a.To)
	}
	s, err := b.schedule(ctx, a, fee.Exchange)
	if err != nil {
		return t, err
	}
	t.Network, err = b.network(ctx, a, s, q.Receive)
	return t, err
}

// Free tells that a merchant is charged nothing, whatever it withdraws and wherever:
// then nobody needs to know the network before the command does.
func (b *Book) Free(ctx context.Context, merchant id.ID) (bool, error) {
	if b == nil {
		return true, nil
	}
	all, err := b.schedules(ctx, merchant)
	return len(all) == 0, err
}

// Fill puts the terms into the command that accepts a withdrawal. With a quote, the
// caller sets that too.
func (t Terms) Fill(c *withdrawal.Create, to money.Asset) {
	c.Amount, c.Fee, c.FeeInside = t.Charge.Net, t.Charge.Fee, t.Schedule.Inside
	c.NetworkHold, c.NetworkRate = t.Network.Hold, ""
	switch t.Network.Carry {
	case fee.Flat:
		c.NetworkRate = withdrawal.NetworkFlat
	case fee.Cost:
		c.NetworkRate = t.Network.Rate.String()
	case fee.Absorbed:
	}
	if t.Kind == fee.Exchange {
		c.Receives = to
		if !t.Deal.Send.IsZero() {
			deal := t.Deal
			c.Deal = &deal
		}
	}
}

// Named gives a fault about the amount that is given the name that a request has for it.
func Named(err error, field string) error {
	f := fault.Of(err)
	if f == nil || len(f.Fields) != 1 || f.Fields[0].Path != "send_amount" {
		return err
	}
	out := *f
	rule := f.Fields[0].Rule
	out.Fields = []fault.Field{{Path: field, Rule: rule}}
	out.Message = field + ": " + rule
	return &out
}
