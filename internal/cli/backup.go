package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/payout/recovery"
	"sluice/internal/store"
)

type backupCmd struct {
	To string `arg:"" placeholder:"FILE" help:"Where the copy goes. It must not exist yet."`
}

type restoreCmd struct {
	Check bool   `required:"" help:"Prove a backup: read every page, recompute every balance and the hash chain. Nothing is restored."`
	From  string `arg:"" placeholder:"BACKUP" help:"A SQLite file, or the postgres:// URL of a server that was restored."`
}

// backupOut is what is known of a copy.
type backupOut struct {
	Backup      string         `json:"backup"`
	Engine      string         `json:"engine"`
	Bytes       int64          `json:"bytes,omitempty"`
	State       recovery.State `json:"state"` // what a server does with it
	LastEvent   *time.Time     `json:"last_event,omitempty"`
	Events      int64          `json:"events"`
	Withdrawals int64          `json:"withdrawals"`
	Chain       string         `json:"chain"` // checked, or none
	Differences int64          `json:"differences"`
	OK          bool           `json:"ok"`
}

// Run implements the command.
func (c backupCmd) Run(e *env) error {
	var out backupOut
	err := e.open(func(t *tool) error {
		e.progress("copying %s: a server may go on working", t.conf.DatabaseName())
		if err := t.db.Backup(e.ctx, c.To); err != nil {
			return err
		}
		err := t.copied(c.To, func(copied *tool) error {
			err := copied.write(func(loop *commit.Loop) error {
				return app.NewRecovery(copied.db, nil, nil, t.conf, nil).Copied(e.ctx, loop)
			})
			if err == nil {
				out, err = copied.prove(c.To)
			}
			return err
		})
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "backup_failed", "%s is no backup; delete it", c.To)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.printBackup(out)
}

// Run implements the command.
func (c restoreCmd) Run(e *env) error {
	conf, _, err := e.config(nil)
	if err != nil {
		return err
	}
	var out backupOut
	t := &tool{env: e, conf: conf}
	if err := t.copied(c.From, func(copied *tool) (err error) {
		out, err = copied.prove(c.From)
		return err
	}); err != nil {
		return err
	}
	return e.printBackup(out)
}

// copied opens a copy of the database, with the keys of this installation, for the time of fn.
func (t *tool) copied(name string, fn func(*tool) error) error {
	url := name
	if !strings.Contains(name, ":") {
		url = "sqlite:" + name
	}
	opt, err := app.StoreOptions(t.conf, nil)
	if err != nil {
		return err
	}
	have, know, err := store.Schema(t.ctx, url)
	switch {
	case err != nil:
		return fault.Wrap(err, fault.Unavailable, "no_backup", "the backup cannot be read")
	case have < know:
		return fault.New(fault.Refused, "backup_older", "the backup has schema %d and this program %d: check it with the program that made it, or a copy of it after `sluice migrate`", have, know)
	}
	opt.Look = true
	db, err := store.Open(t.ctx, url, opt)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "no_backup", "the backup cannot be opened")
	}
	conf := t.conf
	conf.DatabaseURL = config.NewSecret(url)
	return errors.Join(fn(&tool{t.env, conf, db}), db.Close())
}

// prove reads all of a copy.
func (t *tool) prove(name string) (out backupOut, err error) {
	out = backupOut{Backup: t.conf.DatabaseName(), Engine: t.db.Engine(), State: recovery.Open, Chain: "none"}
	if info, err := os.Stat(name); err == nil {
		out.Bytes = info.Size()
	}
	t.progress("checking %s: every page and every row is read once", out.Backup)
	if err := t.db.Intact(t.ctx); err != nil {
		return out, err
	}
	i, err := t.db.Installation(t.ctx)
	if err != nil {
		return out, err
	}
	if i.State != "" {
		out.State = i.State
	}
	report, err := t.verify(nil)
	if err != nil {
		return out, err
	}
	for _, s := range report.Shards {
		out.Events, out.Withdrawals, out.Differences = out.Events+s.Events, out.Withdrawals+s.Withdrawals, out.Differences+s.Count
		if s.Chain != nil {
			out.Chain = "checked"
		}
	}
	out.OK = report.OK()
	last, err := t.db.LastEventTime(t.ctx)
	out.LastEvent = maybe(last)
	return out, err
}

func (e *env) printBackup(o backupOut) error {
	if err := e.print(o, func(w io.Writer) {
		p := printer{w}
		p.f("backup\t%s\n", o.Backup)
		if o.Bytes > 0 {
			p.f("bytes\t%d\n", o.Bytes)
		}
		last := "never"
		if o.LastEvent != nil {
			last = o.LastEvent.Format(time.RFC3339)
		}
		p.f("last event\t%s\nevents\t%d\nwithdrawals\t%d\nhash chain\t%s\nstarts\t%s\n", last, o.Events, o.Withdrawals, o.Chain,
			map[recovery.State]string{recovery.Looking: "looking only, until it is compared with what was paid since", recovery.Open: "open, unless an anchor, the signer's log or a chain knows more"}[o.State])
		if o.OK {
			p.line("\nEvery page is readable, and everything adds up.")
		} else {
			p.line(fmt.Sprintf("\n%d differences: `sluice verify --database-url %s` lists them.", o.Differences, o.Backup))
		}
	}); err != nil {
		return err
	}
	if !o.OK {
		return quiet{ExitNo}
	}
	return nil
}
