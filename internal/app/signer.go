package app

import (
	"context"

	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
	"sluice/internal/signer/keystore"
)

// noSigner has no keys.
type noSigner struct{}

// Sign implements signer.Signer.
func (noSigner) Sign(context.Context, signer.Intent) (signer.Signed, error) {
	return signer.Signed{}, fault.New(fault.Refused, "sign_wallet", "signer: this process has no keys")
}

// Addresses implements signer.Signer.
func (noSigner) Addresses(context.Context) ([]string, error) { return nil, nil }

// openSigner opens the keys of this process. Without any it gives a signer that has
// none: this process then pays nothing out, and says so.
func (a *App) openSigner(ctx context.Context) (signer.Signer, error) {
	if !a.conf.Dispatch.Enabled || a.conf.Keystore.Dir == "" || len(a.conf.Networks) == 0 {
		return noSigner{}, nil
	}
	have, err := keystore.List(a.conf.Keystore.Dir)
	if err != nil || len(have) == 0 {
		return noSigner{}, err
	}
	if a.conf.Keystore.Passphrase.IsZero() {
		return nil, fault.Bad("config_invalid", "keystore.passphrase", "is needed to open the keys in %s; set it, best as file:PATH or env:NAME", a.conf.Keystore.Dir)
	}
	keys, err := keystore.Open(a.conf.Keystore.Dir, a.conf.Keystore.Passphrase.Reveal())
	if err != nil {
		return nil, err
	}
	policy, err := openPolicy(a.conf.Networks)
	if err != nil {
		return nil, err
	}
	return guard.Open(ctx, guard.Options{Keys: keys, Build: build.Builder{}, Policy: policy})
}

// openPolicy is what holds where nobody wrote a policy: slots are bound, and fees
// bounded.
func openPolicy(networks []config.Network) (guard.Policy, error) {
	var p guard.Policy
	for _, n := range networks {
		limit, err := n.MaxFeeMinor()
		if err != nil {
			return guard.Policy{}, err
		}
		p.Networks = append(p.Networks, guard.Network{Network: SignerNetwork(n), MaxFee: limit, Open: true})
	}
	return p, nil
}
