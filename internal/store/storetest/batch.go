package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/payout"
	"sluice/internal/store"
	"sluice/internal/test/harness"
)

// everyTable is what a command could leave something in.
var everyTable = []string{
	"idempotency", "asset", "merchant", "api_key", "account", "destination", "balance", "house", "credit", "withdrawal", "transfer", "event",
	"webhook_endpoint", "webhook_tally", "webhook_delivery", "webhook_attempt", "event_cursor", "webhook_replay", "wallet", "dispatch", "dispatch_item", "attempt", "slot_hold",
	"quote", "fee_schedule", "credit_allowance",
}

func (n *node) counts() string {
	out := ""
	for _, table := range everyTable {
		out += fmt.Sprintf("%s %d\n", table, count(n.t, n.url, table))
	}
	return out
}

func testRefused(t *testing.T, e Engine) {
	n := start(t, e)
	f := fund(n, "m", "1")
	before, balance := n.counts(), f.balance()
	refusals := []commit.Command[commit.Nothing]{
		commit.Quiet(f.create("too much", "1.000000000000000001")),
		commit.Quiet(step{func(w *commit.Wants) { ledger.WantBalance(w, f.account, "ETH"); ledger.Accounts.Want(w, f.account) }, func(v *commit.View) (any, error) {
			// As much as possible, and then no.
			if _, err := ledger.Post(v, ledger.Transfer{
				Kind: ledger.KindLock, Currency: "ETH", Amount: amount("0.5"), Debit: ledger.Of(f.account, ledger.Available), Credit: ledger.Of(f.account, ledger.Locked),
			}); err != nil {
				return nil, err
			}
			merchant.Merchants.Insert(v, merchant.Merchant{Seq: v.NewID(), Name: "x", Mode: merchant.Test, Version: 1})
			event.Append(v, event.Event{Type: event.FundsLocked})
			return nil, fault.New(fault.Refused, "no", "no")
		}}),
	}
	for _, c := range refusals {
		if _, err := commit.Do(t.Context(), n.Loop, 0, c); fault.KindOf(err) != fault.Refused {
			t.Errorf("got %v, want a refusal", err)
		}
	}
	if after := n.counts(); after != before || f.balance() != balance {
		t.Errorf("before:\n%s%+v\nafter:\n%s%+v", before, balance, after, f.balance())
	}
	n.verify()
}

// testBadCommand puts texts that no engine may keep into the middle of one batch.
func testBadCommand(t *testing.T, e Engine) {
	url := e.URL(t)
	harness.Migrate(t, url, store.Options{Shards: 1, Log: quiet, Chain: chainKey})
	sizes := make(chan int, 100)
	n := open(t, url, store.Options{Chain: chainKey}, commit.Options{Log: quiet, Observe: func(b commit.Batch) { sizes <- b.Commands }})
	bad := map[int]string{3: "a\x00b", 17: "\xff\xfe", 18: "\x00"}
	const callers = 32
	errs := make([]error, callers)
	done := make(chan struct{})
	go func() {
		defer close(done)
		parallel(callers, func(i int) {
			name, isBad := bad[i]
			if !isBad {
				name = fmt.Sprint("holder ", i)
			}
			_, errs[i] = commit.Do(context.Background(), n.Loop, 0, account.Open{Merchant: 1, Kind: ledger.KindCustomer, Name: name, ForeignID: fmt.Sprint(i)})
		})
	}()
	harness.Eventually(t, "all callers wait", func() bool { return n.Loop.Waiting() == callers })
	n.run() // all of them are one batch
	<-done
	for i, err := range errs {
		if _, isBad := bad[i]; isBad != (fault.KindOf(err) == fault.Internal) || !isBad && err != nil {
			t.Errorf("caller %d: %v", i, err)
		}
	}
	if got := count(t, url, "account"); got != callers-len(bad) {
		t.Errorf("%d accounts, want %d", got, callers-len(bad))
	}
	n.verify()
	// A text that nothing can have as its key finds nothing and hurts nobody.
	if _, found, err := n.DB.AccountByForeignID(t.Context(), id.ID{Seq: 1}, "no such"); found || err != nil {
		t.Errorf("found %v, %v", found, err)
	}
}

