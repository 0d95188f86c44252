package cli

import (
	"encoding/json"
	"errors"

	"sluice/internal/app"
)

type serveCmd struct {
	Listen      string `placeholder:"HOST:PORT" help:"Where the API listens."`
	AdminListen string `placeholder:"HOST:PORT" help:"Where metrics and profiles are served."`
	Mode        string `placeholder:"MODE" help:"live or dev."`
	LogLevel    string `placeholder:"LEVEL" help:"debug, info, warn or error."`
	LogFormat   string `placeholder:"FORMAT" help:"text or json."`
}

// Run implements the command.
func (c *serveCmd) Run(e *env) error {
	conf, file, err := e.config(map[string]string{
		"listen": c.Listen, "admin_listen": c.AdminListen, "mode": c.Mode, "log.level": c.LogLevel, "log.format": c.LogFormat,
	})
	if err != nil {
		return err
	}
	log := e.logger(conf)
	if file == "" {
		log.Info("no configuration file: the defaults hold; `sluice init` writes one")
	}
	for _, w := range conf.Warnings() {
		log.Warn("the configuration works, and is better changed", "key", w)
	}
	a, err := app.New(e.ctx, conf, app.Options{Log: log})
	if err != nil {
		return err
	}
	if !e.root.JSON {
		return a.Run(e.ctx)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(e.ctx) }()
	select {
	case err := <-done:
		return err
	case <-a.Ready():
	}
	err = json.NewEncoder(e.Stdout).Encode(map[string]string{"event": "ready", "api": a.URL(), "admin": a.AdminURL(), "database": conf.DatabaseName()})
	return errors.Join(err, <-done)
}
