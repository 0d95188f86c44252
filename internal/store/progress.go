package store

import (
	"context"
	"log/slog"
	"time"

	"sluice/internal/id"
	"sluice/internal/store/chain"
)

// Progress says how far a walk over the books has come.
type Progress struct {
	Shard id.Shard
	Doing string // what of the shard
	Rows  int64  // that were read, over all shards
	Of    int64  // about how many there are to read, at least Rows; 0: nobody knows
	Since time.Time
}

// Left estimates the time to the end, at the pace so far; 0: nobody knows.
func (p Progress) Left(now time.Time) time.Duration {
	if p.Rows <= 0 || p.Of <= p.Rows {
		return 0
	}
	return now.Sub(p.Since) / time.Duration(p.Rows) * time.Duration(p.Of-p.Rows)
}

// Rate is how many rows were read in a second.
func (p Progress) Rate(now time.Time) int64 {
	if took := now.Sub(p.Since); took > 0 {
		return int64(time.Duration(p.Rows) * time.Second / took)
	}
	return 0
}

// tellEvery is after how many rows somebody hears of the progress.
const tellEvery = 1000

// counted counts what is read and tells of it.
type counted struct {
	querier
	at   *Progress
	tell func(Progress)
}

// each implements querier.
func (c counted) each(ctx context.Context, query string, args, dst []any, fn func() error) error {
	return c.querier.each(ctx, query, args, dst, func() error {
		if c.at.Rows++; c.at.Rows%tellEvery == 1 {
			c.at.Of = max(c.at.Of, c.at.Rows)
			c.tell(*c.at)
		}
		return fn()
	})
}

// logEvery is how often the log says how far a migration has come.
const logEvery = 5 * time.Second

// inLog tells the log, now and then.
func inLog(log *slog.Logger) func(Progress) {
	last := time.Now()
	return func(p Progress) {
		if now := time.Now(); now.Sub(last) >= logEvery {
			last = now
			log.Info(p.Doing, "shard", p.Shard, "rows", p.Rows, "of", p.Of, "rows_per_second", p.Rate(now), "left", p.Left(now).Round(time.Second).String())
		}
	}
}

// reads is how often Verify reads the rows of a table, at the most.
var reads = map[string]int64{"transfer": 4, "withdrawal": 4, "event": 3, "balance": 2, "house": 2, "credit": 3, "dispatch_item": 2, "withdrawal_target": 2}

// expected estimates how many rows Verify reads of a shard, by what the chain counted;
// 0 without a chain.
func (v *verifier) expected() (n int64, err error) {
	s, sealed, err := v.shard()
	if err != nil || v.key == nil || len(sealed) == 0 {
		return 0, err
	}
	state, err := v.key.Open(layout, placeOf(s), sealed)
	if err != nil {
		return 0, nil //nolint:nilerr // the check itself tells
	}
	return rowsOf(state, v.opt.Chain), nil
}

func rowsOf(state *chain.State, once bool) (n int64) {
	for i, b := range bindings {
		if at := layoutAt[i]; at >= 0 {
			times := reads[b.describe().name]
			if once || times == 0 {
				times = 1
			}
			n += times * max(state.Parts[at].Rows, 0)
		}
	}
	return n
}
