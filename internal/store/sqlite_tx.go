package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"modernc.org/sqlite"

	"sluice/internal/commit"
	"sluice/internal/crash"
	"sluice/internal/id"
)

// loadChunks are how many keys one SELECT of the writer takes; missing keys are
// NULL, which match nothing.
var loadChunks = [...]int{1, 8, 128}

// statement is a prepared statement of the driver.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// sqliteWriter is the connection that writes, used below database/sql: a batch is
// thousands of executions of a few prepared statements, and the layer above would
// cost as much as SQLite itself.
type sqliteWriter struct {
	conn                    driver.Conn
	begin, commit, rollback statement
	lock, unlock            statement // read and write the shard's row
	tables                  []sqliteTable
	args                    []driver.NamedValue
	values                  []driver.Value
	fields                  []any
}

type sqliteTable struct {
	meta    *meta
	loads   [len(loadChunks)]statement // prepared when first used
	inserts map[columnSet]statement    // by the columns that stand in their text
	update  statement
	order   []int // columns in the order of the parameters of update
}

func (s *sqliteStore) openWriter(ctx context.Context) error {
	conn, err := (&sqlite.Driver{}).Open(sqliteDSN(s.path))
	if err != nil {
		return err
	}
	w := &sqliteWriter{conn: conn, tables: make([]sqliteTable, len(bindings)), args: make([]driver.NamedValue, 0, 512), fields: make([]any, 0, 64)}
	for i, b := range bindings {
		w.tables[i].meta = b.describe()
	}
	for _, p := range []struct {
		to  *statement
		sql string
	}{
		{&w.begin, "BEGIN IMMEDIATE"},
		{&w.commit, "COMMIT"},
		{&w.rollback, "ROLLBACK"},
		{&w.lock, "SELECT last_seq, last_event, version, chain, looking FROM shard WHERE number = ?"},
		{&w.unlock, "UPDATE shard SET last_seq = ?, last_event = ?, chain = ?, looking = ?, version = version + 1 WHERE number = ? AND version = ?"},
	} {
		if err := w.prepare(ctx, p.to, p.sql); err != nil {
			return errors.Join(err, w.close())
		}
	}
	s.writer = w
	return nil
}

func (w *sqliteWriter) prepare(ctx context.Context, to *statement, text string) error {
	conn, ok := w.conn.(driver.ConnPrepareContext)
	if !ok {
		return fmt.Errorf("store: the SQLite driver gives a %T", w.conn)
	}
	prepared, err := conn.PrepareContext(ctx, text)
	if err != nil {
		return fmt.Errorf("%w in %s", err, text)
	}
	st, ok := prepared.(statement)
	if !ok {
		return errors.Join(fmt.Errorf("store: the SQLite driver gives a %T", prepared), prepared.Close())
	}
	*to = st
	return nil
}

// close ends the connection; the statements end with it.
func (w *sqliteWriter) close() error {
	for _, st := range []statement{w.begin, w.commit, w.rollback, w.lock, w.unlock} {
		if st != nil {
			_ = st.Close()
		}
	}
	for i := range w.tables {
		t := &w.tables[i]
		for _, st := range append(slices.AppendSeq(t.loads[:], maps.Values(t.inserts)), t.update) {
			if st != nil {
				_ = st.Close()
			}
		}
	}
	return w.conn.Close()
}

// The statements run under the background context: the driver starts a goroutine
// per statement to watch one that can end, and a batch is short. Waiting for
// another process's lock is bounded by busy_timeout.
var background = context.Background()

func (w *sqliteWriter) exec(st statement) (driver.Result, error) {
	return st.ExecContext(background, w.args)
}

// bind appends one parameter.
func (w *sqliteWriter) bind(v driver.Value) {
	w.args = append(w.args, driver.NamedValue{Ordinal: len(w.args) + 1, Value: v})
}

// bindField appends a field. It refuses the texts that PostgreSQL refuses, so that
// a request has one outcome on both engines.
func (w *sqliteWriter) bindField(k kind, p any) error {
	switch k {
	case kindInt, kindBool, kindTime:
		w.bind(integer(p))
	case kindText:
		s := characters(p)
		if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
			return fmt.Errorf("%w: a text is not UTF-8 or holds a NUL byte", commit.ErrRejected)
		}
		w.bind(s)
	case kindAmount:
		w.bind(digits(p))
	case kindBytes:
		w.bind(orEmpty(octets(p)))
	}
	return nil
}

// orEmpty gives an empty byte string for none: a nil one would be NULL.
func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// sqliteTx is one batch. It holds the store's turn until it ends.
type sqliteTx struct {
	s     *sqliteStore
	w     *sqliteWriter
	shard commit.Shard
	chain []byte // as the shard's row has it
	link  *link
	done  bool
}

