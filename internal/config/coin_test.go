package config_test

import (
	"strings"
	"testing"

	"sluice/internal/config"
)

const coin = `
[[assets]]
code = "BTC"
scale = 8
networks = ["bitcoin"]
[[networks]]
name = "bitcoin"
kind = "bitcoin"
url = "http://u:p@127.0.0.1:8332"
`

func TestCoinDefaults(t *testing.T) {
	for _, c := range []struct {
		more, asset, node, finality, ceiling, floor string
	}{
		{"", "BTC", "bitcoind", "1, 0.05:3, 1:6", "300", "1"},
		{`coin = { chain = "litecoin" }`, "LTC", "litecoind", "6, 100:12", "1000", "10"},
	} {
		text := strings.ReplaceAll(coin, "BTC", c.asset)
		conf, _, err := config.Load(config.Source{File: write(t, text+c.more)})
		if err != nil {
			t.Fatal(err)
		}
		n := conf.Networks[0]
		if n.FeeAsset != c.asset || n.Coin.Node != c.node || n.Finality != c.finality || n.FeeCeiling != c.ceiling || n.Coin.FeeFloor != c.floor || n.Coin.BatchMax != 100 {
			t.Errorf("got %+v, want %+v", n, c)
		}
		tiers, err := n.Tiers()
		if start, startErr := n.Start(); err != nil || startErr != nil || len(tiers) < 2 || start != -1 {
			t.Errorf("tiers %v (%v), start %d (%v)", tiers, err, start, startErr)
		}
	}
}

func TestCoinRules(t *testing.T) {
	for _, c := range []struct{ name, more, path string }{
		{"unknown chain", `coin = { chain = "dash" }`, "coin.chain"},
		{"unknown node", `coin = { node = "parity" }`, "coin.node"},
		{"btcd without a start", `coin = { node = "btcd" }`, "coin.start_block"},
		{"a start that is no height", `coin = { start_block = "-3" }`, "coin.start_block"},
		{"too large a batch", `coin = { batch_max = 201 }`, "coin.batch_max"},
		{"a floor above the ceiling", `coin = { fee_floor = "400" }`, "fee_ceiling"},
		{"no floor", `coin = { fee_floor = "0" }`, "fee_ceiling"},
		{"a price of a tenthousandth", `coin = { fee_floor = "1.0001" }`, "fee_ceiling"},
		{"maybe", `coin = { replace = "maybe" }`, "coin.replace"},
		{"tiers that fall", `finality = "3, 1:2"`, "finality"},
		{"tiers out of order", `finality = "1, 2:3, 1:6"`, "finality"},
		{"tiers from an amount on", `finality = "1:3"`, "finality"},
		{"no confirmations", `finality = "0"`, "finality"},
		{"the word of another kind", `finality = "finalized"`, "finality"},
		{"a fee that is no amount", `max_fee = "0.000000001"`, "max_fee"},
		{"a web socket", `url2 = ""`, "url2"},
		{"tokens", `tokens = { BTC = "0xdAC17F958D2ee523a2206206994597C13D831ec7" }`, "tokens"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := config.Load(config.Source{File: write(t, coin+c.more)})
			if err == nil || !strings.Contains(err.Error(), c.path) {
				t.Errorf("got %v, want something about %s", err, c.path)
			}
		})
	}
}
