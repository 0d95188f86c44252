package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Template is a commented configuration file for a mode. It works as written: one
// currency, no network, SQLite. Every key is there; those at their default are
// commented out.
func Template(m Mode) string { return TemplateFor(m, SecretFiles{}) }

// SecretFiles are the files beside a new configuration, "" for none.
type SecretFiles struct {
	SealKeys   string // for seal.keys
	Passphrase string // for keystore.passphrase
	ChainKey   string // for chain.key
}

// TemplateFor is Template with files that hold secrets.
func TemplateFor(m Mode, secrets SecretFiles) string {
	var b strings.Builder
	b.WriteString("# Sluice. Every key may also come from the environment (its name stands behind it) or\n" +
		"# from `--set key=value`. Flags win over the environment, the environment over this file.\n" +
		"# Lines that begin with #key show the default. Secrets may be written file:PATH or env:NAME.\n\n")
	c := Default(m)
	shown := map[string]bool{"mode": true, "listen": true, "database_url": true, "credits.merchants": true}
	files := map[string]string{"seal.keys": secrets.SealKeys, "keystore.passphrase": secrets.Passphrase, "chain.key": secrets.ChainKey}
	walk(reflect.ValueOf(&c).Elem(), "", func(path string, f reflect.StructField, v reflect.Value) {
		if strings.Contains(path, "[]") {
			return
		}
		table, key, nested := strings.Cut(path, ".")
		if !nested {
			table, key = "", path
		}
		if first := "\n[" + table + "]\n"; nested && !strings.Contains(b.String(), first) {
			b.WriteString(first)
		}
		comment, value := "#", tomlValue(v)
		if shown[path] {
			comment = ""
		}
		if files[path] != "" {
			comment, value = "", fileLine(files[path])
		}
		fmt.Fprintf(&b, "# %s. (%s)\n%s%s = %s\n", upperFirst(f.Tag.Get("doc")), envName(path), comment, key, value)
	})
	b.WriteString(lists)
	return b.String()
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func tomlValue(v reflect.Value) string {
	switch x := v.Addr().Interface().(type) {
	case *Secret:
		return fmt.Sprintf("%q", x.Reveal()) // a default is nobody's secret
	case *Duration:
		return fmt.Sprintf("%q", x.String())
	}
	switch v.Kind() {
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	case reflect.Slice:
		return "[]"
	default:
		return fmt.Sprint(v.Interface())
	}
}

// lists is the end of the file: what is there more than once.
const lists = `
# Currencies. An asset may be held without being paid out anywhere; networks says
# where it can go. The scale can never change once the asset was used.
[[assets]]
code = "EUR"
scale = 2

#[[assets]]
#code = "ETH"
#scale = 18
#networks = ["ethereum"]
#review_above = "10"    # a withdrawal of more waits for a person
#credit_limit = "100"   # with credits.merchants = "limit": what each merchant may credit by itself in all

#[[assets]]
#code = "USDT"
#scale = 6
#networks = ["ethereum"]
#minimum = { ethereum = "5.00" }    # the least of one payout; maximum likewise

#[[assets]]
#code = "BTC"
#scale = 8
#networks = ["bitcoin"]

# Ways out. ` + "`sluice wallet create --network ethereum`" + ` then makes a wallet to pay from.
#[[networks]]
#name = "ethereum"
#kind = "evm"
#url = "env:ETHEREUM_RPC_URL"   # JSON-RPC of a node
#chain_id = 1
#symbol = "ETH"
#fee_asset = "ETH"
#finality = "finalized"         # or "safe", or a number of confirmations like "12"
#fee_ceiling = "200"            # gwei per gas; above it payouts wait
#tip_min = "0.1"                # gwei per gas: the least tip that a payout offers
#fee_budget = "1"               # in the fee asset: the most that one transaction offers
#fee_deadline = "0s"            # with dispatch.bump_after: replacements rise to the whole budget within this time
#max_fee = "0.05"               # in the fee asset, per transaction; the signer refuses more
#fee_per_hour = "0.5"           # the same for all transactions of an hour together
#fee_per_day = "5"              # and of a day
#poll = "2s"
#vaults = { "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed" = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359" } # by wallet; sluice wallet deploy-vault makes them
#tokens = { USDT = "0xdAC17F958D2ee523a2206206994597C13D831ec7" }

#[[networks]]
#name = "bitcoin"
#kind = "bitcoin"               # Litecoin as well
#url = "env:BITCOIN_RPC_URL"    # http://user:password@host:8332
#fee_asset = "BTC"
#finality = "1, 0.05:3, 1:6"    # confirmations: 1, from 0.05 BTC on 3, from 1 BTC on 6
#fee_ceiling = "300"            # satoshi per virtual byte
#[networks.coin]
#chain = "bitcoin"              # or litecoin, or a test chain
#node = "bitcoind"              # or btcd, litecoind
#cookie = ""                    # path of the node's cookie file, in place of a password
#start_block = ""               # height before the wallet's first coin; btcd needs it
#batch_max = 100                # payouts in one transaction, at the most 200
#target = 3                     # blocks until a payout should be mined
#fee_floor = "1"                # satoshi per virtual byte
#consolidate_below = "1"
#coins_wanted = 20
#replace = ""                   # yes for Bitcoin, no for Litecoin

# Accounts at banks: euro leaves as SEPA credit transfers. docs/rails/sepa.md explains it. An asset
# with code EUR, scale 2 and networks = ["sepa"] goes this way; keys under [seal] must be set.
#[[banks]]
#name = "sepa"
#holder = "Example GmbH"        # of the account that pays
#iban = "DE02100500000054540402"
#bic = "BELADEBEXXX"
#initiator = "Example GmbH"     # our name as the party that sends files
#zone = "Europe/Berlin"
#opens = "06:00"                # on business days of T2 normal payments leave from then
#cut_off = "14:30"              # until then; later ones wait for the next business day
#collect = "1m"                 # how long a normal payment waits for others to share its file
#one_booking = false            # ask for one debit per file
#early_confirm = false          # believe a reported settlement before the booking
#file_max = 1000
#instant_max = ""               # the largest instant payment of the bank; more is refused. Empty: no limit
#bic_outside_eea = false        # ask for the BIC of recipients outside the European Economic Area
#send_address = "never"         # our address in orders: never, outside_eea or always; with it town and country
#street = "Hauptstrasse"
#building = "1"
#post_code = "10115"
#town = "Berlin"
#country = "DE"
#payee_alerts = ["close", "mismatch", "unavailable", "mixed"] # results of the bank's verification of payees that need a person
#poll = "30s"
#folder = "bank"                # has outbox and inbox; or sftp and what follows
#quiet_for = "0s"               # for banks that write in place
#sftp = ""                      # host:port
#user = ""
#password = ""                  # file:PATH or env:NAME
#key = ""                       # file:PATH, instead of a password
#host_keys = []                 # like "ssh-ed25519 AAAA..."
#remote_outbox = "outbox"
#remote_inbox = "inbox"
#local = ""                     # folder for copies

# Exchange: what may be exchanged, and where prices come from. docs/exchange.md explains it.
#[[exchange.pairs]]
#from = "EUR"
#to = "USDT"
#spread_bps = 50                # half a percent off the market's price
#minimum = "10.00"
#maximum = "50000.00"
#minimum_receive = "10"
#min_sources = 2                # of this pair

#[[exchange.sources]]
#kind = "kraken"                # coinbase and binance take symbols too
#symbols = { "USDT/EUR" = "USDTEUR" }

#[[exchange.sources]]
#kind = "ecb"
#currencies = ["EUR"]

#[[exchange.sources]]
#name = "desk"
#kind = "json"
#url = "https://rates.example.com/latest.json"
#every = "5s"
#max_age = "1m"
#prices = { "USDT/EUR" = "$.usdt.mid" }
#bids = { "ETH/EUR" = "$.eth.bid" }
#asks = { "ETH/EUR" = "$.eth.ask" }
#time = "$.at"
#time_format = "rfc3339"
#header_name = "Authorization"
#header_value = "env:RATES_KEY"

#[[exchange.sources]]
#name = "table"
#kind = "fixed"
#rates = { "USDT/EUR" = "0.92" }

# Fees of every merchant; ` + "`sluice fee set`" + ` gives one merchant its own.
#[[fees]]
#currency = "EUR"
#network = "ethereum"
#kind = "exchange"              # or "plain"; both without it
#percent = "0.8"
#fixed = "0.10"
#minimum = "0.50"
#maximum = "500.00"
#inside = false                 # true: out of the amount instead of on top
#network_fee = "cost"           # absorbed, flat or cost
#network_fee_amount = "5.00"    # the most that is passed on; with it, a node that is away refuses nothing

# Balances below which wallets are low: the log, an event and a metric tell it once.
#[[treasury.low]]
#wallet = ""                    # id or address; empty: every wallet
#asset = "ETH"
#below = "0.5"
`
