package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// versionTable records which migrations a database has.
const versionTable = "schema_version"

// postgresMin is the oldest PostgreSQL that is supported, as server_version_num.
const postgresMin = 150000

// Migrate brings the schema of the database that a URL names up to what this
// program knows, and makes the shards of a new one. A SQLite file is created.
// Several processes may do it at once: one works, the others wait. There is no way
// back but a backup.
func Migrate(ctx context.Context, url string, opt Options) error {
	opt, err := opt.withDefaults()
	if err != nil {
		return err
	}
	kind, path := split(url)
	if kind == "" {
		return errURL(url)
	}
	if kind == engineSQLite {
		unlock, err := lockFolder(ctx, filepath.Dir(path))
		if err != nil {
			return fmt.Errorf("wait for another migration of %s: %w", path, err)
		}
		defer unlock()
		if err := create(path); err != nil {
			return err
		}
	}
	db, err := openSQL(url)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing is written through it any more
	if err := checkServer(ctx, kind, db); err != nil {
		return err
	}
	p, err := provider(kind, db, opt)
	if err != nil {
		return err
	}
	have, know, err := versions(ctx, kind, db, p)
	if err != nil {
		return err
	}
	if have > know {
		return errNewer(have, know)
	}
	tables := rewritten(have, know)
	if err := retake(ctx, db, kind, tables, opt, false); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	done, err := up(ctx, p, func(r *goose.MigrationResult) {
		opt.Log.Info("migrated the database", "engine", kind, "migration", r.Source.Version, "of", know, "took", r.Duration)
	})
	if err == nil && done > 0 {
		err = retake(ctx, db, kind, tables, opt, true)
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if kind == enginePostgres {
		return makeShards(ctx, db, opt)
	}
	return nil
}

// up runs what is missing, one migration after the other, and tells of each as it ends.
func up(ctx context.Context, p *goose.Provider, told func(*goose.MigrationResult)) (done int, err error) {
	for {
		r, err := p.UpByOne(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return done, nil
		}
		if err != nil {
			return done, err
		}
		done++
		told(r)
	}
}

// BeginsChain tells whether Migrate would begin the chain of a database: it is new, or
// older than chains are.
func BeginsChain(ctx context.Context, url string) (bool, error) {
	kind, path := split(url)
	if kind == "" {
		return false, errURL(url)
	}
	if _, err := os.Stat(path); kind == engineSQLite && errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	db, err := openSQL(url)
	if err != nil {
		return false, err
	}
	defer db.Close() //nolint:errcheck // nothing was written
	p, err := provider(kind, db, Options{})
	if err != nil {
		return false, err
	}
	have, _, err := versions(ctx, kind, db, p)
	return have < chainVersion, err
}

// create makes an empty file that only its owner may read; SQLite gives the files
// beside it the same mode. A file that exists is not touched, not even opened:
// closing it would drop the locks that this process may hold on it through SQLite.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the operator names the file
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func provider(kind string, db *sql.DB, opt Options) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+kind)
	if err != nil {
		return nil, err
	}
	opts := []goose.ProviderOption{
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)),
		goose.WithGoMigrations(beginning(kind, opt)),
	}
	if kind == engineSQLite {
		return goose.NewProvider(goose.DialectSQLite3, db, files, opts...)
	}
	locker, err := postgresLocker()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, files, append(opts, goose.WithSessionLocker(locker))...)
}

// openSQL opens a database for what runs through database/sql: migrations.
func openSQL(url string) (*sql.DB, error) {
	kind, path := split(url)
	if kind == engineSQLite {
		return sql.Open("sqlite", sqliteDSN(path))
	}
	conf, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	return stdlib.OpenDB(*conf), nil
}

