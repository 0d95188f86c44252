package bankbook

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/commit"
	"sluice/internal/money"
	"sluice/internal/rail/sepa/message"
)

// TakeStatement takes in a page of a statement. When all pages are there, the balances
// are held against the entries. Result: Statement.
type TakeStatement struct {
	Wallet  string
	Account message.Account
	// Smallest is the smallest number of a statement of this account and year that is
	// known; 0 for none. Before it nothing is missing.
	Smallest int64
}

// neighbour is the key of a statement with another number, "" if the bank numbers none.
func (c TakeStatement) neighbour(by int64) string {
	key := c.Account.SetKey()
	cut := strings.LastIndexByte(key, '/')
	if c.Account.Sequence == 0 || cut < 0 {
		return ""
	}
	return fmt.Sprintf("%s%d", key[:cut+1], int64(c.Account.Sequence)+by) //nolint:gosec // the reader bounds it
}

// Reads implements commit.Command.
func (c TakeStatement) Reads(w *commit.Wants) {
	Statements.Want(w, c.Account.SetKey())
	if c.neighbour(1) != "" {
		Statements.Want(w, c.neighbour(1))
		Statements.Want(w, c.neighbour(-1))
	}
}

// Apply implements commit.Command.
func (c TakeStatement) Apply(v *commit.View) (any, error) {
	s, known := Statements.Get(v, c.Account.SetKey())
	if !known {
		s = Statement{
			Key: c.Account.SetKey(), Seq: v.NewID(), Wallet: c.Wallet, Sequence: int64(c.Account.Sequence), State: StatementOpen, CreatedAt: v.Now(), //nolint:gosec // as above
		}
		s.Year = s.year()
	}
	pages, err := decode[[]page](s.Pages)
	if err != nil {
		return nil, err
	}
	p, in, out, err := c.page()
	if err != nil {
		return nil, err
	}
	if at := slices.IndexFunc(pages, func(x page) bool { return x.Number == p.Number }); at >= 0 {
		if pages[at] != p {
			alert(v, "statement_differs", "", fmt.Sprintf("page %d of statement %s was sent again with other entries: the first one stays", p.Number, s.Key))
		}
		return s, nil
	}
	pages = append(pages, p)
	if err := s.add(c.Account, in, out); err != nil {
		return nil, err
	}
	s.Pages = encode(pages)
	c.close(v, &s, pages)
	c.gaps(v, &s, known)
	s.Version++
	Statements.Put(v, s)
	return s, nil
}

// page sums up the page.
func (c TakeStatement) page() (p page, in, out money.Amount, err error) {
	a := c.Account
	p = page{Number: a.Page.Number, Last: a.Page.Last, Entries: len(a.Entries)}
	if a.Single() {
		p.Number, p.Last = 1, true
	}
	credits, debits := booked(a)
	if in, err = sum(credits); err != nil {
		return p, in, out, err
	}
	out, err = sum(debits)
	p.In, p.Out = in.Minor(), out.Minor()
	return p, in, out, err
}

func sum(list []message.Entry) (total money.Amount, err error) {
	for _, n := range list {
		if total, err = total.Add(n.Amount); err != nil {
			return total, err
		}
	}
	return total, nil
}

// add puts a page's entries and balances into the statement.
func (s *Statement) add(a message.Account, in, out money.Amount) (err error) {
	if s.In, err = s.In.Add(in); err != nil {
		return err
	}
	if s.Out, err = s.Out.Add(out); err != nil {
		return err
	}
	if b, ok := a.Opening(); ok && (a.Single() || a.Page.Number == 1) {
		s.Opening, s.OpeningSide = b.Amount, string(b.Side)
	}
	if b, ok := a.Closing(); ok && (a.Single() || a.Page.Last) {
		s.Closing, s.ClosingSide = b.Amount, string(b.Side)
		s.Day = string(b.Day)
	}
	if s.Day == "" {
		for _, n := range a.Entries {
			s.Day = max(s.Day, string(n.Day))
		}
	}
	return nil
}

// close decides whether the statement may be believed, once all pages are there.
func (c TakeStatement) close(v *commit.View, s *Statement, pages []page) {
	var have []message.Account
	for _, p := range pages {
		have = append(have, message.Account{Page: message.Page{Number: p.Number, Last: p.Last}})
	}
	if len(message.Missing(have)) > 0 {
		return
	}
	if s.OpeningSide == "" || s.ClosingSide == "" {
		s.State = StatementBare
		return
	}
	s.State = StatementBalanced
	left, right := s.In, s.Out
	var err error
	for _, part := range []struct {
		amount money.Amount
		in     bool
	}{{s.Opening, s.OpeningSide == string(message.Credit)}, {s.Closing, s.ClosingSide == string(message.Debit)}} {
		to := &right
		if part.in {
			to = &left
		}
		if err == nil {
			*to, err = to.Add(part.amount)
		}
	}
	if err != nil || left != right {
		s.State = StatementUnbalanced
		alert(v, "statement_unbalanced", "", fmt.Sprintf("the opening balance and the entries of statement %s do not make its closing balance: ask the bank", s.Key))
	}
}

// gaps notes whether the statement before this one is missing, and that it is what
// another one missed.
func (c TakeStatement) gaps(v *commit.View, s *Statement, known bool) {
	if known || c.neighbour(1) == "" {
		return
	}
	if _, ok := Statements.Get(v, c.neighbour(-1)); !ok && c.Smallest > 0 && s.Sequence > c.Smallest {
		s.Gap = true
		alert(v, "statement_missing", "", fmt.Sprintf("statement %d of account %s is here, the one before it is not: ask the bank for it", s.Sequence, mask(c.Account.Number)))
	}
	next, ok := Statements.Get(v, c.neighbour(1))
	switch {
	case ok && next.Gap:
		next.Gap, next.Version = false, next.Version+1
		Statements.Put(v, next)
	}
	if c.Smallest > s.Sequence && !ok {
		// It comes before everything known, and not directly: what is between is missing.
		alert(v, "statement_missing", "", fmt.Sprintf("between statements %d and %d of account %s some are missing: ask the bank for them", s.Sequence, c.Smallest, mask(c.Account.Number)))
	}
}

// mask hides an account number for logs and messages.
func mask(number string) string {
	if len(number) < 12 {
		return number
	}
	return number[:4] + "..." + number[len(number)-4:]
}

// year is the year in the key of a statement that has a number.
func (s Statement) year() string {
	if parts := strings.Split(s.Key, "/"); len(parts) == 3 {
		return parts[1]
	}
	return ""
}
