package chain_test

import (
	"testing"
	"time"

	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

// size is what a transfer of this amount counts, with 64 bytes for its result.
const size = 267

func memo(n int) func(*wire.Raw) { return func(r *wire.Raw) { r.Data = make([]byte, n) } }

var bandwidthCases = []struct {
	name   string
	before func(w *world)
	change func(r *wire.Raw)
	to     wire.Address
	usage  int64 // net_usage
	fee    int64 // net_fee
	total  int64 // fee
	free   int64 // freeNetUsed afterwards
	staked bool  // paid from stake
}{
	{name: "free", usage: size, free: size},
	{name: "the free quota is all or nothing", before: func(w *world) { w.run(w.transfer(w.payee, trx)); w.run(w.transfer(w.payee, trx)) }, fee: size * 1000, total: size * 1000},
	{name: "more than the quota at once", change: memo(600), fee: (size + 603) * 1000, total: (size+603)*1000 + trx},
	{name: "stake comes first", before: func(w *world) { w.must(w.Stake(w.payer, 900*trx, 0)) }, usage: size, staked: true},
	{name: "stake that is too little is left alone", before: func(w *world) {
		w.must(w.Stake(w.payer, 100*trx, 0)) // 160 bytes
		w.run(w.transfer(w.payee, trx))
		w.run(w.transfer(w.payee, trx))
	}, fee: size * 1000, total: size * 1000},
	{name: "delegated stake", before: func(w *world) {
		lender := wire.KeyFromSeed("lender").Address()
		w.must(w.Fund(lender, 1000*trx))
		w.must(w.Stake(lender, 900*trx, 0))
		w.must(w.Delegate(lender, w.payer, 900*trx, 0))
	}, change: memo(700), usage: size + 703, total: trx, staked: true},
	{name: "the quota is back after a day", before: func(w *world) {
		w.run(w.transfer(w.payee, trx))
		w.run(w.transfer(w.payee, trx))
		w.Advance(24 * time.Hour)
		w.Produce(1)
	}, usage: size},
	{name: "half the quota is back after half a day", before: func(w *world) {
		w.run(w.transfer(w.payee, trx))
		w.run(w.transfer(w.payee, trx)) // 530 of 600
		w.Advance(12 * time.Hour)
		w.Produce(1)
	}, usage: size},
	{name: "activation", to: stranger.Address(), fee: 100_000, total: 1_100_000},
	{name: "activation with stake", before: func(w *world) { w.must(w.Stake(w.payer, 900*trx, 0)) }, to: stranger.Address(), usage: size, total: trx},
	{name: "memo", change: memo(10), usage: size + 12, total: trx, free: size + 12},
	{name: "prices are parameters", before: func(w *world) {
		w.must(w.SetParameter(chain.FreeNetLimit, 0))
		w.must(w.SetParameter(chain.BandwidthPrice, 7))
		w.must(w.SetParameter(chain.MemoFee, 11))
	}, change: memo(1), fee: (size + 3) * 7, total: (size+3)*7 + 11},
}

// TestBandwidth: stake, else the free quota, else all of it is burned.
func TestBandwidth(t *testing.T) {
	for _, c := range bandwidthCases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, chain.Config{})
			if c.before != nil {
				c.before(w)
			}
			if c.to == (wire.Address{}) {
				c.to = w.payee
			}
			raw := w.transfer(c.to, 1_500_000)
			if c.change != nil {
				c.change(&raw)
			}
			before := w.balance(w.payer)
			info := w.run(raw)
			if r := info.Receipt; r.NetUsage != c.usage || r.NetFee != c.fee || info.Fee != c.total {
				t.Errorf("net_usage %d, net_fee %d, fee %d; want %d, %d, %d", r.NetUsage, r.NetFee, info.Fee, c.usage, c.fee, c.total)
			}
			if paid := before - w.balance(w.payer); paid != 1_500_000+c.total {
				t.Errorf("paid %d, want %d", paid, 1_500_000+c.total)
			}
			if got := w.resources(w.payer).FreeNetUsed; (c.before == nil || c.staked) && got != c.free {
				t.Errorf("used %d of the free quota, want %d", got, c.free)
			}
		})
	}
}

