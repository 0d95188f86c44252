package tvm_test

import (
	"encoding/hex"
	"testing"

	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/tvm"
	"sluice/internal/test/tronnode/wire"
)

// machine runs code on a fresh chain.
type machine struct {
	*testing.T
	*chain.Chain
	at wire.Address
}

func newMachine(t *testing.T, runtime string) *machine {
	t.Helper()
	code, err := hex.DecodeString(runtime)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{T: t, Chain: chain.New(chain.Config{})}
	m.at = m.deploy("code", code)
	return m
}

// deploy puts runtime code on the chain, with the shortest constructor.
func (m *machine) deploy(name string, code []byte) wire.Address {
	m.Helper()
	init := append([]byte{0x61, byte(len(code) >> 8), byte(len(code)), 0x60, 14, 0x60, 0, 0x39, 0x61, byte(len(code) >> 8), byte(len(code)), 0x60, 0, 0xf3}, code...)
	at, err := m.Deploy(chain.Deployment{Owner: wire.KeyFromSeed("owner").Address(), Name: name, Code: init, UserPercent: 100})
	if err != nil {
		m.Fatal(err)
	}
	return at
}

func (m *machine) run(limit int64, data ...byte) (result tvm.Result) {
	m.Read(chain.View{}, func(r chain.Reader) {
		got, _ := r.Simulate(wire.KeyFromSeed("caller").Address(), m.at, 0, data, limit)
		result = *got
	})
	return result
}

// TestPrices: what instructions cost on TRON, where that differs from Ethereum, and at the
// border where it does not. Each push costs 3.
func TestPrices(t *testing.T) {
	cases := []struct {
		name, code string
		want       int64
	}{
		{"no base cost", "00", 0},
		{"push and pop", "6001" + "50", 3 + 2},
		{"push zero", "5f", 2},
		{"add", "6001600201", 6 + 3},
		{"multiply", "6001600202", 6 + 5},
		{"addmod", "60016002600308", 9 + 8},
		{"exp of one byte", "60ff60020a", 6 + 10 + 10},
		{"exp of two bytes", "61ffff60020a", 6 + 10 + 20},
		{"exp of zero", "600060020a", 6 + 10},
		{"hash of a word", "6020600020", 6 + 30 + 6 + 3},
		{"balance", "600031", 3 + 20},
		{"selfbalance", "47", 5},
		{"code size of another", "60003b", 3 + 20},
		{"code hash of another", "60003f", 3 + 400},
		{"block hash", "600040", 3 + 20},
		{"load of storage", "600054", 3 + 50},
		{"load of storage, again", "600054600054", 2 * (3 + 50)},
		{"store of a new value", "6001600055", 6 + 20000},
		{"store over a value", "60016000556002600055", 12 + 20000 + 5000},
		{"store of zero where nothing is", "6000600055", 6 + 5000},
		{"store of zero over a value: nothing comes back", "60016000556000600055", 12 + 20000 + 5000},
		{"store after a zero in one transaction", "600160005560006000556001600055", 18 + 20000 + 5000 + 5000},
		{"transient store and load", "600160005d60005c", 9 + 100 + 100},
		{"store in memory", "6001600052", 6 + 1 + 3},
		{"store in memory, far away", "6001617fe052", 6 + 1 + 3*1024 + 1024*1024/512},
		{"store of a byte", "6001600053", 6 + 1 + 3},
		{"load of memory", "600051", 3 + 1 + 3},
		{"copy of call data has no base price", "602060006000" + "37", 9 + 3 + 3},
		{"copy of another's code", "6020600060006000" + "3c", 12 + 20 + 3 + 3},
		{"copy in memory", "602060006000" + "5e", 9 + 3 + 3 + 3},
		{"jump", "600356" + "5b", 3 + 8 + 1},
		{"jump if", "6001600557" + "5b", 6 + 10 + 1},
		{"log without topics", "60206000a0", 6 + 375 + 8*32 + 3},
		{"log with three topics", "600060006000" + "60206000a3", 15 + 4*375 + 8*32 + 3},
		{"return of a word", "60206000f3", 6 + 3},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t, c.code)
			r := m.run(1_000_000)
			if r.Used != c.want || r.Code != wire.ResultSuccess {
				t.Errorf("%d energy (%s %s), want %d", r.Used, r.Code, r.Message, c.want)
			}
			if c.want == 0 {
				return
			}
			if short := m.run(c.want - 1); short.Code != wire.ResultOutOfEnergy || short.Used != c.want-1 {
				t.Errorf("with one too little: %s, %d energy", short.Code, short.Used)
			}
			if enough := m.run(c.want); enough.Code != wire.ResultSuccess {
				t.Errorf("with exactly enough: %s %s", enough.Code, enough.Message)
			}
		})
	}
}

