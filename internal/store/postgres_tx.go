package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/commit"
	"sluice/internal/crash"
	"sluice/internal/id"
)

// pgTx is one batch on one connection. It talks to the server in as few round
// trips as there are phases: begin, lock and load; load again for followers; write and commit.
type pgTx struct {
	s        *pgStore
	conn     *pgxpool.Conn
	prepared map[string]*pgconn.StatementDescription
	shard    commit.Shard
	chain    []byte // as the shard's row has it
	link     *link
	scratch  *pgScratch
	done     bool
	broken   bool // the connection is not to be used again
}

// pgScratch are the buffers of a batch. Their content must stay until the pipeline
// has been sent.
type pgScratch struct {
	fields []any
	params [][]byte
	small  []byte
	loads  [][]columnBuffer
	ins    [][]columnBuffer
	upd    [][]columnBuffer // one more than the table has columns: the old versions
	order  []int
}

var pgScratches = sync.Pool{New: func() any {
	s := &pgScratch{fields: make([]any, 0, 64), params: make([][]byte, 0, 64)}
	for _, b := range bindings {
		m := b.describe()
		var load, ins, upd []columnBuffer
		for _, k := range m.keys {
			load = append(load, newColumnBuffer(m.cols[k].kind))
		}
		for _, c := range m.cols {
			ins = append(ins, newColumnBuffer(c.kind))
			upd = append(upd, newColumnBuffer(c.kind))
		}
		s.loads, s.ins, s.upd = append(s.loads, load), append(s.ins, ins), append(s.upd, append(upd, newColumnBuffer(kindInt)))
	}
	return s
}}

func takeScratch() *pgScratch {
	s, ok := pgScratches.Get().(*pgScratch)
	if !ok {
		panic("store: a pool of scratches gave something else")
	}
	return s
}

// binaryFormat says that all parameters are in binary.
var binaryFormat = []int16{1}

// Begin implements commit.Store.
func (s *pgStore) Begin(ctx context.Context, shard id.Shard, v *commit.View) (commit.Tx, error) {
	conn, err := s.writers.Acquire(ctx)
	if err != nil {
		return nil, errors.Join(commit.ErrNotCommitted, err)
	}
	t := &pgTx{s: s, conn: conn, shard: commit.Shard{Number: shard}, scratch: takeScratch()}
	t.prepared, _ = conn.Conn().PgConn().CustomData()[preparedKey].(map[string]*pgconn.StatementDescription)
	if err := t.load(ctx, v, true); err != nil {
		t.Rollback()
		return nil, classifyPostgres(err)
	}
	return t, nil
}

// Load implements commit.Tx.
func (t *pgTx) Load(ctx context.Context, v *commit.View) error {
	if err := t.load(ctx, v, false); err != nil {
		return classifyPostgres(err)
	}
	return nil
}

// send queues one prepared statement. The values are copied into the connection's
// buffer at once.
func (t *pgTx) send(p *pgconn.Pipeline, name string, values [][]byte, formats []int16) {
	p.SendQueryStatement(t.prepared[name], values, binaryFormat, formats)
}

// load loads what the view wants in one round trip, and with first set opens the
// transaction and locks the shard before that.
func (t *pgTx) load(ctx context.Context, v *commit.View, first bool) error {
	sc := t.scratch
	p := t.conn.Conn().PgConn().StartPipeline(ctx)
	number := binary.BigEndian.AppendUint16(sc.small[:0], uint16(t.shard.Number))
	if first {
		t.send(p, pgBegin, nil, nil)
		t.send(p, pgLock, append(sc.params[:0], number), binaryFormat)
	}
	sc.order = sc.order[:0]
	for i := range t.s.plan {
		if table := &t.s.plan[i]; table.meta.reads && t.sendLoad(p, v, table, sc.loads[i], number) {
			sc.order = append(sc.order, i)
		}
	}
	if !first && len(sc.order) == 0 {
		return p.Close()
	}
	if err := p.Sync(); err != nil {
		t.broken = true
		return errors.Join(err, p.Close())
	}
	err := t.readLoads(p, v, first)
	if cerr := p.Close(); err == nil {
		err = cerr
	}
	return err
}

