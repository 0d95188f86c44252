package store

import (
	"fmt"
	"strings"
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/money"
)

// kind is how a field is kept. There are no NULLs: the zero value of a field is
// kept as 0, ” or an empty byte string and means "none".
type kind uint8

const (
	kindInt    kind = iota + 1 // BIGINT, INTEGER
	kindText                   // TEXT, valid UTF-8 without NUL
	kindBytes                  // BYTEA, BLOB
	kindBool                   // BOOLEAN, INTEGER 0 or 1
	kindAmount                 // NUMERIC(39,0), TEXT of digits
	kindTime                   // BIGINT, INTEGER: microseconds since 1970 in UTC, 0 for the zero time
)

// rawText is a string field that holds arbitrary bytes, such as a hash.
type rawText string

// kindOf tells how the field that p points to is kept.
func kindOf(p any) kind {
	switch p.(type) {
	case *int64, *uint64, *int, *id.Seq, *id.Shard:
		return kindInt
	case *string:
		return kindText
	case *[]byte, *rawText:
		return kindBytes
	case *bool:
		return kindBool
	case *money.Amount:
		return kindAmount
	case *time.Time:
		return kindTime
	}
	panic(fmt.Sprintf("store: no way to keep a %T", p))
}

// integer reads a field of kindInt, kindBool or kindTime.
func integer(p any) int64 {
	switch x := p.(type) {
	case *int64:
		return *x
	case *id.Seq:
		return int64(*x)
	case *time.Time:
		return micros(*x)
	case *bool:
		if *x {
			return 1
		}
		return 0
	case *id.Shard:
		return int64(*x)
	case *uint64:
		return int64(*x) //nolint:gosec // nonces and block numbers; setInteger reads it back
	case *int:
		return int64(*x)
	}
	panic(fmt.Sprintf("store: %T is no integer", p))
}

// setInteger writes a field of kindInt, kindBool or kindTime.
func setInteger(p any, n int64) error {
	switch x := p.(type) {
	case *int64:
		*x = n
	case *id.Seq:
		*x = id.Seq(n)
	case *time.Time:
		*x = fromMicros(n)
	case *bool:
		*x = n != 0
	case *id.Shard:
		*x = id.Shard(n) //nolint:gosec // the column holds what integer read
	case *uint64:
		*x = uint64(n) //nolint:gosec // see integer
	case *int:
		*x = int(n)
	default:
		return fmt.Errorf("store: a number for a %T", p)
	}
	return nil
}

// characters reads a field of kindText.
func characters(p any) string {
	if x, ok := p.(*string); ok {
		return *x
	}
	panic(fmt.Sprintf("store: %T is no text", p))
}

// digits reads a field of kindAmount.
func digits(p any) string {
	if x, ok := p.(*money.Amount); ok {
		return x.Minor()
	}
	panic(fmt.Sprintf("store: %T is no amount", p))
}

// octets reads a field of kindBytes.
func octets(p any) []byte {
	switch x := p.(type) {
	case *[]byte:
		return *x
	case *rawText:
		return []byte(*x)
	}
	panic(fmt.Sprintf("store: %T is no byte string", p))
}

// setOctets writes a copy of b to a field of kindBytes; empty is nil.
func setOctets(p any, b []byte) error {
	switch x := p.(type) {
	case *[]byte:
		*x = append([]byte(nil), b...)
	case *rawText:
		*x = rawText(b)
	default:
		return fmt.Errorf("store: bytes for a %T", p)
	}
	return nil
}

