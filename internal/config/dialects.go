package config

// Dialects says which wires of other providers are served beside the native API.
// Without a credential of the dialect nobody gets in either way.
type Dialects struct {
	CoinsPaid bool `toml:"coinspaid" doc:"serve the CoinsPaid wire under /api/v2"`
	Tylt      bool `toml:"tylt" doc:"serve the Tylt wire under /transactions/merchant"`
	Upvest    bool `toml:"upvest" doc:"serve the Upvest wire under /auth, /users, /account_groups, /accounts, /payments, /transactions, /webhooks and /tests; what has its headers and is served nowhere gets its answers too"`
}

// On tells whether a dialect is served, by its name.
func (d Dialects) On(name string) bool {
	return map[string]bool{"coinspaid": d.CoinsPaid, "tylt": d.Tylt, "upvest": d.Upvest}[name]
}

// Symbols are what other wires call networks, by name, where that was set.
func (c Config) Symbols() map[string]string {
	out := map[string]string{}
	for _, n := range c.Networks {
		if n.Symbol != "" {
			out[n.Name] = n.Symbol
		}
	}
	return out
}
