package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/internal/config"
	"sluice/internal/dispatch"
	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/evm"
	"sluice/internal/signer"
	"sluice/internal/signer/keystore"
)

// OpenRail opens the way out that a network describes. A node that does not answer
// is no error; one on the wrong chain is.
func OpenRail(ctx context.Context, n config.Network, assets money.Assets) (*evm.Rail, error) {
	finality, err := evm.ParseFinality(n.Finality)
	if err != nil {
		return nil, err
	}
	ceiling, err := n.FeeCap()
	if err != nil {
		return nil, err
	}
	tokens := map[string]evm.Token{}
	for code, contract := range n.Tokens {
		tokens[code] = evm.Token{Contract: contract, Scale: assets[code].Scale}
	}
	return evm.Open(ctx, evm.Config{
		Network: n.Name, ChainID: uint64(n.ChainID), FeeAsset: n.FeeAsset, Tokens: tokens, Finality: finality, //nolint:gosec // validated: above 0
		FeeCapMax: ceiling, Poll: n.Poll.Std(),
	}, n.URL.Reveal())
}

// openRails opens every network that was not handed in.
func (a *App) openRails(ctx context.Context, given map[string]rail.Rail) error {
	a.rails = maps.Clone(given)
	if a.rails == nil {
		a.rails = map[string]rail.Rail{}
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

// byChain asks the signer of the chain. Each chain has a signer of its own: what one
// remembers of a nonce must not bind the same nonce on another chain.
type byChain map[uint64]signer.Signer

// Sign implements signer.Signer.
func (b byChain) Sign(ctx context.Context, in signer.Intent) (signer.Signed, error) {
	s, ok := b[in.ChainID]
	if !ok {
		return signer.Signed{}, fault.New(fault.Refused, "sign_chain", "signer: chain %d is not configured", in.ChainID)
	}
	return s.Sign(ctx, in)
}

// Addresses implements signer.Signer.
func (b byChain) Addresses(ctx context.Context) ([]string, error) {
	for _, s := range b {
		return s.Addresses(ctx) // all have the same keys
	}
	return nil, nil
}

// openSigner opens the keys once per network. Without any it gives nil: this
// process then pays nothing out, and says so.
func (a *App) openSigner() (signer.Signer, error) {
	out := byChain{}
	if !a.conf.Dispatch.Enabled || a.conf.Keystore.Dir == "" {
		return out, nil
	}
	have, err := keystore.List(a.conf.Keystore.Dir)
	if err != nil || len(have) == 0 {
		return out, err
	}
	if a.conf.Keystore.Passphrase.IsZero() && len(a.conf.Networks) > 0 {
		return nil, fault.Bad("config_invalid", "keystore.passphrase", "is needed to open the keys in %s; set it, best as file:PATH or env:NAME", a.conf.Keystore.Dir)
	}
	for _, n := range a.conf.Networks {
		limit, err := n.MaxFeeWei()
		if err != nil {
			return nil, err
		}
		chain := uint64(n.ChainID) //nolint:gosec // validated: above 0
		s, err := keystore.Open(a.conf.Keystore.Dir, a.conf.Keystore.Passphrase.Reveal(), keystore.Options{ChainID: chain, MaxFee: limit})
		if err != nil {
			return nil, err
		}
		out[chain] = s
	}
	return out, nil
}

// ownWallets are the wallets whose keys this process has. Others are left to the
// processes that can sign for them.
type ownWallets struct {
	dispatch.Reader
	mine map[string]bool // by address, in lower case
}

func newOwnWallets(ctx context.Context, read dispatch.Reader, sign signer.Signer) (ownWallets, error) {
	addresses, err := sign.Addresses(ctx)
	if err != nil {
		return ownWallets{}, fmt.Errorf("ask the signer for its wallets: %w", err)
	}
	o := ownWallets{read, map[string]bool{}}
	for _, addr := range addresses {
		o.mine[strings.ToLower(addr)] = true
	}
	return o, nil
}

// Wallets implements dispatch.Reader.
func (o ownWallets) Wallets(ctx context.Context) ([]dispatch.Wallet, error) {
	all, err := o.Reader.Wallets(ctx)
	return slices.DeleteFunc(all, func(w dispatch.Wallet) bool { return !o.mine[strings.ToLower(w.Address)] }), err
}

// processName names this process for leases: random, so that it is never used twice.
func processName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return "proc-" + hex.EncodeToString(b[:])
}
