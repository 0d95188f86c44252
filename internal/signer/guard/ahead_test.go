package guard_test

import (
	"crypto/ed25519"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/money"
	"sluice/internal/signer"
	"sluice/internal/signer/approval"
	"sluice/internal/signer/guard"
)

func corrected(t *testing.T, folder string, c guard.Correction) {
	t.Helper()
	known, err := guard.Correct(folder, c)
	must(t, err)
	if !known {
		t.Errorf("%s is not known", c.Wallet)
	}
}

// TestA10_one_ask_ends_no_wallet asks once with a number that nobody can get back from.
func TestA10_one_ask_ends_no_wallet(t *testing.T) {
	for name, c := range map[string]struct {
		code    string
		hostile func(*signer.Intent)
	}{
		"the largest lease":          {"sign_fence_far", func(in *signer.Intent) { in.Nonce, in.Fence = 8, math.MaxInt64 }},
		"a lease that is far":        {"sign_fence_far", func(in *signer.Intent) { in.Nonce, in.Fence = 8, 3+10_001 }},
		"a lease that is far, again": {"sign_fence_far", func(in *signer.Intent) { in.Fence = 3 + 10_001 }},
		"the largest nonce":          {"sign_nonce_far", func(in *signer.Intent) { in.Nonce = math.MaxUint64 }},
		"a nonce that is far":        {"sign_nonce_far", func(in *signer.Intent) { in.Nonce = 7 + 4_097 }},
		"a cancel that is far":       {"sign_nonce_far", func(in *signer.Intent) { in.Nonce, in.Cancel = 1<<60, true }},
	} {
		t.Run(name, func(t *testing.T) {
			g := open(t, imported(t), with(t.TempDir()))
			defer g.Close() //nolint:errcheck // read only
			must(t, sign(t, g, nil))
			code(t, sign(t, g, c.hostile), c.code)
			must(t, sign(t, g, nil))
			must(t, sign(t, g, nonce(8)))
			must(t, sign(t, g, func(in *signer.Intent) { in.Nonce, in.Fence = 9, 4 }))
		})
	}
	t.Run("the first ask of a wallet", func(t *testing.T) {
		g := open(t, imported(t))
		code(t, sign(t, g, func(in *signer.Intent) { in.Fence = 10_001 }), "sign_fence_far")
		code(t, sign(t, g, func(in *signer.Intent) { in.Nonce = 1<<32 + 1 }), "sign_nonce_far")
		must(t, sign(t, g, nonce(2_000_000))) // a wallet that was used before
		must(t, sign(t, g, nonce(7)))         // and below that, too
	})
}

// TestA10_many_asks has a log with more nonces than are remembered one by one. Those that
// were not bound stay free, those that were are never signed for another payout, and can
// be cancelled.
func TestA10_many_asks(t *testing.T) {
	folder := t.TempDir()
	var entries []string
	bound := func(nonce uint64, digest byte, rest string) {
		entries = append(entries, fmt.Sprintf(`{"kind":"bind","at":1700000000000,"network":"ethereum","wallet":"evm/1337/%s","nonce":%d,"digest":"%s","fee":"1","tx":"x"%s}`,
			strings.ToLower(exampleAddress), nonce, strings.Repeat(fmt.Sprintf("%02x", digest), 32), rest))
	}
	bound(1, 7, `,"payouts":[{"ref":"wd_x","asset":"ETH","to":"00","minor":"5"}]`)
	for n := range uint64(1 << 16) {
		bound(100+n, 0, `,"cancel":true`)
	}
	must(t, os.WriteFile(filepath.Join(folder, "00000001.log"), guard.Line(nil, "["+strings.Join(entries, ",")+"]"), 0o600))
	at := time.UnixMilli(1_700_000_000_000)
	g := open(t, imported(t), with(folder), func(o *guard.Options) { o.Now = func() time.Time { return at } })
	defer g.Close() //nolint:errcheck // read only
	must(t, sign(t, g, nonce(2)))
	code(t, sign(t, g, nonce(1)), "sign_slot")
	must(t, sign(t, g, func(in *signer.Intent) { in.Nonce, in.Cancel = 1, true }))
	code(t, sign(t, g, nonce(100)), "sign_slot")
	must(t, sign(t, g, func(in *signer.Intent) { in.Nonce, in.Cancel = 100, true }))
	two := uint64(2)
	corrected(t, folder, guard.Correction{Network: openPolicy().Networks[0].Network, Wallet: exampleAddress, Nonce: &two, Reason: "a test"})
	must(t, sign(t, g, nonce(100)))
	code(t, sign(t, g, nonce(1)), "sign_slot")
}

