package evm

import (
	"bytes"
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"sluice/internal/fault"
)

// Tokens that take a part of what is moved, or change balances by themselves, cannot be
// paid with: the recipient would get another amount than was approved, or the books
// would never agree with the wallet. They are refused when they are configured. Two
// things are looked at: what the code says it can do, and what a transfer really does.

// oddFunctions are functions that such tokens have and others do not, by selector.
var oddFunctions = map[[4]byte]string{
	{0x7a, 0x43, 0xe2, 0x3f}: "rebase(uint256,int256)",
	{0xf5, 0xeb, 0x42, 0xdc}: "sharesOf(address)",
	{0x7a, 0x28, 0xfb, 0x88}: "getPooledEthByShares(uint256)",
	{0x1d, 0xa2, 0x4f, 0x3e}: "scaledBalanceOf(address)",
	{0xf5, 0x1b, 0x0f, 0xd4}: "rebaseOptIn()",
	{0x66, 0x91, 0xcb, 0x3d}: "rebasingCreditsPerToken()",
	{0x1b, 0xd3, 0x96, 0x74}: "gonsForBalance(uint256)",
	{0x45, 0x49, 0xb0, 0x39}: "reflectionFromToken(uint256,bool)",
	{0x2d, 0x83, 0x81, 0x19}: "tokenFromReflection(uint256)",
	{0x53, 0x42, 0xac, 0xb4}: "isExcludedFromFee(address)",
	{0x4f, 0xbe, 0xe1, 0x93}: "isExcludedFromFees(address)",
	{0x88, 0xf8, 0x20, 0x20}: "isExcludedFromReward(address)",
}

// selBasisPoints is basisPointsRate(), the share that the most used stablecoin could
// take but does not.
var selBasisPoints = [4]byte{0xdd, 0x64, 0x4f, 0x72}

// checkToken refuses a token that does not move what it is told to move.
func (r *Rail) checkToken(ctx context.Context, asset string, contract common.Address, code []byte) error {
	refuse := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "token_unfit", "token %s on %s (%s) cannot be paid with: %s. Take it out of the configuration",
			asset, r.conf.Network, contract, fmt.Sprintf(format, args...))
	}
	for selector, name := range oddFunctions {
		if bytes.Contains(code, append([]byte{0x63}, selector[:]...)) { // PUSH4: its table of functions
			return refuse("its code has %s, so it takes a part of transfers or changes balances by itself", name)
		}
	}
	if bytes.Contains(code, append([]byte{0x63}, selBasisPoints[:]...)) {
		rate, err := r.readUint(ctx, contract, selBasisPoints[:], nil)
		if err != nil {
			return unavailable(err, "ask what "+asset+" takes")
		}
		if rate.Sign() != 0 {
			return refuse("it takes %s hundredths of a percent of every transfer", rate)
		}
	}
	taken, moved, err := r.tryTransfer(ctx, contract)
	if err != nil {
		return err
	}
	if moved != nil && taken.Cmp(moved) != 0 {
		return refuse("of %s units that were moved in a simulation, %s arrived", taken, moved)
	}
	return nil
}

// tryTransfer simulates the transfer of all that a wallet of ours holds, and gives how
// much left and how much arrived. moved is nil where nobody has any yet, or the node
// cannot simulate so.
//
// The code that asks stands, for the simulation only, at the holder's own address:
//
//	before = balanceOf(recipient); transfer(recipient, amount); return balanceOf(recipient) - before
func (r *Rail) tryTransfer(ctx context.Context, contract common.Address) (taken, moved *big.Int, err error) {
	recipient := common.HexToAddress("0x51111ce000000000000000000000000000000001") // nobody's
	for wallet, vault := range r.vaults {
		for _, holder := range []common.Address{vault, wallet} {
			have, err := r.readUint(ctx, contract, balanceOf(holder), nil)
			if err != nil {
				return nil, nil, unavailable(err, "read a balance of "+contract.Hex())
			}
			if have.Sign() == 0 {
				continue
			}
			var out hexutil.Bytes
			call := map[string]any{"from": wallet, "to": holder}
			state := map[common.Address]any{holder: map[string]any{"code": hexutil.Bytes(probeCode(contract, recipient, have))}}
			if err := r.ask(ctx, &out, "eth_call", call, "latest", state); err != nil || len(out) != word {
				return nil, nil, nil //nolint:nilerr // a node without overrides, or a token that is paused: nothing is learnt
			}
			return have, new(big.Int).SetBytes(out), nil
		}
	}
	return nil, nil, nil
}

// probeCode is the program of tryTransfer.
func probeCode(token, to common.Address, amount *big.Int) []byte {
	var c []byte
	op := func(b ...byte) { c = append(c, b...) }
	push := func(v []byte) { op(append([]byte{0x7f}, common.LeftPadBytes(v, word)...)...) } // PUSH32
	store := func(v []byte, at byte) { push(v); op(0x60, at, 0x52) }                        // MSTORE
	selector := func(s [4]byte) { store(common.RightPadBytes(s[:], word), 0) }
	// call(gas, token, 0, 0, size, 0x80, 0x20)
	call := func(size byte) {
		op(0x60, 0x20, 0x60, 0x80, 0x60, size, 0x60, 0x00, 0x60, 0x00)
		push(token[:])
		op(0x5a, 0xf1, 0x50) // GAS CALL POP
	}
	selector(selBalanceOf)
	store(to[:], 4)
	call(0x24)
	op(0x60, 0x80, 0x51, 0x60, 0xa0, 0x52) // keep it at 0xa0
	selector(selTransfer)
	store(to[:], 4)
	store(amount.Bytes(), 0x24)
	call(0x44)
	selector(selBalanceOf)
	store(to[:], 4)
	call(0x24)
	op(0x60, 0xa0, 0x51, 0x60, 0x80, 0x51, 0x03) // balance now less balance then
	op(0x60, 0x00, 0x52, 0x60, 0x20, 0x60, 0x00, 0xf3)
	return c
}
