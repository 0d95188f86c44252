package cli

import (
	"context"
	"strings"

	"sluice/internal/app"
	"sluice/internal/config"
	"sluice/internal/money"
	"sluice/internal/payout"
	"sluice/internal/rail"
	"sluice/internal/treasury"
)

// gasKeeper is a rail whose wallets pay fees with what their address alone has.
type gasKeeper interface {
	Gas(ctx context.Context, wallet string) (money.Amount, error)
}

// walletFigures puts what `sluice treasury` tells of a wallet into out.
func (t *tool) walletFigures(w payout.Wallet, n config.Network, out *walletOut) error {
	assets := t.conf.Money()
	r, err := app.OpenRail(t.ctx, n, assets)
	if err != nil {
		return err
	}
	defer r.Close()
	survey := app.Survey(t.db, t.conf, map[string]rail.Rail{n.Name: r})
	st, _, err := survey.One(t.ctx, treasury.Wallet{Seq: w.Seq, Network: w.Network, Address: w.Address, Label: w.Label}, true)
	if err != nil {
		return err
	}
	if len(st.Figures) == 0 && st.Problem != "" {
		out.Problem = "the node does not tell; check networks.url: " + st.Problem
		return nil
	}
	out.Balances = map[string]string{}
	var gas money.Amount
	for _, f := range st.Figures {
		out.Balances[f.Asset] = assets[f.Asset].Format(f.Balance)
		out.Figures = append(out.Figures, showFigures(assets, f))
		if f.Asset == st.FeeAsset {
			gas = f.Spendable
		}
	}
	if k, ok := r.(gasKeeper); ok {
		own, err := k.Gas(t.ctx, w.Address)
		if err != nil {
			return err
		}
		if own.Less(gas) {
			gas = own
		}
	}
	out.Gas = assets[st.FeeAsset].Format(gas) + " " + st.FeeAsset
	return nil
}

// each writes something of every figure, or a dash.
func (w walletOut) each(text func(figuresOut) string) string {
	var out []string
	for _, f := range w.Figures {
		out = append(out, text(f))
	}
	return or(strings.Join(out, ", "), "-")
}
