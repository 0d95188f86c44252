package due_test

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/bank/calendar"
	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/payout/due"
	"sluice/internal/store"
	"sluice/internal/test/harness"
)

// sales are moments of sales between 2026 and 2030, in order, and when their money is
// there: two T2 business days later, at 00:00 in Frankfurt.
var sales = []struct{ name, sold, settled string }{
	{"before Easter", "2026-04-01T10:00:00Z", "2026-04-06T22:00:00Z"},
	{"before 1 May", "2026-04-30T10:00:00Z", "2026-05-04T22:00:00Z"},
	{"before a weekend", "2026-11-19T12:00:00Z", "2026-11-22T23:00:00Z"},
	{"after midnight in Frankfurt", "2026-11-26T23:30:00Z", "2026-11-30T23:00:00Z"},
	{"on a Saturday", "2026-12-05T12:00:00Z", "2026-12-08T23:00:00Z"},
	{"before Christmas", "2026-12-23T10:00:00Z", "2026-12-27T23:00:00Z"},
	{"before New Year", "2026-12-31T10:00:00Z", "2027-01-04T23:00:00Z"},
	{"before Easter and summer time", "2027-03-25T10:00:00Z", "2027-03-30T22:00:00Z"},
	{"before Christmas at a weekend", "2027-12-23T10:00:00Z", "2027-12-26T23:00:00Z"},
	{"before Easter", "2028-04-13T10:00:00Z", "2028-04-18T22:00:00Z"},
	{"on Good Friday", "2029-03-30T10:00:00Z", "2029-04-04T22:00:00Z"},
	{"before Easter", "2030-04-18T10:00:00Z", "2030-04-23T22:00:00Z"},
	{"on 1 May", "2030-05-01T10:00:00Z", "2030-05-05T22:00:00Z"},
}

// The money of a sale is there at the minute at which its settlement day begins, and
// not a moment earlier, over weekends and every kind of holiday.
func TestSalesSettleOnBusinessDays(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "a.db")
	harness.Migrate(t, url, store.Options{})
	synctest.Test(t, func(t *testing.T) {
		until(t, "2026-04-01T00:00:00Z")
		b := harness.Open(t, harness.Options{URL: url})
		db, loop := b.DB, b.Loop
		// The clock goes five years: a schedule that looks every second would never get there.
		work := due.New(loop, db, due.Options{Poll: 30 * 24 * time.Hour, Log: harness.Quiet})
		ended := make(chan error, 1)
		m := submit(t, loop, merchant.Create{Name: "shop", Mode: merchant.Live})
		a := submit(t, loop, account.Open{Merchant: m.Seq, Kind: ledger.KindCustomer})
		working, rest := context.WithCancel(t.Context())
		go func() { ended <- work.Run(working) }()
		for _, s := range sales {
			until(t, s.sold)
			made := submit(t, loop, account.AddCredit{
				Merchant: m.Seq, Account: a.Seq, Asset: money.Asset{Code: "EUR", Scale: 2}, Amount: money.Of(82875), Pending: true,
				AvailableAt: calendar.AddBusinessDays(time.Now(), 2),
			})
			work.Wake(0)
			want := moment(t, s.settled)
			time.Sleep(time.Until(want) - time.Microsecond)
			synctest.Wait()
			if c := credit(t, db, made.Seq); c.State != account.CreditPending {
				t.Errorf("%s: settled before %s", s.name, s.settled)
			}
			time.Sleep(time.Microsecond)
			synctest.Wait()
			if c := credit(t, db, made.Seq); c.State != account.CreditSettled || !c.SettledAt.Equal(want) {
				t.Errorf("%s: %s at %s, want settled at %s", s.name, c.State, c.SettledAt, s.settled)
			}
		}
		rest()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// until lets the clock of the bubble go on to a moment.
func until(t *testing.T, text string) {
	t.Helper()
	time.Sleep(time.Until(moment(t, text)))
}

func submit[R any](t *testing.T, loop *commit.Loop, c commit.Command[R]) R {
	t.Helper()
	r, err := commit.Do(t.Context(), loop, 0, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func credit(t *testing.T, db *store.DB, seq id.Seq) account.Credit {
	t.Helper()
	c, found, err := db.Credit(t.Context(), id.ID{Seq: seq})
	if err != nil || !found {
		t.Fatal(found, err)
	}
	return c
}
