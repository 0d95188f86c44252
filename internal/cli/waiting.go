package cli

import (
	"io"
	"time"

	"sluice/internal/id"
	"sluice/internal/withdrawal/waiting"
)

type waitingCmd struct{}

// waitingOut is one thing that waits, as it is printed. The API has the same names.
type waitingOut struct {
	Kind        string    `json:"kind"`
	Subject     string    `json:"subject"`
	Merchant    string    `json:"merchant,omitempty"`
	Network     string    `json:"network,omitempty"`
	Currency    string    `json:"currency,omitempty"`
	Amount      string    `json:"amount,omitempty"`
	Withdrawals int64     `json:"withdrawals"`
	Reason      string    `json:"reason"`
	Text        string    `json:"text,omitempty"`
	Since       time.Time `json:"since"`
	Commands    []string  `json:"commands"`
}

// Run implements the command.
func (waitingCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		assets, err := t.assets()
		if err != nil {
			return err
		}
		items, err := waiting.List(t.ctx, t.db, assets)
		if err != nil {
			return err
		}
		var out []waitingOut
		for _, i := range items {
			x := waitingOut{
				Kind: string(i.Kind), Subject: i.Subject, Network: i.Network, Currency: i.Asset, Withdrawals: i.Count,
				Reason: i.Reason, Text: i.Text, Since: i.Since, Commands: i.Commands,
			}
			if !i.Merchant.IsZero() {
				x.Merchant = i.Merchant.Text(id.Merchant)
			}
			if i.Asset != "" {
				x.Amount = assets[i.Asset].Format(i.Amount)
			}
			out = append(out, x)
		}
		if e.root.JSON {
			return list(e, out, "", nil)
		}
		return e.print(nil, func(w io.Writer) { printWaiting(printer{w}, out) })
	})
}

// printWaiting writes a block for each thing: its commands are to be copied.
func printWaiting(p printer, all []waitingOut) {
	if len(all) == 0 {
		p.line("Nothing waits for a person.")
	}
	for n, x := range all {
		if n > 0 {
			p.line("")
		}
		p.f("%s\t%s\n", x.Kind, x.Subject)
		if x.Amount != "" {
			p.f("amount\t%s %s\n", short(x.Amount), x.Currency)
		}
		if x.Network != "" && x.Network != x.Subject {
			p.f("network\t%s\n", x.Network)
		}
		if x.Merchant != "" {
			p.f("merchant\t%s\n", x.Merchant)
		}
		if x.Withdrawals > 1 {
			p.f("withdrawals\t%d\n", x.Withdrawals)
		}
		p.f("why\t%s\n", x.Reason)
		if x.Text != "" {
			p.f("\t%s\n", x.Text)
		}
		p.f("since\t%s\n", when(x.Since))
		for n, c := range x.Commands {
			head := "ends with"
			if n > 0 {
				head = "or"
			}
			p.f("%s\t%s\n", head, c)
		}
	}
}
