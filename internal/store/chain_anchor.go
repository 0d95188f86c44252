package store

import (
	"context"
	"errors"
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/store/chain"
)

// Anchors gives the signed digest of every shard's chain as it is now, none where the
// database has no chain. It costs one row per shard. began is why what earlier anchors
// say no longer counts, "" as a rule.
func (db *DB) Anchors(ctx context.Context, now time.Time, began string) ([]chain.Anchor, error) {
	if db.key == nil {
		return nil, nil
	}
	shards, err := db.states(ctx)
	var out []chain.Anchor
	for _, s := range shards {
		out = append(out, db.key.Anchor(layout, s.place, s.state, now, began))
	}
	return out, err
}

// Behind gives those anchors that are further than the database is: what they cover was
// cut off, or the database is an older copy. It compares places only and costs one row
// per shard; Verify compares everything.
func (db *DB) Behind(ctx context.Context, anchors []chain.Anchor) ([]chain.Anchor, error) {
	if db.key == nil {
		return nil, nil
	}
	shards, err := db.states(ctx)
	at := map[id.Shard]chain.Place{}
	for _, s := range shards {
		at[s.place.Shard] = s.place
	}
	var out []chain.Anchor
	for _, a := range anchors {
		if a.Check(db.key.Public()) != nil {
			continue // Verify tells
		}
		if a.Began != "" {
			out = nil
		}
		if p, ok := at[a.Shard]; ok && a.After(p) {
			out = append(out, a)
		}
	}
	return out, err
}

func (db *DB) states(ctx context.Context) ([]read, error) {
	var out []read
	var s commit.Shard
	var sealed []byte
	err := db.engine.each(ctx, "SELECT number, last_seq, last_event, version, chain FROM shard ORDER BY number", nil,
		[]any{&s.Number, &s.LastSeq, &s.LastEvent, &s.Version, &sealed}, func() error {
			if len(sealed) == 0 {
				return errNoChain
			}
			state, err := db.key.Open(layout, placeOf(s), sealed)
			out = append(out, read{place: placeOf(s), state: state})
			return err
		})
	if errors.Is(err, errNoChain) || errors.Is(err, chain.ErrAltered) {
		return nil, errors.Join(commit.ErrInvariant, err)
	}
	return out, err
}
