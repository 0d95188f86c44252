package config

import (
	"sluice/internal/ledger/account"
	"sluice/internal/money"
)

// Credits says who may credit accounts.
type Credits struct {
	Merchants string `toml:"merchants" doc:"what the keys of merchants may credit by themselves. granted: what the operator allowed that merchant (sluice credit grant); limit: assets.credit_limit beside that; unlimited: anything, so that every merchant can pay itself whatever the wallets hold. The operator credits with sluice credit add. Default: granted in live, unlimited in dev"`
}

// The values of Credits.Merchants.
const (
	CreditsGranted   = "granted"
	CreditsLimit     = "limit"
	CreditsUnlimited = "unlimited"
)

// OwnCredits is how much of each currency a merchant may credit by itself without a grant.
// Only "unlimited" goes up to account.Bound.
func (c *Config) OwnCredits() account.OwnCredits {
	out := account.OwnCredits{}
	for _, a := range c.Assets {
		asset := money.Asset{Code: a.Code, Scale: a.Scale}
		switch c.Credits.Merchants {
		case CreditsUnlimited:
			out[a.Code] = account.Bound(asset)
		case CreditsLimit:
			if limit, err := asset.Parse(a.CreditLimit); a.CreditLimit != "" && err == nil {
				out[a.Code] = limit
			}
		}
	}
	return out
}