// TestA10_the_way_back is what an operator does when the numbers are true all the same, or
// when a version without these bounds has let them in.
func TestA10_the_way_back(t *testing.T) {
	keys, folder := imported(t), t.TempDir()
	g := open(t, keys, with(folder))
	defer g.Close() //nolint:errcheck // read only
	must(t, sign(t, g, nil))
	n := openPolicy().Networks[0].Network
	correct := func(c guard.Correction) {
		t.Helper()
		c.Network, c.Wallet, c.Reason = n, exampleAddress, "a test"
		corrected(t, folder, c)
	}
	fence := func(v int64) *int64 { return &v }
	next := func(v uint64) *uint64 { return &v }

	correct(guard.Correction{Fence: fence(50_000)})
	code(t, sign(t, g, nil), "sign_fence")
	must(t, sign(t, g, func(in *signer.Intent) { in.Nonce, in.Fence = 8, 50_000 }))
	correct(guard.Correction{Fence: fence(3)}) // the database has less
	must(t, sign(t, g, nonce(9)))

	code(t, sign(t, g, nonce(9_000)), "sign_nonce_far")
	correct(guard.Correction{Nonce: next(9_000)}) // the wallet was used elsewhere
	must(t, sign(t, g, nonce(9_000)))
	// Somebody has had nonces cancelled: what pays nobody is free again, the rest is not.
	must(t, sign(t, g, func(in *signer.Intent) { in.Nonce, in.Cancel = 10, true }))
	code(t, sign(t, g, nonce(10)), "sign_slot")
	correct(guard.Correction{Nonce: next(9)})
	must(t, sign(t, g, nonce(10)))
	code(t, sign(t, g, func(in *signer.Intent) { in.Nonce = 9; in.Outputs[0].Amount = money.Of(6) }), "sign_slot")

	must(t, g.Close())
	g = open(t, keys, with(folder))
	must(t, sign(t, g, nonce(11)))
	code(t, sign(t, g, func(in *signer.Intent) { in.Nonce = 10; in.Outputs[0].Amount = money.Of(6) }), "sign_slot")
	code(t, sign(t, g, nonce(9_000)), "")
}

// TestA10_coins_bound_for_nobody frees coins that a cancel or a child has bound.
func TestA10_coins_bound_for_nobody(t *testing.T) {
	p, folder := purses(t)[0], t.TempDir()
	g := p.open(folder)
	defer g.Close() //nolint:errcheck // read only
	from := p.fund(1, 60_000, 50_000)
	cancel := p.spend(from, 70_000, 109_000, 60_000, 50_000)
	cancel.Cancel = true
	_, err := p.sign(g, cancel)
	must(t, err)
	pay := p.spend(from, 70_000, 39_000, 60_000, 50_000)
	_, err = p.sign(g, pay)
	code(t, err, "sign_slot")
	corrected(t, folder, guard.Correction{Network: coinNetwork, Wallet: p.address, Coins: true, Reason: "a test"})
	_, err = p.sign(g, pay)
	must(t, err)
	corrected(t, folder, guard.Correction{Network: coinNetwork, Wallet: p.address, Coins: true, Reason: "a test"})
	other := p.spend(from, 71_000, 38_000, 60_000, 50_000)
	_, err = p.sign(g, other)
	code(t, err, "sign_slot") // what pays somebody stays
}

