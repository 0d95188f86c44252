// Package build turns typed intents into transactions that lack their signatures only.
// Everything that is signed is made here, from the intent alone; nothing that a caller
// encoded is. Each family of networks has a file of its own.
package build

import (
	"sluice/internal/fault"
	"sluice/internal/signer"
)

// Builder implements signer.Builder for all families.
type Builder struct{}

var _ signer.Builder = Builder{}

// Addresses implements signer.Builder.
func (Builder) Addresses(n signer.Network, public []byte) ([]string, error) {
	switch n.Family {
	case EVM:
		return evmAddresses(public)
	case UTXO:
		return utxoAddresses(n, public)
	case Bank:
		return nil, nil // no key is that of an account
	default:
		return nil, refuse("sign_family", "the family %q of the network %s is not built", n.Family, n.Name)
	}
}

// Build implements signer.Builder.
func (Builder) Build(n signer.Network, public []byte, in signer.Intent) (signer.Unsigned, error) {
	if in.Family != n.Family {
		return signer.Unsigned{}, refuse("sign_family", "the network %s is of the family %q, not %q", n.Name, n.Family, in.Family)
	}
	if n.Family != Bank && len(in.File) > 0 {
		return signer.Unsigned{}, refuse("sign_file", "the network %s has no files", n.Name)
	}
	switch n.Family {
	case EVM:
		return buildEVM(n, public, in)
	case UTXO:
		return buildUTXO(n, public, in)
	case Bank:
		return buildBank(n, in)
	default:
		return signer.Unsigned{}, refuse("sign_family", "the family %q of the network %s is not built", n.Family, n.Name)
	}
}

func refuse(code, format string, args ...any) error {
	return fault.New(fault.Refused, code, "signer: "+format, args...)
}
