package api

import (
	"cmp"
	"net/http"
	"slices"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/payout"
)

// ping tells a client who it is here.
func ping(c *call) (int, error) {
	o := c.objects()
	o.open()
	o.plain("object", "ping")
	o.text("version", c.Version)
	if c.who.merchant.IsZero() {
		o.null("merchant")
	} else {
		o.plain("merchant", c.who.merchant.Text(id.Merchant))
	}
	o.plain("mode", string(c.who.key.Mode))
	o.list("scopes")
	for _, s := range slices.Sorted(scopesOf(c.who)) {
		o.item(s)
	}
	o.endList()
	o.time("time", c.Now())
	o.close()
	return http.StatusOK, nil
}

func scopesOf(who *caller) func(func(string) bool) {
	return func(yield func(string) bool) {
		for s := range who.scopes {
			if !yield(string(s)) {
				return
			}
		}
	}
}

var errNoMerchant = fault.New(fault.NotFound, "merchant_not_found", "this key belongs to no merchant")

func getMerchant(c *call) (int, error) {
	m, found, err := c.Reads.Merchant(c.ctx(), c.who.merchant)
	if err != nil {
		return 0, unavailable(err)
	}
	if !found {
		return 0, errNoMerchant
	}
	c.objects().merchant(m)
	return http.StatusOK, nil
}

func updateMerchant(c *call) (int, error) {
	o := c.doc.body()
	seconds, given := o.integer("cancel_window_seconds", 0, int64(merchant.MaxCancelWindow.Seconds()))
	o.end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	if !given {
		return getMerchant(c)
	}
	out, err := submit(c, merchant.SetCancelWindow{Merchant: c.who.merchant.Seq, CancelWindow: window(seconds)})
	if err != nil {
		return 0, err
	}
	m := out.Result
	if out.Replayed {
		return getMerchant(c)
	}
	c.objects().merchant(m)
	return http.StatusOK, nil
}

func listCurrencies(c *call) (int, error) {
	o := c.objects()
	o.open()
	o.plain("object", "list")
	o.list("data")
	for _, code := range c.Assets.Codes() {
		a := c.Assets[code]
		o.open()
		o.plain("object", "currency")
		o.plain("code", code)
		o.number("scale", int64(a.Scale))
		o.list("networks")
		for _, n := range a.Networks {
			o.item(n)
		}
		o.endList()
		o.list("limits")
		for _, n := range a.Networks {
			o.open()
			o.plain("network", n)
			limit := a.Limit(n)
			o.amount("minimum", code, limit.Min)
			if limit.Max.IsZero() {
				o.null("maximum")
			} else {
				o.amount("maximum", code, limit.Max)
			}
			o.close()
		}
		o.endList()
		o.close()
	}
	o.endList()
	o.null("next_cursor")
	o.close()
	return http.StatusOK, nil
}

func listWallets(c *call) (int, error) {
	rows, err := c.Reads.Wallets(c.ctx())
	if err != nil {
		return 0, unavailable(err)
	}
	slices.SortFunc(rows, func(a, b payout.Wallet) int { return cmp.Compare(a.Seq, b.Seq) })
	o := c.operator()
	o.open()
	o.plain("object", "list")
	o.list("data")
	for _, w := range rows {
		o.walletHead(w)
		o.close()
	}
	o.endList()
	o.null("next_cursor")
	o.close()
	return http.StatusOK, nil
}
