package guard_test

import (
	"crypto/ed25519"
	"testing"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer"
	"sluice/internal/signer/acceptance"
	"sluice/internal/signer/guard"
	"sluice/internal/store/chain/chaintest"
)

// A4: above the threshold a payout is signed only as it was accepted, whatever the
// database says by then.
// case-46: the signed record decides, not what a page or the database shows.
func TestA4AcceptanceIsAskedForAboveTheThreshold(t *testing.T) {
	four := money.Of(4)
	g := open(t, imported(t), func(o *guard.Options) {
		o.Policy = guard.Policy{
			Acceptors: []ed25519.PublicKey{chaintest.Key.Public()},
			Networks: []guard.Network{{
				Network: signer.Network{Name: "ethereum", Family: "evm", ChainID: 1337},
				Assets:  []guard.Asset{{Code: "ETH", AcceptanceAbove: &four}},
			}},
		}
	})
	ask := func(nonce, amount uint64, change func(*signer.Output)) signer.Intent {
		in := intent(t)
		in.Nonce = nonce
		o := &in.Outputs[0]
		o.Ref, o.Asset, o.Amount = "wd_1", "ETH", money.Of(amount)
		o.Acceptance = acceptance.Sign(chaintest.Key.Sign, acceptance.Statement{
			Network: "ethereum", Ref: o.Ref, Asset: o.Asset, Amount: o.Amount, To: o.To, Merchant: "mer_1", Account: "acc_1", At: time.Unix(1_800_000_000, 0),
		})
		change(o)
		return in
	}
	same := func(*signer.Output) {}
	for _, c := range []struct {
		name, code string
		in         signer.Intent
	}{
		{"none above it", "acceptance_missing", ask(7, 5, func(o *signer.Output) { o.Acceptance = "" })},
		{"a destination that was edited", "acceptance_invalid", ask(7, 5, func(o *signer.Output) { o.To = address(t, "00000000000000000000000000000000000a11cf") })},
		{"an amount that was edited", "acceptance_invalid", ask(7, 5, func(o *signer.Output) { o.Amount = money.Of(6) })},
		{"the record of another withdrawal", "acceptance_invalid", ask(7, 5, func(o *signer.Output) { o.Ref = "wd_2" })},
		{"as it was accepted", "", ask(7, 5, same)},
		{"none below it", "", ask(8, 4, func(o *signer.Output) { o.Acceptance, o.Ref = "", "wd_3" })},
	} {
		t.Run(c.name, func(t *testing.T) {
			// What it would say beforehand is what it says.
			if err := g.May(t.Context(), "ethereum", c.in.Outputs); fault.CodeOf(err) != c.code && c.code != "" {
				t.Errorf("May: %v, want %q", err, c.code)
			}
			if _, err := g.Sign(t.Context(), c.in); fault.CodeOf(err) != c.code {
				t.Errorf("Sign: %v, want %q", err, c.code)
			}
		})
	}
}
