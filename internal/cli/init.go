package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"sluice/internal/config"
	"sluice/internal/fault"
)

type initCmd struct {
	Path  string `arg:"" optional:"" help:"The file. Default: --config, else sluice.toml."`
	Dev   bool   `help:"For a machine of your own: webhooks may go to loopback and plain http."`
	Force bool   `help:"Overwrite a file that exists."`
}

// Run implements the command.
func (c *initCmd) Run(e *env) error {
	path := c.Path
	if path == "" {
		path = e.root.Config
	}
	if path == "" {
		path = config.DefaultFile
	}
	mode := config.Live
	if c.Dev {
		mode = config.Dev
	}
	keys, err := sealKeys(filepath.Join(filepath.Dir(path), "seal.keys"), path, c.Force)
	if err != nil {
		return err
	}
	// The file may come to hold secrets: only its owner reads it.
	how := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if c.Force {
		how = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(path, how, 0o600) //nolint:gosec // the operator names the file
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Conflict, "exists", "%s exists and is left as it is; --force overwrites it", path)
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "cannot_write", "the configuration cannot be written; choose another path")
	}
	if _, err := io.WriteString(f, config.TemplateFor(mode, keys)); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return e.print(map[string]string{"file": path, "mode": string(mode), "seal_keys": keys}, func(w io.Writer) {
		p := printer{w}
		p.f("wrote %s (mode %s); the key in %s encrypts bank accounts: back it up\n\nNext:\n  sluice serve\n  sluice merchant create --name \"My shop\"\n  sluice key create --merchant mer_... --scopes all\n", path, mode, keys)
	})
}
