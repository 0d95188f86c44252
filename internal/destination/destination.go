// Package destination keeps checked targets that a merchant registered to use again.
package destination

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/rail"
)

// Destination is a checked target. It is typed by network and never changes: what
// is signed later is what was decoded when it was checked.
type Destination struct {
	Seq       id.Seq
	Merchant  id.Seq
	Account   id.Seq // the account it belongs to; 0: any account of the merchant
	Network   string
	Typed     string // as the user wrote it
	Canonical string // the form we show and compare
	Decoded   []byte // what is signed
	Tag       string
	Label     string
	CreatedAt time.Time
	Version   int64
}

// Destinations is the table of destinations.
var Destinations = commit.NewTable("destination", func(d *Destination) id.Seq { return d.Seq })

// Target is the destination as rails see it.
func (d Destination) Target() rail.Target {
	return rail.Target{Network: d.Network, Typed: d.Typed, Canonical: d.Canonical, Decoded: d.Decoded, Tag: d.Tag}
}

// Register stores a target that a rail has checked. Result: Destination.
type Register struct {
	Merchant id.Seq
	Account  id.Seq
	Target   rail.Target
	Label    string
}

// Reads implements commit.Command.
func (c Register) Reads(w *commit.Wants) {
	if c.Account != 0 {
		ledger.Accounts.Want(w, c.Account)
	}
}

// Apply implements commit.Command.
func (c Register) Apply(v *commit.View) (any, error) {
	if c.Account != 0 {
		if a, ok := ledger.Accounts.Get(v, c.Account); !ok || a.Merchant != c.Merchant {
			return nil, fault.New(fault.NotFound, "account_not_found", "no such account").At("account")
		}
	}
	if len(c.Label) > 200 {
		return nil, fault.Bad("invalid_label", "label", "a label has at most 200 bytes")
	}
	t := c.Target
	d := Destination{
		Seq: v.NewID(), Merchant: c.Merchant, Account: c.Account, Network: t.Network, Typed: t.Typed, Canonical: t.Canonical,
		Decoded: t.Decoded, Tag: t.Tag, Label: c.Label, CreatedAt: v.Now(), Version: 1,
	}
	Destinations.Insert(v, d)
	return d, nil
}

// Answer implements commit.Answerer: a destination never changes, so its number is enough.
func (d Destination) Answer() commit.Answer { return commit.Answer{Ref: d.Seq} }
