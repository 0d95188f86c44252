package cli

import (
	"io"
	"os/user"
	"slices"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/treasury"
)

type reconcileCmd struct {
	Show reconcileShowCmd `cmd:"" default:"1" help:"Hold every wallet's chain balance against the ledger and say why they differ. Exit code 1: money is missing; 2: a wallet could not be looked at."`
	Bank reconcileBankCmd `cmd:"" help:"Hold the ledger against the statements of the banks, day by day, and say why they differ. Exit code 1: something is wrong."`
	Book reconcileBookCmd `cmd:"" help:"Book money that left a wallet without a payout, once you know why."`
	Own  reconcileOwnCmd  `cmd:"" help:"Book a transaction that you made from a wallet's key yourself, like the deployment of its vault: its fee, and what it moved away. Repeated, it books nothing."`
}

type reconcileShowCmd struct{}

// lineOut is one wallet in one asset, as it is printed.
type lineOut struct {
	Wallet     string `json:"wallet"`
	Network    string `json:"network"`
	Address    string `json:"address"`
	Asset      string `json:"asset"`
	Block      uint64 `json:"block"`
	Chain      string `json:"chain"`
	Latest     string `json:"latest"`
	Ledger     string `json:"ledger"`
	Difference string `json:"difference"`
	Missing    string `json:"missing"`
	Cause      string `json:"cause"`
	Text       string `json:"text,omitempty"`
}

func showLine(a money.Asset, l treasury.Line) lineOut {
	return lineOut{
		Wallet: l.Wallet.Text(), Network: l.Wallet.Network, Address: l.Wallet.Address, Asset: l.Asset, Block: l.Block, Chain: a.Format(l.Chain),
		Latest: a.Format(l.Latest), Ledger: l.Booked.Format(a), Difference: l.Difference.Format(a), Missing: a.Format(l.Missing), Cause: string(l.Cause), Text: l.Text,
	}
}

// unreached is a wallet that could not be compared.
type unreached struct {
	Wallet  string `json:"wallet"`
	Network string `json:"network"`
	Address string `json:"address"`
	Reason  string `json:"reason"`
}

// reconciled is what the command prints as JSON.
type reconciled struct {
	OK        bool        `json:"ok"`
	Lines     []lineOut   `json:"lines"`
	Unreached []unreached `json:"unreached"`
}

// Run implements the command.
func (reconcileShowCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		return t.survey(func(s treasury.Survey) error {
			all, err := s.All(t.ctx)
			if err != nil {
				return err
			}
			// Accounts at banks have statements: `sluice reconcile bank` compares them.
			all = slices.DeleteFunc(all, func(st treasury.Status) bool { return t.atBank(st.Wallet.Network) })
			out, code := reconcile(t.conf.Money(), all)
			if err := e.print(out, func(w io.Writer) { out.table(printer{w}) }); err != nil {
				return err
			}
			if code != ExitOK {
				return quiet{code}
			}
			return nil
		})
	})
}

func reconcile(assets money.Assets, all []treasury.Status) (reconciled, int) {
	out := reconciled{OK: true, Lines: []lineOut{}, Unreached: []unreached{}}
	code := ExitOK
	for _, st := range all {
		for _, l := range st.Lines {
			out.Lines = append(out.Lines, showLine(assets[l.Asset], l))
			if !l.OK() {
				code = ExitNo
			}
		}
		if len(st.Lines) > 0 {
			continue
		}
		u := unreached{st.Wallet.Text(), st.Wallet.Network, st.Wallet.Address, or(st.Problem, "its network proves no balances: compare it with the statements of the bank")}
		out.Unreached = append(out.Unreached, u)
		if code == ExitOK {
			code = ExitCannot
		}
		if len(st.Missing) > 0 {
			code = ExitNo
		}
	}
	out.OK = code == ExitOK
	return out, code
}

func (r reconciled) table(p printer) {
	if len(r.Lines) > 0 {
		p.line("=WALLET\tASSET\tBLOCK\tCHAIN\tLEDGER\tDIFFERENCE\tCAUSE")
	}
	for _, l := range r.Lines {
		p.f("%s\t%s\t%d\t%s\t%s\t%s\t%s\n", l.Wallet, l.Asset, l.Block, short(l.Chain), short(l.Ledger), short(l.Difference), l.Cause)
	}
	for _, l := range r.Lines {
		if l.Text != "" {
			p.f("\n%s %s: %s\n", l.Wallet, l.Asset, l.Text)
		}
	}
	for _, u := range r.Unreached {
		p.f("\n%s on %s cannot be compared: %s\n", u.Wallet, u.Network, u.Reason)
	}
	if r.OK {
		p.line("\nEvery difference is explained.")
	}
}

type reconcileBookCmd struct {
	Wallet string `required:"" help:"The wallet, wal_..."`
	Asset  string `required:"" help:"The asset that left it."`
	Amount string `required:"" help:"How much, at most what is missing."`
	Reason string `required:"" help:"Where it went. The books keep it for ever."`
}

// Run implements the command.
func (c *reconcileBookCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		rows, err := t.db.TreasuryWallets(t.ctx)
		if err != nil {
			return err
		}
		a, err := t.conf.Money().Get(c.Asset)
		if err != nil {
			return err
		}
		amount, err := a.Parse(c.Amount)
		if err != nil {
			return err
		}
		for _, w := range rows {
			if w.Text() != c.Wallet {
				continue
			}
			var b treasury.Book
			if err := t.write(func(loop *commit.Loop) (err error) {
				b, err = commit.Do(t.ctx, loop, treasury.OperatorShard, treasury.Explain{
					Wallet: w.Seq, Asset: a, Amount: amount, Reason: c.Reason, Actor: operator(),
				})
				return err
			}); err != nil {
				return err
			}
			out := bookedOut{c.Wallet, a.Code, a.Format(amount), c.Reason, a.Format(b.Missing)}
			return e.print(out, func(w io.Writer) {
				printer{w}.f("booked %s %s as gone from %s: %s\nstill missing: %s %s\n", out.Amount, out.Asset, out.Wallet, out.Reason, out.Missing, out.Asset)
			})
		}
		return fault.New(fault.NotFound, "wallet_not_found", "there is no wallet %s; `sluice wallet list` shows all", c.Wallet)
	})
}

// bookedOut is what was booked, as it is printed.
type bookedOut struct {
	Wallet  string `json:"wallet"`
	Asset   string `json:"asset"`
	Amount  string `json:"amount"`
	Reason  string `json:"reason"`
	Missing string `json:"still_missing"`
}

// operator names who sits at the terminal, for the books.
func operator() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "operator:" + u.Username
	}
	return "operator:cli"
}
