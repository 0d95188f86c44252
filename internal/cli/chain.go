package cli

import (
	"io"
	"log/slog"
	"time"

	"sluice/internal/fault"
	"sluice/internal/store"
	"sluice/internal/store/chain"
)

type chainCmd struct {
	Status chainStatusCmd `cmd:"" help:"Show the head of each shard's chain, when it began, and when it was last written down outside the database."`
	Anchor chainAnchorCmd `cmd:"" help:"Print the signed head of each shard's chain as one line of JSON, to be kept where whoever can write the database cannot. verify --anchors compares the books with it."`
	Begin  chainBeginCmd  `cmd:"" help:"Begin a new chain with what is in the database now. For a database that has none, for a key that is lost, and after somebody looked at what verify found. Stop all servers first."`
	Key    chainKeyCmd    `cmd:"" help:"Make a key for chain.key and print it. It is stored nowhere."`
	Public chainPublicCmd `cmd:"" help:"Print the public key that anchors and acceptances of payouts are signed with: the signer's policy wants it."`
}

type chainKeyCmd struct{}

// Run implements the command.
func (chainKeyCmd) Run(e *env) error {
	key := chain.NewKey()
	return e.print(map[string]string{"key": key}, func(w io.Writer) { printer{w}.f("%s\n", key) })
}

type chainPublicCmd struct{}

// Run implements the command.
func (chainPublicCmd) Run(e *env) error {
	conf, _, err := e.config(nil)
	if err != nil {
		return err
	}
	key, err := conf.ChainKey(false)
	if err != nil {
		return err
	}
	if key == nil {
		return errNoChainKey
	}
	return e.print(map[string]string{"public_key": key.PublicText()}, func(w io.Writer) { printer{w}.f("%s\n", key.PublicText()) })
}

var errNoChainKey = fault.New(fault.Refused, "chain_key_missing", "this installation has no chain key yet: `sluice migrate` makes it with the database, or set chain.key")

type chainAnchorCmd struct{}

// Run implements the command.
func (chainAnchorCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		all, err := t.anchors()
		if err != nil {
			return err
		}
		e.root.JSON = true // an anchor has one form
		return list(e, all, "", nil)
	})
}

// anchors are those of now. Their time is the clock's: nothing is decided by it.
func (t *tool) anchors() ([]chain.Anchor, error) {
	all, err := t.db.Anchors(t.ctx, time.Now(), "")
	if err == nil && len(all) == 0 {
		err = errNoChainKey
	}
	return all, err
}

type chainStatusCmd struct{}

// chainOut is one shard of chain status.
type chainOut struct {
	chain.Anchor
	Anchored *time.Time `json:"anchored_at"` // nil: never
}

// Run implements the command.
func (chainStatusCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		all, err := t.anchors()
		if err != nil {
			return err
		}
		known, err := chain.ReadAnchors(t.conf.AnchorFile())
		if err != nil {
			return err
		}
		var out []chainOut
		for _, a := range all {
			o := chainOut{Anchor: a}
			for _, k := range known {
				if k.Shard == a.Shard && k.Chain == a.Chain {
					o.Anchored = &k.At
				}
			}
			out = append(out, o)
		}
		return list(e, out, "SHARD CHAIN VERSION LAST_EVENT ANCHORED", func(o chainOut) []any {
			at := "never"
			if o.Anchored != nil {
				at = o.Anchored.Format(time.RFC3339)
			}
			return []any{o.Shard, o.Chain, o.Version, o.LastEvent, at}
		})
	})
}

type chainBeginCmd struct {
	Reason string `required:"" help:"Why, for whoever reads the anchors later."`
	Accept bool   `name:"accept-differences" help:"Begin although verify finds differences: what is in the database now is taken as it is."`
}

// Run implements the command.
func (c chainBeginCmd) Run(e *env) error {
	conf, _, err := e.config(nil)
	if err != nil {
		return err
	}
	key, err := conf.ChainKey(true)
	if err != nil {
		return err
	}
	if key == nil {
		return fault.Bad("config_invalid", "chain.key", "is needed to begin a chain; `sluice chain key` makes one")
	}
	if err := c.look(e); err != nil {
		return err
	}
	opt := store.Options{Chain: key, Log: slog.New(slog.NewTextHandler(e.Stderr, nil))}
	all, err := store.BeginChain(e.ctx, conf.DatabaseURL.Reveal(), opt, c.Reason)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "chain_not_begun", "the chain of %s was not begun; nothing changed", conf.DatabaseName())
	}
	if path := conf.AnchorFile(); path != "" {
		if err := chain.AppendAnchors(path, all); err != nil {
			return err
		}
		e.progress("the first anchors are in %s", path)
	}
	return list(e, all, "SHARD CHAIN VERSION LAST_EVENT", func(a chain.Anchor) []any { return []any{a.Shard, a.Chain, a.Version, a.LastEvent} })
}

// look refuses to begin over differences that nobody has agreed to.
func (c chainBeginCmd) look(e *env) error {
	return e.openAs(true, func(t *tool) error {
		report, err := t.verify(nil)
		if err != nil || report.OK() || c.Accept {
			return err
		}
		if len(report.Other()) == 0 { // only that there is no chain
			return nil
		}
		return fault.New(fault.Refused, "differences", "the books differ, and a new chain would take them as they are: look at what `sluice verify` says first; then --accept-differences. %v", report.Err())
	})
}

// verify reads everything.
func (t *tool) verify(anchors []chain.Anchor) (store.Report, error) {
	last := time.Now()
	report, err := t.db.VerifyWith(t.ctx, store.VerifyOptions{Anchors: anchors, Progress: func(p store.Progress) {
		if now := time.Now(); now.Sub(last) >= stillAt {
			last = now
			t.progress("shard %d, %s: %s", p.Shard, p.Doing, pace("rows", p.Rows, p.Of, p.Rate(now), p.Left(now)))
		}
	}})
	if err != nil {
		return report, fault.Wrap(err, fault.Unavailable, "not_verified", "the books could not be read to the end; nothing is said about them")
	}
	return report, nil
}
