// Package destination keeps checked targets that a merchant registered to use again.
// A registered bank account is a reference account: it belongs to the holder of the
// account that it is registered for, it may have to wait before it is used, and its
// number is kept under seal.
package destination

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/rail"
	"sluice/internal/seal"
	"sluice/internal/store/chain"
)

// Destination is a checked target. It is typed by network and never changes, but for
// its end: what is signed later is what was decoded when it was checked.
type Destination struct {
	Seq       id.Seq
	Merchant  id.Seq
	Account   id.Seq // the account it belongs to; 0: any account of the merchant
	Network   string
	Typed     string // as the user wrote it; of a bank account, the holder
	Canonical string // the form we show and compare; of a bank account, see rail.Hidden
	Decoded   []byte // what is signed; of a bank account under seal, and none once it is deleted
	Tag       string // of a bank account, the BIC
	Label     string
	CreatedAt time.Time
	Version   int64

	ConfirmedAt time.Time // when its holder agreed to it, as the merchant says; zero: not told
	UsableAt    time.Time // no withdrawal goes to it before; zero: at once
	DeletedAt   time.Time // zero while it can be used
	Print       string    // fingerprint of a bank account's number, under the key of its time; "" for others
	Mark        []byte    // of all of it, see Record; nil where no marks are kept
}

// Record is what Mark is made of: everything that says where money goes, and whether it may.
func (d Destination) Record(shard id.Shard) []byte {
	return chain.NewRecord("destination 1", shard, d.Seq).Ints(int64(d.Merchant), int64(d.Account)).
		Texts(d.Network, d.Typed, d.Canonical, d.Tag, d.Label, d.Print).Bytes(d.Decoded).Times(d.CreatedAt, d.ConfirmedAt, d.UsableAt, d.DeletedAt)
}

// Find reads a destination that was declared. It refuses one that another hand changed.
func Find(v *commit.View, seq id.Seq) (Destination, bool, error) {
	d, ok := Destinations.Get(v, seq)
	if ok && !v.Holds(d.Record(v.Shard()), d.Mark) {
		return d, ok, commit.Altered("destination", v.ID(seq).Text(id.Destination))
	}
	return d, ok, nil
}

// Bank tells whether it is a bank account.
func (d Destination) Bank() bool { return rail.Hidden(d.Canonical) }

// Destinations is the table of destinations.
var Destinations = commit.NewTable("destination", func(d *Destination) id.Seq { return d.Seq })

// place is what a bank account's number is sealed for.
func (d Destination) place(shard id.Shard) seal.Place {
	return seal.Place{Table: "destination", Column: "decoded", Row: id.ID{Shard: shard, Seq: d.Seq}.Text(id.Destination)}
}

// Recipient is the bank account as Seal gives it for another place.
func (d Destination) Recipient(keys *seal.Ring, shard id.Shard, to seal.Place) ([]byte, error) {
	return keys.Move(rail.RecipientPurpose, d.place(shard), to, d.Decoded)
}

// Target is the destination as rails see it.
func (d Destination) Target() rail.Target {
	return rail.Target{Network: d.Network, Typed: d.Typed, Canonical: d.Canonical, Decoded: d.Decoded, Tag: d.Tag}
}

// Usable refuses a destination that was deleted or still has to wait.
func (d Destination) Usable(now time.Time) error {
	if !d.DeletedAt.IsZero() {
		return fault.New(fault.Refused, "destination_deleted", "the destination was deleted on %s: register the account again, or use another one",
			d.DeletedAt.Format(time.RFC3339)).At("destination_id")
	}
	if d.UsableAt.After(now) {
		at := d.UsableAt.Format(time.RFC3339)
		return fault.New(fault.Refused, "destination_cooling_down", "the destination is new and can be used from %s; nothing was done", at).
			At("destination_id").With("usable_at", at)
	}
	return nil
}

// MaxLabel bounds Destination.Label in bytes.
const MaxLabel = 200

// Register stores a target that a rail has checked.
type Register struct {
	Merchant    id.Seq
	Account     id.Seq
	Target      rail.Target
	Label       string
	ConfirmedAt time.Time // not later than now
	// Policy is what the installation asks of bank accounts; others are free of it.
	Policy Policy
	Actor  string
}

