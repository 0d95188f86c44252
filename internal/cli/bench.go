package cli

import (
	"encoding/json"
	"time"

	"sluice/internal/bench"
	"sluice/internal/fault"
)

type benchCmd struct {
	Accept benchAcceptCmd `cmd:"" help:"Measure how many withdrawals this machine accepts per second, and its floors in the same run."`
	Rail   benchRailCmd   `cmd:"" help:"Measure what payouts cost and how fast they go, on a developer's chain."`
}

type benchAcceptCmd struct {
	HTTP        bool          `name:"http" help:"Measure POST /v1/withdrawals over loopback, with API key, instead of the write path in this process."`
	Database    string        `placeholder:"URL" help:"Write to sqlite:PATH or postgres://USER@HOST/DATABASE; what is written stays there. Default: a temporary SQLite file. The configured database is never used."`
	Force       bool          `help:"Write even to a database that holds merchants of others."`
	Accounts    int           `default:"10000" help:"Accounts to withdraw from, at random; 1 is one hot account."`
	Concurrency int           `help:"Callers that wait for an answer at any time. Default: 1024, with --http 64."`
	Duration    time.Duration `default:"10s" help:"How long to measure; the floors take about as long again."`
	Warmup      time.Duration `default:"2s" help:"How long to accept before measuring."`
	CPUProfile  string        `name:"cpu-profile" placeholder:"PATH" help:"Write a CPU profile of the last measured stretch."`
}

// Run implements the command.
func (c benchAcceptCmd) Run(e *env) error {
	url := c.Database
	if e.root.DatabaseURL != "" {
		if url != "" && url != e.root.DatabaseURL {
			return fault.New(fault.Invalid, "usage", "--database and --database-url name two databases; give one")
		}
		url = e.root.DatabaseURL
	}
	report, err := bench.Accept(e.ctx, bench.Options{
		HTTP: c.HTTP, Database: url, Force: c.Force, Accounts: c.Accounts, Concurrency: c.Concurrency,
		Duration: c.Duration, Warmup: c.Warmup, Progress: e.Stderr, CPUProfile: c.CPUProfile,
	})
	if err != nil {
		return err
	}
	if e.root.JSON {
		return json.NewEncoder(e.Stdout).Encode(report)
	}
	return report.WriteText(e.Stdout)
}
