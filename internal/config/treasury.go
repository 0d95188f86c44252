package config

import (
	"fmt"
	"time"

	"sluice/internal/money"
)

// Treasury says how wallets are watched.
type Treasury struct {
	Every Duration `toml:"every" doc:"how often wallets are looked at: deposits to them are booked, and low balances told"`
	Low   []Low    `toml:"low"`
}

// Low is a balance below which a wallet is low.
type Low struct {
	Wallet string `toml:"wallet" doc:"id or address of the wallet; empty: every wallet"`
	Asset  string `toml:"asset" doc:"the asset it is about, like ETH"`
	Below  string `toml:"below" doc:"what the wallet must be able to pay, as a text like \"0.5\"; with less it is low, and the operator is told once"`
}

// defaultLook is how often wallets are looked at.
const defaultLook = Duration(15 * time.Second)

// Amount is Below in minor units.
func (l Low) Amount(a money.Asset) (money.Amount, error) { return a.Parse(l.Below) }

func (c *Config) checkTreasury(p *problems) {
	span(p, "treasury.every", c.Treasury.Every, 100*time.Millisecond, time.Hour)
	assets := c.Money()
	seen := map[Low]bool{}
	for i, l := range c.Treasury.Low {
		path := fmt.Sprintf("treasury.low[%d]", i)
		a, known := assets[l.Asset]
		if !known {
			p.add(path+".asset", "there is no asset %q; add it under [[assets]]", l.Asset)
			continue
		}
		if v, err := l.Amount(a); err != nil || v.IsZero() {
			p.add(path+".below", "must be an amount of %s above 0, as a text like \"0.5\"", l.Asset)
		}
		key := Low{Wallet: l.Wallet, Asset: l.Asset}
		if seen[key] {
			p.add(path, "%s of this wallet is there twice", l.Asset)
		}
		seen[key] = true
	}
}
