package bank

import (
	"crypto/sha256"
	"fmt"

	"sluice/internal/bank/message"
	"sluice/internal/commit"
)

// How statements and bookings are known again.
//
// Banks send things twice, and they use ids, numbers and references again for other
// things. What they cannot get wrong is the balances: a statement that begins where another
// one ended tells of movements that are not in that one. So a statement is the same as another
// if its balances, days and entries are, unless it goes on where that one ended; and a booking
// whose reference is known already is the same booking, unless the balances say that its
// statement stands beside those that are known. Where neither can be said, two stay two: a person sees one too many rather than
// one too few.

// statementKey names a statement. A page names the statement that it belongs to.
func statementKey(a message.Account) string {
	h := sha256.New()
	if !a.Single() {
		_, _ = fmt.Fprintf(h, "pages %q %d %q", a.ID, a.Sequence, a.Period)
		return fmt.Sprintf("%s/%x", a.Number, h.Sum(nil)[:12])
	}
	opening, _ := a.Opening()
	closing, _ := a.Closing()
	_, _ = fmt.Fprintf(h, "%s %s %s %s %s %s %s %x", opening.Day, opening.Amount.Minor(), opening.Side, closing.Day, closing.Amount.Minor(), closing.Side, a.Sums.Last, a.Sums.Content)
	return fmt.Sprintf("%s/%x", a.Number, h.Sum(nil)[:12])
}

// legacyKey is what older versions called a statement: by year and number, else by its id.
func legacyKey(a message.Account) string {
	if a.Sequence == 0 {
		return a.Number + "/" + a.ID
	}
	year := ""
	for _, b := range a.Balances {
		if year == "" && len(b.Day) >= 4 {
			year = string(b.Day[:4])
		}
	}
	if year == "" && len(a.Sums.First) >= 4 {
		year = string(a.Sums.First[:4])
	}
	return fmt.Sprintf("%s/%s/%d", a.Number, year, a.Sequence)
}

// alikeMax is how many statements with the same balances and entries are told apart.
const alikeMax = 4

// alikeKey is the key of the n-th statement with the same balances and entries.
func alikeKey(base string, n int) string {
	if n == 1 {
		return base
	}
	return fmt.Sprintf("%s#%d", base, n)
}

// repeats tells whether a statement is sent again: s is one with the same balances, days and
// entries.
func (c TakeStatement) repeats(s Statement, apart bool) bool {
	n := c.sequence()
	sameIDs := c.Account.ID == s.Ident && n == s.Sequence
	numbered := n > 0 && s.Sequence > 0 && n != s.Sequence
	switch {
	case sameIDs:
		return true
	case apart:
		// Money went to and fro, and the day began again with the same balance. With unique
		// references for everything it would be the same all the same.
		return c.Account.Sums.Unique && !numbered
	case numbered && n > s.Sequence+1:
		return false // the ones between may have led back to where it begins
	}
	return true
}

// another tells whether a booking of a statement is another one than a known booking
// with the same reference, amount, side, day and end-to-end id.
func (c TakeBookings) another(v *commit.View, known Entry) bool {
	if !c.Part.Apart || known.Statement == "" || known.Statement == c.Part.Statement {
		return false
	}
	s, ok := Statements.Get(v, known.Statement)
	if !ok {
		return false
	}
	// A statement that is sent again with more entries begins where the first one did.
	again := s.Ident == c.Part.Ident && s.Sequence == c.Part.Sequence && s.Opening == c.Part.Opening && s.OpeningSide == c.Part.OpeningSide
	return !again
}
