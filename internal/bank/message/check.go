package message

import (
	"slices"

	"sluice/internal/money"
)

// Sift says which parts of a bank's file may be used: those about the account that own
// names, in euro, whose balances fit their entries. The others get a reason (Account.Left),
// which is in left as well: a person should read it. The error is a *Refusal of the whole
// file: nothing in it is ours, or a part that is ours contradicts itself.
func Sift(files []*File, own func(number string) bool) (left []string, err error) {
	used := false
	var last *Refusal
	for _, f := range files {
		used = used || f.Kind == StatusReport || f.Kind == Resolution || len(f.Accounts) == 0
		for n := range f.Accounts {
			a := &f.Accounts[n]
			a.paginate(f.Page)
			if why := a.ours(own); why != nil {
				a.Left, last = why.Text, why
				left = append(left, why.Text)
				continue
			}
			used = true
			notes, err := a.check(f.Kind)
			if err != nil {
				return nil, err
			}
			left = append(left, notes...)
		}
	}
	if !used && last != nil {
		return nil, last
	}
	return left, nil
}

// Check is Sift for one message.
func (f *File) Check(own func(number string) bool) error {
	_, err := Sift([]*File{f}, own)
	return err
}

// paginate gives the part the page of its message, unless it is whole by itself: some
// banks number the files of a message, each with a whole statement.
func (a *Account) paginate(message Page) {
	if a.Page == (Page{}) && !a.whole() {
		a.Page = message
	}
}

// whole tells whether both balances are there and fit the entries.
func (a Account) whole() bool {
	known, fit, _ := a.balanced()
	return known && fit
}

// ours gives the reason why nothing of the part is used; nil for none.
func (a *Account) ours(own func(number string) bool) *Refusal {
	if a.Number == "" || !own(a.Number) {
		return refuse(WrongAccount, "the part about the account %q is not used: it is not ours", hide(a.Number))
	}
	if a.Currency != "" && a.Currency != Euro.Code {
		return refuse(WrongCurrency, "the part about the account %s in %s is not used: only EUR is", hide(a.Number), a.Currency)
	}
	// An account with several currencies may list its balances in all of them.
	for _, types := range [][]string{openingTypes, closingTypes} {
		at := slices.IndexFunc(a.Balances, func(b Balance) bool { return slices.Contains(types, b.Type) })
		if _, euro := a.balance(types...); at >= 0 && !euro {
			return refuse(WrongCurrency, "the part about the account %s is not used: its balance %s is in %s and not in EUR", hide(a.Number), a.Balances[at].Type, a.Balances[at].Currency)
		}
	}
	return nil
}

// check holds the part against itself. notes are what a person should know of a part
// that is used all the same.
func (a *Account) check(kind Kind) (notes []string, err error) {
	known, fit, odd := a.balanced()
	if a.Sums.Foreign > 0 {
		text := "%d entries of the account %s are in another currency than EUR"
		if known && !fit {
			return nil, refuse(WrongCurrency, text+", and the balances do not fit without them", a.Sums.Foreign, hide(a.Number))
		}
		notes = append(notes, refuse(WrongCurrency, text+": they wait for a person and are not in the ledger", a.Sums.Foreign, hide(a.Number)).Text)
	}
	if kind == Statement && a.Single() {
		if known && !fit {
			return nil, a.unbalanced()
		}
		a.OldSign = odd
	}
	if a.CountSaidKnown && a.Single() && a.CountSaid != a.Sums.Entries {
		r := refuse(Incomplete, "the summary of %s (TxsSummry/TtlNtries/NbOfNtries) says %d entries, there are %d with %d details", a.name(), a.CountSaid, a.Sums.Entries, a.Sums.Details)
		if !known || kind != Statement {
			return nil, r
		}
		notes = append(notes, r.Text+": its balances fit, so nothing is missing")
	}
	return notes, nil
}

