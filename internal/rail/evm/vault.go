package evm

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/signer"
)

// The functions of the vault (contracts/Vault.sol), packed by hand like those of ERC-20.
var (
	selPay      = [4]byte{0x6a, 0xa9, 0x22, 0x58} // pay(bytes32,address,uint256,uint256[])
	selDone     = [4]byte{0x38, 0x8a, 0x3c, 0xf5} // done(bytes32)
	selOperator = [4]byte{0x57, 0x0c, 0xa7, 0x35} // operator()
	selWithdraw = [4]byte{0xf3, 0xfe, 0xf3, 0xa3} // withdraw(address,uint256)
	// topicFailed is the hash of Failed(bytes32,uint256,bytes).
	topicFailed = common.HexToHash("0x4ef0666b987ab0794dacd2e13d57a60786e915302269a4973e814048c4b24d3f")
)

// word is the size of everything in a call.
const word = 32

// batchCall is a call of the vault's pay.
type batchCall struct {
	id      [32]byte
	token   common.Address // zero: the native coin
	gasEach uint64
	items   []item
}

// item is one payout of a batch.
type item struct {
	to     common.Address
	amount money.Amount
}

// encode packs the call: four words, the length, and one word for each payout.
func (b batchCall) encode() []byte {
	out := append(selPay[:], b.id[:]...)
	out = append(out, common.LeftPadBytes(b.token[:], word)...)
	number := func(n uint64) {
		out = append(out, make([]byte, word-8)...)
		out = binary.BigEndian.AppendUint64(out, n)
	}
	number(b.gasEach)
	number(4 * word) // where the list begins
	number(uint64(len(b.items)))
	for _, it := range b.items {
		amount := it.amount.Bytes32()
		out = append(out, it.to[:]...)
		out = append(out, amount[word-12:]...)
	}
	return out
}

// decodeBatch reads a call of pay. Only the very form that encode writes is taken.
func decodeBatch(data []byte) (batchCall, bool) {
	var b batchCall
	const head = 4 + 5*word
	if len(data) < head || (len(data)-head)%word != 0 {
		return b, false
	}
	copy(b.id[:], data[4:])
	b.token = common.BytesToAddress(data[4+word : 4+2*word])
	b.gasEach = binary.BigEndian.Uint64(data[4+3*word-8:])
	for at := head; at < len(data); at += word {
		amount, err := money.FromBytes(data[at+20 : at+word])
		if err != nil {
			return b, false
		}
		b.items = append(b.items, item{common.BytesToAddress(data[at : at+20]), amount})
	}
	return b, bytes.Equal(b.encode(), data)
}

// fits tells whether an amount has a place in a batch: it has 96 bits there.
func fits(a money.Amount) bool {
	b := a.Bytes32()
	return bytes.Equal(b[:word-12], make([]byte, word-12))
}

// batchID is the one-time id of a list: signer.BatchID.
func (r *Rail) batchID(vault common.Address, payouts []rail.Payout) [32]byte {
	outputs := make([]signer.Output, 0, len(payouts))
	for _, p := range payouts {
		outputs = append(outputs, signer.Output{Ref: p.Ref, Asset: p.Asset, To: p.To, Amount: p.Amount})
	}
	return signer.BatchID(r.conf.ChainID, vault[:], outputs)
}

// batch is the call by which a vault pays a list.
func (r *Rail) batch(vault common.Address, payouts []rail.Payout) batchCall {
	b := batchCall{id: r.batchID(vault, payouts), gasEach: r.conf.BatchGasEach}
	if t, ok := r.tokens[payouts[0].Asset]; ok {
		b.token = t.contract
	}
	for _, p := range payouts {
		b.items = append(b.items, item{common.BytesToAddress(p.To), p.Amount})
	}
	return b
}

// paysBatch tells whether a transaction is the call by which the vault pays the list.
// How much gas each may use is no part of that: the setting may have changed since.
func (r *Rail) paysBatch(tx *types.Transaction, vault common.Address, payouts []rail.Payout) bool {
	if vault == (common.Address{}) || tx.To() == nil || *tx.To() != vault || tx.Value().Sign() != 0 {
		return false
	}
	b, ok := decodeBatch(tx.Data())
	want := r.batch(vault, payouts)
	want.gasEach = b.gasEach
	return ok && bytes.Equal(want.encode(), tx.Data())
}