// checkServer refuses a database that cannot keep what we promise.
func checkServer(ctx context.Context, kind string, db *sql.DB) error {
	if kind == engineSQLite {
		var version string
		if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
			return fmt.Errorf("the database cannot be opened: %w", err)
		}
		return checkEngine(version)
	}
	var version int
	var encoding string
	err := db.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')").Scan(&version, &encoding)
	switch {
	case err != nil:
		return reach(err)
	case version < postgresMin:
		return fmt.Errorf("this is PostgreSQL %d: %d or newer is needed", version/10000, postgresMin/10000)
	case encoding != "UTF8":
		return fmt.Errorf("the database has encoding %s: UTF8 is needed (CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0)", encoding)
	}
	return nil
}

// versions tells the schema that the database has, 0 for none, and the one that
// this program knows. It changes nothing.
func versions(ctx context.Context, kind string, db *sql.DB, p *goose.Provider) (have, know int64, err error) {
	for _, s := range p.ListSources() {
		know = max(know, s.Version)
	}
	exists := "SELECT count(*) FROM sqlite_master WHERE name = '" + versionTable + "'"
	if kind == enginePostgres {
		exists = "SELECT count(to_regclass('" + versionTable + "'))"
	}
	var n int
	if err := db.QueryRowContext(ctx, exists).Scan(&n); err != nil {
		return 0, 0, reach(err)
	}
	if n == 0 {
		return 0, know, nil
	}
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+versionTable).Scan(&have)
	return have, know, err
}

// checkSchema refuses a schema that this program was not built for.
func checkSchema(ctx context.Context, url string) error {
	kind, path := split(url)
	switch kind {
	case "":
		return errURL(url)
	case engineSQLite:
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no database at %s: run `sluice migrate` to make it", path)
		}
	}
	db, err := openSQL(url)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing was written
	if err := checkServer(ctx, kind, db); err != nil {
		return err
	}
	p, err := provider(kind, db, Options{})
	if err != nil {
		return err
	}
	have, know, err := versions(ctx, kind, db, p)
	if err == nil && have < know { // or is it being migrated at this moment?
		if err = awaitMigration(ctx, kind, path, db); err == nil {
			have, know, err = versions(ctx, kind, db, p)
		}
	}
	switch {
	case err != nil:
		return err
	case have > know:
		return errNewer(have, know)
	case have == 0:
		return errors.New("the database is empty: run `sluice migrate` to make its tables")
	case have < know:
		return fmt.Errorf("the database has schema %d and this program needs %d: make a backup, then run `sluice migrate`", have, know)
	}
	return nil
}

// awaitMigration waits until no other process migrates the database.
func awaitMigration(ctx context.Context, kind, path string, db *sql.DB) error {
	if kind == engineSQLite {
		unlock, err := lockFolder(ctx, filepath.Dir(path))
		if err == nil {
			unlock()
		}
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // nothing was written
	locker, err := postgresLocker()
	if err != nil {
		return err
	}
	if err := locker.SessionLock(ctx, conn); err != nil {
		return err
	}
	return locker.SessionUnlock(ctx, conn)
}

// postgresLocker keeps migrations of one database apart.
func postgresLocker() (lock.SessionLocker, error) {
	return lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
}

func errNewer(have, know int64) error {
	return fmt.Errorf("the database has schema %d and this program knows only %d: run the newer program that did `sluice migrate`", have, know)
}

// makeShards fills the table of shards once. It may run again after a crash
// between the schema and the shards.
func makeShards(ctx context.Context, db *sql.DB, opt Options) error {
	// The lock waits for every batch at work, and what comes after waits for the lock:
	// a node that starts beside others must not ask for it.
	var made bool
	if err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM shard)").Scan(&made); err != nil || made {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	for _, stmt := range []string{
		"LOCK TABLE shard IN EXCLUSIVE MODE",
		fmt.Sprintf("INSERT INTO shard (number, last_seq, last_event, version) SELECT n, 0, 0, 0 FROM generate_series(0, %d) n WHERE NOT EXISTS (SELECT 1 FROM shard)", opt.Shards-1),
	} {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return fmt.Errorf("make the shards: %w", err)
		}
	}
	if opt.Chain != nil {
		shards, err := shardRows(ctx, tx, enginePostgres)
		if err != nil {
			return err
		}
		for _, s := range shards {
			if _, err := beginShard(ctx, tx, s, opt, 0); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}
