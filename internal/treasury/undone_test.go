package treasury_test

import (
	"context"
	"testing"

	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/payout"
	"sluice/internal/treasury"
	"sluice/internal/withdrawal"
)

func (w *world) withdrawal(at id.ID) withdrawal.Withdrawal {
	w.t.Helper()
	x, ok, err := w.db.Withdrawal(context.Background(), at)
	if err != nil || !ok {
		w.t.Fatal(ok, err)
	}
	return x
}

// gone lists what is gone of a wallet.
func (w *world) gone(wal payout.Wallet) (out []id.Seq) {
	w.t.Helper()
	_, rows, err := w.db.Stand(context.Background(), wal.Seq)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range rows {
		out = append(out, d.Dispatch.Seq)
	}
	return out
}

// TestA6UndoneBeyondFinality has a chain undo blocks that were final: the wallet is halted,
// everybody says so, nothing is booked, and an order has the same bytes sent again.
func TestA6UndoneBeyondFinality(t *testing.T) {
	for name, undone := range map[string]int{"the last payout": 1, "three payouts": 3} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, w *world) {
				wal := w.wallet("a")
				w.chain.move("a", "ETH", 100_000, 0)
				w.chain.move("a", "USDT", 1_000, 0)
				w.start()
				w.settle()
				for range 3 - undone {
					w.pay("USDT", 5)
					w.settle()
				}
				from := w.chain.latest().block + 1
				var paid []id.ID
				for range undone {
					paid = append(paid, w.pay("USDT", 10))
					w.settle()
				}
				w.chain.undo(from)
				w.eventually("what is gone is noted and told", func() bool {
					return len(w.gone(wal)) == undone && w.withdrawal(paid[undone-1]).Attention == "payout_gone"
				})
				for _, at := range paid {
					if x := w.withdrawal(at); x.State != withdrawal.Confirmed || x.Attention != "payout_gone" {
						t.Errorf("%s with %q", x.State, x.Attention)
					}
				}
				w.treasury.Look(t.Context())
				if l := w.lines(wal)["USDT"]; l.Cause != treasury.CauseGone || l.OK() {
					t.Errorf("reconcile: %s %s", l.Cause, l.Text)
				}
				rows, err := w.db.Halted(t.Context())
				if err != nil || len(rows) != 1 || rows[0].Lost != int64(undone) {
					t.Errorf("halted: %+v (%v)", rows, err)
				}
				// What is new waits, and says why.
				next := w.pay("USDT", 7)
				w.eventually("a new payout says why it waits", func() bool { return w.withdrawal(next).Attention == "wallet_halted" })
				before := w.told(wal)
				if before[event.WalletHalted] != 1 || before[event.WalletResumed] != 0 {
					t.Errorf("told %v", before)
				}
				// A process that comes up later knows it as well.
				w.halt()
				w.start()
				if n := do(w, payout.OperatorShard, payout.SendAgain{Wallet: wal.Seq, Dispatches: w.gone(wal), Actor: "test", Reason: "the chain lost blocks"}); n != undone {
					t.Errorf("ordered %d", n)
				}
				w.settle()
				for _, at := range append(paid, next) {
					if x := w.withdrawal(at); x.State != withdrawal.Confirmed || x.Attention != "" {
						t.Errorf("at the end %s with %q", x.State, x.Attention)
					}
				}
				if got, want := w.chain.finalHas("user", "USDT"), uint64((3-undone)*5+undone*10+7); small(got) != want {
					t.Errorf("the user has %s, want %d: paid once each", got, want)
				}
				after := w.told(wal)
				if after[event.WalletResumed] != 1 || after[event.WalletFunded] != before[event.WalletFunded] || after[event.WalletOutflow] != 0 {
					t.Errorf("told %v", after)
				}
			})
		})
	}
}

// TestA6BlocksReplacedWithThePayouts undoes final blocks whose payouts come into other
// blocks by themselves: nothing is gone, and nobody is alarmed.
func TestA6BlocksReplacedWithThePayouts(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		wal := w.wallet("a")
		w.chain.move("a", "ETH", 100_000, 0)
		w.chain.move("a", "USDT", 1_000, 0)
		w.start()
		w.settle()
		at := w.pay("USDT", 10)
		w.settle()
		w.chain.rename()
		next := w.pay("USDT", 7)
		w.settle()
		if told := w.told(wal); told[event.WalletHalted] != 0 || len(w.gone(wal)) != 0 {
			t.Errorf("told %v", told)
		}
		for _, at := range []id.ID{at, next} {
			if x := w.withdrawal(at); x.State != withdrawal.Confirmed || x.Attention != "" {
				t.Errorf("%s with %q", x.State, x.Attention)
			}
		}
	})
}
