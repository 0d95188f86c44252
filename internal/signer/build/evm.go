package build

import (
	"bytes"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"sluice/internal/fault"
	"sluice/internal/signer"
)

// EVM is the family of account chains that run the Ethereum virtual machine.
const EVM = "evm"

// txGasLimit is the most gas a transaction may have on Ethereum since the Osaka fork
// (EIP-7825).
const txGasLimit = 1 << 24

func evmAddresses(public []byte) ([]string, error) {
	key, err := crypto.DecompressPubkey(public)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "sign_failed", "a place of keys gave something that is no public key")
	}
	return []string{crypto.PubkeyToAddress(*key).Hex()}, nil
}

func buildEVM(n signer.Network, public []byte, in signer.Intent) (signer.Unsigned, error) {
	if err := checkEVM(n, public, in); err != nil {
		return signer.Unsigned{}, err
	}
	tx := types.NewTx(evmTx(in))
	return unsignedEVM(n, tx, in.Wallet), nil
}

// unsignedEVM is a transaction of a wallet that lacks its signature.
func unsignedEVM(n signer.Network, tx *types.Transaction, wallet string) signer.Unsigned {
	rules := types.LatestSignerForChainID(new(big.Int).SetUint64(n.ChainID))
	hash := rules.Hash(tx)
	return signer.Unsigned{
		Digests: []signer.Digest{{Scheme: signer.ECDSA, Hash: hash}}, Hash: hash.Hex(),
		Finish: func(signatures [][]byte) (signer.Signed, error) { return finishEVM(tx, rules, wallet, signatures) },
	}
}

func finishEVM(tx *types.Transaction, rules types.Signer, wallet string, signatures [][]byte) (signer.Signed, error) {
	if len(signatures) != 1 {
		return signer.Signed{}, fault.New(fault.Internal, "sign_failed", "%d signatures for one digest", len(signatures))
	}
	signed, err := tx.WithSignature(rules, signatures[0])
	if err != nil {
		return signer.Signed{}, fault.Wrap(err, fault.Internal, "sign_failed", "The signature could not be used")
	}
	from, err := types.Sender(rules, signed)
	if err != nil || from != common.HexToAddress(wallet) {
		return signer.Signed{}, fault.Wrap(err, fault.Internal, "sign_failed", "The signature is not by the key of %s", wallet)
	}
	raw, err := signed.MarshalBinary()
	if err != nil {
		return signer.Signed{}, fault.Wrap(err, fault.Internal, "sign_failed", "The signed bytes could not be written")
	}
	return signer.Signed{TxID: signed.Hash().Hex(), Raw: raw}, nil
}

// checkEVM applies the rules of the family that need no memory.
func checkEVM(n signer.Network, public []byte, in signer.Intent) error {
	have, err := evmAddresses(public)
	switch {
	case err != nil:
		return err
	case !common.IsHexAddress(in.Wallet) || common.HexToAddress(in.Wallet).Hex() != have[0]:
		return refuse("sign_wallet", "the wallet %q is not the key's own", in.Wallet)
	case in.ChainID == 0 || in.ChainID != n.ChainID:
		return refuse("sign_chain", "the intent is for chain %d, %s is chain %d", in.ChainID, n.Name, n.ChainID)
	case len(in.Inputs) > 0 || !in.Change.Amount.IsZero():
		return refuse("sign_outputs", "an account chain has no coins and no change")
	case len(in.Outputs) != 1 && len(in.Vault) == 0 && !in.Cancel:
		return refuse("sign_outputs", "the intent has %d recipients; one transaction of the wallet itself pays exactly one", len(in.Outputs))
	case in.Gas == 0 || in.Gas > txGasLimit:
		return refuse("sign_gas", "%d gas: want 1 to %d", in.Gas, txGasLimit)
	case in.FeeCap.IsZero() || in.FeeCap.Less(in.TipCap):
		return refuse("sign_fee", "the fee cap %s must be above zero and not below the tip %s", in.FeeCap, in.TipCap)
	}
	for _, o := range in.Outputs {
		if err := checkEVMOutput(o); err != nil {
			return err
		}
	}
	return checkVault(in)
}

func checkEVMOutput(o signer.Output) error {
	switch {
	case len(o.To) != common.AddressLength || bytes.Equal(o.To, make([]byte, common.AddressLength)):
		return refuse("sign_recipient", "the recipient is not a 20-byte address above zero")
	case len(o.Token) != 0 && len(o.Token) != common.AddressLength:
		return refuse("sign_token", "the token is not a 20-byte address")
	case bytes.Equal(o.To, o.Token):
		return refuse("sign_recipient", "the recipient is the token's own contract, where coins are lost")
	case o.Amount.IsZero():
		return refuse("sign_amount", "the amount is zero")
	}
	return nil
}

// evmTx makes the transaction of a checked intent.
func evmTx(in signer.Intent) *types.DynamicFeeTx {
	tx := &types.DynamicFeeTx{
		ChainID:   new(big.Int).SetUint64(in.ChainID),
		Nonce:     in.Nonce,
		Gas:       in.Gas,
		GasFeeCap: in.FeeCap.Big(),
		GasTipCap: in.TipCap.Big(),
	}
	if in.Cancel {
		to := common.HexToAddress(in.Wallet)
		tx.To, tx.Value = &to, new(big.Int)
		return tx
	}
	if len(in.Vault) > 0 {
		to := common.BytesToAddress(in.Vault)
		tx.To, tx.Value, tx.Data = &to, new(big.Int), vaultCall(in)
		return tx
	}
	o := in.Outputs[0]
	if len(o.Token) == 0 {
		to := common.BytesToAddress(o.To)
		tx.To, tx.Value = &to, o.Amount.Big()
		return tx
	}
	to := common.BytesToAddress(o.Token)
	tx.To, tx.Value = &to, new(big.Int)
	// transfer(address,uint256): selector, then two words of 32 bytes.
	amount := o.Amount.Bytes32()
	tx.Data = append([]byte{0xa9, 0x05, 0x9c, 0xbb}, common.LeftPadBytes(o.To, 32)...)
	tx.Data = append(tx.Data, amount[:]...)
	return tx
}
