package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modernc.org/sqlite"

	"sluice/internal/id"
	"sluice/internal/store"
)

// sqliteSettings make a connection of the floor write as durably, and with the same
// room, as one of the store does.
var sqliteSettings = []string{
	"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "temp_store(MEMORY)",
	"cache_size(-65536)", "wal_autocheckpoint(20000)", "journal_size_limit(134217728)",
}

func sqliteDSN(path string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + url.Values{"_pragma": sqliteSettings}.Encode()
}

type rawSQLite struct {
	path string
	db   *sql.DB
}

func openRawSQLite(path string) (raw, error) {
	db, err := sql.Open("sqlite", sqliteDSN(path))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return &rawSQLite{path, db}, nil
}

func (r *rawSQLite) close(context.Context) error { return r.db.Close() }

func (*rawSQLite) name() string { return "sqlite" }

func (r *rawSQLite) facts(ctx context.Context) (version, durability string, err error) {
	err = r.db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version)
	return "SQLite " + version, "WAL, synchronous=FULL", err
}

func (r *rawSQLite) strangers(ctx context.Context) (n int, err error) {
	if _, err := os.Stat(r.path); errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err := r.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE name = 'merchant'").Scan(&n); err != nil || n == 0 {
		return 0, err
	}
	err = r.db.QueryRowContext(ctx, "SELECT count(*) FROM merchant WHERE name NOT LIKE ? || '%'", namePrefix).Scan(&n)
	return n, err
}

// written is what this process has written: with SQLite, nearly all of it is the
// database.
func (r *rawSQLite) written(context.Context) (int64, bool, error) {
	n, ok := bytesWritten()
	return n, ok, nil
}

func (r *rawSQLite) batches(ctx context.Context, shard id.Shard) (n int64, err error) {
	err = r.db.QueryRowContext(ctx, "SELECT version FROM shard WHERE number = ?", int64(shard)).Scan(&n)
	return n, err
}

func (r *rawSQLite) rows(ctx context.Context, table, query string, args ...any) (sample, error) {
	rows, err := r.db.QueryContext(ctx, query, args...)
	if err != nil {
		return sample{}, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	return scanSample(rows, table)
}

func (*rawSQLite) number(v any) int64 {
	n, _ := v.(int64)
	return n
}

func (r *rawSQLite) moved(v any, n int64) any { return r.number(v) + n }

func (*rawSQLite) text(b []byte) any { return string(b) }

func scanSample(rows *sql.Rows, table string) (sample, error) {
	names, err := rows.Columns()
	if err != nil {
		return sample{}, err
	}
	s := sample{table: table, columns: names}
	for rows.Next() {
		row := make([]any, len(s.columns))
		to := make([]any, len(row))
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to...); err != nil {
			return s, err
		}
		for i, v := range row {
			if b, ok := v.([]byte); v == nil || ok && b == nil { // an empty BLOB comes as nil, and would go as NULL
				row[i] = []byte{}
			}
		}
		s.rows = append(s.rows, row)
	}
	return s, rows.Err()
}

