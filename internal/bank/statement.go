package bank

import (
	"fmt"
	"slices"

	"sluice/internal/bank/message"
	"sluice/internal/commit"
	"sluice/internal/money"
)

// TakeStatement takes in what frames a statement, or a page of one: its balances, and what
// its entries amount to. It comes before the entries, so that these can be told apart from
// those of other statements. When all pages are there, the balances are held against the
// entries.
type TakeStatement struct {
	Wallet  string
	File    string          // hash of the file, and the place in it
	Account message.Account // without entries
	// Smallest is the smallest number of a statement of this account and year that is
	// known; 0 for none. Before it nothing is missing.
	Smallest int64
}

// Part is what became of a statement, or of a page of one.
type Part struct {
	Statement   string // key; "" of other messages
	Name        string // for keys of bookings without references
	Repeats     string // what the same statement is called that was taken in before; "" for a new one
	Apart       bool   // it begins where a known one ended, or ends where one began: nothing in it was booked before
	Ident       string // what its bank calls it
	Sequence    int64
	Opening     money.Amount
	OpeningSide string
}

// page is one page of a statement.
type page struct {
	Number  int    `json:"number"`
	Last    bool   `json:"last"`
	In      string `json:"in"`
	Out     string `json:"out"`
	Entries int    `json:"entries"`
	Content string `json:"content,omitempty"` // "" in rows of older versions
	File    string `json:"file,omitempty"`
	Apart   bool   `json:"apart,omitempty"`
}

func (c TakeStatement) year() string {
	if day := c.Account.Day(); len(day) >= 4 {
		return string(day[:4])
	}
	return ""
}

func (c TakeStatement) sequence() int64 { return int64(c.Account.Sequence) } //nolint:gosec // the reader bounds it

// Reads implements commit.Command.
func (c TakeStatement) Reads(w *commit.Wants) {
	base := statementKey(c.Account)
	for n := range alikeMax {
		Statements.Want(w, alikeKey(base, n+1))
	}
	Statements.Want(w, legacyKey(c.Account))
	Links.Want(w, anyLink(c.Wallet))
	for _, b := range c.Account.Balances {
		if b.Currency == Currency.Code {
			Links.Want(w, linkOf(c.Wallet, b))
		}
	}
	if n := c.sequence(); n > 0 {
		for _, by := range []int64{-1, 0, 1} {
			Links.Want(w, numberLink(c.Wallet, c.year(), n+by))
		}
	}
}

// Follow implements commit.Follower: the other pages have the balance that this one has
// not, and the statement with the next number may have missed this one.
func (c TakeStatement) Follow(v *commit.View, w *commit.Wants) {
	base := statementKey(c.Account)
	for n := range alikeMax {
		if s, ok := Statements.Get(v, alikeKey(base, n+1)); ok && !c.Account.Single() {
			Links.Want(w, linkOf(c.Wallet, message.Balance{Amount: s.Opening, Side: message.Side(s.OpeningSide)}))
			Links.Want(w, linkOf(c.Wallet, message.Balance{Amount: s.Closing, Side: message.Side(s.ClosingSide)}))
		}
	}
	if n := c.sequence(); n > 0 {
		row, _ := Links.Get(v, numberLink(c.Wallet, c.year(), n+1))
		next, err := decode[[]tip](row.Starts)
		if err != nil {
			return // Apply says so
		}
		for _, x := range next {
			Statements.Want(w, x.Key)
		}
	}
}

// Apply implements commit.Command.
func (c TakeStatement) Apply(v *commit.View) (Part, error) {
	l := links{v, map[string]*linked{}}
	p, err := c.page(l)
	if err != nil {
		return Part{}, err
	}
	s, pages, part, err := c.find(v, p)
	if err != nil || part.Statement != "" {
		return part, err
	}
	known := len(pages) > 0
	pages = append(pages, p)
	if err := s.add(c.Account); err != nil {
		return Part{}, err
	}
	s.Pages = encode(pages)
	told := c.gaps(l, &s, known)
	if err := c.close(l, &s, pages, told); err != nil {
		return Part{}, err
	}
	s.Version++
	Statements.Put(v, s)
	l.save()
	return c.part(s, p, pages), nil
}

// page sums up the page.
func (c TakeStatement) page(l links) (page, error) {
	a := c.Account
	p := page{Number: a.Page.Number, Last: a.Page.Last, Entries: a.Sums.Entries, Content: fmt.Sprintf("%x", a.Sums.Content[:8]), File: c.File}
	if a.Single() {
		p.Number, p.Last = 1, true
	}
	in, out, err := a.Moved()
	if err != nil {
		return p, err
	}
	p.In, p.Out = in.Minor(), out.Minor()
	p.Apart, err = c.apart(l)
	return p, err
}

// part is what the bookings of a page need to know of it.
func (c TakeStatement) part(s Statement, p page, pages []page) Part {
	return Part{
		Statement: s.Key, Name: fmt.Sprintf("%s/%d-%s", s.Key, p.Number, p.Content), Ident: s.Ident, Sequence: s.Sequence, Opening: s.Opening, OpeningSide: s.OpeningSide,
		Apart: slices.ContainsFunc(pages, func(x page) bool { return x.Apart }),
	}
}

