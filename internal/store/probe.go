package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"
)

// ProbeWrites writes and commits one row that means nothing, to find out whether the
// database takes writes.
func (db *DB) ProbeWrites(ctx context.Context) error {
	return db.engine.exec(ctx, "INSERT INTO write_probe (id, at) VALUES (0, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at", micros(time.Now()))
}

// WhyNoWrites says for a person why a database refused to write, where the error is one of
// those that a person has to end; "" for all others.
func WhyNoWrites(err error) string {
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) {
		return map[string]string{
			"0A000": "it is a standby (0A000)", // what BEGIN READ WRITE gets there, and no other statement of ours
			"25006": "it is read-only (25006)",
			"53100": "its disk is full (53100)",
			"42501": "the user of database_url may not write (42501)",
		}[e.Code]
	}
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		return map[int]string{
			sqlitelib.SQLITE_FULL:     "its disk is full (SQLITE_FULL)",
			sqlitelib.SQLITE_READONLY: "its file or folder is read-only (SQLITE_READONLY)",
			sqlitelib.SQLITE_IOERR:    "its disk reports errors (SQLITE_IOERR)",
			sqlitelib.SQLITE_BUSY:     "another program holds the lock of its file (SQLITE_BUSY)",
		}[e.Code()&0xff]
	}
	return ""
}
