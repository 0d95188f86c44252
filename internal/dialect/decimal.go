package dialect

import (
	"strconv"
	"strings"
)

// exponentMax bounds the exponents and digits that are read: beyond it every amount is
// too large or too fine.
const exponentMax = 60

// Decimal writes a number in any form of JSON, or a text of one, as digits with an
// optional point, exactly and without zeros that say nothing: clients that compute with
// floating point write 1e-7. Signs are refused.
func Decimal(s string) (string, bool) {
	mantissa, exponent, has := strings.Cut(strings.ToLower(s), "e")
	e := 0
	if has {
		n, err := strconv.Atoi(exponent)
		if err != nil || n > exponentMax || n < -exponentMax {
			return "", false
		}
		e = n
	}
	whole, frac, point := strings.Cut(mantissa, ".")
	if whole == "" || point && frac == "" || len(mantissa) > 2*exponentMax || strings.Trim(whole+frac, "0123456789") != "" {
		return "", false
	}
	if len(whole) > 1 && whole[0] == '0' {
		return "", false // no number of JSON, and to some readers one of base 8
	}
	all, dot := whole+frac, len(whole)+e
	if dot <= 0 {
		all, dot = strings.Repeat("0", 1-dot)+all, 1
	}
	if dot > len(all) {
		all += strings.Repeat("0", dot-len(all))
	}
	whole, frac = strings.TrimLeft(all[:dot], "0"), strings.TrimRight(all[dot:], "0")
	if whole == "" {
		whole = "0"
	}
	if frac == "" {
		return whole, true
	}
	return whole + "." + frac, true
}