// TestA11_a_clock_that_jumps holds limits and approvals while the clock lies.
func TestA11_a_clock_that_jumps(t *testing.T) {
	p, key := strict(t)
	const year = 365 * 24 * time.Hour
	l := newTeller(t, p)
	agreed := func(in *signer.Intent) {
		o := &in.Outputs[0]
		s := approval.Statement{Network: "ethereum", Ref: o.Ref, Asset: o.Asset, Amount: o.Amount, To: o.To}
		o.Approval = approval.Sign(key, s, l.clock.at)
	}
	true0 := l.clock.at
	for range 2 {
		must(t, l.pay("ETH", 100))
	}
	for name, jump := range map[string]time.Duration{"five years ahead": 5 * year, "five weeks ahead": 35 * 24 * time.Hour} {
		l.clock.at = true0.Add(jump)
		if err := l.pay("ETH", 1); err == nil {
			t.Errorf("%s: signed", name)
		}
		l.restart()
		code(t, l.pay("ETH", 1), "sign_clock")
		code(t, l.g.Health(t.Context()), "sign_clock")
		// Nothing of that is in the log: with the right time it goes on, limits as before.
		l.clock.at = true0.Add(time.Minute)
		l.restart()
		must(t, l.g.Health(t.Context()))
		code(t, l.pay("ETH", 51), "sign_limit_hour")
		must(t, l.pay("USDT", 20, agreed))
	}
	// Back by an hour in a run: time goes on from where it was. After a restart nobody
	// knows which is right.
	l.clock.at = true0.Add(-time.Hour)
	code(t, l.pay("ETH", 51), "sign_limit_hour")
	l.restart()
	code(t, l.pay("ETH", 1), "sign_clock")
	corrected(t, l.folder, guard.Correction{Clock: l.clock.at, Reason: "the log was ahead"})
	code(t, l.pay("ETH", 51), "sign_limit_hour") // what was paid counts as paid now
	must(t, l.pay("ETH", 50))
	l.clock.at = l.clock.at.Add(time.Hour)
	must(t, l.pay("ETH", 100))
	l.restart()
	must(t, l.pay("ETH", 50))
}

// TestA11_monotonic sets the wall clock of a running signer, whose monotonic clock nobody sets.
func TestA11_monotonic(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	wall, ran := start, time.Duration(0)
	folder := t.TempDir()
	p, _ := strict(t)
	g := open(t, imported(t), func(o *guard.Options) {
		o.Dir, o.Policy = folder, p
		o.Now, o.Elapsed = func() time.Time { return wall }, func() time.Duration { return ran }
	})
	defer g.Close() //nolint:errcheck // read only
	next := uint64(0)
	pay := func(amount uint64) error {
		return sign(t, g, func(in *signer.Intent) {
			next++
			in.Nonce, in.Outputs[0].Ref, in.Outputs[0].Asset, in.Outputs[0].Amount = next, "wd_"+money.Of(next).Minor(), "ETH", money.Of(amount)
		})
	}
	pass := func(d time.Duration) { wall, ran = wall.Add(d), ran+d }
	must(t, pay(100))
	must(t, pay(100))
	pass(10 * time.Minute)
	wall = wall.Add(time.Hour) // set ahead: the hour's limit would be free again
	code(t, pay(51), "sign_clock")
	wall = wall.Add(-time.Hour)
	code(t, pay(51), "sign_limit_hour")
	wall = wall.Add(-5 * time.Hour) // set back: time goes on all the same
	code(t, pay(51), "sign_limit_hour")
	pass(51 * time.Minute)
	must(t, pay(100))
	wall = start.Add(ran + 2*time.Hour) // ahead, and right
	code(t, pay(1), "sign_clock")
	corrected(t, folder, guard.Correction{Clock: wall, Reason: "the clock is right now"})
	must(t, pay(100))
	pass(40 * 24 * time.Hour) // it runs on with nothing to do
	must(t, pay(100))
}

