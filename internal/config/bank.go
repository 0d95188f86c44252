package config

import (
	"fmt"
	"time"

	"sluice/internal/merchant/destination"
	"sluice/internal/seal"
)

// Bank says which bank accounts are taken as destinations.
type Bank struct {
	NameMatch     string   `toml:"name_match" doc:"how the holder of a bank account must be the holder of the account that money leaves: exact (letter by letter), relaxed (case, accents, titles and the order of words do not count) or off (any name)"`
	CoolDown      Duration `toml:"cool_down" doc:"how long a newly registered bank account cannot be paid to. 0s: it can at once"`
	MaxPerAccount int      `toml:"max_per_account" doc:"bank accounts that can be registered for one account at once. 0: any number"`
	Inline        bool     `toml:"inline" doc:"let a withdrawal carry bank data itself; when false, it names a bank account that was registered as a destination"`
}

// Seal is what numbers of bank accounts are encrypted with.
type Seal struct {
	Keys    Secret `toml:"keys" doc:"keys for what must not lie readable in the database, as ID:BASE64 of 32 bytes, one on a line; the first one encrypts, the others only decrypt. Best as file:PATH; sluice init makes one, sluice seal key another. Without a key no bank account is taken. LOSE IT AND NOBODY CAN BE PAID AT A BANK: back it up apart from the database"`
	Unbound string `toml:"unbound" doc:"what becomes of sealed values that are bound to no row, as all were before sluice seal renew: accepted, or refused. Set it to refused once sluice seal renew has bound the old ones"`
}

// The values of Seal.Unbound.
const (
	UnboundAccepted = "accepted"
	UnboundRefused  = "refused"
)

// Ring is Keys for package seal, nil when there are none.
func (s Seal) Ring() (*seal.Ring, error) {
	if s.Keys.IsZero() {
		return nil, nil //nolint:nilnil // a nil Ring is a Ring without keys
	}
	ring, err := seal.ParseRing(s.Keys.Reveal())
	if s.Unbound == UnboundRefused {
		ring = ring.Strict()
	}
	return ring, err
}

// Policy is Bank for package destination.
func (b Bank) Policy() destination.Policy {
	return destination.Policy{Names: destination.NameRule(b.NameMatch), CoolDown: b.CoolDown.Std(), Most: b.MaxPerAccount}
}

func (c *Config) checkBank(p *problems) {
	oneOf(p, "bank.name_match", c.Bank.NameMatch, string(destination.NameExact), string(destination.NameRelaxed), string(destination.NameOff))
	span(p, "bank.cool_down", c.Bank.CoolDown, 0, 90*24*time.Hour)
	between(p, "bank.max_per_account", c.Bank.MaxPerAccount, 0, 1000)
	if c.Bank.Inline && (c.Bank.CoolDown > 0 || c.Bank.MaxPerAccount > 0) {
		p.add("bank.inline", "must be false with bank.cool_down or bank.max_per_account: bank data in a withdrawal would go round them")
	}
	oneOf(p, "seal.unbound", c.Seal.Unbound, UnboundAccepted, UnboundRefused)
	if _, err := c.Seal.Ring(); err != nil {
		p.add("seal.keys", "%v", err)
	}
}

// fileLine is how the template names a file with a secret.
func fileLine(path string) string { return fmt.Sprintf("%q", "file:"+path) }
