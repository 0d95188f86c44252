package store

import (
	"context"
	"io/fs"
	"log/slog"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/commit"
	"sluice/internal/merchant"
	"sluice/internal/store/chain/chaintest"
)

// A migration that rewrites rows takes the chain along, unless another hand was there
// before it.
func TestAMigrationThatRewritesTakesTheChainAlong(t *testing.T) {
	url, ctx := "sqlite:"+filepath.Join(t.TempDir(), "a.db"), t.Context()
	opt := Options{Chain: chaintest.Key, Log: slog.New(slog.DiscardHandler)}
	if err := Migrate(ctx, url, opt); err != nil {
		t.Fatal(err)
	}
	db, err := Open(ctx, url, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	loop := commit.New(db, 1, commit.Options{})
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- loop.Run(running) }()
	if _, err := commit.Do(ctx, loop, 0, merchant.Create{Name: "m", Mode: merchant.Test}); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	raw, err := openSQL(url)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close() //nolint:errcheck // the test is over
	alter := func(text string) {
		t.Helper()
		if _, err := raw.ExecContext(ctx, text); err != nil {
			t.Fatal(err)
		}
	}
	clean := func() bool {
		t.Helper()
		r, err := db.Verify(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return r.OK()
	}
	tables := []string{"merchant"}
	if err := retake(ctx, raw, engineSQLite, tables, opt, false); err != nil {
		t.Fatal(err)
	}
	alter("UPDATE merchant SET name = 'migrated'")
	if clean() {
		t.Error("the test shows nothing")
	}
	if err := retake(ctx, raw, engineSQLite, tables, opt, true); err != nil || !clean() {
		t.Errorf("after the migration: clean %v, %v", clean(), err)
	}
	alter("UPDATE merchant SET name = 'stolen'")
	if err := retake(ctx, raw, engineSQLite, tables, opt, false); err == nil || !strings.Contains(err.Error(), "merchant is not as the program wrote it") {
		t.Errorf("a migration would hide what another hand did: %v", err)
	}
}

// What a migration does to rows that the chain covers breaks the chain of every
// installation, unless the migration says so.
func TestMigrationsSayWhatTheyRewrite(t *testing.T) {
	into := regexp.MustCompile(`(?i)^\s*INSERT INTO (\w+)`)
	changes := regexp.MustCompile(`(?im)^\s*(UPDATE|DELETE|INSERT|REPLACE)\b|\bDEFAULT\s+([^\s,;]+)`)
	for _, engine := range []string{engineSQLite, enginePostgres} {
		files, err := fs.Glob(migrations, "migrations/"+engine+"/*.sql")
		if err != nil || len(files) == 0 {
			t.Fatal(err)
		}
		for _, file := range files {
			number, _, _ := strings.Cut(path.Base(file), "_")
			version, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			text, err := fs.ReadFile(migrations, file)
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range changes.FindAllStringSubmatchIndex(string(text), -1) {
				found := changes.FindStringSubmatch(string(text[at[0]:]))
				if m := into.FindStringSubmatch(string(text[at[0]:])); m != nil && !inChain(m[1]) {
					continue
				}
				empty := found[1] == "" && regexp.MustCompile(`(?i)^(0|''|x''|FALSE|'0')$`).MatchString(found[2])
				if version > chainVersion && !empty && len(rewrites[version]) == 0 {
					t.Errorf("%s: %q changes rows; name their tables in rewrites, or write the migration so that it does not", file, strings.TrimSpace(found[0]))
				}
			}
		}
	}
}

// inChain tells whether the chain covers a table.
func inChain(table string) bool {
	for i, b := range bindings {
		if b.describe().name == table {
			return layoutAt[i] >= 0
		}
	}
	return true
}
