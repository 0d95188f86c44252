package config

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/bank/iban"
	"sluice/internal/seal"
)

// SignerBank is what the signer lets be paid from an account at a bank. Amounts are texts
// in euro, like "0.50"; an empty one is no limit.
type SignerBank struct {
	Name          string `toml:"name"` // as in the server's configuration
	IBAN          string `toml:"iban"` // of the account that pays
	Open          bool   `toml:"open"` // any payment, without limits
	PerPayment    string `toml:"per_payment"`
	PerHour       string `toml:"per_hour"`
	PerDay        string `toml:"per_day"`
	CountPerHour  int    `toml:"count_per_hour"` // payments; 0: no limit
	CountPerDay   int    `toml:"count_per_day"`
	ApprovalAbove string `toml:"approval_above"`
	// AcceptanceAbove asks for the record of the acceptance of every payment that is larger.
	AcceptanceAbove string `toml:"acceptance_above"`
	// Destinations are the accounts that may be paid, as IBANs, or as fingerprints under
	// the server's seal.keys, which Prints holds then; none: all may.
	Destinations []string `toml:"destinations"`
	Prints       Secret   `toml:"prints"`
}

// Ring is Prints for package seal, nil when there are none.
func (b SignerBank) Ring() (*seal.Ring, error) { return Seal{Keys: b.Prints}.Ring() }

func (b *SignerBank) check(p *problems, path string) {
	if b.Name == "" {
		p.add(path+".name", "is missing: write it as in the server's configuration")
	}
	number, err := iban.Parse(b.IBAN)
	if err != nil {
		p.add(path+".iban", "must be the number of the account that pays: %v", err)
	}
	b.IBAN = number.String()
	limits := []struct{ key, text string }{
		{"per_payment", b.PerPayment},
		{"per_hour", b.PerHour},
		{"per_day", b.PerDay},
		{"approval_above", b.ApprovalAbove},
		{"acceptance_above", b.AcceptanceAbove},
	}
	limited := b.CountPerHour > 0 || b.CountPerDay > 0 || len(b.Destinations) > 0
	for _, l := range limits {
		limited = limited || l.text != ""
		amount(p, path+"."+l.key, l.text, bankScale)
	}
	if b.Open && limited {
		p.add(path+".open", "lets every payment through; take it away, or the limits")
	}
	between(p, path+".count_per_hour", b.CountPerHour, 0, 1<<30)
	between(p, path+".count_per_day", b.CountPerDay, 0, 1<<30)
	ring, err := b.Ring()
	if err != nil {
		p.add(path+".prints", "%v", err)
	}
	for i, d := range b.Destinations {
		at := fmt.Sprintf("%s.destinations[%d]", path, i)
		if key, _, printed := strings.Cut(d, ":"); printed {
			if ring == nil {
				p.add(at, "is a fingerprint: set %s.prints to the file of the server's seal.keys, with which it was made", path)
			} else if !slices.Contains(ring.IDs(), key) {
				p.add(at, "is a fingerprint under the key %q, and %s.prints has the keys %s", key, path, strings.Join(ring.IDs(), ", "))
			}
			continue
		}
		number, err := iban.Parse(d)
		if err != nil {
			p.add(at, "must be an IBAN, or a fingerprint like KEY:HEX: %v", err)
			continue
		}
		b.Destinations[i] = number.String()
	}
}
