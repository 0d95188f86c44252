package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/merchant"
	"sluice/internal/store"
)

func sqliteFile(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "a.db")
	if err := store.Migrate(t.Context(), "sqlite:"+path, store.Options{Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	return path
}

// Another process holds the file's lock: the batch certainly left nothing, and the
// store works again when the lock is gone.
func TestSQLiteLockedByAnotherProcess(t *testing.T) {
	path := sqliteFile(t)
	db, err := store.Open(t.Context(), "sqlite:"+path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // the end of a test
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // the end of a test
	holder, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close() //nolint:errcheck // the end of a test
	if _, err := holder.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := db.Begin(ctx, 0, commit.NewView(time.Now())); !errors.Is(err, commit.ErrNotCommitted) {
		t.Errorf("got %v, want that nothing was committed", err)
	}
	if _, err := holder.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	v := commit.NewView(time.Now())
	tx, err := db.Begin(t.Context(), 0, v)
	if err != nil {
		t.Fatal(err)
	}
	merchant.Merchants.Insert(v, merchant.Merchant{Seq: v.NewID(), Name: "m", Mode: merchant.Live, Version: 1})
	if err := tx.Commit(t.Context(), v); err != nil {
		t.Error(err)
	}
	tx.Rollback() // safe after Commit
}

// A batch that was given up leaves nothing, and hands the turn on.
func TestSQLiteRollback(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite:"+sqliteFile(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // the end of a test
	for range 3 {
		v := commit.NewView(time.Now())
		tx, err := db.Begin(t.Context(), 0, v)
		if err != nil {
			t.Fatal(err)
		}
		tx.Rollback()
		tx.Rollback()
	}
}

func TestCase58_DamagedFile(t *testing.T) {
	path := sqliteFile(t)
	page := bytes.Repeat([]byte{0xff}, 4096)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(page, 2*4096); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), "sqlite:"+path, store.Options{})
	if err == nil {
		_ = db.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "damaged") && !strings.Contains(err.Error(), "malformed") {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestSQLiteFileIsItsOwnersAlone(t *testing.T) {
	path := sqliteFile(t)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
