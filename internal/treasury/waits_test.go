package treasury_test

import (
	"testing"

	"sluice/internal/rail"
	"sluice/internal/withdrawal"
)

// TestA21ReasonsOfANodeEndWithTheNextAnswer takes the node away from a payout that a block
// holds: the withdrawal says so, and no longer once the node has answered again, long before
// the payout is final.
func TestA21ReasonsOfANodeEndWithTheNextAnswer(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.wallet("a")
		w.chain.move("a", "ETH", 100_000, 0)
		w.start()
		w.settle()
		at := w.pay("ETH", 10)
		w.eventually("a block holds it", func() bool { w.chain.mine(); return w.withdrawal(at).Stage == rail.StageMined })
		w.chain.away(true)
		w.eventually("it says that the node is away", func() bool { return w.withdrawal(at).Attention == rail.CodeSilent })
		w.chain.away(false)
		w.eventually("it says so no more", func() bool { return w.withdrawal(at).Attention == "" })
		if x := w.withdrawal(at); x.State != withdrawal.Processing {
			t.Errorf("%s: it was final before", x.State)
		}
		w.settle()
	})
}

// TestAPayoutThatCannotBePlannedWaitsAlone queues a payout that the rail cannot plan before
// others: it waits with a reason, and the others are paid.
func TestAPayoutThatCannotBePlannedWaitsAlone(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.wallet("a")
		w.chain.move("a", "ETH", 100_000, 0)
		w.start()
		w.settle()
		w.chain.refusesToPlan(13)
		bad := w.pay("ETH", 13)
		w.eventually("it says why it waits", func() bool { return w.withdrawal(bad).Attention != "" })
		for range 3 {
			good := w.pay("ETH", 10)
			w.eventually("those behind it are paid", func() bool {
				w.chain.mine()
				w.chain.finalize(0)
				return w.withdrawal(good).State == withdrawal.Confirmed
			})
		}
		if x := w.withdrawal(bad); x.State != withdrawal.Queued || x.Attention == "" {
			t.Errorf("%s with %q", x.State, x.Attention)
		}
	})
}