// sendLoad queues the SELECT of one table, if the view wants anything of it.
func (t *pgTx) sendLoad(p *pgconn.Pipeline, v *commit.View, table *pgTable, cols []columnBuffer, number []byte) bool {
	for i := range cols {
		cols[i].reset()
	}
	n := table.binding.wanted(v, t.scratch.fields[:0], func(key []any) {
		for i, f := range key {
			cols[i].add(f)
		}
	})
	if n == 0 {
		return false
	}
	params := append(t.scratch.params[:0], number)
	for i := range cols {
		params = append(params, cols[i].array())
	}
	t.send(p, table.load, params, table.formats)
	return true
}

func (t *pgTx) readLoads(p *pgconn.Pipeline, v *commit.View, first bool) error {
	if first {
		if err := expect(p, nil); err != nil {
			return err
		}
		fields, found := []any{&t.shard.LastSeq, &t.shard.LastEvent, &t.shard.Version, &t.chain, &t.shard.Looking}, false
		if err := expect(p, func(row [][]byte) error {
			found = true
			return scanRow(fields, row)
		}); err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("there is no shard %d in the database", t.shard.Number)
		}
		v.SetShard(t.shard)
		var err error
		if t.link, err = t.s.links.begin(t.shard, t.chain, v); err != nil {
			return err
		}
	}
	for _, i := range t.scratch.order {
		b := t.s.plan[i].binding
		if err := expect(p, func(row [][]byte) error {
			return b.fill(v, t.scratch.fields[:0], func(fields []any) error { return scanRow(fields, row) })
		}); err != nil {
			return fmt.Errorf("load %s: %w", t.s.plan[i].meta.label, err)
		}
	}
	return nil
}

// expect reads the result of the next statement of a pipeline.
func expect(p *pgconn.Pipeline, each func(row [][]byte) error) error {
	r, err := p.GetResults()
	if err != nil {
		return err
	}
	reader, ok := r.(*pgconn.ResultReader)
	if !ok {
		return fmt.Errorf("store: the server answered %T", r)
	}
	var failed error
	for reader.NextRow() {
		if each != nil && failed == nil {
			failed = each(reader.Values())
		}
	}
	_, err = reader.Close()
	return errors.Join(err, failed)
}

func scanRow(fields []any, row [][]byte) error {
	if len(fields) != len(row) {
		return fmt.Errorf("store: %d columns for %d fields", len(row), len(fields))
	}
	for i, f := range fields {
		if err := fromPostgres(f, row[i]); err != nil {
			return err
		}
	}
	return nil
}

// Commit implements commit.Tx.
func (t *pgTx) Commit(ctx context.Context, v *commit.View) error {
	sc := t.scratch
	for i := range t.s.plan {
		if err := t.collect(v, i); err != nil {
			return err
		}
	}
	now := v.ShardRow()
	if now == t.shard && t.empty() {
		t.Rollback() // nothing to keep: no need to wait for the disk, and nothing can go wrong any more
		return nil
	}
	p := t.conn.Conn().PgConn().StartPipeline(ctx)
	number := binary.BigEndian.AppendUint16(sc.small[:0], uint16(t.shard.Number))
	statements := 0
	for i := range t.s.plan {
		statements += t.sendWrites(p, &t.s.plan[i], sc.ins[i], sc.upd[i], number)
	}
	looking := []byte{byte(integer(&now.Looking) & 1)}
	t.send(p, pgUnlock, append(sc.params[:0], number, int8bytes(int64(now.LastSeq)), int8bytes(now.LastEvent), int8bytes(t.shard.Version),
		orEmpty(t.link.seal(now, t.chain)), looking), nil)
	t.send(p, pgCommit, nil, nil)
	crash.Point("store.before_commit")
	err := t.finish(p, statements+1)
	if err == nil {
		t.link.committed(now)
		t.end()
		crash.Point("store.after_commit")
	}
	return err
}

