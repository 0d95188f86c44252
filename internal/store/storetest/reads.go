package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/payout"
	"sluice/internal/rail"
	"sluice/internal/store"
	"sluice/internal/withdrawal"
)

func foreignIDs(list []withdrawal.Withdrawal) string {
	var out []string
	for _, w := range list {
		out = append(out, w.ForeignID)
	}
	return strings.Join(out, " ")
}

// testLists walks the lists of withdrawals page by page, under every filter.
func testLists(t *testing.T, e Engine) {
	n := start(t, e)
	a, b := fund(n, "a", "100"), fund(n, "b", "100")
	var all []withdrawal.Withdrawal
	for i := range 7 {
		f := a
		if i%3 == 2 {
			f = b
		}
		all = append(all, do(n, f.create(fmt.Sprint(i), "1")))
	}
	do(n, withdrawal.NewCancel(a.merchant, all[1].Seq, "test", "changed my mind"))
	for _, c := range []struct {
		filter withdrawal.Filter
		want   string
	}{
		{withdrawal.Filter{Limit: 10}, "6 5 4 3 2 1 0"},
		{withdrawal.Filter{Limit: 3}, "6 5 4"},
		{withdrawal.Filter{Before: all[4].Seq, Limit: 2}, "3 2"},
		{withdrawal.Filter{Before: all[0].Seq, Limit: 2}, ""},
		{withdrawal.Filter{Merchant: a.merchant, Limit: 10}, "6 4 3 1 0"},
		{withdrawal.Filter{Merchant: a.merchant, Before: all[3].Seq, Limit: 10}, "1 0"},
		{withdrawal.Filter{Account: b.account, Limit: 10}, "5 2"},
		{withdrawal.Filter{Merchant: b.merchant, Account: a.account, Limit: 10}, ""},
		{withdrawal.Filter{State: withdrawal.Cancelled, Limit: 10}, "1"},
		{withdrawal.Filter{Merchant: a.merchant, State: withdrawal.New, Currency: "ETH", Limit: 10}, "6 4 3 0"},
		{withdrawal.Filter{Currency: "BTC", Limit: 10}, ""},
		{withdrawal.Filter{Shard: 1, Limit: 10}, ""},
		{withdrawal.Filter{Limit: 0}, ""},
	} {
		list, err := n.DB.Withdrawals(t.Context(), c.filter)
		if got := foreignIDs(list); got != c.want || err != nil {
			t.Errorf("%+v: %q, %v, want %q", c.filter, got, err, c.want)
		}
	}
	got, found, err := n.DB.Withdrawal(t.Context(), at(all[0].Seq))
	if !found {
		t.Error("not found")
	}
	equal(t, "withdrawal", got, all[0], err)
	if _, found, err := n.DB.Withdrawal(t.Context(), id.ID{Shard: 1, Seq: all[0].Seq}); found || err != nil {
		t.Errorf("the same number in another shard: %v, %v", found, err)
	}
	open, err := n.DB.OpenCounts(t.Context(), 0)
	equal(t, "counts", open, map[withdrawal.State]int64{withdrawal.New: 6}, err)
	accounts, err := n.DB.Accounts(t.Context(), at(b.merchant), 0, 10)
	if err != nil || len(accounts) != 1 || accounts[0].Seq != b.account {
		t.Errorf("accounts %+v, %v", accounts, err)
	}
	credits, err := n.DB.Credits(t.Context(), at(a.account), 0, 10)
	if err != nil || len(credits) != 1 || credits[0].Amount != amount("100") {
		t.Errorf("credits %+v, %v", credits, err)
	}
	events(t, n, a, all[1].Seq)
}

