package cli

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"sluice/internal/app"
	"sluice/internal/config"
	"sluice/internal/signer/guard"
)

// signerCmd is the signer in a process of its own. It has a configuration of its own,
// and never reads the server's.
type signerCmd struct {
	Start  signerRunCmd    `cmd:"" name:"run" default:"withargs" help:"Sign for whoever may use the socket, until SIGTERM or Ctrl-C. SIGUSR1 stops all signing, SIGUSR2 lets it go on."`
	Check  signerCheckCmd  `cmd:"" help:"Open the keys, read all of the log, and show both. Exit code 1: something is wrong."`
	Stop   signerStopCmd   `cmd:"" help:"Stop all signing at once, until resume: also while the signer is down, and across restarts."`
	Resume signerResumeCmd `cmd:"" help:"Let the signer sign again."`
}

// signerFlags are those of every command of the signer.
type signerFlags struct {
	Policy string `required:"" placeholder:"PATH" help:"The signer's own configuration; docs/signer.md shows one."`
}

func (c signerFlags) load(e *env) (config.SignerFile, error) {
	return config.LoadSigner(c.Policy, e.Environ)
}

type signerRunCmd struct{ signerFlags }

// Run implements the command.
func (c signerRunCmd) Run(e *env) error {
	f, err := c.load(e)
	if err != nil {
		return err
	}
	log := e.logger(config.Config{Log: f.Log})
	// A signal is the shortest way to stop it from a machine's own tools.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	done := make(chan struct{})
	defer func() { signal.Stop(signals); close(done) }()
	go func() {
		for {
			select {
			case <-done:
				return
			case s := <-signals:
				do, what := guard.Resume, "signing goes on"
				if s == syscall.SIGUSR1 {
					do, what = guard.Stop, "signing is stopped"
				}
				if err := do(f.Dir); err != nil {
					log.Error("the signal has had no effect", "signal", s.String(), "error", err)
					continue
				}
				log.Warn(what, "signal", s.String())
			}
		}
	}()
	return app.RunSigner(e.ctx, f, log, func() {
		if e.root.JSON {
			_ = e.print(map[string]string{"event": "ready", "socket": f.Socket}, nil) // nobody to tell
		}
	})
}

type signerCheckCmd struct{ signerFlags }

// Run implements the command.
func (c signerCheckCmd) Run(e *env) error {
	f, err := c.load(e)
	if err != nil {
		return err
	}
	g, err := app.OpenGuard(e.ctx, f)
	if err != nil {
		return err
	}
	defer g.Close() //nolint:errcheck // only read
	addresses, err := g.Addresses(e.ctx)
	if err != nil {
		return err
	}
	out := struct {
		Wallets []string `json:"wallets"`
		Log     string   `json:"log"`
		Stopped bool     `json:"stopped"`
	}{addresses, g.Head(), g.Stopped()}
	return e.print(out, func(w io.Writer) {
		p := printer{w}
		for _, a := range addresses {
			p.f("wallet\t%s\n", a)
		}
		p.f("log\t%s\n", out.Log)
		if out.Stopped {
			p.line("stopped\tyes: `sluice signer resume` lets it sign again")
		}
	})
}

type signerStopCmd struct{ signerFlags }

// Run implements the command.
func (c signerStopCmd) Run(e *env) error { return c.turn(e, guard.Stop, "stopped") }

type signerResumeCmd struct{ signerFlags }

// Run implements the command.
func (c signerResumeCmd) Run(e *env) error { return c.turn(e, guard.Resume, "resumed") }

func (c signerFlags) turn(e *env, do func(dir string) error, event string) error {
	f, err := c.load(e)
	if err != nil {
		return err
	}
	if err := do(f.Dir); err != nil {
		return err
	}
	return e.print(map[string]string{"event": event}, func(w io.Writer) { printer{w}.line(event) })
}
