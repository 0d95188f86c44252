// Package bench measures how many withdrawals this installation accepts, and what
// the same machine could do at the most in the same run: the floors. Figures of a
// machine say little, shares of its floors say what the product costs.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/store"
	"sluice/internal/store/chain"
)

// Options say what to measure. The zero value of each field means its default.
type Options struct {
	// HTTP measures POST /v1/withdrawals over loopback instead of the commit loop.
	HTTP bool
	// Database is where the withdrawals are written: sqlite:PATH or postgres://...
	// Default: a SQLite file in the folder for temporary files, removed afterwards. What is written
	// to a given database stays there.
	Database string
	// Force allows a database that holds merchants of others.
	Force bool
	// Accounts is how many accounts are withdrawn from, at random; 1 is one hot
	// account. Default 10,000.
	Accounts int
	// Concurrency is how many callers wait for an answer at any time. Default 1,024, over HTTP 64.
	Concurrency int
	// Duration is how long withdrawals are measured; the floors take about as long
	// again. Default 10 s.
	Duration time.Duration
	// Warmup is how long they are accepted before that. Default 2 s.
	Warmup time.Duration
	// Progress hears what is being done. Default: nobody.
	Progress io.Writer
	// CPUProfile is a file for a profile of the measured stretches. Default: none.
	CPUProfile string
}

const (
	modeInProcess = "in_process"
	modeHTTP      = "http"
)

// ChainKey is the key of the chain of every database that the bench makes: it proves
// nothing, and costs what a real one costs.
const ChainKey = "c2x1aWNlIGJlbmNoIHNsdWljZSBiZW5jaCBzbHVpY2U="

// quiet keeps migrations out of the progress.
var quiet = func() store.Options {
	key, err := chain.ParseKey(ChainKey)
	if err != nil {
		panic(err) // a constant
	}
	return store.Options{Log: slog.New(slog.DiscardHandler), Chain: key}
}()

func (o Options) withDefaults() (Options, error) {
	if o.Accounts == 0 {
		o.Accounts = 10_000
	}
	if o.Concurrency == 0 {
		o.Concurrency = 1024
		if o.HTTP {
			o.Concurrency = 64
		}
	}
	if o.Duration == 0 {
		o.Duration = 10 * time.Second
	}
	if o.Warmup == 0 {
		o.Warmup = 2 * time.Second
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	switch {
	case o.Accounts < 1 || o.Accounts > 1_000_000:
		return o, fault.Bad("invalid_accounts", "accounts", "1 to 1,000,000 accounts")
	case o.Concurrency < 1 || o.Concurrency > 4096:
		return o, fault.Bad("invalid_concurrency", "concurrency", "1 to 4096 callers: that many requests fit the queue")
	case o.Duration < 0 || o.Duration > 24*time.Hour || o.Warmup < 0 || o.Warmup > time.Hour:
		return o, fault.Bad("invalid_duration", "duration", "a duration is at most 24h, a warm-up at most 1h")
	}
	return o, nil
}

// rounds is how often product and floors take turns. On a machine that others use,
// turns make sure that both meet the same disturbances.
func (o Options) rounds() int {
	return max(1, min(5, int(o.Duration/(2*time.Second))))
}

// run is one run at work.
type run struct {
	Options
	temporary bool   // the database is ours and goes away
	dir       string // of temporary files, on the disk of the database where that is local
	raw       raw
	product   *product
	book      *book
	callers   []caller

	empty   *httpFloor // over HTTP only
	fsync   *fsyncFloor
	scratch scratch
	gen     *generator

	found
	closers []func() error // run in the reverse order
}

// found is what the run has measured so far.
type found struct {
	accepted, inserts, syncs, http load
	times, httpTimes               histogram
	lone, loneFloor, rowFloor      histogram
	batches                        int64
	written                        int64
	writtenKnown                   bool
	cpu                            time.Duration
	cpuKnown                       bool
}

// Accept measures how many withdrawals are accepted. ctx ends it early, with an error.
func Accept(ctx context.Context, opt Options) (report *Report, err error) {
	opt, err = opt.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &run{Options: opt}
	defer func() { err = errors.Join(err, r.close()) }()
	started := time.Now()
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	if err := r.measure(ctx); err != nil {
		return nil, err
	}
	verdict, err := r.verify(ctx)
	if err != nil {
		return nil, err
	}
	report = r.report(started)
	report.Verify = verdict
	report.Machine.Engine, report.Machine.Durability, err = r.raw.facts(ctx)
	return report, err
}

func (r *run) say(format string, args ...any) {
	_, _ = fmt.Fprintf(r.Progress, format+"\n", args...) // progress is a courtesy
}

func (r *run) later(f func() error) { r.closers = append(r.closers, f) }

func (r *run) close() error {
	var err error
	for i := len(r.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, r.closers[i]())
	}
	return err
}

