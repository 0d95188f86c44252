package tylt

import (
	"slices"

	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fx"
)

// maximum stands for no limit: the wire has a number there and clients compare with it.
const maximum = "999999999999"

// cryptoCurrencies lists what can be paid out and how.
func (d *Dialect) cryptoCurrencies(c *call, w *writer) error {
	w.List()
	last := ""
	for _, x := range d.ways {
		if x.asset.Code != last {
			if last != "" {
				w.End().Close()
			}
			w.Open().Text("currencyName", currencyName(x.asset.Code)).Text("currencySymbol", x.asset.Code).Key("networks").List()
			last = x.asset.Code
		}
		d.network(c, w, x)
	}
	if last != "" {
		w.End().Close()
	}
	w.End()
	return nil
}

// network writes a way out of a currency.
func (d *Dialect) network(c *call, w *writer, x way) {
	standard, contract := standards[x.symbol], ""
	if x.coin {
		standard = "NATIVE"
	}
	if t, ok := d.Desk.Rails[x.network].(interface{ Contract(asset string) string }); ok {
		contract = t.Contract(x.asset.Code)
	}
	w.Open().Text("standard", standard)
	w.flag("canDeposit", false)
	w.flag("canWithdraw", true)
	w.charge("networkFees", x.asset, d.networkFee(c, x))
	w.Text("networkName", named(networkNames, x.symbol)).Text("networkSymbol", x.symbol)
	w.Int("maximumDeposit", 0).Int("minimumDeposit", 0).Text("contractAddress", contract)
	limit := x.asset.Limit(x.network)
	if limit.Max.IsZero() {
		w.Raw("maximumWithdrawal", maximum)
	} else {
		w.amount("maximumWithdrawal", x.asset, limit.Max)
	}
	w.charge("minimumWithdrawal", x.asset, limit.Min)
	w.Close()
}

// networkFee is what of the network's fee is passed on at the most. Where that cannot
// be said now, nothing is.
func (d *Dialect) networkFee(c *call, x way) money.Amount {
	t, err := d.Desk.Terms.For(c.ctx(), pricing.Ask{
		Merchant: c.Merchant, From: x.asset, To: x.asset, Network: x.network, Form: fx.ReceiveForm, Amount: money.Of(1),
	})
	if err != nil {
		return money.Amount{}
	}
	return t.Network.Hold
}

// fiatCurrencies lists the currencies of states that a payout may be named in.
func (d *Dialect) fiatCurrencies(_ *call, w *writer) error {
	w.List()
	for _, code := range d.bases() {
		if isFiat(code) {
			w.Open().Text("currencyName", currencyName(code)).Text("currencySymbol", code).Close()
		}
	}
	w.End()
	return nil
}

// cryptoNetworks lists the networks.
func (d *Dialect) cryptoNetworks(_ *call, w *writer) error {
	var all []string
	for _, x := range d.ways {
		all = append(all, x.symbol)
	}
	slices.Sort(all)
	w.List()
	for _, symbol := range slices.Compact(all) {
		w.Open().Text("networkName", named(networkNames, symbol)).Text("networkSymbol", symbol).Close()
	}
	w.End()
	return nil
}

// baseCurrencies lists what the amount of a payout may be in.
func (d *Dialect) baseCurrencies(_ *call, w *writer) error {
	w.List()
	for _, code := range d.bases() {
		kind := "CRYPTO"
		if isFiat(code) {
			kind = "FIAT"
		}
		w.Open().Text("currencyName", currencyName(code)).Text("currencySymbol", code).Text("currencyType", kind).Close()
	}
	w.End()
	return nil
}

// bases are the currencies that can be paid out, and those that are exchanged for one.
func (d *Dialect) bases() []string {
	paid := map[string]bool{}
	var all []string
	for _, x := range d.ways {
		paid[x.asset.Code] = true
		all = append(all, x.asset.Code)
	}
	for _, p := range d.Desk.Terms.Exchanged() {
		if paid[p.To.Code] {
			all = append(all, p.From.Code)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