// name is how a person finds the part in the file.
func (a Account) name() string {
	if a.ID == "" {
		return "the part about " + hide(a.Number)
	}
	return "part " + a.ID
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

// Missing lists the pages of one statement that are not there yet, in order. Without
// the last page it is not known how many there are: then the list ends with the number
// after the largest.
func Missing(pages []Page) []int {
	have, last, most := map[int]bool{}, false, 0
	for _, p := range pages {
		if (Account{Page: p}).Single() {
			return nil
		}
		have[p.Number] = true
		most, last = max(most, p.Number), last || p.Last
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

// balanced holds the opening balance and the entries against the closing balance. known
// is false where one of the two is missing. By ISO 20022 a reversal carries the side on
// which it moves money. Some banks keep the side of what it undoes: odd tells that the
// balances fit that way and not the other.
func (a Account) balanced() (known, fit, odd bool) {
	opening, ok := a.Opening()
	closing, both := a.Closing()
	if !ok || !both {
		return false, false, false
	}
	in, out := a.Sums.In, a.Sums.Out
	if Balances(opening, in, out, closing) {
		return true, true, false
	}
	in, out, err := flipped(a.Sums)
	if err == nil && Balances(opening, in, out, closing) {
		return true, true, true
	}
	return true, false, false
}

// Moved is what booked entries in euro moved, each reversal on its true side.
func (a Account) Moved() (in, out money.Amount, err error) {
	if a.OldSign {
		return flipped(a.Sums)
	}
	return a.Sums.In, a.Sums.Out, nil
}

// True is the entry with the side on which it moves money.
func (a Account) True(n Entry) Entry {
	if a.OldSign && n.Reversal {
		n.Side = n.Side.Other()
	}
	return n
}

func flipped(s Sums) (in, out money.Amount, err error) {
	// The reversals are among the sums: what is left after taking them out cannot be below zero.
	if in, err = s.In.Sub(s.ReversedIn); err == nil {
		in, err = in.Add(s.ReversedOut)
	}
	if err == nil {
		out, err = s.Out.Sub(s.ReversedOut)
	}
	if err == nil {
		out, err = out.Add(s.ReversedIn)
	}
	return in, out, err
}

// Balances tells whether an opening balance with what came in and went out makes a closing one.
func Balances(opening Balance, in, out money.Amount, closing Balance) bool {
	left, right, err := weigh(opening, in, out, closing)
	return err == nil && left == right
}

// weigh puts what came in on one side and what went out on the other, with the opening
// balance on its side and the closing balance on the other.
func weigh(opening Balance, in, out money.Amount, closing Balance) (left, right money.Amount, err error) {
	left, right = in, out
	add := func(side Side, a money.Amount) {
		to := &left
		if side == Debit {
			to = &right
		}
		if err == nil {
			*to, err = to.Add(a)
		}
	}
	add(opening.Side, opening.Amount)
	add(closing.Side.Other(), closing.Amount)
	return left, right, err
}

func (a Account) unbalanced() *Refusal {
	opening, _ := a.Opening()
	closing, _ := a.Closing()
	left, right, err := weigh(opening, a.Sums.In, a.Sums.Out, closing)
	if err != nil {
		return refuse(Malformed, "the amounts of the statement are too large to add up")
	}
	text := "the opening balance and the entries of statement %s do not make its closing balance: %s"
	if !a.Sums.ReversedIn.IsZero() || !a.Sums.ReversedOut.IsZero() {
		text += "; nor do they with its reversals (RvslInd) on the other side"
	}
	return refuse(Unbalanced, text, a.ID, difference(left, right))
}

// Other is the other side.
func (s Side) Other() Side {
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

// balance finds the first balance in euro of the first type that is there.
func (a Account) balance(types ...string) (Balance, bool) {
	for _, t := range types {
		for _, b := range a.Balances {
			if b.Type == t && b.Currency == Euro.Code {
				return b, true
			}
		}
	}
	return Balance{}, false
}

// The types of booked balances that a statement begins and ends with.
var (
	openingTypes = []string{"OPBD", "PRCD"}
	closingTypes = []string{"CLBD"}
)

// Opening is the booked balance the statement begins with, if it says.
func (a Account) Opening() (Balance, bool) { return a.balance(openingTypes...) }

// Closing is the booked balance the statement ends with, if it says.
func (a Account) Closing() (Balance, bool) { return a.balance(closingTypes...) }

// Day is the day the part ends with: that of its closing balance, else of its last
// entry, else of its opening balance; "" if it names none. It decides in which year the
// numbers of statements begin again: the opening balance may be of the year before.
func (a Account) Day() Day {
	if b, ok := a.Closing(); ok && b.Day != "" {
		return b.Day
	}
	if a.Sums.Last != "" {
		return a.Sums.Last
	}
	if b, ok := a.Opening(); ok {
		return b.Day
	}
	return ""
}
