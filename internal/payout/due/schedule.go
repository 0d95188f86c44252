// Package due does what falls due: it queues withdrawals whose time has come,
// settles credits, and forgets idempotency keys that are past their promise. Every
// process may run one; the commands are idempotent and check the time again.
package due

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/fault/outage"
	"sluice/internal/id"
	"sluice/internal/ledger/account"
	"sluice/internal/withdrawal"
)

// Actor is the name under which the schedule's changes appear.
const Actor = "worker:schedule"

// Reader gives hints of what is due; commands decide.
type Reader interface {
	// DueNew lists new withdrawals to be released at or before now, longest due first.
	DueNew(ctx context.Context, shard id.Shard, now time.Time, limit int) ([]withdrawal.Withdrawal, error)
	// DueCredits lists pending credits to be settled at or before now, longest due first.
	DueCredits(ctx context.Context, shard id.Shard, now time.Time, limit int) ([]account.Credit, error)
	// NextDue is when the next withdrawal or credit of a shard falls due; zero for none.
	NextDue(ctx context.Context, shard id.Shard) (time.Time, error)
	// ForgetKeys removes idempotency records answered before a time.
	ForgetKeys(ctx context.Context, before time.Time) (int64, error)
}

// Options set a Schedule. The zero value of each field means its default.
type Options struct {
	// Poll is the longest the schedule sleeps. Default 1 s. It is woken by commits
	// and sleeps no longer than until the next thing falls due.
	Poll time.Duration
	// Batch is how many commands are on their way at once. Default 500.
	Batch int
	// Queued is told when withdrawals were queued. It must not block.
	Queued func()
	// Outages, if set, is told whether what falls due gets done.
	Outages *outage.Book
	Log     *slog.Logger
}

// Schedule is the worker.
type Schedule struct {
	loop *commit.Loop
	read Reader
	opt  Options
	wake []chan struct{}
}

// New makes a schedule for every shard of the loop.
func New(loop *commit.Loop, read Reader, opt Options) *Schedule {
	if opt.Poll <= 0 {
		opt.Poll = time.Second
	}
	if opt.Batch <= 0 {
		opt.Batch = 500
	}
	if opt.Queued == nil {
		opt.Queued = func() {}
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	s := &Schedule{loop: loop, read: read, opt: opt}
	for range loop.Shards() {
		s.wake = append(s.wake, make(chan struct{}, 1))
	}
	return s
}

// Wake makes the schedule look at a shard now. It never blocks.
func (s *Schedule) Wake(shard id.Shard) {
	select {
	case s.wake[shard] <- struct{}{}:
	default:
	}
}

// forgetEvery is how often old idempotency keys are removed, beginning at the start:
// a process that is restarted every night removes them too.
const forgetEvery = 24 * time.Hour

// Run works until ctx ends.
func (s *Schedule) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for n := range s.wake {
		wg.Go(func() { s.shard(ctx, id.Shard(n)) }) //nolint:gosec // fewer than id.MaxShards
	}
	forget := time.NewTimer(0)
	defer forget.Stop()
	for {
		select {
		case <-ctx.Done():
			wg.Wait()
			return nil
		case now := <-forget.C:
			forget.Reset(forgetEvery)
			if _, err := s.read.ForgetKeys(ctx, now.Add(-commit.KeyLife)); err != nil && ctx.Err() == nil {
				s.opt.Log.Warn("old idempotency keys cannot be removed", "error", err)
			}
		}
	}
}

func (s *Schedule) shard(ctx context.Context, shard id.Shard) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake[shard]:
		case <-timer.C:
		}
		more, ok := s.due(ctx, shard)
		timer.Reset(s.pause(ctx, shard, more, ok))
	}
}

// pause is how long to sleep: not at all when a full batch was done, until the
// next thing falls due, and Poll at the most. What failed is due all the time and
// may fail for long, so it is not tried again before Poll is over.
func (s *Schedule) pause(ctx context.Context, shard id.Shard, more, ok bool) time.Duration {
	switch {
	case !ok:
		return s.opt.Poll
	case more:
		return 0
	}
	next, err := s.read.NextDue(ctx, shard)
	if err != nil || next.IsZero() {
		return s.opt.Poll
	}
	return min(max(time.Until(next), time.Millisecond), s.opt.Poll)
}

// due carries out what is due now and tells whether there may be more, and whether
// all of it worked.
func (s *Schedule) due(ctx context.Context, shard id.Shard) (more, ok bool) {
	now := time.Now()
	withdrawals, err := s.read.DueNew(ctx, shard, now, s.opt.Batch)
	if err != nil {
		s.failed(ctx, "due withdrawals cannot be read", err)
		return false, false
	}
	credits, err := s.read.DueCredits(ctx, shard, now, s.opt.Batch)
	if err != nil {
		s.failed(ctx, "due credits cannot be read", err)
		return false, false
	}
	var commands []commit.Command[commit.Nothing]
	for _, c := range credits {
		commands = append(commands, commit.Quiet(account.Settle{Credit: c.Seq, Due: true, Actor: Actor}))
	}
	for _, w := range withdrawals {
		commands = append(commands, commit.Quiet(withdrawal.NewRelease(w.Seq, Actor)))
	}
	if ok = s.all(ctx, shard, commands); ok {
		s.opt.Outages.OK(work)
	}
	if len(withdrawals) > 0 {
		s.opt.Queued()
	}
	return len(withdrawals) == s.opt.Batch || len(credits) == s.opt.Batch, ok
}

// all submits commands side by side, so that they share commits.
func (s *Schedule) all(ctx context.Context, shard id.Shard, commands []commit.Command[commit.Nothing]) bool {
	errs := make(chan error, len(commands))
	for _, c := range commands {
		go func() {
			_, err := commit.Do(ctx, s.loop, shard, c)
			errs <- err
		}()
	}
	ok := true
	for range commands {
		if err := <-errs; err != nil {
			ok = false
			if fault.KindOf(err) != fault.Busy {
				s.failed(ctx, "something that fell due was not done; it is tried again", err)
			}
		}
	}
	return ok
}

func (s *Schedule) failed(ctx context.Context, text string, err error) {
	if ctx.Err() == nil {
		s.opt.Outages.Fail(work, err, "what", text)
	}
}

// work is the part of the process that an outage names.
var work = outage.Subject{What: outage.Work, Name: "schedule"}
