package iban

import "strings"

// nationalMin is how few characters may still be taken for a national account number.
const nationalMin = 5

// Same tells whether a bank's way to write an account means an IBAN: the IBAN itself, or
// a national number that is part of it. Banks write those with separators and without
// leading zeros, with the code of the bank or without.
func Same(iban, number string) bool {
	n := plain(number)
	if n == iban {
		return true
	}
	if _, err := Parse(n); err == nil || len(iban) < 5 {
		return false // another IBAN
	}
	n = strings.TrimLeft(n, "0")
	return len(n) >= nationalMin && strings.Contains(iban[4:], n)
}

// IsOwn tells whether a bank's way to write the account of a statement means this IBAN:
// like Same, but a national number must be its end, so that no other account of the
// bank can be taken for it.
func IsOwn(iban, number string) bool {
	n := plain(number)
	return n == iban || Same(iban, n) && strings.HasSuffix(iban, n) && len(strings.TrimLeft(n, "0")) > nationalMin
}

// plain is an account number without what only separates its parts.
func plain(number string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -./", r) {
			return -1
		}
		return r
	}, number))
}