// Begin implements commit.Store.
func (s *sqliteStore) Begin(ctx context.Context, shard id.Shard, v *commit.View) (commit.Tx, error) {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return nil, errors.Join(commit.ErrNotCommitted, ctx.Err())
	}
	tx := &sqliteTx{s: s}
	if err := tx.begin(ctx, shard, v); err != nil {
		tx.Rollback()
		return nil, classifySQLite(err)
	}
	return tx, nil
}

func (t *sqliteTx) begin(ctx context.Context, shard id.Shard, v *commit.View) error {
	if t.s.writer == nil {
		if err := t.s.openWriter(ctx); err != nil {
			return err
		}
	}
	w := t.s.writer
	w.args = w.args[:0]
	// The one statement that may wait for another process, and so the one that obeys ctx.
	if _, err := w.begin.ExecContext(ctx, nil); err != nil {
		return err
	}
	t.w = w // from here on Rollback has something to roll back
	w.bind(int64(shard))
	t.shard = commit.Shard{Number: shard}
	fields := append(w.fields[:0], &t.shard.LastSeq, &t.shard.LastEvent, &t.shard.Version, &t.chain, &t.shard.Looking)
	found := 0
	if err := w.query(w.lock, len(fields), func(values []driver.Value) error {
		found++
		return assign(fields, values)
	}); err != nil {
		return err
	}
	if found == 0 {
		return fmt.Errorf("there is no shard %d in %s", shard, t.s.path)
	}
	v.SetShard(t.shard)
	var err error
	if t.link, err = t.s.links.begin(t.shard, t.chain, v); err != nil {
		return err
	}
	return t.Load(ctx, v)
}

func (w *sqliteWriter) query(st statement, columns int, each func([]driver.Value) error) error {
	rows, err := st.QueryContext(background, w.args)
	if err != nil {
		return err
	}
	if cap(w.values) < columns {
		w.values = make([]driver.Value, columns)
	}
	return drain(rows, w.values[:columns], each)
}

func assign(fields []any, values []driver.Value) error {
	for i, p := range fields {
		if err := fromSQLite(p, values[i]); err != nil {
			return err
		}
	}
	return nil
}

// Load implements commit.Tx.
func (t *sqliteTx) Load(ctx context.Context, v *commit.View) error {
	for i, b := range bindings {
		if !b.describe().reads {
			continue
		}
		if err := t.loadTable(ctx, v, b, &t.w.tables[i]); err != nil {
			return classifySQLite(fmt.Errorf("load %s: %w", b.describe().label, err))
		}
	}
	return nil
}

func (t *sqliteTx) loadTable(ctx context.Context, v *commit.View, b binding, st *sqliteTable) error {
	w, m := t.w, st.meta
	largest := loadChunks[len(loadChunks)-1]
	w.args = w.args[:0]
	inChunk := 0
	var failed error
	flush := func() {
		if inChunk > 0 && failed == nil {
			failed = t.loadChunk(ctx, v, b, st, inChunk)
		}
		w.args, inChunk = w.args[:0], 0
	}
	b.wanted(v, make([]any, 0, len(m.keys)), func(key []any) {
		for i, p := range key {
			if err := w.bindField(m.cols[m.keys[i]].kind, p); err != nil {
				// No row can have such a key; looking for nothing finds nothing.
				w.bind(nil)
			}
		}
		if inChunk++; inChunk == largest {
			flush()
		}
	})
	flush()
	return failed
}

// loadChunk runs the SELECT for n keys, which are bound already.
func (t *sqliteTx) loadChunk(ctx context.Context, v *commit.View, b binding, st *sqliteTable, n int) error {
	w, m, size := t.w, st.meta, 0
	for loadChunks[size] < n {
		size++
	}
	if st.loads[size] == nil {
		if err := w.prepare(ctx, &st.loads[size], sqliteLoad(m, loadChunks[size])); err != nil {
			return err
		}
	}
	for range (loadChunks[size] - n) * len(m.keys) {
		w.bind(nil)
	}
	w.bind(int64(t.shard.Number))
	return w.query(st.loads[size], len(m.cols), func(values []driver.Value) error {
		return b.fill(v, w.fields[:0], func(fields []any) error { return assign(fields, values) })
	})
}

