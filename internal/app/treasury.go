package app

import (
	"context"
	"math/big"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/config"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/payout"
	"sluice/internal/rail"
	"sluice/internal/treasury"
)

// Survey is the look at all wallets that a configuration describes.
func Survey(read treasury.Reader, conf config.Config, rails map[string]rail.Rail) treasury.Survey {
	s := treasury.Survey{Read: read, Rails: rails, Now: time.Now}
	assets := conf.Money()
	for _, l := range conf.Treasury.Low {
		below, err := l.Amount(assets[l.Asset])
		if err != nil {
			continue // Validate has refused it
		}
		s.Low = append(s.Low, treasury.Threshold{Wallet: l.Wallet, Asset: l.Asset, Below: below})
	}
	return s
}

// newTreasury makes the worker that watches the wallets. It books only what belongs to
// wallets that this process pays from.
func (a *App) newTreasury() {
	if len(a.rails) == 0 {
		return
	}
	var turns treasury.Turns
	if a.dispatch != nil {
		turns = func(wallet id.Seq, fn func(context.Context, treasury.Guard)) {
			a.dispatch.Turn(wallet, func(ctx context.Context, h payout.Holder) { fn(ctx, h) })
		}
	}
	survey := Survey(a.Store, a.conf, a.rails)
	a.survey = &survey
	a.treasury = treasury.NewWorker(a.Loop, survey, turns, treasury.Options{
		Assets: a.Assets, Every: a.conf.Treasury.Every.Std(), Outages: a.outages, Log: a.log,
	})
	a.metrics.registry.MustRegister(newPurse(a.treasury, a.Assets))
}

// purse tells what the last look at the wallets showed. There are few wallets, so that
// their ids may be labels.
type purse struct {
	worker                                    *treasury.Worker
	assets                                    money.Assets
	balance, spendable, low, missing, reached *prometheus.Desc
}

func newPurse(w *treasury.Worker, assets money.Assets) *purse {
	labels := []string{"wallet", "network", "asset"}
	return &purse{
		worker: w, assets: assets,
		balance:   prometheus.NewDesc("sluice_wallet_balance", "What a wallet holds at the latest block, in whole units.", labels, nil),
		spendable: prometheus.NewDesc("sluice_wallet_spendable", "What a wallet holds beyond payouts under way, in whole units.", labels, nil),
		low:       prometheus.NewDesc("sluice_wallet_low", "1 while a wallet can pay less than its threshold, else 0. Only where a threshold is set.", labels, nil),
		missing:   prometheus.NewDesc("sluice_wallet_unexplained", "What left a wallet without a payout of ours and was not explained, in whole units. Must be 0.", labels, nil),
		reached:   prometheus.NewDesc("sluice_wallet_reached", "1 if the last look at a wallet succeeded, else 0.", []string{"wallet", "network"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (p *purse) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{p.balance, p.spendable, p.low, p.missing, p.reached} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (p *purse) Collect(out chan<- prometheus.Metric) {
	for _, st := range p.worker.Seen() {
		id, network := st.Wallet.Text(), st.Wallet.Network
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
		}
		gauge(p.reached, bit(st.Problem == ""), id, network)
		for _, f := range st.Figures {
			gauge(p.balance, p.units(f.Asset, f.Balance), id, network, f.Asset)
			gauge(p.spendable, p.units(f.Asset, f.Spendable), id, network, f.Asset)
			if !f.Below.IsZero() {
				gauge(p.low, bit(f.Low), id, network, f.Asset)
			}
		}
		for _, l := range st.Lines {
			if st.Missing[l.Asset].IsZero() {
				gauge(p.missing, 0, id, network, l.Asset)
			}
		}
		for asset, a := range st.Missing {
			gauge(p.missing, p.units(asset, a), id, network, asset)
		}
	}
}

// units is an amount in whole units, for a graph: near enough, and never used for money.
func (p *purse) units(asset string, a money.Amount) float64 {
	v, ok := new(big.Float).SetString(p.assets[asset].Format(a))
	if !ok {
		return 0
	}
	f, _ := v.Float64()
	return f
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
