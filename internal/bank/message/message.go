// Package message writes and reads what goes between a company and its bank: payment
// orders out (pain.001.001.09), and status reports (pain.002), answers to recalls (camt.029), statements (camt.053),
// notifications (camt.054) and intraday reports (camt.052) in. It is pure: bytes in,
// values out, and the other way round.
//
// Writing is strict: an order either obeys every rule of the scheme, also those that
// no schema catches, or it is refused; the same order always gives the same bytes.
// Reading is tolerant in form (namespaces, older versions, byte order marks, Latin-1)
// and strict in substance: a file that cannot be trusted is refused whole, with a
// *Refusal that says why, and nothing of it may be used.
package message

import (
	"fmt"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
)

// Euro is the only currency of SEPA.
var Euro = money.Asset{Code: "EUR", Scale: 2}

// Day is a date without a time, as "2026-11-20"; "" is none. Days compare as texts.
type Day string

// ParseDay reads a date. What follows a day in ISO 8601 (a zone, a time) is cut off:
// the bank's date is the date in the bank's zone.
func ParseDay(s string) (Day, error) {
	if len(s) > len(time.DateOnly) && strings.ContainsRune("TZ+-", rune(s[len(time.DateOnly)])) {
		s = s[:len(time.DateOnly)]
	}
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", fmt.Errorf("%.20q is not a date", s)
	}
	return Day(s), nil
}

// DayOf is the date of a moment in its own zone.
func DayOf(t time.Time) Day { return Day(t.Format(time.DateOnly)) }

// Time is noon of the day in UTC: the same date in every zone of Europe. The zero
// time for none.
func (d Day) Time() time.Time {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return time.Time{}
	}
	return t.Add(12 * time.Hour)
}

// Side says in which direction money moved on our account.
type Side string

// The sides.
const (
	Debit  Side = "DBIT" // out
	Credit Side = "CRDT" // in
)

// rule makes the error about a broken rule of the scheme. code is stable.
func rule(code, path, format string, args ...any) error {
	return fault.Bad("sepa_"+code, path, format, args...)
}
