package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/app"
	"sluice/internal/bench"
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/store"
	"sluice/internal/store/chain"
	"sluice/internal/store/pgtest"
)

// short is a run that is over at once: it shows the shape of a report, not speed.
func short(o bench.Options) bench.Options {
	o.Accounts, o.Concurrency, o.Duration, o.Warmup = 10, 8, 300*time.Millisecond, 50*time.Millisecond
	return o
}

func TestReport(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, http := range []bool{false, true} {
			mode := "in_process"
			if http {
				mode = "http"
			}
			t.Run(engine+"/"+mode, func(t *testing.T) {
				t.Setenv("TMPDIR", t.TempDir())
				opt, database := short(bench.Options{HTTP: http}), "temporary"
				if engine == "postgres" {
					opt.Database, database = pgtest.URL(t), "given"
				}
				r, err := bench.Accept(t.Context(), opt)
				if err != nil {
					t.Fatal(err)
				}
				got := fields(t, r)
				for name, want := range map[string]any{
					"benchmark": "accept", "mode": mode, "engine": engine, "database": database, "verify": "clean",
					"accounts": 10.0, "concurrency": 8.0, "pushed_back": 0.0,
				} {
					if got[name] != want {
						t.Errorf("%s is %v, want %v", name, got[name], want)
					}
				}
				positive(t, got, "accepted", "accepted_per_second", "p50_ms", "p99_ms", "max_ms", "batch_mean", "duration_seconds", "rounds",
					"floor_insert_per_second", "share_of_insert_floor", "floor_fsync_per_second", "share_of_fsync_floor",
					"lone_p50_ms", "floor_lone_ms", "lone_ratio", "floor_row_ms")
				if engine == "postgres" {
					positive(t, got, "bytes_per_withdrawal")
					noScratch(t, opt.Database)
				}
				if _, has := got["floor_http_per_second"]; has != http {
					t.Errorf("floor_http_per_second is there: %v", has)
				}
				if http {
					positive(t, got, "floor_http_per_second", "share_of_http_floor", "floor_http_p99_ms")
				}
				if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
					t.Errorf("%v are left behind (%v)", left, err)
				}
				var text bytes.Buffer
				if err := r.WriteText(&text); err != nil || !strings.Contains(text.String(), "clean") {
					t.Errorf("the text for people is %q (%v)", text.String(), err)
				}
			})
		}
	}
}

func fields(t *testing.T, r *bench.Report) map[string]any {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	machine, _ := out["machine"].(map[string]any)
	for _, name := range []string{"cores", "go", "os", "arch", "engine_version", "durability"} {
		if machine[name] == nil || machine[name] == "" {
			t.Errorf("the report says nothing about machine.%s", name)
		}
	}
	return out
}

func positive(t *testing.T, got map[string]any, names ...string) {
	t.Helper()
	for _, name := range names {
		if n, ok := got[name].(float64); !ok || n <= 0 {
			t.Errorf("%s is %v, want a number above 0", name, got[name])
		}
	}
}

func noScratch(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	var n int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'sluice_bench_%'").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d schemas of the floor are left behind (%v)", n, err)
	}
}

// A database of somebody else is left alone; one that only the bench has used is not.
func TestGivenDatabase(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			dir := t.TempDir()
			url := "sqlite:" + filepath.Join(dir, "given.db")
			if engine == "postgres" {
				url = pgtest.URL(t)
			}
			opt := short(bench.Options{Database: url})
			for range 2 {
				if _, err := bench.Accept(t.Context(), opt); err != nil {
					t.Fatal(err)
				}
			}
			before := merchants(t, url, "somebody")
			_, err := bench.Accept(t.Context(), opt)
			if fault.CodeOf(err) != "database_in_use" {
				t.Fatalf("the bench wrote into somebody's database: %v", err)
			}
			if after := merchants(t, url, ""); after != before {
				t.Errorf("a refused run left %d merchants where %d were", after, before)
			}
			opt.Force = true
			if _, err := bench.Accept(t.Context(), opt); err != nil {
				t.Fatal(err)
			}
			if after := merchants(t, url, ""); after != before+1 {
				t.Errorf("a forced run made %d merchants, want its own", after-before)
			}
			files, err := filepath.Glob(filepath.Join(dir, ".sluice-bench-*"))
			if err != nil || len(files) > 0 {
				t.Errorf("%v are left behind (%v)", files, err)
			}
		})
	}
}

// merchants counts the merchants of a database, after making one with a name.
func merchants(t *testing.T, url, name string) int {
	t.Helper()
	key, err := chain.ParseKey(bench.ChainKey)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), url, store.Options{Chain: key})
	if err != nil {
		t.Fatal(err)
	}
	if name != "" {
		err = app.Write(t.Context(), db, func(loop *commit.Loop) error {
			_, err := commit.Do(t.Context(), loop, 0, merchant.Create{Name: name, Mode: merchant.Live})
			return err
		})
	}
	n := 0
	for shard := range db.Shards() {
		all, lerr := db.Merchants(t.Context(), id.Shard(shard), 0, 1000)
		err = errors.Join(err, lerr)
		n += len(all)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOptions(t *testing.T) {
	for name, c := range map[string]struct {
		opt  bench.Options
		code string
	}{
		"no account":            {bench.Options{Accounts: -1}, "invalid_accounts"},
		"too many accounts":     {bench.Options{Accounts: 1_000_001}, "invalid_accounts"},
		"too many callers":      {bench.Options{Concurrency: 4097}, "invalid_concurrency"},
		"backwards":             {bench.Options{Duration: -time.Second}, "invalid_duration"},
		"for days":              {bench.Options{Duration: 25 * time.Hour}, "invalid_duration"},
		"long before the start": {bench.Options{Warmup: 2 * time.Hour}, "invalid_duration"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := bench.Accept(t.Context(), c.opt); fault.CodeOf(err) != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
}

// A run that is given up leaves nothing behind.
func TestGivenUp(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	opt := short(bench.Options{HTTP: true, Progress: after{"warming up", cancel}})
	opt.Duration = time.Hour
	if _, err := bench.Accept(ctx, opt); err == nil {
		t.Error("a run that was given up has a report")
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("%v are left behind (%v)", left, err)
	}
}

// after calls a function once a text has been written.
type after struct {
	text string
	call func()
}

func (a after) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(a.text)) {
		a.call()
	}
	return len(b), nil
}
