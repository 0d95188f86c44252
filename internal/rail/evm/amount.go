package evm

import (
	"errors"
	"math/big"

	"sluice/internal/money"
)

var errNoNumber = errors.New("the node left out a number")

// Big gives an amount as the chain libraries want it. This file is the only place
// where amounts become big integers or come from them.
func Big(a money.Amount) *big.Int {
	b := a.Bytes32()
	return new(big.Int).SetBytes(b[:])
}

// Amount takes a number from a chain library. A missing number, negative ones and
// those of more than 39 digits are refused.
func Amount(b *big.Int) (money.Amount, error) {
	if b == nil {
		return money.Amount{}, errNoNumber
	}
	if b.Sign() < 0 {
		return money.Amount{}, money.ErrNegative
	}
	return money.FromBytes(b.Bytes())
}
