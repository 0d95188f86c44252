package utxo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/utxo"
	"sluice/internal/rail/utxo/utxotest"
	"sluice/internal/signer"
)

// flight is what a worker does with the slots of one wallet.
type flight struct {
	*world
	t      *testing.T
	sign   signer.Signer
	wallet string
	live   []*rail.Live
}

func (w *world) fly(t *testing.T, coins ...uint64) *flight {
	t.Helper()
	f := &flight{world: w, t: t, sign: w.signer(t), wallet: w.wallet(t)}
	w.Pay(t, f.wallet, coins...)
	return f
}

func (f *flight) remember() {
	var all []rail.Live
	for _, l := range f.live {
		all = append(all, *l)
	}
	f.rail.Remember(f.wallet, all)
}

// begin picks coins for payouts of amounts; nothing is signed yet.
func (f *flight) begin(amounts ...uint64) (*rail.Live, error) {
	f.t.Helper()
	f.remember()
	l := &rail.Live{}
	held := map[string]bool{}
	for _, other := range f.live {
		for _, c := range other.Slot.Coins {
			held[c.Key()] = true
		}
	}
	for _, a := range amounts {
		target, err := f.rail.Check(f.t.Context(), f.recipient(f.t), "", f.Params.Coin)
		must(f.t, err)
		l.Payouts = append(l.Payouts, rail.Payout{Ref: newRef(), Asset: f.Params.Coin, To: target.Decoded, Amount: money.Of(a)})
	}
	var err error
	l.Slot, _, err = f.rail.Pick(f.t.Context(), f.wallet, fmt.Sprintf("slot%d", len(f.live)), l.Payouts, held)
	if err == nil {
		f.live = append(f.live, l)
		f.remember()
	}
	return l, err
}

// attempt signs the next one of a slot and stores it.
func (f *flight) attempt(l *rail.Live) (rail.Attempt, error) {
	f.t.Helper()
	in, err := f.rail.Prepare(f.t.Context(), l.Slot, l.Payouts, l.Attempts)
	if err != nil {
		return rail.Attempt{}, err
	}
	in.Fence, in.Bound = 1, l.Slot.Ref
	signed, err := f.sign.Sign(f.t.Context(), in)
	must(f.t, err)
	fee, err := in.MaxFee()
	must(f.t, err)
	a := rail.Attempt{TxID: signed.TxID, Raw: signed.Raw, Fee: fee}
	l.Attempts = append(l.Attempts, a)
	f.remember()
	return a, nil
}

// pay carries payouts into the pool.
func (f *flight) pay(amounts ...uint64) *rail.Live {
	f.t.Helper()
	l, err := f.begin(amounts...)
	must(f.t, err)
	f.raise(l)
	return l
}

// raise makes the next attempt of a slot and sends it.
func (f *flight) raise(l *rail.Live) rail.Attempt {
	f.t.Helper()
	a, err := f.attempt(l)
	must(f.t, err)
	must(f.t, f.rail.Submit(f.t.Context(), a))
	return a
}

func (f *flight) look(l *rail.Live) rail.Observation {
	f.t.Helper()
	o, err := f.rail.Observe(f.t.Context(), l.Slot, l.Payouts, l.Attempts)
	must(f.t, err)
	return o
}

func sum(t *testing.T, amounts ...money.Amount) money.Amount {
	t.Helper()
	var out money.Amount
	var err error
	for _, a := range amounts {
		out, err = out.Add(a)
		must(t, err)
	}
	return out
}

