// Package harness is what tests share: a migrated store with a running write path, and
// waiting for what happens elsewhere.
package harness

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/store"
	"sluice/internal/store/chain/chaintest"
)

// Quiet is a log that nobody reads.
var Quiet = slog.New(slog.DiscardHandler)

// Options say how a Book differs from a chained SQLite database in a folder of its own.
type Options struct {
	URL    string // a database; a file that is not there is made
	Store  store.Options
	Commit commit.Options
}

// Book is a store with the write path on it.
type Book struct {
	URL  string
	DB   *store.DB
	Loop *commit.Loop
	// Close stops the loop and closes the store, once. The end of the test calls it.
	Close func()

	t testing.TB
}

// Open migrates a database, opens it, and runs the write path until the test ends. What
// the test starts afterwards with t.Cleanup ends before that.
func Open(t testing.TB, opt Options) *Book {
	t.Helper()
	b := Idle(t, opt)
	b.Run()
	return b
}

// Idle is Open without running the write path: Run does.
func Idle(t testing.TB, opt Options) *Book {
	t.Helper()
	opt.Store = quiet(opt.Store)
	if opt.Commit.Log == nil {
		opt.Commit.Log = Quiet
	}
	if opt.URL == "" {
		opt.URL = "sqlite:" + filepath.Join(t.TempDir(), "sluice.db")
	}
	Migrate(t, opt.URL, opt.Store)
	db, err := store.Open(context.Background(), opt.URL, opt.Store)
	if err != nil {
		t.Fatal(err)
	}
	b := &Book{URL: opt.URL, DB: db, Loop: commit.New(db, db.Shards(), opt.Commit), t: t}
	b.Close = sync.OnceFunc(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { b.Close() })
	return b
}

// Run runs the write path until Close.
func (b *Book) Run() {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Loop.Run(ctx) }()
	closed := b.Close
	b.Close = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
		closed()
	})
}

// Migrate brings a database to the schema of today. A SQLite file that is not there
// becomes a copy of an empty database: a test process migrates once.
func Migrate(t testing.TB, url string, opt store.Options) {
	t.Helper()
	opt = quiet(opt)
	name, isFile := strings.CutPrefix(url, "sqlite:")
	_, err := os.Stat(name)
	if isFile && opt.Chain == chaintest.Key && errors.Is(err, os.ErrNotExist) {
		var text []byte
		if text, err = empty(); err == nil {
			err = os.WriteFile(name, text, 0o600)
		}
	} else {
		err = store.Migrate(context.Background(), url, opt)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// quiet fills in what tests want where they say nothing.
func quiet(opt store.Options) store.Options {
	if opt.Log == nil {
		opt.Log = Quiet
	}
	if opt.Chain == nil {
		opt.Chain = chaintest.Key
	}
	return opt
}

var empty = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "sluice-empty-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a folder for temporary files
	name := filepath.Join(dir, "sluice.db")
	if err := store.Migrate(context.Background(), "sqlite:"+name, quiet(store.Options{})); err != nil {
		return nil, err
	}
	return os.ReadFile(name)
})

// Patience is how long Eventually waits: far beyond what any machine needs.
const Patience = 2 * time.Minute

// Eventually waits until something holds, and fails the test with what was waited for.
// holds runs on the goroutine of the test: it may fail it.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	Within(t, Patience, what, holds)
}

// Within is Eventually with a patience of its own.
func Within(t testing.TB, patience time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after %s still not: %s", patience, what)
		case <-t.Context().Done():
			t.Fatalf("the test ended before: %s", what)
		}
	}
}
