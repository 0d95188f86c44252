package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/commit"
)

// Settings of a session that writes. Plans are made once per connection, often
// while tables are still empty; without sequential scans, hash and merge joins every
// plan goes by the index that its statement was written for, and stays right when
// the tables grow. The time-outs free the lock of a shard when the node that holds
// it hangs.
var pgWriterSettings = map[string]string{
	"application_name": "sluice", "synchronous_commit": "on", "plan_cache_mode": "force_generic_plan", "jit": "off",
	"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "enable_memoize": "off",
	"lock_timeout": "10000", "idle_in_transaction_session_timeout": "10000",
}

var pgReaderSettings = map[string]string{
	"application_name": "sluice", "default_transaction_read_only": "on", "jit": "off",
}

// pgStore is the engine for PostgreSQL. Batches and reads have pools of their own,
// so that neither waits for the other while it holds a connection.
type pgStore struct {
	writers *pgxpool.Pool
	reads   *pgxpool.Pool
	plan    []pgTable
	links   *links
}

func openPostgres(ctx context.Context, url string, opt Options) (*pgStore, error) {
	s := &pgStore{plan: pgPlan(), links: newLinks(opt.Chain)}
	var err error
	if s.writers, err = pgPool(ctx, url, opt.Conns/2, pgWriterSettings, s.prepare); err != nil {
		return nil, err
	}
	if s.reads, err = pgPool(ctx, url, opt.Conns-opt.Conns/2, pgReaderSettings, nil); err != nil {
		s.writers.Close()
		return nil, err
	}
	return s, nil
}

func pgPool(ctx context.Context, url string, conns int, settings map[string]string, prepare func(context.Context, *pgx.Conn) error) (*pgxpool.Pool, error) {
	conf, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	conf.MaxConns = int32(conns) //nolint:gosec // a small number of ours
	conf.MinConns = 0
	for k, v := range settings {
		conf.ConnConfig.RuntimeParams[k] = v
	}
	conf.AfterConnect = prepare
	return pgxpool.NewWithConfig(ctx, conf)
}

func (s *pgStore) name() string { return enginePostgres }

func (s *pgStore) close() error {
	s.writers.Close()
	s.reads.Close()
	return nil
}

// The statements of a writer that belong to no table.
const (
	pgBegin    = "sluice_begin"
	pgCommit   = "sluice_commit"
	pgLock     = "sluice_lock"
	pgUnlock   = "sluice_unlock"
	pgRollback = "ROLLBACK"
)

// pgTable holds what a batch needs of one table.
type pgTable struct {
	binding              binding
	meta                 *meta
	load, insert, update string // names of prepared statements
	formats              []int16
}

func pgPlan() []pgTable {
	plan := make([]pgTable, len(bindings))
	for i, b := range bindings {
		m := b.describe()
		plan[i] = pgTable{binding: b, meta: m, load: "load_" + m.label, insert: "insert_" + m.label, update: "update_" + m.label}
		plan[i].formats = make([]int16, len(m.cols))
		for j, c := range m.cols {
			if c.kind != kindAmount {
				plan[i].formats[j] = 1
			}
		}
	}
	return plan
}

