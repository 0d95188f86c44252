package coinspaid

import (
	"net/http"
	"time"

	"sluice/internal/commit"
	"sluice/internal/dialect"
	"sluice/internal/dialect/alias"
	"sluice/internal/json"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fx"
	"sluice/internal/pricing/quote"
	"sluice/internal/withdrawal/intake"
)

// validity is how long a price of exchange/calculate holds.
const validity = 60 * time.Second

// quotesMax is how many prices of one merchant are looked through for the one that a
// client sends back: more than it may ask for while one is valid.
const quotesMax = 200

// swap is an exchange as the wire asks for it.
type swap struct {
	from, to code
	form     fx.Form
	field    string
	amount   money.Amount
}

// swap reads which currencies, and which of the two amounts is fixed.
func (d *Dialect) swap(c *call) swap {
	r := c.req
	s := swap{from: d.required(c, "sender_currency"), to: d.required(c, "receiver_currency")}
	switch {
	case r.has("sender_amount") && r.has("receiver_amount"):
		r.wrong("receiver_amount", "The receiver amount field must not be given together with sender amount.")
	case r.has("receiver_amount"):
		s.form, s.field, s.amount = fx.ReceiveForm, "receiver_amount", r.amount("receiver_amount", s.to.Asset)
	case r.has("sender_amount"):
		s.form, s.field, s.amount = fx.SendForm, "sender_amount", r.amount("sender_amount", s.from.Asset)
	default:
		r.wrong("sender_amount", "The sender amount field is required.")
	}
	return s
}

func (s swap) blame() asked { return asked{s.field, "sender_currency"} }

// calculate offers a price for a minute.
func (d *Dialect) calculate(c *call) (int, []byte, error) {
	if !d.asking.take(c.Key()+" "+from(c.r), d.Now()) {
		return 0, nil, errTooMany
	}
	s := d.swap(c)
	if len(c.req.errors) > 0 {
		return 0, nil, fields(http.StatusBadRequest, c.req.errors...)
	}
	if s.from.Code == s.to.Code {
		return 0, nil, invalid("sender_currency", textPair)
	}
	t, err := d.Desk.Terms.For(c.ctx(), pricing.Ask{Merchant: c.Merchant, From: s.from.Asset, To: s.to.Asset, Network: s.network(), Form: s.form, Amount: s.amount})
	if err != nil {
		return 0, nil, refused(err, s.blame())
	}
	if s.from.Asset.Code == s.to.Asset.Code { // what a withdrawal from one code to the other comes to; there is nothing to hold
		return d.offer(s, quote.Quote{Send: t.Charge.Net, Receive: t.Receive, Fee: t.Charge.Fee, Price: one, CreatedAt: d.Now()})
	}
	made, err := commit.Do(c.ctx(), d.Loop, c.Merchant.Shard, quote.Create{
		Merchant: c.Merchant.Seq, Deal: t.Deal, FeeCurrency: s.from.Asset.Code, Fee: t.Charge.Fee, FeeInside: t.Schedule.Inside, ValidFor: validity,
	})
	if err != nil {
		return 0, nil, refused(err, s.blame())
	}
	return d.offer(s, made)
}

// network is where a withdrawal between two codes of one asset goes; "" where the price
// does not depend on it.
func (s swap) network() string {
	if s.from.Asset.Code == s.to.Asset.Code {
		return s.to.Network
	}
	return ""
}

// offer is the answer with a price.
func (d *Dialect) offer(s swap, q quote.Quote) (int, []byte, error) {
	w := &json.Writer{}
	w.Open().Key("data").Open()
	w.Text("sender_currency", s.from.Code).Text("sender_amount", eightPlaces(s.from.Asset, q.Send, true)).
		Text("receiver_currency", s.to.Code).Text("receiver_amount", eightPlaces(s.to.Asset, q.Receive, false)).
		Text("fee_currency", s.from.Code).Text("fee_amount", eightPlaces(s.from.Asset, q.Fee, true)).Text("price", q.Price).
		Int("ts_fixed", q.CreatedAt.Unix()).Int("ts_release", q.CreatedAt.Unix()+int64(validity.Seconds())).Int("fix_period", int64(validity.Seconds()))
	w.Close().Close()
	return http.StatusOK, w.Bytes(), nil
}

