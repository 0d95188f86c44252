package cli

import (
	"fmt"
	"io"
	"time"

	"sluice/internal/fault"
	"sluice/internal/store"
)

type verifyCmd struct{}

// verdict is what verify prints as JSON.
type verdict struct {
	OK          bool   `json:"ok"`
	Database    string `json:"database"`
	Engine      string `json:"engine"`
	Differences int64  `json:"differences"`
	store.Report
}

// stillAt is how often a long check says that it is at work.
const stillAt = 5 * time.Second

// Run implements the command.
func (verifyCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		begin := time.Now()
		e.progress("verifying %s: every row is read once", t.conf.DatabaseName())
		done := make(chan struct{})
		told := make(chan struct{})
		go func() {
			defer close(told)
			tick := time.NewTicker(stillAt)
			defer tick.Stop()
			for {
				select {
				case <-done:
					return
				case <-tick.C:
					e.progress("still at it after %s", time.Since(begin).Round(time.Second))
				}
			}
		}()
		report, err := t.db.Verify(t.ctx)
		close(done)
		<-told
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "not_verified", "the books could not be read to the end; nothing is said about them")
		}
		v := verdict{OK: report.OK(), Database: t.conf.DatabaseName(), Engine: t.db.Engine(), Report: report}
		for _, s := range report.Shards {
			v.Differences += s.Count
		}
		if err := e.print(v, func(w io.Writer) { v.table(printer{w}) }); err != nil {
			return err
		}
		if !v.OK {
			return quiet{ExitNo}
		}
		return nil
	})
}

func (v verdict) table(p printer) {
	p.line("SHARD\tBALANCES\tHOUSE ACCOUNTS\tTRANSFERS\tWITHDRAWALS\tEVENTS\tDIFFERENCES")
	for _, s := range v.Shards {
		p.f("%d\t%d\t%d\t%d\t%d\t%d\t%d\n", s.Shard, s.Balances, s.Houses, s.Transfers, s.Withdrawals, s.Events, s.Count)
	}
	for _, s := range v.Shards {
		for _, d := range s.Differences {
			p.line(fmt.Sprintf("\nshard %d: %s\n  at   %s\n  want %s\n  have %s", s.Shard, d.Check, d.Where, d.Want, d.Have))
		}
		if more := s.Count - int64(len(s.Differences)); more > 0 {
			p.f("\nshard %d: and %d more\n", s.Shard, more)
		}
	}
	if v.OK {
		p.line("\nEverything adds up.")
		return
	}
	p.line("\nThe books differ. Stop the server, keep a copy of the database as it is, and find the first difference before anything is paid.")
}
