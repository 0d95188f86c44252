package coinspaid

import (
	"hash/crc32"
	"strings"

	"sluice/internal/money"
	"sluice/internal/rail"
)

// code is a currency as the wire names it: the code says the network too.
type code struct {
	Code    string
	Asset   money.Asset
	Network string // "" where it is not paid out on a chain
	Primary bool   // the one that the balance of the asset is shown under
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
