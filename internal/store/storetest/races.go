package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/store"
	"sluice/internal/test/harness"
	"sluice/internal/withdrawal"
)

// testWholeBalance lets two nodes on one database withdraw the whole balance many
// times at once: exactly one is accepted.
func testWholeBalance(t *testing.T, e Engine) {
	one := start(t, e)
	two := join(t, one.url, store.Options{Chain: chainKey}, commit.Options{Log: quiet})
	f := fund(one, "m", "3.5")
	var accepted, refused atomic.Int64
	parallel(64, func(i int) {
		n := one
		if i%2 == 1 {
			n = two
		}
		_, err := commit.Do(context.Background(), n.Loop, 0, f.create(fmt.Sprint("all-", i), "3.5"))
		switch fault.CodeOf(err) {
		case "":
			accepted.Add(1)
		case "insufficient_funds":
			refused.Add(1)
		default:
			t.Error(err)
		}
	})
	if accepted.Load() != 1 || refused.Load() != 63 {
		t.Errorf("%d accepted, %d refused", accepted.Load(), refused.Load())
	}
	if b := f.balance(); !b.Available.IsZero() || b.Reserved != amount("3.5") {
		t.Errorf("balance %+v", b)
	}
	one.verify()
}

// testFixedTotal moves money between two buckets from two nodes while others read:
// every read shows the same total.
func testFixedTotal(t *testing.T, e Engine) {
	one := start(t, e)
	two := join(t, one.url, store.Options{Chain: chainKey}, commit.Options{Log: quiet})
	f := fund(one, "m", "10")
	total := amount("10")
	stop := make(chan struct{})
	read := make(chan int)
	for range 2 {
		go func() {
			n := 0
			for {
				select {
				case <-stop:
					read <- n
					return
				default:
				}
				list, err := two.DB.Balances(context.Background(), at(f.account))
				if err != nil || len(list) != 1 || list[0].Total() != total {
					t.Errorf("read %+v, %v", list, err)
				}
				n++
			}
		}()
	}
	parallel(100, func(i int) {
		n, kind := one, ledger.KindLock
		if i%2 == 1 {
			n = two
		}
		if i%4 > 1 {
			kind = ledger.KindUnlock
		}
		_, err := commit.Do(context.Background(), n.Loop, 0,
			account.Move{Merchant: f.merchant, Account: f.account, Asset: eth, Amount: money.Of(uint64(i + 1)), Kind: kind})
		if err != nil && fault.KindOf(err) != fault.Refused {
			t.Error(err)
		}
	})
	close(stop)
	if <-read+<-read == 0 {
		t.Error("nothing was read meanwhile")
	}
	one.verify()
}

// testSameKey sends one request 64 times at once, to two nodes: it is done once,
// and everybody hears the same.
func testSameKey(t *testing.T, e Engine) {
	one := start(t, e)
	two := join(t, one.url, store.Options{Chain: chainKey}, commit.Options{Log: quiet})
	f := fund(one, "m", "10")
	req := commit.Request[withdrawal.Withdrawal]{
		Command: f.create("order 1", "1"), Key: commit.Key{Merchant: f.merchant, Route: "POST /v1/withdrawals", Key: "key 1"}, Fingerprint: commit.Fingerprint([]byte("body")),
	}
	var done, replayed atomic.Int64
	var ref atomic.Int64
	parallel(64, func(i int) {
		n := one
		if i%2 == 1 {
			n = two
		}
		out, err := commit.Submit(context.Background(), n.Loop, 0, req)
		if err != nil {
			t.Error(err)
			return
		}
		got := out.Answer.Ref
		if !out.Replayed {
			done.Add(1)
			got = out.Result.Seq
		} else {
			replayed.Add(1)
		}
		if first := ref.Swap(int64(got)); first != 0 && first != int64(got) {
			t.Errorf("two withdrawals: %d and %d", first, got)
		}
	})
	if done.Load() != 1 || replayed.Load() != 63 || count(t, one.url, "withdrawal") != 1 {
		t.Errorf("done %d times, replayed %d times, %d rows", done.Load(), replayed.Load(), count(t, one.url, "withdrawal"))
	}
	t.Run("TestCase12_another_body_is_refused", func(t *testing.T) {
		other := req
		other.Fingerprint = commit.Fingerprint([]byte("another body"))
		if _, err := commit.Submit(t.Context(), two.Loop, 0, other); fault.CodeOf(err) != "idempotency_key_reused" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a_refusal_is_the_answer_for_ever", func(t *testing.T) {
		poor := commit.Request[withdrawal.Withdrawal]{Command: f.create("order 2", "1000"), Key: commit.Key{Merchant: f.merchant, Route: "r", Key: "key 2"}, Fingerprint: []byte{1}}
		_, err := commit.Submit(t.Context(), one.Loop, 0, poor)
		do(one, account.AddCredit{Merchant: f.merchant, Account: f.account, Asset: eth, Amount: amount("5000")})
		_, again := commit.Submit(t.Context(), two.Loop, 0, poor)
		if err == nil || again == nil || err.Error() != again.Error() || fault.CodeOf(again) != "insufficient_funds" {
			t.Errorf("first %v, then %v", err, again)
		}
	})
	one.verify()
}

