package tylt

import (
	"strconv"
	"strings"

	"sluice/internal/json"
	"sluice/internal/money"
)

// writer builds compact JSON with the keys in the order of the calls.
type writer struct{ json.Writer }

func (w *writer) flag(k string, yes bool) {
	if yes {
		w.Int(k, 1)
		return
	}
	w.Int(k, 0)
}

// amount writes an amount, rounded down where a number of JavaScript does not hold it.
func (w *writer) amount(k string, asset money.Asset, a money.Amount) {
	w.number(k, asset.Format(a), false)
}

// charge writes what is taken, rounded up where a number of JavaScript does not hold it.
func (w *writer) charge(k string, asset money.Asset, a money.Amount) {
	w.number(k, asset.Format(a), true)
}

// number writes a decimal in the one form in which JavaScript writes it too, so that a
// receiver that parses a callback and writes it again signs the same bytes. Where
// JavaScript cannot hold all of its digits, the exact decimal follows as a text, under the
// name with Exact behind it.
func (w *writer) number(k, decimal string, up bool) {
	text, exact := number(decimal, up)
	w.Raw(k, text)
	if !exact {
		w.Text(k+"Exact", plain(decimal))
	}
}

// digitsMax is how many digits of any decimal survive the way through a double (DBL_DIG).
// Two decimals of so many digits are never one double, so the shortest form that JavaScript
// writes is the decimal itself.
const digitsMax = 15

// number writes a decimal as ECMA-262 (Number::toString) does, with at most digitsMax
// digits; exact tells whether none was cut off.
func number(decimal string, up bool) (text string, exact bool) {
	whole, frac, _ := strings.Cut(decimal, ".")
	digits := strings.TrimLeft(whole+frac, "0")
	point := len(digits) - len(frac) // of the digits, where the point stands; may be negative
	kept := strings.TrimRight(digits, "0")
	if exact = len(kept) <= digitsMax; !exact {
		kept = digits[:digitsMax]
		if up {
			if kept = increment(kept); len(kept) > digitsMax {
				point++
			}
		}
		kept = strings.TrimRight(kept, "0")
	}
	switch n := point; {
	case kept == "":
		return "0", exact
	case n > 21 || n <= -6:
		e := strconv.Itoa(n - 1)
		if n > 0 {
			e = "+" + e
		}
		if len(kept) > 1 {
			kept = kept[:1] + "." + kept[1:]
		}
		return kept + "e" + e, exact
	case n <= 0:
		return "0." + strings.Repeat("0", -n) + kept, exact
	case len(kept) <= n:
		return kept + strings.Repeat("0", n-len(kept)), exact
	default:
		return kept[:n] + "." + kept[n:], exact
	}
}

// increment adds one to digits.
func increment(digits string) string {
	b := []byte(digits)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] <= '9' {
			return string(b)
		}
		b[i] = '0'
	}
	return "1" + string(b)
}

// plain is a decimal without zeros at its end.
func plain(decimal string) string {
	if strings.Contains(decimal, ".") {
		decimal = strings.TrimRight(strings.TrimRight(decimal, "0"), ".")
	}
	return decimal
}
