// Package fx is the arithmetic of exchange: exact rates, conversion between assets
// of different scales with named rounding, the terms of a pair, and one market
// price out of several sources. It is pure: no clock, no network. Wherever a
// result does not fit the minor unit it is rounded against the caller, so that no
// way of cutting an order into parts gains anything.
package fx

import (
	"fmt"
	"math/big"
	"strings"

	"sluice/internal/fault"
	"sluice/internal/money"
)

// Bounds on what a rate may be. They are far beyond any market and keep every
// product of rates small.
const (
	maxRateText     = 64   // bytes of a rate as decimal text
	maxRateExponent = 40   // of the E notation
	maxFractionText = 4096 // bytes of a rate as fraction
)

// Rate is an exact positive price: how many major units of the quote currency one
// major unit of the base currency is worth. The zero value is "no rate". A Rate
// never changes and may be copied.
type Rate struct{ r *big.Rat }

// ErrNoRate says that a rate is absent where one is needed: a programming error or
// a row that was written by something else.
var ErrNoRate = fault.New(fault.Internal, "rate_missing", "a rate is missing")

// ParseRate reads decimal text as sources and configuration write it: digits, at
// most one point with digits on both sides, and optionally an exponent of up to 40,
// because JSON encoders write small numbers that way. It is read exactly. Zero,
// signs before the digits, blanks and anything longer than 64 bytes are refused.
func ParseRate(s string) (Rate, error) {
	bad := func() (Rate, error) {
		return Rate{}, fault.New(fault.Invalid, "rate_malformed", "%.70q is not a rate: write a decimal number above zero, like \"0.00004920\"", s)
	}
	if s == "" || len(s) > maxRateText {
		return bad()
	}
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, ok := parseExponent(s[i+1:])
		if !ok {
			return bad()
		}
		mantissa, exponent = s[:i], e
	}
	whole, frac, point := strings.Cut(mantissa, ".")
	if whole == "" || point && frac == "" || !digits(whole) || !digits(frac) {
		return bad()
	}
	n, ok := new(big.Int).SetString(whole+frac, 10)
	if !ok || n.Sign() <= 0 {
		return bad()
	}
	return Rate{scaled(new(big.Rat).SetInt(n), exponent-len(frac))}, nil
}

// MustRate is ParseRate for constants.
func MustRate(s string) Rate {
	r, err := ParseRate(s)
	if err != nil {
		panic(err)
	}
	return r
}

func parseExponent(s string) (int, bool) {
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if s == "" || len(s) > 2 || !digits(s) {
		return 0, false
	}
	e := 0
	for i := 0; i < len(s); i++ {
		e = 10*e + int(s[i]-'0')
	}
	if negative {
		e = -e
	}
	return e, e <= maxRateExponent && e >= -maxRateExponent
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// ParseFraction reads what String wrote.
func ParseFraction(s string) (Rate, error) {
	num, den, ok := strings.Cut(s, "/")
	if !ok || num == "" || den == "" || len(s) > maxFractionText || !digits(num) || !digits(den) {
		return Rate{}, fmt.Errorf("%.70q is not a rate: want two whole numbers with a slash between", s)
	}
	n, okN := new(big.Int).SetString(num, 10)
	d, okD := new(big.Int).SetString(den, 10)
	if !okN || !okD || n.Sign() <= 0 || d.Sign() <= 0 {
		return Rate{}, fmt.Errorf("%.70q is not a rate: want both numbers above zero", s)
	}
	return Rate{new(big.Rat).SetFrac(n, d)}, nil
}

// Effective is the rate that two amounts make: receive per one of send, in major
// units. Both must be above zero; otherwise there is no rate.
func Effective(from money.Asset, send money.Amount, to money.Asset, receive money.Amount) Rate {
	if send.IsZero() || receive.IsZero() {
		return Rate{}
	}
	return Rate{scaled(new(big.Rat).SetFrac(receive.Big(), send.Big()), from.Scale-to.Scale)}
}

// IsZero tells "no rate".
func (r Rate) IsZero() bool { return r.r == nil }

// Cmp is -1, 0 or +1. No rate is below every rate.
func (r Rate) Cmp(o Rate) int {
	switch {
	case r.r == nil && o.r == nil:
		return 0
	case r.r == nil:
		return -1
	case o.r == nil:
		return 1
	}
	return r.r.Cmp(o.r)
}

// Inverse is the price of the quote currency in the base currency.
func (r Rate) Inverse() Rate {
	if r.r == nil {
		return r
	}
	return Rate{new(big.Rat).Inv(r.r)}
}

// Cross chains two rates: A in B, times B in C, is A in C.
func (r Rate) Cross(next Rate) Rate {
	if r.r == nil || next.r == nil {
		return Rate{}
	}
	return Rate{new(big.Rat).Mul(r.r, next.r)}
}

// Less takes basis points (hundredths of a percent, 0 to 9999) off a rate.
func (r Rate) Less(bps int) (Rate, error) {
	if bps < 0 || bps >= basis {
		return Rate{}, fmt.Errorf("%d basis points: want 0 to %d", bps, basis-1)
	}
	if r.r == nil {
		return r, nil
	}
	return Rate{new(big.Rat).Mul(r.r, big.NewRat(int64(basis-bps), basis))}, nil
}

// String is the exact fraction, the form in which rates are kept: "1/20000". It is
// empty for no rate.
func (r Rate) String() string {
	if r.r == nil {
		return ""
	}
	return r.r.String()
}

// Text shows the rate with a number of decimals, rounded half up. It is for
// people and wires; nothing is computed from it.
func (r Rate) Text(decimals int) string {
	if r.r == nil {
		return ""
	}
	return r.r.FloatString(decimals) // of big.Rat: exact, the last digit half away from zero; no float is involved
}

// PerMinor is the same price between smallest units: how many minor units of to one
// minor unit of from is worth, r being the price of one major unit.
func (r Rate) PerMinor(from, to money.Asset) Rate {
	if r.r == nil {
		return r
	}
	return Rate{scaled(new(big.Rat).Set(r.r), to.Scale-from.Scale)}
}

// Rounding says what happens to a part of a minor unit. The zero value is none of
// them, so that nobody rounds without saying how.
type Rounding int

// The roundings.
const (
	Down Rounding = iota + 1 // for what a caller gets
	Up                       // for what a caller gives
)

// Convert gives what an amount of one asset is worth in another, in minor units,
// r being the price of one major unit of from in to.
func (r Rate) Convert(from, to money.Asset, amount money.Amount, round Rounding) (money.Amount, error) {
	if r.r == nil {
		return money.Amount{}, ErrNoRate
	}
	v := scaled(new(big.Rat).Mul(r.r, new(big.Rat).SetInt(amount.Big())), to.Scale-from.Scale)
	q, rest := new(big.Int).QuoRem(v.Num(), v.Denom(), new(big.Int))
	switch round {
	case Down:
	case Up:
		if rest.Sign() > 0 {
			q.Add(q, big.NewInt(1))
		}
	default:
		return money.Amount{}, fmt.Errorf("rounding %d: want Down or Up", round)
	}
	return money.FromBig(q)
}

// basis is how many basis points make a whole.
const basis = 10_000

// scaled is v times ten to the power of n, in place.
func scaled(v *big.Rat, n int) *big.Rat {
	p := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n, -n))), nil)
	if n < 0 {
		return v.Quo(v, new(big.Rat).SetInt(p))
	}
	return v.Mul(v, new(big.Rat).SetInt(p))
}
