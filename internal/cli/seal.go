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

// sealKeys makes the file of keys beside a new configuration. One that exists is left
// as it is, whatever happens to the configuration: nothing else opens what it sealed.
func sealKeys(path, configuration string, force bool) (string, error) {
	if _, err := os.Stat(configuration); err == nil && !force {
		return path, nil // the configuration is refused in a moment
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // beside the file that the operator names
	if errors.Is(err, fs.ErrExist) {
		return path, nil
	}
	if err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "cannot_write", "the key for bank accounts cannot be written beside the configuration; choose another path")
	}
	k, err := newSealKey("")
	if err != nil {
		return "", errors.Join(err, f.Close())
	}
	_, err = io.WriteString(f, "# Encrypts bank accounts. Back it up apart from the database; new keys go in front, old ones stay.\n"+k.Reveal()+"\n")
	return path, errors.Join(err, f.Close())
}
