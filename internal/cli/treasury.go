package cli

import (
	"fmt"
	"io"
	"slices"

	"sluice/internal/app"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/treasury"
)

// survey opens every configured network for the time of fn.
func (t *tool) survey(fn func(treasury.Survey) error) error {
	rails := map[string]rail.Rail{}
	for _, n := range t.conf.Networks {
		r, err := app.OpenRail(t.ctx, n, t.conf.Money())
		if err != nil {
			return err
		}
		defer r.Close()
		rails[n.Name] = r
	}
	s := app.Survey(t.db, t.conf, rails)
	var progress *bar
	s.Looked = func(of int) {
		if progress == nil {
			progress = t.slowly(of, "comparing with the chains", "wallets")
		}
		progress.step()
	}
	return fn(s)
}

// figuresOut is what a wallet can pay, as it is printed.
type figuresOut struct {
	Asset     string `json:"asset"`
	Balance   string `json:"balance"`
	Booked    string `json:"booked"`
	Reserved  string `json:"reserved"`
	Spendable string `json:"spendable"`
	Spent     string `json:"spent_24h"`
	Hours     *int64 `json:"runway_hours"`
	Below     string `json:"low_below,omitempty"`
	Low       bool   `json:"low"`
}

func showFigures(assets money.Assets, f treasury.Figures) figuresOut {
	a := assets[f.Asset]
	out := figuresOut{
		Asset: f.Asset, Balance: a.Format(f.Balance), Booked: f.Booked.Format(a), Reserved: a.Format(f.Reserved), Spendable: a.Format(f.Spendable),
		Spent: a.Format(f.Spent), Low: f.Low,
	}
	if f.Hours >= 0 {
		out.Hours = &f.Hours
	}
	if !f.Below.IsZero() {
		out.Below = a.Format(f.Below)
	}
	return out
}

func (f figuresOut) runway() string {
	if f.Hours == nil {
		return "-"
	}
	return fmt.Sprintf("%d h", *f.Hours)
}

func (f figuresOut) state() string {
	if f.Low {
		return "LOW (below " + short(f.Below) + ")"
	}
	return "ok"
}

type treasuryCmd struct{}

// needOut is what all wallets of a network have of an asset, and what is owed.
type needOut struct {
	Network   string `json:"network"`
	Asset     string `json:"asset"`
	Balance   string `json:"balance"`
	Reserved  string `json:"reserved"`
	Spendable string `json:"spendable"`
	Owed      string `json:"owed"`
	Free      string `json:"free"`
	Short     string `json:"short"`
}

// treasuryOut is what the command prints as JSON.
type treasuryOut struct {
	Assets  []needOut       `json:"assets"`
	Wallets []walletFigures `json:"wallets"`
	// Exchange is what exchange has left the house with, over all shards.
	Exchange []exposureOut `json:"exchange"`
	// Obligations are what is owed to each merchant, Coverage all of it beside what the wallets have.
	Obligations []obligationOut `json:"obligations"`
	Coverage    []coverageOut   `json:"coverage"`
}

type obligationOut struct {
	Merchant string `json:"merchant"`
	Currency string `json:"currency"`
	Amount   string `json:"amount"`
}

type coverageOut struct {
	Currency string `json:"currency"`
	Owed     string `json:"owed"`
	Held     string `json:"held"`
	Missing  string `json:"missing"`
}

// covered adds what is owed to merchants, beside what the wallets have.
func (o *treasuryOut) covered(t *tool, assets money.Assets, needs []treasury.Need) error {
	owed, err := t.db.Obligations(t.ctx)
	if err != nil {
		return err
	}
	all, err := treasury.Cover(owed, needs)
	if err != nil {
		return err
	}
	o.Obligations, o.Coverage = []obligationOut{}, []coverageOut{}
	for _, x := range owed {
		o.Obligations = append(o.Obligations, obligationOut{x.Merchant.Text(id.Merchant), x.Currency, assets[x.Currency].Format(x.Amount)})
	}
	for _, c := range all {
		a := assets[c.Currency]
		o.Coverage = append(o.Coverage, coverageOut{c.Currency, a.Format(c.Owed), a.Format(c.Held), a.Format(c.Missing)})
	}
	return nil
}

// exposureOut is the exposure in one currency; below zero the house has to buy.
type exposureOut struct {
	Currency string `json:"currency"`
	Done     string `json:"done"`
	Open     string `json:"open"`
	Exposure string `json:"exposure"`
}

func showExposure(assets money.Assets, all []treasury.Exposure) []exposureOut {
	out := []exposureOut{}
	for _, x := range all {
		a := assets[x.Currency]
		out = append(out, exposureOut{x.Currency, x.Done.Format(a), x.Open.Format(a), x.Total().Format(a)})
	}
	return out
}

type walletFigures struct {
	Wallet  string       `json:"wallet"`
	Network string       `json:"network"`
	Address string       `json:"address"`
	Figures []figuresOut `json:"figures"`
	Problem string       `json:"problem,omitempty"`
}