// statements lists everything that a writer prepares, by name.
func (s *pgStore) statements() (out [][2]string) {
	out = append(out,
		// The level is named because an administrator may have set another default.
		[2]string{pgBegin, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"},
		[2]string{pgCommit, "COMMIT"},
		[2]string{pgLock, "SELECT last_seq, last_event, version, chain, looking FROM shard WHERE number = $1 FOR UPDATE"},
		[2]string{pgUnlock, pgExactly("UPDATE shard SET last_seq = $2, last_event = $3, chain = $5, looking = $6, version = version + 1 WHERE number = $1 AND version = $4", "1")},
	)
	for i := range s.plan {
		t := &s.plan[i]
		if t.meta.reads {
			out = append(out, [2]string{t.load, pgLoad(t.meta)})
		}
		if t.meta.inserts {
			out = append(out, [2]string{t.insert, pgInsert(t.meta)})
		}
		if t.meta.updates {
			out = append(out, [2]string{t.update, pgUpdate(t.meta)})
		}
	}
	return out
}

// prepare prepares all statements of a new connection in one round trip.
func (s *pgStore) prepare(ctx context.Context, conn *pgx.Conn) error {
	p := conn.PgConn().StartPipeline(ctx)
	stmts := s.statements()
	for _, st := range stmts {
		p.SendPrepare(st[0], st[1], nil)
	}
	if err := p.Sync(); err != nil {
		return errors.Join(err, p.Close())
	}
	descriptions := make(map[string]*pgconn.StatementDescription, len(stmts))
	for _, st := range stmts {
		r, err := p.GetResults()
		if err != nil {
			return errors.Join(fmt.Errorf("prepare %s: %w", st[1], err), p.Close())
		}
		d, ok := r.(*pgconn.StatementDescription)
		if !ok {
			return errors.Join(fmt.Errorf("prepare %s: the server answered %T", st[1], r), p.Close())
		}
		d.Name, d.SQL = st[0], st[1]
		descriptions[st[0]] = d
	}
	conn.PgConn().CustomData()[preparedKey] = descriptions
	return p.Close()
}

const preparedKey = "sluice"

// pgLoad is the SELECT for all keys of a batch. The subquery with its OFFSET cannot be
// merged with the outer query: each key is looked up by the unique index. (With = ANY
// the planner may read the whole shard instead while the table is small.)
func pgLoad(m *meta) string {
	names, arrays, on := m.names(m.keys...), make([]string, len(m.keys)), []string{"x.shard = $1"}
	if m.where != "" {
		on = append(on, "x."+m.where)
	}
	for i, k := range m.keys {
		on = append(on, fmt.Sprintf("x.%s = k.%s", names[i], names[i]))
		arrays[i] = fmt.Sprintf("$%d::%s[]", i+2, pgTypes[m.cols[k].kind].name)
	}
	return fmt.Sprintf("SELECT t.* FROM unnest(%s) AS k(%s) CROSS JOIN LATERAL (SELECT x.%s FROM %s x WHERE %s OFFSET 0) t",
		strings.Join(arrays, ", "), strings.Join(names, ", "), strings.Join(m.names(), ", x."), m.name, strings.Join(on, " AND "))
}

// pgInsert takes one array per column. unnest in the select list walks all arrays
// in step without storing them first.
func pgInsert(m *meta) string {
	arrays := make([]string, len(m.cols))
	for i, c := range m.cols {
		arrays[i] = fmt.Sprintf("unnest($%d::%s[])", i+2, pgTypes[c.kind].name)
	}
	return fmt.Sprintf("INSERT INTO %s (shard, %s) SELECT $1::smallint, %s", m.name, strings.Join(m.names(), ", "), strings.Join(arrays, ", "))
}

// pgUpdate takes one array per column and one of the versions that were read, and
// fails unless every row still has its version. The rows are found by their key in a
// subquery that cannot be merged, and then by their place: the planner has no way
// to read the whole table instead.
func pgUpdate(m *meta) string {
	set, names, arrays, on := []string{}, m.names(), []string{}, []string{}
	for i, c := range m.cols {
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+2, pgTypes[c.kind].name))
	}
	for _, i := range settable(m) {
		set = append(set, fmt.Sprintf("%s = k.%s", names[i], names[i]))
	}
	for _, k := range m.keys {
		on = append(on, fmt.Sprintf("x.%s = u.%s", names[k], names[k]))
	}
	old := len(m.cols) + 2
	return pgExactly(fmt.Sprintf(`UPDATE %[1]s t SET %[2]s FROM (
		SELECT u.*, (SELECT x.ctid FROM %[1]s x WHERE x.shard = $1 AND %[3]s AND x.version = u.old_version) AS found_at
		FROM unnest(%[4]s, $%[5]d::bigint[]) AS u(%[6]s, old_version) OFFSET 0) k WHERE t.ctid = k.found_at`,
		m.name, strings.Join(set, ", "), strings.Join(on, " AND "), strings.Join(arrays, ", "), old, strings.Join(names, ", ")),
		fmt.Sprintf("cardinality($%d::bigint[])", old))
}

