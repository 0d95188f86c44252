package treasury_test

import (
	"context"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/payout"
	"sluice/internal/treasury"
)

func (w *world) look() { w.treasury.Look(context.Background()) }

// A deposit is booked once a final block shows it, to the last unit, and once.
func TestDeposit(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a, b := w.wallet("a"), w.wallet("b")
		w.start()
		w.chain.move("a", "ETH", 1_000_000_007, 0)
		w.look()
		w.want(a, "ETH", treasury.CauseNotFinal, 0, "0")
		w.chain.finalize(0)
		w.want(a, "ETH", treasury.CauseDeposit, 1_000_000_007, "1000000007")
		w.eventually("the deposit is booked", func() bool { w.look(); return len(w.deposits(a)) > 0 })
		w.want(a, "ETH", treasury.CauseNone, 1_000_000_007, "0")
		w.want(b, "ETH", treasury.CauseNone, 0, "0")
		w.halt()
		w.start() // a restart books nothing again
		for range 3 {
			w.look()
		}
		w.chain.move("b", "USDT", 5, 0)
		w.settle()
		if got := strings.Join(append(w.deposits(a), w.deposits(b)...), ", "); got != "deposit 1000000007 ETH, deposit 5 USDT" {
			t.Errorf("booked: %s", got)
		}
		if told := w.told(a); told[event.WalletFunded] != 1 || len(told) != 1 {
			t.Errorf("told: %v", told)
		}
	})
}

// A deposit in a block that goes away before it is final was never there.
func TestDepositThatIsReorganisedAway(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a := w.wallet("a")
		w.start()
		w.chain.block(nil)
		w.chain.finalize(0)
		w.chain.move("a", "ETH", 500, 0)
		w.look()
		w.want(a, "ETH", treasury.CauseNotFinal, 0, "0")
		w.chain.reorg(1)
		w.settle()
		w.want(a, "ETH", treasury.CauseNone, 0, "0")
		if got := w.deposits(a); len(got) > 0 {
			t.Errorf("booked: %v", got)
		}
	})
}

// Deposits come while payouts are in every stage; each is booked exactly.
func TestDepositsWithPayoutsInFlight(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a := w.wallet("a")
		w.start()
		w.chain.move("a", "ETH", 100_000, 0)
		w.chain.move("a", "USDT", 1_000, 0)
		w.settle()
		w.pay("USDT", 10)
		w.pay("ETH", 3)
		w.eventually("both are sent", func() bool { w.chain.mu.Lock(); defer w.chain.mu.Unlock(); return len(w.chain.pool) == 2 })
		w.chain.mine() // they are in a block, and so is nothing final
		w.chain.move("a", "USDT", 77, 0)
		w.look()
		w.want(a, "USDT", treasury.CauseNotFinal, 1_000, "0")
		w.halt()
		w.chain.finalize(0)
		// Nobody works: the block is final, the payouts are not booked, the deposit hides behind them.
		w.want(a, "USDT", treasury.CauseInFlight, 1_067, "67")
		w.want(a, "ETH", treasury.CauseInFlight, 100_000-3-2*feeReal, "-1557")
		w.start()
		w.pay("USDT", 1)
		w.settle()
		w.want(a, "USDT", treasury.CauseNone, 1_066, "0")
		w.want(a, "ETH", treasury.CauseNone, 100_000-3-3*feeReal, "0")
		if got := w.deposits(a); !slices.Equal(got, []string{"deposit 100000 ETH", "deposit 1000 USDT", "deposit 77 USDT"}) {
			t.Errorf("booked: %v", got)
		}
	})
}

// A payout that failed on the chain cost its fee and nothing else.
// case-36: what the network took is booked.
func TestFailedPayoutCostsItsFee(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a := w.wallet("a")
		w.start()
		w.chain.move("a", "ETH", 10_000, 0)
		w.settle()
		w.chain.mu.Lock()
		w.chain.fails = true
		w.chain.mu.Unlock()
		w.pay("ETH", 50)
		w.settle()
		w.want(a, "ETH", treasury.CauseNone, 10_000-feeReal, "0")
	})
}