// Reads implements commit.Command.
func (c Register) Reads(w *commit.Wants) {
	if c.Account != 0 {
		ledger.Accounts.Want(w, c.Account)
	}
	if rail.Hidden(c.Target.Canonical) {
		Tallies.Want(w, TallyKey{c.Merchant, c.Account})
		for _, p := range c.Target.Prints {
			Prints.Want(w, PrintKey{c.Merchant, c.Account, p})
		}
	}
}

// Apply implements commit.Command.
func (c Register) Apply(v *commit.View) (Destination, error) {
	var owner ledger.Account
	if c.Account != 0 {
		a, ok := ledger.Accounts.Get(v, c.Account)
		if !ok || a.Merchant != c.Merchant {
			return Destination{}, fault.New(fault.NotFound, "account_not_found", "no such account").At("account")
		}
		owner = a
	}
	if len(c.Label) > MaxLabel {
		return Destination{}, fault.Bad("invalid_label", "label", "a label has at most %d bytes", MaxLabel)
	}
	if c.ConfirmedAt.After(v.Now()) {
		return Destination{}, fault.Bad("confirmed_in_future", "confirmed_at", "cannot lie in the future")
	}
	t := c.Target
	d := Destination{
		Seq: v.NewID(), Merchant: c.Merchant, Account: c.Account, Network: t.Network, Typed: t.Typed, Canonical: t.Canonical,
		Decoded: t.Decoded, Tag: t.Tag, Label: c.Label, CreatedAt: v.Now(), Version: 1,
	}
	if !c.ConfirmedAt.IsZero() {
		d.ConfirmedAt = c.ConfirmedAt.UTC().Truncate(time.Microsecond)
	}
	if d.Bank() {
		var err error
		if d.Decoded, err = v.Keys().Move(rail.RecipientPurpose, seal.Place{}, d.place(v.Shard()), t.Decoded); err != nil {
			return Destination{}, err
		}
		if err := c.bank(v, &d, owner); err != nil {
			return Destination{}, err
		}
	}
	d.Mark = v.Mark(d.Record(v.Shard()))
	Destinations.Insert(v, d)
	tell(v, event.DestinationRegistered, d, c.Actor)
	return d, nil
}

// Answer implements commit.Answerer: a destination can only come to its end, so its
// number is enough.
func (d Destination) Answer() commit.Answer { return commit.Answer{Ref: d.Seq} }

// Delete ends a destination: no further withdrawal can name it. Those that did have
// what they need. A deleted one stays deleted and is answered the same.
type Delete struct {
	Merchant    id.Seq
	Destination id.Seq
	// KeepLast refuses to delete the last bank account of an account.
	KeepLast bool
	Actor    string
}

// Reads implements commit.Command.
func (c Delete) Reads(w *commit.Wants) { Destinations.Want(w, c.Destination) }

// Follow implements commit.Follower.
func (c Delete) Follow(v *commit.View, w *commit.Wants) {
	if d, ok := Destinations.Get(v, c.Destination); ok && d.Bank() {
		Tallies.Want(w, TallyKey{d.Merchant, d.Account})
		Prints.Want(w, PrintKey{d.Merchant, d.Account, d.Print})
	}
}

// Apply implements commit.Command.
func (c Delete) Apply(v *commit.View) (Destination, error) {
	d, ok, err := Find(v, c.Destination)
	if err != nil {
		return Destination{}, err
	}
	if !ok || d.Merchant != c.Merchant {
		return Destination{}, fault.New(fault.NotFound, "destination_not_found", "no such destination")
	}
	if !d.DeletedAt.IsZero() {
		return d, nil
	}
	if d.Bank() {
		if err := c.bank(v, &d); err != nil {
			return Destination{}, err
		}
	}
	d.DeletedAt, d.Version = v.Now(), d.Version+1
	d.Mark = v.Mark(d.Record(v.Shard()))
	Destinations.Put(v, d)
	tell(v, event.DestinationDeleted, d, c.Actor)
	return d, nil
}

// tell writes the fact. Somebody else's bank account among the destinations is how
// money is stolen: whoever watches for it learns of each, and who did it.
func tell(v *commit.View, typ event.Type, d Destination, actor string) {
	event.Append(v, event.Event{Type: typ, Merchant: d.Merchant, Account: d.Account, Subject: d.Seq, Version: d.Version, Actor: actor})
}

// AsRegistered is the destination as it was when it was made.
func (d Destination) AsRegistered() Destination {
	d.DeletedAt, d.Version = time.Time{}, 1
	return d
}
