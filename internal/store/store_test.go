package store_test

import (
	"context"
	"log/slog"
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

// A tool that is started while a server makes the database waits for its tables.
func TestOpenWaitsForAMigration(t *testing.T) {
	for name, url := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "new.db"), "postgres": pgtest.URL(t)} {
		t.Run(name, func(t *testing.T) {
			migrated := make(chan error, 1)
			go func() { migrated <- store.Migrate(t.Context(), url, store.Options{Log: slog.New(slog.DiscardHandler)}) }()
			for {
				db, err := store.Open(t.Context(), url, store.Options{})
				if err == nil {
					if err := db.Close(); err != nil {
						t.Error(err)
					}
					break
				}
				if strings.Contains(err.Error(), "has schema") {
					t.Fatal(err)
				}
			}
			if err := <-migrated; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPostgresGoesAway(t *testing.T) {
	server, err := pgtest.StartServer(t.Context(), pgtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	url, err := pgtest.CreateDatabase(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	storetest.Gone(t, url, server)
}

func TestPostgresConnectionIsCut(t *testing.T) { storetest.Cut(t, pgtest.URL(t)) }

func TestBothEnginesHaveOneSchema(t *testing.T) {
	storetest.SameSchema(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"), pgtest.URL(t))
}

func TestCase58_EnginesThatLoseData(t *testing.T) {
	for version, ok := range map[string]bool{
		"3.7.0": false, "3.45.1": false, "3.51.2": false, "3.51.3": true, "3.52.0": false, "3.52.1": true, "3.53.0": true, "3.54.1": true, "4.0.0": true, "new": false,
	} {
		if err := store.CheckEngine(version); (err == nil) != ok {
			t.Errorf("%s: %v", version, err)
		}
	}
}
