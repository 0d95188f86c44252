package withdrawal

import (
	"sluice/internal/commit"
	"sluice/internal/ledger"
	"sluice/internal/money"
)

// Preview does everything that Create does, on the same rows and by the same rules,
// and leaves nothing: its answer is the refusal *Previewed, or Create's own refusal.
type Preview struct{ Create }

// Previewed is what would have been accepted. It is an error, because a command that
// is refused is undone.
type Previewed struct {
	Withdrawal Withdrawal   // as it would be; its number is nobody's
	Held       money.Amount // what would be held of the account
	Available  money.Amount // what would be left to withdraw
}

// Error implements error.
func (p *Previewed) Error() string { return "a preview: nothing was done" }

// Apply implements commit.Command.
func (c Preview) Apply(v *commit.View) (commit.Nothing, error) {
	at := ledger.BalanceKey{Account: c.Account, Currency: c.Asset.Code}
	before, _ := ledger.Balances.Get(v, at)
	w, err := c.Create.Apply(v)
	if err != nil {
		return commit.Nothing{}, err
	}
	after, _ := ledger.Balances.Get(v, at)
	held, err := before.Available.Sub(after.Available)
	if err != nil {
		return commit.Nothing{}, err
	}
	if c.Deal != nil {
		w.Quote = 0 // the one that would be made is nobody's either
	}
	return commit.Nothing{}, &Previewed{Withdrawal: w, Held: held, Available: after.Available}
}
