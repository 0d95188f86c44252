package destination

import (
	"fmt"
	"strings"
	"time"

	"sluice/internal/bank/text"
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
)

// NameRule says how the holder of a bank account must be the holder of the account
// that money leaves.
type NameRule string

// The rules. The zero value is NameRelaxed.
const (
	NameExact   NameRule = "exact"   // letter by letter; only blanks may differ in number
	NameRelaxed NameRule = "relaxed" // case, accents, punctuation, titles and the order of words do not count
	NameOff     NameRule = "off"     // any name
)

// Policy is what an installation asks of bank accounts.
type Policy struct {
	Names    NameRule
	CoolDown time.Duration // how long a new one has to wait; 0: not at all
	Most     int           // registered at once for one account; 0: any number
}

// SameHolder refuses a bank account whose holder is not the holder of the account. An
// account without a name has no holder to compare with.
func SameHolder(rule NameRule, account ledger.Account, holder string) error {
	if rule == NameOff {
		return nil
	}
	if account.Seq == 0 {
		return fault.Bad("account_required", "account", "a bank account is registered for the account whose holder it belongs to")
	}
	if account.Name == "" {
		return fault.New(fault.Refused, "holder_unknown",
			"the account has no name, so nobody can tell whether the bank account belongs to its holder: open accounts with the holder's name").At("account")
	}
	same := strings.Join(strings.Fields(account.Name), " ") == strings.Join(strings.Fields(holder), " ")
	if rule != NameExact {
		same = same || text.Compare(account.Name, holder) >= text.SameWords
	}
	if !same {
		return fault.New(fault.Refused, "holder_mismatch", "the bank account must belong to the holder of the account").At("bank.holder")
	}
	return nil
}

// TallyKey is an account of a merchant; account 0 for what belongs to none.
type TallyKey struct{ Merchant, Account id.Seq }

// Tally counts the bank accounts that are registered for an account.
type Tally struct {
	TallyKey
	Count   int64
	Version int64
}

// Tallies is the table of counts.
var Tallies = commit.NewTable("destination_tally", func(t *Tally) TallyKey { return t.TallyKey })

// PrintKey is the number of a bank account as its fingerprint shows it, for one account.
type PrintKey struct {
	Merchant, Account id.Seq
	Print             string
}

// Print says which destination a bank account's number is registered as.
type Print struct {
	PrintKey
	Destination id.Seq // 0: none any more
	Version     int64
}

// Prints is the table of fingerprints.
var Prints = commit.NewTable("destination_print", func(p *Print) PrintKey { return p.PrintKey })

// bank holds the rules for a new bank account.
func (c Register) bank(v *commit.View, d *Destination, owner ledger.Account) error {
	if err := SameHolder(c.Policy.Names, owner, d.Typed); err != nil {
		return err
	}
	if len(c.Target.Prints) == 0 {
		return fmt.Errorf("%w: a bank account without a fingerprint", commit.ErrInvariant)
	}
	for _, mark := range c.Target.Prints {
		if p, _ := Prints.Get(v, PrintKey{c.Merchant, c.Account, mark}); p.Destination != 0 {
			t := v.ID(p.Destination).Text(id.Destination)
			return fault.New(fault.Conflict, "duplicate_destination", "this bank account is registered: %s", t).At("bank.iban").With("destination", t)
		}
	}
	n, _ := Tallies.Get(v, TallyKey{c.Merchant, c.Account})
	if c.Policy.Most > 0 && n.Count >= int64(c.Policy.Most) {
		return fault.New(fault.Refused, "too_many_destinations", "%d bank accounts are registered and no more are allowed: delete one first", n.Count).At("account")
	}
	tally(v, TallyKey{c.Merchant, c.Account}, 1)
	d.Print = c.Target.Prints[0]
	printed(v, PrintKey{c.Merchant, c.Account, d.Print}, d.Seq)
	if c.Policy.CoolDown > 0 {
		d.UsableAt = v.Now().Add(c.Policy.CoolDown).Truncate(time.Microsecond)
	}
	return nil
}

// bank takes a bank account off the books: its number is not needed any more.
func (c Delete) bank(v *commit.View, d *Destination) error {
	at := TallyKey{d.Merchant, d.Account}
	if n, _ := Tallies.Get(v, at); c.KeepLast && n.Count < 2 {
		return fault.New(fault.Conflict, "last_destination", "this is the last bank account that is registered: register another one first")
	}
	tally(v, at, -1)
	printed(v, PrintKey{d.Merchant, d.Account, d.Print}, 0)
	d.Decoded = nil
	return nil
}

func tally(v *commit.View, at TallyKey, by int64) {
	t, _ := Tallies.Get(v, at)
	t.TallyKey, t.Count, t.Version = at, t.Count+by, t.Version+1
	Tallies.Put(v, t)
}

func printed(v *commit.View, at PrintKey, as id.Seq) {
	p, _ := Prints.Get(v, at)
	p.PrintKey, p.Destination, p.Version = at, as, p.Version+1
	Prints.Put(v, p)
}
