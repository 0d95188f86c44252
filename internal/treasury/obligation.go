package treasury

import (
	"cmp"
	"slices"

	"sluice/internal/id"
	"sluice/internal/money"
)

// Obligation is what the house owes one merchant in a currency: what its accounts have
// available, locked and reserved. Pending credits are not owed yet.
type Obligation struct {
	Merchant id.ID
	Currency string
	Amount   money.Amount
}

// Coverage is what is owed to all merchants in a currency, and what all wallets have of it.
type Coverage struct {
	Currency string
	Owed     money.Amount
	Held     money.Amount
	// Missing is what the wallets have too little; zero where all that is owed is there.
	Missing money.Amount
}

// Cover compares what is owed with what the wallets have, in order of the currencies. A
// currency that no wallet holds has nothing.
func Cover(owed []Obligation, needs []Need) ([]Coverage, error) {
	by := map[string]Coverage{}
	for _, o := range owed {
		c := by[o.Currency]
		var err error
		if c.Owed, err = c.Owed.Add(o.Amount); err != nil {
			return nil, err
		}
		by[o.Currency] = c
	}
	for _, n := range needs {
		c := by[n.Asset]
		var err error
		if c.Held, err = c.Held.Add(n.Balance); err != nil {
			return nil, err
		}
		by[n.Asset] = c
	}
	out := make([]Coverage, 0, len(by))
	for currency, c := range by {
		c.Currency = currency
		if c.Held.Less(c.Owed) {
			c.Missing, _ = c.Owed.Sub(c.Held) // just compared
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Coverage) int { return cmp.Compare(a.Currency, b.Currency) })
	return out, nil
}
