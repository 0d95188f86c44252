package config

import (
	"strings"
	"time"

	"sluice/internal/money"
)

// batchMaxMax is more payouts than a transaction of any network can carry.
const batchMaxMax = 1000

// checkVaults checks what lists of payouts and their fees need.
func (c *Config) checkVaults(p *problems, path string, n Network) {
	if v, err := n.BudgetWei(); err != nil || v.IsZero() {
		p.add(path+".fee_budget", "must be an amount of %s above 0, as a text like \"0.2\"", n.FeeAsset)
	}
	if n.FeeDeadline != 0 {
		span(p, path+".fee_deadline", n.FeeDeadline, time.Second, 24*time.Hour)
	}
	between(p, path+".batch_max", n.BatchMax, 0, batchMaxMax)
	address := func(s string) bool { return len(s) == 42 && strings.HasPrefix(s, "0x") }
	for wallet, vault := range n.Vaults {
		if !address(wallet) || !address(vault) {
			p.add(path+".vaults."+wallet, "must be a wallet's and a contract's address: each 0x and 40 hex digits")
		}
	}
}

// Vault is the vault of a wallet, "" for none.
func (n Network) Vault(wallet string) string {
	for w, vault := range n.Vaults {
		if strings.EqualFold(w, wallet) {
			return vault
		}
	}
	return ""
}

// BudgetWei is FeeBudget in wei.
func (n Network) BudgetWei() (money.Amount, error) {
	return money.Asset{Code: n.FeeAsset, Scale: nativeScale}.Parse(n.FeeBudget)
}
