package store

import (
	"sluice/internal/destination"
	"sluice/internal/merchant"
)

var merchants = bindTable(merchant.Merchants, "seq", seqKey,
	"seq name mode cancel_window_ns created_at version",
	func(m *merchant.Merchant, f []any) []any {
		return append(f, &m.Seq, &m.Name, (*string)(&m.Mode), duration(&m.CancelWindow), &m.CreatedAt, &m.Version)
	})

var keys = bindTable(merchant.Keys, "seq", seqKey,
	"seq owner_shard owner mode name hash prefix last4 scopes created_at expires_at revoked_at version",
	func(k *merchant.Key, f []any) []any {
		return append(f, &k.Seq, &k.Owner.Shard, &k.Owner.Seq, (*string)(&k.Mode), &k.Name, (*rawText)(&k.Hash), &k.Prefix, &k.Last4,
			&k.Scopes, &k.CreatedAt, &k.ExpiresAt, &k.RevokedAt, &k.Version)
	})

var destinations = bindTable(destination.Destinations, "seq", seqKey,
	"seq merchant account network typed canonical decoded tag label created_at version",
	func(d *destination.Destination, f []any) []any {
		return append(f, &d.Seq, &d.Merchant, &d.Account, &d.Network, &d.Typed, &d.Canonical, &d.Decoded, &d.Tag, &d.Label, &d.CreatedAt, &d.Version)
	})
