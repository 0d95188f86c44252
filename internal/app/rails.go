package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"

	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/evm"
)

// Rail is a way out that this process opened.
type Rail interface {
	rail.Rail
	Close()
	// Reach asks the node for everything that must hold before money leaves.
	Reach(ctx context.Context) (warnings []string, err error)
}

// OpenRail opens the way out that a network describes. A node that does not answer
// is no error; one on the wrong chain is.
func OpenRail(ctx context.Context, n config.Network, assets money.Assets) (Rail, error) {
	r, err := openRail(ctx, n, assets)
	if err == nil {
		return r, nil
	}
	if f := fault.Of(err); f.Kind == fault.Invalid {
		return nil, fault.New(fault.Invalid, "config_invalid", "networks, %q: %s; correct its tokens, its chain or its url, or the scale of the asset", n.Name, f.Message)
	}
	return nil, err
}

func openRail(ctx context.Context, n config.Network, assets money.Assets) (Rail, error) {
	if n.Kind == config.KindBitcoin {
		return openCoin(ctx, n)
	}
	return OpenEVM(ctx, n, assets)
}

// OpenEVM is OpenRail for a network of kind evm.
func OpenEVM(ctx context.Context, n config.Network, assets money.Assets) (*evm.Rail, error) {
	finality, err := evm.ParseFinality(n.Finality)
	if err != nil {
		return nil, err
	}
	ceiling, err := n.FeeCap()
	if err != nil {
		return nil, err
	}
	tip, err := n.LeastTip()
	if err != nil {
		return nil, err
	}
	budget, err := n.BudgetWei()
	if err != nil {
		return nil, err
	}
	tokens := map[string]evm.Token{}
	for code, contract := range n.Tokens {
		tokens[code] = evm.Token{Contract: contract, Scale: assets[code].Scale}
	}
	return evm.Open(ctx, evm.Config{
		Network: n.Name, ChainID: uint64(n.ChainID), FeeAsset: n.FeeAsset, Tokens: tokens, Finality: finality, //nolint:gosec // validated: above 0
		FeeCapMax: ceiling, TipMin: &tip, Poll: n.Poll.Std(), Vaults: n.Vaults, BatchMax: n.BatchMax, FeeBudget: budget, FeeDeadline: n.FeeDeadline.Std(),
	}, n.URL.Reveal())
}

// openRails opens every network that was not handed in.
func (a *App) openRails(ctx context.Context, given map[string]rail.Rail) error {
	a.rails = maps.Clone(given)
	if a.rails == nil {
		a.rails = map[string]rail.Rail{}
	}
	if err := a.openBanks(ctx); err != nil {
		return err
	}
	for _, n := range a.conf.Networks {
		if a.rails[n.Name] != nil {
			continue
		}
		r, err := OpenRail(ctx, n, a.Assets)
		if err != nil {
			return err
		}
		a.rails[n.Name] = r
		a.closers = append(a.closers, func() error { r.Close(); return nil })
	}
	for _, asset := range a.Assets {
		for _, network := range asset.Networks {
			if !slices.Contains(a.rails[network].Assets(), asset.Code) {
				return fault.New(fault.Invalid, "config_invalid", "assets.%s: the network %s does not pay it", asset.Code, network)
			}
		}
	}
	return nil
}

// processName names this process for leases: random, so that it is never used twice.
func processName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return "proc-" + hex.EncodeToString(b[:])
}
