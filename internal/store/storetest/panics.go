package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/test/harness"
)

// bad is a command with faults in its code.
type bad struct {
	reads  func(w *commit.Wants)
	follow func(v *commit.View, w *commit.Wants)
	apply  func(v *commit.View) (any, error)
}

// Reads implements commit.Command.
func (b bad) Reads(w *commit.Wants) {
	if b.reads != nil {
		b.reads(w)
	}
}

// Follow implements commit.Follower.
func (b bad) Follow(v *commit.View, w *commit.Wants) {
	if b.follow != nil {
		b.follow(v, w)
	}
}

// Apply implements commit.Command.
func (b bad) Apply(v *commit.View) (any, error) {
	if b.apply != nil {
		return b.apply(v)
	}
	return nil, nil
}

// unanswerable is a result that cannot say what is kept of it.
type unanswerable struct{}

// Answer implements commit.Answerer.
func (unanswerable) Answer() commit.Answer { panic("no answer") }

// leave leaves something of every kind in the view.
func leave(v *commit.View) {
	v.NewID()
	merchant.Merchants.Insert(v, merchant.Merchant{Seq: v.NewID(), Name: "x", Mode: merchant.Test, Version: 1})
	event.Append(v, event.Event{Type: event.FundsLocked})
}

// testPanics puts commands that panic into the middle of one batch: each is refused and
// leaves nothing, the others of the batch go on, and so does the shard.
func testPanics(t *testing.T, e Engine) {
	n := start(t, e)
	f := fund(n, "m", "1")
	undeclared := ledger.BalanceKey{Account: f.account, Currency: "USDT"}
	var nothing map[string]int
	panics := map[int]commit.Command[any]{
		2:  bad{reads: func(*commit.Wants) { panic("in Reads") }},
		3:  bad{reads: func(w *commit.Wants) { ledger.WantBalance(w, f.account, "ETH"); nothing["x"] = 1 }},
		7:  bad{follow: func(*commit.View, *commit.Wants) { panic("in Follow") }},
		8:  bad{follow: func(v *commit.View, _ *commit.Wants) { leave(v); panic("after a change in Follow") }},
		11: bad{apply: func(v *commit.View) (any, error) { leave(v); panic("in Apply") }},
		12: bad{apply: func(v *commit.View) (any, error) { leave(v); ledger.Balances.Get(v, undeclared); return nil, nil }},
		13: bad{apply: func(v *commit.View) (any, error) {
			m := merchant.Merchant{Seq: v.NewID(), Name: "twice", Mode: merchant.Test, Version: 1}
			merchant.Merchants.Insert(v, m)
			merchant.Merchants.Insert(v, m)
			return nil, nil
		}},
		17: bad{apply: func(v *commit.View) (any, error) { leave(v); return unanswerable{}, nil }},
	}
	merchants, events := count(t, n.url, "merchant"), count(t, n.url, "event")
	idle := open(t, n.url, storeOptions, commit.Options{Log: quiet})
	const callers = 24
	errs := make([]error, callers)
	done := make(chan struct{})
	go func() {
		defer close(done)
		parallel(callers, func(i int) {
			key := commit.Key{Merchant: f.merchant, Route: "r", Key: fmt.Sprint(i)}
			if c, isBad := panics[i]; isBad {
				_, errs[i] = commit.Submit(context.Background(), idle.Loop, 0, commit.Request[any]{Command: c, Key: key, Fingerprint: []byte{1}})
				return
			}
			_, errs[i] = commit.Submit(context.Background(), idle.Loop, 0, commit.Request[account.Opened]{
				Command: account.Open{Merchant: f.merchant, Kind: ledger.KindCustomer, Name: "n", ForeignID: fmt.Sprint(i)}, Key: key, Fingerprint: []byte{1},
			})
		})
	}()
	harness.Eventually(t, "all callers wait", func() bool { return idle.Loop.Waiting() == callers })
	idle.run() // all of them are one batch
	<-done
	for i, err := range errs {
		_, isBad := panics[i]
		if isBad != (fault.KindOf(err) == fault.Internal) || !isBad && err != nil || err != nil && fault.Of(err).Unknown {
			t.Errorf("caller %d: %v", i, err)
		}
		if isBad && err != nil && strings.Contains(fault.Of(err).Message, "panic") {
			t.Errorf("caller %d is told too much: %v", i, err)
		}
	}
	good := callers - len(panics)
	if m, ev, a := count(t, n.url, "merchant"), count(t, n.url, "event"), count(t, n.url, "account"); m != merchants || ev != events+good || a != good+1 {
		t.Errorf("%d merchants more, %d events and %d accounts more for %d good commands", m-merchants, ev-events, a-1, good)
	}
	if kept := count(t, n.url, "idempotency"); kept != good {
		t.Errorf("%d answers are kept, want those of the %d good commands", kept, good)
	}
	if idle.Loop.Broken() != nil {
		t.Errorf("the loop stopped: %v", idle.Loop.Broken())
	}
	n.verify()
}

// testPanicOfTheBooks speaks of the books themselves, in each place of a command: the shard stops.
func testPanicOfTheBooks(t *testing.T, e Engine) {
	for name, c := range map[string]commit.Command[any]{
		"Reads":  bad{reads: func(*commit.Wants) { panic(fmt.Errorf("the books: %w", commit.ErrInvariant)) }},
		"Follow": bad{follow: func(*commit.View, *commit.Wants) { panic(fmt.Errorf("the books: %w", commit.ErrInvariant)) }},
		"Apply":  bad{apply: func(*commit.View) (any, error) { panic(fmt.Errorf("the books: %w", commit.ErrInvariant)) }},
	} {
		t.Run(name, func(t *testing.T) {
			n := start(t, e)
			stopped := open(t, n.url, storeOptions, commit.Options{Log: quiet})
			ctx, stop := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- stopped.Loop.Run(ctx) }()
			_, err := commit.Do(t.Context(), stopped.Loop, 0, c)
			if fault.CodeOf(err) != "halted" || !errors.Is(stopped.Loop.Broken(), commit.ErrInvariant) {
				t.Errorf("got %v, broken %v", err, stopped.Loop.Broken())
			}
			stop()
			if err := <-ended; !errors.Is(err, commit.ErrInvariant) {
				t.Errorf("the loop ended with %v", err)
			}
			n.verify()
		})
	}
}

// testObserverPanics lets who is told of batches panic: they are committed all the same.
func testObserverPanics(t *testing.T, e Engine) {
	n := start(t, e)
	var told atomic.Int32
	o := join(t, n.url, storeOptions, commit.Options{Log: quiet, Observe: func(commit.Batch) {
		told.Add(1)
		panic("an observer")
	}})
	for i := range 3 {
		do(o, merchant.Create{Name: fmt.Sprint(i), Mode: merchant.Test})
	}
	if told.Load() < 3 || count(t, n.url, "merchant") != 3 {
		t.Errorf("told %d times, %d merchants", told.Load(), count(t, n.url, "merchant"))
	}
}

// testEmptyEnd ends a batch that has nothing to write when its time is over: nothing was
// to be kept, so nothing is unknown.
func testEmptyEnd(t *testing.T, e Engine) {
	n := start(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	v := commit.NewView(someTime)
	tx, err := n.DB.Begin(ctx, 0, v)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := tx.Commit(ctx, v); err != nil {
		t.Errorf("the end of an empty batch: %v", err)
	}
	tx.Rollback()
	do(n, merchant.Create{Name: "after", Mode: merchant.Test})
}
