package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/internal/id"
	"sluice/internal/store"
)

// postgresSettings make the session of the floor as durable as one of the store, and
// keep the planner on the indexes while the tables are still empty.
var postgresSettings = map[string]string{
	"application_name": "sluice bench", "synchronous_commit": "on", "jit": "off", "plan_cache_mode": "force_generic_plan",
	"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
}

type rawPostgres struct {
	url  string
	conn *pgx.Conn
	pgCodec
}

func openRawPostgres(ctx context.Context, url string) (raw, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	return &rawPostgres{url: url, conn: conn}, nil
}

func (r *rawPostgres) close(ctx context.Context) error { return r.conn.Close(ctx) }

func (*rawPostgres) name() string { return "postgres" }

func (r *rawPostgres) facts(ctx context.Context) (version, durability string, err error) {
	var fsync, method string
	err = r.conn.QueryRow(ctx, "SELECT current_setting('server_version'), current_setting('fsync'), current_setting('wal_sync_method')").Scan(&version, &fsync, &method)
	return "PostgreSQL " + version, fmt.Sprintf("synchronous_commit=on, fsync=%s, wal_sync_method=%s", fsync, method), err
}

func (r *rawPostgres) strangers(ctx context.Context) (n int, err error) {
	var exists bool
	if err := r.conn.QueryRow(ctx, "SELECT to_regclass('merchant') IS NOT NULL").Scan(&exists); err != nil || !exists {
		return 0, err
	}
	err = r.conn.QueryRow(ctx, "SELECT count(*) FROM merchant WHERE NOT starts_with(name, $1)", namePrefix).Scan(&n)
	return n, err
}

// written is the end of the write-ahead log: of the whole server, so a busy one
// shows more than the bench wrote.
func (r *rawPostgres) written(ctx context.Context) (bytes int64, ok bool, err error) {
	err = r.conn.QueryRow(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").Scan(&bytes)
	return bytes, err == nil, err
}

func (r *rawPostgres) batches(ctx context.Context, shard id.Shard) (n int64, err error) {
	err = r.conn.QueryRow(ctx, "SELECT version FROM shard WHERE number = $1", int64(shard)).Scan(&n)
	return n, err
}

// rows keeps every value in its binary form on the wire, in which it goes back.
func (r *rawPostgres) rows(ctx context.Context, table, query string, args ...any) (sample, error) {
	s := sample{table: table}
	rows, err := r.conn.Query(ctx, query, append([]any{pgx.QueryResultFormats{pgx.BinaryFormatCode}}, args...)...)
	if err != nil {
		return s, err
	}
	defer rows.Close()
	for rows.Next() {
		values := rows.RawValues()
		row := make([]any, len(values))
		for i, v := range values {
			row[i] = append([]byte{}, v...)
		}
		s.rows = append(s.rows, row)
	}
	for _, f := range rows.FieldDescriptions() {
		s.columns = append(s.columns, f.Name)
		s.types = append(s.types, f.DataTypeOID)
	}
	return s, rows.Err()
}

// pgCodec reads and writes binary values.
type pgCodec struct{}

func (pgCodec) number(v any) int64 {
	b, _ := v.([]byte)
	if len(b) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b)) //nolint:gosec // two's complement is the wire form
}

func (c pgCodec) moved(v any, n int64) any {
	return binary.BigEndian.AppendUint64(nil, uint64(c.number(v)+n)) //nolint:gosec // as above
}

func (pgCodec) text(b []byte) any { return b }

// scratch makes a schema beside the measured one: the same server, log and disk.
func (r *rawPostgres) scratch(ctx context.Context, shard id.Shard) (scratch, error) {
	name := fmt.Sprintf("sluice_bench_%08x", rand.Uint32()) //nolint:gosec // a name, no secret
	if _, err := r.conn.Exec(ctx, "CREATE SCHEMA "+name); err != nil {
		return nil, fmt.Errorf("the floor needs a schema of its own beside the measured one (GRANT CREATE ON DATABASE): %w", err)
	}
	s := &postgresScratch{admin: r.conn, schema: name, shard: shard}
	if err := s.open(ctx, r.url); err != nil {
		return nil, errors.Join(err, s.drop(ctx))
	}
	return s, nil
}

// postgresScratch writes a batch with one statement per table and one array per
// column, all in one round trip that ends with the commit.
type postgresScratch struct {
	admin   *pgx.Conn
	schema  string
	shard   id.Shard
	conn    *pgconn.PgConn
	inserts []arrays
	update  arrays
}

// The names of prepared statements.
const (
	stShard   = "shard"
	stBalance = "balance"
)

func (s *postgresScratch) open(ctx context.Context, target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	q := u.Query()
	q.Set("search_path", s.schema)
	u.RawQuery = q.Encode()
	opt := store.Options{Log: quiet.Log}
	opt.Shards = 1
	if err := store.Migrate(ctx, u.String(), opt); err != nil {
		return err
	}
	conf, err := pgconn.ParseConfig(u.String())
	if err != nil {
		return err
	}
	maps.Copy(conf.RuntimeParams, postgresSettings)
	s.conn, err = pgconn.ConnectConfig(ctx, conf)
	return err
}

func (s *postgresScratch) load(ctx context.Context, balances sample, g *generator) error {
	for i := range g.samples {
		if err := s.prepareInsert(ctx, &g.samples[i]); err != nil {
			return err
		}
		s.inserts = append(s.inserts, newArrays(&g.samples[i]))
	}
	if err := s.prepareInsert(ctx, &balances); err != nil {
		return err
	}
	all := newArrays(&balances)
	for _, row := range balances.rows {
		all.add(row)
	}
	insert := s.conn.ExecPrepared(ctx, insertName(balances.table), all.values(), allBinary, nil).Read()
	if insert.Err != nil {
		return insert.Err
	}
	if err := s.prepareUpdate(ctx, &balances); err != nil {
		return err
	}
	_, err := s.conn.Prepare(ctx, stShard, "UPDATE shard SET last_seq = last_seq + $1, last_event = last_event + $1, version = version + 1 WHERE number = 0", nil)
	return errors.Join(err, s.conn.Exec(ctx, "ANALYZE balance").Close())
}

