package demo

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// flags of the program.
type flags struct {
	Listen string `help:"host:port of the API; port 0 takes a free one. Default: 127.0.0.1:8080, and a free port with --once." placeholder:"HOST:PORT"`
	Dir    string `help:"Folder for database, keys and log, empty or not there yet; it stays. Without it a temporary one is used and removed." type:"path"`
	Btcd   string `help:"Program of a Bitcoin node (btcd), for the step that pays in Bitcoin. Default: bin/btcd, or the one in PATH; without any the step is skipped." env:"SLUICE_DEMO_BTCD" placeholder:"PATH"`
	Bare   bool   `help:"Without the story: serve at once."`
	Once   bool   `help:"End after the story; the exit code is 1 if anything differs from what must be."`
	JSON   bool   `help:"Print one JSON object per step." name:"json"`

	Verbose bool `short:"v" help:"Tell every request, webhook, block and booking. Without it the story fits a screen of 80 x 24."`
}

const purpose = "Pay users out on an Ethereum chain and through a bank inside this process, and watch every step. `sluice-demo bank --help` is a bank to try payments in euro with."

// Main is the program sluice-demo. It gives the exit code: 0 when everything was as
// it must be, 1 when not, 2 for wrong arguments.
func Main(args []string, stdout, stderr *os.File) int {
	if len(args) > 0 && args[0] == "bank" {
		return bankMain(args[1:], stdout, stderr)
	}
	var f flags
	code := -1
	parser, err := kong.New(&f, kong.Name("sluice-demo"), kong.Description(purpose), kong.Writers(stdout, stderr), kong.Exit(func(c int) { code = c }))
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "sluice-demo:", err)
		return 2
	}
	_, err = parser.Parse(args)
	if code >= 0 {
		return code // --help has been printed
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "sluice-demo:", err)
		return 2
	}
	switch {
	case f.Listen == "" && f.Once:
		f.Listen = "127.0.0.1:0"
	case f.Listen == "":
		f.Listen = "127.0.0.1:8080"
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE) // also when nobody reads on
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends the process at once
	}()
	watched := !f.JSON && terminal(stdout)
	err = Run(ctx, Options{
		Dir: f.Dir, Btcd: f.Btcd, Listen: f.Listen, Bare: f.Bare, Once: f.Once && !f.Bare, JSON: f.JSON,
		Color: watched && os.Getenv("NO_COLOR") == "", Verbose: f.Verbose, Terminal: watched, Out: stdout,
	})
	if ctx.Err() != nil && !f.Once { // somebody has seen enough
		_, _ = fmt.Fprintln(stdout)
		return 0
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "sluice-demo:", err)
		return 1
	}
	return 0
}

// terminal tells whether a person looks at the output. Whoever sets NO_COLOR
// (https://no-color.org) gets no colours.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
