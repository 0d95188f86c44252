package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/store/chain"
)

// walk reads every row of a shard that the chain covers, each once, and works out what
// the state of the chain must be.
type walk struct {
	key   *chain.Key
	shard id.Shard
	// until is the migration that the schema has reached; 0: the last one.
	until int64
	// anchors are of this shard and of the chain at hand.
	anchors []chain.Anchor
	// altered gets the rows whose mark is not of them.
	altered func(m *meta, fields []any)
	// unreadable gets the tables with a row that cannot be read; nil: that is an error.
	unreadable func(m *meta, err error)
	// passed gets the anchors that a log does not pass through.
	passed func(a chain.Anchor, log string, have chain.Head)
}

// unread stands for the number of rows of a table that could not be read to its end.
const unread = -1

// state reads everything.
func (w *walk) state(ctx context.Context, q querier) (*chain.State, error) {
	s := layout.NewState(chain.Begin{})
	for i, b := range bindings {
		if at := layoutAt[i]; at >= 0 && (w.until == 0 || b.describe().added <= w.until) {
			err := w.table(ctx, q, b, &s.Parts[at])
			if errors.Is(err, errUnreadable) && w.unreadable != nil {
				w.unreadable(b.describe(), err)
				s.Parts[at].Rows = unread
			} else if err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// table reads one table.
func (w *walk) table(ctx context.Context, q querier, b binding, p *chain.Part) error {
	m, marker, buf := b.describe(), w.key.NewMarker(), []byte(nil)
	fields, marked := b.blank()
	text := "SELECT " + strings.Join(w.columns(m), ", ") + " FROM " + m.name + " WHERE shard = $1"
	if m.fixed {
		text += " ORDER BY seq" // the order in which they were written
	}
	reached := w.reached(m)
	err := q.each(ctx, text, []any{int64(w.shard)}, fields, func() error {
		buf = m.row(buf, w.shard, fields)
		p.Rows++
		if m.fixed {
			p.Head = p.Head.Next(buf)
			for ; len(reached) > 0 && reached[0].Logs[m.name].Rows == p.Rows; reached = reached[1:] {
				if a := reached[0]; a.Logs[m.name].Head != p.Head.String() {
					w.passed(a, m.name, p.Head)
				}
			}
		} else {
			p.Sum.Add(w.key.Row(buf))
		}
		if record, mark, kept := marked(w.shard); kept && w.altered != nil && !marker.Marked(record, mark) {
			w.altered(m, fields)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read %s: %w", m.name, err)
	}
	for _, a := range reached { // the log does not reach them
		w.passed(a, m.name, p.Head)
	}
	return nil
}

// columnAdded names the migrations that added a column to a table of the chain, where that
// is a number: before them it reads as zero, which the form of a row leaves out.
var columnAdded = map[string]int64{"wire_key.version": 29}

// columns are what is read of a table, as it was at the migration up to which w reads.
func (w *walk) columns(m *meta) []string {
	names := m.names()
	for i, name := range names {
		if w.until > 0 && columnAdded[m.name+"."+name] > w.until {
			names[i] = "0"
		}
	}
	return names
}

// reached are the anchors that a log has to pass through, in the order in which it does.
func (w *walk) reached(m *meta) []chain.Anchor {
	if !m.fixed {
		return nil
	}
	out := slices.DeleteFunc(slices.Clone(w.anchors), func(a chain.Anchor) bool { return a.Logs[m.name].Rows == 0 })
	slices.SortStableFunc(out, func(a, b chain.Anchor) int { return int(a.Logs[m.name].Rows - b.Logs[m.name].Rows) })
	return out
}

// unmarked is for tables without marks.
func unmarked(id.Shard) (record, mark []byte, kept bool) { return nil, nil, false }

// checked refuses a row that was read and is not as the program wrote it.
func (db *DB) checked(what string, kind id.Kind, at id.ID, record, mark []byte) error {
	if db.key == nil || db.key.NewMarker().Marked(record, mark) {
		return nil
	}
	return commit.Altered(what, at.Text(kind))
}
