package cli

import (
	"io"
	"runtime"

	"github.com/alecthomas/kong"

	"sluice/internal/app"
)

type versionCmd struct{}

// built is what was built, for people and programs.
func built() map[string]string {
	return map[string]string{"version": app.Version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
}

// Run implements the command.
func (versionCmd) Run(e *env) error {
	v := built()
	return e.print(v, func(w io.Writer) { printVersion(w, v) })
}

func printVersion(w io.Writer, v map[string]string) {
	printer{w}.f("sluice %s (%s, %s)\n", v["version"], v["go"], v["platform"])
}

// versionFlag is --version, which every program has, beside the command.
type versionFlag bool

// BeforeReset implements kong's hook: it prints and ends, whatever else is there.
func (versionFlag) BeforeReset(k *kong.Kong) error {
	printVersion(k.Stdout, built())
	k.Exit(ExitOK)
	return nil
}
