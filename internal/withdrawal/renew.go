package withdrawal

import (
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/rail"
)

// Renew seals the bank account of a withdrawal again for its row, under the key that seals
// now. One that stands in a dispatch stays as it is, because that holds a copy. It changes
// nothing that is shown, so there is no event.
type Renew struct{ Withdrawal id.Seq }

// Reads implements commit.Command.
func (c Renew) Reads(w *commit.Wants) { Withdrawals.Want(w, c.Withdrawal) }

// Apply implements commit.Command.
func (c Renew) Apply(v *commit.View) (commit.Nothing, error) {
	w, ok := Withdrawals.Get(v, c.Withdrawal)
	if !ok {
		return commit.Nothing{}, fault.New(fault.NotFound, "withdrawal_not_found", "no such withdrawal")
	}
	ref := v.ID(w.Seq).Text(id.Withdrawal)
	if !v.Holds(w.Accepted(v.Shard()), w.Mark) {
		return commit.Nothing{}, commit.Altered("withdrawal", ref)
	}
	if !rail.Hidden(w.Canonical) || w.Dispatch != 0 || w.State.Final() {
		return commit.Nothing{}, nil
	}
	at := rail.PayoutPlace(ref)
	var err error
	if w.Decoded, err = v.Keys().Move(rail.RecipientPurpose, at, at, w.Decoded); err != nil {
		return commit.Nothing{}, err
	}
	w.Mark = v.Mark(w.Accepted(v.Shard()))
	Withdrawals.Put(v, w)
	return commit.Nothing{}, nil
}
