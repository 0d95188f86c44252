package app_test

import (
	"context"
	"database/sql"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/merchant"
	"sluice/internal/store/pgtest"
	"sluice/internal/test/harness"
)

// Reads work, and no write does: the process says so, and recovers by itself.
func TestF20_ready_but_nothing_can_be_written(t *testing.T) {
	for _, c := range []struct {
		name   string
		open   func(*testing.T, *config.Config) (refuse, allow func())
		reason string
	}{
		{"PostgreSQL comes back as a standby", standby, "it is a standby"},
		{"another program keeps the SQLite file locked", locked, "takes no writes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := setup(t)
			refuse, allow := c.open(t, &conf)
			r := start(t, conf)
			write := func(ctx context.Context) error {
				_, err := commit.Do(ctx, r.Loop, app.Operator, merchant.Create{Name: "Shop", Mode: merchant.Test})
				return err
			}
			must(t, write(t.Context()))
			ready := func() bool {
				code, _ := get(t, r.URL()+"/readyz")
				return code == http.StatusOK
			}
			if !ready() {
				t.Fatal("not ready at first")
			}
			refuse()
			harness.Eventually(t, "it says why it is not ready, without anybody who writes", func() bool {
				code, body := get(t, r.URL()+"/readyz")
				return code == http.StatusServiceUnavailable && strings.Contains(body, c.reason)
			})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := write(ctx); err == nil {
				t.Error("a command was carried out")
			}
			allow()
			harness.Eventually(t, "it is ready again", ready)
			must(t, write(t.Context()))
		})
	}
}

func standby(t *testing.T, c *config.Config) (refuse, allow func()) {
	server, err := pgtest.StartServer(t.Context(), pgtest.Options{NoFsync: true})
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	c.DatabaseURL, c.AutoMigrate = config.NewSecret(server.URL()), true
	return func() {
		must(t, server.Crash())
		must(t, server.StartStandby(t.Context()))
	}, func() { must(t, server.Promote(t.Context())) }
}

func locked(t *testing.T, c *config.Config) (refuse, allow func()) {
	db, err := sql.Open("sqlite", strings.TrimPrefix(c.DatabaseURL.Reveal(), "sqlite:"))
	must(t, err)
	db.SetMaxOpenConns(1) // one session
	t.Cleanup(func() { must(t, db.Close()) })
	do := func(statement string) {
		_, err := db.ExecContext(t.Context(), statement)
		must(t, err)
	}
	return func() { do("BEGIN IMMEDIATE") }, func() { do("ROLLBACK") }
}
