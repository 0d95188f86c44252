package bank

import (
	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/commit"
)

// TakeStatus takes in a status report about an order of ours.
type TakeStatus struct {
	onOrder
	File   string // hash
	Status message.Status
	Policy match.Policy
}

// Reads implements commit.Command.
func (c TakeStatus) Reads(w *commit.Wants) {
	c.onOrder.Reads(w)
	for _, ref := range c.refs() {
		Names.Want(w, bankName(ref))
	}
}

// bankName is the name of a payment by the bank's own reference.
func bankName(ref string) string { return "bank:" + message.Fold(ref) }

// refs are the bank's own references for payments, each once.
func (c TakeStatus) refs() (out []string) {
	seen := map[string]bool{}
	for _, b := range c.Status.Batches {
		for _, p := range b.Payouts {
			if p.ServicerRef != "" && !seen[p.ServicerRef] {
				seen[p.ServicerRef] = true
				out = append(out, p.ServicerRef)
			}
		}
	}
	return out
}

// Follow implements commit.Follower.
func (c TakeStatus) Follow(v *commit.View, w *commit.Wants) { c.follow(v, w) }

// Apply implements commit.Command.
func (c TakeStatus) Apply(v *commit.View) (Taken, error) {
	o, m, err := c.load(v)
	if err != nil {
		return Taken{}, err
	}
	effects := m.Status(c.Status, c.Policy)
	for n, e := range effects {
		if e.Cause == match.PayeeCheck {
			effects[n].Text += "; the report: sluice bank file " + c.File
		}
	}
	if err := carry(v, effects, o.Wallet, o.ID, ""); err != nil {
		return Taken{}, err
	}
	told := map[string]bool{}
	for _, ref := range c.refs() {
		told[ref] = true
	}
	for _, p := range m.Payments {
		if !told[p.ServicerRef] {
			continue
		}
		if _, known := Names.Get(v, bankName(p.ServicerRef)); !known {
			Names.Put(v, Name{bankName(p.ServicerRef), o.ID})
		}
	}
	c.save(v, o, m)
	return Taken{Effects: effects}, nil
}
