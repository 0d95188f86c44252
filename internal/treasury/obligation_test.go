package treasury_test

import (
	"testing"

	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/treasury"
)

// What is owed to all merchants is compared with what all wallets have, by currency.
func TestA8ObligationsAgainstHoldings(t *testing.T) {
	owed := func(merchant id.Seq, currency string, n uint64) treasury.Obligation {
		return treasury.Obligation{Merchant: id.ID{Seq: merchant}, Currency: currency, Amount: money.Of(n)}
	}
	has := func(network, asset string, n uint64) treasury.Need {
		return treasury.Need{Network: network, Asset: asset, Balance: money.Of(n)}
	}
	for name, c := range map[string]struct {
		owed    []treasury.Obligation
		needs   []treasury.Need
		missing uint64
	}{
		"all is there":                   {[]treasury.Obligation{owed(1, "USDT", 60), owed(2, "USDT", 40)}, []treasury.Need{has("ethereum", "USDT", 100)}, 0},
		"on two networks":                {[]treasury.Obligation{owed(1, "USDT", 100)}, []treasury.Need{has("ethereum", "USDT", 30), has("tron", "USDT", 70)}, 0},
		"a merchant credited too much":   {[]treasury.Obligation{owed(1, "USDT", 60), owed(2, "USDT", 999)}, []treasury.Need{has("ethereum", "USDT", 100)}, 959},
		"one of the smallest unit":       {[]treasury.Obligation{owed(1, "USDT", 101)}, []treasury.Need{has("ethereum", "USDT", 100)}, 1},
		"no wallet has any":              {[]treasury.Obligation{owed(1, "USDT", 5)}, nil, 5},
		"another currency does not help": {[]treasury.Obligation{owed(1, "USDT", 5)}, []treasury.Need{has("ethereum", "ETH", 100)}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := treasury.Cover(c.owed, c.needs)
			if err != nil {
				t.Fatal(err)
			}
			for _, have := range all {
				if want := money.Of(map[bool]uint64{true: c.missing}[have.Currency == "USDT"]); have.Missing != want {
					t.Errorf("%s: %s missing, want %s", have.Currency, have.Missing.Minor(), want.Minor())
				}
			}
			if len(all) == 0 {
				t.Error("nothing compared")
			}
		})
	}
}