// TestChildPaysForParent raises a payout on a network without replacements: a child
// spends the change, then a grandchild; what they cost is part of the payout's fee.
func TestChildPaysForParent(t *testing.T) {
	f := newWorld(t, utxotest.StartLitecoind(t)).fly(t, 50_000_000)
	before, err := f.rail.Balance(t.Context(), f.wallet)
	must(t, err)
	l := f.pay(1_000_000, 2_000_000)
	for range 2 {
		in, err := f.rail.Prepare(t.Context(), l.Slot, l.Payouts, l.Attempts)
		must(t, err)
		last := l.Attempts[len(l.Attempts)-1]
		if len(in.Inputs) != 1 || in.Inputs[0].TxID != last.TxID || len(in.Outputs) != 0 || in.Change.Amount.IsZero() {
			t.Fatalf("the child is %+v", in)
		}
		f.raise(l)
	}
	if waiting := f.Waiting(t); len(waiting) != 3 {
		t.Fatalf("the pool has %v", waiting)
	}
	if o := f.look(l); o.Stage != rail.StageSent || o.TxID != l.Attempts[0].TxID || o.Note != "" {
		t.Errorf("in the pool: %+v", o)
	}
	// The child's coin is not for others.
	if _, err := f.begin(1_000_000); err == nil {
		next := f.live[len(f.live)-1]
		for _, c := range next.Slot.Coins {
			if c.TxID == l.Attempts[0].TxID || c.TxID == l.Attempts[1].TxID {
				t.Errorf("the coin %s of a child was picked", c.Key())
			}
		}
	}
	f.Mine(t, 6)
	o := f.look(l)
	want := sum(t, l.Attempts[0].Fee, l.Attempts[1].Fee, l.Attempts[2].Fee)
	if o.Stage != rail.StageFinal || !o.Paid[0] || !o.Paid[1] || o.TxID != l.Attempts[0].TxID || o.Fee != want {
		t.Errorf("at the end: %+v, want a fee of %s", o, want)
	}
	after, err := f.rail.Balance(t.Context(), f.wallet)
	must(t, err)
	if got := sum(t, after["LTC"], want, money.Of(3_000_000)); got != before["LTC"] {
		t.Errorf("the wallet had %s, and has with what it spent %s", before["LTC"], got)
	}
}

// TestChildWithoutItsParent sends a child after the node has lost everything: what it
// builds on goes first.
func TestChildWithoutItsParent(t *testing.T) {
	f := newWorld(t, utxotest.StartLitecoind(t)).fly(t, 50_000_000)
	l, err := f.begin(1_000_000)
	must(t, err)
	_, err = f.attempt(l)
	must(t, err)
	child, err := f.attempt(l)
	must(t, err)
	must(t, f.rail.Submit(t.Context(), child)) // the parent was never sent
	if waiting := f.Waiting(t); len(waiting) != 2 {
		t.Fatalf("the pool has %v", waiting)
	}
}

// TestChainLimit pays from one coin again and again without a block: the chain of what
// waits stays within what nodes pass on, and the rest waits for a block.
func TestChainLimit(t *testing.T) {
	f := newWorld(t, utxotest.StartLitecoind(t)).fly(t, 900_000_000)
	paid := 0
	for ; paid < 40; paid++ {
		l, err := f.begin(100_000)
		if err != nil {
			if !errors.Is(err, rail.ErrUnavailable) {
				t.Fatal(err)
			}
			break
		}
		f.raise(l) // the node must take every one of them
	}
	if paid < 20 || paid > 24 {
		t.Errorf("%d payouts wait in a row, want 20 to 24", paid)
	}
	// The last place is for a child.
	f.raise(f.live[len(f.live)-1])
	f.Mine(t, 1)
	f.pay(100_000)
	f.Mine(t, 6)
	for n, l := range f.live {
		if o := f.look(l); o.Stage != rail.StageFinal || !o.Paid[0] {
			t.Errorf("payout %d: %+v", n, o)
		}
	}
}

