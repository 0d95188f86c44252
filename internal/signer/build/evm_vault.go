package build

import (
	"bytes"
	"encoding/binary"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/signer"
)

// checkVault applies the rules of lists that a vault pays, and of cancels.
func checkVault(in signer.Intent) error {
	if in.Cancel && (len(in.Vault) > 0 || len(in.Outputs) == 0) {
		return refuse("sign_cancel", "a cancel names the payouts that it takes the place of, and no vault")
	}
	if len(in.Vault) == 0 {
		if in.GasEach != 0 {
			return refuse("sign_vault", "only a vault has gas for each payout")
		}
		return nil
	}
	switch {
	case len(in.Vault) != common.AddressLength || bytes.Equal(in.Vault, make([]byte, common.AddressLength)):
		return refuse("sign_vault", "the vault is not a 20-byte address above zero")
	case len(in.Outputs) == 0:
		return refuse("sign_outputs", "the batch is empty")
	case in.GasEach == 0:
		return refuse("sign_vault", "a batch needs the gas that each payout may use")
	case in.GasEach > in.Gas:
		return refuse("sign_gas", "each payout may use %d gas, the whole batch %d", in.GasEach, in.Gas)
	}
	for _, o := range in.Outputs {
		amount := o.Amount.Bytes32()
		switch {
		case !bytes.Equal(o.Token, in.Outputs[0].Token):
			return refuse("sign_token", "a batch pays one token, this has several")
		case bytes.Equal(o.To, in.Vault) || bytes.Equal(in.Vault, o.Token):
			return refuse("sign_recipient", "the vault is neither a recipient nor a token")
		case !bytes.Equal(amount[:20], make([]byte, 20)):
			return refuse("sign_amount", "an amount of a batch has at most 96 bits")
		}
	}
	return nil
}

// vaultCall is pay(bytes32,address,uint256,uint256[]): the id, the token, the gas of
// each payout, and one word for each with the recipient above the amount.
func vaultCall(in signer.Intent) []byte {
	number := func(n int) []byte { return binary.BigEndian.AppendUint64(make([]byte, 24), uint64(n)) } //nolint:gosec // not negative
	id := signer.BatchID(in.ChainID, in.Vault, in.Outputs)
	data := append([]byte{0x6a, 0xa9, 0x22, 0x58}, id[:]...)
	data = append(data, common.LeftPadBytes(in.Outputs[0].Token, 32)...)
	data = append(data, binary.BigEndian.AppendUint64(make([]byte, 24), in.GasEach)...)
	data = append(data, number(4*32)...)
	data = append(data, number(len(in.Outputs))...)
	for _, o := range in.Outputs {
		amount := o.Amount.Bytes32()
		data = append(append(data, o.To...), amount[20:]...)
	}
	return data
}
