package chain_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

// TestFork: what becomes of a payment in an erased block.
func TestFork(t *testing.T) {
	cases := []struct {
		name     string
		reorg    func(id wire.TxID) chain.Reorg
		included bool // in the new branch
		pooled   bool
		next     bool // in the block after it
	}{
		{"taken again", func(wire.TxID) chain.Reorg { return chain.Reorg{Depth: 2} }, true, false, true},
		{"back in the pool", func(wire.TxID) chain.Reorg { return chain.Reorg{Depth: 2, Empty: true} }, false, true, true},
		{"gone", func(id wire.TxID) chain.Reorg { return chain.Reorg{Depth: 2, Without: []wire.TxID{id}} }, false, false, false},
		{"a shorter branch", func(wire.TxID) chain.Reorg { return chain.Reorg{Depth: 2, Blocks: 1} }, true, false, true},
		{"below the fork", func(wire.TxID) chain.Reorg { return chain.Reorg{Depth: 1} }, true, false, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, chain.Config{})
			w.Produce(30)
			id := w.send(w.transfer(w.payee, trx))
			w.Produce(2)
			before, solid := w.head(), w.solid()
			w.must(w.Fork(c.reorg(id)))
			if w.head().ID == before.ID || w.solid() < solid {
				t.Errorf("head %s before and %s after, solid %d and %d", before.ID, w.head().ID, solid, w.solid())
			}
			if got := w.mined(chain.View{}, id); got != c.included || w.pooled(id) != c.pooled {
				t.Errorf("included %v, in the pool %v", got, w.pooled(id))
			}
			w.Produce(1)
			if w.mined(chain.View{}, id) != c.next {
				t.Errorf("in the next block %v", !c.next)
			}
			if c.next != (w.balance(w.payee) == trx+1) {
				t.Errorf("the payee has %d", w.balance(w.payee))
			}
		})
	}
}

// TestForkOrphansReference: a reference to an erased block is TAPOS_ERROR for good.
func TestForkOrphansReference(t *testing.T) {
	w := newWorld(t, chain.Config{})
	w.Produce(30)
	raw := w.transfer(w.payee, trx)
	w.must(w.Fork(chain.Reorg{Depth: 1}))
	if refusal := w.Broadcast(w.signed(raw)); refusal == nil || refusal.Code != chain.TaposError {
		t.Errorf("%v", refusal)
	}
}

// TestForkDropsWhatRefersToIt: a transaction in the pool that refers to an erased block.
func TestForkDropsWhatRefersToIt(t *testing.T) {
	w := newWorld(t, chain.Config{})
	w.Produce(30)
	id := w.send(w.transfer(w.payee, trx))
	w.must(w.Fork(chain.Reorg{Depth: 1}))
	w.Produce(1)
	if w.pooled(id) || w.mined(chain.View{}, id) {
		t.Error("it is still somewhere")
	}
}

// TestForkGivesANewAge: what comes back from an erased block waits another minute.
func TestForkGivesANewAge(t *testing.T) {
	w := newWorld(t, chain.Config{})
	w.Produce(30)
	id := w.send(w.transfer(w.payee, trx))
	w.ProduceEmpty(15)
	w.Produce(1)
	w.must(w.Fork(chain.Reorg{Depth: 1, Empty: true}))
	w.ProduceEmpty(15)
	if !w.pooled(id) {
		t.Error("it was dropped a minute after it was first sent")
	}
	w.ProduceEmpty(5)
	if w.pooled(id) {
		t.Error("it is still there a minute after the fork")
	}
}

func TestForkKeepsOperations(t *testing.T) {
	w := newWorld(t, chain.Config{})
	w.Produce(30)
	w.must(w.Fund(stranger.Address(), 77))
	token := w.token("TronDollar")
	w.must(w.SetParameter(chain.EnergyPrice, 210))
	w.Produce(1)
	w.must(w.Fork(chain.Reorg{Depth: 3}))
	if w.balance(stranger.Address()) != 77 || w.units(token, w.payer) != 1_000_000 {
		t.Error("what a test set up is gone with the blocks")
	}
	if info := w.run(w.call(token, pay(w.payee, 1), 100*trx)); info.Receipt.EnergyFee != info.Receipt.EnergyUsageTotal*210 {
		t.Errorf("receipt %+v", info.Receipt)
	}
}

func TestForkOfSolidBlocks(t *testing.T) {
	w := newWorld(t, chain.Config{})
	w.Produce(40)
	if err := w.Fork(chain.Reorg{Depth: 19}); err == nil {
		t.Error("a solid block was erased")
	}
	w.must(w.Fork(chain.Reorg{Depth: 18}))
}

