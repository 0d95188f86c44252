package evm

import (
	"errors"
	"math/big"

	"sluice/internal/money"
)

var errNoNumber = errors.New("the node left out a number")

// Amount takes a number from a chain library. A missing number, negative ones and
// those of more than 39 digits are refused.
func Amount(b *big.Int) (money.Amount, error) {
	if b == nil {
		return money.Amount{}, errNoNumber
	}
	return money.FromBig(b)
}
