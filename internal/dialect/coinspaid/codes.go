package coinspaid

import (
	"hash/crc32"
	"strings"

	"sluice/internal/dialect/alias"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/withdrawal"
)

// code is a currency as the wire names it: the code says the network too. An asset on
// several networks has several codes, each of which is a currency of its own here; they
// share one balance.
type code struct {
	Code    string
	Asset   money.Asset
	Network string // "" where it is not paid out on a chain
	Primary bool   // the one that the asset is shown under where no code was named
}

// suffixes are how the wire tells the networks of tokens apart.
var suffixes = map[string]map[string]string{
	"USDT": {"ethereum": "E", "tron": "T", "bsc": "B", "arbitrum": "A", "base": "BASE"},
	"USDC": {"ethereum": "", "arbitrum": "A", "base": "BASE"},
	"BNB":  {"bsc": "-BSC"},
}

// codes gives every code of an installation, in order of assets and their networks.
func codesOf(assets money.Assets, rails map[string]rail.Rail) []code {
	var out []code
	for _, name := range assets.Codes() {
		a := assets[name]
		first := true
		for _, network := range a.Networks {
			if _, bank := rails[network].(rail.BankChecker); bank {
				continue // this wire does not pay to banks
			}
			suffix, known := suffixes[name][network]
			if !known && !first {
				suffix = "-" + strings.ToUpper(network)
			}
			out = append(out, code{name + suffix, a, network, first})
			first = false
		}
		if first {
			out = append(out, code{Code: name, Asset: a, Primary: true})
		}
	}
	return out
}

// kind is the type of a currency on the wire.
func (c code) kind() string {
	if c.Network == "" {
		return "fiat"
	}
	return "crypto"
}

// number is the id of a currency: the same for ever.
func (c code) number() int64 { return int64(crc32.ChecksumIEEE([]byte(c.Code)) >> 1) }

// find gives a code by its name: as the wire writes it, or as this installation does
// where that leaves no choice.
func (d *Dialect) find(name string) (code, bool) {
	var own []code
	for _, c := range d.codes {
		if c.Code == name {
			return c, true
		}
		if c.Asset.Code == name {
			own = append(own, c)
		}
	}
	if len(own) == 1 {
		return own[0], true
	}
	return code{}, false
}

// named is the code of an asset on a network; of a balance, with "".
func (d *Dialect) named(asset, network string) string {
	for _, c := range d.codes {
		if c.Asset.Code == asset && (network == "" && c.Primary || network != "" && c.Network == network) {
			return c.Code
		}
	}
	return asset
}

// The kinds of rows that have numbers on this wire, which are its types of transactions too.
const (
	kindWithdrawal      = "withdrawal"
	kindWithdrawalSwap  = "withdrawal_exchange"
	kindInstant         = "withdrawal_instant"
	kindInstantExchange = "withdrawal_instant_exchange"
	kindExchange        = "exchange"
)

// asking is how a transaction was asked for: its kind and both codes. It is kept as the kind
// of the row's number; what was made elsewhere has the kind alone.
type asking struct{ kind, sender, receiver string }

func (a asking) String() string { return a.kind + " " + a.sender + " " + a.receiver }

func askingOf(a alias.Alias) asking {
	var x asking
	for n, word := range strings.Fields(a.Kind) {
		*[]*string{&x.kind, &x.sender, &x.receiver, new(string)}[min(n, 3)] = word
	}
	return x
}

// payment is a withdrawal as the wire names it.
type payment struct {
	withdrawal.Withdrawal
	asking
	number int64
}

// payment names a withdrawal.
func (d *Dialect) payment(x withdrawal.Withdrawal, a alias.Alias) payment {
	p := payment{x, askingOf(a), a.Number}
	if p.sender == "" { // it was made on another way
		p.kind, p.receiver = kindWithdrawal, d.named(x.ReceiveCurrency, x.Network)
		p.sender = p.receiver
		if x.Converted() {
			p.kind, p.sender = kindWithdrawalSwap, d.named(x.Currency, "")
		}
	}
	return p
}

// exchanged tells whether what is taken and what is paid out are two currencies of the wire.
func (p payment) exchanged() bool { return p.sender != p.receiver }

// swapped names an exchange inside the account.
func (d *Dialect) swapped(x account.Conversion, a alias.Alias) asking {
	out := askingOf(a)
	if out.sender == "" {
		out.sender, out.receiver = d.named(x.SendCurrency, ""), d.named(x.ReceiveCurrency, "")
	}
	return out
}