func (r *rawSQLite) scratch(ctx context.Context, _ id.Shard) (scratch, error) {
	dir, err := os.MkdirTemp(filepath.Dir(r.path), ".sluice-bench-floor-")
	if err != nil {
		return nil, fmt.Errorf("the floor needs a folder beside the database: %w", err)
	}
	s, err := newSQLiteScratch(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// sqliteScratch works below database/sql, as the store does, so that the floor is
// SQLite's own cost and not that of a layer above.
type sqliteScratch struct {
	dir     string
	conn    driver.Conn
	begin   driver.Stmt
	commit  driver.Stmt
	shard   driver.Stmt
	inserts []driver.Stmt
	update  driver.Stmt
	args    []driver.NamedValue
}

func newSQLiteScratch(ctx context.Context, dir string) (*sqliteScratch, error) {
	path := filepath.Join(dir, "floor.db")
	if err := store.Migrate(ctx, "sqlite:"+path, store.Options{Log: quiet.Log}); err != nil {
		return nil, err
	}
	conn, err := (&sqlite.Driver{}).Open(sqliteDSN(path))
	if err != nil {
		return nil, err
	}
	return &sqliteScratch{dir: dir, conn: conn}, nil
}

func (s *sqliteScratch) prepare(ctx context.Context, text string) (driver.Stmt, error) {
	p, ok := s.conn.(driver.ConnPrepareContext)
	if !ok {
		return nil, errors.New("the SQLite driver does not prepare statements")
	}
	st, err := p.PrepareContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", err, text)
	}
	return st, nil
}

func (s *sqliteScratch) exec(st driver.Stmt, args ...any) error {
	s.args = s.args[:0]
	for i, v := range args {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	x, ok := st.(driver.StmtExecContext)
	if !ok {
		return errors.New("the SQLite driver does not execute statements")
	}
	// The background context: the driver starts a goroutine per statement to watch another.
	_, err := x.ExecContext(context.Background(), s.args)
	return err
}

func (s *sqliteScratch) load(ctx context.Context, balances sample, g *generator) error {
	var err error
	for _, t := range g.samples {
		st, err := s.prepare(ctx, sqliteInsert(t))
		if err != nil {
			return err
		}
		s.inserts = append(s.inserts, st)
	}
	for _, p := range []struct {
		to   *driver.Stmt
		text string
	}{
		{&s.begin, "BEGIN IMMEDIATE"},
		{&s.commit, "COMMIT"},
		{&s.shard, "UPDATE shard SET last_seq = last_seq + ?, last_event = last_event + ?, version = version + 1 WHERE number = 0"},
		{&s.update, "UPDATE balance SET available = ?, pending = ?, locked = ?, reserved = ?, updated_at = ?, version = version + 1 WHERE shard = 0 AND account = ? AND currency = ?"},
	} {
		if *p.to, err = s.prepare(ctx, p.text); err != nil {
			return err
		}
	}
	st, err := s.prepare(ctx, sqliteInsert(balances))
	if err != nil {
		return err
	}
	if err := s.exec(s.begin); err != nil {
		return err
	}
	for _, row := range balances.rows {
		if err := s.exec(st, row...); err != nil {
			return err
		}
	}
	return errors.Join(s.exec(s.commit), st.Close())
}

func sqliteInsert(t sample) string {
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s)", t.table, strings.Join(t.columns, ", "), strings.Repeat(", ?", len(t.columns)-1))
}

func (s *sqliteScratch) batch(_ context.Context, g *generator, n int) error {
	from := g.take(n)
	if err := s.exec(s.begin); err != nil {
		return err
	}
	for _, b := range g.balances(from, n) {
		if err := s.exec(s.update, b[2], b[3], b[4], b[5], b[6], b[0], b[1]); err != nil {
			return err
		}
	}
	for t := range g.samples {
		for i := range int64(n) {
			if err := s.exec(s.inserts[t], g.values(t, from+i)...); err != nil {
				return err
			}
		}
	}
	if err := s.exec(s.shard, int64(n), int64(n)); err != nil {
		return err
	}
	return s.exec(s.commit)
}

func (s *sqliteScratch) row(context.Context) error {
	if err := s.exec(s.begin); err != nil {
		return err
	}
	if err := s.exec(s.shard, int64(1), int64(1)); err != nil {
		return err
	}
	return s.exec(s.commit)
}

func (s *sqliteScratch) drop(context.Context) error {
	var err error
	for _, st := range slices.Concat(s.inserts, []driver.Stmt{s.begin, s.commit, s.shard, s.update}) {
		if st != nil {
			err = errors.Join(err, st.Close())
		}
	}
	return errors.Join(err, s.conn.Close(), os.RemoveAll(s.dir))
}
