package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/store/chain"
)

// Chain says what the books are proved with.
type Chain struct {
	Key         Secret   `toml:"key" doc:"the key that the hash chain of the books is made and checked with; sluice chain key makes one. Best as file:PATH, where whoever can write the database cannot read it; every server of an installation has the same. Empty: with SQLite the file key in a folder beside the database that has its name and .chain, which is made with the database; with PostgreSQL in dev mode in the folder keystore.dir with .chain, in live mode it must be set. Back it up apart from the database: without it nobody can prove the books, and the server does not start"`
	Anchors     string   `toml:"anchors" doc:"file to which the signed head of the chain is added again and again: it shows later that nothing was cut off or written anew. Best on another machine, or copied there. Empty: the file anchors beside the key"`
	AnchorEvery Duration `toml:"anchor_every" doc:"how often that is done: what an attacker could cut off unseen is at the most so old. 0s: never"`
}

// defaultAnchor is how often the head of the chain is written down.
const defaultAnchor = Duration(5 * time.Minute)

func (c *Config) checkChain(p *problems) {
	if c.Chain.AnchorEvery != 0 {
		span(p, "chain.anchor_every", c.Chain.AnchorEvery, time.Second, 24*time.Hour)
	}
	if !c.Chain.Key.IsZero() {
		if _, err := chain.ParseKey(c.Chain.Key.Reveal()); err != nil {
			p.add("chain.key", "%v", err)
		}
		return
	}
	if c.Mode == Live && strings.HasPrefix(c.DatabaseURL.Reveal(), "postgres") {
		p.add("chain.key", "must be set with PostgreSQL: every server needs the same key. `sluice chain key` makes one")
	}
}

// chainDir is where key and anchors are if nobody says otherwise; "" where nothing can be.
func (c Config) chainDir() string {
	if path, ok := strings.CutPrefix(c.DatabaseURL.Reveal(), "sqlite:"); ok {
		return strings.TrimSuffix(path, ".db") + ".chain"
	}
	if c.Keystore.Dir == "" {
		return ""
	}
	return strings.TrimRight(c.Keystore.Dir, "/") + ".chain"
}

// ChainKey is the key that the configuration names, or else the one in its file. With
// fresh set, the file is made if it is missing. nil: there is none, and nowhere to keep one.
func (c Config) ChainKey(fresh bool) (*chain.Key, error) {
	text := c.Chain.Key.Reveal()
	if text == "" {
		dir := c.chainDir()
		if dir == "" {
			return nil, nil //nolint:nilnil // said above
		}
		path := filepath.Join(dir, "key")
		raw, err := os.ReadFile(path) //nolint:gosec // the operator names the folder
		switch {
		case errors.Is(err, fs.ErrNotExist) && !fresh:
			return nil, nil //nolint:nilnil // whoever opens the database tells whether it needs one
		case errors.Is(err, fs.ErrNotExist):
			if raw, err = makeChainKey(dir, path); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, fault.Wrap(err, fault.Unavailable, "chain_key_unreadable", "the key of the chain cannot be read from %s", path)
		}
		text = string(raw)
	}
	k, err := chain.ParseKey(text)
	if err != nil {
		return nil, fault.Of(err).At("chain.key")
	}
	return k, nil
}

// makeChainKey makes the file of the key. Several processes may do it at once: the
// first one's key is everybody's.
func makeChainKey(dir, path string) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		return nil, fault.Wrap(err, fault.Unavailable, "cannot_write", "the key of the chain cannot be kept in %s; set chain.key", dir)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fail(err)
	}
	f, err := os.CreateTemp(dir, "key-")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // what stays behind is a key that nobody uses
	_, err = fmt.Fprintf(f, "# Proves the books of this installation. Back it up apart from the database.\n%s\n", chain.NewKey())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fail(err)
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fail(err)
	}
	raw, err := os.ReadFile(path) //nolint:gosec // as above
	if err != nil {
		return fail(err)
	}
	return raw, nil
}

// AnchorFile is where anchors are kept; "" for nowhere.
func (c Config) AnchorFile() string {
	if dir := c.chainDir(); c.Chain.Anchors == "" && dir != "" {
		return filepath.Join(dir, "anchors")
	}
	return c.Chain.Anchors
}
