package upvest

import (
	"slices"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// defaultCurrency is that of requests that name none.
const defaultCurrency = "EUR"

// payer is a bank that pays a currency.
type payer struct {
	rail.BankChecker
	network string
	asset   money.Asset
}

// banksOf are the networks that pay a currency to bank accounts, by name.
func (d *Dialect) banksOf(code string) []payer {
	asset := d.Assets()[code]
	networks := slices.Clone(asset.Networks)
	slices.Sort(networks)
	var out []payer
	for _, n := range networks {
		if b, ok := d.Desk.Rails[n].(rail.BankChecker); ok {
			out = append(out, payer{b, n, asset})
		}
	}
	return out
}

// banked tells whether a currency is one of the wire.
func (d *Dialect) banked(code string) bool {
	return code == defaultCurrency || len(d.banksOf(code)) > 0
}

// currencies are all of the wire, the default one first.
func (d *Dialect) currencies() []string {
	out := []string{defaultCurrency}
	for _, code := range d.Assets().Codes() {
		if code != defaultCurrency && d.banked(code) {
			out = append(out, code)
		}
	}
	return out
}

// pays gives the bank that pays a currency, where one is preferred that one.
func (d *Dialect) pays(code, preferred string) (payer, error) {
	all := d.banksOf(code)
	if i := slices.IndexFunc(all, func(p payer) bool { return p.network == preferred }); i >= 0 {
		return all[i], nil
	}
	if len(all) == 0 {
		return payer{}, fault.New(fault.Unavailable, "network_not_running", "no bank that pays %s is running in this installation at the moment", code)
	}
	return all[0], nil
}

// currency reads the currency of a request.
func (c *call) currency(in members) string {
	code := in.text("currency")
	if code == "" {
		return defaultCurrency
	}
	if !c.banked(code) {
		in.mistake("currency", "%q is not paid to bank accounts here; there is %s", code, list(c.currencies()))
	}
	return code
}

// teller writes rows of a merchant as the wire has them.
type teller struct {
	assets money.Assets
	shard  id.Shard
	// stays says that a withdrawal that a bank gave back stays confirmed.
	stays bool
}

func (c *call) teller() teller {
	return teller{c.Assets(), c.party.Merchant.Shard, stays(c.party.Credential)}
}

// uuid writes the id of a row.
func (t teller) uuid(k id.Kind, seq id.Seq) string { return uuid(k, id.ID{Shard: t.shard, Seq: seq}) }

// asset gives a currency. One that the installation does not have any more is written with
// two decimals.
func (t teller) asset(code string) money.Asset {
	if a, ok := t.assets[code]; ok {
		return a
	}
	return money.Asset{Code: code, Scale: 2}
}

// amount writes an amount with all its decimals.
func (t teller) amount(code string, a money.Amount) string { return t.asset(code).Format(a) }
