package bench

import (
	"context"
	"fmt"
	"time"
)

// The floors need less time than the product: they do the same thing every time.
const (
	insertPart = 2 // of a round: 1/2
	syncPart   = 4
	httpPart   = 2
	lonePart   = 8
)

// measure warms up, then lets product and floors take turns.
func (r *run) measure(ctx context.Context) error {
	r.say("warming up for %v", r.Warmup)
	var ignored histogram
	if _, err := drive(ctx, r.callers, max(r.Warmup, time.Millisecond), &ignored); err != nil {
		return err
	}
	if err := r.copySchema(ctx); err != nil {
		return err
	}
	rounds := r.rounds()
	slice := r.Duration / time.Duration(rounds)
	for n := range rounds {
		if err := r.turn(ctx, slice); err != nil {
			return err
		}
		if err := r.floors(ctx, slice); err != nil {
			return err
		}
		if err := r.alone(ctx, slice/lonePart); err != nil {
			return err
		}
		r.say("round %d of %d: %.0f accepted/s so far, insert floor %.0f/s", n+1, rounds, r.accepted.perSecond(), r.inserts.perSecond())
	}
	return nil
}

// copySchema makes the scratch database and fills it with what the floor changes.
func (r *run) copySchema(ctx context.Context) error {
	rows, balances, err := patterns(ctx, r.raw, r.book)
	if err != nil {
		return err
	}
	if r.gen, err = newGenerator(r.raw, rows); err != nil {
		return err
	}
	if r.scratch, err = r.raw.scratch(ctx, r.book.merchant.Shard); err != nil {
		return err
	}
	r.later(func() error { return r.scratch.drop(context.WithoutCancel(ctx)) })
	if err := r.scratch.load(ctx, balances, r.gen); err != nil {
		return fmt.Errorf("fill the database of the insert floor: %w", err)
	}
	return nil
}

// turn measures the product for a while.
func (r *run) turn(ctx context.Context, d time.Duration) error {
	before, err := r.meter(ctx)
	if err != nil {
		return err
	}
	if err := r.profiled(func() error {
		l, err := drive(ctx, r.callers, d, &r.times)
		r.accepted.add(l)
		return err
	}); err != nil {
		return err
	}
	after, err := r.meter(ctx)
	if err != nil {
		return err
	}
	r.batches += after.batches - before.batches
	r.written, r.writtenKnown = r.written+after.written-before.written, after.writtenKnown
	r.cpu, r.cpuKnown = r.cpu+after.cpu-before.cpu, after.cpuKnown
	return nil
}

// reading is what only grows while the product works.
type reading struct {
	batches      int64
	written      int64
	writtenKnown bool
	cpu          time.Duration
	cpuKnown     bool
}

func (r *run) meter(ctx context.Context) (m reading, err error) {
	if m.batches, err = r.raw.batches(ctx, r.book.merchant.Shard); err != nil {
		return m, err
	}
	m.written, m.writtenKnown, err = r.raw.written(ctx)
	m.cpu, m.cpuKnown = cpuUsed()
	return m, err
}

func (r *run) batchMean() float64 {
	return float64(r.accepted.accepted) / max(1, float64(r.batches))
}

// floors measures what the machine could do with batches of the size seen so far.
func (r *run) floors(ctx context.Context, d time.Duration) error {
	batch := max(1, int(r.batchMean()+0.5))
	l, err := insertFloor(ctx, r.scratch, r.gen, batch, d/insertPart)
	if err != nil {
		return err
	}
	r.inserts.add(l)
	if l, err = r.fsync.run(ctx, batch, r.bytesEach(), d/syncPart); err != nil {
		return err
	}
	r.syncs.add(l)
	if r.empty == nil {
		return nil
	}
	l, err = drive(ctx, r.empty.callers, d/httpPart, &r.httpTimes)
	r.http.add(l)
	return err
}

// bytesEach is what was written for one withdrawal; where nobody knows, the bytes of its rows.
func (r *run) bytesEach() float64 {
	if r.writtenKnown && r.written > 0 && r.accepted.accepted > 0 {
		return float64(r.written) / float64(r.accepted.accepted)
	}
	return r.gen.bytesEach()
}

// alone measures one caller without company, one bare transaction of the same rows,
// and one that changes a single row.
func (r *run) alone(ctx context.Context, d time.Duration) error {
	if _, err := drive(ctx, []caller{newSubmitter(r.product.loop, r.book)}, d, &r.lone); err != nil {
		return err
	}
	if err := again(ctx, d, &r.loneFloor, func() error { return r.scratch.batch(ctx, r.gen, 1) }); err != nil {
		return err
	}
	return again(ctx, d, &r.rowFloor, func() error { return r.scratch.row(ctx) })
}

func (r *run) report(started time.Time) *Report {
	out := &Report{
		Benchmark: "accept", Mode: modeInProcess, Engine: r.raw.name(), Database: "given", StartedAt: started.UTC().Format(time.RFC3339),
		Accounts: r.Accounts, Concurrency: r.Concurrency, DurationSeconds: round(r.accepted.elapsed.Seconds(), 3), Rounds: r.rounds(),
		Accepted: r.accepted.accepted, PushedBack: r.accepted.busy, AcceptedPerSecond: round(r.accepted.perSecond(), 1),
		P50MS: millis(r.times.quantile(0.5)), P99MS: millis(r.times.quantile(0.99)), MaxMS: millis(time.Duration(r.times.max.Load())),
		BatchMean:            round(r.batchMean(), 1),
		FloorInsertPerSecond: round(r.inserts.perSecond(), 1), ShareOfInsertFloor: ratio(r.accepted.perSecond(), r.inserts.perSecond()),
		FloorFsyncPerSecond: round(r.syncs.perSecond(), 1), ShareOfFsyncFloor: ratio(r.accepted.perSecond(), r.syncs.perSecond()),
		LoneP50MS: millis(r.lone.quantile(0.5)), FloorLoneMS: millis(r.loneFloor.quantile(0.5)), FloorRowMS: millis(r.rowFloor.quantile(0.5)), Machine: machine(),
	}
	out.LoneRatio = ratio(out.LoneP50MS, out.FloorLoneMS)
	if r.temporary {
		out.Database = "temporary"
	}
	if r.HTTP {
		rate, share, p99 := round(r.http.perSecond(), 1), ratio(r.accepted.perSecond(), r.http.perSecond()), millis(r.httpTimes.quantile(0.99))
		out.Mode, out.FloorHTTPPerSecond, out.ShareOfHTTPFloor, out.FloorHTTPP99MS = modeHTTP, &rate, &share, &p99
	}
	if r.writtenKnown && r.written > 0 && r.accepted.accepted > 0 {
		each := round(float64(r.written)/float64(r.accepted.accepted), 0)
		out.BytesPerWithdrawal = &each
	}
	if r.cpuKnown && r.accepted.accepted > 0 {
		each := round(r.cpu.Seconds()*1000/float64(r.accepted.accepted), 4)
		out.CPUMSPerWithdrawal = &each
	}
	return out
}
