package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sluice/internal/fault"
)

// Backup copies a SQLite database, of one moment, into a file that must not exist yet. It
// works beside a running server and holds nobody up. The copy is on the disk when it
// returns. PostgreSQL has means of its own.
func (db *DB) Backup(ctx context.Context, path string) error {
	s, ok := db.engine.(*sqliteStore)
	if !ok {
		return fault.New(fault.Invalid, "backup_engine", "sluice backup copies SQLite files; for PostgreSQL use pg_basebackup or pg_dump, as docs/operations/backup.md says, and check the copy with `sluice restore --check URL`")
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator names the file; SQLite takes an empty one
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Conflict, "backup_exists", "%s exists already: a backup never replaces a file", path)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "backup_failed", "%s cannot be made", path)
	}
	// The readers of the store may write nothing, and this writes a file.
	from, err := sql.Open("sqlite", sqliteDSN(s.path))
	if err != nil {
		return err
	}
	_, err = from.ExecContext(ctx, "VACUUM INTO ?", path)
	if err := errors.Join(err, from.Close()); err != nil {
		return fault.Wrap(errors.Join(err, os.Remove(path)), fault.Unavailable, "backup_failed", "the database could not be copied to %s", path)
	}
	return syncFile(path)
}

// syncFile makes a file and its name durable.
func syncFile(path string) error {
	for _, name := range []string{path, filepath.Dir(path)} {
		f, err := os.Open(name) //nolint:gosec // the operator names the file
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Intact reads every page of a SQLite file and finds what is damaged. PostgreSQL checks its
// pages by itself, where data checksums are on.
func (db *DB) Intact(ctx context.Context) error {
	s, ok := db.engine.(*sqliteStore)
	if !ok {
		return nil
	}
	var verdict string
	if err := s.reads.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("check %s: %w", s.path, err)
	}
	if verdict != "ok" {
		return fault.New(fault.Refused, "database_damaged", "the database file %s is damaged: %s", s.path, verdict)
	}
	return nil
}

// Schema tells the schema that a database has, 0 for none, and the one that this program
// knows. It changes nothing.
func Schema(ctx context.Context, url string) (have, know int64, err error) {
	kind, _ := split(url)
	if kind == "" {
		return 0, 0, errURL(url)
	}
	db, err := openSQL(url)
	if err != nil {
		return 0, 0, err
	}
	defer db.Close() //nolint:errcheck // nothing was written
	if err := checkServer(ctx, kind, db); err != nil {
		return 0, 0, err
	}
	p, err := provider(kind, db, Options{})
	if err != nil {
		return 0, 0, err
	}
	return versions(ctx, kind, db, p)
}
