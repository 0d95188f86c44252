package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"sluice/internal/fault"
	"sluice/internal/store"
	"sluice/internal/store/chain"
)

type verifyCmd struct {
	Anchors string `placeholder:"FILE" help:"Compare with the anchors in this file. Default: the file that chain.anchors names."`
}

// verdict is what verify prints as JSON.
type verdict struct {
	OK          bool   `json:"ok"`
	Database    string `json:"database"`
	Engine      string `json:"engine"`
	Differences int64  `json:"differences"`
	store.Report
}

// stillAt is how often a long check says how far it has come.
var stillAt = 5 * time.Second //nolint:gochecknoglobals // tests do not wait

// Run implements the command.
func (c verifyCmd) Run(e *env) error {
	return e.openAs(true, func(t *tool) error {
		path := c.Anchors
		if path == "" {
			path = t.conf.AnchorFile()
		} else if _, err := os.Stat(path); err != nil {
			return fault.Wrap(err, fault.Invalid, "usage", "the anchors %s cannot be read", path)
		}
		anchors, err := chain.ReadAnchors(path)
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "not_verified", "the anchors cannot be read; nothing is said about the books")
		}
		e.progress("verifying %s: every row is read once", t.conf.DatabaseName())
		report, err := t.verify(anchors)
		if err != nil {
			return err
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
	p.line("SHARD\tBALANCES\tHOUSE ACCOUNTS\tTRANSFERS\tWITHDRAWALS\tEVENTS\tROWS IN CHAIN\tANCHORS\tDIFFERENCES")
	for _, s := range v.Shards {
		rows, anchors := "no chain", "-"
		if s.Chain != nil {
			rows, anchors = strconv.FormatInt(s.Chain.Rows, 10), strconv.Itoa(s.Chain.Anchors)
		}
		p.f("%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%d\n", s.Shard, s.Balances, s.Houses, s.Transfers, s.Withdrawals, s.Events, rows, anchors, s.Count)
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
