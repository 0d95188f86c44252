package guard

import (
	"sluice/internal/signer"
	"sluice/internal/signer/acceptance"
)

// accepted asks for the record of the acceptance of every payout above the asset's
// threshold: that the process which accepted it said the same.
func (p Policy) accepted(n Network, in signer.Intent) error {
	if n.Open || in.Cancel {
		return nil
	}
	for _, o := range in.Outputs {
		a, err := n.asset(o)
		if err != nil {
			return err
		}
		if a.AcceptanceAbove == nil || !a.AcceptanceAbove.Less(o.Amount) {
			continue
		}
		if _, err := acceptance.Verify(o.Acceptance, acceptance.Statement{
			Network: n.Name, Ref: o.Ref, Asset: o.Asset, Amount: o.Amount, To: o.To,
		}, p.Acceptors); err != nil {
			return err
		}
	}
	return nil
}
