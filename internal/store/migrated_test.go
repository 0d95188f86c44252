package store_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // both engines, as they are
	_ "modernc.org/sqlite"

	"sluice/internal/store"
	"sluice/internal/store/pgtest"
)

// engines make an empty database of the present schema, as a store names it and open to SQL.
var engines = map[string]func(*testing.T) (url string, db *sql.DB){
	"sqlite": func(t *testing.T) (string, *sql.DB) {
		path := filepath.Join(t.TempDir(), "sluice.db")
		must(t, store.Migrate(context.Background(), "sqlite:"+path, store.Options{}))
		db, err := sql.Open("sqlite", path)
		must(t, err)
		return "sqlite:" + path, db
	},
	"postgres": func(t *testing.T) (string, *sql.DB) {
		url := pgtest.URL(t)
		must(t, store.Migrate(context.Background(), url, store.Options{}))
		db, err := sql.Open("pgx", url)
		must(t, err)
		return url, db
	},
}

// What a migration changes in rows that are there: it is run again over rows as an earlier
// program has written them.
func TestCredentialsKeepWhatTheyMean(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			_, db := open(t)
			defer db.Close() //nolint:errcheck // the test is over
			before := map[string]string{"": "exchange", `{"strict":"on"}`: "exchange", `{"base":"price"}`: "price", `{"base":"price","retries":"off"}`: "price"}
			n := 0
			for options := range before {
				for _, dialect := range []string{"tylt", "upvest"} {
					n++
					_, err := db.Exec(`INSERT INTO credential (shard, seq, merchant, created_at, revoked_at, version, dialect, name, public_key, scopes, options, secret)
						VALUES (0, $1, 1, 1, 0, 1, $2, $3, '', '', $3, $4)`, n, dialect, options, []byte("x"))
					must(t, err)
				}
			}
			files, err := filepath.Glob("migrations/" + engine + "/*_tylt_base.sql")
			must(t, err)
			text, err := os.ReadFile(files[0])
			must(t, err)
			_, err = db.Exec(string(text))
			must(t, err)
			rows, err := db.Query("SELECT dialect, name, options FROM credential")
			must(t, err)
			defer rows.Close() //nolint:errcheck // only read from
			for rows.Next() {
				var dialect, was, is string
				must(t, rows.Scan(&dialect, &was, &is))
				if dialect != "tylt" {
					if is != was {
						t.Errorf("%s %q became %q", dialect, was, is)
					}
					continue
				}
				var old, now map[string]string
				_ = json.Unmarshal([]byte(was), &old) // "" is none
				must(t, json.Unmarshal([]byte(is), &now))
				if now["base"] != before[was] || now["strict"] != old["strict"] || now["retries"] != old["retries"] {
					t.Errorf("%q became %q", was, is)
				}
			}
			must(t, rows.Err())
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
