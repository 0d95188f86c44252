package tylt

import (
	"strings"

	"sluice/internal/dialect"
	"sluice/internal/id"
	"sluice/internal/pricing/quote"
	"sluice/internal/withdrawal"
)

// information tells of one payout, by its id or by the merchant's.
func (d *Dialect) information(c *call, w *writer) error {
	x, err := d.one(c)
	if err != nil {
		return err
	}
	// What another merchant has, and what this wire cannot tell of, is not there.
	if x.Merchant != c.Merchant.Seq || d.symbol(x.Network) == "" {
		return errNotFound
	}
	if err := d.payout(w, c.Credential, c.Merchant.Shard, x); err != nil {
		return err
	}
	w.Close()
	return nil
}

func (d *Dialect) one(c *call) (x withdrawal.Withdrawal, err error) {
	foreign, found := "", false
	if c.fields.has("merchantOrderId") && !c.fields.has("orderId") {
		if foreign, err = c.fields.text("merchantOrderId", addressMax); err != nil || strings.ContainsFunc(foreign, unreadable) {
			return x, errNotFound
		}
		x, found, err = d.Reads.WithdrawalByForeignID(c.ctx(), c.Merchant, foreign)
	} else {
		order, bad := c.fields.needText("orderId", addressMax)
		if bad != nil {
			return x, bad
		}
		at, bad := id.ParseDashed(id.Withdrawal, order)
		if bad != nil || at.Shard != c.Merchant.Shard {
			return x, errNotFound
		}
		x, found, err = d.Reads.Withdrawal(c.ctx(), at)
	}
	switch {
	case err != nil:
		return x, dialect.Unavailable(err)
	case !found:
		return x, errNotFound
	}
	return x, nil
}

// Bounds of the history.
const (
	rowsDefault = 20
	rowsMax     = 100
	// depth is how far back pages reach: a page costs as much time as the ones before it.
	depth = 1_000_000
)

// history lists payouts, newest first.
func (d *Dialect) history(c *call, w *writer) error {
	rows, err := c.fields.whole("rows", rowsDefault, 1, rowsMax)
	if err != nil {
		return err
	}
	page, err := c.fields.whole("page", 1, 1, depth/rows)
	if err != nil {
		return err
	}
	all, err := d.Reads.WithdrawalsOn(c.ctx(), c.Merchant, d.networks(), (page-1)*rows, rows)
	if err != nil {
		return dialect.Unavailable(err)
	}
	w.List()
	for _, x := range all {
		if err := d.payout(w, c.Credential, c.Merchant.Shard, x); err != nil {
			return err
		}
		w.Close()
	}
	w.End()
	return nil
}

// balance lists what the merchant's own account has available.
func (d *Dialect) balance(c *call, w *writer) error {
	own, err := d.keys.Own(c.ctx(), c.Merchant)
	w.List()
	switch {
	case err == dialect.ErrNoAccount: //nolint:errorlint // never wrapped
	case err != nil:
		return err
	default:
		all, err := d.Reads.Balances(c.ctx(), id.ID{Shard: c.Merchant.Shard, Seq: own.Seq})
		if err != nil {
			return dialect.Unavailable(err)
		}
		for _, b := range all {
			if asset, known := d.Assets()[b.Currency]; known {
				w.Open().Text("currencySymbol", b.Currency)
				w.amount("balance", asset, b.Available)
				w.Close()
			}
		}
	}
	w.End()
	return nil
}

// ratesMax is how many rates the history of a pair has.
const ratesMax = 10

// rates lists the prices at which payouts of the merchant were exchanged, newest first.
func (d *Dialect) rates(c *call, w *writer) error {
	from, err := c.fields.needText("fromCurrencySymbol", symbolMax)
	if err != nil {
		return err
	}
	to, err := c.fields.needText("toCurrencySymbol", symbolMax)
	if err != nil {
		return err
	}
	direction, err := c.fields.needText("transactionType", symbolMax)
	if err != nil {
		return err
	}
	from, to = strings.ToUpper(from), strings.ToUpper(to)
	for name, code := range map[string]string{"fromCurrencySymbol": from, "toCurrencySymbol": to} {
		if _, known := d.Assets()[code]; !known {
			return invalid(name)
		}
	}
	var used []quote.Quote
	switch direction {
	case "payin": // there are none here
	case "payout":
		if used, err = d.Reads.QuotesUsed(c.ctx(), c.Merchant, from, to, ratesMax); err != nil {
			return dialect.Unavailable(err)
		}
	default:
		return invalid("transactionType")
	}
	w.List()
	for _, q := range used {
		w.Open().Text("fromCurrencySymbol", from).Text("toCurrencySymbol", to).Text("transactionType", direction)
		w.number("rate", q.Price, false)
		w.Text("createdAt", moment(q.CreatedAt)).Close()
	}
	w.End()
	return nil
}
