package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"sluice/internal/bank/iban"
	"sluice/internal/bank/sepa"
	"sluice/internal/fault"
	"sluice/internal/seal"
)

type sealCmd struct {
	Print  sealPrintCmd  `cmd:"" name:"fingerprint" help:"Read account numbers from standard input, one on a line, and print their fingerprints under the first key of seal.keys: for lists that must not hold the numbers, like the destinations of a signer's banks."`
	Status sealStatusCmd `cmd:"" help:"Count what is sealed under which key of seal.keys. A key that is listed must stay; exit code 1 if one is missing here. Reads whole tables."`
	Renew  sealRenewCmd  `cmd:"" help:"Seal again, for their row and under the first key of seal.keys, all values that are readable, bound to no row, or under an older key. It may run beside the server, and again at any time."`
	Key    sealKeyCmd    `cmd:"" help:"Make a key for seal.keys and print it. It is stored nowhere: put it in front of the others in the file that seal.keys names."`
}

type sealPrintCmd struct{}

// numbersMax bounds what is read from standard input, in bytes.
const numbersMax = 1 << 20

// Run implements the command.
func (sealPrintCmd) Run(e *env) error {
	conf, _, err := e.config(nil)
	if err != nil {
		return err
	}
	ring, err := conf.Seal.Ring()
	if err != nil {
		return err
	}
	if ring == nil {
		return fault.Bad("config_invalid", "seal.keys", "is needed: fingerprints are made with it; `sluice seal key` makes one")
	}
	text, err := io.ReadAll(io.LimitReader(e.Stdin, numbersMax))
	if err != nil {
		return err
	}
	var prints []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		number, err := iban.Parse(line)
		if err != nil {
			return err
		}
		prints = append(prints, ring.Fingerprint(sepa.PrintDomain, []byte(number.String())))
	}
	return e.print(map[string]any{"fingerprints": prints}, func(w io.Writer) {
		for _, p := range prints {
			printer{w}.line(p)
		}
	})
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