// events reads the log in pages and by subject.
func events(t *testing.T, n *node, f fixture, cancelled id.Seq) {
	t.Helper()
	var log []event.Event
	after := int64(0)
	for {
		page, err := n.DB.Events(t.Context(), 0, f.merchant, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		log, after = append(log, page...), page[len(page)-1].Seq
	}
	if len(log) != 8 || slices.ContainsFunc(log, func(e event.Event) bool { return e.Merchant != f.merchant }) {
		t.Errorf("%d events of one merchant: %+v", len(log), log)
	}
	of, err := n.DB.EventsOf(t.Context(), at(cancelled))
	if err != nil || len(of) != 2 || of[0].Type != event.WithdrawalCreated || of[1].Type != event.WithdrawalCancelled || of[1].Available != amount("96") {
		t.Errorf("events of a withdrawal: %+v, %v", of, err)
	}
	moved, err := n.DB.TransfersOf(t.Context(), at(cancelled))
	if err != nil || len(moved) != 2 || moved[0].Kind != ledger.KindReserve || moved[1].Kind != ledger.KindRelease {
		t.Errorf("transfers of a withdrawal: %+v, %v", moved, err)
	}
}

// testDue reads what workers work through.
func testDue(t *testing.T, e Engine) {
	n := start(t, e)
	f := fund(n, "m", "100")
	ctx := context.Background()
	now := time.Now()
	for i, when := range []time.Time{now.Add(time.Hour), now.Add(2 * time.Hour), {}} {
		do(n, account.AddCredit{
			Merchant: f.merchant, Account: f.account, Asset: eth, Amount: amount("1"), Pending: true, AvailableAt: when, Reference: fmt.Sprint(i),
		})
	}
	for _, c := range []struct {
		now  time.Time
		want int
	}{{now, 0}, {now.Add(90 * time.Minute), 1}, {now.Add(1000 * time.Hour), 2}} {
		if due, err := n.DB.DueCredits(ctx, 0, c.now, 10); err != nil || len(due) != c.want {
			t.Errorf("%d credits due, %v, want %d", len(due), err, c.want)
		}
	}
	soon, late := f.create("soon", "1"), f.create("late", "1")
	late.NotBefore = now.Add(time.Hour)
	w := do(n, soon)
	do(n, late)
	due, err := n.DB.DueNew(ctx, 0, time.Now().Add(time.Second), 10)
	if got := foreignIDs(due); got != "soon" || err != nil {
		t.Errorf("due: %q, %v", got, err)
	}
	do(n, withdrawal.NewRelease(w.Seq, "test"))
	queued, err := n.DB.Queued(ctx, "ethereum", eth.Code, 10)
	if err != nil || len(queued) != 1 || queued[0].ID != at(w.Seq) {
		t.Errorf("queued: %+v, %v", queued, err)
	}
	// However many wait for something, the others are found.
	for i := range 4 {
		stuck := do(n, f.create(fmt.Sprint("stuck ", i), "0.01"))
		do(n, withdrawal.NewRelease(stuck.Seq, "test"))
		do(n, withdrawal.NewAttend(stuck.Seq, "sign_limit_day", "later", "test"))
	}
	last := do(n, f.create("behind", "0.01"))
	do(n, withdrawal.NewRelease(last.Seq, "test"))
	queued, err = n.DB.Queued(ctx, "ethereum", eth.Code, 2)
	names := ""
	for _, c := range queued {
		names += c.Withdrawal.ForeignID + ", "
	}
	if names != "soon, stuck 0, stuck 1, behind, " || err != nil {
		t.Errorf("queued: %s %v", names, err)
	}
	if other, err := n.DB.Queued(ctx, "bitcoin", eth.Code, 10); err != nil || len(other) != 0 {
		t.Errorf("queued elsewhere: %+v, %v", other, err)
	}
}

// aLife takes withdrawals through every end that money can take.
func aLife(n *node) fixture {
	n.t.Helper()
	f := fund(n, "m", "100")
	do(n, f.create("stays new", "1"))
	w := do(n, f.create("cancelled", "2"))
	do(n, withdrawal.NewCancel(f.merchant, w.Seq, "test", ""))
	for i, name := range []string{"confirmed", "failed", "processing"} {
		c := f.create(name, "3.000000000000000003")
		c.Fee = amount("0.5")
		w := do(n, c)
		d := id.Seq(1000 + i)
		do(n, withdrawal.NewRelease(w.Seq, "test"))
		do(n, withdrawal.NewClaim(w.Seq, d, "wal_1", "test"))
		do(n, withdrawal.NewProgress(w.Seq, d, rail.StageMined, "0x1", "", "test"))
		switch name {
		case "confirmed":
			do(n, withdrawal.NewConfirm(w.Seq, d, "0x1", amount("0.01"), "ETH", "test"))
		case "failed":
			do(n, withdrawal.NewFail(w.Seq, d, "0x1", "reverted", "test"))
		}
	}
	do(n, account.AddCredit{Merchant: f.merchant, Account: f.account, Asset: eth, Amount: amount("7"), Pending: true})
	do(n, account.Move{Merchant: f.merchant, Account: f.account, Asset: eth, Amount: amount("9"), Kind: ledger.KindLock})
	do(n, payout.CreateWallet{Network: "ethereum", Address: "0xaa"})
	return f
}

func testVerifyClean(t *testing.T, e Engine) {
	n := start(t, e)
	aLife(n)
	r, err := n.DB.Verify(t.Context())
	if err != nil || !r.OK() || r.Err() != nil || len(r.Shards) != n.DB.Shards() {
		t.Fatalf("%+v, %v", r, err)
	}
	s := r.Shards[0]
	if s.Balances != 1 || s.Withdrawals != 5 || int(s.Transfers) != count(t, n.url, "transfer") || int(s.Events) != count(t, n.url, "event") || s.Houses != 3 {
		t.Errorf("%+v", s)
	}
}

// testVerifyFinds spoils one thing at a time and requires that Verify names it.
func testVerifyFinds(t *testing.T, e Engine) {
	n := start(t, e)
	aLife(n)
	books := []string{"balance", "house", "transfer", "withdrawal", "event", "shard"}
	for _, table := range books {
		spoil(t, n.url, "CREATE TABLE kept_"+table+" AS SELECT * FROM "+table)
	}
	for _, c := range []struct {
		name, check string
		spoil       []string
	}{
		{"money from nowhere", "balance_equals_transfers", []string{"UPDATE balance SET available = '1' || available"}},
		{"money from nowhere tips the trial balance", "trial_balance", []string{"UPDATE balance SET locked = '5'"}},
		{"a bucket swapped for another", "reserved_equals_held", []string{"UPDATE balance SET available = reserved, reserved = available"}},
		{"a house account", "house_equals_transfers", []string{"UPDATE house SET total_out = '1' WHERE name = 'fees'"}},
		{"a balance is gone", "balance_equals_transfers", []string{"DELETE FROM balance"}},
		{"a transfer is gone", "withdrawal_equals_transfers", []string{"DELETE FROM transfer WHERE kind = 'release' AND seq = (SELECT max(seq) FROM transfer WHERE kind = 'release')"}},
		{"a transfer has another amount", "balance_equals_transfers", []string{"UPDATE transfer SET amount = '1' WHERE kind = 'credit'"}},
		{"a transfer to nowhere", "transfer_names_known_account", []string{"UPDATE transfer SET credit_name = 'pocket' WHERE kind = 'lock'"}},
		{"a transfer of no withdrawal", "withdrawal_equals_transfers", []string{"UPDATE transfer SET withdrawal = 77 WHERE kind = 'lock'"}},
		{"a withdrawal has another amount", "withdrawal_equals_transfers", []string{"UPDATE withdrawal SET amount = '1' WHERE foreign_id = 'confirmed'"}},
		{"a state without its event", "state_machine", []string{"UPDATE withdrawal SET state = 'queued' WHERE foreign_id = 'stays new'"}},
		{"a state that may not follow", "state_machine", []string{"UPDATE event SET state = 'rejected' WHERE state = 'processing' AND type = 'withdrawal.processing'"}},
		{"an event is gone", "event_sequence", []string{"DELETE FROM event WHERE type = 'funds.locked'"}},
		{"the last event is gone", "event_sequence", []string{"UPDATE shard SET last_event = last_event + 1 WHERE number = 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if e.Name == "postgres" && strings.Contains(c.spoil[0], "||") {
				c.spoil = []string{"UPDATE balance SET available = available + 1"}
			}
			spoil(t, n.url, c.spoil...)
			r, err := n.DB.Verify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r.OK() || r.Err() == nil || !slices.ContainsFunc(r.Shards[0].Differences, func(d store.Difference) bool { return d.Check == c.check }) {
				t.Errorf("want %s, got %+v", c.check, r.Shards[0].Differences)
			}
			for _, table := range books {
				spoil(t, n.url, "DELETE FROM "+table, "INSERT INTO "+table+" SELECT * FROM kept_"+table)
			}
			n.verify()
		})
	}
}

