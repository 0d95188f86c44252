package bank_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"sluice/internal/bank"
	"sluice/internal/bank/match"
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/money"
)

// assign resolves the only booking in suspense as that of payments, by their numbers.
func (d *desk) assign(as string, fee uint64, payments ...int) error {
	d.t.Helper()
	list, err := d.db.BankSuspense(context.Background(), 100)
	if err != nil || len(list) != 1 {
		d.t.Fatalf("%d in suspense, %v", len(list), err)
	}
	c := bank.Resolve{Entry: list[0].Key, As: as, Fee: money.Of(fee), Text: "the bank says so", Actor: "operator:test"}
	for _, n := range payments {
		p, ok, err := d.db.BankPayment(context.Background(), ref(n))
		if err != nil || !ok {
			d.t.Fatalf("payment %d: %v, %v", n, ok, err)
		}
		c.Payments = append(c.Payments, p.PaymentKey)
	}
	_, err = commit.Do(context.Background(), d.loop, bank.Shard, c)
	return err
}

// states writes the states of the first payments.
func (d *desk) states(n int) string {
	d.t.Helper()
	var out []string
	for k := range n {
		p, _, err := d.db.BankPayment(context.Background(), ref(k))
		if err != nil {
			d.t.Fatal(err)
		}
		text := string(p.State)
		if p.State == match.Returned {
			text += " " + p.Back.Minor() + " " + p.BackReason
		}
		out = append(out, strings.TrimSpace(text))
	}
	return strings.Join(out, ", ")
}

