package coinspaid

import (
	"errors"
	"net/http"

	"sluice/internal/dialect"
	"sluice/internal/id"
	"sluice/internal/json"
	"sluice/internal/ledger"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fx"
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
	w := &json.Writer{}
	w.Open().Key("data").List()
	for _, x := range d.codes { // of an asset with several codes, the same balance under each
		w.Open().Text("currency", x.Code).Text("type", x.kind()).Text("balance", eightPlaces(x.Asset, have[x.Asset.Code].Available, false)).Close()
	}
	w.End().Close()
	return http.StatusOK, w.Bytes(), nil
}

// currencies lists every currency with its least amount and what is charged in percent.
func (d *Dialect) currencies(c *call) (int, []byte, error) {
	w := &json.Writer{}
	w.Open().Key("data").List()
	for _, x := range d.codes {
		limit := x.Asset.Limit(x.Network)
		// What stands in the way of a price says nothing about the percentage.
		t, _ := d.Desk.Terms.For(c.ctx(), pricing.Ask{Merchant: c.Merchant, From: x.Asset, To: x.Asset, Network: x.Network, Form: fx.SendForm, Amount: money.Of(1)})
		w.Open().Int("id", x.number()).Text("type", x.kind()).Text("currency", x.Code).Text("minimum_amount", eightPlaces(x.Asset, money.Of(1), true)).
			Text("deposit_fee_percent", "0").Text("withdrawal_fee_percent", money.Asset{Scale: 6}.Format(money.Of(uint64(t.Schedule.PPM)))). //nolint:gosec // 0 to a million
			Int("precision", places).Text("minimum_withdrawal_amount", eightPlaces(x.Asset, limit.Min, true))
		if !limit.Max.IsZero() {
			w.Text("maximum_withdrawal_amount", eightPlaces(x.Asset, limit.Max, false))
		}
		w.Close()
	}
	w.End().Close()
	return http.StatusOK, w.Bytes(), nil
}

// pairs lists what is exchanged, at the price of the moment: every code that pays with every
// code that is paid out. A pair without a price now is left out. Between two codes of one
// asset the price is one.
func (d *Dialect) pairs(c *call) (int, []byte, error) {
	from, to := d.optional(c, "currency_from"), d.optional(c, "currency_to")
	if len(c.req.errors) > 0 {
		return 0, nil, fields(http.StatusBadRequest, c.req.errors...)
	}
	w := &json.Writer{}
	w.Open().Key("data").List()
	each := func(give, get, price string, least money.Amount) {
		for _, in := range d.codes {
			for _, out := range d.codes {
				wanted := (from.Code == "" || from.Code == in.Code) && (to.Code == "" || to.Code == out.Code)
				if wanted && in.Asset.Code == give && out.Asset.Code == get && in.Code != out.Code {
					pair(w, in, out, price, least)
				}
			}
		}
	}
	for _, p := range d.Desk.Terms.Exchanged() {
		_, m, err := d.Desk.Terms.Price(p.From, p.To)
		if err != nil {
			continue
		}
		price, err := m.Bid.Less(p.Spread)
		if err != nil {
			return 0, nil, err
		}
		each(p.From.Code, p.To.Code, price.Text(places), p.MinSend)
	}
	for _, asset := range d.Assets().Codes() {
		each(asset, asset, one, money.Amount{})
	}
	w.End().Close()
	return http.StatusOK, w.Bytes(), nil
}

// one is the price between two codes of one asset.
const one = "1.00000000"

func pair(w *json.Writer, in, out code, price string, least money.Amount) {
	if limit := out.Asset.Limit(out.Network); in.Asset.Code == out.Asset.Code {
		least = limit.Min
	}
	w.Open().Key("currency_from").Open().Text("currency", in.Code).Text("type", in.kind()).Text("min_amount", eightPlaces(in.Asset, least, true))
	if in.Network != "" {
		w.Text("min_amount_deposit_with_exchange", eightPlaces(in.Asset, least, true))
	}
	w.Close().Key("currency_to").Open().Text("currency", out.Code).Text("type", out.kind()).Close().Text("rate_from", "1").Text("rate_to", price).Close()
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
