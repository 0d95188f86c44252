package treasury

import (
	"math/big"

	"sluice/internal/money"
)

// Signed is a difference of amounts. The zero value is none.
type Signed struct{ v big.Int }

// Less gives a - b.
func Less(a, b money.Amount) Signed {
	var s Signed
	return s.Plus(a).Minus(b)
}

// Plus adds an amount.
func (s Signed) Plus(a money.Amount) Signed {
	var out Signed
	out.v.Add(&s.v, a.Big())
	return out
}

// Minus takes an amount away.
func (s Signed) Minus(a money.Amount) Signed {
	var out Signed
	out.v.Sub(&s.v, a.Big())
	return out
}

// Sign is -1, 0 or +1.
func (s Signed) Sign() int { return s.v.Sign() }

// Abs is the difference without its sign, or money.ErrOverflow.
func (s Signed) Abs() (money.Amount, error) { return money.FromBig(new(big.Int).Abs(&s.v)) }

// Floor is the difference, or zero for one below zero.
func (s Signed) Floor() money.Amount {
	if s.v.Sign() < 0 {
		return money.Amount{}
	}
	a, err := s.Abs()
	if err != nil {
		return money.Amount{} // more than any wallet can hold: nothing is promised then
	}
	return a
}

// Format writes the difference in major units, with a minus before one below zero.
func (s Signed) Format(a money.Asset) string {
	abs, err := s.Abs()
	if err != nil {
		return s.v.String()
	}
	if s.v.Sign() < 0 {
		return "-" + a.Format(abs)
	}
	return a.Format(abs)
}