// testCompareAndSet lets a command work on a row that the database no longer has.
func testCompareAndSet(t *testing.T, e Engine) {
	n := start(t, e)
	f := fund(n, "m", "1")
	stale := merchant.Merchant{Seq: f.merchant, Name: "stale", Mode: merchant.Test, Version: 7}
	before := n.counts()
	db, err := store.Open(t.Context(), n.url, store.Options{Chain: chainKey})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // the end of a test
	for name, spoilt := range map[string]func(v *commit.View){
		"another version": func(v *commit.View) {
			merchant.Merchants.Fill(v, stale)
			changed := stale
			changed.Version = 8
			merchant.Merchants.Put(v, changed)
		},
		"no row": func(v *commit.View) {
			ledger.Balances.Fill(v, ledger.Balance{BalanceKey: ledger.BalanceKey{Account: 99, Currency: "ETH"}, Version: 1})
			ledger.Balances.Put(v, ledger.Balance{BalanceKey: ledger.BalanceKey{Account: 99, Currency: "ETH"}, Version: 2})
		},
		"version not raised": func(v *commit.View) {
			current := stale
			current.Version = 1
			merchant.Merchants.Fill(v, current)
			merchant.Merchants.Put(v, current)
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := commit.NewView(someTime)
			tx, err := db.Begin(t.Context(), 0, v)
			if err != nil {
				t.Fatal(err)
			}
			ledger.Transfers.Append(v, ledger.Transfer{Seq: v.NewID(), Currency: "ETH", Amount: amount("1"), Debit: ledger.AtHouse("a"), Credit: ledger.AtHouse("b")})
			spoilt(v)
			err = tx.Commit(t.Context(), v)
			tx.Rollback()
			if !errors.Is(err, commit.ErrInvariant) {
				t.Errorf("got %v, want a broken invariant", err)
			}
		})
	}
	if after := n.counts(); after != before {
		t.Errorf("something was written:\n%s\n%s", before, after)
	}
	do(n, merchant.SetCancelWindow{Merchant: f.merchant}) // the store still works
}

// testImmutable refuses to change a row of a table that has no versions.
func testImmutable(t *testing.T, e Engine) {
	n := start(t, e)
	rec := commit.Record{Key: commit.Key{Merchant: 1, Route: "r", Key: "k"}, Fingerprint: []byte{1}}
	put := step{func(w *commit.Wants) { commit.Records.Want(w, rec.Key) }, func(v *commit.View) (any, error) { commit.Records.Put(v, rec); return nil, nil }}
	if err := n.submit(put); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), n.url, store.Options{Chain: chainKey})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // the end of a test
	v := commit.NewView(someTime)
	tx, err := db.Begin(t.Context(), 0, v)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	commit.Records.Fill(v, rec)
	commit.Records.Put(v, rec)
	if err := tx.Commit(t.Context(), v); !errors.Is(err, commit.ErrInvariant) {
		t.Errorf("got %v, want a broken invariant", err)
	}
}

func testCounters(t *testing.T, e Engine) {
	n := start(t, e)
	const callers = 200
	seqs := make([]id.Seq, callers)
	parallel(callers, func(i int) {
		seqs[i], _ = do(n, step{nil, func(v *commit.View) (any, error) {
			if i%3 == 0 {
				v.NewID()
				event.Append(v, event.Event{Type: event.AccountOpened})
			}
			event.Append(v, event.Event{Type: event.CreditCreated, Currency: "ETH"})
			return v.NewID(), nil
		}}).(id.Seq)
	})
	seen := map[id.Seq]bool{}
	for _, s := range seqs {
		if s == 0 || seen[s] {
			t.Errorf("number %d was given twice", s)
		}
		seen[s] = true
	}
	n.verify() // checks that the event sequence has no gap
	again := join(t, n.url, store.Options{Chain: chainKey}, commit.Options{Log: quiet})
	next, _ := do(again, step{nil, func(v *commit.View) (any, error) { return v.NewID(), nil }}).(id.Seq)
	for s := range seen {
		if next <= s {
			t.Fatalf("another node gives %d after %d", next, s)
		}
	}
	if _, err := commit.Do(t.Context(), n.Loop, 999, step{nil, nil}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a shard that does not exist: %v", err)
	}
}