// prepare opens the database, starts the product on it, and makes what is withdrawn from.
func (r *run) prepare(ctx context.Context) error {
	if err := r.place(); err != nil {
		return err
	}
	if err := r.guard(ctx); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	r.say("making a merchant with %d accounts", r.Accounts)
	// A merchant lives in one shard; the last one shows that others are not in the way.
	shard := id.Shard(r.product.loop.Shards() - 1) //nolint:gosec // fewer than id.MaxShards
	var err error
	if r.book, err = open(ctx, r.product.loop, shard, r.Accounts); err != nil {
		return err
	}
	if err := r.call(ctx); err != nil {
		return err
	}
	r.fsync, err = newFsyncFloor(r.dir)
	if err == nil {
		r.later(r.fsync.close)
	}
	return err
}

// place settles where files are made.
func (r *run) place() error {
	if path, ok := strings.CutPrefix(r.Database, "sqlite:"); ok {
		r.dir = filepath.Dir(path)
		return nil
	}
	if r.Database != "" {
		return nil
	}
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return err
	}
	r.dir, r.temporary = dir, true
	r.later(func() error { return os.RemoveAll(dir) })
	r.Database = "sqlite:" + filepath.Join(dir, "bench.db")
	r.say("writing to a temporary SQLite database in %s", dir)
	return nil
}

// guard opens the database below the product and keeps the bench out of somebody else's.
func (r *run) guard(ctx context.Context) error {
	var err error
	if path, ok := strings.CutPrefix(r.Database, "sqlite:"); ok {
		r.raw, err = openRawSQLite(path)
	} else {
		r.raw, err = openRawPostgres(ctx, r.Database)
	}
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	r.later(func() error { return r.raw.close(context.WithoutCancel(ctx)) })
	n, err := r.raw.strangers(ctx)
	if err != nil {
		return fmt.Errorf("look into the database: %w", err)
	}
	if n > 0 && !r.Force {
		return fault.New(fault.Refused, "database_in_use",
			"the database holds %d merchants that are not the bench's. The bench writes a merchant of its own with many thousands of withdrawals, which stay for ever: use an empty database, or --force", n)
	}
	if !r.temporary {
		r.say("writing to the given database: a merchant %q with its withdrawals will stay in it", namePrefix+"...")
	}
	return nil
}

// start runs the product until stop, or close at the latest.
func (r *run) start(ctx context.Context) (err error) {
	if err := store.Migrate(ctx, r.Database, quiet); err != nil {
		return err
	}
	if r.HTTP {
		r.product, err = startApp(ctx, r.Database)
	} else {
		r.product, err = startLoop(ctx, r.Database)
	}
	if err == nil {
		r.later(r.stop)
	}
	return err
}

func (r *run) stop() error {
	if r.product == nil {
		return nil
	}
	p := r.product
	r.product = nil
	return p.stop()
}

// call makes the callers, and over HTTP the server that stores nothing.
func (r *run) call(ctx context.Context) error {
	if !r.HTTP {
		for range r.Concurrency {
			r.callers = append(r.callers, newSubmitter(r.product.loop, r.book))
		}
		return nil
	}
	callers, hangUp, err := dial(ctx, r.product.addr, r.book, r.Concurrency)
	if err != nil {
		return err
	}
	r.later(func() error { hangUp(); return nil })
	r.callers = callers
	// The first request shows how long the answers are.
	first, ok := callers[0].(*client)
	if !ok {
		return fmt.Errorf("a caller over HTTP is a %T", callers[0])
	}
	if err := first.ask(ctx); err != nil {
		return err
	}
	if r.empty, err = newHTTPFloor(ctx, r.book, r.Concurrency, slices.Clone(first.body)); err != nil {
		return err
	}
	r.later(r.empty.close)
	return nil
}

// verify stops the product and recomputes every balance of the database from its transfers.
func (r *run) verify(ctx context.Context) (verdict string, err error) {
	if err := r.stop(); err != nil {
		return "", err
	}
	r.say("verifying the books")
	db, err := store.Open(ctx, r.Database, quiet)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	report, err := db.Verify(ctx)
	if err != nil {
		return "", fmt.Errorf("verify: %w", err)
	}
	if !report.OK() {
		return "", fault.New(fault.Internal, "verify_failed", "the books do not prove themselves after the run: %+v", report)
	}
	return "clean", nil
}

// profiled runs f under the CPU profile, if there is one.
func (r *run) profiled(f func() error) (err error) {
	if r.CPUProfile == "" {
		return f()
	}
	out, err := os.Create(r.CPUProfile)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return errors.Join(err, out.Close())
	}
	defer func() {
		pprof.StopCPUProfile()
		err = errors.Join(err, out.Close())
	}()
	return f()
}