// TestReplacementWouldTakeChildrenAway wants a payment that another one builds on never
// to be replaced.
func TestReplacementWouldTakeChildrenAway(t *testing.T) {
	f := newWorld(t, utxotest.StartBtcd(t)).fly(t, 50_000_000)
	first := f.pay(1_000_000)
	second, err := f.begin(1_000_000) // builds on the change; nothing is signed
	must(t, err)
	if second.Slot.Coins[0].TxID != first.Attempts[0].TxID || len(second.Slot.Coins[0].Needs) == 0 {
		t.Fatalf("the second slot is %+v", second.Slot)
	}
	if _, err := f.attempt(first); !errors.Is(err, rail.ErrUnavailable) {
		t.Errorf("before the second is signed: got %v, want to wait", err)
	}
	f.raise(second)
	if _, err := f.attempt(first); !errors.Is(err, rail.ErrUnavailable) {
		t.Errorf("with the second in the pool: got %v, want to wait", err)
	}
	f.raise(second) // this one may: nothing builds on it
	f.Mine(t, 6)
	for _, l := range f.live {
		if o := f.look(l); o.Stage != rail.StageFinal || !o.Paid[0] {
			t.Errorf("%+v", o)
		}
	}
}

// TestCoinThatNeverComes has somebody else spend the coin of a payment that another
// one builds on: both are dead, and only a block that is deep enough proves it.
func TestCoinThatNeverComes(t *testing.T) {
	f := newWorld(t, utxotest.StartBtcd(t)).fly(t, 50_000_000)
	first := f.pay(1_000_000)
	second := f.pay(1_000_000)
	// The same coin, dearer, for somebody else.
	in, err := f.rail.Prepare(t.Context(), first.Slot, first.Payouts, nil)
	must(t, err)
	in.Outputs[0].Amount, in.Change.Amount = money.Of(2_000_000), money.Of(47_000_000)
	in.Fence, in.Bound = 1, "stranger"
	signed, err := f.signer(t).Sign(t.Context(), in)
	must(t, err)
	f.Call(t, nil, "sendrawtransaction", fmt.Sprintf("%x", signed.Raw))
	f.Mine(t, 1)
	for _, l := range []*rail.Live{first, second} {
		if o := f.look(l); o.Stage != rail.StageUnknown || o.Note == "" {
			t.Errorf("a young block: %+v", o)
		}
	}
	if err := f.rail.Submit(t.Context(), second.Attempts[0]); !errors.Is(err, rail.ErrLook) {
		t.Errorf("sent again: got %v, want ErrLook", err)
	}
	f.Mine(t, 6)
	for _, l := range []*rail.Live{first, second} {
		if o := f.look(l); o.Stage != rail.StageFinal || o.Paid[0] || o.Reasons[0] == "" || o.TxID != signed.TxID {
			t.Errorf("a deep block: %+v", o)
		}
	}
}

// TestCase22_Reorg takes blocks back on litecoind: the payout waits again while blocks
// without it come, and ends in another block. Nothing is signed for it.
func TestCase22_Reorg(t *testing.T) {
	f := newWorld(t, utxotest.StartLitecoind(t)).fly(t, 50_000_000)
	f.Mine(t, 3)
	l := f.pay(1_000_000)
	f.Mine(t, 2)
	before := f.look(l)
	if before.Stage != rail.StageMined || before.Confirmations != 2 {
		t.Fatalf("mined: %+v", before)
	}
	f.Undo(t, before.BlockNumber)
	for range 4 { // blocks that leave it out
		f.Call(t, nil, "generateblock", f.recipientOf(t), []string{})
	}
	o := f.look(l)
	if o.Stage != rail.StageSent || o.Paid != nil {
		t.Errorf("dropped: %+v", o)
	}
	if b, err := f.rail.Balance(t.Context(), f.wallet); err != nil || b["LTC"] != money.Of(50_000_000) {
		t.Errorf("the coin is back: %v (%v)", b, err)
	}
	f.Mine(t, 1)
	after := f.look(l)
	if after.Stage != rail.StageMined || after.TxID != before.TxID || after.Block == before.Block || after.BlockNumber == before.BlockNumber {
		t.Errorf("in another block: %+v, before %+v", after, before)
	}
	f.Mine(t, 5)
	if o := f.look(l); o.Stage != rail.StageFinal || !o.Paid[0] {
		t.Errorf("final: %+v", o)
	}
}

