package payout_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/payout"
	"sluice/internal/rail"
	"sluice/internal/test/harness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRepick moves dispatches between picked slots: what a slot held is free afterwards,
// nothing that another one holds is taken, and after the first attempt nothing moves.
func TestRepick(t *testing.T) {
	b, ctx := harness.Open(t, harness.Options{}), t.Context()
	db, loop := b.DB, b.Loop
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tell := func(c commit.Command[payout.Dispatch]) (payout.Dispatch, error) {
		return commit.Do(ctx, loop, payout.OperatorShard, c)
	}
	w, err := commit.Do(ctx, loop, payout.OperatorShard, payout.CreateWallet{Network: "coins", Address: "w"})
	must(err)
	w, err = commit.Do(ctx, loop, payout.OperatorShard, payout.Lease{Wallet: w.Seq, Owner: "test", For: time.Hour})
	must(err)
	plan := func(n id.Seq) payout.Dispatch {
		t.Helper()
		d, err := tell(payout.Plan{Wallet: w.Seq, Fence: w.Fence, Network: "coins", Items: []payout.Item{{Withdrawal: n, Asset: "BTC", To: []byte{1}, Amount: money.Of(1)}}})
		must(err)
		return d
	}
	holds := func(want ...string) {
		t.Helper()
		have, err := db.HeldKeys(ctx, w.Seq)
		must(err)
		if got := slices.Sorted(maps.Keys(have)); !slices.Equal(got, want) {
			t.Fatalf("live slots hold %s, want %s", strings.Join(got, ","), strings.Join(want, ","))
		}
	}
	refused := func(c commit.Command[payout.Dispatch], code string) {
		t.Helper()
		if _, err := tell(c); fault.CodeOf(err) != code {
			t.Fatalf("%T: %v, want %s", c, err, code)
		}
	}
	first, second := plan(11), plan(12)
	refused(payout.RepickTo(first, w.Fence, []byte(`{}`), nil, "b"), "slot_bound") // not sealed yet
	first, err = tell(payout.SealTo(first, w.Fence, []byte(`{"ref":"a"}`), "a"))
	must(err)
	holds("a")
	first, err = tell(payout.RepickTo(first, w.Fence, []byte(`{"ref":"b"}`), []string{"a"}, "b"))
	must(err)
	holds("b")
	if string(first.Slot) != `{"ref":"b"}` || first.State != payout.Sealed {
		t.Errorf("repicked: %s in %s", first.State, first.Slot)
	}
	refused(payout.SealTo(second, w.Fence, []byte(`{"ref":"b"}`), "b"), "slot_taken")
	second, err = tell(payout.SealTo(second, w.Fence, []byte(`{"ref":"a"}`), "a")) // what the first gave up
	must(err)
	refused(payout.RepickTo(first, w.Fence, []byte(`{"ref":"a"}`), []string{"b"}, "a"), "slot_taken")
	holds("a", "b") // the refused command has freed nothing
	refused(payout.RepickTo(first, w.Fence-1, []byte(`{"ref":"c"}`), []string{"b"}, "c"), "lease_lost")
	// One coin is kept, one is exchanged for another.
	_, err = tell(payout.RepickTo(second, w.Fence, []byte(`{"ref":"a+c"}`), []string{"a"}, "a", "c"))
	must(err)
	holds("a", "b", "c")
	if first, err = tell(payout.Record(first, w.Fence, rail.Attempt{TxID: "t", Raw: []byte{1}})); err != nil {
		t.Fatal(err)
	}
	refused(payout.RepickTo(first, w.Fence, []byte(`{"ref":"d"}`), []string{"b"}, "d"), "slot_bound")
	holds("a", "b", "c")
}