// fixed exchanges at a price that calculate gave.
func (d *Dialect) fixed(c *call) (int, []byte, error) {
	s := d.swap(c)
	foreign := c.req.text("foreign_id", true, textMax)
	text, _ := c.req.body.Get("price").Scalar()
	price, ok := decimal(text)
	switch {
	case !c.req.has("price"):
		c.req.wrong("price", "The price field is required.")
	case !ok:
		c.req.wrong("price", "The price must be a number.")
	}
	if len(c.req.errors) > 0 {
		return 0, nil, fields(http.StatusBadRequest, c.req.errors...)
	}
	q, err := d.offered(c, s, price)
	if err != nil {
		return 0, nil, err
	}
	cmd := account.Convert{Merchant: c.Merchant.Seq, ForeignID: foreign, From: s.from.Asset, To: s.to.Asset, Quote: q.Seq, Actor: c.Actor}
	if q.Seq == 0 {
		cmd.Problem = invalid("price", textPrice)
	}
	return d.convert(c, s, cmd)
}

// now exchanges at the price of the moment.
func (d *Dialect) now(c *call) (int, []byte, error) {
	s := d.swap(c)
	foreign := c.req.text("foreign_id", true, textMax)
	if len(c.req.errors) > 0 {
		return 0, nil, fields(http.StatusBadRequest, c.req.errors...)
	}
	return d.convert(c, s, d.Desk.Convert(c.ctx(), intake.Swap{
		Merchant: c.Merchant, ForeignID: foreign, From: s.from.Asset, To: s.to.Asset, Form: s.form, Amount: s.amount, Actor: c.Actor,
	}))
}

// convert books an exchange.
func (d *Dialect) convert(c *call, s swap, cmd account.Convert) (int, []byte, error) {
	if s.from.Asset.Code == s.to.Asset.Code {
		return 0, nil, invalid("sender_currency", textPair)
	}
	own, err := d.keys.Own(c.ctx(), c.Merchant)
	if err != nil {
		return 0, nil, refused(err, s.blame())
	}
	cmd.Account = own.Seq
	made, err := commit.Do(c.ctx(), d.Loop, c.Merchant.Shard, alias.Numbered[account.Conversion]{
		Command: cmd, Merchant: c.Merchant.Seq, Wire: Name, Kind: asking{kindExchange, s.from.Code, s.to.Code}.String(),
	})
	if err != nil {
		return 0, nil, refused(err, s.blame())
	}
	x := made.Value
	w := &json.Writer{}
	w.Open().Key("data").Open().Int("id", made.Number).Text("foreign_id", x.ForeignID).Text("type", kindExchange).
		Text("sender_amount", eightPlaces(s.from.Asset, x.Send, true)).Text("sender_currency", s.from.Code).
		Text("receiver_amount", eightPlaces(s.to.Asset, x.Receive, false)).Text("receiver_currency", s.to.Code).
		Text("fee_amount", eightPlaces(s.from.Asset, x.Fee, true)).Text("fee_currency", s.from.Code).Text("price", x.Price).Text("status", "processing")
	w.Close().Close()
	return http.StatusCreated, w.Bytes(), nil
}

// offered finds the price that a client sends back: of this merchant, unused and
// valid, for the same currencies, amount and price. The zero quote: there is none.
func (d *Dialect) offered(c *call, s swap, price string) (quote.Quote, error) {
	now := d.Now()
	// The clock of a row's number may run ahead of this one a little.
	rows, err := d.Reads.QuotesOf(c.ctx(), c.Merchant, now.Add(-2*validity), quotesMax)
	if err != nil {
		return quote.Quote{}, dialect.Unavailable(err)
	}
	for _, q := range rows {
		if q.UsedBy != 0 || q.Expired(now) || q.SendCurrency != s.from.Asset.Code || q.ReceiveCurrency != s.to.Asset.Code {
			continue
		}
		// With a fee out of the amount, a client may send back what it asked for or what it was answered.
		gross, err := q.Send.Add(q.Fee)
		sent := q.Send == s.amount || q.FeeInside && err == nil && gross == s.amount
		if s.form == fx.ReceiveForm && q.Receive != s.amount || s.form == fx.SendForm && !sent {
			continue
		}
		if have, ok := decimal(q.Price); ok && have == price {
			return q, nil
		}
	}
	return quote.Quote{}, nil
}
