package config_test

import (
	"strings"
	"testing"

	"sluice/internal/config"
	"sluice/internal/money"
	"sluice/internal/pricing/fee"
)

const exchangeHead = `
[[assets]]
code = "EUR"
scale = 2
[[assets]]
code = "BTC"
scale = 8
`

const goodExchange = exchangeHead + `
[exchange]
pivots = ["EUR"]
[[exchange.pairs]]
from = "EUR"
to = "BTC"
spread_bps = 80
minimum = "10.00"
maximum = "1000.00"
minimum_receive = "0.0001"
min_sources = 1
[[exchange.sources]]
kind = "kraken"
symbols = { "BTC/EUR" = "XBTEUR" }
[[exchange.sources]]
name = "desk"
kind = "json"
url = "https://rates.example.com/"
prices = { "BTC/EUR" = "$.btc" }
[[exchange.sources]]
kind = "ecb"
currencies = ["EUR"]
[[fees]]
currency = "EUR"
percent = "0.8"
fixed = "0.10"
network_fee = "flat"
network_fee_amount = "1.00"
[[fees]]
percent = "1"
kind = "exchange"
network_fee = "absorbed"
`

func TestExchange(t *testing.T) {
	c, _, err := config.Load(config.Source{File: write(t, goodExchange)})
	if err != nil {
		t.Fatal(err)
	}
	pairs := c.ExchangePairs()
	if len(pairs) != 1 || pairs[0].Spread != 80 || pairs[0].MinSend != money.Of(1000) || pairs[0].MaxSend != money.Of(100_000) || pairs[0].MinReceive != money.Of(10_000) {
		t.Errorf("%+v", pairs)
	}
	p := c.RatePolicy()
	if err := p.Validate(); err != nil || p.MaxAgeOf["ecb"].Hours() != 144 || p.MinSourcesOf["EUR/BTC"] != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if every := c.Exchange.Sources[2].Every; every.String() != "1h0m0s" {
		t.Errorf("ecb is asked every %s", every)
	}
	fees := c.FeeSchedules()
	want := fee.Schedule{Key: fee.Key{Currency: "EUR"}, PPM: 8000, Fixed: money.Of(10), Carry: fee.Flat, CarryAmount: money.Of(100)}
	if len(fees) != 2 || fees[0] != want || fees[1] != (fee.Schedule{Key: fee.Key{Kind: fee.Exchange}, PPM: 10_000}) {
		t.Errorf("%+v", fees)
	}
}

func TestExchangeSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ was, is, want string }{
		{`pivots = ["EUR"]`, `pivots = ["USD"]`, `exchange.pivots[0]: there is no asset "USD"`},
		{`pivots = ["EUR"]`, `max_age = "0s"`, `exchange.max_age: must be 1s to`},
		{`pivots = ["EUR"]`, `max_spread_bps = 9000`, `exchange.max_spread_bps: must be 0 to 5000`},
		{`pivots = ["EUR"]`, `min_sources = 0`, `exchange.min_sources: must be 1 to 32`},
		{`to = "BTC"`, `to = "EUR"`, `want two different currencies`},
		{`to = "BTC"`, `to = "LTC"`, `exchange.pairs[0].to: there is no asset "LTC"`},
		{`spread_bps = 80`, `spread_bps = 5001`, `spread 5001 basis points`},
		{`minimum = "10.00"`, `minimum = "10.001"`, `exchange.pairs[0].minimum: EUR has at most 2 decimals`},
		{`maximum = "1000.00"`, `maximum = "1.00"`, `the maximum is below the minimum`},
		{`kind = "kraken"`, `kind = "krakken"`, `exchange.sources[0].kind: must be fixed or json`},
		{`kind = "kraken"`, `kind = "fixed"`, `exchange.sources[0].rates: must not be empty`},
		{`kind = "kraken"`, `kind = "coinbase"` + "\nname = \"kraken\"", `kraken is the name of the source of that kind`},
		{`symbols = { "BTC/EUR" = "XBTEUR" }`, `symbols = { "BTCEUR" = "XBTEUR" }`, `must be two currencies, like BTC/EUR`},
		{`name = "desk"`, `name = "The desk"`, `exchange.sources[1].name: must be a word in lower case`},
		{`url = "https://rates.example.com/"`, ``, `exchange.sources[1].url: is needed`},
		{`prices = { "BTC/EUR" = "$.btc" }`, ``, `exchange.sources[1].prices: must not be empty`},
		{`currencies = ["EUR"]`, ``, `exchange.sources[2].currencies: must not be empty`},
		{`percent = "0.8"`, `percent = "100"`, `fees[0].percent: `},
		{`percent = "0.8"`, `percent = 0.8`, `percent`},
		{`fixed = "0.10"`, `fixed = "0.101"`, `fees[0].fixed: EUR has at most 2 decimals`},
		{`network_fee_amount = "1.00"`, ``, `network_fee_amount: is needed`},
		{`network_fee = "flat"`, `network_fee = "some"`, `must be absorbed, flat or cost`},
		{`kind = "exchange"`, `kind = "exchange"` + "\nfixed = \"1\"", `fees[1].fixed: an amount needs the currency`},
		{`kind = "exchange"`, `network = "moon"`, `fees[1].network: there is no network "moon"`},
		{`kind = "exchange"`, `currency = "EUR"`, `two schedules for the same`},
	} {
		text := strings.Replace(goodExchange, c.was, c.is, 1)
		if text == goodExchange {
			t.Fatalf("%q is not there", c.was)
		}
		_, _, err := config.Load(config.Source{File: write(t, text)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n%v\nwant %s", c.is, err, c.want)
		}
	}
}
