package store

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/internal/store/pgtest"
)

// A plan is made while the tables are empty, and kept while they grow. These tests
// sit inside the package because they look at the statements themselves.

func migrated(t *testing.T, url string) *DB {
	t.Helper()
	opt := Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if err := Migrate(t.Context(), url, opt); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), url, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// whole tells whether a plan looks up the whole key: every key column is compared
// with a parameter or a column of the list of keys.
func whole(m *meta, cond string, form func(column string) string) bool {
	for _, k := range m.names(m.keys...) {
		if !strings.Contains(cond, form(k)) {
			return false
		}
	}
	return true
}

func TestPostgresPlansGoByTheWholeKey(t *testing.T) {
	db := migrated(t, pgtest.URL(t))
	s := db.engine.(*pgStore) //nolint:errcheck // a panic fails the test as well
	conn, err := s.writers.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	prepared := conn.Conn().PgConn().CustomData()[preparedKey].(map[string]*pgconn.StatementDescription) //nolint:errcheck // as above
	explain := func(name string) string {
		nulls := strings.TrimSuffix(strings.Repeat("NULL,", len(prepared[name].ParamOIDs)), ",")
		rows, err := conn.Query(context.Background(), "EXPLAIN EXECUTE "+name+"("+nulls+")")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		plan, line := "", ""
		for rows.Next() {
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan += line + "\n"
		}
		return plan
	}
	for i := range s.plan {
		p := &s.plan[i]
		for name, used := range map[string]bool{p.load: p.meta.reads, p.update: p.meta.updates} {
			if !used {
				continue
			}
			plan := explain(name)
			_, cond, _ := strings.Cut(plan, "Index Cond: ")
			cond, _, _ = strings.Cut(cond, "\n")
			alias := "k."
			if name == p.update {
				alias = "u."
			}
			form := func(c string) string { return "(" + c + " = " + alias + c + ")" }
			if strings.Contains(plan, "Seq Scan") || !strings.Contains(cond, "shard = $1") || !whole(p.meta, cond, form) {
				t.Errorf("%s does not go by the whole key:\n%s", name, plan)
			}
		}
	}
}

// details reads the last column of a query plan of SQLite.
func details(t *testing.T, rows *sql.Rows) (plan string) {
	t.Helper()
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan += detail + "\n"
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestSQLitePlansGoByTheWholeKey(t *testing.T) {
	db := migrated(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"))
	reads := db.engine.(*sqliteStore).reads //nolint:errcheck // as above
	for _, b := range bindings {
		m := b.describe()
		var texts []string
		if m.reads {
			texts = append(texts, sqliteLoad(m, 8))
		}
		if m.updates {
			texts = append(texts, sqliteUpdate(m))
		}
		for _, text := range texts {
			args := make([]any, strings.Count(text, "?"))
			rows, err := reads.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
			if err != nil {
				t.Fatal(err)
			}
			plan := details(t, rows)
			_, cond, _ := strings.Cut(plan, "SEARCH ")
			cond, _, _ = strings.Cut(cond, "\n")
			form := func(c string) string {
				if c == "seq" {
					return "rowid=?"
				}
				return c + "=?"
			}
			if !whole(m, cond, form) {
				t.Errorf("%s does not go by the whole key: %s\n%s", m.label, text, plan)
			}
		}
	}
}

// sums are the statements that add up what is open, and what answers each.
var sums = []struct{ text, sqlite, postgres string }{
	{owedQuery, "USING COVERING INDEX withdrawal_open (shard=?)", "Index Only Scan using withdrawal_open"},
	{exchangedQuery, "USING INDEX withdrawal_exchanged (shard=?)", "withdrawal_exchanged"},
}

func TestSQLiteSumsOfWhatIsOpenReadNothingElse(t *testing.T) {
	db := migrated(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"))
	reads := db.engine.(*sqliteStore).reads //nolint:errcheck // a panic fails the test as well
	for _, q := range sums {
		rows, err := reads.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+q.text, 0)
		if err != nil {
			t.Fatal(err)
		}
		if plan := details(t, rows); !strings.Contains(plan, q.sqlite) {
			t.Errorf("%s\n%s", q.text, plan)
		}
	}
}

func TestPostgresSumsOfWhatIsOpenReadNothingElse(t *testing.T) {
	db := migrated(t, pgtest.URL(t))
	conn, err := db.engine.(*pgStore).writers.Acquire(t.Context()) //nolint:errcheck // as above
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background()) //nolint:errcheck // it is a test's
	// The tables are empty, so that reading all of one looks cheap.
	for _, set := range []string{"SET LOCAL enable_seqscan = off", "SET LOCAL enable_bitmapscan = off"} {
		if _, err := tx.Exec(t.Context(), set); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range sums {
		rows, err := tx.Query(t.Context(), "EXPLAIN "+strings.Replace(q.text, "$1", "0", 1))
		if err != nil {
			t.Fatal(err)
		}
		plan, line := "", ""
		for rows.Next() {
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan += line + "\n"
		}
		if !strings.Contains(plan, q.postgres) {
			t.Errorf("%s\n%s", q.text, plan)
		}
	}
}