// energy a TronDollar transfer needs, without penalty.
const (
	toHolder = 13_921
	toEmpty  = 28_921
)

// TestEnergy: who pays for a call, and with what.
func TestEnergy(t *testing.T) {
	// One TRX of stake is 10 energy a day here.
	config := chain.Config{EnergyWeight: 18_000_000_000}
	lender := wire.KeyFromSeed("lender").Address()
	lend := func(w *world, sun int64) {
		w.must(w.Fund(lender, sun))
		w.must(w.Stake(lender, 0, sun))
		w.must(w.Delegate(lender, w.payer, 0, sun))
	}
	cases := []struct {
		name     string
		before   func(w *world, token wire.Address)
		feeLimit int64 // in energy at 100 sun
		code     wire.ContractResult
		used     int64
		staked   int64
		penalty  int64
	}{
		{name: "burned", feeLimit: 30_000, code: wire.ResultSuccess, used: toEmpty},
		{name: "an existing holder costs less", before: func(w *world, token wire.Address) { w.run(w.call(token, pay(w.payee, 1), 100*trx)) }, feeLimit: 15_000, code: wire.ResultSuccess, used: toHolder},
		{name: "staked", before: func(w *world, _ wire.Address) {
			w.must(w.Fund(w.payer, 9000*trx))
			w.must(w.Stake(w.payer, 0, 9000*trx))
		}, feeLimit: 30_000, code: wire.ResultSuccess, used: toEmpty, staked: toEmpty},
		{name: "delegated", before: func(w *world, _ wire.Address) { lend(w, 9000*trx) }, feeLimit: 30_000, code: wire.ResultSuccess, used: toEmpty, staked: toEmpty},
		{name: "partly delegated", before: func(w *world, _ wire.Address) { lend(w, 1000*trx) }, feeLimit: 30_000, code: wire.ResultSuccess, used: toEmpty, staked: 9_999},
		{name: "delegation that was taken back", before: func(w *world, _ wire.Address) { lend(w, 9000*trx); w.must(w.Delegate(lender, w.payer, 0, -9000*trx)) }, feeLimit: 30_000, code: wire.ResultSuccess, used: toEmpty},
		{name: "rented energy under a low fee limit", before: func(w *world, _ wire.Address) { lend(w, 9000*trx) }, feeLimit: 20_000, code: wire.ResultOutOfEnergy, used: 20_000, staked: 20_000},
		{name: "out of energy burns the whole limit", feeLimit: toEmpty - 1, code: wire.ResultOutOfEnergy, used: toEmpty - 1},
		{name: "exactly enough", feeLimit: toEmpty, code: wire.ResultSuccess, used: toEmpty},
		{name: "no fee limit", feeLimit: 0, code: wire.ResultOutOfEnergy, used: 0},
		{name: "the balance is the limit", before: func(w *world, _ wire.Address) { w.must(w.Fund(w.payer, trx-w.balance(w.payer))) }, feeLimit: 30_000, code: wire.ResultOutOfEnergy, used: 10_000},
		{name: "time runs out", before: func(w *world, token wire.Address) { w.Slow(token, true) }, feeLimit: 30_000, code: wire.ResultOutOfTime, used: 30_000},
		{name: "the factor of USDT", before: func(w *world, token wire.Address) { w.must(w.SetFactor(token, 34_000)) }, feeLimit: 140_000, code: wire.ResultSuccess, used: 127_115, penalty: 98_194},
		{name: "the factor counts in the limit", before: func(w *world, token wire.Address) { w.must(w.SetFactor(token, 34_000)) }, feeLimit: 120_000, code: wire.ResultOutOfEnergy, used: 120_000},
		{name: "the factor can be switched off", before: func(w *world, token wire.Address) {
			w.must(w.SetFactor(token, 34_000))
			w.must(w.SetParameter(chain.AllowDynamicEnergy, 0))
		}, feeLimit: 30_000, code: wire.ResultSuccess, used: toEmpty},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, config)
			token := w.token("TronDollar")
			if c.before != nil {
				c.before(w, token)
			}
			sun, units := w.balance(w.payer), w.units(token, w.payer)
			info := w.run(w.call(token, pay(w.payee, 5), c.feeLimit*100))
			r := info.Receipt
			if info.Outcome != c.code || r.EnergyUsageTotal != c.used || r.EnergyUsage != c.staked || r.EnergyFee != 100*(c.used-c.staked) {
				t.Errorf("%s (%s): used %d, staked %d, fee %d; want %s: %d, %d, %d", info.Outcome, info.Message,
					r.EnergyUsageTotal, r.EnergyUsage, r.EnergyFee, c.code, c.used, c.staked, 100*(c.used-c.staked))
			}
			if c.code == wire.ResultSuccess && r.EnergyPenalty != c.penalty {
				t.Errorf("penalty %d, want %d", r.EnergyPenalty, c.penalty)
			}
			if paid := sun - w.balance(w.payer); paid != info.Fee {
				t.Errorf("paid %d, fee %d", paid, info.Fee)
			}
			moved := units - w.units(token, w.payer)
			if ok := c.code == wire.ResultSuccess; ok != (moved == 5) || ok == info.Failed || ok != (len(info.Logs) == 1) {
				t.Errorf("moved %d units, failed %v, %d logs", moved, info.Failed, len(info.Logs))
			}
		})
	}
}

