package store_test

import (
	"database/sql"
	"strings"
	"testing"

	"sluice/internal/store"
)

// A full disk is named: the most frequent reason, and one that a person has to end.
func TestA15_a_full_disk_is_named(t *testing.T) {
	db, err := sql.Open("sqlite", sqliteFile(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // the end of a test
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil { // it stays at what there is
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "CREATE TABLE t AS SELECT zeroblob(1000000) AS x")
	if got := store.WhyNoWrites(err); !strings.Contains(got, "disk is full") {
		t.Errorf("%v is %q", err, got)
	}
}