func insertName(table string) string { return "insert_" + table }

func (s *postgresScratch) prepareInsert(ctx context.Context, t *sample) error {
	unnest := make([]string, len(t.columns))
	for i := range t.columns {
		unnest[i] = fmt.Sprintf("unnest($%d::%s[])", i+1, s.typeName(t.types[i]))
	}
	_, err := s.conn.Prepare(ctx, insertName(t.table),
		fmt.Sprintf("INSERT INTO %s (%s) SELECT %s", t.table, strings.Join(t.columns, ", "), strings.Join(unnest, ", ")), nil)
	return err
}

func (s *postgresScratch) typeName(oid uint32) string {
	if t, ok := s.admin.TypeMap().TypeForOID(oid); ok {
		return t.Name
	}
	return "text"
}

func (s *postgresScratch) prepareUpdate(ctx context.Context, balances *sample) error {
	arrays, u := make([]string, balanceColumns), sample{columns: balanceRow[:]}
	for i, name := range balanceRow {
		at := balances.position(name)
		if at < 0 {
			return fmt.Errorf("the floor knows no column %s of balance", name)
		}
		u.types = append(u.types, balances.types[at])
		arrays[i] = fmt.Sprintf("$%d::%s[]", i+1, s.typeName(balances.types[at]))
	}
	s.update = newArrays(&u)
	_, err := s.conn.Prepare(ctx, stBalance, fmt.Sprintf(`UPDATE balance b
		SET available = u.available, pending = u.pending, locked = u.locked, reserved = u.reserved, updated_at = u.updated_at, version = b.version + 1
		FROM unnest(%s) AS u(%s) WHERE b.shard = %d AND b.account = u.account AND b.currency = u.currency`,
		strings.Join(arrays, ", "), strings.Join(balanceRow[:], ", "), s.shard), nil)
	return err
}

func (s *postgresScratch) batch(ctx context.Context, g *generator, n int) error {
	from := g.take(n)
	s.update.reset()
	for _, row := range g.balances(from, n) {
		s.update.add(row[:])
	}
	p := s.conn.StartPipeline(ctx)
	p.SendQueryPrepared(stBalance, s.update.values(), allBinary, nil)
	for t := range g.samples {
		s.inserts[t].reset()
		for i := range int64(n) {
			s.inserts[t].add(g.values(t, from+i))
		}
		p.SendQueryPrepared(insertName(g.samples[t].table), s.inserts[t].values(), allBinary, nil)
	}
	s.sendShard(p, n)
	return endPipeline(p)
}

// sendShard changes the row of the shard, as every batch of the product does. The
// end of the pipeline commits.
func (s *postgresScratch) sendShard(p *pgconn.Pipeline, n int) {
	p.SendQueryPrepared(stShard, [][]byte{binary.BigEndian.AppendUint64(nil, uint64(n))}, allBinary, nil) //nolint:gosec // a batch size
}

func (s *postgresScratch) row(ctx context.Context) error {
	p := s.conn.StartPipeline(ctx)
	s.sendShard(p, 1)
	return endPipeline(p)
}

// endPipeline sends what was queued and reads every answer.
func endPipeline(p *pgconn.Pipeline) error {
	err := p.Sync()
	for err == nil {
		var r any
		if r, err = p.GetResults(); err != nil || r == nil {
			break
		}
		switch x := r.(type) {
		case *pgconn.ResultReader:
			_, err = x.Close()
		case *pgconn.PipelineSync:
			return p.Close()
		}
	}
	return errors.Join(err, p.Close())
}

func (s *postgresScratch) drop(ctx context.Context) error {
	var err error
	if s.conn != nil {
		err = s.conn.Close(ctx)
	}
	_, derr := s.admin.Exec(ctx, "DROP SCHEMA "+s.schema+" CASCADE")
	return errors.Join(err, derr)
}

var allBinary = []int16{1}

// arrays collects rows as one binary array per column (array_recv of PostgreSQL).
type arrays struct {
	types   []uint32
	n       uint32
	columns [][]byte
}

const arrayHeader = 20

func newArrays(s *sample) arrays {
	a := arrays{types: s.types, columns: make([][]byte, len(s.columns))}
	a.reset()
	return a
}

func (a *arrays) reset() {
	a.n = 0
	for i, c := range a.columns {
		if c == nil {
			c = make([]byte, arrayHeader)
		}
		a.columns[i] = c[:arrayHeader]
	}
}

func (a *arrays) add(row []any) {
	a.n++
	for i, v := range row {
		b, _ := v.([]byte)                                                         // rows reads nothing else
		a.columns[i] = binary.BigEndian.AppendUint32(a.columns[i], uint32(len(b))) //nolint:gosec // short
		a.columns[i] = append(a.columns[i], b...)
	}
}

// values gives the arrays; they are good until the next reset.
func (a *arrays) values() [][]byte {
	for i, c := range a.columns {
		h := binary.BigEndian.AppendUint32(c[:0], 1)
		h = binary.BigEndian.AppendUint32(h, 0)
		h = binary.BigEndian.AppendUint32(h, a.types[i])
		h = binary.BigEndian.AppendUint32(h, a.n)
		binary.BigEndian.AppendUint32(h, 1)
	}
	return a.columns
}