// TestStakedEnergyComesBack: the window of a day, and what is left of a use after a part
// of it.
func TestStakedEnergyComesBack(t *testing.T) {
	w := newWorld(t, chain.Config{EnergyWeight: 18_000_000_000})
	token := w.token("TronDollar")
	w.must(w.Fund(w.payer, 10_000*trx))
	w.must(w.Stake(w.payer, 0, 9000*trx))
	w.run(w.call(token, pay(w.payee, 5), 100*trx))
	used := func() int64 { return w.resources(w.payer).EnergyUsed }
	if got := used(); got < toEmpty-2 || got > toEmpty {
		t.Errorf("used %d at once, want about %d", got, toEmpty)
	}
	w.Advance(6 * time.Hour)
	w.Produce(1)
	if got, want := used(), int64(toEmpty*3/4); got < want-5 || got > want+5 {
		t.Errorf("used %d after a quarter of the window, want about %d", got, want)
	}
	w.Advance(18 * time.Hour)
	w.Produce(1)
	if got := used(); got != 0 {
		t.Errorf("used %d after the window", got)
	}
}

// TestWindow: a second use before the first is back shortens the window in proportion
// (TIP-541): three quarters of a use that has 18 hours left and one that has 24 are gone
// together after 21.4 hours, not after 24.
func TestWindow(t *testing.T) {
	w := newWorld(t, chain.Config{EnergyWeight: 18_000_000_000})
	token := w.token("TronDollar")
	w.must(w.Fund(w.payer, 10_000*trx))
	w.must(w.Stake(w.payer, 0, 9000*trx))
	w.run(w.call(token, pay(w.payee, 5), 100*trx))
	w.must(w.Call(w.payee, token, pay(w.owner, 5))) // empty again: the second costs the same
	w.Advance(6 * time.Hour)
	w.Produce(1)
	w.run(w.call(token, pay(w.payee, 5), 100*trx))
	if got, want := w.resources(w.payer).EnergyUsed, int64(toEmpty*7/4); got < want-10 || got > want+10 {
		t.Errorf("used %d, want about %d", got, want)
	}
	w.Advance(21*time.Hour + 30*time.Minute)
	w.Produce(1)
	if got := w.resources(w.payer).EnergyUsed; got != 0 {
		t.Errorf("used %d after the window", got)
	}
}

