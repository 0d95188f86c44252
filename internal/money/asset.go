package money

import (
	"fmt"
	"strings"

	"sluice/internal/fault"
)

// MaxScale is the largest number of decimals an asset may have. 18 is what
// Ethereum uses; more would leave too few whole digits of the 39.
const MaxScale = 18

// Asset says what a currency code means: how many decimals its minor unit has and
// on which networks it can be paid out. ISO 4217 codes use the scale of the
// standard; tokens use the scale of their contract.
type Asset struct {
	Code     string // upper case, 2 to 12 characters: EUR, BTC, USDT
	Scale    int    // decimals of the minor unit, 0 to MaxScale
	Networks []string
	// Limits bound one payout by its network; a network without an entry has no bound.
	Limits map[string]Limit
}

// Limit bounds one payout. Zero is no bound.
type Limit struct{ Min, Max Amount }

// Limit returns the bound of payouts on a network. Without a configured minimum the least
// is one minor unit.
func (a Asset) Limit(network string) Limit {
	l := a.Limits[network]
	if l.Min.IsZero() {
		l.Min = Of(1)
	}
	return l
}

// On tells whether the asset can be paid out on a network.
func (a Asset) On(network string) bool {
	for _, n := range a.Networks {
		if n == network {
			return true
		}
	}
	return false
}

// Parse reads a decimal amount in major units ("12.50"). It takes digits with at
// most one point followed by 1 to Scale digits, and nothing else: no sign, exponent, blank,
// separator, NaN, Unicode digit, or leading zero. The error names the rule.
func (a Asset) Parse(s string) (Amount, error) {
	bad := func(code, format string, args ...any) (Amount, error) {
		return Amount{}, fault.New(fault.Invalid, code, format, args...)
	}
	if s == "" {
		return bad("amount_malformed", "an amount must not be empty")
	}
	if len(s) > Digits+2 {
		return bad("amount_overflow", "an amount has at most %d digits", Digits)
	}
	whole, frac, point := strings.Cut(s, ".")
	if whole == "" || point && frac == "" || !digits(whole) || !digits(frac) {
		return bad("amount_malformed", "an amount is digits with an optional point and decimals, like \"12.50\": no sign, exponent, blank or separator")
	}
	if len(whole) > 1 && whole[0] == '0' {
		return bad("amount_malformed", "an amount has no leading zeros")
	}
	if len(frac) > a.Scale {
		return bad("amount_too_precise", "%s has at most %d decimals, this amount has %d", a.Code, a.Scale, len(frac))
	}
	minor := strings.TrimLeft(whole+frac+strings.Repeat("0", a.Scale-len(frac)), "0")
	if minor == "" {
		return Amount{}, nil
	}
	if len(minor) > Digits {
		return bad("amount_overflow", "an amount of %s has at most %d digits before the point", a.Code, Digits-a.Scale)
	}
	return ParseMinor(minor)
}

// Format writes an amount in major units with all decimals of the asset
// ("12.50"), so that what is written parses back to the same amount.
func (a Asset) Format(v Amount) string {
	s := v.Minor()
	if a.Scale == 0 {
		return s
	}
	if len(s) <= a.Scale {
		s = strings.Repeat("0", a.Scale-len(s)+1) + s
	}
	return s[:len(s)-a.Scale] + "." + s[len(s)-a.Scale:]
}

// Validate tells what is wrong with an asset that somebody configured.
func (a Asset) Validate() error {
	if len(a.Code) < 2 || len(a.Code) > 12 {
		return fmt.Errorf("asset code %q: want 2 to 12 characters", a.Code)
	}
	for _, c := range a.Code {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return fmt.Errorf("asset code %q: want upper-case letters, digits and hyphens", a.Code)
		}
	}
	if a.Scale < 0 || a.Scale > MaxScale {
		return fmt.Errorf("asset %s: scale %d: want 0 to %d", a.Code, a.Scale, MaxScale)
	}
	return nil
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Assets is the list of currencies an installation knows, by code.
type Assets map[string]Asset

// Get finds an asset; an unknown code is an Invalid fault that lists the known ones.
func (m Assets) Get(code string) (Asset, error) {
	a, ok := m[code]
	if !ok {
		return Asset{}, fault.New(fault.Invalid, "unknown_currency", "%q is not a currency of this installation: use one of %s", code, strings.Join(m.Codes(), ", "))
	}
	return a, nil
}

// Codes lists the known codes in alphabetical order.
func (m Assets) Codes() []string {
	out := make([]string, 0, len(m))
	for c := range m {
		i := 0
		for i < len(out) && out[i] < c {
			i++
		}
		out = append(out[:i], append([]string{c}, out[i:]...)...)
	}
	return out
}
