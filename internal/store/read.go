package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sluice/internal/id"
)

// PageMax bounds the rows that one call of a list gives, whatever its limit.
const PageMax = 1000

// source is a table that whole rows are read from.
type source[R any] interface {
	describe() *meta
	into(r *R, dst []any) []any
}

func (b *tableBinding[K, R]) into(r *R, dst []any) []any { return b.fields(r, dst) }
func (b *logBinding[R]) into(r *R, dst []any) []any      { return b.fields(r, dst) }

// query reads whole rows. tail is what stands after FROM table t.
func query[R any](ctx context.Context, q querier, from source[R], tail string, args ...any) ([]R, error) {
	var out []R
	err := each(ctx, q, from, tail, args, func(r R) error {
		out = append(out, r)
		return nil
	})
	return out, err
}

// first reads at most one row.
func first[R any](ctx context.Context, q querier, from source[R], tail string, args ...any) (R, bool, error) {
	var out R
	found := false
	err := each(ctx, q, from, tail, args, func(r R) error {
		out, found = r, true
		return nil
	})
	return out, found, err
}

// each hands over one row after the other.
func each[R any](ctx context.Context, q querier, from source[R], tail string, args []any, fn func(R) error) error {
	var r R
	m := from.describe()
	text := "SELECT t." + strings.Join(m.names(), ", t.") + " FROM " + m.name + " t " + tail
	for i, a := range args {
		args[i] = plain(a)
	}
	if err := q.each(ctx, text, args, from.into(&r, nil), func() error { return fn(r) }); err != nil {
		return fmt.Errorf("read %s: %w", m.name, err)
	}
	return nil
}

// plain turns an argument into what both drivers take.
func plain(a any) any {
	switch x := a.(type) {
	case id.Seq:
		return int64(x)
	case id.Shard:
		return int64(x)
	case int:
		return int64(x)
	case time.Time:
		return micros(x)
	}
	return a
}

// bySeq finds a row by its address.
func bySeq[R any](ctx context.Context, db *DB, from source[R], at id.ID) (R, bool, error) {
	return first(ctx, db.engine, from, "WHERE t.shard = $1 AND t.seq = $2", at.Shard, at.Seq)
}

// conditions builds a WHERE clause; every condition has one parameter, written $?.
type conditions struct {
	text []string
	args []any
}

func (c *conditions) add(text string, arg any) {
	c.args = append(c.args, arg)
	c.text = append(c.text, strings.ReplaceAll(text, "$?", fmt.Sprintf("$%d", len(c.args))))
}

// tail ends the query: newest first, at most limit rows.
func (c *conditions) newestFirst(limit int) string {
	c.args = append(c.args, page(limit))
	return fmt.Sprintf("WHERE %s ORDER BY t.seq DESC LIMIT $%d", strings.Join(c.text, " AND "), len(c.args))
}

// before adds the position of a keyset page: rows older than seq, 0 for the newest.
// It repeats the condition of the indexes for lists.
func (c *conditions) before(seq id.Seq) {
	c.text = append(c.text, "t.seq > 0")
	if seq != 0 {
		c.add("t.seq < $?", seq)
	}
}

func page(limit int) int64 { return int64(min(max(limit, 0), PageMax)) }
