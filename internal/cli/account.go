package cli

import (
	"io"
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/store"
)

type accountCmd struct {
	Open accountOpenCmd `cmd:"" help:"Open an account. One of the kind merchant holds the merchant's own money; the wires of CoinsPaid and Tylt work on it."`
	List accountListCmd `cmd:"" help:"List a merchant's accounts, newest first."`
	Show accountShowCmd `cmd:"" help:"Show an account with all its balances."`
}

// accountOut is an account as it is printed. The API has the same names.
type accountOut struct {
	ID        string       `json:"id"`
	Merchant  string       `json:"merchant"`
	Kind      string       `json:"kind"`
	ForeignID string       `json:"foreign_id,omitempty"`
	Name      string       `json:"name,omitempty"`
	CreatedAt time.Time    `json:"created_at"`
	Balances  []balanceOut `json:"balances,omitempty"`
}

// balanceOut is a balance as it is printed.
type balanceOut struct {
	Currency  string `json:"currency"`
	Balance   string `json:"balance"`
	Available string `json:"available_for_withdrawal"`
	Pending   string `json:"pending_settlement"`
	Locked    string `json:"locked_for_trading"`
	Reserved  string `json:"reserved"`
}

func showAccount(shard id.Shard, a ledger.Account) accountOut {
	of := func(k id.Kind, s id.Seq) string { return id.ID{Shard: shard, Seq: s}.Text(k) }
	return accountOut{of(id.Account, a.Seq), of(id.Merchant, a.Merchant), a.Kind, a.ForeignID, a.Name, a.CreatedAt, nil}
}

// balances reads what an account has.
func (t *tool) balances(at id.ID, assets money.Assets) ([]balanceOut, error) {
	rows, err := t.db.Balances(t.ctx, at)
	if err != nil {
		return nil, err
	}
	var out []balanceOut
	for _, b := range rows {
		f := assets[b.Currency].Format
		out = append(out, balanceOut{b.Currency, f(b.Total()), f(b.Available), f(b.Pending), f(b.Locked), f(b.Reserved)})
	}
	return out, nil
}

func (a accountOut) table(w io.Writer) {
	p := printer{w}
	p.f("id\t%s\nmerchant\t%s\nkind\t%s\nforeign id\t%s\nname\t%s\nopened\t%s\n", a.ID, a.Merchant, a.Kind, or(a.ForeignID, "-"), or(a.Name, "-"), when(a.CreatedAt))
	if len(a.Balances) == 0 {
		return
	}
	p.line("")
	p.line("CURRENCY\tBALANCE\tAVAILABLE\tPENDING\tLOCKED\tRESERVED")
	for _, b := range a.Balances {
		p.f("%s\t%s\t%s\t%s\t%s\t%s\n", b.Currency, short(b.Balance), short(b.Available), short(b.Pending), short(b.Locked), short(b.Reserved))
	}
}

type accountOpenCmd struct {
	Merchant  string `required:"" placeholder:"ID" help:"Whose account: mer_..."`
	Kind      string `enum:"customer,merchant" default:"customer" help:"customer or merchant."`
	Name      string `help:"Who holds it."`
	ForeignID string `help:"The merchant's own id of it, unique."`
}

// Run implements the command.
func (c *accountOpenCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		owner, err := t.merchant(c.Merchant)
		if err != nil {
			return err
		}
		var made account.Opened
		if err := t.write(func(loop *commit.Loop) (err error) {
			made, err = commit.Do(t.ctx, loop, owner.Shard, account.Open{
				Merchant: owner.Seq, Kind: c.Kind, Name: c.Name, ForeignID: c.ForeignID, Actor: actor,
			})
			return err
		}); err != nil {
			return err
		}
		out := showAccount(owner.Shard, made.Account)
		return e.print(out, out.table)
	})
}

type accountListCmd struct {
	Merchant string `required:"" placeholder:"ID" help:"Whose accounts: mer_..."`
	Limit    int    `default:"50" help:"At most so many, up to 1000."`
}

// Run implements the command.
func (c *accountListCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		owner, err := t.merchant(c.Merchant)
		if err != nil {
			return err
		}
		assets, err := t.assets()
		if err != nil {
			return err
		}
		rows, err := t.db.Accounts(t.ctx, owner, 0, min(max(c.Limit, 1), store.PageMax))
		if err != nil {
			return err
		}
		var out []accountOut
		for _, a := range rows {
			x := showAccount(owner.Shard, a)
			if x.Balances, err = t.balances(id.ID{Shard: owner.Shard, Seq: a.Seq}, assets); err != nil {
				return err
			}
			out = append(out, x)
		}
		return list(e, out, "ID KIND NAME +FOREIGN-ID +OPENED BALANCES", func(a accountOut) []any {
			held := ""
			for _, b := range a.Balances {
				if held != "" {
					held += ", "
				}
				held += short(b.Balance) + " " + b.Currency
			}
			return []any{a.ID, a.Kind, e.cut(or(a.Name, "-"), 24), or(a.ForeignID, "-"), when(a.CreatedAt), or(held, "-")}
		})
	})
}

type accountShowCmd struct {
	ID string `arg:"" help:"The account, acc_..."`
}

// Run implements the command.
func (c *accountShowCmd) Run(e *env) error {
	at, err := parseID(id.Account, c.ID)
	if err != nil {
		return err
	}
	return e.open(func(t *tool) error {
		a, found, err := t.db.Account(t.ctx, at)
		if err != nil {
			return err
		}
		if err := need(found, "account", c.ID); err != nil {
			return err
		}
		assets, err := t.assets()
		if err != nil {
			return err
		}
		out := showAccount(at.Shard, a)
		if out.Balances, err = t.balances(at, assets); err != nil {
			return err
		}
		return e.print(out, out.table)
	})
}
