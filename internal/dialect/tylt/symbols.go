package tylt

import (
	"slices"
	"strings"

	"sluice/internal/money"
	"sluice/internal/rail"
)

// way is a currency on a network, as the wire offers it.
type way struct {
	asset   money.Asset
	network string // as it is called here
	symbol  string // as the wire calls it
	coin    bool   // the network takes its fees in it
}

// symbols are what the wire calls networks. A network that is not here is called by
// its name in capital letters.
var symbols = map[string]string{
	"ethereum": "ETH", "bsc": "BSC", "tron": "TRON", "bitcoin": "BTC", "litecoin": "LTC", "dogecoin": "DOGE", "solana": "SOL",
	"avalanche": "AVAX", "ripple": "XRP",
}

// aliases are other symbols that clients send.
var aliases = map[string]string{"TRX": "TRON"}

// standards are what tokens of a network follow.
var standards = map[string]string{"ETH": "ERC20", "BSC": "BEP20", "TRON": "TRC20"}

// networkNames are for people.
var networkNames = map[string]string{
	"ETH": "Ethereum", "BSC": "BNB Smart Chain", "TRON": "Tron", "BTC": "Bitcoin", "LTC": "Litecoin", "DOGE": "Dogecoin", "SOL": "Solana",
	"AVAX": "Avalanche", "XRP": "XRP Ledger",
}

// currencyNames are for people.
var currencyNames = map[string]string{
	"AVAX": "Avalanche", "BNB": "BNB", "BTC": "Bitcoin", "DAI": "Dai", "DOGE": "Dogecoin", "ETH": "Ethereum", "LTC": "Litecoin", "SOL": "Solana",
	"TRX": "Tron", "USDC": "USD Coin", "USDT": "Tether", "XRP": "XRP",
}

// fiats are the currencies of states, with their names.
var fiats = map[string]string{
	"AED": "UAE Dirham", "ARS": "Argentine Peso", "AUD": "Australian Dollar", "BDT": "Bangladeshi Taka", "BGN": "Bulgarian Lev", "BRL": "Brazilian Real",
	"CAD": "Canadian Dollar", "CHF": "Swiss Franc", "CLP": "Chilean Peso", "CNY": "Chinese Yuan", "COP": "Colombian Peso", "CZK": "Czech Koruna",
	"DKK": "Danish Krone", "EGP": "Egyptian Pound", "EUR": "Euro", "GBP": "British Pound", "GHS": "Ghanaian Cedi", "HKD": "Hong Kong Dollar",
	"HUF": "Hungarian Forint", "IDR": "Indonesian Rupiah", "ILS": "Israeli Shekel", "INR": "Indian Rupee", "ISK": "Icelandic Krona", "JPY": "Japanese Yen",
	"KES": "Kenyan Shilling", "KRW": "South Korean Won", "LKR": "Sri Lankan Rupee", "MXN": "Mexican Peso", "MYR": "Malaysian Ringgit", "NGN": "Nigerian Naira",
	"NOK": "Norwegian Krone", "NPR": "Nepalese Rupee", "NZD": "New Zealand Dollar", "PEN": "Peruvian Sol", "PHP": "Philippine Peso", "PKR": "Pakistani Rupee",
	"PLN": "Polish Zloty", "RON": "Romanian Leu", "SAR": "Saudi Riyal", "SEK": "Swedish Krona", "SGD": "Singapore Dollar", "THB": "Thai Baht",
	"TRY": "Turkish Lira", "TWD": "New Taiwan Dollar", "TZS": "Tanzanian Shilling", "UAH": "Ukrainian Hryvnia", "UGX": "Ugandan Shilling", "USD": "US Dollar",
	"UYU": "Uruguayan Peso", "VND": "Vietnamese Dong", "ZAR": "South African Rand",
}

func named(names map[string]string, symbol string) string {
	if n := names[symbol]; n != "" {
		return n
	}
	return symbol
}

func currencyName(code string) string {
	if n := fiats[code]; n != "" {
		return n
	}
	return named(currencyNames, code)
}

func isFiat(code string) bool { return fiats[code] != "" }

// waysOf gives every way out that the wire offers, in order of assets and their
// networks. It does not pay to banks.
func waysOf(assets money.Assets, rails map[string]rail.Rail, own map[string]string) []way {
	var out []way
	for _, code := range assets.Codes() {
		a := assets[code]
		for _, network := range a.Networks {
			r, running := rails[network]
			if _, bank := r.(rail.BankChecker); bank || !running {
				continue
			}
			out = append(out, way{a, network, symbolOf(network, own), r.FeeAsset() == code})
		}
	}
	return out
}

func symbolOf(network string, own map[string]string) string {
	if s := own[network]; s != "" {
		return strings.ToUpper(s)
	}
	if s := symbols[network]; s != "" {
		return s
	}
	return strings.ToUpper(network)
}

// way finds what a client means by a currency and a network.
func (d *Dialect) way(currency, symbol string) (way, bool) {
	currency, symbol = strings.ToUpper(currency), strings.ToUpper(symbol)
	for _, s := range []string{symbol, aliases[symbol]} {
		for _, w := range d.ways {
			if s != "" && w.asset.Code == currency && w.symbol == s {
				return w, true
			}
		}
	}
	return way{}, false
}

// symbol is what the wire calls a network; "" for one that it does not offer.
func (d *Dialect) symbol(network string) string {
	for _, w := range d.ways {
		if w.network == network {
			return w.symbol
		}
	}
	return ""
}

// networks are the names, here, of the networks that the wire offers.
func (d *Dialect) networks() []string {
	var out []string
	for _, w := range d.ways {
		if !slices.Contains(out, w.network) {
			out = append(out, w.network)
		}
	}
	return out
}
