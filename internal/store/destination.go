package store

import (
	"context"

	"sluice/internal/id"
	"sluice/internal/merchant/destination"
)

var destinations = bindTable(destination.Destinations, "seq", seqKey,
	`seq merchant account network typed canonical decoded tag label created_at
	confirmed_at usable_at deleted_at print version mark`,
	func(d *destination.Destination, f []any) []any {
		return append(f, &d.Seq, &d.Merchant, &d.Account, &d.Network, &d.Typed, &d.Canonical, &d.Decoded, &d.Tag, &d.Label, &d.CreatedAt,
			&d.ConfirmedAt, &d.UsableAt, &d.DeletedAt, &d.Print, &d.Version, &d.Mark)
	}).markedBy(func(d *destination.Destination, s id.Shard) (record, mark []byte, kept bool) {
	return d.Record(s), d.Mark, true
})

var destinationTallies = bindTable(destination.Tallies, "merchant account",
	func(k *destination.TallyKey, f []any) []any { return append(f, &k.Merchant, &k.Account) },
	"merchant account count version",
	func(t *destination.Tally, f []any) []any {
		return append(f, &t.Merchant, &t.Account, &t.Count, &t.Version)
	})

var destinationPrints = bindTable(destination.Prints, "merchant account print",
	func(k *destination.PrintKey, f []any) []any { return append(f, &k.Merchant, &k.Account, &k.Print) },
	"merchant account print destination version",
	func(p *destination.Print, f []any) []any {
		return append(f, &p.Merchant, &p.Account, &p.Print, &p.Destination, &p.Version)
	})

// Destination finds a registered destination, also a deleted one.
func (db *DB) Destination(ctx context.Context, at id.ID) (destination.Destination, bool, error) {
	return bySeq(ctx, db, destinations, at)
}

// Destinations lists the destinations of a merchant that can be used, newest first,
// before the one given (0 for the first page).
func (db *DB) Destinations(ctx context.Context, owner id.ID, before id.Seq, limit int) ([]destination.Destination, error) {
	var c conditions
	c.add("t.shard = $?", owner.Shard)
	c.add("t.merchant = $?", owner.Seq)
	c.text = append(c.text, "t.deleted_at = 0") // the index says the same
	c.before(before)
	return query(ctx, db.engine, destinations, c.newestFirst(limit), c.args...)
}

// DestinationsOf lists those that only one account may use, in the same order.
func (db *DB) DestinationsOf(ctx context.Context, account id.ID, before id.Seq, limit int) ([]destination.Destination, error) {
	var c conditions
	c.add("t.shard = $?", account.Shard)
	c.add("t.account = $?", account.Seq)
	c.text = append(c.text, "t.account <> 0", "t.deleted_at = 0") // the index says the same
	c.before(before)
	return query(ctx, db.engine, destinations, c.newestFirst(limit), c.args...)
}
