package due_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/ledger/account"
	"sluice/internal/payout/due"
	"sluice/internal/withdrawal"
)

// overdue is a database in which one withdrawal is due and stays so.
type overdue struct {
	due.Reader
	looks, forgets int
}

func (o *overdue) ForgetKeys(context.Context, time.Time) (int64, error) {
	o.forgets++
	return 0, nil
}

func (o *overdue) DueNew(context.Context, id.Shard, time.Time, int) ([]withdrawal.Withdrawal, error) {
	o.looks++
	return []withdrawal.Withdrawal{{Seq: 1}}, nil
}

func (o *overdue) DueCredits(context.Context, id.Shard, time.Time, int) ([]account.Credit, error) {
	return nil, nil
}

func (o *overdue) NextDue(context.Context, id.Shard) (time.Time, error) {
	return time.Now().Add(-time.Hour), nil
}

// A write path that takes nothing (a full disk, a broken invariant) leaves everything
// due. The schedule then asks at its own pace, and not as fast as it can.
func TestWhatFailsIsNotTriedWithoutAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		loop := commit.New(nil, 1, commit.Options{})
		if err := loop.Run(ctx); err != nil { // it has ended: everything is refused
			t.Fatal(err)
		}
		db := &overdue{}
		s := due.New(loop, db, due.Options{Poll: time.Second, Log: slog.New(slog.DiscardHandler)})
		ctx, stop = context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer stop()
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if db.looks != 11 {
			t.Errorf("it looked %d times in ten seconds, want 11", db.looks)
		}
		// A process that never lives for a day removes old keys all the same.
		if db.forgets != 1 {
			t.Errorf("old keys were removed %d times, want once, at the start", db.forgets)
		}
	})
}
