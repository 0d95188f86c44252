package sepa_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/bank/calendar"
	"sluice/internal/bank/message"
	"sluice/internal/bank/sepa"
	"sluice/internal/commit"
	demobank "sluice/internal/demo/bank"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/payout/due"
	"sluice/internal/withdrawal"
)

// holder opens an account with nothing in it and makes it the one that pays.
func (o *office) holder(name string) {
	o.t.Helper()
	a, err := commit.Do(context.Background(), o.loop, 0, account.Open{Merchant: o.merchant, Kind: ledger.KindCustomer, Name: name})
	check(o.t, err)
	o.account = a.Seq
}

// scheduled runs what settles credits; the answer ends it.
func (o *office) scheduled() func() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	work := due.New(o.loop, o.db, due.Options{Poll: time.Hour})
	go func() { done <- work.Run(ctx) }()
	return func() {
		stop()
		check(o.t, <-done)
	}
}

// balances are the whole balances that events of the account carried, each with its fact.
func (o *office) balances() (out []string) {
	o.t.Helper()
	list, err := o.db.Events(context.Background(), 0, o.merchant, 0, 1000)
	check(o.t, err)
	for _, e := range list {
		if e.Account != o.account || e.Currency == "" {
			continue
		}
		total := e.Available
		for _, a := range []money.Amount{e.Pending, e.Locked, e.Reserved} {
			total, err = total.Add(a)
			check(o.t, err)
		}
		f := message.Euro.Format
		out = append(out, fmt.Sprintf("%s: balance %s, available %s, pending %s", e.Type, f(total), f(e.Available), f(e.Pending)))
	}
	return out
}

// TestGuideThroughTheBank is the guide's cash flow over the whole way: a sale that settles
// after two business days, a withdrawal that is cancelled while new, and one that the bank
// books, seen in the balances that the events carry.
func TestGuideThroughTheBank(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := openOffice(t, "2026-11-13T09:00:00+01:00", officeOptions{bank: func(c *demobank.Config) { c.Notify = true }}) // a Friday
		defer o.stop()
		defer o.scheduled()()
		o.holder("Max Mustermann")
		ctx := context.Background()
		_, err := commit.Do(ctx, o.loop, 0, account.AddCredit{
			Merchant: o.merchant, Account: o.account, Asset: message.Euro, Amount: money.Of(200_00), Pending: true, AvailableAt: calendar.AddBusinessDays(time.Now(), 2),
		})
		check(t, err)
		o.sees("credit.created: balance 200.00, available 0.00, pending 200.00")
		until(t, "2026-11-16T23:00:00+01:00")
		o.sees("credit.created: balance 200.00, available 0.00, pending 200.00")
		until(t, "2026-11-17T02:00:00+01:00") // Tuesday has begun in Frankfurt
		o.sees("credit.settled: balance 200.00, available 200.00, pending 0.00")
		until(t, "2026-11-17T09:00:00+01:00")

		first := o.ask(200_00, "")
		o.sees("withdrawal.created: balance 200.00, available 0.00, pending 0.00")
		_, err = commit.Do(ctx, o.loop, 0, withdrawal.NewCancel(o.merchant, first, "test", "changed my mind"))
		check(t, err)
		o.sees("withdrawal.cancelled: balance 200.00, available 200.00, pending 0.00")

		second := o.pay(200_00, "")
		o.sees("withdrawal.created: balance 200.00, available 0.00, pending 0.00")
		until(t, "2026-11-17T09:10:00+01:00")
		o.state(second, withdrawal.Processing, "0.00")
		_, err = commit.Do(ctx, o.loop, 0, withdrawal.NewCancel(o.merchant, second, "test", "too late"))
		if fault.KindOf(err) != fault.Conflict {
			t.Errorf("cancelled while processing: %v", err)
		}
		o.sees("withdrawal.created: balance 200.00, available 0.00, pending 0.00") // processing changes nothing
		o.tick()
		o.state(second, withdrawal.Confirmed, "0.00")
		o.sees("withdrawal.confirmed: balance 0.00, available 0.00, pending 0.00")
		o.verified()
	})
}

// sees wants this to be the last balance that was told.
func (o *office) sees(want string) {
	o.t.Helper()
	synctest.Wait()
	if got := o.balances(); len(got) == 0 || got[len(got)-1] != want {
		o.t.Errorf("%s: told %s, want %s", time.Now().Format(time.RFC3339), strings.Join(got, "\n"), want)
	}
}

// TestStatusesAreTold: what a bank says on the way is in the timeline, in its order, and
// changes neither state nor money; whatever it leaves out stalls nothing.
func TestStatusesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := openOffice(t, "2026-11-18T09:00:00+01:00", officeOptions{bank: func(c *demobank.Config) { c.Positive = true }})
		defer o.stop()
		w := o.pay(7_00, "")
		until(t, "2026-11-18T09:05:00+01:00")
		o.tick()
		o.state(w, withdrawal.Processing, "993.00")
		until(t, "2026-11-18T20:30:00+01:00")
		o.tick()
		o.state(w, withdrawal.Confirmed, "993.00")
		list, err := o.db.EventsOf(context.Background(), id.ID{Seq: w})
		check(t, err)
		var types, told []string
		for _, e := range list {
			types = append(types, string(e.Type))
			if e.Type == event.WithdrawalReported {
				told = append(told, e.Reason)
			}
		}
		if len(told) == 0 || !strings.Contains(told[0], "the bank says AC") {
			t.Errorf("told %q in %v", told, types)
		}
		if at := slices.Index(types, string(event.WithdrawalReported)); at > slices.Index(types, string(event.WithdrawalConfirmed)) {
			t.Errorf("in this order: %v", types)
		}
		o.verified()
	})
}

// TestAmountsThatNoBankPays: an amount above a limit is refused when it is asked for.
func TestAmountsThatNoBankPays(t *testing.T) {
	b := ourBank()
	b.InstantMax = money.Of(100_00)
	r := sepa.New(sepa.Config{Bank: b})
	for _, c := range []struct {
		service string
		cents   uint64
		code    string
	}{
		{"", 1, ""},
		{"normal", 99_999_999_999, ""},
		{"normal", 100_000_000_000, "amount_above_scheme_limit"},
		{"instant", 100_00, ""},
		{"instant", 100_01, "amount_above_instant_limit"},
		{"normal", 100_01, ""},
	} {
		err := r.CheckAmount("EUR", c.service, money.Of(c.cents))
		if fault.CodeOf(err) != c.code || err != nil && fault.Of(err).Fields[0].Path != "amount" {
			t.Errorf("%s %d: %v, want %q", c.service, c.cents, err, c.code)
		}
	}
}
