// Package money holds exact amounts. An Amount is an unsigned integer of minor
// units (wei, satoshi, cent); what a minor unit is worth stands in the Asset.
// There are no floats and no negative amounts anywhere in Sluice.
package money

import (
	"fmt"
	"math/big"

	"github.com/holiman/uint256"

	"sluice/internal/fault"
)

// Digits is the number of decimal digits every store keeps: NUMERIC(39,0), which
// is what 128 bits and every token supply in use need.
const Digits = 39

// limit is 10^39, the first value that does not fit.
var limit = func() uint256.Int {
	var l uint256.Int
	l.Exp(uint256.NewInt(10), uint256.NewInt(Digits))
	return l
}()

// Amount is an exact number of minor units, 0 to 10^39-1. The zero value is 0.
// Amounts are comparable with ==.
type Amount struct{ v uint256.Int }

// Of makes an amount from a small number of minor units.
func Of(minor uint64) Amount {
	var a Amount
	a.v.SetUint64(minor)
	return a
}

// ErrOverflow says that a result does not fit 39 digits; ErrNegative that a
// subtraction would go below zero.
var (
	ErrOverflow = fault.New(fault.Invalid, "amount_overflow", "the amount has more than %d digits in minor units", Digits)
	ErrNegative = fault.New(fault.Refused, "amount_negative", "the result would be below zero")
)

// FromBytes reads a big-endian unsigned integer of at most 32 bytes, the form in
// which chains keep amounts.
func FromBytes(b []byte) (Amount, error) {
	var a Amount
	if len(b) > 32 {
		return Amount{}, ErrOverflow
	}
	a.v.SetBytes(b)
	if !a.v.Lt(&limit) {
		return Amount{}, ErrOverflow
	}
	return a, nil
}

// FromBig takes the result of wider arithmetic: ErrNegative for one below zero,
// ErrOverflow for more than Digits.
func FromBig(v *big.Int) (Amount, error) {
	if v.Sign() < 0 {
		return Amount{}, ErrNegative
	}
	return FromBytes(v.Bytes())
}

// Big returns a copy for arithmetic that is wider than amounts, or signed.
func (a Amount) Big() *big.Int { return a.v.ToBig() }

// Uint64 returns the number of minor units; false when it does not fit 64 bits.
func (a Amount) Uint64() (uint64, bool) { return a.v.Uint64(), a.v.IsUint64() }

// Bytes32 is the big-endian form, as an ABI word.
func (a Amount) Bytes32() [32]byte { return a.v.Bytes32() }

// IsZero tells whether nothing is there.
func (a Amount) IsZero() bool { return a.v.IsZero() }

// Cmp is -1, 0 or +1.
func (a Amount) Cmp(b Amount) int { return a.v.Cmp(&b.v) }

// Less tells a < b.
func (a Amount) Less(b Amount) bool { return a.v.Lt(&b.v) }

// Add gives a+b, or ErrOverflow.
func (a Amount) Add(b Amount) (Amount, error) {
	var r Amount
	if _, over := r.v.AddOverflow(&a.v, &b.v); over || !r.v.Lt(&limit) {
		return Amount{}, ErrOverflow
	}
	return r, nil
}

// Sum adds a list up, or gives ErrOverflow.
func Sum(list ...Amount) (total Amount, err error) {
	for _, a := range list {
		if total, err = total.Add(a); err != nil {
			return Amount{}, err
		}
	}
	return total, nil
}

// Sub gives a-b, or ErrNegative.
func (a Amount) Sub(b Amount) (Amount, error) {
	if a.v.Lt(&b.v) {
		return Amount{}, ErrNegative
	}
	var r Amount
	r.v.Sub(&a.v, &b.v)
	return r, nil
}

// Mul gives a*n, or ErrOverflow. It is for counts (gas units, items), not rates.
func (a Amount) Mul(n uint64) (Amount, error) {
	var r Amount
	if _, over := r.v.MulOverflow(&a.v, uint256.NewInt(n)); over || !r.v.Lt(&limit) {
		return Amount{}, ErrOverflow
	}
	return r, nil
}

// Minor is the decimal text of the minor units, without leading zeros: the form
// in which stores keep amounts.
func (a Amount) Minor() string { return a.v.Dec() }

// String is Minor: an amount alone does not know its scale.
func (a Amount) String() string { return a.v.Dec() }

// ParseMinor reads what Minor wrote: 1 to 39 digits, no sign, no leading zeros.
func ParseMinor(s string) (Amount, error) {
	if s == "" || len(s) > Digits || (len(s) > 1 && s[0] == '0') {
		return Amount{}, fmt.Errorf("minor units %q: want 1 to %d digits without leading zeros", s, Digits)
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return Amount{}, fmt.Errorf("minor units %q: want digits only", s)
		}
	}
	var a Amount
	if err := a.v.SetFromDecimal(s); err != nil {
		return Amount{}, fmt.Errorf("minor units %q: %w", s, err)
	}
	return a, nil
}
