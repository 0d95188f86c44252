package guard

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer"
	"sluice/internal/signer/approval"
)

// Policy is what a guard allows. What it does not name is refused.
type Policy struct {
	Networks []Network
	// Approvers are the keys whose approvals count.
	Approvers []ed25519.PublicKey
	// ApprovalFor is how long an approval is good; zero: DefaultApprovalFor.
	ApprovalFor time.Duration
	// Acceptors are the keys of the processes whose acceptance of a payout counts.
	Acceptors []ed25519.PublicKey
}

// DefaultApprovalFor is how long an approval is good if nobody says otherwise.
const DefaultApprovalFor = 7 * 24 * time.Hour

// Network is what may be paid on one network.
type Network struct {
	signer.Network
	// MaxFee is the most that one transaction may cost, in the smallest unit of the
	// network's coin; zero: no limit.
	MaxFee money.Amount
	// FeePerHour and FeePerDay bound what all transactions of an hour and of a day may
	// cost together, each with the most that it may cost; nil: no limit. Cancels and
	// dearer attempts count.
	FeePerHour, FeePerDay *money.Amount
	// Open lets every asset and every vault through, without limits: the rule of slots
	// and the bounds of fees are all that holds. Assets and Vaults are not read then.
	Open bool
	// Assets are those that may be paid.
	Assets []Asset
	// Vaults are the contracts that may pay a batch.
	Vaults [][]byte
	// MayGet tells whether a recipient may be paid at all; nil: all may.
	MayGet func(to []byte) bool
}

// Asset is what may be paid of one asset on one network. Limits are in minor units;
// nil is no limit.
type Asset struct {
	Code      string
	Token     []byte // its contract; empty for the network's own coin
	PerPayout *money.Amount
	PerHour   *money.Amount // in any 60 minutes
	PerDay    *money.Amount // in any 24 hours
	// CountPerHour and CountPerDay are how many payouts there may be in these times; 0:
	// no limit.
	CountPerHour, CountPerDay int
	// ApprovalAbove asks for an approval of every payout that is larger; zero: of all.
	ApprovalAbove *money.Amount
	// AcceptanceAbove asks, for every payout that is larger, for the record that the
	// process which accepted it has signed; zero: for all.
	AcceptanceAbove *money.Amount
}

// check makes sure that a policy can be held to.
func (p Policy) check() error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "signer_policy", "the signer's policy: %s", fmt.Sprintf(format, args...))
	}
	for i, n := range p.Networks {
		for _, other := range p.Networks[:i] {
			// Two names for one chain would be two sets of limits for it.
			if n.Name == other.Name || n.Family == other.Family && n.ChainID == other.ChainID && n.Coin == other.Coin && n.Account == other.Account {
				return bad("%s and %s are the same network", other.Name, n.Name)
			}
		}
		for j, a := range n.Assets {
			for _, other := range n.Assets[:j] {
				if a.Code == other.Code || bytes.Equal(a.Token, other.Token) {
					return bad("%s and %s on %s are the same asset", other.Code, a.Code, n.Name)
				}
			}
			if a.ApprovalAbove != nil && len(p.Approvers) == 0 {
				return bad("%s on %s needs approvals, and there is no approver", a.Code, n.Name)
			}
			if a.AcceptanceAbove != nil && len(p.Acceptors) == 0 {
				return bad("%s on %s needs records of acceptance, and no key of an accepting process is named", a.Code, n.Name)
			}
		}
	}
	return nil
}

func (p Policy) network(name string) (Network, error) {
	i := slices.IndexFunc(p.Networks, func(n Network) bool { return n.Name == name })
	if i < 0 {
		return Network{}, refuse("sign_network", "%q is neither a network nor an account at a bank of its policy; to have it paid from, add it there, with limits (docs/signer.md)", name)
	}
	return p.Networks[i], nil
}

// check applies the rules that need no memory.
func (n Network) check(in signer.Intent) error {
	if err := n.feeAllowed(in); err != nil {
		return err
	}
	if n.Open {
		return nil
	}
	if len(in.Vault) > 0 && !slices.ContainsFunc(n.Vaults, func(v []byte) bool { return bytes.Equal(v, in.Vault) }) {
		return refuse("sign_vault", "the vault 0x%x is not among the contracts allowed on %s", in.Vault, n.Name)
	}
	if in.Cancel {
		return nil // nobody is paid
	}
	return n.payouts(in)
}

// feeAllowed holds what a transaction may cost against the most that one may.
func (n Network) feeAllowed(in signer.Intent) error {
	if fee, err := in.MaxFee(); err != nil || !n.MaxFee.IsZero() && n.MaxFee.Less(fee) {
		return refuse("sign_fee", "the transaction may cost more than the %s that this signer allows on %s", n.MaxFee, n.Name)
	}
	return nil
}

// payouts applies the rules of each payout that need no memory.
func (n Network) payouts(in signer.Intent) error {
	for _, o := range in.Outputs {
		a, err := n.asset(o)
		if err != nil {
			return err
		}
		if n.MayGet != nil && !n.MayGet(o.To) {
			return refuse("sign_destination", "the recipient of %s is not among those that may be paid on %s", o.Ref, n.Name)
		}
		if a.PerPayout != nil && a.PerPayout.Less(o.Amount) {
			return refuse("sign_limit_payout", "%s of %s is above the limit of %s per payout on %s (minor units)", o.Amount, a.Code, a.PerPayout, n.Name)
		}
	}
	return nil
}

func (n Network) asset(o signer.Output) (Asset, error) {
	i := slices.IndexFunc(n.Assets, func(a Asset) bool { return a.Code == o.Asset })
	if i < 0 {
		return Asset{}, refuse("sign_asset", "the asset %q is not among those allowed on %s", o.Asset, n.Name)
	}
	if !bytes.Equal(n.Assets[i].Token, o.Token) {
		return Asset{}, refuse("sign_token", "0x%x is not the contract of %s on %s", o.Token, o.Asset, n.Name)
	}
	return n.Assets[i], nil
}

// proof is what was found out about the approval of one output.
type proof struct {
	approval.Proof
	needed bool
	err    error // why there is none that counts
}

// proofs checks the approvals that the outputs need. Whether they are still unused only
// the state knows, and an output whose slot is bound already needs none.
func (p Policy) proofs(n Network, in signer.Intent) []proof {
	out := make([]proof, len(in.Outputs))
	if n.Open || in.Cancel {
		return out
	}
	for i, o := range in.Outputs {
		a, err := n.asset(o)
		if err != nil || a.ApprovalAbove == nil || !a.ApprovalAbove.Less(o.Amount) {
			out[i].err = err
			continue
		}
		out[i].needed = true
		out[i].Proof, out[i].err = approval.Verify(o.Approval, approval.Statement{
			Network: n.Name, Ref: o.Ref, Asset: o.Asset, Amount: o.Amount, To: o.To,
		}, p.Approvers)
	}
	return out
}

func refuse(code, format string, args ...any) error {
	return fault.New(fault.Refused, code, "signer: "+format, args...)
}
