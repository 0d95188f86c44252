// Package pgtest gives tests an empty PostgreSQL database.
//
// The server is the one named by SLUICE_TEST_POSTGRES_URL (a postgres:// URL
// whose user may create databases) or, without it, a private server that this
// package starts from the installed server programs, once per test process.
// Only tests import this package.
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// EnvURL names the environment variable that points the tests at a running
// server instead of one of their own.
const EnvURL = "SLUICE_TEST_POSTGRES_URL"

// startTimeout bounds initdb plus the first start. It is long because the tests
// of several packages start servers at the same time on small machines.
const startTimeout = 3 * time.Minute

// adminTimeout bounds one administrative statement (CREATE or DROP DATABASE).
const adminTimeout = time.Minute

// shared is the server of this test process. It starts with the first URL call,
// so that a run which needs no PostgreSQL starts none.
var shared struct {
	mu     sync.Mutex
	server *Server
	err    error
}

// URL returns the URL of a fresh, empty database and drops it when the test
// ends. It fails the test when there is no PostgreSQL: a suite that silently
// skips one of two stores proves nothing about it.
func URL(t testing.TB) string {
	t.Helper()
	admin, err := adminURL()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	database, err := CreateDatabase(ctx, admin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
		defer cancel()
		if err := DropDatabase(ctx, database); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	return database
}

// M is what Main and Wrap need of *testing.M.
type M interface{ Run() int }

// Main runs the tests, stops the server of this process and exits. A package
// that forgets it leaves no server behind either (see StartServer), Main only
// makes the end orderly.
func Main(m M) { os.Exit(Wrap(m).Run()) }

// Wrap returns an M that stops the server of this process after the tests, for
// packages whose TestMain belongs to a leak checker:
//
//	goleak.VerifyTestMain(pgtest.Wrap(m))
func Wrap(m M) M { return wrapped{m} }

type wrapped struct{ m M }

// Run runs the tests, then stops the server of this process.
func (w wrapped) Run() int {
	code := w.m.Run()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server == nil {
		return code
	}
	err := shared.server.Stop()
	shared.server, shared.err = nil, nil
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgtest: stop the server:", err)
		return max(code, 1)
	}
	return code
}

// adminURL returns a URL on which databases can be created, starting the server
// of this process when it has to. A failed start is remembered: every test
// would wait for the same failure otherwise.
func adminURL() (string, error) {
	if given := os.Getenv(EnvURL); given != "" {
		return given, nil
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server == nil && shared.err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		shared.server, shared.err = StartServer(ctx, Options{})
	}
	if shared.err != nil {
		return "", shared.err
	}
	return shared.server.URL(), nil
}

// CreateDatabase makes an empty database on the server that admin (a
// postgres:// URL) points at and returns its URL, which differs from admin in
// the database name only. Names are random, so that any number of processes may
// share one server.
func CreateDatabase(ctx context.Context, admin string) (string, error) {
	u, err := url.Parse(admin)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return "", fmt.Errorf("%s must be a URL such as postgres://user@host:5432/postgres", EnvURL)
	}
	name := fmt.Sprintf("sluice_test_%d_%s", os.Getpid(), randomName())
	// template0 is empty whatever the administrator of a given server put in template1.
	if err := execute(ctx, admin, "CREATE DATABASE "+quote(name)+" TEMPLATE template0"); err != nil {
		return "", fmt.Errorf("create a test database: %w", err)
	}
	u.Path = "/" + name
	return u.String(), nil
}

// DropDatabase removes the database that target (a URL from CreateDatabase)
// names, ending the sessions that still use it: a test may have left some on
// purpose. A database that is gone already is no error.
func DropDatabase(ctx context.Context, target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	name := strings.TrimPrefix(u.Path, "/")
	if !strings.HasPrefix(name, "sluice_test_") {
		return fmt.Errorf("refusing to drop database %q: not one of ours", name)
	}
	u.Path = "/postgres"
	if given := os.Getenv(EnvURL); given != "" {
		// The given user may only be allowed to connect to the database it was given.
		if g, err := url.Parse(given); err == nil && g.Host == u.Host {
			u.Path = g.Path
		}
	}
	return execute(ctx, u.String(), "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
}

// execute runs one statement on a connection of its own. Nothing stays open
// between calls, so leak checkers of the callers have nothing to report.
func execute(ctx context.Context, target, statement string) error {
	conn, err := pgx.Connect(ctx, target)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	if cerr := conn.Close(ctx); err == nil {
		err = cerr
	}
	return err
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
