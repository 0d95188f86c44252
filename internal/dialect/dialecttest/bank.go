package dialecttest

import (
	"context"
	"maps"

	"sluice/internal/bank/sepa"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/seal"
	"sluice/internal/withdrawal/intake"
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
	p.Cred = Do(w, 0, credential.Create{
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

// abroad is a bank that pays other currencies than EUR too, by the rules of the same checker.
type abroad struct {
	counter
	network string
	pays    map[string]bool
}

// Network implements rail.Rail.
func (a abroad) Network() string { return a.network }

// CheckRecipient implements rail.BankChecker.
func (a abroad) CheckRecipient(ctx context.Context, r rail.Recipient, asset string) (rail.Target, error) {
	t, err := a.Checker.CheckRecipient(ctx, r, a.euro(asset))
	t.Network = a.network
	return t, err
}

// CheckPayment implements rail.BankChecker.
func (a abroad) CheckPayment(ctx context.Context, p rail.Payment, asset string) (rail.Payment, error) {
	return a.Checker.CheckPayment(ctx, p, a.euro(asset))
}

func (a abroad) euro(asset string) string {
	if a.pays[asset] {
		return sepa.Currency
	}
	return asset
}

// Abroad lets currencies, with so many decimals, go to bank accounts by another network.
func Abroad(d *intake.Intake, network string, currencies map[string]int) {
	home, _ := d.Rails["sepa"].(counter)
	x := abroad{home, network, map[string]bool{}}
	for code, scale := range currencies {
		x.pays[code] = true
		d.Assets[code] = money.Asset{Code: code, Scale: scale, Networks: append(d.Assets[code].Networks, network)}
	}
	d.Rails[network] = x
}
