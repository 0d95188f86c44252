package evm

import (
	"context"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"sluice/internal/money"
	"sluice/internal/rail/node"
)

// feeOf is what a transaction in a block has cost, to the last unit: its gas, and what the
// chain takes beside it. What the receipt leaves out is worked out from the block and
// the transaction where that is exact; else there is no answer.
func (r *Rail) feeOf(ctx context.Context, in *receipt, b *block, tx *types.Transaction) (money.Amount, error) {
	if in.gas == nil || *in.gas == 0 || *in.gas > tx.Gas() {
		return money.Amount{}, node.Incomplete("eth_getTransactionReceipt", "gasUsed is missing, or cannot be")
	}
	price, err := priceOf(in, b, tx)
	if err != nil {
		return money.Amount{}, err
	}
	gas := new(big.Int).SetUint64(*in.gas)
	fee := new(big.Int).Mul(price, gas)
	if in.extra != nil {
		fee.Add(fee, in.extra)
	}
	if in.operator {
		more, err := r.operatorFee(ctx, gas, b)
		if err != nil {
			return money.Amount{}, err
		}
		fee.Add(fee, more)
	}
	return Amount(fee)
}

// priceOf is what a transaction has paid per gas. What the receipt says is taken if it is
// possible: at least the block's own fee, at most what was offered.
func priceOf(in *receipt, b *block, tx *types.Transaction) (*big.Int, error) {
	if p := in.price; p != nil && p.Cmp(tx.GasFeeCap()) <= 0 && (b.base == nil || p.Cmp(b.base) >= 0) && (p.Sign() > 0 || tx.GasFeeCap().Sign() == 0) {
		return p, nil
	}
	if b.base == nil {
		return nil, node.Incomplete("eth_getTransactionReceipt", "effectiveGasPrice is missing, and the block does not name its fee")
	}
	return smaller(new(big.Int).Add(b.base, tx.GasTipCap()), tx.GasFeeCap()), nil
}

// gasOracle is the contract by which rollups of the OP kind tell what they charge beside
// gas (https://specs.optimism.io, GasPriceOracle).
var (
	gasOracle      = common.HexToAddress("0x420000000000000000000000000000000000000F")
	selOperatorFee = [4]byte(crypto.Keccak256([]byte("getOperatorFee(uint256)"))[:4])
)

// operatorFee asks the chain itself, at the transaction's block: how it is worked out has
// changed with its forks.
func (r *Rail) operatorFee(ctx context.Context, gas *big.Int, b *block) (*big.Int, error) {
	v, err := r.readUint(ctx, gasOracle, append(selOperatorFee[:], common.LeftPadBytes(gas.Bytes(), word)...), b.at())
	return v, unavailable(err, "ask what the chain's operator took")
}