func (w *world) recipientOf(t *testing.T) string {
	t.Helper()
	return w.Params.Address(append([]byte{0, 20}, make([]byte, 20)...))
}

// TestNothingIsRemembered looks at a payout with a rail that has just started, when
// blocks below its start hold it: the rail looks back.
func TestNothingIsRemembered(t *testing.T) {
	f := newWorld(t, utxotest.StartLitecoind(t)).fly(t, 50_000_000)
	l := f.pay(1_000_000)
	f.raise(l) // and a child
	f.Mine(t, 9)
	// The child's output is spent as well: nothing about it is among the coins.
	next := f.pay(48_000_000)
	f.Mine(t, 9)
	want := f.look(l)
	if want.Stage != rail.StageFinal {
		t.Fatalf("%+v", want)
	}
	f.rail = f.open(t, f.Node)
	f.remember()
	for _, slot := range []*rail.Live{l, next} {
		if o := f.look(slot); o.Stage != rail.StageFinal || !o.Paid[0] || o.Fee.IsZero() {
			t.Errorf("after a start: %+v", o)
		}
	}
	if got := f.look(l); got.Fee != want.Fee || got.TxID != want.TxID || got.BlockNumber != want.BlockNumber {
		t.Errorf("after a start: %+v, before %+v", got, want)
	}
	// One that may not look back far enough says so, and decides nothing.
	f.conf.LookBack = 1
	f.rail = f.open(t, f.Node)
	f.remember()
	if o := f.look(l); o.Stage == rail.StageFinal || len(o.Paid) > 0 {
		t.Errorf("without a look into the past: %+v", o)
	}
}

// TestDust refuses what the network would not pass on, alone, and pays the least that
// it does.
func TestDust(t *testing.T) {
	for name, start := range map[string]func(testing.TB, ...string) *utxotest.Chain{
		"btcd": func(t testing.TB, _ ...string) *utxotest.Chain { return utxotest.StartBtcd(t) }, "litecoind": utxotest.StartLitecoind,
	} {
		t.Run(name, func(t *testing.T) {
			f := newWorld(t, start(t)).fly(t, 50_000_000, 50_000_000)
			var least []uint64
			var all []rail.Payout
			for range 5 { // all kinds of addresses
				target, err := f.rail.Check(t.Context(), f.recipient(t), "", f.Params.Coin)
				must(t, err)
				dust := f.Params.Dust(target.Decoded)
				least = append(least, dust)
				all = append(all, rail.Payout{Ref: newRef(), Asset: f.Params.Coin, To: target.Decoded, Amount: money.Of(dust)})
			}
			small := all[2]
			small.Amount = money.Of(least[2] - 1)
			groups, err := f.rail.Group(t.Context(), f.wallet, append(all[:2:2], small, all[3]))
			must(t, err)
			if len(groups) != 2 || len(groups[0]) != 1 || groups[0][0] != 2 {
				t.Errorf("groups %v: the one that is too small must be alone", groups)
			}
			slot, _, err := f.rail.Pick(t.Context(), f.wallet, "x", all, nil)
			must(t, err)
			var refusal *rail.Refusal
			if _, err := f.rail.Prepare(t.Context(), slot, []rail.Payout{small}, nil); !errors.As(err, &refusal) || !strings.Contains(refusal.Reason, "less than the network passes on") {
				t.Errorf("got %v, want a refusal", err)
			}
			if fs, err := f.rail.Feasible(t.Context(), f.wallet, nil, []rail.Payout{small}); err != nil || !fs.OK {
				t.Errorf("it must come as far as its refusal: %+v (%v)", fs, err)
			}
			l := &rail.Live{Slot: slot, Payouts: all}
			f.live = append(f.live, l)
			f.raise(l) // the node takes it
		})
	}
}