// TestEmptied: a recipient who is emptied between the estimate and the block costs more.
func TestEmptied(t *testing.T) {
	w := newWorld(t, chain.Config{})
	token := w.token("TronDollar")
	w.run(w.call(token, pay(w.payee, 5), 100*trx))
	var estimate int64
	w.Read(chain.View{}, func(r chain.Reader) {
		result, _ := r.Constant(w.payer, token, 0, pay(w.payee, 5))
		estimate = result.Used
	})
	raw := w.call(token, pay(w.payee, 5), estimate*100)
	w.must(w.Call(w.payee, token, pay(w.owner, 5)))
	info := w.run(raw)
	if estimate != toHolder || info.Outcome != wire.ResultOutOfEnergy {
		t.Errorf("estimate %d, then %s", estimate, info.Outcome)
	}
	if again := w.run(w.call(token, pay(w.payee, 5), 100*trx)); again.Receipt.EnergyUsageTotal != toEmpty {
		t.Errorf("used %d, want %d", again.Receipt.EnergyUsageTotal, toEmpty)
	}
}

// TestDynamicEnergy raises the factor of a contract that is used too much, by a fifth per
// cycle, and lets it fall by a twentieth (TIP-491).
func TestDynamicEnergy(t *testing.T) {
	w := newWorld(t, chain.Config{})
	token := w.token("TronDollar")
	w.must(w.SetParameter(chain.DynamicThreshold, 20_000))
	w.must(w.SetParameter(chain.DynamicMax, 3_000))
	w.must(w.Fund(w.payer, 10_000*trx))
	penalty := func(step string, want int64) {
		t.Helper()
		info := w.run(w.call(token, pay(w.payee, 1), 100*trx))
		base := info.Receipt.EnergyUsageTotal - info.Receipt.EnergyPenalty
		// The penalty of each instruction is rounded down.
		if got := info.Receipt.EnergyPenalty * 10_000 / base; got > want || got < want-600 {
			t.Errorf("%s: penalty %d of 10,000, want about %d", step, got, want)
		}
	}
	cycle := func() {
		w.Advance(6 * time.Hour)
		w.Produce(1)
	}
	penalty("first use", 0) // 28,921 > 20,000
	penalty("same cycle", 0)
	cycle()
	penalty("after a busy cycle", 2000)
	penalty("same cycle", 2000) // 2 * 13,921 > 20,000
	cycle()
	penalty("the cap", 3000)
	cycle()
	penalty("a quiet cycle", 2350)
	cycle()
	cycle()
	penalty("two quiet cycles", 1145)
}

// TestOriginPays: a contract's owner may pay a share of its callers' energy from stake.
func TestOriginPays(t *testing.T) {
	w := newWorld(t, chain.Config{EnergyWeight: 18_000_000_000})
	w.must(w.Fund(w.owner, 1000*trx))
	w.must(w.Stake(w.owner, 0, 1000*trx)) // 10,000 energy
	// STOP after a loop would do; this one stores a word: PUSH1 1 PUSH1 0 SSTORE STOP.
	code := []byte{0x60, 1, 0x60, 0, 0x55, 0}
	for _, c := range []struct {
		percent, limit int64
		origin         int64
	}{
		{100, 1 << 40, 0},
		{0, 5_000, 5_000},
		{50, 1 << 40, 2_503}, // of 5,006: the slot is set already
	} {
		deploy := append([]byte{0x66}, append(code, 0)...) // PUSH7
		deploy = append(deploy, 0x60, 0, 0x52, 0x60, byte(len(code)), 0x60, 32-7, 0xf3)
		at, err := w.Deploy(chain.Deployment{Owner: w.owner, Name: time.Duration(c.percent).String(), Code: deploy, UserPercent: c.percent, OriginEnergyLimit: c.limit})
		w.must(err)
		if c.percent == 50 {
			w.must(w.Call(w.owner, at, nil))
		}
		w.Advance(24 * time.Hour)
		w.Produce(1)
		info := w.run(w.call(at, nil, 100*trx))
		if r := info.Receipt; info.Failed || r.OriginEnergyUsage != c.origin || r.EnergyFee != 100*(r.EnergyUsageTotal-c.origin) {
			t.Errorf("percent %d: %s %s, receipt %+v, want %d by the owner", c.percent, info.Outcome, info.Message, r, c.origin)
		}
	}
}
