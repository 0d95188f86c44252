package build

import (
	"math/big"

	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/signer"
)

// Deploy implements signer.Builder.
func (Builder) Deploy(n signer.Network, public []byte, d signer.Deployment) (signer.Unsigned, error) {
	have, err := evmAddresses(public)
	switch {
	case err != nil:
		return signer.Unsigned{}, err
	case n.Family != EVM || n.ChainID == 0:
		return signer.Unsigned{}, refuse("sign_family", "the network %s has no contracts", n.Name)
	case have[0] != d.Wallet:
		return signer.Unsigned{}, refuse("sign_wallet", "the wallet %q is not the key's own", d.Wallet)
	case len(d.Code) == 0 || d.Gas == 0 || d.Gas > txGasLimit || d.FeeCap.IsZero() || d.FeeCap.Less(d.TipCap):
		return signer.Unsigned{}, refuse("sign_deployment", "a deployment needs code, 1 to %d gas, and a fee cap that is not below the tip", txGasLimit)
	}
	tx := types.NewTx(&types.DynamicFeeTx{
		ChainID: new(big.Int).SetUint64(n.ChainID), Nonce: d.Nonce, Gas: d.Gas,
		GasFeeCap: d.FeeCap.Big(), GasTipCap: d.TipCap.Big(), Value: new(big.Int), Data: d.Code,
	})
	return unsignedEVM(n, tx, d.Wallet), nil
}