// Money that leaves without us is an alarm, told once, and never booked by itself. What
// comes after it fills the gap first.
func TestOutflow(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a := w.wallet("a")
		w.start()
		w.chain.move("a", "ETH", 10_000, 0)
		w.settle()
		w.chain.steal("a", "ETH", 400)
		w.chain.finalize(0)
		w.want(a, "ETH", treasury.CauseUnexplained, 9_600, "-400")
		w.eventually("it is noted", func() bool { w.look(); return !w.lines(a)["ETH"].Missing.IsZero() })
		w.chain.move("a", "ETH", 150, 0)
		w.pay("ETH", 5)
		w.settle()
		l := w.lines(a)["ETH"]
		if l.Cause != treasury.CauseUnexplained || l.OK() || l.Difference.Plus(l.Missing).Sign() != 0 || l.Missing != money.Of(250) {
			t.Errorf("%+v", l)
		}
		explain := func(minor money.Amount, reason string) error {
			_, err := commit.Do(context.Background(), w.loop, treasury.OperatorShard,
				treasury.Explain{Wallet: a.Seq, Asset: assets["ETH"], Amount: minor, Reason: reason, Actor: "operator:test"})
			return err
		}
		for _, c := range []struct {
			minor  money.Amount
			reason string
			code   string
		}{{money.Of(251), "too much", "not_missing"}, {money.Of(1), " ", "invalid_reason"}, {money.Amount{}, "x", "invalid_amount"}} {
			if err := explain(c.minor, c.reason); fault.CodeOf(err) != c.code {
				t.Errorf("%s %q: %v", c.minor, c.reason, err)
			}
		}
		if err := explain(l.Missing, "moved to cold storage"); err != nil {
			t.Fatal(err)
		}
		if err := explain(l.Missing, "twice"); fault.CodeOf(err) != "not_missing" {
			t.Errorf("explained twice: %v", err)
		}
		w.settle()
		if l := w.lines(a)["ETH"]; l.Cause != treasury.CauseNone || l.Difference.Sign() != 0 {
			t.Errorf("%+v", l)
		}
		if told := w.told(a); told[event.WalletOutflow] != 1 || told[event.WalletExplained] != 1 || told[event.WalletRegained] != 1 || told[event.WalletFunded] != 1 {
			t.Errorf("told: %v", told)
		}
	})
}

// f03: a node that shows wrong balances for a while writes nothing into the books that stays.
// A native coin that nobody signed for cannot have left, however long a node says so.
func TestWrongBalancesForAWhile(t *testing.T) {
	const forLong = 12
	for _, c := range []struct {
		name, asset string
		shown       uint64
		looks       int
		told        map[event.Type]int // beside the deposits at the beginning
	}{
		{"zero twice", "ETH", 0, 2, nil},
		{"a token's zero twice", "USDT", 0, 2, nil},
		{"far too much twice", "ETH", 1 << 50, 2, nil},
		{"less for long", "ETH", 9_000, forLong, nil},
		{"zero for long", "ETH", 0, forLong, nil},
		{"a token's zero for long", "USDT", 0, forLong, map[event.Type]int{event.WalletOutflow: 1, event.WalletRegained: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, w *world) {
				a := w.wallet("a")
				w.start()
				w.chain.move("a", "ETH", 10_000, 0)
				w.chain.move("a", "USDT", 500, 0)
				w.settle()
				w.look() // with nothing to be booked
				before := w.told(a)
				w.chain.lies(map[string]uint64{c.asset: c.shown})
				for range c.looks {
					w.chain.block(nil)
					w.chain.finalize(0)
					w.look()
				}
				w.eventually("what can be noted is", func() bool { return w.told(a)[event.WalletOutflow] == c.told[event.WalletOutflow] })
				for _, l := range w.treasury.Seen()[0].Lines {
					if l.Asset == c.asset && l.Asset == "ETH" && c.shown < 10_000 && (l.Cause != treasury.CauseDoubted || l.OK()) {
						t.Errorf("%+v", l)
					}
				}
				w.chain.lies(nil)
				w.settle()
				w.want(a, "ETH", treasury.CauseNone, 10_000, "0")
				w.eventually("the alarm is over", func() bool {
					w.chain.mine()
					w.chain.finalize(0)
					w.look()
					return w.lines(a)["USDT"].Cause == treasury.CauseNone
				})
				for typ, n := range w.told(a) {
					if n-before[typ] != c.told[typ] {
						t.Errorf("told %d times of %s, want %d", n-before[typ], typ, c.told[typ])
					}
				}
				if got := w.deposits(a); len(got) != 2 {
					t.Errorf("booked: %v", got)
				}
			})
		})
	}
}

// A coin that is gone although nothing was signed is an alarm in the end: the network may
// take what its receipts do not show.
func TestDoubtEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a := w.wallet("a")
		w.doubt = time.Millisecond
		w.start()
		w.chain.move("a", "ETH", 10_000, 0)
		w.settle()
		w.chain.move("a", "ETH", 0, 3)
		w.eventually("it is noted", func() bool { w.chain.finalize(0); w.look(); return w.told(a)[event.WalletOutflow] == 1 })
	})
}

// A wallet that falls below its threshold is told of once, and once when it is over.
func TestLow(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a := w.wallet("a")
		w.low = []treasury.Threshold{{Asset: "ETH", Below: money.Of(1_000)}, {Wallet: "another", Asset: "ETH", Below: money.Of(1 << 60)}}
		w.start()
		expect := func(low, ok int) {
			t.Helper()
			w.look()
			w.look()
			if told := w.told(a); told[event.WalletLow] != low || told[event.WalletOK] != ok {
				t.Fatalf("told %v; want low %d, ok %d", told, low, ok)
			}
		}
		expect(1, 0)
		w.chain.move("a", "ETH", 1_000, 0)
		expect(1, 1)
		w.chain.move("a", "ETH", 0, 1)
		expect(2, 1)
		w.halt()
		w.start()
		expect(2, 1)
	})
}

