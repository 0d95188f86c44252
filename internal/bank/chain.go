package bank

import (
	"fmt"
	"maps"
	"slices"

	"sluice/internal/bank/message"
	"sluice/internal/commit"
)

// linkOf names the balance at which statements of a wallet meet.
func linkOf(wallet string, b message.Balance) string {
	sign := ""
	if b.Side == message.Debit && !b.Amount.IsZero() {
		sign = "-"
	}
	return wallet + "|balance|" + sign + b.Amount.Minor()
}

// anyLink names the link that is there once a wallet has a statement.
func anyLink(wallet string) string { return wallet + "|any" }

// numberLink names a number of a statement.
func numberLink(wallet, year string, n int64) string {
	return fmt.Sprintf("%s|number|%s|%d", wallet, year, n)
}

// links are the links of a command while it works: two may be one.
type links struct {
	v    *commit.View
	open map[string]*linked
}

// linked are statements at one balance or with one number.
type linked struct{ ends, starts []tip }

// tip is an end of a chain of statements.
type tip struct {
	Day  string `json:"day,omitempty"` // last day of the statement
	Key  string `json:"key"`
	Root string `json:"root,omitempty"` // key of the statement that the chain of an end began with
}

func (l links) at(name string) (*linked, error) {
	if x := l.open[name]; x != nil {
		return x, nil
	}
	row, _ := Links.Get(l.v, name)
	x := &linked{}
	var err error
	if x.ends, err = decode[[]tip](row.Ends); err == nil {
		x.starts, err = decode[[]tip](row.Starts)
	}
	l.open[name] = x
	return x, err
}

// save writes what was opened.
func (l links) save() {
	for _, n := range slices.Sorted(maps.Keys(l.open)) {
		row, known := Links.Get(l.v, n)
		now := Link{Name: n, Ends: encodeTips(l.open[n].ends), Starts: encodeTips(l.open[n].starts), Version: row.Version + 1}
		if !known || string(now.Ends) != string(row.Ends) || string(now.Starts) != string(row.Starts) {
			Links.Put(l.v, now)
		}
	}
}

func encodeTips(list []tip) []byte {
	if len(list) == 0 {
		return nil
	}
	return encode(list)
}

// before gives the statement that ends with a balance and that no other one follows: the
// latest, the zero value for none.
func (l links) before(wallet string, opening message.Balance) (t tip, err error) {
	at, err := l.at(linkOf(wallet, opening))
	if err != nil {
		return t, err
	}
	for _, x := range at.ends {
		if x.Day >= t.Day {
			t = x
		}
	}
	return t, nil
}

// apart tells whether the part begins where a statement ended that no other one follows, and
// not before that one's last day, or the other way round ends where one began: what it tells
// of is in no statement that is known.
func (c TakeStatement) apart(l links) (bool, error) {
	if opening, ok := c.Account.Opening(); ok {
		before, err := l.before(c.Wallet, opening)
		if first := string(c.Account.Sums.First); err != nil || before.Key != "" && (first == "" || first >= before.Day) {
			return err == nil, err
		}
	}
	closing, ok := c.Account.Closing()
	if !ok {
		return false, nil
	}
	to, err := l.at(linkOf(c.Wallet, closing))
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(to.starts, func(x tip) bool { return x.Day >= string(c.Account.Day()) }), nil
}

// chain links a statement that is complete with the ones before and behind it, and
// reports one that begins where none ended, unless a missing number told so.
func (c TakeStatement) chain(l links, s Statement, told bool) error {
	opening := message.Balance{Amount: s.Opening, Side: message.Side(s.OpeningSide)}
	closing := message.Balance{Amount: s.Closing, Side: message.Side(s.ClosingSide)}
	_, known := Links.Get(l.v, anyLink(c.Wallet))
	if !known {
		Links.Put(l.v, Link{Name: anyLink(c.Wallet), Version: 1})
	}
	from, err := l.at(linkOf(c.Wallet, opening))
	if err != nil {
		return err
	}
	to, err := l.at(linkOf(c.Wallet, closing))
	if err != nil {
		return err
	}
	before, err := l.before(c.Wallet, opening)
	if err != nil {
		return err
	}
	root := first(before.Root, before.Key, s.Key)
	from.ends = slices.DeleteFunc(from.ends, func(x tip) bool { return x.Key == before.Key })
	// Where a chain comes back to the balance that it began with, it does not bite its tail.
	behind := slices.IndexFunc(to.starts, func(x tip) bool { return x.Day >= s.Day && x.Key != root })
	if behind >= 0 {
		to.starts = slices.Delete(to.starts, behind, behind+1)
	} else {
		to.ends = append(to.ends, tip{s.Day, s.Key, root})
	}
	if before.Key != "" {
		return nil
	}
	from.starts = append(from.starts, tip{Day: s.Day, Key: s.Key})
	if known && behind < 0 && !told {
		alert(l.v, "opening_differs", "", fmt.Sprintf("statement %s of %s begins with %s EUR, and no statement that is here ends so: one before it is missing, or comes later",
			s.Name(), s.Day, Signed(bigOf(s.Opening, s.OpeningSide))))
	}
	return nil
}