// Run implements the command.
func (treasuryCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		return t.survey(func(s treasury.Survey) error {
			all, err := s.All(t.ctx)
			if err != nil {
				return err
			}
			owed, err := t.db.TreasuryOwed(t.ctx)
			if err != nil {
				return err
			}
			needs, err := treasury.Needs(all, owed)
			if err != nil {
				return err
			}
			exposed, err := t.db.Exposure(t.ctx)
			if err != nil {
				return err
			}
			assets, err := t.assets()
			if err != nil {
				return err
			}
			out := showTreasury(assets, all, needs)
			out.Exchange = showExposure(assets, exposed)
			if err := out.covered(t, assets, needs); err != nil {
				return err
			}
			return e.print(out, func(w io.Writer) { out.table(printer{w}) })
		})
	})
}

func showTreasury(assets money.Assets, all []treasury.Status, needs []treasury.Need) treasuryOut {
	out := treasuryOut{Assets: []needOut{}, Wallets: []walletFigures{}}
	for _, n := range needs {
		a := assets[n.Asset]
		out.Assets = append(out.Assets, needOut{
			Network: n.Network, Asset: n.Asset, Balance: a.Format(n.Balance), Reserved: a.Format(n.Reserved), Spendable: a.Format(n.Spendable),
			Owed: a.Format(n.Owed), Free: a.Format(n.Free), Short: a.Format(n.Short),
		})
	}
	for _, st := range all {
		w := walletFigures{Wallet: st.Wallet.Text(), Network: st.Wallet.Network, Address: st.Wallet.Address, Figures: []figuresOut{}, Problem: st.Problem}
		for _, f := range st.Figures {
			w.Figures = append(w.Figures, showFigures(assets, f))
		}
		out.Wallets = append(out.Wallets, w)
	}
	return out
}

func (o treasuryOut) table(p printer) {
	p.line("NETWORK\tASSET\tBALANCE\tRESERVED\tSPENDABLE\tOWED\tFREE\tSHORT")
	for _, n := range o.Assets {
		p.f("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", n.Network, n.Asset, short(n.Balance), short(n.Reserved), short(n.Spendable), short(n.Owed), short(n.Free), short(n.Short))
	}
	for _, w := range o.Wallets {
		p.f("\n%s on %s: %s\n", w.Wallet, w.Network, w.Address)
		if len(w.Figures) > 0 {
			p.line("ASSET\tBALANCE\tSPENDABLE\tSPENT-24H\tRUNWAY\tSTATE")
		}
		for _, f := range w.Figures {
			p.f("%s\t%s\t%s\t%s\t%s\t%s\n", f.Asset, short(f.Balance), short(f.Spendable), short(f.Spent), f.runway(), f.state())
		}
		if w.Problem != "" {
			p.line(w.Problem)
		}
	}
	if len(o.Exchange) > 0 {
		p.line("")
		p.line("EXCHANGED\tDONE\tOPEN\tEXPOSURE")
	}
	for _, x := range o.Exchange {
		p.f("%s\t%s\t%s\t%s\n", x.Currency, short(x.Done), short(x.Open), short(x.Exposure))
	}
	o.owed(p)
}

// owed shows what is owed to merchants.
func (o treasuryOut) owed(p printer) {
	if len(o.Obligations) == 0 {
		return
	}
	p.line("\nMERCHANT\tCURRENCY\tOWED")
	for _, x := range o.Obligations {
		p.f("%s\t%s\t%s\n", x.Merchant, x.Currency, short(x.Amount))
	}
	p.line("\nCURRENCY\tOWED-TO-ALL\tHELD\tMISSING")
	for _, c := range o.Coverage {
		p.f("%s\t%s\t%s\t%s\n", c.Currency, short(c.Owed), short(c.Held), short(c.Missing))
	}
}

type walletFundCmd struct {
	ID string `arg:"" optional:"" help:"The wallet, wal_... Default: all."`
}

// fundOut says where to send what.
type fundOut struct {
	ID      string   `json:"id"`
	Network string   `json:"network"`
	Address string   `json:"address"`
	Assets  []string `json:"assets"`
	Fees    string   `json:"fee_asset,omitempty"`
	Vault   string   `json:"vault,omitempty"` // what it pays lists from; fees are still paid by the address
}

// Run implements the command.
func (c *walletFundCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		rows, err := t.db.TreasuryWallets(t.ctx)
		if err != nil {
			return err
		}
		var out []fundOut
		for _, w := range rows {
			if c.ID != "" && c.ID != w.Text() {
				continue
			}
			f := fundOut{ID: w.Text(), Network: w.Network, Address: w.Address, Assets: []string{}}
			for code, a := range t.conf.Money() {
				if a.On(w.Network) {
					f.Assets = append(f.Assets, code)
				}
			}
			slices.Sort(f.Assets)
			for _, n := range t.conf.Networks {
				if n.Name == w.Network {
					f.Fees, f.Vault = n.FeeAsset, n.Vault(w.Address)
				}
			}
			out = append(out, f)
		}
		if c.ID != "" && len(out) == 0 {
			return fault.New(fault.NotFound, "wallet_not_found", "there is no wallet %s; `sluice wallet list` shows all", c.ID)
		}
		return list(e, out, "ID NETWORK ADDRESS SEND-ONLY FEES-IN VAULT", func(f fundOut) []any {
			return []any{f.ID, f.Network, f.Address, or(joined(f.Assets), "-"), or(f.Fees, "-"), or(f.Vault, "-")}
		})
	})
}

func joined(s []string) string {
	out := ""
	for i, x := range s {
		if i > 0 {
			out += ","
		}
		out += x
	}
	return out
}
