package dialecttest

import (
	"context"
	"maps"

	"sluice/internal/credential"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/sepa"
	"sluice/internal/seal"
)

// Accounts at banks.
const (
	Berlin    = "DE02100500000054540402"
	Frankfurt = "DE95500105173934555844"
)

// CredentialOf gives a merchant a credential with a public key.
func (w *World) CredentialOf(m merchant.Merchant, publicKey string) Party {
	w.Helper()
	p := Party{ID: id.ID{Seq: m.Seq}, Secret: "secret-of-" + m.Name}
	p.Cred = Do[credential.Credential](w, 0, credential.Create{
		Merchant: m.Seq, Dialect: w.Dialect.Name(), Secret: []byte(p.Secret), PublicKey: publicKey, Scopes: merchant.MerchantScopes,
	})
	p.Key = credential.KeyID(id.ID{Seq: p.Cred.Seq})
	return p
}

// counter is the part of a bank rail that wires ask: no file leaves in these tests.
type counter struct {
	rail.Rail
	sepa.Checker
}

// Check implements rail.Rail.
func (c counter) Check(ctx context.Context, typed, tag, asset string) (rail.Target, error) {
	return c.Checker.Check(ctx, typed, tag, asset)
}

// Network implements rail.Rail.
func (counter) Network() string { return "sepa" }

// Warn implements rail.Rail.
func (counter) Warn(context.Context, rail.Target) []string { return nil }

// withBank lets EUR go to bank accounts.
func (w *World) withBank() {
	key, err := seal.NewKey("2026")
	w.Must(err)
	w.Deps.Seal, err = seal.NewRing(key)
	w.Must(err)
	d := *w.Deps.Desk
	d.Assets, d.Rails, d.ReviewAbove = maps.Clone(d.Assets), maps.Clone(d.Rails), maps.Clone(d.ReviewAbove)
	d.Assets["EUR"] = money.Asset{Code: "EUR", Scale: 2, Networks: []string{"sepa"}}
	d.Rails["sepa"] = counter{Checker: sepa.Checker{Network: "sepa", Ring: w.Deps.Seal}}
	if _, set := d.ReviewAbove["EUR"]; !set {
		d.ReviewAbove["EUR"] = money.Of(200)
	}
	w.Deps.Desk = &d
}
