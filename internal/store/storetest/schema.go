package storetest

import (
	"strings"
	"testing"

	"sluice/internal/store"
)

// kinds says which column types of the two engines mean the same.
var kinds = map[string]string{
	"smallint": "INTEGER", "bigint": "INTEGER", "boolean": "INTEGER", "text": "TEXT", "numeric(39,0)": "TEXT", "bytea": "BLOB",
}

// SameSchema migrates a database of each engine and compares them column by column.
func SameSchema(t *testing.T, sqlite, postgres string) {
	for _, url := range []string{sqlite, postgres} {
		if err := store.Migrate(t.Context(), url, store.Options{Log: quiet, Chain: chainKey}); err != nil {
			t.Fatal(err)
		}
	}
	left := columns(t, sqlite, `SELECT m.name, c.name, c.type, c."notnull" = 1 OR c.pk > 0 FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'schema_version' ORDER BY m.name, c.cid`)
	right := columns(t, postgres, `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'schema_version' AND a.attnum > 0 ORDER BY c.relname COLLATE "C", a.attnum`)
	for i := range max(len(left), len(right)) {
		l, r := [3]string{"nothing"}, [3]string{"nothing"}
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		if l[0] != r[0] || l[1] != r[1] || l[2] != kinds[r[2]] {
			t.Fatalf("column %d: SQLite has %s, PostgreSQL has %s", i, strings.Join(l[:], " "), strings.Join(r[:], " "))
		}
	}
	lk, rk := indexes(t, sqlite, "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"),
		indexes(t, postgres, `SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%_pkey' ORDER BY indexname COLLATE "C"`)
	if lk != rk {
		t.Errorf("indexes of SQLite:\n%s\nof PostgreSQL:\n%s", lk, rk)
	}
}

func columns(t *testing.T, url, query string) (out [][3]string) {
	t.Helper()
	db := outside(t, url)
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		var c [3]string
		var notNull bool
		if err := rows.Scan(&c[0], &c[1], &c[2], &notNull); err != nil {
			t.Fatal(err)
		}
		if !notNull {
			t.Errorf("%s.%s may be NULL", c[0], c[1])
		}
		out = append(out, c)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func indexes(t *testing.T, url, query string) string {
	t.Helper()
	db := outside(t, url)
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		out = append(out, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}
