// Package code holds the code lists that stand outside the message schemas: what
// a payment is for, what a status means, and why a bank refused or sent money back.
package code

import (
	_ "embed"
	"slices"
	"strings"

	"sluice/internal/fault"
)

//go:embed purposes.txt
var purposeFile string

// Purpose is a reason for a payment.
type Purpose struct {
	Code string // four upper-case letters or digits
	Name string // short, English; "" for the rare ones
}

var purposes = func() map[string]Purpose {
	list := map[string]Purpose{}
	for line := range strings.Lines(purposeFile) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			code, name, _ := strings.Cut(line, " ")
			list[code] = Purpose{code, name}
		}
	}
	return list
}()

// ParsePurpose finds a purpose by its code, which must be written in upper case. The
// error is an Invalid fault: purpose_malformed or purpose_unknown.
func ParsePurpose(s string) (Purpose, error) {
	if !WellFormed(s) {
		return Purpose{}, fault.New(fault.Invalid, "purpose_malformed", "a purpose code is four upper-case letters, like OTHR, SALA or SECU")
	}
	p, ok := purposes[s]
	if !ok {
		return Purpose{}, fault.New(fault.Invalid, "purpose_unknown", "%s is not a purpose code of ISO 20022: use OTHR if nothing fits", s)
	}
	return p, nil
}

// Purposes lists all codes in alphabetical order.
func Purposes() []Purpose {
	out := make([]Purpose, 0, len(purposes))
	for _, p := range purposes {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Purpose) int { return strings.Compare(a.Code, b.Code) })
	return out
}

// WellFormed tells whether a text looks like a code of an external list: four
// upper-case letters or digits. (The schemas take one to four; every registered
// code has four.)
func WellFormed(s string) bool {
	if len(s) != 4 {
		return false
	}
	for n := range len(s) {
		if (s[n] < 'A' || s[n] > 'Z') && (s[n] < '0' || s[n] > '9') {
			return false
		}
	}
	return true
}
