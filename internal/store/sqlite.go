package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"

	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"sluice/internal/commit"
)

// The settings of a SQLite connection. WAL with synchronous=FULL makes every commit
// reach the disk before it is answered. A large checkpoint interval lets a page
// that changes often be written into the database once instead of once per batch.
var sqlitePragmas = []string{
	"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
	"cache_size(-65536)", "wal_autocheckpoint(20000)", "journal_size_limit(134217728)",
}

// quickCheckBytes is the size of a file up to which it is checked at every start;
// a larger one takes too long and is left to `sluice doctor`.
const quickCheckBytes = 64 << 20

// sqliteReaders bounds the connections that only read.
const sqliteReaders = 8

// checkEngine refuses a SQLite whose WAL can be corrupted when a checkpoint meets a
// reset (3.7.0 to 3.51.2; 3.52.0 was withdrawn): https://sqlite.org/wal.html#walresetbug.
func checkEngine(version string) error {
	var n [3]int
	for i, part := range strings.SplitN(version, ".", 3) {
		v, err := strconv.Atoi(part)
		if err != nil {
			return fmt.Errorf("SQLite calls itself %q, which is no version", version)
		}
		n[i] = v
	}
	num := n[0]*1_000_000 + n[1]*1_000 + n[2]
	if num < 3_051_003 || num == 3_052_000 {
		return fmt.Errorf("SQLite %s can corrupt a database in WAL mode: this program needs 3.51.3 or newer, but not 3.52.0. Build it with the version of modernc.org/sqlite that its go.mod names", version)
	}
	return nil
}

// sqliteDSN names the file with our settings. Characters that mean something in a
// URI are escaped in the path.
func sqliteDSN(path string, more ...string) string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": append(append([]string{}, sqlitePragmas...), more...)}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// sqliteStore is the engine for one file. One connection writes; what it does is
// ordered by a lock of this process here, and by SQLite's own lock against others.
type sqliteStore struct {
	path   string
	turn   chan struct{} // holds a token while nobody writes
	writer *sqliteWriter // nil until the first Begin, and after an unknown outcome
	reads  *sql.DB
	links  *links

	prepared sync.RWMutex
	stmts    map[string]*sql.Stmt // of reads, by text
}

func openSQLite(ctx context.Context, path string, opt Options) (*sqliteStore, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("the database file %s cannot be opened (%w): run `sluice migrate` to make it", path, err)
	}
	reads, err := sql.Open("sqlite", sqliteDSN(path, "query_only(ON)"))
	if err != nil {
		return nil, err
	}
	reads.SetMaxOpenConns(sqliteReaders)
	reads.SetMaxIdleConns(sqliteReaders)
	s := &sqliteStore{path: path, turn: make(chan struct{}, 1), reads: reads, links: newLinks(opt.Chain), stmts: map[string]*sql.Stmt{}}
	s.turn <- struct{}{}
	if err := s.inspect(ctx); err != nil {
		return nil, errors.Join(err, reads.Close())
	}
	return s, nil
}

// inspect refuses an engine or a file that would lose data.
func (s *sqliteStore) inspect(ctx context.Context) error {
	var version string
	if err := s.reads.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return fmt.Errorf("open %s: %w", s.path, err)
	}
	if err := checkEngine(version); err != nil {
		return err
	}
	info, err := os.Stat(s.path)
	if err != nil || info.Size() > quickCheckBytes {
		return err
	}
	var verdict string
	if err := s.reads.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("check %s: %w", s.path, err)
	}
	if verdict != "ok" {
		return fmt.Errorf("the database file %s is damaged (%s): do not write to it; restore a backup", s.path, verdict)
	}
	return nil
}

func (s *sqliteStore) name() string { return engineSQLite }

func (s *sqliteStore) close() error {
	<-s.turn // a batch at work ends first
	err := s.dropWriter()
	s.turn <- struct{}{}
	s.prepared.Lock()
	defer s.prepared.Unlock()
	for _, stmt := range s.stmts {
		err = errors.Join(err, stmt.Close())
	}
	clear(s.stmts)
	return errors.Join(err, s.reads.Close())
}

