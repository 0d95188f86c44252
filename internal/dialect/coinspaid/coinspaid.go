// Package coinspaid serves the wire of CoinsPaid and CryptoProcessing, API version 2,
// under /api/v2: what an unmodified client sends is understood, and what it reads back
// it can parse. docs/dialects/coinspaid.md says what is supported.
package coinspaid

import (
	"net/http"

	"sluice/internal/api/straight"
	"sluice/internal/dialect"
	"sluice/internal/merchant/credential"
	"sluice/internal/webhook"
)

// Name is the name of the dialect.
const Name = credential.CoinsPaid

// base is where the wire is mounted.
const base = "/api/v2"

// Dialect is the wire.
type Dialect struct {
	dialect.Deps
	keys   *dialect.Keys
	codes  []code
	mux    *http.ServeMux
	asking limiter
}

var _ dialect.Dialect = (*Dialect)(nil)

// New makes the wire.
func New(d dialect.Deps) *Dialect {
	d = d.Fill()
	x := &Dialect{Deps: d, keys: dialect.NewKeys(d, Name), codes: codesOf(d.Assets(), d.Desk.Rails), mux: http.NewServeMux()}
	x.routes()
	return x
}

// Name implements dialect.Dialect.
func (*Dialect) Name() string { return Name }

// Patterns implements dialect.Dialect.
func (*Dialect) Patterns() []string { return []string{base + "/"} }

// ServeHTTP implements http.Handler.
func (d *Dialect) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if !straight.Is(r.URL.Path) {
		d.nothing(rw, r)
		return
	}
	d.mux.ServeHTTP(rw, r)
}

// Format implements dialect.Dialect.
func (d *Dialect) Format() webhook.Format { return format{d} }