// TestLies holds against nodes that say what is not so.
func TestLies(t *testing.T) {
	f := newWorld(t, utxotest.StartBtcd(t)).fly(t, 50_000_000)
	t.Run("a coin worth more than it is", func(t *testing.T) {
		honest := f.rail
		defer func() { f.rail = honest }()
		f.rail = f.open(t, filter{f.Node, func(method string, result any, call func() error) error {
			err := call()
			if method == "gettxout" {
				return json.Unmarshal([]byte(`{"value":0.75,"confirmations":3,"scriptPubKey":{"hex":"00"}}`), result)
			}
			return err
		}})
		if l, err := f.begin(1_000_000); err == nil || !strings.Contains(err.Error(), "contradicts") {
			t.Errorf("picked %+v (%v)", l.Slot, err)
		}
	})
	t.Run("Case07 OK and nothing kept", func(t *testing.T) {
		honest := f.rail
		l, err := f.begin(1_000_000)
		must(t, err)
		a, err := f.attempt(l)
		must(t, err)
		f.rail = f.open(t, filter{f.Node, func(method string, result any, call func() error) error {
			if method == "sendrawtransaction" {
				return nil
			}
			return call()
		}})
		must(t, f.rail.Submit(t.Context(), a))
		f.rail = honest
		if o := f.look(l); o.Stage != rail.StageSent || o.Note == "" {
			t.Errorf("%+v, want to be told to send again", o)
		}
		must(t, f.rail.Submit(t.Context(), a))
		f.Mine(t, 6)
		if o := f.look(l); o.Stage != rail.StageFinal || !o.Paid[0] {
			t.Errorf("%+v", o)
		}
	})
	t.Run("Case35 a price out of this world", func(t *testing.T) {
		f.rail = f.open(t, filter{f.Node, func(method string, result any, call func() error) error {
			if method == "estimatefee" {
				return json.Unmarshal([]byte(`0.5`), result)
			}
			return call()
		}})
		fs, err := f.rail.Feasible(t.Context(), f.wallet, nil, []rail.Payout{{Ref: "wd", Asset: "BTC", To: append([]byte{0, 20}, make([]byte, 20)...), Amount: money.Of(10_000)}})
		if err != nil || fs.Code != utxo.CodeFeeTooHigh {
			t.Errorf("got %+v (%v), want %s", fs, err, utxo.CodeFeeTooHigh)
		}
	})
}

// TestTidy takes small coins along while block space is cheap and there are many.
func TestTidy(t *testing.T) {
	w := newWorld(t, utxotest.StartBtcd(t), func(c *utxo.Config) { c.ConsolidateBelow, c.CoinsWanted = 300_000, 4 })
	f := w.fly(t, 50_000_000, 40_000, 41_000, 42_000, 43_000, 44_000, 45_000)
	l, err := f.begin(1_000_000)
	must(t, err)
	if len(l.Slot.Coins) != 1+3 {
		t.Errorf("%d coins are spent, want the large one and three small ones", len(l.Slot.Coins))
	}
	f.raise(l)
}

// TestPosition is what the treasury compares with the ledger.
func TestPosition(t *testing.T) {
	f := newWorld(t, utxotest.StartBtcd(t)).fly(t, 30_000_000, 20_000_000)
	f.Mine(t, 6)
	l := f.pay(25_000_000)
	next := f.pay(10_000_000)
	later := f.pay(1_000_000) // builds on change that waits
	for depth := range 8 {
		p, err := f.rail.Position(t.Context(), f.wallet)
		must(t, err)
		final := depth >= 6
		if p.Used(l.Slot) != final || p.Used(next.Slot) != final || p.Used(later.Slot) != final {
			t.Errorf("at depth %d: used %t %t %t in %+v", depth, p.Used(l.Slot), p.Used(next.Slot), p.Used(later.Slot), p)
		}
		if !final && p.Balances["BTC"] != money.Of(50_000_000) {
			t.Errorf("at depth %d: %v", depth, p.Balances)
		}
		f.Mine(t, 1)
	}
}

// refs counts the withdrawals that the tests have made up: a signer signs each in one slot.
var refs atomic.Int64

func newRef() string { return fmt.Sprintf("wd_%d", refs.Add(1)) }
