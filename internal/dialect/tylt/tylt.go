// Package tylt serves the wire of Tylt's crypto payouts under /transactions/merchant:
// what an unmodified client sends is understood, and what it reads back it can parse.
// docs/dialects/tylt.md says what is supported.
package tylt

import (
	"net/http"
	"sync"
	"time"

	"sluice/internal/dialect"
	"sluice/internal/id"
	"sluice/internal/merchant/credential"
	"sluice/internal/webhook"
)

// Name is the name of the dialect.
const Name = credential.Tylt

// base is where the wire is mounted.
const base = "/transactions/merchant/"

// Dialect is the wire.
type Dialect struct {
	dialect.Deps
	keys   *dialect.Keys
	ways   []way
	routes map[string]route
	asking limiter

	mu   sync.Mutex
	told map[id.ID]time.Time // merchants whose own callback URLs are told, and until when that is believed
}

var _ dialect.Dialect = (*Dialect)(nil)

// New makes the wire. symbols are what it calls networks, by their names here, where
// that is not what everybody calls them.
func New(d dialect.Deps, symbols map[string]string) *Dialect {
	d = d.Fill()
	x := &Dialect{Deps: d, keys: dialect.NewKeys(d, Name), ways: waysOf(d.Assets(), d.Desk.Rails, symbols), told: map[id.ID]time.Time{}}
	x.routes = x.table()
	return x
}

// Name implements dialect.Dialect.
func (*Dialect) Name() string { return Name }

// Patterns implements dialect.Dialect.
func (*Dialect) Patterns() []string { return []string{base} }

// Format implements dialect.Dialect.
func (d *Dialect) Format() webhook.Format { return format{d} }

// ServeHTTP implements http.Handler.
func (d *Dialect) ServeHTTP(rw http.ResponseWriter, r *http.Request) { d.serve(rw, r) }