// TestA2_fees_have_limits_of_their_own burns fees with cancels, dearer attempts and
// payouts, up to what an hour and a day allow.
func TestA2_fees_have_limits_of_their_own(t *testing.T) {
	p, _ := strict(t)
	n := &p.Networks[0]
	n.MaxFee, n.FeePerHour, n.FeePerDay = money.Of(2_000_000), minor(6_300_000), minor(8_400_000)
	l := newTeller(t, p)
	fee := func(perGas uint64) func(*signer.Intent) {
		return func(in *signer.Intent) { in.FeeCap = money.Of(perGas) }
	} // times 21,000 gas
	cancel := func(in *signer.Intent) { in.Cancel = true }
	at := func(nonce uint64) func(*signer.Intent) {
		return func(in *signer.Intent) { in.Nonce, in.Outputs[0].Ref = nonce, "wd_at" }
	}
	must(t, l.pay("ETH", 1, fee(50), at(900)))         // 1,050,000
	must(t, l.pay("ETH", 1, fee(60), at(900)))         // 210,000 more
	must(t, l.pay("ETH", 1, fee(55), at(900)))         // nothing more
	must(t, l.pay("ETH", 1, fee(80), at(900), cancel)) // 420,000 more: only one of them is mined
	for range 3 {
		must(t, l.pay("ETH", 1, fee(60), cancel)) // 1,260,000 each, of a slot of its own
	}
	code(t, l.pay("ETH", 1, fee(60), cancel), "sign_fee_hour")
	must(t, l.pay("ETH", 1, fee(40), cancel)) // 6,300,000: exactly the limit
	code(t, l.pay("ETH", 1, fee(2)), "sign_fee_hour")
	must(t, l.pay("ETH", 1, fee(80), at(900))) // costs nothing more
	code(t, l.pay("ETH", 1, fee(81), at(900)), "sign_fee_hour")
	code(t, l.g.May(t.Context(), "ethereum", intent(t).Outputs), "sign_asset")
	l.restart()
	code(t, l.pay("ETH", 1, fee(2)), "sign_fee_hour")
	l.clock.at = l.clock.at.Add(time.Hour)
	must(t, l.pay("ETH", 1, fee(90), cancel)) // 8,190,000 in the day
	code(t, l.pay("ETH", 1, fee(20), cancel), "sign_fee_day")
	must(t, l.pay("ETH", 1, fee(10), cancel))
	code(t, l.pay("ETH", 1, fee(2), cancel), "sign_fee_day")
	l.clock.at = l.clock.at.Add(24 * time.Hour)
	must(t, l.pay("ETH", 1, fee(90)))
}

// TestA2_fees_of_coins counts what a payment, its dearer attempt and its child cost.
func TestA2_fees_of_coins(t *testing.T) {
	p := purses(t)[0]
	g := p.open(t.TempDir(), func(o *guard.Options) { o.Policy.Networks[0].FeePerDay = minor(20_000) })
	defer g.Close() //nolint:errcheck // read only
	from := p.fund(1, 100_000)
	pay := func(change uint64) error {
		_, err := p.sign(g, p.spend(from, 50_000, change, 100_000))
		return err
	}
	must(t, pay(45_000)) // 5,000
	must(t, pay(40_000)) // 10,000 in place of it
	parent, err := p.sign(g, p.spend(from, 50_000, 40_000, 100_000))
	must(t, err)
	child := func(fee uint64) error {
		_, err := p.sign(g, signer.Intent{
			Family: "utxo", Network: "bitcoin", Wallet: p.address, Fence: 1, Bound: "dsp_1", Previous: [][]byte{parent.Bytes()},
			Inputs: []signer.Input{{TxID: parent.ID().String(), Index: 1, Amount: money.Of(40_000), Script: p.script}},
			Change: signer.Output{Asset: "BTC", To: p.script, Amount: money.Of(40_000 - fee)},
		})
		return err
	}
	code(t, child(10_001), "sign_fee_day")
	must(t, child(10_000))
	code(t, pay(39_999), "sign_fee_day")
	must(t, pay(45_000))
}

// TestA17_a_withdrawal_twice asks for one withdrawal twice in one list, with two approvals.
func TestA17_a_withdrawal_twice(t *testing.T) {
	p, key := strict(t)
	p.Networks[0].Vaults = [][]byte{tether}
	l := newTeller(t, p)
	agree := func(o *signer.Output, key ed25519.PrivateKey) {
		s := approval.Statement{Network: "ethereum", Ref: o.Ref, Asset: o.Asset, Amount: o.Amount, To: o.To}
		o.Approval = approval.Sign(key, s, l.clock.at)
	}
	in := intent(t)
	in.Vault, in.GasEach, in.Gas = tether, 21_000, 30_000
	in.Outputs[0].Ref, in.Outputs[0].Asset, in.Outputs[0].Amount = "wd_1", "GOLD", money.Of(5)
	in.Outputs[0].Token = p.Networks[0].Assets[2].Token
	in.Outputs = append(in.Outputs, in.Outputs[0])
	agree(&in.Outputs[0], key)
	agree(&in.Outputs[1], key)
	_, err := l.g.Sign(t.Context(), in)
	code(t, err, "sign_twice")
	code(t, l.g.May(t.Context(), "ethereum", in.Outputs), "sign_twice")
	in.Outputs[1].Ref = "wd_2"
	agree(&in.Outputs[1], key)
	_, err = l.g.Sign(t.Context(), in)
	must(t, err)
}