// testSameForeignID sends 64 requests with one foreign id and no key at once: one
// is accepted, the others name it.
func testSameForeignID(t *testing.T, e Engine) {
	one := start(t, e)
	two := join(t, one.url, store.Options{Chain: chainKey}, commit.Options{Log: quiet})
	f := fund(one, "m", "100")
	accepted := make(chan id.Seq, 64)
	named := make(chan string, 64)
	parallel(64, func(i int) {
		n := one
		if i%2 == 1 {
			n = two
		}
		w, err := commit.Do(context.Background(), n.Loop, 0, f.create("the order", "1"))
		switch {
		case err == nil:
			accepted <- w.Seq
		case fault.CodeOf(err) == "duplicate_foreign_id":
			named <- fault.Of(err).Extra["withdrawal"]
		default:
			t.Error(err)
		}
	})
	if len(accepted) != 1 || len(named) != 63 {
		t.Fatalf("%d accepted, %d duplicates", len(accepted), len(named))
	}
	want := at(<-accepted).Text(id.Withdrawal)
	for range 63 {
		if got := <-named; got != want {
			t.Errorf("a duplicate names %s, want %s", got, want)
		}
	}
	one.verify()
}

// testTwoMerchants uses the same key and the same foreign id at two merchants.
func testTwoMerchants(t *testing.T, e Engine) {
	n := start(t, e)
	a, b := fund(n, "a", "1"), fund(n, "b", "1")
	for _, f := range []fixture{a, b} {
		out, err := commit.Submit(t.Context(), n.Loop, 0, commit.Request[withdrawal.Withdrawal]{
			Command: f.create("order", "1"), Key: commit.Key{Merchant: f.merchant, Route: "r", Key: "key"}, Fingerprint: []byte{byte(f.merchant)},
		})
		if err != nil || out.Replayed {
			t.Errorf("merchant %d: %+v, %v", f.merchant, out, err)
		}
	}
	w, found, err := n.DB.WithdrawalByForeignID(t.Context(), at(b.merchant), "order")
	if err != nil || !found || w.Merchant != b.merchant {
		t.Errorf("found %v %+v, %v", found, w, err)
	}
	n.verify()
}

// testFewConnections has 256 callers on one account, each writing and reading, on a
// pool of four connections: nothing takes a second one while it holds one.
func testFewConnections(t *testing.T, e Engine) {
	url := e.URL(t)
	harness.Migrate(t, url, store.Options{Shards: 2, Log: quiet, Chain: chainKey})
	n := join(t, url, store.Options{Conns: 4, Chain: chainKey}, commit.Options{Log: quiet})
	f := fund(n, "m", "1000")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	parallel(256, func(i int) {
		w, err := commit.Do(ctx, n.Loop, 0, f.create(fmt.Sprint(i), "0.1"))
		if err != nil {
			t.Error(err)
			return
		}
		if got, found, err := n.DB.Withdrawal(ctx, at(w.Seq)); err != nil || !found || got.ForeignID != fmt.Sprint(i) {
			t.Errorf("read %+v %v %v", got, found, err)
		}
		if _, err := n.DB.Verify(ctx); i%64 == 0 && err != nil {
			t.Error(err)
		}
	})
	n.verify()
}

// testQueueFull fills the queue of a loop that does not run yet.
func testQueueFull(t *testing.T, e Engine) {
	url := e.URL(t)
	harness.Migrate(t, url, store.Options{Shards: 1, Log: quiet, Chain: chainKey})
	n := open(t, url, store.Options{Chain: chainKey}, commit.Options{Queue: 4, Log: quiet})
	c := commit.Request[account.Opened]{Command: account.Open{Merchant: 1, Kind: ledger.KindCustomer}}
	done := make(chan error, 4)
	for range 4 {
		go func() {
			_, err := commit.Submit(context.Background(), n.Loop, 0, c)
			done <- err
		}()
	}
	harness.Eventually(t, "the queue is full", func() bool { return n.Loop.Waiting() == 4 })
	if _, err := commit.Submit(t.Context(), n.Loop, 0, c); fault.KindOf(err) != fault.Busy {
		t.Errorf("got %v, want busy", err)
	}
	n.run()
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := count(t, url, "account"); got != 4 {
		t.Errorf("%d accounts, want 4", got)
	}
}
