package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"sluice/internal/fault"
	"sluice/internal/seal"
)

type sealCmd struct {
	Status sealStatusCmd `cmd:"" help:"Count what is sealed under which key of seal.keys. A key that is listed must stay; exit code 1 if one is missing here. Reads whole tables."`
	Key    sealKeyCmd    `cmd:"" help:"Make a key for seal.keys and print it. It is stored nowhere: put it in front of the others in the file that seal.keys names."`
}

type sealKeyCmd struct {
	ID string `help:"What to call it; no two keys ever have one name. Default: the date."`
}

// Run implements the command.
func (c *sealKeyCmd) Run(e *env) error {
	k, err := newSealKey(c.ID)
	if err != nil {
		return err
	}
	return e.print(map[string]string{"id": k.ID, "key": k.Reveal()}, func(w io.Writer) { printer{w}.f("%s\n", k.Reveal()) })
}

func newSealKey(name string) (seal.Key, error) {
	if name == "" {
		name = time.Now().UTC().Format("2006-01-02")
	}
	return seal.NewKey(name)
}

// secretFile makes a file with a secret beside a new configuration, readable for its owner
// only. One that exists is left as it is, whatever happens to the configuration: nothing
// else opens what it closed. what says what it is for.
func secretFile(path, configuration, what string, force bool, text func() (string, error)) error {
	if _, err := os.Stat(configuration); err == nil && !force {
		return nil // the configuration is refused in a moment
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // beside the file that the operator names
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "cannot_write", "the %s cannot be written beside the configuration; choose another path", what)
	}
	s, err := text()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	_, err = io.WriteString(f, s+"\n")
	return errors.Join(err, f.Close())
}

func sealKeyFile() (string, error) {
	k, err := newSealKey("")
	return "# Encrypts bank accounts. Back it up apart from the database; new keys go in front, old ones stay.\n" + k.Reveal(), err
}