// collect turns the changed rows of one table into arrays.
func (t *pgTx) collect(v *commit.View, i int) error {
	table, ins, upd, at := &t.s.plan[i], t.scratch.ins[i], t.scratch.upd[i], layoutAt[i]
	for j := range ins {
		ins[j].reset()
		upd[j].reset()
	}
	last := len(upd) - 1
	upd[last].reset()
	return table.binding.written(v, t.scratch.fields[:0], func(fields []any) error {
		t.link.inserted(at, table.meta, t.shard.Number, fields)
		for j, f := range fields {
			ins[j].add(f)
		}
		return nil
	}, func(fields []any) { t.link.replaces(at, table.meta, t.shard.Number, fields) }, func(fields []any, old int64) error {
		t.link.inserted(at, table.meta, t.shard.Number, fields)
		for j, f := range fields {
			upd[j].add(f)
		}
		upd[last].addInt(old)
		return nil
	})
}

// empty tells whether no row was collected.
func (t *pgTx) empty() bool {
	for i := range t.s.plan {
		if t.scratch.ins[i][0].n > 0 || t.scratch.upd[i][0].n > 0 {
			return false
		}
	}
	return true
}

// sendWrites queues the statements that write one table and counts them.
func (t *pgTx) sendWrites(p *pgconn.Pipeline, table *pgTable, ins, upd []columnBuffer, number []byte) (n int) {
	for _, w := range []struct {
		name string
		cols []columnBuffer
	}{{table.insert, ins}, {table.update, upd}} {
		if w.cols[0].n == 0 {
			continue
		}
		params := append(t.scratch.params[:0], number)
		for i := range w.cols {
			params = append(params, w.cols[i].array())
		}
		t.send(p, w.name, params, nil)
		n++
	}
	return n
}

// finish sends the pipeline and reads its answers. What an error means depends on
// where it comes from: an answer of the server to a statement before COMMIT proves that
// COMMIT was never run, and so does an error answer to COMMIT itself, unless the
// server was going down. Anything else leaves the outcome open.
func (t *pgTx) finish(p *pgconn.Pipeline, statements int) error {
	if err := p.Sync(); err != nil {
		t.broken = true
		if pgconn.SafeToRetry(err) { // not a byte was sent
			return errors.Join(commit.ErrNotCommitted, err, p.Close())
		}
		return fmt.Errorf("send the batch: %w", errors.Join(err, p.Close()))
	}
	for range statements {
		if err := expect(p, nil); err != nil {
			return t.failed(p, err, false)
		}
	}
	if err := expectCommit(p); err != nil {
		return t.failed(p, err, true)
	}
	if err := p.Close(); err != nil {
		t.broken = true // committed all the same: the answer to COMMIT was read
	}
	return nil
}

func expectCommit(p *pgconn.Pipeline) error {
	r, err := p.GetResults()
	if err != nil {
		return err
	}
	reader, ok := r.(*pgconn.ResultReader)
	if !ok {
		return fmt.Errorf("store: the server answered %T to COMMIT", r)
	}
	tag, err := reader.Close()
	if err != nil {
		return err
	}
	if tag.String() != "COMMIT" {
		return errors.Join(commit.ErrNotCommitted, fmt.Errorf("the server answered %q to COMMIT", tag))
	}
	return nil
}

func (t *pgTx) failed(p *pgconn.Pipeline, err error, atCommit bool) error {
	cerr := p.Close()
	if cerr != nil {
		t.broken = true
	}
	if errors.Is(err, commit.ErrNotCommitted) {
		return err
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) || atCommit && e.SeverityUnlocalized != "ERROR" {
		t.broken = true
		return fmt.Errorf("commit: %w", err)
	}
	return classifyPostgres(err)
}

// rollbackTimeout bounds ROLLBACK; after it the connection is closed, which rolls back as well.
const rollbackTimeout = 5 * time.Second

// Rollback implements commit.Tx.
func (t *pgTx) Rollback() {
	if t.done {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
	defer cancel()
	pc := t.conn.Conn().PgConn()
	if !t.broken && !pc.IsClosed() && pc.TxStatus() != 'I' {
		if err := pc.Exec(ctx, pgRollback).Close(); err != nil {
			t.broken = true
		}
	}
	t.end()
}

// end gives the connection and the buffers back.
func (t *pgTx) end() {
	if t.done {
		return
	}
	t.done = true
	if t.broken {
		// A pool drops a connection that is closed when it comes back.
		ctx, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
		_ = t.conn.Conn().Close(ctx)
		cancel()
	}
	t.conn.Release()
	pgScratches.Put(t.scratch)
	t.scratch = nil
}

func int8bytes(n int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n)) //nolint:gosec // two's complement is the wire form
}
