package message

import (
	"cmp"
	"fmt"
	"slices"

	"sluice/internal/money"
)

// Check says whether a statement, notification or intraday report may be believed:
// it is about accounts of ours and about euro, it has as many entries as it says, and
// the balances of a statement on one page fit its entries. Pages are checked together
// when all are there: see CheckBalance. own tells whether an account number is ours.
// The error is a *Refusal of the whole file. Status reports pass.
func (f *File) Check(own func(number string) bool) error {
	for n := range f.Accounts {
		a := &f.Accounts[n]
		if err := a.check(own); err != nil {
			return err
		}
		if f.Kind != Statement || !a.Single() {
			continue
		}
		if err := CheckBalance([]Account{*a}); err != nil {
			return err
		}
	}
	return nil
}

func (a *Account) check(own func(number string) bool) error {
	if a.Number == "" || !own(a.Number) {
		return refuse(WrongAccount, "the file is about the account %q, which is not ours", hide(a.Number))
	}
	if a.Currency != "" && a.Currency != Euro.Code {
		return refuse(WrongCurrency, "the file is about an account in %s, not EUR", a.Currency)
	}
	for _, b := range a.Balances {
		if b.Currency != Euro.Code {
			return refuse(WrongCurrency, "balance %s is in %s, the account holds EUR", b.Type, b.Currency)
		}
	}
	for _, n := range a.Entries {
		if n.Currency != Euro.Code {
			return refuse(WrongCurrency, "entry %d is in %s, the account holds EUR", n.Index+1, n.Currency)
		}
	}
	if a.CountSaidKnown && a.Single() && a.CountSaid != len(a.Entries) {
		return refuse(Incomplete, "the file says that it has %d entries, it has %d", a.CountSaid, len(a.Entries))
	}
	return nil
}

// hide masks an account number for logs and messages.
func hide(number string) string {
	if len(number) < 12 {
		return number
	}
	return number[:4] + "..." + number[len(number)-4:]
}

// Single tells whether the part stands alone, without other pages.
func (a Account) Single() bool {
	return a.Page == Page{} || a.Page.Number == 1 && a.Page.Last
}

// SetKey names the statement that a page belongs to.
func (a Account) SetKey() string {
	if a.Sequence != 0 {
		return fmt.Sprintf("%s/%s/%d", a.Number, a.year(), a.Sequence)
	}
	return a.Number + "/" + a.ID
}

// year is when the statement's day was: sequence numbers begin again every year.
func (a Account) year() string {
	for _, b := range a.Balances {
		if len(b.Day) >= 4 {
			return string(b.Day[:4])
		}
	}
	for _, n := range a.Entries {
		if len(n.Day) >= 4 {
			return string(n.Day[:4])
		}
	}
	return ""
}

// Missing lists the pages of one statement that are not there yet, in order. Without
// the last page nobody knows how many there are: then the list ends with the number
// after the largest.
func Missing(pages []Account) []int {
	have, last, most := map[int]bool{}, false, 0
	for _, p := range pages {
		if p.Single() {
			return nil
		}
		have[p.Page.Number] = true
		most, last = max(most, p.Page.Number), last || p.Page.Last
	}
	var out []int
	for n := 1; n <= most; n++ {
		if !have[n] {
			out = append(out, n)
		}
	}
	if !last {
		out = append(out, most+1)
	}
	return out
}

// CheckBalance holds the opening balance of a statement and its booked entries
// against the closing balance. pages are all of its pages, in any order, each once. A
// statement without one of the balances passes: there is nothing to compare.
func CheckBalance(pages []Account) error {
	pages = slices.Clone(pages)
	slices.SortStableFunc(pages, func(a, b Account) int { return cmp.Compare(a.Page.Number, b.Page.Number) })
	if len(pages) == 0 {
		return nil
	}
	opening, ok := pages[0].balance("OPBD", "PRCD")
	closing, both := pages[len(pages)-1].balance("CLBD")
	if !ok || !both {
		return nil
	}
	// Signs are for people: what came in and what went out are two sums, with the
	// opening balance on its side and the closing balance on the other.
	var in, out money.Amount
	var err error
	add := func(side Side, a money.Amount) {
		to := &in
		if side == Debit {
			to = &out
		}
		if err == nil {
			*to, err = to.Add(a)
		}
	}
	add(opening.Side, opening.Amount)
	for _, p := range pages {
		for _, n := range p.Entries {
			if n.Status == Booked {
				add(n.Side, n.Amount)
			}
		}
	}
	add(other(closing.Side), closing.Amount)
	if err != nil {
		return refuse(Malformed, "the amounts of the statement are too large to add up")
	}
	if in != out {
		return refuse(Unbalanced, "the opening balance and the entries of statement %s do not make its closing balance: %s", pages[0].ID, difference(in, out))
	}
	return nil
}

func other(s Side) Side {
	if s == Debit {
		return Credit
	}
	return Debit
}

func difference(in, out money.Amount) string {
	if d, err := in.Sub(out); err == nil {
		return Euro.Format(d) + " EUR more came in than is accounted for"
	}
	d, _ := out.Sub(in) // the larger of the two is out
	return Euro.Format(d) + " EUR more went out than is accounted for"
}

// balance finds the first balance of the first type that is there.
func (a Account) balance(types ...string) (Balance, bool) {
	for _, t := range types {
		for _, b := range a.Balances {
			if b.Type == t {
				return b, true
			}
		}
	}
	return Balance{}, false
}

// Opening is the booked balance the statement begins with, if it says.
func (a Account) Opening() (Balance, bool) { return a.balance("OPBD", "PRCD") }

// Closing is the booked balance the statement ends with, if it says.
func (a Account) Closing() (Balance, bool) { return a.balance("CLBD") }

// Gap is a run of sequence numbers that were never seen.
type Gap struct{ From, To uint64 }

// Gaps finds what is missing between the smallest and the largest of the sequence
// numbers of one account and year. The order of seen does not matter; 0 means none.
func Gaps(seen []uint64) []Gap {
	seen = slices.DeleteFunc(slices.Clone(seen), func(n uint64) bool { return n == 0 })
	slices.Sort(seen)
	var out []Gap
	for n := 1; n < len(seen); n++ {
		if seen[n] > seen[n-1]+1 {
			out = append(out, Gap{seen[n-1] + 1, seen[n] - 1})
		}
	}
	return out
}