// setText writes a field of kindText or kindAmount.
func setText(p any, s string) error {
	switch x := p.(type) {
	case *string:
		*x = s
	case *money.Amount:
		a, err := money.ParseMinor(s)
		if err != nil {
			return err
		}
		*x = a
	default:
		return fmt.Errorf("store: text for a %T", p)
	}
	return nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

type column struct {
	name string
	kind kind
}

// meta describes a table to an engine. The column shard stands before cols in the
// database and is bound by the engine.
type meta struct {
	name    string // of the table in the database
	label   string // of the binding, unique
	cols    []column
	keys    []int // positions in cols by which rows are loaded and updated
	version int   // position in cols of the compare-and-set column, -1 for none
	where   string
	reads   bool // commands load it
	inserts bool
	updates bool
	fixed   bool // rows are never changed: a log
	// uncovered rows are not in the chain.
	uncovered bool
	added     int64  // the migration that makes the table; 0: one before the chain began
	form      *canon // how rows are hashed
}

func (m *meta) names(at ...int) []string {
	out := make([]string, 0, len(m.cols))
	if at == nil {
		for _, c := range m.cols {
			out = append(out, c.name)
		}
		return out
	}
	for _, i := range at {
		out = append(out, m.cols[i].name)
	}
	return out
}

// position finds a column by name.
func (m *meta) position(name string) int {
	for i, c := range m.cols {
		if c.name == name {
			return i
		}
	}
	panic("store: table " + m.name + " has no column " + name)
}

// binding joins a table of the commit package to its columns. Fields travel as
// pointers into the row, so that neither way costs reflection or a copy. buf is
// scratch space of the caller.
type binding interface {
	describe() *meta
	// wanted calls each with the fields of every key that is to be loaded, and
	// counts them.
	wanted(v *commit.View, buf []any, each func(key []any)) int
	// fill makes one row of what scan puts into the fields and hands it to the view.
	fill(v *commit.View, buf []any, scan func(fields []any) error) error
	// written hands over every changed row: to insert, or to update with the
	// version that the database must still have. replaces gets each row to update as
	// it was read, just before update gets it.
	written(v *commit.View, buf []any, insert func(fields []any) error, replaces func(fields []any), update func(fields []any, old int64) error) error
	// blank gives the fields of an empty row, and what tells, after they were filled,
	// the record of the row and the mark beside it; kept is false for rows without marks.
	blank() (fields []any, marked func(id.Shard) (record, mark []byte, kept bool))
}

func describe(name, cols string, fields []any) *meta {
	m := &meta{name: name, label: name, version: -1}
	for i, c := range strings.Fields(cols) {
		m.cols = append(m.cols, column{c, kindOf(fields[i])})
		if c == "version" {
			m.version = i
		}
	}
	if len(m.cols) != len(fields) {
		panic(fmt.Sprintf("store: %s has %d columns and %d fields", name, len(m.cols), len(fields)))
	}
	m.form = newCanon(m)
	return m
}

type tableBinding[K comparable, R any] struct {
	meta
	table  *commit.Table[K, R]
	key    func(*K, []any) []any
	fields func(*R, []any) []any
	// lookup marks a table that is read from the columns of another and never written.
	lookup bool
	// mark tells the record of a row and its mark; nil for tables without marks.
	mark func(*R, id.Shard) (record, mark []byte, kept bool)
}

// bindTable joins a table to its columns. cols are the names of what fields
// points at, in order; keys are those of what key points at.
func bindTable[K comparable, R any](t *commit.Table[K, R], keys string, key func(*K, []any) []any, cols string, fields func(*R, []any) []any) *tableBinding[K, R] {
	var r R
	b := &tableBinding[K, R]{table: t, key: key, fields: fields, meta: *describe(t.Name(), cols, fields(&r, nil))}
	for _, k := range strings.Fields(keys) {
		b.keys = append(b.keys, b.position(k))
	}
	b.reads, b.inserts, b.updates = true, true, b.version >= 0
	return b
}

// bindLookup joins a table that only reads columns of the table named from. where
// repeats the condition of the partial index that serves it, "" for none.
func bindLookup[K comparable, R any](t *commit.Table[K, R], from, where, keys string, key func(*K, []any) []any, cols string, fields func(*R, []any) []any) *tableBinding[K, R] {
	b := bindTable(t, keys, key, cols, fields)
	b.name, b.where = from, where
	b.lookup, b.inserts, b.updates = true, false, false
	return b
}

func (b *tableBinding[K, R]) describe() *meta { return &b.meta }

func (b *tableBinding[K, R]) wanted(v *commit.View, buf []any, each func(key []any)) int {
	keys := b.table.Wanted(v)
	for i := range keys {
		each(b.key(&keys[i], buf[:0]))
	}
	return len(keys)
}

func (b *tableBinding[K, R]) fill(v *commit.View, buf []any, scan func(fields []any) error) error {
	var r R
	if err := scan(b.fields(&r, buf[:0])); err != nil {
		return err
	}
	b.table.Fill(v, r)
	return nil
}

// markedBy says how the marks of a table are checked.
func (b *tableBinding[K, R]) markedBy(mark func(*R, id.Shard) (record, mark []byte, kept bool)) *tableBinding[K, R] {
	b.mark = mark
	return b
}

func (b *tableBinding[K, R]) blank() ([]any, func(id.Shard) ([]byte, []byte, bool)) {
	r := new(R)
	if b.mark == nil {
		return b.fields(r, nil), unmarked
	}
	return b.fields(r, nil), func(s id.Shard) ([]byte, []byte, bool) { return b.mark(r, s) }
}

func (b *tableBinding[K, R]) written(v *commit.View, buf []any, insert func([]any) error, replaces func([]any), update func([]any, int64) error) error {
	if b.lookup {
		return nil
	}
	inserts, updates := b.table.Changed(v)
	for _, r := range inserts {
		if err := insert(b.fields(r, buf[:0])); err != nil {
			return err
		}
	}
	for _, u := range updates {
		if b.version < 0 {
			return fmt.Errorf("%w: a row of %s was changed, and its rows never change", commit.ErrInvariant, b.label)
		}
		fields := b.fields(u.Old, buf[:0])
		old := integer(fields[b.version])
		replaces(fields)
		fields = b.fields(u.New, buf[:0])
		// A change that does not raise the version would defeat compare-and-set.
		if integer(fields[b.version]) <= old {
			return fmt.Errorf("%w: a row of %s was changed without a new version", commit.ErrInvariant, b.label)
		}
		if err := update(fields, old); err != nil {
			return err
		}
	}
	return nil
}

type logBinding[R any] struct {
	meta
	log    *commit.Log[R]
	fields func(*R, []any) []any
}

// bindLog joins an append-only table to its columns.
func bindLog[R any](l *commit.Log[R], cols string, fields func(*R, []any) []any) *logBinding[R] {
	var r R
	b := &logBinding[R]{log: l, fields: fields, meta: *describe(l.Name(), cols, fields(&r, nil))}
	b.inserts, b.fixed = true, true
	return b
}

func (b *logBinding[R]) describe() *meta { return &b.meta }

func (b *logBinding[R]) wanted(*commit.View, []any, func([]any)) int { return 0 }

func (b *logBinding[R]) fill(*commit.View, []any, func([]any) error) error {
	return fmt.Errorf("store: %s is not read by commands", b.name)
}

func (b *logBinding[R]) blank() ([]any, func(id.Shard) ([]byte, []byte, bool)) {
	return b.fields(new(R), nil), unmarked
}

func (b *logBinding[R]) written(v *commit.View, buf []any, insert func([]any) error, _ func([]any), _ func([]any, int64) error) error {
	rows := b.log.Appended(v)
	for i := range rows {
		if err := insert(b.fields(&rows[i], buf[:0])); err != nil {
			return err
		}
	}
	return nil
}

var (
	_ binding = (*tableBinding[int, int])(nil)
	_ binding = (*logBinding[int])(nil)
)
