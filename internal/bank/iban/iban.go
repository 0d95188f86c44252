// Package iban reads the two names of the banking world: IBANs (ISO 13616), which
// name an account, and BICs (ISO 9362), which name a bank. It checks what can be
// checked without asking anybody: form, length and digits per country, check
// digits, and whether the country takes part in SEPA.
package iban

import (
	"fmt"
	"strings"

	"sluice/internal/fault"
)

// MaxLength is the longest IBAN the standard allows.
const MaxLength = 34

// IBAN is a checked account number in its electronic form: upper case, no blanks.
// The zero value is none. IBANs are comparable with ==.
type IBAN struct{ s string }

// Parse reads an IBAN as people write it: blanks and lower case are fine. The error
// is an Invalid fault that names the rule: iban_malformed, iban_country_unknown,
// iban_length or iban_check_digits. It says nothing about SEPA: see IBAN.SEPA.
func Parse(s string) (IBAN, error) {
	bad := func(code, format string, args ...any) (IBAN, error) {
		return IBAN{}, fault.New(fault.Invalid, code, format, args...)
	}
	// Longer than any IBAN with a blank after every character: not worth a look.
	if len(s) > 2*MaxLength {
		return bad("iban_malformed", "an IBAN has at most %d characters", MaxLength)
	}
	v := strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	if len(v) < 5 || !letters(v[:2]) || !digits(v[2:4]) || !alphanumeric(v[4:]) {
		return bad("iban_malformed", "an IBAN is two letters, two digits, and then letters and digits, like \"DE02 1005 0000 0054 5404 02\"")
	}
	c, ok := countries[v[:2]]
	if !ok {
		return bad("iban_country_unknown", "%q is not a country with IBANs", v[:2])
	}
	if want := 4 + c.length(); len(v) != want {
		return bad("iban_length", "an IBAN of %s has %d characters, this one has %d", v[:2], want, len(v))
	}
	if !c.fits(v[4:]) {
		return bad("iban_malformed", "an IBAN of %s has letters and digits in other places", v[:2])
	}
	// 00, 01 and 99 leave the right remainder for some numbers, but are never given out (ISO 13616-1).
	if check := v[2:4]; remainder(v) != 1 || check == "00" || check == "01" || check == "99" {
		return bad("iban_check_digits", "the check digits do not fit: the IBAN was probably mistyped")
	}
	return IBAN{v}, nil
}

// Make computes the check digits for a country and the country's own account
// number. It is for test data and simulators; a real IBAN comes from the bank.
func Make(country, bban string) (IBAN, error) {
	if !letters(country) || len(country) != 2 || !alphanumeric(bban) {
		return IBAN{}, fault.New(fault.Invalid, "iban_malformed", "want a country code and upper-case letters and digits")
	}
	check := 98 - remainder(country+"00"+bban)
	return Parse(fmt.Sprintf("%s%02d%s", country, check, bban))
}

// String is the electronic form, "" for none.
func (i IBAN) String() string { return i.s }

// IsZero tells "none".
func (i IBAN) IsZero() bool { return i.s == "" }

// Country is the ISO 3166 code at the front, "" for none.
func (i IBAN) Country() string {
	if i.s == "" {
		return ""
	}
	return i.s[:2]
}

// SEPA tells whether accounts of its country can be paid in euro under the SEPA
// schemes. A particular bank may still be unreachable.
func (i IBAN) SEPA() bool { return countries[i.Country()].sepa }

// EEA tells whether its country belongs to the European Economic Area. Payments to the others
// carry more data about the payer, and some banks ask for the BIC (Regulation (EU)
// 2023/1113, articles 4 and 5).
func (i IBAN) EEA() bool { return countries[i.Country()].eea }

// Paper is the printed form, in groups of four.
func (i IBAN) Paper() string {
	var b strings.Builder
	for n := 0; n < len(i.s); n += 4 {
		if n > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(i.s[n:min(n+4, len(i.s))])
	}
	return b.String()
}

// Masked is a form that other systems show: the first 6 characters, ten stars, the last 4. It always
// has 20 characters. Together with the bank's lists it tells more than Ends.
func (i IBAN) Masked() string {
	if i.s == "" {
		return ""
	}
	return i.s[:6] + strings.Repeat("*", 10) + i.s[len(i.s)-4:]
}

// Ends are the two parts that may be shown beside a name: the country and the last four
// characters. Whoever sees them knows which of his accounts it is, and no more.
func (i IBAN) Ends() (country, last string) {
	if i.s == "" {
		return "", ""
	}
	return i.s[:2], i.s[len(i.s)-4:]
}

// remainder is the number that an IBAN stands for, modulo 97 (ISO 7064): the first four
// characters moved to the end, A to Z written as 10 to 35.
func remainder(v string) int {
	r := 0
	for n := range v {
		c := v[(n+4)%len(v)]
		if c >= 'A' {
			r = (r*100 + int(c-'A') + 10) % 97
		} else {
			r = (r*10 + int(c-'0')) % 97
		}
	}
	return r
}

func letters(s string) bool { return all(s, isLetter) }
func digits(s string) bool  { return all(s, isDigit) }

func alphanumeric(s string) bool {
	return all(s, func(c byte) bool { return isLetter(c) || isDigit(c) })
}

func isLetter(c byte) bool { return c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func all(s string, is func(byte) bool) bool {
	for n := range len(s) {
		if !is(s[n]) {
			return false
		}
	}
	return true
}
