// Package store keeps everything Sluice knows: in one SQLite file, or in
// PostgreSQL. It is the only package with SQL. Commands reach it through the commit
// loop (DB is its Store); what the API, the workers and the tools read comes from
// the typed methods of DB, which are hints and lists and never decide about money.
//
// Both engines share one description of each table (see bindings) and pass one
// conformance suite (storetest).
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"sluice/internal/commit"
	"sluice/internal/fault/outage"
	"sluice/internal/id"
	"sluice/internal/seal"
	"sluice/internal/store/chain"
)

const (
	engineSQLite   = "sqlite"
	enginePostgres = "postgres"
)

// Options bound a database. The zero value of each field means its default.
type Options struct {
	// Shards is how many shards a PostgreSQL database gets when it is migrated for
	// the first time; afterwards it is fixed, because ids name their shard. Default
	// 4, at most id.MaxShards. SQLite has one.
	Shards int
	// Conns bounds the connections to PostgreSQL, half of them for batches. At
	// least 2, default 16.
	Conns int
	// Chain is the key that the database is proved with; nil: it has no chain.
	Chain *chain.Key
	// Seal is the keys for sealed values, for the commands that write some; nil: none.
	Seal *seal.Ring
	// Look opens for reading whatever the chain says: for those who look closer.
	Look bool
	// Log hears of migrations. Default slog.Default().
	Log *slog.Logger
	// Outages, if set, is told whether the database works; errors are marked for its handler.
	Outages *outage.Book
}

func (o Options) withDefaults() (Options, error) {
	if o.Shards == 0 {
		o.Shards = 4
	}
	if o.Shards < 1 || o.Shards > id.MaxShards {
		return o, fmt.Errorf("%d shards: want 1 to %d", o.Shards, id.MaxShards)
	}
	if o.Conns == 0 {
		o.Conns = 16
	}
	if o.Conns < 2 {
		return o, fmt.Errorf("%d database connections: want at least 2", o.Conns)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o, nil
}

// querier reads. The text of a query is the same for both engines: parameters are $1,
// $2, ... in the order in which they first occur.
type querier interface {
	// each runs a query and calls fn after every row has been put into dst, which
	// are pointers to fields. It holds at most one connection, and fn must not
	// ask the database for anything.
	each(ctx context.Context, query string, args, dst []any, fn func() error) error
}

// errUnreadable says that a row holds what the program never writes.
var errUnreadable = errors.New("a row cannot be read")

// engine is what a database must do for a DB.
type engine interface {
	commit.Store
	querier
	name() string
	// snapshot gives fn one unchanging view of the whole database.
	snapshot(ctx context.Context, fn func(querier) error) error
	// exec runs one statement that is no part of the write path.
	exec(ctx context.Context, text string, args ...any) error
	close() error
}

// DB is an open database with a schema that this program knows. Its methods may be
// called from several goroutines.
type DB struct {
	engine engine
	shards int
	key    *chain.Key // nil: no chain
	seal   *seal.Ring // nil: no keys
}

var _ commit.Store = (*DB)(nil)

// Open opens the database that a URL names: sqlite:PATH or postgres://... It
// refuses a schema that is older or newer than this program, and a SQLite engine or
// file that would lose data.
func Open(ctx context.Context, url string, opt Options) (*DB, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkSchema(ctx, url); err != nil {
		return nil, err
	}
	var e engine
	switch kind, path := split(url); kind {
	case engineSQLite:
		e, err = openSQLite(ctx, path, opt)
	case enginePostgres:
		e, err = openPostgres(ctx, url, opt)
	default:
		err = errURL(url)
	}
	if err != nil {
		return nil, err
	}
	if opt.Outages != nil {
		e = observed{e, opt.Outages}
	}
	db := &DB{engine: e, key: opt.Chain, seal: opt.Seal}
	err = db.countShards(ctx)
	if err == nil && !opt.Look {
		err = db.hasChain(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// split tells the engine that a URL names, and for SQLite the path of the file.
func split(url string) (kind, path string) {
	if p, ok := strings.CutPrefix(url, "sqlite:"); ok && p != "" {
		return engineSQLite, p
	}
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return enginePostgres, ""
	}
	return "", ""
}

// errURL does not repeat the URL: it may hold a password.
func errURL(url string) error {
	scheme, _, _ := strings.Cut(url, ":")
	return fmt.Errorf("a database URL is sqlite:PATH or postgres://USER@HOST/DATABASE, not %q", scheme+":...")
}

func (db *DB) countShards(ctx context.Context) error {
	var n, highest int64
	err := db.engine.each(ctx, "SELECT count(*), coalesce(max(number), 0) FROM shard", nil, []any{&n, &highest}, func() error { return nil })
	if err != nil {
		return err
	}
	if n == 0 || highest != n-1 {
		return errors.New("the database has no shards yet: run `sluice migrate`")
	}
	db.shards = int(n)
	return nil
}

// Begin implements commit.Store.
func (db *DB) Begin(ctx context.Context, shard id.Shard, v *commit.View) (commit.Tx, error) {
	v.SetKeys(db.seal)
	return db.engine.Begin(ctx, shard, v)
}

// Shards is how many shards the database has.
func (db *DB) Shards() int { return db.shards }

// Engine is "sqlite" or "postgres".
func (db *DB) Engine() string { return db.engine.name() }

// Close waits for a batch at work and closes all connections.
func (db *DB) Close() error { return db.engine.close() }
