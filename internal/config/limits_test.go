package config_test

import (
	"strings"
	"testing"

	"sluice/internal/config"
	"sluice/internal/money"
)

// What one payout must be, by network.
func TestLimitsOfPayouts(t *testing.T) {
	conf, _, err := config.Load(config.Source{File: write(t, strings.Replace(coin, `networks = ["bitcoin"]`, `networks = ["bitcoin"]
minimum = { bitcoin = "0.0001" }
maximum = { bitcoin = "2" }`, 1))})
	if err != nil {
		t.Fatal(err)
	}
	btc := conf.Money()["BTC"]
	if got, want := btc.Limit("bitcoin"), (money.Limit{Min: money.Of(10_000), Max: money.Of(200_000_000)}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := btc.Limit("elsewhere"); got.Min != money.Of(1) || !got.Max.IsZero() {
		t.Errorf("without a bound it is %v", got)
	}
}

func TestLimitsRules(t *testing.T) {
	for _, c := range []struct{ name, more, path string }{
		{"of a network that does not pay it", `minimum = { ethereum = "1" }`, "assets[0].minimum.ethereum"},
		{"no amount", `minimum = { bitcoin = "1e-3" }`, "assets[0].minimum.bitcoin"},
		{"too fine", `maximum = { bitcoin = "0.000000001" }`, "assets[0].maximum.bitcoin"},
		{"zero", `minimum = { bitcoin = "0" }`, "assets[0].minimum.bitcoin"},
		{"upside down", "minimum = { bitcoin = \"2\" }\nmaximum = { bitcoin = \"1\" }", "assets[0].maximum.bitcoin"},
	} {
		_, _, err := config.Load(config.Source{File: write(t, strings.Replace(coin, `networks = ["bitcoin"]`, "networks = [\"bitcoin\"]\n"+c.more, 1))})
		if err == nil || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: %v, want %s", c.name, err, c.path)
		}
	}
}