// Commit implements commit.Tx.
func (t *sqliteTx) Commit(ctx context.Context, v *commit.View) error {
	w := t.w
	changes := 0
	for i, b := range bindings {
		n, err := w.write(ctx, v, t.shard.Number, b, &w.tables[i], t.link, layoutAt[i])
		if err != nil {
			return classifySQLite(fmt.Errorf("write %s: %w", b.describe().label, err))
		}
		changes += n
	}
	now := v.ShardRow()
	if changes == 0 && now == t.shard {
		t.Rollback() // nothing to keep: no need to wait for the disk
		return nil
	}
	w.args = w.args[:0]
	w.bind(int64(now.LastSeq))
	w.bind(now.LastEvent)
	w.bind(orEmpty(t.link.seal(now, t.chain)))
	w.bind(integer(&now.Looking))
	w.bind(int64(t.shard.Number))
	w.bind(t.shard.Version)
	if err := w.one(w.unlock); err != nil {
		return classifySQLite(fmt.Errorf("write shard %d: %w", t.shard.Number, err))
	}
	crash.Point("store.before_commit")
	w.args = w.args[:0]
	if _, err := w.exec(w.commit); err != nil {
		err = committedSQLite(err)
		if !errors.Is(err, commit.ErrNotCommitted) {
			// A new connection reads what the disk really has.
			t.s.forget(w)
			t.w = nil
		}
		t.Rollback()
		return err
	}
	t.link.committed(now)
	t.end()
	crash.Point("store.after_commit")
	return nil
}

// one executes a statement that must change exactly one row.
func (w *sqliteWriter) one(st statement) error {
	r, err := w.exec(st)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("%w: a row changed behind the lock of its shard (%d rows have the version that was read)", commit.ErrInvariant, n)
	}
	return nil
}

// write writes the changed rows of one table and counts them.
func (w *sqliteWriter) write(ctx context.Context, v *commit.View, shard id.Shard, b binding, st *sqliteTable, link *link, at int) (n int, err error) {
	m := st.meta
	insert := func(fields []any) error {
		n++
		link.inserted(at, m, shard, fields)
		prepared, empty, err := w.inserting(ctx, st, fields)
		if err != nil {
			return err
		}
		w.args = w.args[:0]
		w.bind(int64(shard))
		for i, p := range fields {
			if empty.has(i) {
				continue
			}
			if err := w.bindField(m.cols[i].kind, p); err != nil {
				return err
			}
		}
		_, err = w.exec(prepared)
		return err
	}
	replaces := func(fields []any) { link.replaces(at, m, shard, fields) }
	update := func(fields []any, old int64) error {
		n++
		link.inserted(at, m, shard, fields)
		if st.update == nil {
			st.order = append(settable(m), m.keys...)
			if err := w.prepare(ctx, &st.update, sqliteUpdate(m)); err != nil {
				return err
			}
		}
		w.args = w.args[:0]
		for _, i := range st.order {
			if err := w.bindField(m.cols[i].kind, fields[i]); err != nil {
				return err
			}
		}
		w.bind(int64(shard))
		w.bind(old)
		return w.one(st.update)
	}
	err = b.written(v, w.fields[:0], insert, replaces, update)
	return n, err
}

// Rollback implements commit.Tx.
func (t *sqliteTx) Rollback() {
	if t.done {
		return
	}
	if t.w != nil {
		t.w.args = t.w.args[:0]
		if _, err := t.w.exec(t.w.rollback); err != nil {
			t.s.forget(t.w) // closing a connection rolls back as well
		}
	}
	t.end()
}

// end gives the turn to the next batch.
func (t *sqliteTx) end() {
	if !t.done {
		t.done = true
		t.s.turn <- struct{}{}
	}
}

// forget closes a connection whose state is in doubt; the next batch opens another.
func (s *sqliteStore) forget(w *sqliteWriter) {
	if s.writer == w {
		_ = s.dropWriter()
	}
}

// settable lists the columns that an update writes: all but the key.
func settable(m *meta) []int {
	var out []int
	for i := range m.cols {
		isKey := false
		for _, k := range m.keys {
			isKey = isKey || k == i
		}
		if !isKey {
			out = append(out, i)
		}
	}
	return out
}

// sqliteLoad is the SELECT for n keys. CROSS JOIN keeps SQLite from turning the
// join around: the keys come first, and each is found by the table's own index.
func sqliteLoad(m *meta, n int) string {
	keys := m.names(m.keys...)
	row := "(" + strings.Repeat("?,", len(keys)-1) + "?)"
	on := []string{}
	for _, k := range keys {
		on = append(on, fmt.Sprintf("t.%s = k.k_%s", k, k))
	}
	if m.where != "" {
		on = append(on, "t."+m.where)
	}
	return fmt.Sprintf("WITH k(k_%s) AS (VALUES %s) SELECT t.%s FROM k CROSS JOIN %s t WHERE %s AND t.shard = ?",
		strings.Join(keys, ", k_"), strings.Repeat(row+",", n-1)+row, strings.Join(m.names(), ", t."), m.name, strings.Join(on, " AND "))
}

func sqliteUpdate(m *meta) string {
	return fmt.Sprintf("UPDATE %s SET %s = ? WHERE %s = ? AND shard = ? AND version = ?", m.name,
		strings.Join(m.names(settable(m)...), " = ?, "), strings.Join(m.names(m.keys...), " = ? AND "))
}