// A node that is behind, or does not answer, raises no alarm.
func TestNodeBehind(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a := w.wallet("a")
		w.start()
		w.chain.block(nil)
		w.chain.move("a", "ETH", 70, 0)
		w.settle()
		w.chain.mu.Lock()
		w.chain.final = 1
		w.chain.mu.Unlock()
		w.look()
		w.want(a, "ETH", treasury.CauseNotFinal, 0, "-70")
		w.chain.mu.Lock()
		w.chain.down = true
		w.chain.mu.Unlock()
		w.look()
		if seen := w.treasury.Seen(); len(seen) != 1 || seen[0].Problem == "" {
			t.Errorf("%+v", seen)
		}
		w.chain.mu.Lock()
		w.chain.down = false
		w.chain.mu.Unlock()
		w.settle()
		if got := w.told(a); got[event.WalletOutflow] != 0 {
			t.Errorf("told %v", got)
		}
	})
}

// The ledger may be ahead of the final block that is looked at: what it has booked since
// is not missing.
func TestLedgerAhead(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a := w.wallet("a")
		w.start()
		w.chain.move("a", "ETH", 10_000, 0)
		w.chain.move("a", "USDT", 90, 0)
		w.settle()
		w.chain.mu.Lock()
		before := w.chain.final
		w.chain.mu.Unlock()
		w.pay("ETH", 5)
		w.pay("USDT", 7)
		w.settle()
		w.chain.mu.Lock()
		w.chain.final = before
		w.chain.mu.Unlock()
		w.eventually("both dispatches are done", func() bool { return w.lines(a)["ETH"].Cause != treasury.CauseInFlight })
		w.want(a, "ETH", treasury.CauseNotFinal, 10_000, "0")
		w.want(a, "USDT", treasury.CauseNotFinal, 90, "0")
		w.look()
		w.settle()
		if got := w.told(a); got[event.WalletOutflow] != 0 || got[event.WalletFunded] != 2 {
			t.Errorf("told %v", got)
		}
	})
}

// Whatever comes in whichever order: once all is quiet, ledger and chain agree to the
// last unit, and no alarm was raised, since nothing left without us.
func TestAnyInterleavingAgreesInTheEnd(t *testing.T) {
	if err := flag.Set("rapid.checks", "6"); err != nil { // each has a database of its own
		t.Fatal(err)
	}
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				sub := t // databases go with the whole test
				w := newWorld(sub, url(sub))
				a, b := w.wallet("a"), w.wallet("b")
				w.start()
				for _, addr := range []string{"a", "b"} {
					w.chain.move(addr, "ETH", 1_000_000, 0)
					w.chain.move(addr, "USDT", 1_000_000, 0)
				}
				steps := rapid.SliceOfN(rapid.SampledFrom([]string{
					"deposit a", "deposit b", "token a", "pay", "pay", "pay token", "mine", "mine", "final", "almost", "look", "look", "reorg", "restart", "fail",
				}), 5, 40).Draw(r, "steps")
				for n, s := range steps {
					w.step(s, uint64(n)+1)
				}
				w.settle()
				for _, wal := range []payout.Wallet{a, b} {
					for asset, l := range w.lines(wal) {
						if l.Cause != treasury.CauseNone || l.Difference.Sign() != 0 || l.Chain != w.chain.finalHas(wal.Address, asset) {
							r.Fatalf("%s %s: %+v", wal.Address, asset, l)
						}
					}
					if w.told(wal)[event.WalletOutflow] != 0 {
						r.Fatalf("a false alarm: %s", w.show())
					}
				}
				w.end()
			})
		})
	}
}

func (w *world) step(what string, n uint64) {
	switch what {
	case "deposit a":
		w.chain.move("a", "ETH", 1000+n, 0)
	case "deposit b":
		w.chain.move("b", "ETH", 2000+n, 0)
	case "token a":
		w.chain.move("a", "USDT", 3000+n, 0)
	case "pay":
		w.pay("ETH", n)
	case "pay token":
		w.pay("USDT", n)
	case "mine":
		w.chain.mine()
	case "final":
		w.chain.finalize(0)
	case "almost":
		w.chain.finalize(1)
	case "look":
		w.look()
	case "reorg":
		w.chain.reorg(1)
	case "restart":
		w.halt()
		w.start()
	case "fail":
		w.chain.mu.Lock()
		w.chain.fails = !w.chain.fails
		w.chain.mu.Unlock()
	}
}
