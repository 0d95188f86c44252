package store

import (
	"context"
	"fmt"
	"strings"

	"sluice/internal/money"
)

// columnSet is a set of columns of one table, by position. A column beyond the 64th
// is never in it.
type columnSet uint64

func (c columnSet) has(i int) bool { return c>>i&1 == 1 }

// insertsMax bounds how many forms of INSERT are kept of one table.
const insertsMax = 32

// inserting gives the INSERT for a row, and which columns are not to be bound because
// they are empty: most columns of a new row are, and to bind a value costs as much as
// to store it.
func (w *sqliteWriter) inserting(ctx context.Context, st *sqliteTable, fields []any) (statement, columnSet, error) {
	var empty columnSet
	for i, p := range fields {
		if vacant(st.meta.cols[i].kind, p) {
			empty |= 1 << i
		}
	}
	if prepared, ok := st.inserts[empty]; ok {
		return prepared, empty, nil
	}
	if st.inserts == nil {
		st.inserts = map[columnSet]statement{}
	}
	if len(st.inserts) >= insertsMax {
		empty = 0 // the form that fits every row
		if prepared, ok := st.inserts[empty]; ok {
			return prepared, empty, nil
		}
	}
	var prepared statement
	if err := w.prepare(ctx, &prepared, sqliteInsert(st.meta, empty)); err != nil {
		return nil, 0, err
	}
	st.inserts[empty] = prepared
	return prepared, empty, nil
}

// vacant tells whether a field has its zero value.
func vacant(k kind, p any) bool {
	switch k {
	case kindInt, kindBool, kindTime:
		return integer(p) == 0
	case kindText:
		return characters(p) == ""
	case kindAmount:
		a, ok := p.(*money.Amount)
		return ok && a.IsZero()
	case kindBytes:
		return len(octets(p)) == 0
	}
	return false
}

func sqliteInsert(m *meta, empty columnSet) string {
	values := make([]string, len(m.cols))
	for i, c := range m.cols {
		values[i] = "?"
		if empty.has(i) {
			values[i] = map[kind]string{kindInt: "0", kindBool: "0", kindTime: "0", kindText: "''", kindAmount: "'0'", kindBytes: "x''"}[c.kind]
		}
	}
	return fmt.Sprintf("INSERT INTO %s (shard, %s) VALUES (?, %s)", m.name, strings.Join(m.names(), ", "), strings.Join(values, ", "))
}
