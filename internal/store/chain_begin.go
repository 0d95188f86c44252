package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/store/chain"
)

// chainVersion is the migration that begins the chain of a database that is older than
// it. A later migration that changes rows which the chain covers has to say so in
// rewrites.
const chainVersion = 22

// beginning is the migration as goose takes it. It runs where the other processes wait
// for migrations to end. Without a key there is no chain.
func beginning(kind string, opt Options) *goose.Migration {
	run := func(ctx context.Context, tx *sql.Tx) error {
		if opt.Chain == nil {
			return nil
		}
		shards, err := shardRows(ctx, tx, kind)
		for _, s := range shards {
			if err == nil {
				_, err = beginShard(ctx, tx, s, opt, chainVersion)
			}
		}
		return err
	}
	return goose.NewGoMigration(chainVersion, &goose.GoFunc{RunTx: run}, nil)
}

// BeginChain begins a new chain with what is in the database now, whatever its chain
// says: every row is taken as it is. It is for an operator who has looked at what
// differs, and for a key that is lost. The shards cannot be written to meanwhile. It
// gives the first anchor of each.
func BeginChain(ctx context.Context, url string, opt Options, reason string) ([]chain.Anchor, error) {
	kind, _ := split(url)
	if kind == "" {
		return nil, errURL(url)
	}
	if opt.Chain == nil {
		return nil, errors.New("a chain needs chain.key; `sluice chain key` makes one")
	}
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkSchema(ctx, url); err != nil {
		return nil, err
	}
	db, err := openSQL(url)
	if err != nil {
		return nil, err
	}
	defer db.Close() //nolint:errcheck // what was written was committed before
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	shards, err := shardRows(ctx, tx, kind)
	if err != nil {
		return nil, err
	}
	var out []chain.Anchor
	for _, s := range shards {
		state, err := beginShard(ctx, tx, s, opt, 0)
		if err != nil {
			return nil, err
		}
		s.Version++
		out = append(out, opt.Chain.Anchor(layout, placeOf(s), state, time.UnixMicro(state.Begin.At), reason))
	}
	return out, tx.Commit()
}

// shardRows locks all shards, in their order, and reads them.
func shardRows(ctx context.Context, tx *sql.Tx, kind string) ([]commit.Shard, error) {
	text := "SELECT number, last_seq, last_event, version FROM shard ORDER BY number"
	if kind == enginePostgres {
		text += " FOR UPDATE"
	}
	var out []commit.Shard
	var s commit.Shard
	err := txQuerier{tx}.each(ctx, text, nil, []any{&s.Number, &s.LastSeq, &s.LastEvent, &s.Version}, func() error {
		out = append(out, s)
		return nil
	})
	return out, err
}

// beginShard begins the chain of a shard that is locked, and writes it. until is as in walk.
func beginShard(ctx context.Context, tx *sql.Tx, s commit.Shard, opt Options, until int64) (*chain.State, error) {
	at, err := toTake(ctx, tx, s.Number, until)
	if err != nil {
		return nil, err
	}
	q := counted{txQuerier{tx}, at, inLog(opt.Log)}
	for _, b := range bindings {
		if err := markRows(ctx, tx, q, s.Number, b, opt.Chain); err != nil {
			return nil, fmt.Errorf("mark the rows of %s: %w", b.describe().name, err)
		}
	}
	w := walk{key: opt.Chain, shard: s.Number, until: until}
	state, err := w.state(ctx, q)
	if err != nil {
		return nil, err
	}
	state.Begin = chain.NewBegin(time.Now().UnixMicro(), placeOf(s))
	s.Version++
	_, err = tx.ExecContext(ctx, "UPDATE shard SET chain = $1, version = $2 WHERE number = $3", opt.Chain.Seal(layout, placeOf(s), state), s.Version, int64(s.Number))
	if err == nil {
		rows := int64(0)
		for _, p := range state.Parts {
			rows += p.Rows
		}
		opt.Log.Info("the chain begins with what is in the database", "shard", s.Number, "rows", rows, "last_event", s.LastEvent)
	}
	return state, err
}

// toTake counts the rows that a chain begins with, each of which is read twice at the most.
func toTake(ctx context.Context, tx *sql.Tx, shard id.Shard, until int64) (*Progress, error) {
	at := &Progress{Shard: shard, Doing: "the chain takes in what is there", Since: time.Now()}
	for i, b := range bindings {
		if layoutAt[i] < 0 || until > 0 && b.describe().added > until {
			continue
		}
		var n int64
		text := "SELECT count(*) FROM " + b.describe().name + " WHERE shard = $1"
		if err := (txQuerier{tx}).each(ctx, text, []any{int64(shard)}, []any{&n}, func() error { return nil }); err != nil {
			return nil, err
		}
		_, marked := b.blank()
		if _, _, kept := marked(shard); kept {
			n *= 2
		}
		at.Of += n
	}
	return at, nil
}

// markPage is how many rows get their marks at once.
const markPage = 500

// markRows gives every row of a table that carries a mark its mark.
func markRows(ctx context.Context, tx *sql.Tx, q querier, shard id.Shard, b binding, key *chain.Key) error {
	m := b.describe()
	fields, marked := b.blank()
	marker := key.NewMarker()
	if _, _, kept := marked(shard); !kept || !m.covered() {
		return nil
	}
	text := "SELECT " + strings.Join(m.names(), ", ") + " FROM " + m.name + " WHERE shard = $1 AND seq > $2 ORDER BY seq LIMIT $3"
	seq := fields[slices.Index(m.names(), "seq")]
	type marking struct {
		seq  int64
		mark []byte
	}
	for after := int64(0); ; {
		var page []marking
		read := 0
		err := q.each(ctx, text, []any{int64(shard), after, int64(markPage)}, fields, func() error {
			after = integer(seq)
			read++
			if record, mark, kept := marked(shard); kept && !marker.Marked(record, mark) {
				page = append(page, marking{after, marker.Mark(record)})
			}
			return nil
		})
		for _, p := range page {
			if err == nil {
				_, err = tx.ExecContext(ctx, "UPDATE "+m.name+" SET mark = $1 WHERE shard = $2 AND seq = $3", p.mark, int64(shard), p.seq) //nolint:gosec // the name of a table of ours
			}
		}
		if err != nil || read < markPage {
			return err
		}
	}
}

// txQuerier reads through a transaction of database/sql, on both engines.
type txQuerier struct{ tx *sql.Tx }

func (q txQuerier) each(ctx context.Context, query string, args, dst []any, fn func() error) error {
	rows, err := q.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	return eachRow(rows, dst, fn)
}
