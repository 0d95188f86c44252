package iban

import (
	"strings"

	"sluice/internal/fault"
)

// BIC is a checked bank identifier of 8 or 11 characters, upper case. The zero
// value is none. Two BICs that differ only by the branch "XXX" name the same bank
// and are not ==: see Bank.
type BIC struct{ s string }

// ParseBIC reads a BIC: four letters or digits for the institution (ISO 9362:2014;
// older rules wanted letters), two letters for the country, two for the place and
// possibly three for the branch. The error is an Invalid fault, bic_malformed.
func ParseBIC(s string) (BIC, error) {
	v := strings.ToUpper(strings.TrimSpace(s))
	if len(v) != 8 && len(v) != 11 || !alphanumeric(v) || !letters(v[4:6]) {
		return BIC{}, fault.New(fault.Invalid, "bic_malformed", "a BIC has 8 or 11 letters and digits with the country at the fifth place, like \"BELADEBE\" or \"COBADEFFXXX\"")
	}
	return BIC{v}, nil
}

// String is the BIC as given, in upper case; "" for none.
func (b BIC) String() string { return b.s }

// IsZero tells "none".
func (b BIC) IsZero() bool { return b.s == "" }

// Country is the ISO 3166 code inside, "" for none.
func (b BIC) Country() string {
	if b.s == "" {
		return ""
	}
	return b.s[4:6]
}

// Bank is the first 8 characters: the bank without its branch.
func (b BIC) Bank() string {
	if b.s == "" {
		return ""
	}
	return b.s[:8]
}