// TestAssign: a person says which payments a booking is of. Payment n is of n+1 euro.
func TestAssign(t *testing.T) {
	stranger := func(ref, side string, cents int) entry { return entry{ref, "", side, "", cents} }
	paid := statement(1, 100000, entry{"B1", ref(0), "DBIT", "", 100}, entry{"B2", ref(1), "DBIT", "", 200}, entry{"B3", ref(2), "DBIT", "", 300})
	for _, c := range []struct {
		name     string
		files    []string
		as       string
		fee      uint64
		payments []int
		code     string // of the refusal, "" for none
		want     string
		suspense string // the house account, in and out
	}{
		{"one debit of three", []string{statement(1, 100000, stranger("X", "DBIT", 600))}, bank.AsPaid, 0, []int{0, 1, 2}, "", "confirmed, confirmed, confirmed, held", "in 600 out 600"},
		{"one of one", []string{statement(1, 100000, stranger("X", "DBIT", 200))}, bank.AsPaid, 0, []int{1}, "", "held, confirmed, held, held", "in 200 out 200"},
		{"F09: with a charge", []string{statement(1, 100000, stranger("X", "DBIT", 335))}, bank.AsPaid, 35, []int{2}, "", "held, held, confirmed, held", "in 335 out 335"},
		{"confirmed by a notification", []string{notice(1, entry{"N", ref(1), "DBIT", "", 200}), statement(1, 100000, stranger("X", "DBIT", 200))}, bank.AsPaid, 0, []int{1}, "", "held, confirmed, held, held", "in 200 out 200"},
		{"a credit of three", []string{paid, statement(2, 99400, stranger("X", "CRDT", 600))}, bank.AsReturn, 0, []int{0, 1, 2}, "", "returned 100, returned 200, returned 300, held", "in 600 out 600"},
		{"I01: its reason is kept", []string{paid, statement(2, 99400, entry{"X", "", "CRDT", "AC04", 300})}, bank.AsReturn, 0, []int{2}, "", "confirmed, confirmed, returned 300 AC04, held", "in 300 out 300"},
		{"one that came back with less", []string{paid, statement(2, 99400, stranger("X", "CRDT", 250))}, bank.AsReturn, 0, []int{2}, "", "confirmed, confirmed, returned 250, held", "in 250 out 250"},
		{"several that were charged", []string{paid, statement(2, 99400, stranger("X", "CRDT", 490))}, bank.AsReturn, 10, []int{1, 2}, "", "confirmed, returned 200, returned 300, held", "in 490 out 490"},

		{"too little", []string{statement(1, 100000, stranger("X", "DBIT", 600))}, bank.AsPaid, 0, []int{0, 1}, "amounts_differ", "held, held, held, held", "in 0 out 600"},
		{"too much", []string{statement(1, 100000, stranger("X", "DBIT", 200))}, bank.AsPaid, 0, []int{0, 1}, "amounts_differ", "held, held, held, held", "in 0 out 200"},
		{"another charge", []string{statement(1, 100000, stranger("X", "DBIT", 335))}, bank.AsPaid, 30, []int{2}, "amounts_differ", "held, held, held, held", "in 0 out 335"},
		{"several that came back with less", []string{paid, statement(2, 99400, stranger("X", "CRDT", 490))}, bank.AsReturn, 0, []int{1, 2}, "amounts_differ", "confirmed, confirmed, confirmed, held", "in 490 out 0"},
		{"more than went out", []string{paid, statement(2, 99400, stranger("X", "CRDT", 301))}, bank.AsReturn, 0, []int{2}, "amounts_differ", "confirmed, confirmed, confirmed, held", "in 301 out 0"},
		{"nothing named", []string{statement(1, 100000, stranger("X", "DBIT", 200))}, bank.AsPaid, 0, nil, "payments_missing", "held, held, held, held", "in 0 out 200"},
		{"one twice", []string{statement(1, 100000, stranger("X", "DBIT", 200))}, bank.AsPaid, 0, []int{0, 0}, "payment_twice", "held, held, held, held", "in 0 out 200"},
		{"of another account of ours", []string{statement(1, 100000, stranger("X", "DBIT", 600))}, bank.AsPaid, 0, []int{5}, "payment_not_found", "held, held, held, held", "in 0 out 600"},
		{"a credit is no payment", []string{statement(1, 100000, stranger("X", "CRDT", 200))}, bank.AsPaid, 0, []int{1}, "wrong_resolution", "held, held, held, held", "in 200 out 0"},
		{"a debit is no return", []string{paid, statement(2, 99400, stranger("X", "DBIT", 200))}, bank.AsReturn, 0, []int{1}, "wrong_resolution", "confirmed, confirmed, confirmed, held", "in 0 out 200"},
		{"paid already", []string{paid, statement(2, 99400, stranger("X", "DBIT", 200))}, bank.AsPaid, 0, []int{1}, "second", "confirmed, confirmed, confirmed, held", "in 0 out 200"},
		{"not paid yet", []string{statement(1, 100000, stranger("X", "CRDT", 200))}, bank.AsReturn, 0, []int{1}, "payment_state", "held, held, held, held", "in 200 out 0"},
		{"rejected", []string{reject("M1", ref(1), "AC01"), statement(1, 100000, stranger("X", "DBIT", 200))}, bank.AsPaid, 0, []int{1}, "payment_state", "held, failed, held, held", "in 0 out 200"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := open(t, t.TempDir(), bank.Options{})
			defer d.stop()
			d.sent(order("M1", 0, 4))
			if _, err := d.book.Sent(t.Context(), "wal_2", order("M2", 5, 1)); err != nil {
				t.Fatal(err)
			}
			for _, f := range c.files {
				d.take(f)
			}
			for range 2 { // saying it twice changes nothing
				err := d.assign(c.as, c.fee, c.payments...)
				if fault.CodeOf(err) != c.code {
					t.Errorf("got %v, want %q", err, c.code)
				}
				if c.code == "" {
					break
				}
			}
			if got := d.states(4); got != c.want {
				t.Errorf("payments are %s, want %s", got, c.want)
			}
			if got := d.picture(); !strings.Contains(got, "suspense "+c.suspense+"\n") {
				t.Errorf("want suspense %s in\n%s", c.suspense, got)
			}
			left, err := d.db.BankSuspense(t.Context(), 100)
			if err != nil || (len(left) == 0) != (c.code == "") {
				t.Errorf("%d left in suspense, %v", len(left), err)
			}
			// Every movement of the bank is explained, and the balances fit.
			for _, p := range d.confirmedOut() {
				d.post(p, false)
			}
			if r := d.reconcile(); !r.OK() {
				t.Errorf("reconciled: %+v %s", r.Days, open1(r))
			}
		})
	}
}

