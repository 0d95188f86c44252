package treasury_test

import (
	"context"
	"testing"
	"time"

	"sluice/internal/money"
	"sluice/internal/treasury"
)

// free is what the API and the CLI tell: read now, added up.
func (w *world) free(asset string) money.Amount {
	w.t.Helper()
	all, err := w.survey().All(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	owed, err := w.db.TreasuryOwed(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	needs, err := treasury.Needs(all, owed)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, n := range needs {
		if n.Asset == asset {
			return n.Free
		}
	}
	return money.Amount{}
}

// What the last look remembers is what a survey tells; a payout is taken off once,
// whether it is accepted, claimed, in a block, or booked.
func TestWhatIsFreeIsOneNumber(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a := w.wallet("a")
		w.start()
		expect := func(asset string, want uint64) {
			t.Helper()
			w.look()
			got, _, ok := w.treasury.Spendable("model", asset)
			if !ok || got != money.Of(want) || w.free(asset) != got {
				t.Fatalf("%s: remembered %s, told %s, want %d", asset, got, w.free(asset), want)
			}
		}
		if _, _, ok := w.treasury.Spendable("model", "USDT"); ok {
			t.Fatal("something is known before the first look")
		}
		expect("USDT", 0)
		w.chain.move("a", "USDT", 1_000, 0)
		expect("USDT", 1_000)
		w.halt() // nobody pays: accepted, and released, both are owed
		w.pay("USDT", 300)
		expect("USDT", 700)
		w.chain.move("a", "ETH", 1_000_000_000, 0)
		w.start()
		w.eventually("the payout is on its way", func() bool {
			st, _, err := w.survey().One(context.Background(), treasury.Wallet{Seq: a.Seq, Network: a.Network, Address: a.Address}, false)
			for _, f := range st.Figures {
				if err == nil && f.Asset == "USDT" && f.Reserved == money.Of(300) {
					return true
				}
			}
			return false
		})
		expect("USDT", 700)
		w.chain.mine()
		w.settle()
		expect("USDT", 700)
		// More is owed than is there: nothing is free, and nothing is below zero.
		w.pay("USDT", 5_000)
		expect("USDT", 0)
	})
}

// A node that does not answer leaves the reading as it was, and it grows old.
func TestAReadingGrowsOld(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.wallet("a")
		w.start()
		w.chain.move("a", "USDT", 10, 0)
		w.look()
		_, first, _ := w.treasury.Spendable("model", "USDT")
		w.chain.away(true)
		w.chain.move("a", "USDT", 10, 0)
		w.look()
		if have, at, ok := w.treasury.Spendable("model", "USDT"); !ok || have != money.Of(10) || !at.Equal(first) || at.After(time.Now()) {
			t.Errorf("%s of %s, first %s", have, at, first)
		}
		w.chain.away(false)
		w.look()
		if have, at, _ := w.treasury.Spendable("model", "USDT"); have != money.Of(20) || !at.After(first) {
			t.Errorf("%s of %s, first %s", have, at, first)
		}
	})
}

// away lets the node go, and come back.
func (c *chain) away(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}
