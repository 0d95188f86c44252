package cli

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/store/chain"
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
	beside := func(name string) string { return filepath.Join(filepath.Dir(path), name) }
	secrets := config.SecretFiles{SealKeys: beside("seal.keys"), Passphrase: beside("keystore.passphrase"), ChainKey: beside("chain.key")}
	if err := errors.Join(
		secretFile(secrets.SealKeys, path, "key for bank accounts", c.Force, sealKeyFile),
		secretFile(secrets.Passphrase, path, "passphrase of the keystore", c.Force, func() (string, error) { return rand.Text() + rand.Text(), nil }),
		secretFile(secrets.ChainKey, path, "key of the books' chain", c.Force, func() (string, error) { return chain.NewKey(), nil }),
	); err != nil {
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
	if _, err := io.WriteString(f, config.TemplateFor(mode, secrets)); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	out := map[string]string{"file": path, "mode": string(mode), "seal_keys": secrets.SealKeys, "passphrase": secrets.Passphrase, "chain_key": secrets.ChainKey}
	return e.print(out, func(w io.Writer) {
		printer{w}.f(`wrote %s (mode %s). Back up, apart from the database:
  %s  encrypts bank accounts
  %s  opens the keys of the wallets
  %s  proves the books

Next:
  add a network and its assets to %s
  sluice doctor
  sluice serve
  sluice wallet create --network ethereum
  sluice merchant create --name "My shop"
`, path, mode, secrets.SealKeys, secrets.Passphrase, secrets.ChainKey, path)
	})
}