// takeVaults reads the configured vaults.
func (r *Rail) takeVaults(conf map[string]string) error {
	r.vaults = map[common.Address]common.Address{}
	for wallet, vault := range conf {
		w, bad := decodeAddress(wallet)
		if bad != nil {
			return fault.New(fault.Invalid, "rail_config", "vaults on %s: wallet %s: %s", r.conf.Network, wallet, bad.Message)
		}
		v, bad := decodeAddress(vault)
		if bad != nil {
			return fault.New(fault.Invalid, "rail_config", "vaults on %s: vault of %s: %s", r.conf.Network, wallet, bad.Message)
		}
		if v == w {
			return fault.New(fault.Invalid, "rail_config", "vaults on %s: %s is the wallet itself; `sluice wallet deploy-vault` makes a vault", r.conf.Network, wallet)
		}
		r.vaults[w] = v
	}
	return nil
}

// checkVaults makes sure that each vault is one and obeys its wallet.
func (r *Rail) checkVaults(ctx context.Context) error {
	for wallet, vault := range r.vaults {
		code, err := r.codeAt(ctx, vault, nil)
		if err != nil {
			return unavailable(err, "read the vault of "+wallet.Hex())
		}
		if len(code) == 0 {
			return fault.New(fault.Invalid, "rail_config", "vaults on %s: there is no contract at %s; `sluice wallet deploy-vault` makes one", r.conf.Network, vault)
		}
		operator, err := r.readUint(ctx, vault, selOperator[:], nil)
		if err != nil {
			if _, reverted := revertReason(err); reverted {
				return fault.New(fault.Invalid, "rail_config", "vaults on %s: the contract at %s is no vault", r.conf.Network, vault)
			}
			return unavailable(err, "ask whom the vault "+vault.Hex()+" obeys")
		}
		if obeys := common.BigToAddress(operator); obeys != wallet {
			return fault.New(fault.Invalid, "rail_config", "vaults on %s: the vault %s obeys %s, not the wallet %s", r.conf.Network, vault, obeys, wallet)
		}
	}
	return nil
}

// doneAt asks a vault whether it has paid a batch, at a block.
func (r *Rail) doneAt(ctx context.Context, vault common.Address, id [32]byte, at *big.Int) (bool, error) {
	v, err := r.readUint(ctx, vault, append(selDone[:], id[:]...), at)
	if err != nil {
		return false, unavailable(err, "ask whether the vault has paid")
	}
	return v.Sign() != 0, nil
}

// checkList refuses what can only be a mistake of the caller.
func (r *Rail) checkList(wallet string, payouts []rail.Payout) error {
	if len(payouts) == 0 {
		return fault.New(fault.Invalid, "payout_list", "a slot on %s without payouts", r.conf.Network)
	}
	for _, p := range payouts {
		if err := r.checkPayout(p); err != nil {
			return err
		}
		if p.Asset != payouts[0].Asset {
			return fault.New(fault.Invalid, "payout_list", "a transaction on %s pays one asset: this list has %s and %s", r.conf.Network, payouts[0].Asset, p.Asset)
		}
		if len(payouts) > 1 && !fits(p.Amount) {
			return fault.New(fault.Invalid, "payout_list", "payout %s is too large for a list: it must be paid alone", p.Ref)
		}
	}
	if len(payouts) > 1 && r.vaults[common.HexToAddress(wallet)] == (common.Address{}) {
		return fault.New(fault.Invalid, "no_vault",
			"a transaction of %s on %s pays one payout, this slot has %d: the wallet has no vault", wallet, r.conf.Network, len(payouts))
	}
	return nil
}

// total adds up a list.
func total(payouts []rail.Payout) (sum money.Amount, err error) {
	for _, p := range payouts {
		if sum, err = sum.Add(p.Amount); err != nil {
			return sum, fmt.Errorf("add up %d payouts: %w", len(payouts), err)
		}
	}
	return sum, nil
}
