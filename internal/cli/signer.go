package cli

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"sluice/internal/app"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/signer/guard"
)

// signerCmd is the signer in a process of its own. It has a configuration of its own,
// and never reads the server's.
type signerCmd struct {
	Start  signerRunCmd    `cmd:"" name:"run" default:"withargs" help:"Sign for whoever may use the socket, until SIGTERM or Ctrl-C. SIGUSR1 stops all signing, SIGUSR2 lets it go on."`
	Check  signerCheckCmd  `cmd:"" help:"Open the keys, read all of the log, and show both. Exit code 1: something is wrong."`
	Stop   signerStopCmd   `cmd:"" help:"Stop all signing at once, until resume: also while the signer is down, and across restarts."`
	Resume signerResumeCmd `cmd:"" help:"Let the signer sign again."`
	Clock  signerClockCmd  `cmd:"" help:"Confirm that this machine's clock is right, after the signer stopped because of it (sign_clock)."`
	Fence  signerFenceCmd  `cmd:"" help:"Say which lease of a wallet is the newest, after the signer refused one (sign_fence, sign_fence_far)."`
	Nonce  signerNonceCmd  `cmd:"" help:"Say which nonce the chain expects next of a wallet, after the signer refused one (sign_nonce_far), or after somebody had nonces signed for cancels."`
	Coins  signerCoinsCmd  `cmd:"" help:"Free the coins of a wallet that were signed for nobody: in cancels, and in children that pay for their parents."`
}

// signerFlags are those of every command of the signer.
type signerFlags struct {
	Policy string `required:"" placeholder:"PATH" help:"The signer's own configuration; docs/signer.md shows one."`
}

func (c signerFlags) load(e *env) (config.SignerFile, error) {
	return config.LoadSigner(c.Policy, e.Environ)
}

// logFlags are those of commands on the log of a signer, which need not run.
type logFlags struct {
	Policy string `placeholder:"PATH" help:"The signer's own configuration. Without it: the log of a server that signs itself, as its configuration says."`
}

// load gives the folder of the log, and what the signer pays on.
func (c logFlags) load(e *env) (dir string, p guard.Policy, err error) {
	if c.Policy != "" {
		f, err := config.LoadSigner(c.Policy, e.Environ)
		if err != nil {
			return "", p, err
		}
		p, err = app.SignerPolicy(f)
		return f.Dir, p, err
	}
	conf, _, err := e.config(nil)
	if err != nil {
		return "", p, err
	}
	if conf.Signer.Socket != "" {
		return "", p, fault.New(fault.Invalid, "usage", "this server asks the signer at %s: name the signer's configuration with --policy", conf.Signer.Socket)
	}
	p, err = app.PolicyHere(conf)
	return conf.LogDir(), p, err
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
	g, err := app.OpenGuard(e.ctx, f, e.logger(config.Config{Log: f.Log}))
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
		Trouble string   `json:"trouble,omitempty"`
	}{addresses, g.Head(), g.Stopped(), ""}
	if err := g.Health(e.ctx); err != nil && !out.Stopped {
		out.Trouble = err.Error()
	}
	err = e.print(out, func(w io.Writer) {
		p := printer{w}
		for _, a := range addresses {
			p.f("wallet\t%s\n", a)
		}
		p.f("log\t%s\n", out.Log)
		if out.Stopped {
			p.line("stopped\tyes: `sluice signer resume` lets it sign again")
		}
		if out.Trouble != "" {
			p.f("trouble\t%s\n", out.Trouble)
		}
	})
	if err == nil && out.Trouble != "" {
		err = quiet{ExitNo}
	}
	return err
}

type signerStopCmd struct{ logFlags }

// Run implements the command.
func (c signerStopCmd) Run(e *env) error { return c.turn(e, guard.Stop, "stopped") }

type signerResumeCmd struct{ logFlags }

// Run implements the command.
func (c signerResumeCmd) Run(e *env) error { return c.turn(e, guard.Resume, "resumed") }

func (c logFlags) turn(e *env, do func(dir string) error, event string) error {
	dir, _, err := c.load(e)
	if err != nil {
		return err
	}
	if err := do(dir); err != nil {
		return err
	}
	return e.print(map[string]string{"event": event}, func(w io.Writer) { printer{w}.line(event) })
}
