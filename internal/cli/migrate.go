package cli

import (
	"io"
	"log/slog"

	"sluice/internal/app"
	"sluice/internal/fault"
)

type migrateCmd struct{}

// Run implements the command.
func (migrateCmd) Run(e *env) error {
	conf, _, err := e.config(nil)
	if err != nil {
		return err
	}
	e.progress("migrating %s", conf.DatabaseName())
	if err := app.Migrate(e.ctx, conf, slog.New(slog.NewTextHandler(e.Stderr, nil))); err != nil {
		return fault.Wrap(err, fault.Unavailable, "not_migrated", "the database %s could not be migrated; nothing of the step that failed remains", conf.DatabaseName())
	}
	return e.open(func(t *tool) error {
		v := map[string]any{"database": conf.DatabaseName(), "engine": t.db.Engine(), "shards": t.db.Shards()}
		return e.print(v, func(w io.Writer) {
			printer{w}.f("%s is up to date (%s, %d shards)\n", conf.DatabaseName(), t.db.Engine(), t.db.Shards())
		})
	})
}