// find gives the statement that the page belongs to with the pages that are there, new if
// need be. part is set if the page was taken in before.
func (c TakeStatement) find(v *commit.View, p page) (s Statement, pages []page, part Part, err error) {
	if old, ok := Statements.Get(v, legacyKey(c.Account)); ok && c.legacy(old, p) {
		return s, nil, Part{Statement: old.Key, Repeats: old.Name()}, nil
	}
	base := statementKey(c.Account)
	for n := range alikeMax {
		known, ok := Statements.Get(v, alikeKey(base, n+1))
		if !ok {
			return c.fresh(v, alikeKey(base, n+1)), nil, Part{}, nil
		}
		if pages, err = decode[[]page](known.Pages); err != nil {
			return s, nil, part, err
		}
		at := slices.IndexFunc(pages, func(x page) bool { return x.Number == p.Number })
		switch {
		case at < 0:
			return known, pages, Part{}, nil // another page of it
		case pages[at].File == p.File:
			return s, nil, c.part(known, pages[at], pages), nil // taken in once more after a crash
		case pages[at].Content != p.Content && len(missing(pages)) > 0:
			alert(v, "statement_differs", "", fmt.Sprintf("page %d of statement %s was sent again with other entries: both are taken in, look which one is right", p.Number, known.Name()))
			again := c.part(known, p, pages)
			again.Apart = false
			return s, nil, again, nil
		case pages[at].Content != p.Content:
			continue // the bank has begun another statement with the same id and number
		case c.repeats(known, p.Apart):
			return s, nil, Part{Statement: known.Key, Repeats: known.Name()}, nil
		}
	}
	alert(v, "statement_repeated", "", fmt.Sprintf("statement %s of %s says the same as %d others: it is taken as one of them", c.Account.ID, c.Account.Day(), alikeMax))
	return s, nil, Part{Statement: base, Repeats: c.Account.ID}, nil
}

// legacy tells whether a statement that an older version kept is this one.
func (c TakeStatement) legacy(old Statement, p page) bool {
	pages, err := decode[[]page](old.Pages)
	if err != nil || !c.Account.Single() || len(pages) != 1 || pages[0].Content != "" {
		return false
	}
	opening, _ := c.Account.Opening()
	closing, _ := c.Account.Closing()
	return pages[0].In == p.In && pages[0].Out == p.Out && pages[0].Entries == p.Entries && old.Day == string(c.Account.Day()) &&
		old.Opening == opening.Amount && old.OpeningSide == string(opening.Side) && old.Closing == closing.Amount && old.ClosingSide == string(closing.Side)
}

func (c TakeStatement) fresh(v *commit.View, key string) Statement {
	return Statement{
		Key: key, Seq: v.NewID(), Wallet: c.Wallet, Ident: c.Account.ID, Year: c.year(), Sequence: c.sequence(), State: StatementOpen, CreatedAt: v.Now(),
	}
}

// add puts a page's entries and balances into the statement.
func (s *Statement) add(a message.Account) error {
	in, out, err := a.Moved()
	if err != nil {
		return err
	}
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
	}
	s.Day = max(s.Day, string(a.Day()))
	return nil
}

func missing(pages []page) []int {
	var have []message.Page
	for _, p := range pages {
		have = append(have, message.Page{Number: p.Number, Last: p.Last})
	}
	return message.Missing(have)
}

// close decides whether the statement may be believed, once all pages are there.
func (c TakeStatement) close(l links, s *Statement, pages []page, told bool) error {
	if len(missing(pages)) > 0 {
		return nil
	}
	if s.OpeningSide == "" || s.ClosingSide == "" {
		s.State = StatementBare
		return nil
	}
	s.State = StatementBalanced
	opening := message.Balance{Amount: s.Opening, Side: message.Side(s.OpeningSide)}
	closing := message.Balance{Amount: s.Closing, Side: message.Side(s.ClosingSide)}
	if !message.Balances(opening, s.In, s.Out, closing) {
		s.State = StatementUnbalanced
		alert(l.v, "statement_unbalanced", "", fmt.Sprintf("the opening balance and the entries of statement %s of %s do not make its closing balance: ask the bank", s.Name(), s.Day))
	}
	return c.chain(l, *s, told)
}

// gaps notes whether the statement with the number before this one is missing, and that
// it is what another one missed. told: an alert says so.
func (c TakeStatement) gaps(l links, s *Statement, known bool) (told bool) {
	n := s.Sequence
	if known || n == 0 {
		return false
	}
	at := func(n int64) *linked {
		x, err := l.at(numberLink(c.Wallet, s.Year, n))
		if err != nil {
			return &linked{}
		}
		return x
	}
	at(n).starts = append(at(n).starts, tip{Key: s.Key})
	if len(at(n-1).starts) == 0 && c.Smallest > 0 && n > c.Smallest {
		s.Gap, told = true, true
		alert(l.v, "statement_missing", "", fmt.Sprintf("statement %s of account %s is here, the one before it is not: ask the bank for it", s.Name(), mask(c.Account.Number)))
	}
	next := at(n + 1).starts
	for _, t := range next {
		if x, ok := Statements.Get(l.v, t.Key); ok && x.Gap {
			x.Gap, x.Version = false, x.Version+1
			Statements.Put(l.v, x)
		}
	}
	if c.Smallest > n && len(next) == 0 {
		// It comes before everything known, and not directly: what is between is missing.
		told = true
		alert(l.v, "statement_missing", "", fmt.Sprintf("between statements %d and %d of account %s some are missing: ask the bank for them", n, c.Smallest, mask(c.Account.Number)))
	}
	return told
}

// mask hides an account number for logs and messages.
func mask(number string) string {
	if len(number) < 12 {
		return number
	}
	return number[:4] + "..." + number[len(number)-4:]
}
