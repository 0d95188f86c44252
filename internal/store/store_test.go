package store_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sluice/internal/store"
	"sluice/internal/store/pgtest"
	"sluice/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Wrap(m)) }

func TestSQLite(t *testing.T) {
	storetest.Run(t, storetest.Engine{Name: "sqlite", URL: func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "a b%.db") }})
}

func TestPostgres(t *testing.T) {
	storetest.Run(t, storetest.Engine{Name: "postgres", URL: pgtest.URL})
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	for _, c := range []struct{ url, want string }{
		{"", "sqlite:PATH"},
		{"sqlite:", "sqlite:PATH"},
		{"mysql://root:secret@localhost/x", "sqlite:PATH"},
		{"sqlite:" + filepath.Join(t.TempDir(), "missing.db"), "sluice migrate"},
		{"postgres://nobody:secret@127.0.0.1:1/x", "does not answer"},
	} {
		_, err := store.Open(context.Background(), c.url, store.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %q", c.url, err, c.want)
		}
	}
}