// testNothingToWrite runs a command that changes nothing: it is answered, and the
// shard's row stays as it is.
func testNothingToWrite(t *testing.T, e Engine) {
	n := start(t, e)
	version := func() (v int) {
		db := outside(t, n.url)
		if err := db.QueryRowContext(t.Context(), "SELECT version FROM shard WHERE number = 0").Scan(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	before := version()
	for range 3 {
		if err := n.submit(step{nil, func(*commit.View) (any, error) { return nil, nil }}); err != nil {
			t.Fatal(err)
		}
	}
	if after := version(); after != before {
		t.Errorf("the shard's row was written %d times", after-before)
	}
}

// testChecks asks each engine to keep what the rules forbid, from outside.
// testItemOnce asks for a dispatch that pays one withdrawal twice: by the command, and by
// the database itself.
func testItemOnce(t *testing.T, e Engine) {
	n := start(t, e)
	w := do[payout.Wallet](n, payout.CreateWallet{Network: "ethereum", Address: "w"})
	w = do[payout.Wallet](n, payout.Lease{Wallet: w.Seq, Owner: "test", For: time.Hour})
	item := func(withdrawal id.Seq) payout.Item {
		return payout.Item{Withdrawal: withdrawal, Asset: "ETH", To: []byte{1}, Amount: amount("1")}
	}
	plan := func(items ...payout.Item) payout.Plan {
		return payout.Plan{Wallet: w.Seq, Fence: w.Fence, Network: "ethereum", Items: items}
	}
	if _, err := commit.Do(t.Context(), n.Loop, 0, plan(item(1), item(2), item(1))); fault.CodeOf(err) != "withdrawal_twice" {
		t.Errorf("planned: %v", err)
	}
	do[payout.Dispatch](n, plan(item(1), item(2)))
	do[payout.Dispatch](n, plan(item(1))) // in another one it may be: whoever claims it first has it
	if _, err := outside(t, n.url).ExecContext(t.Context(), "UPDATE dispatch_item SET withdrawal = 1 WHERE withdrawal = 2"); err == nil {
		t.Error("the database takes a withdrawal twice in one dispatch")
	}
}

func testChecks(t *testing.T, e Engine) {
	n := start(t, e)
	f := fund(n, "m", "1")
	do(n, f.create("w", "0.5"))
	db := outside(t, n.url)
	for _, s := range []string{
		"UPDATE balance SET available = '-1'", "UPDATE balance SET pending = '-1'", "UPDATE balance SET locked = '-1'", "UPDATE balance SET reserved = '-1'",
		"UPDATE balance SET available = '" + strings.Repeat("9", 40) + "'",
		"UPDATE house SET total_in = '-1'", "UPDATE house SET total_out = '-1'",
		"UPDATE transfer SET amount = '0'", "UPDATE transfer SET amount = '-5'",
		"UPDATE withdrawal SET amount = '0'", "UPDATE withdrawal SET fee = '-1'",
		"UPDATE withdrawal SET state = 'paid'", "UPDATE withdrawal SET state = 'confirmed'", "UPDATE withdrawal SET state = 'processing'",
		"UPDATE withdrawal SET state = 'cancelled'", "UPDATE withdrawal SET ended_at = 1", "UPDATE withdrawal SET dispatch = 1",
		"UPDATE withdrawal SET state = 'failed', ended_at = 1",
		"UPDATE withdrawal SET foreign_id = ''", "UPDATE withdrawal SET currency = NULL",
		"UPDATE credit SET state = 'pending'", "UPDATE merchant SET mode = 'both'", "UPDATE account SET kind = 'friend'",
		"INSERT INTO balance SELECT * FROM balance",
	} {
		if _, err := db.ExecContext(t.Context(), s); err == nil {
			t.Errorf("accepted: %s", s)
		}
	}
	if e.Name == "sqlite" {
		for _, s := range []string{"UPDATE balance SET available = '01'", "UPDATE balance SET available = '1.0'", "UPDATE balance SET available = '1e3'", "UPDATE balance SET available = ''"} {
			if _, err := db.ExecContext(t.Context(), s); err == nil {
				t.Errorf("accepted: %s", s)
			}
		}
	}
	n.verify()
}
