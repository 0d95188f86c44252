package destination

import (
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// Renew seals a bank account again for its row, under the key that seals now.
type Renew struct{ Destination id.Seq }

// Reads implements commit.Command.
func (c Renew) Reads(w *commit.Wants) { Destinations.Want(w, c.Destination) }

// Apply implements commit.Command.
func (c Renew) Apply(v *commit.View) (commit.Nothing, error) {
	d, ok, err := Find(v, c.Destination)
	if err != nil {
		return commit.Nothing{}, err
	}
	if !ok {
		return commit.Nothing{}, fault.New(fault.NotFound, "destination_not_found", "no such destination")
	}
	if !d.Bank() || len(d.Decoded) == 0 { // deleted meanwhile
		return commit.Nothing{}, nil
	}
	if d.Decoded, err = d.Recipient(v.Keys(), v.Shard(), d.place(v.Shard())); err != nil {
		return commit.Nothing{}, err
	}
	d.Version++
	d.Mark = v.Mark(d.Record(v.Shard()))
	Destinations.Put(v, d)
	return commit.Nothing{}, nil
}
