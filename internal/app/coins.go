package app

import (
	"context"
	"strconv"

	"sluice/internal/config"
	"sluice/internal/rail/utxo"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
)

// openCoin opens the way out over a coin chain.
func openCoin(ctx context.Context, n config.Network) (Rail, error) {
	tiers, err := n.Tiers()
	if err != nil {
		return nil, err
	}
	conf := utxo.Config{
		Network: n.Name, Chain: n.Coin.Chain, Dialect: utxo.Dialect(n.Coin.Node), FeeAsset: n.FeeAsset, BatchMax: n.Coin.BatchMax,
		Target: n.Coin.Target, CoinsWanted: n.Coin.CoinsWanted, Replace: n.Coin.Replace, Poll: n.Poll.Std(),
	}
	if conf.RateMin, conf.RateMax, conf.ConsolidateBelow, err = n.Rates(); err != nil {
		return nil, err
	}
	if conf.StartBlock, err = n.Start(); err != nil {
		return nil, err
	}
	limit, err := n.MaxFeeCoin()
	if err != nil {
		return nil, err
	}
	if conf.FeeMax, err = strconv.ParseUint(limit.Minor(), 10, 63); err != nil {
		return nil, err
	}
	for _, t := range tiers {
		from, err := strconv.ParseUint(t.From.Minor(), 10, 63)
		if err != nil {
			return nil, err
		}
		conf.Tiers = append(conf.Tiers, utxo.Tier{From: from, Depth: t.Depth})
	}
	return utxo.Open(ctx, conf, n.URL.Reveal(), n.Coin.Cookie)
}

// SignerNetwork is a network as the signer knows it.
func SignerNetwork(n config.Network) signer.Network {
	if n.Kind == config.KindBitcoin {
		return signer.Network{Name: n.Name, Family: build.UTXO, Coin: n.Coin.Chain}
	}
	return signer.Network{Name: n.Name, Family: build.EVM, ChainID: uint64(n.ChainID)} //nolint:gosec // validated: above 0
}
