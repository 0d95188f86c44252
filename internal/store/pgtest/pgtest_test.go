package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"sluice/internal/store/pgtest"
	"sluice/internal/test/harness"
)

// envHelper turns this test program into a process that starts a server, says
// where, and waits to be killed.
const envHelper = "PGTEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(envHelper) != "" {
		helper()
		return
	}
	goleak.VerifyTestMain(pgtest.Wrap(m))
}

func TestURL(t *testing.T) {
	t.Run("databases are empty and apart", func(t *testing.T) {
		first, second := pgtest.URL(t), pgtest.URL(t)
		if first == second {
			t.Fatalf("two calls gave one database: %s", first)
		}
		query(t, first, "CREATE TABLE seen (n bigint)")
		if got := query(t, second, "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'"); got != "0" {
			t.Errorf("the second database has %s tables, want 0", got)
		}
	})
	t.Run("commits are durable by default", func(t *testing.T) {
		target := pgtest.URL(t)
		for setting, want := range map[string]string{"fsync": "on", "synchronous_commit": "on"} {
			if got := query(t, target, "SELECT current_setting('"+setting+"')"); got != want {
				t.Errorf("%s = %s, want %s", setting, got, want)
			}
		}
	})
	t.Run("the database goes with its test, even when a session is left", func(t *testing.T) {
		var target string
		var left *pgx.Conn
		t.Run("inner", func(t *testing.T) {
			target = pgtest.URL(t)
			left = connect(t, target)
		})
		if err := left.Ping(t.Context()); err == nil {
			t.Error("the session that was left still works")
		}
		if conn, err := pgx.Connect(t.Context(), target); err == nil {
			_ = conn.Close(t.Context())
			t.Errorf("the database %s still exists", target)
		}
	})
}

func TestURLFromManyTestsAtOnce(t *testing.T) {
	urls := make(chan string, 8)
	t.Run("group", func(t *testing.T) {
		for range cap(urls) {
			t.Run("one", func(t *testing.T) {
				t.Parallel()
				urls <- pgtest.URL(t)
			})
		}
	})
	close(urls)
	seen := map[string]bool{}
	for target := range urls {
		seen[target] = true
	}
	if len(seen) != cap(urls) {
		t.Errorf("got %d databases, want %d", len(seen), cap(urls))
	}
}

func TestURLOnGivenServer(t *testing.T) {
	server := start(t, pgtest.Options{NoFsync: true})
	t.Setenv(pgtest.EnvURL, server.URL())
	target := pgtest.URL(t)
	given, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	got, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	if got.Host != given.Host || got.Path == given.Path {
		t.Errorf("got %s, want another database on %s", target, server.URL())
	}
	if got := query(t, target, "SELECT current_setting('fsync')"); got != "off" {
		t.Errorf("fsync = %s, want off", got)
	}
}

func TestCreateDatabaseRefusesWhatIsNoURL(t *testing.T) {
	if _, err := pgtest.CreateDatabase(t.Context(), "host=127.0.0.1 dbname=postgres"); err == nil || !strings.Contains(err.Error(), pgtest.EnvURL) {
		t.Errorf("got %v, want an error that names %s", err, pgtest.EnvURL)
	}
}

func TestDropDatabaseRefusesForeignNames(t *testing.T) {
	if err := pgtest.DropDatabase(t.Context(), "postgres://127.0.0.1:1/customers"); err == nil || !strings.Contains(err.Error(), "customers") {
		t.Errorf("got %v, want a refusal that names the database", err)
	}
}

func TestServerKeepsCommitsOverCrash(t *testing.T) {
	server := start(t, pgtest.Options{})
	target, err := pgtest.CreateDatabase(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	query(t, target, "CREATE TABLE kept (n bigint)")
	query(t, target, "INSERT INTO kept VALUES (7)")
	session := connect(t, target)
	if err := server.Crash(); err != nil {
		t.Fatal(err)
	}
	if err := session.Ping(t.Context()); err == nil {
		t.Error("a session survived the crash")
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := query(t, target, "SELECT sum(n)::text FROM kept"); got != "7" {
		t.Errorf("after the crash: %s, want 7", got)
	}
	if err := server.Start(t.Context()); err == nil {
		t.Error("a second start of a running server was accepted")
	}
}

func TestStopRemovesEverything(t *testing.T) {
	server := start(t, pgtest.Options{NoFsync: true})
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(server.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v, want it gone", server.Dir(), err)
	}
	if answers(t.Context(), server.URL()) {
		t.Error("the server still answers")
	}
}

func TestKilledProcessLeavesNoServer(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envHelper+"=1")
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // never closed: the helper waits on it
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var said [2]string
	for i := range said {
		if !lines.Scan() {
			t.Fatalf("the helper said nothing: %v", cmd.Wait())
		}
		said[i] = lines.Text()
	}
	target, dir := said[0], said[1]
	if !answers(t.Context(), target) {
		t.Fatalf("no server at %s", target)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the helper ended with %v, want it killed", err)
	}
	harness.Eventually(t, "the server ends and its files go", func() bool {
		_, err := os.Stat(dir)
		return errors.Is(err, os.ErrNotExist) && !answers(t.Context(), target)
	})
}

func helper() {
	server, err := pgtest.StartServer(context.Background(), pgtest.Options{NoFsync: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%s\n%s\n", server.URL(), server.Dir())
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent kills us
}

func start(t *testing.T, options pgtest.Options) *pgtest.Server {
	t.Helper()
	server, err := pgtest.StartServer(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func connect(t *testing.T, target string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// query returns the first column of the first row, "" for a statement without rows.
func query(t *testing.T, target, statement string) string {
	t.Helper()
	conn := connect(t, target)
	var got string
	if err := conn.QueryRow(t.Context(), statement).Scan(&got); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatalf("%s: %v", statement, err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return got
}

func answers(ctx context.Context, target string) bool {
	conn, err := pgx.Connect(ctx, target)
	if err != nil {
		return false
	}
	return conn.Close(ctx) == nil
}
