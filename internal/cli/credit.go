package cli

import (
	"fmt"
	"io"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
)

type creditCmd struct {
	Add   creditAddCmd   `cmd:"" help:"Credit an account, as the operator: it counts in no merchant's allowance."`
	Grant creditGrantCmd `cmd:"" help:"Say how much of a currency a merchant may credit by itself in all, beside assets.credit_limit. It takes the place of an earlier grant."`
	List  creditListCmd  `cmd:"" help:"Show what a merchant may credit by itself, and what it has."`
}

type creditAddCmd struct {
	Account   string `required:"" placeholder:"ID" help:"Which account: acc_..."`
	Currency  string `required:"" placeholder:"CODE" help:"Of the balance."`
	Amount    string `required:"" help:"Like 100.00."`
	Reference string `help:"What it is for."`
}

// creditOut is a credit as it is printed. The API has the same names.
type creditOut struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	Currency  string    `json:"currency"`
	Amount    string    `json:"amount"`
	State     string    `json:"state"`
	Reference string    `json:"reference,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

// Run implements the command.
func (c *creditAddCmd) Run(e *env) error {
	at, err := parseID(id.Account, c.Account)
	if err != nil {
		return err
	}
	return e.open(func(t *tool) error {
		asset, amount, err := t.amount(c.Currency, c.Amount)
		if err != nil {
			return err
		}
		a, found, err := t.db.Account(t.ctx, at)
		if err == nil {
			err = need(found, "account", c.Account)
		}
		if err != nil {
			return err
		}
		var cr account.Credit
		if err := t.write(func(loop *commit.Loop) (err error) {
			cr, err = commit.Do[account.Credit](t.ctx, loop, at.Shard, account.AddCredit{
				Merchant: a.Merchant, Account: a.Seq, Asset: asset, Amount: amount, Reference: c.Reference, Actor: "operator",
			})
			return err
		}); err != nil {
			return err
		}
		out := creditOut{id.ID{Shard: at.Shard, Seq: cr.Seq}.Text(id.Credit), c.Account, cr.Currency, asset.Format(cr.Amount), cr.State, cr.Reference, cr.CreatedAt}
		return e.print(out, func(w io.Writer) {
			printer{w}.f("id\t%s\naccount\t%s\namount\t%s %s\nstate\t%s\n", out.ID, out.Account, out.Amount, out.Currency, out.State)
		})
	})
}

// amount reads an amount of a currency from flags.
func (t *tool) amount(currency, text string) (asset money.Asset, amount money.Amount, err error) {
	assets, err := t.assets()
	if err != nil {
		return asset, amount, err
	}
	if asset, err = assets.Get(currency); err != nil {
		return asset, amount, err
	}
	if amount, err = asset.Parse(text); err != nil {
		err = fault.New(fault.Invalid, "usage", "--amount %q: %v", text, err)
	}
	return asset, amount, err
}

type creditGrantCmd struct {
	Merchant string `required:"" placeholder:"ID" help:"Who: mer_..."`
	Currency string `required:"" placeholder:"CODE" help:"Of what."`
	Amount   string `required:"" help:"In all, like 1000.00; 0 takes the grant back."`
}

// allowanceOut is an allowance as it is printed.
type allowanceOut struct {
	Currency string `json:"currency"`
	Granted  string `json:"granted"`
	Limit    string `json:"limit"` // of the configuration
	Used     string `json:"used"`
}

func (t *tool) showAllowance(a account.Allowance, asset money.Asset) allowanceOut {
	return allowanceOut{a.Currency, asset.Format(a.Granted), asset.Format(t.conf.OwnCredits()[a.Currency]), asset.Format(a.Used)}
}

func listAllowances(e *env, out []allowanceOut) error {
	return list(e, out, "CURRENCY GRANTED LIMIT USED", func(a allowanceOut) []any { return []any{a.Currency, a.Granted, a.Limit, a.Used} })
}

// Run implements the command.
func (c *creditGrantCmd) Run(e *env) error {
	at, err := parseID(id.Merchant, c.Merchant)
	if err != nil {
		return err
	}
	return e.open(func(t *tool) error {
		if int(at.Shard) >= t.db.Shards() {
			return need(false, "merchant", c.Merchant)
		}
		asset, amount, err := t.amount(c.Currency, c.Amount)
		if err != nil {
			return err
		}
		var a account.Allowance
		if err := t.write(func(loop *commit.Loop) (err error) {
			a, err = commit.Do[account.Allowance](t.ctx, loop, at.Shard, account.Grant{Merchant: at.Seq, Asset: asset, Amount: amount})
			return err
		}); err != nil {
			return err
		}
		return listAllowances(e, []allowanceOut{t.showAllowance(a, asset)})
	})
}

type creditListCmd struct {
	Merchant string `required:"" placeholder:"ID" help:"Whose: mer_..."`
}

// Run implements the command.
func (c *creditListCmd) Run(e *env) error {
	at, err := parseID(id.Merchant, c.Merchant)
	if err != nil {
		return err
	}
	return e.open(func(t *tool) error {
		assets, err := t.assets()
		if err != nil {
			return err
		}
		rows, err := t.db.Allowances(t.ctx, at)
		if err != nil {
			return err
		}
		var out []allowanceOut
		for _, a := range rows {
			asset, err := assets.Get(a.Currency)
			if err != nil {
				return fmt.Errorf("an allowance of %s: %w", a.Currency, err)
			}
			out = append(out, t.showAllowance(a, asset))
		}
		return listAllowances(e, out)
	})
}