func (s *sqliteStore) dropWriter() error {
	if s.writer == nil {
		return nil
	}
	w := s.writer
	s.writer = nil
	return w.close()
}

// each implements querier.
func (s *sqliteStore) each(ctx context.Context, query string, args, dst []any, fn func() error) error {
	stmt, err := s.stmt(ctx, query) //nolint:sqlclosecheck // kept for the next time
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return eachRow(rows, dst, fn)
}

// snapshot implements engine: in WAL mode a read transaction sees one state and
// holds nobody up.
func (s *sqliteStore) snapshot(ctx context.Context, fn func(querier) error) error {
	conn, err := s.reads.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // goes back to the pool
	if _, err := conn.ExecContext(ctx, "BEGIN DEFERRED"); err != nil {
		return err
	}
	err = fn(sqliteSnapshot{conn})
	_, rerr := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	return errors.Join(err, rerr)
}

type sqliteSnapshot struct{ conn *sql.Conn }

func (s sqliteSnapshot) each(ctx context.Context, query string, args, dst []any, fn func() error) error {
	rows, err := s.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	return eachRow(rows, dst, fn)
}

func eachRow(rows *sql.Rows, dst []any, fn func() error) error {
	defer rows.Close() //nolint:errcheck // rows.Err tells
	raw := make([]any, len(dst))
	into := make([]any, len(dst))
	for i := range raw {
		into[i] = &raw[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, p := range dst {
			if err := fromSQLite(p, raw[i]); err != nil {
				return errors.Join(errUnreadable, err)
			}
		}
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// stmt prepares each text once: the texts are a small, fixed set. They stay open
// until the store is closed.
func (s *sqliteStore) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	s.prepared.RLock()
	st := s.stmts[query]
	s.prepared.RUnlock()
	if st != nil {
		return st, nil
	}
	s.prepared.Lock()
	defer s.prepared.Unlock()
	if st := s.stmts[query]; st != nil {
		return st, nil
	}
	st, err := s.reads.PrepareContext(ctx, query) //nolint:sqlclosecheck // kept for the next time
	if err != nil {
		return nil, fmt.Errorf("%w in %s", err, query)
	}
	s.stmts[query] = st
	return st, nil
}

// fromSQLite puts a value of the driver into a field.
func fromSQLite(p any, value driver.Value) error {
	switch x := value.(type) {
	case int64:
		return setInteger(p, x)
	case string:
		return setText(p, x)
	case bool: // of PostgreSQL
		if x {
			return setInteger(p, 1)
		}
		return setInteger(p, 0)
	case []byte:
		return setOctets(p, x)
	case nil: // an empty BLOB comes as nil
		return setOctets(p, nil)
	}
	return fmt.Errorf("store: a %T for a %T", value, p)
}

// classifySQLite says what an error of a statement before COMMIT means: in any
// case nothing was written.
func classifySQLite(err error) error {
	if err == nil || errors.Is(err, commit.ErrInvariant) || errors.Is(err, commit.ErrRejected) {
		return err
	}
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlitelib.SQLITE_CONSTRAINT, sqlitelib.SQLITE_MISMATCH, sqlitelib.SQLITE_TOOBIG:
			return errors.Join(commit.ErrRejected, err)
		}
	}
	return errors.Join(commit.ErrNotCommitted, err)
}

// committedSQLite says what an error of COMMIT means. Only two codes prove that the
// log holds no complete batch; after any other it may.
func committedSQLite(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlitelib.SQLITE_BUSY, sqlitelib.SQLITE_FULL:
			return errors.Join(commit.ErrNotCommitted, err)
		}
	}
	return fmt.Errorf("commit: %w", err)
}

var _ engine = (*sqliteStore)(nil)

// drain reads the rows of a statement of the writer.
func drain(rows driver.Rows, values []driver.Value, each func([]driver.Value) error) error {
	for {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return rows.Close()
		case err != nil:
			return errors.Join(err, rows.Close())
		}
		if err := each(values); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
}
