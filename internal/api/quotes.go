package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fx"
	"sluice/internal/pricing/quote"
)

// QuoteReads reads quotes.
type QuoteReads interface {
	Quote(ctx context.Context, at id.ID) (quote.Quote, bool, error)
}

func createQuote(c *call) (int, error) {
	o := c.doc.body()
	var x priceRequest
	x.from, x.to = o.asset("currency", c.Assets), o.asset("receive_currency", c.Assets)
	x.form, x.amount = o.fixed(x.from, x.to)
	network := o.optional("network")
	seconds, _ := o.integer("valid_seconds", 1, int64(quote.MaxValidity.Seconds()))
	o.end()
	if x.from.Code != "" && x.from.Code == x.to.Code {
		o.d.wrong("same_currency", "receive_currency", "must be another currency than %s", x.from.Code)
	}
	switch {
	case network == "" && len(x.to.Networks) == 1:
		network = x.to.Networks[0]
	case network == "" && len(x.to.Networks) > 1:
		o.d.wrong("field_required", "network", "is required, because %s is paid out on %s: the fee depends on it", x.to.Code, strings.Join(x.to.Networks, " and "))
	case network != "" && !x.to.On(network):
		o.d.wrong("wrong_network", "network", "%s is not paid out on %q", x.to.Code, network)
	}
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	cmd := quote.Create{Merchant: c.who.merchant.Seq, FeeCurrency: x.from.Code, Network: network, ValidFor: time.Duration(seconds) * time.Second}
	t, err := c.Terms.For(c.ctx(), pricing.Ask{Merchant: c.who.merchant, From: x.from, To: x.to, Network: network, Form: x.form, Amount: x.amount})
	if err != nil {
		cmd.Problem = pricing.Named(err, "amount")
	}
	cmd.Deal, cmd.Fee, cmd.FeeInside = t.Deal, t.Charge.Fee, t.Schedule.Inside
	out, err := submit(c, cmd)
	if err != nil {
		return 0, err
	}
	q := out.Result
	if out.Replayed {
		if q, err = one(c.Reads.Quote(c.ctx(), c.at(out.Answer.Ref))); err != nil {
			return 0, err
		}
		q = q.AsCreated()
	}
	c.location = "/v1/quotes/" + c.at(q.Seq).Text(id.Quote)
	c.objects().quote(q)
	return http.StatusCreated, nil
}

func getQuote(c *call) (int, error) {
	at, err := c.id(id.Quote, errNoQuote)
	if err != nil {
		return 0, err
	}
	q, found, err := maybe(c.Reads.Quote(c.ctx(), at))
	if err == nil && (!found || !c.owns(q.Merchant)) {
		err = errNoQuote
	}
	if err != nil {
		return 0, err
	}
	c.objects().quote(q)
	return http.StatusOK, nil
}

func (o objects) quote(q quote.Quote) {
	o.head(id.Quote, "quote", q.Seq, q.Version)
	o.plain("form", string(q.Form))
	o.plain("currency", q.SendCurrency)
	o.amount("amount", q.SendCurrency, q.Send)
	o.amount("fee", q.FeeCurrency, q.Fee)
	o.plain("fee_from", feeFrom(q.FeeInside))
	total, err := q.Send.Add(q.Fee)
	if err != nil {
		o.fail(err)
	}
	o.amount("total", q.SendCurrency, total)
	o.object("receive")
	o.plain("currency", q.ReceiveCurrency)
	o.amount("amount", q.ReceiveCurrency, q.Receive)
	o.close()
	o.maybe("network", q.Network)
	o.plain("price", q.Price)
	o.time("rate_at", q.RateAt)
	o.names("sources", q.Sources)
	o.time("created_at", q.CreatedAt)
	o.time("expires_at", q.ExpiresAt)
	o.ref("used_by", id.Withdrawal, q.UsedBy)
	o.time("used_at", q.UsedAt)
	o.close()
}

// names writes a list of words that are kept with commas between them.
func (o objects) names(k, joined string) {
	o.list(k)
	for _, name := range strings.FieldsFunc(joined, func(r rune) bool { return r == ',' }) {
		o.item(name)
	}
	o.endList()
}

// feeFrom says where a fee is taken from.
func feeFrom(inside bool) string {
	if inside {
		return "amount"
	}
	return "balance"
}

// listRates tells every pair that is exchanged, with its price now or why there is none.
func listRates(c *call) (int, error) {
	q := c.query()
	from, to := q.choice("currency", c.Assets.Codes()...), q.choice("receive_currency", c.Assets.Codes()...)
	if err := q.end(); err != nil {
		return 0, err
	}
	o := c.objects()
	o.open()
	o.plain("object", "list")
	o.list("data")
	for _, p := range c.Terms.Exchanged() {
		if (from == "" || from == p.From.Code) && (to == "" || to == p.To.Code) {
			o.rate(c, p)
		}
	}
	o.endList()
	o.null("next_cursor")
	o.close()
	return http.StatusOK, nil
}

func (o objects) rate(c *call, p fx.Pair) {
	_, m, err := c.Terms.Price(p.From, p.To)
	price, rateErr := m.Bid.Less(p.Spread)
	if err == nil {
		err = rateErr
	}
	o.open()
	o.plain("object", "rate")
	o.plain("currency", p.From.Code)
	o.plain("receive_currency", p.To.Code)
	o.limit("minimum", p.From, p.MinSend)
	o.limit("maximum", p.From, p.MaxSend)
	o.limit("minimum_receive", p.To, p.MinReceive)
	o.number("spread_bps", int64(p.Spread))
	if f := fault.Of(err); f != nil {
		for _, k := range []string{"price", "market_bid", "market_ask", "at", "age_seconds"} {
			o.null(k)
		}
		o.names("sources", "")
		o.null("via")
		o.object("problem")
		o.plain("code", f.Code)
		o.text("detail", f.Message)
		o.close()
		o.close()
		return
	}
	o.plain("price", price.Text(quote.PriceDecimals))
	o.plain("market_bid", m.Bid.Text(quote.PriceDecimals))
	o.plain("market_ask", m.Ask.Text(quote.PriceDecimals))
	o.time("at", m.At)
	o.number("age_seconds", int64(max(c.Now().Sub(m.At), 0).Seconds()))
	o.names("sources", strings.Join(m.Sources, ","))
	o.maybe("via", m.Via)
	o.null("problem")
	o.close()
}

// limit writes a bound of an amount, null for none.
func (o objects) limit(k string, a money.Asset, v money.Amount) {
	if v.IsZero() {
		o.null(k)
		return
	}
	o.plain(k, a.Format(v))
}
