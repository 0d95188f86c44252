package coinspaid

import (
	"errors"
	"net/http"

	"sluice/internal/dialect"
	"sluice/internal/fx"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
	"sluice/internal/terms"
)

// accounts lists every balance of the merchant's own account, also those of nothing.
func (d *Dialect) accounts(c *call) (int, []byte, error) {
	have := map[string]ledger.Balance{}
	own, err := d.keys.Own(c.ctx(), c.Merchant)
	switch {
	case errors.Is(err, dialect.ErrNoAccount): // nothing was ever credited
	case err != nil:
		return 0, nil, err
	default:
		rows, err := d.Reads.Balances(c.ctx(), id.ID{Shard: c.Merchant.Shard, Seq: own.Seq})
		if err != nil {
			return 0, nil, dialect.Unavailable(err)
		}
		for _, b := range rows {
			have[b.Currency] = b
		}
	}
	w := &writer{}
	w.open().key("data").list()
	for _, x := range d.codes {
		if x.Primary {
			w.open().text("currency", x.Code).text("type", x.kind()).text("balance", eight(x.Asset, have[x.Asset.Code].Available, false)).close()
		}
	}
	w.end().close()
	return http.StatusOK, w.b, nil
}

// currencies lists every currency with its least amount and what is charged in percent.
func (d *Dialect) currencies(c *call) (int, []byte, error) {
	w := &writer{}
	w.open().key("data").list()
	for _, x := range d.codes {
		least := eight(x.Asset, money.Of(1), true)
		// What stands in the way of a price says nothing about the percentage.
		t, _ := d.Desk.Terms.For(c.ctx(), terms.Ask{Merchant: c.Merchant, From: x.Asset, To: x.Asset, Network: x.Network, Form: fx.SendForm, Amount: money.Of(1)})
		w.open().number("id", x.number()).text("type", x.kind()).text("currency", x.Code).text("minimum_amount", least).
			text("deposit_fee_percent", "0").text("withdrawal_fee_percent", money.Asset{Scale: 6}.Format(money.Of(uint64(t.Schedule.PPM)))). //nolint:gosec // 0 to a million
			number("precision", places).text("minimum_withdrawal_amount", least).close()
	}
	w.end().close()
	return http.StatusOK, w.b, nil
}

// pairs lists what is exchanged, at the price of the moment. A pair without a price
// now is left out.
func (d *Dialect) pairs(c *call) (int, []byte, error) {
	from, to := d.optional(c, "currency_from"), d.optional(c, "currency_to")
	if len(c.req.errors) > 0 {
		return 0, nil, fields(http.StatusBadRequest, c.req.errors...)
	}
	w := &writer{}
	w.open().key("data").list()
	for _, p := range d.Desk.Terms.Exchanged() {
		if from.Code != "" && from.Asset.Code != p.From.Code || to.Code != "" && to.Asset.Code != p.To.Code {
			continue
		}
		_, m, err := d.Desk.Terms.Price(p.From, p.To)
		if err != nil {
			continue
		}
		price, err := m.Bid.Less(p.Spread)
		if err != nil {
			return 0, nil, err
		}
		for _, out := range d.codes {
			if out.Asset.Code == p.To.Code && (to.Code == "" || to.Code == out.Code) {
				d.pair(w, p, out, price.Text(places))
			}
		}
	}
	w.end().close()
	return http.StatusOK, w.b, nil
}

func (d *Dialect) pair(w *writer, p fx.Pair, out code, price string) {
	sender, _ := d.find(d.named(p.From.Code, ""))
	w.open().key("currency_from").open().text("currency", sender.Code).text("type", sender.kind()).text("min_amount", eight(p.From, p.MinSend, true))
	if sender.Network != "" {
		w.text("min_amount_deposit_with_exchange", eight(p.From, p.MinSend, true))
	}
	w.close().key("currency_to").open().text("currency", out.Code).text("type", out.kind()).close().text("rate_from", "1").text("rate_to", price).close()
}

// optional is a member that names a currency, if it is there.
func (d *Dialect) optional(c *call, field string) code {
	name := c.req.text(field, false, 100)
	if name == "" {
		return code{}
	}
	return d.known(c, field, name)
}

// required is a member that names a currency.
func (d *Dialect) required(c *call, field string) code {
	name := c.req.text(field, true, 100)
	if name == "" {
		return code{}
	}
	return d.known(c, field, name)
}

func (d *Dialect) known(c *call, field, name string) code {
	x, ok := d.find(name)
	if !ok {
		c.req.wrong(field, "The selected "+words(field)+" is invalid.")
	}
	return x
}
