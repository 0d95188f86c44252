package bank_test

import (
	"context"
	"strings"
	"testing"

	"sluice/internal/bank"
	"sluice/internal/bank/message"
	"sluice/internal/commit"
	"sluice/internal/ledger"
	"sluice/internal/money"
)

// paid books a payout as a confirmed withdrawal does, out of nowhere.
type paid struct {
	cents uint64
	back  bool
}

// Reads implements commit.Command.
func (c paid) Reads(w *commit.Wants) {
	ledger.WantHouse(w, ledger.Treasury("wal_1"), "EUR")
	ledger.WantHouse(w, ledger.Fees, "EUR")
}

// Apply implements commit.Command.
func (c paid) Apply(v *commit.View) (ledger.Transfer, error) {
	t := ledger.Transfer{Kind: ledger.KindPayout, Currency: "EUR", Amount: money.Of(c.cents), Debit: ledger.AtHouse(ledger.Fees), Credit: ledger.AtHouse(ledger.Treasury("wal_1"))}
	if c.back {
		t.Debit, t.Credit = t.Credit, t.Debit
	}
	return ledger.Post(v, t)
}

func (d *desk) house(ctx context.Context, name, currency string) (out ledger.House, err error) {
	list, err := d.db.Houses(ctx, bank.Shard)
	for _, h := range list {
		if h.Name == name && h.Currency == currency {
			out = h
		}
	}
	return out, err
}

func (d *desk) reconcile() bank.Reconciliation {
	d.t.Helper()
	r, err := bank.Reconcile(context.Background(), d.db, d.house, "wal_1")
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}

func (d *desk) post(cents uint64, back bool) {
	d.t.Helper()
	if _, err := commit.Do(context.Background(), d.loop, bank.Shard, paid{cents, back}); err != nil {
		d.t.Fatal(err)
	}
}

// open lists the causes of what belongs to no day.
func open1(r bank.Reconciliation) (out string) {
	for _, i := range r.Open {
		out += i.Cause + ":" + bank.Signed(i.Amount) + " "
	}
	return out
}

// TestReconcile walks through the life of an account: confirmed by a notification
// before the statement, booked, something in suspense, and a ledger that is wrong.
// case-30, case-48: day by day, and not without a statement that is missing.
func TestReconcile(t *testing.T) {
	d := open(t, t.TempDir(), bank.Options{})
	defer d.stop()
	d.sent(order("M1", 0, 2))
	d.take(notice(1, entry{"B1", ref(0), "DBIT", "", 100}))
	d.post(100, false)
	r := d.reconcile()
	if got := open1(r); !r.OK() || got != "not_in_statement:-1.00 " {
		t.Errorf("after the notification: %v %s %+v", r.OK(), got, r)
	}
	d.take(statement(1, 100000, entry{"B1", ref(0), "DBIT", "", 100}, entry{"T1", "", "CRDT", "", 5000}))
	r = d.reconcile()
	if len(r.Days) != 1 || !r.OK() || open1(r) != "" || bank.Signed(r.Closing) != "1049.00" || r.Closing.Cmp(r.Expected) != 0 {
		t.Errorf("after the statement: %+v", r)
	}
	if day := r.Days[0]; bank.Signed(day.Bank) != "49.00" || day.Difference.Sign() != 0 || len(day.Items) != 1 || day.Items[0].Cause != bank.CauseSuspense {
		t.Errorf("the day: %+v", day)
	}
	// The bank decided, the withdrawal was not told yet: on its way, not wrong.
	d.take(statement(2, 104900, entry{"B2", ref(0), "CRDT", "AC04", 100}))
	if r = d.reconcile(); !r.OK() || open1(r) != "not_told:1.00 " {
		t.Errorf("before the return is told: %s %+v", open1(r), r)
	}
	d.post(100, true)
	d.take(statement(4, 105000))
	r = d.reconcile()
	if r.OK() || r.Days[0].Items[len(r.Days[0].Items)-1].Cause != bank.CauseMissing {
		t.Errorf("with a statement missing: %+v", r)
	}
	d.take(statement(3, 105000))
	d.post(7, false)
	if r = d.reconcile(); r.OK() {
		t.Errorf("with a payout that no bank knows: %s", open1(r))
	}
}

// framed takes in what frames a statement, and none of its bookings.
func (d *desk) framed(text string) {
	d.t.Helper()
	files, _, err := message.Walk(strings.NewReader(text), message.DefaultLimits, func(*message.File, *message.Account, message.Entry) error { return nil })
	if err == nil {
		_, err = message.Sift(files, func(n string) bool { return n == ours })
	}
	if err == nil {
		_, err = commit.Do(context.Background(), d.loop, bank.Shard, bank.TakeStatement{Wallet: "wal_1", File: "lost:0:0", Account: files[0].Accounts[0]})
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// TestReconcile_Lost: bookings of a statement that were not taken in show in the balances,
// wherever the statement stands.
func TestReconcile_Lost(t *testing.T) {
	one := statement(1, 100000, entry{"T1", "", "CRDT", "", 5000})
	two := statement(2, 105000, entry{"T2", "", "CRDT", "", 700}, entry{"T3", "", "DBIT", "", 100})
	three := statement(3, 105600, entry{"T4", "", "CRDT", "", 300})
	four := statement(5, 222200, entry{"T5", "", "DBIT", "", 300})
	for name, c := range map[string]struct {
		files []string
		lost  int // none: -1
		want  string
	}{
		"none":             {[]string{one, two, three}, -1, ""},
		"the first":        {[]string{one, two, three}, 0, "balance_differs:50.00 "},
		"in the middle":    {[]string{one, two, three}, 1, "balance_differs:6.00 "},
		"the last":         {[]string{one, two, three}, 2, "balance_differs:3.00 "},
		"the only one":     {[]string{two}, 0, "balance_differs:6.00 "},
		"behind a gap":     {[]string{one, two, four}, 2, "balance_differs:-3.00 "},
		"in front of it":   {[]string{one, two, four}, 1, "balance_differs:6.00 "},
		"none, with a gap": {[]string{one, two, four}, -1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, t.TempDir(), bank.Options{})
			defer d.stop()
			for n, f := range c.files {
				if n == c.lost {
					d.framed(f)
				} else {
					d.take(f)
				}
			}
			if r := d.reconcile(); open1(r) != c.want || c.want != "" && r.OK() {
				t.Errorf("open: %q, want %q", open1(r), c.want)
			}
		})
	}
}
