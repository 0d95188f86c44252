package cli

import (
	"context"
	"io"
	"slices"

	"sluice/internal/bank"
	"sluice/internal/config"
	"sluice/internal/id"
	"sluice/internal/ledger"
)

type reconcileBankCmd struct{}

type bankItemOut struct {
	Cause  string `json:"cause"`
	Amount string `json:"amount,omitempty"`
	What   string `json:"what"`
}

type bankDayOut struct {
	Day        string        `json:"day"`
	Opening    string        `json:"opening,omitempty"`
	Bank       string        `json:"bank"`
	Ledger     string        `json:"ledger"`
	Difference string        `json:"difference"`
	Closing    string        `json:"closing,omitempty"`
	Causes     []bankItemOut `json:"causes"`
}

type bankReconciled struct {
	OK       bool          `json:"ok"`
	Wallet   string        `json:"wallet"`
	Account  string        `json:"account"`
	Days     []bankDayOut  `json:"days"`
	Closing  string        `json:"closing"`
	Expected string        `json:"expected"`
	Treasury string        `json:"treasury"`
	Open     []bankItemOut `json:"open"`
}

// Run implements the command.
func (reconcileBankCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		wallets, err := t.db.Wallets(t.ctx)
		if err != nil {
			return err
		}
		out, ok := []bankReconciled{}, true
		for _, w := range wallets {
			if !t.atBank(w.Network) {
				continue
			}
			rows, err := t.db.BankRows(t.ctx)
			if err != nil {
				return err
			}
			r, err := bank.Reconcile(t.ctx, countedBank{t.db, e.reading("reconcile "+w.Network, "rows", rows)}, t.house, w.Text())
			if err != nil {
				return err
			}
			out = append(out, showReconciled(r, w.Address))
			ok = ok && r.OK()
		}
		if err := e.print(out, func(w io.Writer) {
			for _, r := range out {
				r.table(printer{w})
			}
			if len(out) == 0 {
				printer{w}.line("No account at a bank is configured.")
			}
		}); err != nil {
			return err
		}
		if !ok {
			return quiet{ExitNo}
		}
		return nil
	})
}

// countedBank counts what is read of the books of banks.
type countedBank struct {
	bank.Lists
	read func(more int)
}

// EachBankEntry implements bank.Lists.
func (c countedBank) EachBankEntry(ctx context.Context, fn func(bank.Entry) error) error {
	return c.Lists.EachBankEntry(ctx, func(e bank.Entry) error { c.read(1); return fn(e) })
}

// EachBankPayment implements bank.Lists.
func (c countedBank) EachBankPayment(ctx context.Context, fn func(bank.Payment) error) error {
	return c.Lists.EachBankPayment(ctx, func(p bank.Payment) error { c.read(1); return fn(p) })
}

// atBank tells whether a network is a bank.
func (t *tool) atBank(network string) bool {
	return slices.ContainsFunc(t.conf.Banks, func(b config.BankAccount) bool { return b.Name == network })
}

// house sums a house account over all shards.
func (t *tool) house(ctx context.Context, name, currency string) (sum ledger.House, err error) {
	for n := range t.db.Shards() {
		list, err := t.db.Houses(ctx, id.Shard(n))
		if err != nil {
			return sum, err
		}
		for _, h := range list {
			if h.Name != name || h.Currency != currency {
				continue
			}
			if sum.In, err = sum.In.Add(h.In); err != nil {
				return sum, err
			}
			if sum.Out, err = sum.Out.Add(h.Out); err != nil {
				return sum, err
			}
		}
	}
	return sum, nil
}

func showItems(items []bank.Item) []bankItemOut {
	out := []bankItemOut{}
	for _, i := range items {
		out = append(out, bankItemOut{i.Cause, bank.Signed(i.Amount), i.What})
	}
	return out
}

func showReconciled(r bank.Reconciliation, account string) bankReconciled {
	out := bankReconciled{
		OK: r.OK(), Wallet: r.Wallet, Account: maskAccount(account), Days: []bankDayOut{}, Closing: bank.Signed(r.Closing), Expected: bank.Signed(r.Expected),
		Treasury: bank.Signed(r.Treasury), Open: showItems(r.Open),
	}
	for _, d := range r.Days {
		out.Days = append(out.Days, bankDayOut{
			d.Day, bank.Signed(d.Opening), bank.Signed(d.Bank), bank.Signed(d.Ledger), bank.Signed(d.Difference), bank.Signed(d.Closing), showItems(d.Items),
		})
	}
	return out
}

func maskAccount(number string) string {
	if len(number) < 12 {
		return number
	}
	return number[:4] + "..." + number[len(number)-4:]
}

func (r bankReconciled) table(p printer) {
	p.f("%s, account %s\n\n", r.Wallet, r.Account)
	p.line("DAY\tOPENING\tBANK\tLEDGER\tDIFFERENCE\tCLOSING\tCAUSES")
	for _, d := range r.Days {
		causes := ""
		for _, c := range d.Causes {
			if causes != "" {
				causes += ", "
			}
			causes += c.Cause
		}
		p.f("%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.Day, or(d.Opening, "-"), d.Bank, d.Ledger, d.Difference, or(d.Closing, "-"), or(causes, "-"))
	}
	p.line("")
	for _, d := range r.Days {
		for _, c := range d.Causes {
			p.f("%s: %s %s %s\n", d.Day, c.Cause, or(c.Amount, "-"), c.What)
		}
	}
	for _, c := range r.Open {
		p.f("open: %s %s %s\n", c.Cause, or(c.Amount, "-"), c.What)
	}
	p.f("the bank's last balance is %s, the ledger makes %s of it; the treasury account moved by %s\n", r.Closing, r.Expected, r.Treasury)
	if r.OK {
		p.line("Every difference is explained.")
	}
}
