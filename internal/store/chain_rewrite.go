package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/internal/store/chain"
)

// rewrites names, by migration, the tables whose rows it changes, adds or removes. Only
// migrations after chainVersion need to stand here: the chain takes in what they leave.
var rewrites = map[int64][]string{}

// rewritten are the tables that pending migrations rewrite, for a database with a chain.
func rewritten(have, know int64) (tables []string) {
	if have < chainVersion {
		return nil // the chain begins later than all of them, or with them
	}
	for version, names := range rewrites {
		if version > have && version <= know {
			tables = append(tables, names...)
		}
	}
	slices.Sort(tables)
	return slices.Compact(tables)
}

// retake carries the chains over a migration. It is called before, when it makes sure
// that the tables are what the program wrote, and after with the same tables, when it
// takes them in as the migration left them.
func retake(ctx context.Context, db *sql.DB, kind string, tables []string, opt Options, after bool) error {
	if len(tables) == 0 {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	shards, err := shardRows(ctx, tx, kind)
	if err != nil {
		return err
	}
	for _, s := range shards {
		var sealed []byte
		if err := (txQuerier{tx}).each(ctx, "SELECT chain FROM shard WHERE number = $1", []any{int64(s.Number)}, []any{&sealed}, func() error { return nil }); err != nil {
			return err
		}
		switch {
		case len(sealed) == 0:
			continue
		case opt.Chain == nil:
			return errors.New("the database has a chain: set chain.key to the key of this installation")
		}
		state, err := opt.Chain.Open(layout, placeOf(s), sealed)
		if err != nil {
			return err
		}
		w := walk{key: opt.Chain, shard: s.Number}
		progress := &Progress{Shard: s.Number, Doing: "the chain takes in what migrations change", Since: time.Now()}
		for i, b := range bindings {
			if at := layoutAt[i]; at >= 0 && slices.Contains(tables, b.describe().name) {
				progress.Of += 2 * state.Parts[at].Rows
			}
		}
		q := counted{txQuerier{tx}, progress, inLog(opt.Log)}
		for i, b := range bindings {
			at := layoutAt[i]
			if at < 0 || !slices.Contains(tables, b.describe().name) {
				continue
			}
			if after {
				err = markRows(ctx, tx, q, s.Number, b, opt.Chain)
			}
			var have chain.Part
			if err == nil {
				err = w.table(ctx, q, b, &have)
			}
			if err != nil {
				return err
			}
			if !after && have != state.Parts[at] {
				return fmt.Errorf("the table %s is not as the program wrote it, and the migration would hide that: look at what `sluice verify` of the program before says", b.describe().name)
			}
			state.Parts[at] = have
		}
		if !after {
			continue
		}
		s.Version++
		if _, err := tx.ExecContext(ctx, "UPDATE shard SET chain = $1, version = $2 WHERE number = $3", opt.Chain.Seal(layout, placeOf(s), state), s.Version, int64(s.Number)); err != nil {
			return err
		}
	}
	return tx.Commit()
}
