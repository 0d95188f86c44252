package payout

import (
	"math/big"

	"sluice/internal/money"
)

// shares splits what a dispatch cost among the withdrawals it paid, by place. The
// parts are equal but for the last units, which go to the first ones, so that their
// sum is exactly the cost. Withdrawals that were not paid bear nothing.
func (d Work) shares() (map[int64]money.Amount, error) {
	var paid []int64
	for _, it := range d.Items {
		if it.Outcome == OutcomePaid {
			paid = append(paid, it.Place)
		}
	}
	out := make(map[int64]money.Amount, len(paid))
	if len(paid) == 0 {
		return out, nil
	}
	each, rest := new(big.Int).QuoRem(d.Dispatch.Fee.Big(), big.NewInt(int64(len(paid))), new(big.Int))
	for n, place := range paid {
		part := new(big.Int).Set(each)
		if int64(n) < rest.Int64() {
			part.Add(part, big.NewInt(1))
		}
		a, err := money.FromBig(part)
		if err != nil {
			return nil, err
		}
		out[place] = a
	}
	return out, nil
}
