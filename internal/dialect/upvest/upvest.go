// Package upvest serves the wire of the Upvest Investment API as far as withdrawals
// need it: users, account groups, reference accounts, withdrawals, cash balances and
// webhooks. What an unmodified client sends is understood, and what it reads back it can
// parse. docs/dialects/upvest.md says what is supported and what we chose.
package upvest

import (
	"net/http"
	"strings"

	"sluice/internal/dialect"
	"sluice/internal/merchant/credential"
	"sluice/internal/webhook"
)

// Name is the name of the dialect.
const Name = credential.Upvest

// Dialect is the wire.
type Dialect struct {
	dialect.Deps
	keys   *dialect.Keys
	nonces *nonces
	rates  *rates
	signer *signer
}

var (
	_ dialect.Dialect = (*Dialect)(nil)
	_ dialect.Claimer = (*Dialect)(nil)
)

// New makes the wire.
func New(d dialect.Deps) *Dialect {
	d = d.Fill()
	return &Dialect{Deps: d, keys: dialect.NewKeys(d, Name), nonces: newNonces(), rates: newRates(), signer: &signer{deps: d}}
}

// Name implements dialect.Dialect.
func (*Dialect) Name() string { return Name }

// Patterns implements dialect.Dialect.
func (*Dialect) Patterns() []string {
	var out []string
	for area := range strings.FieldsSeq("auth users account_groups accounts payments transactions webhooks tests") {
		out = append(out, "/"+area, "/"+area+"/")
	}
	return out
}

// Claims implements dialect.Claimer: a request with a header of the wire's own is of its
// client, whatever it asks for.
func (*Dialect) Claims(r *http.Request) bool {
	for name := range r.Header {
		if strings.HasPrefix(name, "Upvest-") {
			return true
		}
	}
	return false
}

// Format implements dialect.Dialect.
func (d *Dialect) Format() webhook.Format { return format{d} }

// ServeHTTP implements http.Handler.
func (d *Dialect) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	c := &call{Dialect: d, rw: rw, r: r, ctx: r.Context()}
	c.serve()
}
