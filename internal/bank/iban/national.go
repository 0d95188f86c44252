package iban

import "strings"

// nationalMin is how few characters may still be taken for a national account number.
const nationalMin = 5

// Same tells whether a bank's way to write an account means an IBAN: the IBAN itself, or
// a national number that is part of it. Banks write those with the code of the bank in front,
// behind or left out, in groups, and without leading zeros.
func Same(iban, number string) bool {
	groups := groups(number)
	whole := strings.Join(groups, "")
	if whole == iban {
		return true
	}
	if _, err := Parse(whole); err == nil || len(iban) < 5 {
		return false // another IBAN
	}
	if n := strings.TrimLeft(whole, "0"); len(n) >= nationalMin && strings.Contains(iban[2:], n) {
		return true
	}
	longest := 0
	for _, g := range groups {
		g = strings.TrimLeft(g, "0")
		if longest = max(longest, len(g)); !strings.Contains(iban[2:], g) {
			return false
		}
	}
	return longest >= nationalMin
}

// IsOwn tells whether a bank's way to write the account of a statement means this IBAN:
// like Same, but a national number must be its end, so that no other account of the
// bank can be taken for it.
func IsOwn(iban, number string) bool {
	n := strings.Join(groups(number), "")
	return n == iban || Same(iban, n) && strings.HasSuffix(iban, n) && len(strings.TrimLeft(n, "0")) > nationalMin
}

// groups are the parts of an account number between what only separates them, in upper case.
func groups(number string) []string {
	return strings.FieldsFunc(strings.ToUpper(number), func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
}
