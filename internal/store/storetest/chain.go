package storetest

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/internal/store"
)

// unchained are the tables that the chain leaves out: messages on their way out, answers
// to repeated requests, and what is no part of the write path.
var unchained = []string{"idempotency", "webhook_delivery", "webhook_attempt", "event_cursor", "webhook_replay", "webhook_tally", "shard", "schema_version", "write_probe"}

// testChainFindsEveryEdit changes one column of one row, removes one row, and adds one
// row, in every table that is not in unchained, behind the product's back. The chain
// has to name the table each time. A new table meets the test by itself.
func testChainFindsEveryEdit(t *testing.T, e Engine) {
	n := start(t, e)
	fillTables(t, n)
	logs(t, n)
	db := outside(t, n.url)
	tables := 0
	t.Run("edits", func(t *testing.T) {
		for _, table := range tablesOf(t, e, db) {
			if slices.Contains(unchained, table.name) {
				continue
			}
			tables++
			t.Run(table.name, func(t *testing.T) { table.edits(t, n, db) })
		}
	})
	if tables < 39 {
		t.Errorf("%d tables were tried: the test shows little", tables)
	}
	n.verifyChain(t, "")
}

// editable is a table as a stranger with SQL sees it.
type editable struct {
	name string
	cols []editableColumn
}

type editableColumn struct {
	name, kind string // kind is text, integer, bytes or amount
	key        bool
}

// others are values that a column of a kind may take instead of its own.
func (c editableColumn) others() []string {
	switch c.kind {
	case "text":
		return []string{c.name + " || 'x'", "''", "'live'", "'pending'", "'normal'", "'send'", "'plain'", "'flat'", "'queued'"}
	case "bytes":
		return []string{"substr(" + c.name + ", 2)", "'\\x01'", "x'01'"}
	case "amount":
		return []string{"'7'"}
	case "boolean":
		return []string{"NOT " + c.name}
	default:
		return []string{c.name + " - 1", "1 - " + c.name, "0"}
	}
}

func (e editable) edits(t *testing.T, n *node, db *sql.DB) {
	kept := "kept_" + e.name
	must(db.ExecContext(t.Context(), "CREATE TABLE "+kept+" AS SELECT * FROM "+e.name))
	try := func(what, text string) bool {
		r, err := db.ExecContext(t.Context(), text)
		if err != nil {
			return false // the database refuses such a row by itself
		}
		if must(r.RowsAffected()) == 0 {
			return false // it has that value
		}
		n.verifyChain(t, e.name, what, text)
		must(db.ExecContext(t.Context(), "DELETE FROM "+e.name))
		must(db.ExecContext(t.Context(), "INSERT INTO "+e.name+" SELECT * FROM "+kept))
		return true
	}
	if count(t, n.url, e.name) == 0 {
		t.Fatal("the table has no row: fillTables has to write one")
	}
	changed := 0
	for _, c := range e.cols {
		for _, other := range c.others() {
			if c.key || c.name == "shard" {
				continue
			}
			if try("changed", fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s <> %s", e.name, c.name, other, c.name, other)) {
				changed++
				break
			}
		}
	}
	if changed == 0 && e.name != "bank_name" {
		t.Error("no column could be changed: give the test other values")
	}
	try("removed", "DELETE FROM "+e.name)
	added := false
	for _, all := range []bool{false, true} {
		added = added || try("added", e.copy(all))
	}
	if !added && e.name != "installation" { // which has one row and no other
		t.Error("no row could be added: give the test other values")
	}
	n.verifyChain(t, "")
	must(db.ExecContext(t.Context(), "DROP TABLE "+kept))
}

// copy inserts a copy of one row under another key; with all, other texts too differ,
// where an index wants them to.
func (e editable) copy(all bool) string {
	names, values := []string{}, []string{}
	for _, c := range e.cols {
		names, values = append(names, c.name), append(values, c.name)
		switch {
		case c.name == "shard" || c.name == "kind":
		case c.key && c.kind == "text":
			values[len(values)-1] = c.name + " || 'y'"
		case c.key:
			values[len(values)-1] = c.name + " - 5"
		case all && slices.Contains([]string{"foreign_id", "address", "txid", "hash", "end_to_end", "number", "block", "nonce", "withdrawal"}, c.name):
			// Where an index wants it to differ.
			switch c.kind {
			case "text":
				values[len(values)-1] = c.name + " || 'y'"
			case "bytes":
				values[len(values)-1] = "substr(" + c.name + ", 2)"
			default:
				values[len(values)-1] = c.name + " - 5"
			}
		}
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s LIMIT 1", e.name, strings.Join(names, ", "), strings.Join(values, ", "), e.name)
}

// verifyChain requires that the chain finds one table wrong, or with "" none.
func (n *node) verifyChain(t *testing.T, table string, what ...string) {
	t.Helper()
	r, err := n.DB.VerifyWith(t.Context(), store.VerifyOptions{Chain: true})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, s := range r.Shards {
		for _, d := range s.Differences {
			if d.Check == "chain_rows" || d.Check == "chain_log" {
				found = append(found, d.Where)
			}
		}
	}
	if want := strings.Fields(table); !slices.Equal(found, want) {
		t.Errorf("%v: the chain names %v, want %v", what, found, want)
	}
}

func tablesOf(t *testing.T, e Engine, db *sql.DB) (out []editable) {
	t.Helper()
	text := `SELECT m.name, c.name, lower(c.type), c.pk > 0 FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid`
	if e.Name != "sqlite" {
		text = `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), coalesce(a.attnum = ANY(i.indkey), false)
			FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
			WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 ORDER BY c.relname, a.attnum`
	}
	rows := must(db.QueryContext(t.Context(), text))
	defer rows.Close() //nolint:errcheck // rows.Err tells
	kinds := map[string]string{"text": "text", "blob": "bytes", "bytea": "bytes", "numeric(39,0)": "amount", "boolean": "boolean"}
	for rows.Next() {
		var table, kind string
		var c editableColumn
		if err := rows.Scan(&table, &c.name, &kind, &c.key); err != nil {
			t.Fatal(err)
		}
		if c.kind = kinds[kind]; c.kind == "" {
			c.kind = "integer"
		}
		if len(out) == 0 || out[len(out)-1].name != table {
			out = append(out, editable{name: table})
		}
		out[len(out)-1].cols = append(out[len(out)-1].cols, c)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
