package build

import (
	"math/big"

	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/money"
	"sluice/internal/signer"
)

// Deployment is the creation of a contract. It is no intent: no guard signs it, so that
// neither the server nor its database can have one made. An operator who holds the
// keystore and its passphrase signs it with a command of its own.
type Deployment struct {
	Wallet         string
	Nonce, Gas     uint64
	FeeCap, TipCap money.Amount // wei per gas
	Code           []byte       // of the contract's making, with its arguments
}

// Deploy makes the transaction of a deployment, which the key pays for.
func Deploy(n signer.Network, public []byte, d Deployment) (signer.Unsigned, error) {
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
		GasFeeCap: number(d.FeeCap), GasTipCap: number(d.TipCap), Value: new(big.Int), Data: d.Code,
	})
	return unsignedEVM(n, tx, d.Wallet), nil
}