// confirmedOut are the payments that the withdrawals of a case would have booked.
func (d *desk) confirmedOut() (out []uint64) {
	d.t.Helper()
	if err := d.db.EachBankPayment(context.Background(), func(p bank.Payment) error {
		if p.State == match.Confirmed || p.State == match.Returned {
			var v uint64
			_, err := fmt.Sscan(p.Amount.Minor(), &v)
			out = append(out, v)
			return err
		}
		return nil
	}); err != nil {
		d.t.Fatal(err)
	}
	return out
}

// TestAssignedOnce: the decision that a booking is of some payments is made once; the return that a
// person found is told like any other, and a second one is a second one.
func TestAssignedOnce(t *testing.T) {
	d := open(t, t.TempDir(), bank.Options{})
	defer d.stop()
	d.sent(order("M1", 0, 3))
	d.take(statement(1, 100000, entry{"X", "", "DBIT", "", 600}))
	list, err := d.db.BankSuspense(t.Context(), 10)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if err := d.assign(bank.AsPaid, 0, 0, 1, 2); err != nil {
		t.Fatal(err)
	}
	before := d.picture()
	c := bank.Resolve{Entry: list[0].Key, As: bank.AsPaid, Text: "again", Actor: "operator:test"}
	if _, err := commit.Do(t.Context(), d.loop, bank.Shard, c); err != nil {
		t.Errorf("the same again: %v", err)
	}
	c.As = bank.AsFunding
	if _, err := commit.Do(t.Context(), d.loop, bank.Shard, c); fault.CodeOf(err) != "not_in_suspense" {
		t.Errorf("otherwise: %v", err)
	}
	if got := d.picture(); got != before {
		t.Errorf("it moved something:\n%s\nwas\n%s", got, before)
	}
	// The same statement again, and one that names what was assigned.
	d.take(strings.Replace(statement(1, 100000, entry{"X", "", "DBIT", "", 600}), "<MsgId>S1", "<MsgId>AGAIN", 1))
	if got := d.picture(); got != before {
		t.Errorf("sent again:\n%s\nwas\n%s", got, before)
	}
	d.take(statement(2, 99400, entry{"B1", ref(0), "DBIT", "", 100}))
	if left, err := d.db.BankSuspense(t.Context(), 10); err != nil || len(left) != 1 || left[0].Cause != string(match.Second) {
		t.Errorf("%+v, %v", left, err)
	}
}

// TestP01_OldZero: a booking of zero that an older version put into suspense can be resolved.
func TestP01_OldZero(t *testing.T) {
	for _, as := range []string{bank.AsFunding, bank.AsFee, bank.AsExplained} {
		d := open(t, t.TempDir(), bank.Options{})
		if _, err := commit.Do(t.Context(), d.loop, bank.Shard, oldZero{}); err != nil {
			t.Fatal(err)
		}
		if _, err := commit.Do(t.Context(), d.loop, bank.Shard, bank.Resolve{Entry: "statement|zero", As: as, Text: "nothing moved", Actor: "operator:test"}); err != nil {
			t.Errorf("%s: %v", as, err)
		}
		if left, err := d.db.BankSuspense(t.Context(), 10); err != nil || len(left) > 0 {
			t.Errorf("%s: %+v, %v", as, left, err)
		}
		d.picture()
		d.stop()
	}
}

// oldZero puts a booking of zero into suspense.
type oldZero struct{}

func (oldZero) Reads(w *commit.Wants) { bank.Entries.Want(w, "statement|zero") }

func (oldZero) Apply(v *commit.View) (bool, error) {
	bank.Entries.Put(v, bank.Entry{
		Key: "statement|zero", Seq: v.NewID(), Wallet: "wal_1", Kind: "statement", Currency: "EUR", Side: "DBIT", Booked: true, Day: "2026-11-20", State: bank.EntrySuspense,
		Cause: "unmatched", CreatedAt: v.Now(), Version: 1,
	})
	return true, nil
}