// TestViews: what nodes that are behind, or on another branch, know.
func TestViews(t *testing.T) {
	w := newWorld(t, chain.Config{})
	w.Produce(30)
	id := w.send(w.transfer(w.payee, trx))
	side, err := w.Branch(chain.Reorg{Depth: 3, Empty: true})
	w.must(err)
	w.Produce(2)
	cases := []struct {
		name   string
		view   chain.View
		behind int64
		mined  bool
		payee  int64
	}{
		{"head", chain.View{}, 0, true, trx + 1},
		{"one behind", chain.View{Lag: 1}, 1, true, trx + 1},
		{"two behind", chain.View{Lag: 2}, 2, false, 1},
		{"solid", chain.View{Solid: true}, 18, false, 1},
		{"a solidity node that is behind", chain.View{Solid: true, Lag: 5}, 23, false, 1},
		{"as far behind as can be", chain.View{Solid: true, Lag: 500}, w.head().Number(), false, 1},
		{"another branch", chain.View{Side: side}, w.head().Number() - side.Height(), false, 1},
	}
	for range 2 { // a view leaves everything as it was
		for _, c := range cases {
			w.Read(c.view, func(r chain.Reader) {
				account, _ := r.Account(w.payee)
				if (r.Info(id) != nil) != c.mined || account.Balance != c.payee {
					t.Errorf("%s: mined %v, balance %d", c.name, r.Info(id) != nil, account.Balance)
				}
			})
			var height int64
			w.Read(c.view, func(r chain.Reader) { height = r.Head().Number() })
			if got := w.head().Number() - height; got != c.behind {
				t.Errorf("%s: %d behind, want %d", c.name, got, c.behind)
			}
		}
	}
	var there wire.Raw
	w.Read(chain.View{Side: side}, func(r chain.Reader) {
		there = rawAt(w, r.Head())
		if refusal := r.Judge(w.signed(there)); refusal != nil {
			t.Errorf("the branch refuses its own reference: %v", refusal)
		}
	})
	w.Read(chain.View{}, func(r chain.Reader) {
		if refusal := r.Judge(w.signed(there)); refusal == nil || refusal.Code != chain.TaposError {
			t.Errorf("the main branch takes a reference of the other: %v", refusal)
		}
	})
}

func rawAt(w *world, b *chain.Block) wire.Raw {
	return wire.Raw{
		RefBlockBytes: b.ID.RefBytes(), RefBlockHash: b.ID.RefHash(), Expiration: b.Time() + 60_000,
		Contracts: []wire.Contract{wire.NewContract(wire.TypeTransfer, wire.Transfer{Owner: w.payer[:], To: w.payee[:], Amount: 1}.Encode(), 0)},
	}
}

// TestInvariants does what a test may do, in any order, and checks after each step that
// nothing was made or lost but fees, and that looking at the past changes nothing.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, chain.Config{EnergyWeight: 18_000_000_000})
		token := w.token("TronDollar")
		w.must(w.Fund(w.payer, 100_000*trx))
		funded := w.total()
		people := []wire.Address{w.payee, stranger.Address(), wire.KeyFromSeed("third").Address()}
		steps := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 40).Draw(rt, "steps")
		stamp := int64(0)
		for _, step := range steps {
			to := people[rapid.IntRange(0, 2).Draw(rt, "to")]
			amount := rapid.Int64Range(1, 50_000*trx).Draw(rt, "amount")
			switch step {
			case 0, 1:
				raw := w.transfer(to, amount)
				raw.Timestamp, stamp = stamp, stamp+1
				_ = w.Broadcast(w.signed(raw))
			case 2, 3:
				raw := w.call(token, pay(to, int(amount%10_000)), amount%(30*trx))
				raw.Timestamp, stamp = stamp, stamp+1
				_ = w.Broadcast(w.signed(raw))
			case 4, 5, 6:
				w.Produce(int(amount % 4))
			case 7:
				_ = w.Fork(chain.Reorg{Depth: int(amount % 5), Empty: amount%2 == 0})
			case 8:
				w.Advance(time.Duration(amount%90) * time.Second)
			case 9:
				_ = w.Stake(w.payer, 0, amount%(100*trx))
			}
			if got := w.total(); got != funded {
				rt.Fatalf("there are %d sun, %d were funded", got, funded)
			}
			if got := w.allUnits(token, people); got != 1_000_000 {
				rt.Fatalf("there are %d tokens", got)
			}
		}
	})
}

// total is all sun, with what is staked and burned, from every view: they must agree on it
// and leave the head as it is.
func (w *world) total() int64 {
	w.Helper()
	sum := func(v chain.View) (sun int64) {
		w.Read(v, func(r chain.Reader) {
			sun = r.Burned()
			for _, a := range r.Accounts() {
				account, _ := r.Account(a)
				sun += account.Balance + account.Staked.Net + account.Staked.Energy + account.Delegated.Net + account.Delegated.Energy
			}
		})
		return sun
	}
	before := w.fingerprint()
	for _, v := range []chain.View{{Lag: 2}, {Solid: true}} {
		_ = sum(v)
	}
	if after := w.fingerprint(); after != before {
		w.Fatalf("looking at the past changed the present:\n%s\n%s", before, after)
	}
	return sum(chain.View{})
}

func (w *world) fingerprint() (s string) {
	w.Read(chain.View{}, func(r chain.Reader) {
		s = fmt.Sprint(r.Head().ID, r.SolidNumber(), r.Pool(), r.Burned())
		for _, a := range r.Accounts() {
			account, _ := r.Account(a)
			s += fmt.Sprintf(" %s %+v", a, account)
		}
	})
	return s
}

func (w *world) allUnits(token wire.Address, people []wire.Address) int64 {
	sum := w.units(token, w.payer)
	for _, p := range people {
		sum += w.units(token, p)
	}
	return sum
}