// TestGasShowsWhatIsLeft: GAS pushes TRON's energy, whatever follows it.
func TestGasShowsWhatIsLeft(t *testing.T) {
	// GAS; PUSH0 MSTORE; RETURN a word
	r := newMachine(t, "5a5f5260205ff3").run(1000)
	if got := int64(r.Output[30])<<8 | int64(r.Output[31]); got != 998 {
		t.Errorf("%d energy left, want 998", got)
	}
}

// TestCallees: a contract that is called gets what was asked for, all of it if it must, and
// takes it all with it when it fails.
func TestCallees(t *testing.T) {
	callees := map[string]string{
		"stops":   "00",
		"reverts": "5f5ffd",
		"invalid": "fe",
		"loops":   "5b5f56",
	}
	cases := []struct {
		name, callee, gas string // PUSH of what it gets
		used              int64  // above the price of the caller's own instructions
		success           byte
	}{
		{"stops", "stops", "5a", 0, 1},
		{"reverts", "reverts", "5a", 4, 0},
		{"an exception takes what was given", "invalid", "610200", 512, 0},
		{"running out takes what was given", "loops", "610200", 512, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t, "00")
			code, _ := hex.DecodeString(callees[c.callee])
			callee := m.deploy("callee", code).EVM()
			// CALL(gas, callee, 0, 0, 0, 0, 0), its result as a word
			caller := "5f5f5f5f5f73" + hex.EncodeToString(callee[:]) + c.gas + "f1" + "5f5260205ff3"
			runtime, _ := hex.DecodeString(caller)
			m.at = m.deploy("caller", runtime)
			price := int64(5*2 + 3 + 3 + 40 + 2 + 1 + 3 + 3 + 2) // with PUSH2 for the gas
			if c.gas == "5a" {
				price--
			}
			r := m.run(10_000)
			if r.Used != price+c.used || r.Code != wire.ResultSuccess || r.Output[31] != c.success {
				t.Errorf("%s, %d energy, %x; want %d energy and %d", r.Code, r.Used, r.Output, price+c.used, c.success)
			}
		})
	}
	// All of it: the caller has nothing left for its next instruction.
	m := newMachine(t, "00")
	code, _ := hex.DecodeString(callees["loops"])
	callee := m.deploy("callee", code).EVM()
	runtime, _ := hex.DecodeString("5f5f5f5f5f73" + hex.EncodeToString(callee[:]) + "5af1" + "00")
	m.at = m.deploy("caller", runtime)
	if r := m.run(10_000); r.Used != 10_000 || r.Code != wire.ResultSuccess {
		t.Errorf("%s, %d energy", r.Code, r.Used) // STOP costs nothing
	}
}

// TestPenalty: each instruction's price by the factor, rounded down; what a callee uses has
// the callee's factor.
func TestPenalty(t *testing.T) {
	m := newMachine(t, "6001600055")
	if err := m.SetFactor(m.at, 34_000); err != nil {
		t.Fatal(err)
	}
	r := m.run(1_000_000)
	if want := int64(2*(3*44_000/10_000) + 20000*44_000/10_000); r.Used != want || r.Penalty != want-20_006 {
		t.Errorf("%d energy, %d of it penalty; want %d and %d", r.Used, r.Penalty, want, want-20_006)
	}
	evm := m.at.EVM()
	runtime, _ := hex.DecodeString("5f5f5f5f5f73" + hex.EncodeToString(evm[:]) + "5af1" + "00")
	inner := r.Used
	m.at = m.deploy("caller", runtime)
	if r := m.run(1_000_000); r.Used != inner+5*2+3+2+40 {
		t.Errorf("called from another contract: %d energy", r.Used)
	}
}