// testMigrate opens what is not migrated, migrates it from many places at once, and
// opens what a newer program migrated.
func testMigrate(t *testing.T, e Engine) {
	url := e.URL(t)
	ctx := t.Context()
	if _, err := store.Open(ctx, url, store.Options{}); err == nil || !strings.Contains(err.Error(), "sluice migrate") {
		t.Errorf("opened what is not there: %v", err)
	}
	parallel(4, func(i int) {
		if err := store.Migrate(ctx, url, store.Options{Shards: 3 + i, Log: quiet, Chain: chainKey}); err != nil {
			t.Error(err)
		}
	})
	db, err := store.Open(ctx, url, store.Options{Shards: 9, Chain: chainKey})
	if err != nil {
		t.Fatal(err)
	}
	shards := db.Shards()
	if e.Name == "sqlite" && shards != 1 || e.Name == "postgres" && (shards < 3 || shards > 6) {
		t.Errorf("%d shards", shards)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if err := store.Migrate(ctx, url, store.Options{Shards: 12, Log: quiet, Chain: chainKey}); err != nil {
		t.Error(err)
	}
	again := open(t, url, store.Options{Chain: chainKey}, commit.Options{})
	if again.DB.Shards() != shards {
		t.Errorf("%d shards became %d", shards, again.DB.Shards())
	}
	spoil(t, url, "INSERT INTO schema_version (version_id, is_applied) VALUES (999999, TRUE)")
	if _, err := store.Open(ctx, url, store.Options{}); err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("opened a newer schema: %v", err)
	}
	if err := store.Migrate(ctx, url, store.Options{Log: quiet, Chain: chainKey}); err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("migrated a newer schema: %v", err)
	}
	spoil(t, url, "DELETE FROM schema_version WHERE version_id > 1")
	if _, err := store.Open(ctx, url, store.Options{}); err == nil || !strings.Contains(err.Error(), "sluice migrate") {
		t.Errorf("opened an older schema: %v", err)
	}
}