// pgExactly makes an UPDATE fail with a division by zero unless it changes exactly
// n rows. The failure stands before COMMIT in the pipeline, so COMMIT never runs.
func pgExactly(update, n string) string {
	return "WITH changed AS (" + update + " RETURNING 1) SELECT 1 / (count(*) = " + n + ")::int FROM changed"
}

// each implements querier. A server that was restarted leaves dead connections in
// the pool, and each of them fails one reader: reading changes nothing, so it is done
// again, as long as no row has been handed over.
func (s *pgStore) each(ctx context.Context, query string, args, dst []any, fn func() error) error {
	for try := int32(0); ; try++ {
		given := false
		err := pgQuerier{s.reads}.each(ctx, query, args, dst, func() error {
			given = true
			return fn()
		})
		if err == nil || given || !brokenConn(err) || ctx.Err() != nil || try > s.reads.Config().MaxConns {
			return err
		}
	}
}

// brokenConn tells an error of the connection from an answer of the server. A server
// that is shutting down (class 57P) answers in its last moment.
func brokenConn(err error) bool {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return strings.HasPrefix(answer.Code, "57P")
	}
	var dial *pgconn.ConnectError
	return !errors.As(err, &dial) && (pgconn.SafeToRetry(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE))
}

// snapshot implements engine.
func (s *pgStore) snapshot(ctx context.Context, fn func(querier) error) error {
	tx, err := s.reads.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	err = fn(pgQuerier{tx})
	return errors.Join(err, tx.Rollback(context.WithoutCancel(ctx)))
}

// pgQuerier reads through a pool or a transaction.
type pgQuerier struct {
	on interface {
		Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	}
}

func (q pgQuerier) each(ctx context.Context, query string, args, dst []any, fn func() error) error {
	all := make([]any, 0, len(args)+1)
	all = append(all, pgx.QueryResultFormatsByOID{
		pgtype.Int8OID: pgx.BinaryFormatCode, pgtype.Int4OID: pgx.BinaryFormatCode, pgtype.Int2OID: pgx.BinaryFormatCode,
		pgtype.BoolOID: pgx.BinaryFormatCode, pgtype.ByteaOID: pgx.BinaryFormatCode, pgtype.NumericOID: pgx.TextFormatCode,
	})
	rows, err := q.on.Query(ctx, query, append(all, args...)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		raw := rows.RawValues()
		if len(raw) != len(dst) {
			return fmt.Errorf("store: %d columns for %d fields", len(raw), len(dst))
		}
		for i, p := range dst {
			if err := fromPostgres(p, raw[i]); err != nil {
				return errors.Join(errUnreadable, err)
			}
		}
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// The SQLSTATE classes that decide what a failed statement means
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
const (
	pgDivisionByZero = "22012" // our own assertion, see pgExactly
	pgClassData      = "22"
	pgClassIntegrity = "23"
)

// classifyPostgres says what an error of a statement before COMMIT means: in any
// case nothing was written.
func classifyPostgres(err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch {
		case e.Code == pgDivisionByZero:
			return fmt.Errorf("%w: a row changed behind the lock of its shard: %w", commit.ErrInvariant, err)
		case strings.HasPrefix(e.Code, pgClassData), strings.HasPrefix(e.Code, pgClassIntegrity):
			return errors.Join(commit.ErrRejected, err)
		}
	}
	return errors.Join(commit.ErrNotCommitted, err)
}

var _ engine = (*pgStore)(nil)
