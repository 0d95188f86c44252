package chain_test

import (
	"bytes"
	"testing"

	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

// dirty is an address word with 0x41 in byte 11, as several tools write it.
func dirty(to wire.Address, units int) []byte {
	data := pay(to, units)
	data[4+11] = 0x41
	return data
}

// TestTokens: what a payout of 10,000 units does.
func TestTokens(t *testing.T) {
	heir := func(w *world, token wire.Address) {
		next := w.token("Trc20")
		w.must(w.Call(w.owner, next, method("setLegacy(address)", token)))
		w.must(w.Call(w.owner, token, method("deprecate(address)", next)))
	}
	cases := []struct {
		name   string
		token  string
		before func(w *world, token wire.Address)
		data   func(to wire.Address, units int) []byte
		code   wire.ContractResult
		output []byte
		moved  int64
		logs   int
	}{
		{name: "USDT says false when it has paid", token: "TronDollar", output: word(0), moved: 10_000, logs: 1},
		{name: "USDT masks the upper bytes of an address", token: "TronDollar", data: dirty, output: word(0), moved: 10_000, logs: 1},
		{name: "USDT with a fee pays less and logs twice", token: "TronDollar", before: func(w *world, token wire.Address) {
			w.must(w.Call(w.owner, token, method("setParams(uint256,uint256)", 50, 40)))
		}, output: word(0), moved: 9_960, logs: 2},
		{name: "USDT paused", token: "TronDollar", before: func(w *world, token wire.Address) { w.must(w.Call(w.owner, token, method("pause()"))) }, code: wire.ResultRevert},
		{name: "USDT blacklisted the payer", token: "TronDollar", before: func(w *world, token wire.Address) {
			w.must(w.Call(w.owner, token, method("addBlackList(address)", w.payer)))
		}, code: wire.ResultRevert},
		{name: "USDT blacklisted the payee, who is paid all the same", token: "TronDollar", before: func(w *world, token wire.Address) {
			w.must(w.Call(w.owner, token, method("addBlackList(address)", w.payee)))
		}, output: word(0), moved: 10_000, logs: 1},
		{name: "USDT without enough", token: "TronDollar", before: func(w *world, token wire.Address) {
			w.must(w.Call(w.owner, token, method("destroyBlackFunds(address)", w.payer)))
		}, code: wire.ResultRevert},
		{name: "USDT deprecated: the tokens of its heir move", token: "TronDollar", before: heir, output: word(1), moved: 0, logs: 1},
		{name: "a standard token says true", token: "Trc20", output: word(1), moved: 10_000, logs: 1},
		{name: "a standard token reverts for dirty upper bytes", token: "Trc20", data: dirty, code: wire.ResultRevert},
		{name: "a token that says nothing", token: "Dollar", moved: 10_000, logs: 1},
		{name: "no such method", token: "Trc20", data: func(wire.Address, int) []byte { return []byte{1, 2, 3, 4} }, code: wire.ResultRevert},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, chain.Config{})
			token := w.token(c.token)
			if c.before != nil {
				c.before(w, token)
			}
			if c.data == nil {
				c.data = pay
			}
			if c.code == 0 {
				c.code = wire.ResultSuccess
			}
			info := w.run(w.call(token, c.data(w.payee, 10_000), 100*trx))
			if info.Outcome != c.code || len(info.Logs) != c.logs || w.units(token, w.payee) != c.moved {
				t.Errorf("%s (%s), %d logs, %d moved; want %s, %d, %d", info.Outcome, info.Message, len(info.Logs), w.units(token, w.payee), c.code, c.logs, c.moved)
			}
			if c.code == wire.ResultSuccess && !bytes.Equal(info.Output, c.output) {
				t.Errorf("output %x, want %x", info.Output, c.output)
			}
			if r := info.Receipt; c.code == wire.ResultRevert && (r.EnergyUsageTotal == 0 || r.EnergyUsageTotal > 10_000) {
				t.Errorf("a revert used %d of 1,000,000", r.EnergyUsageTotal)
			}
		})
	}
}

// TestExceptions burn the whole limit, a revert does not.
func TestExceptions(t *testing.T) {
	cases := []struct {
		name string
		code []byte
		want wire.ContractResult
		used int64
	}{
		{"stop", []byte{0x00}, wire.ResultSuccess, 0},
		{"revert", []byte{0x60, 0, 0x60, 0, 0xfd}, wire.ResultRevert, 6},
		{"invalid", []byte{0xfe}, wire.ResultIllegalOperation, 5000},
		{"unknown instruction", []byte{0x0c}, wire.ResultIllegalOperation, 5000},
		{"jump into nothing", []byte{0x60, 9, 0x56}, wire.ResultBadJumpDestination, 5000},
		{"empty stack", []byte{0x01}, wire.ResultStackTooSmall, 5000},
		{"three megabytes", []byte{0x62, 0x30, 0, 0, 0x51}, wire.ResultOutOfMemory, 5000},
		{"loop", []byte{0x5b, 0x60, 0, 0x56}, wire.ResultOutOfEnergy, 5000},
		{"return that grows memory beyond the limit", []byte{0x62, 0x01, 0, 0, 0x60, 0, 0xf3}, wire.ResultOutOfEnergy, 5000},
		{"store at the very end", []byte{0x60, 1, 0x60, 0, 0x55}, wire.ResultOutOfEnergy, 5000},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, chain.Config{})
			at := w.deployed(c.code)
			info := w.run(w.call(at, nil, 5000*100))
			if info.Outcome != c.want || info.Receipt.EnergyUsageTotal != c.used {
				t.Errorf("%s (%s), %d energy; want %s, %d", info.Outcome, info.Message, info.Receipt.EnergyUsageTotal, c.want, c.used)
			}
			if info.Failed != (c.want != wire.ResultSuccess) || info.Failed == (info.Message == "") {
				t.Errorf("failed %v with message %q", info.Failed, info.Message)
			}
		})
	}
}

// deployed puts runtime code on the chain, with the shortest constructor.
func (w *world) deployed(code []byte) wire.Address {
	w.Helper()
	high, low := byte(len(code)>>8), byte(len(code))
	init := append([]byte{0x61, high, low, 0x60, 14, 0x60, 0, 0x39, 0x61, high, low, 0x60, 0, 0xf3}, code...)
	at, err := w.Deploy(chain.Deployment{Owner: w.owner, Name: string(code), Code: init, UserPercent: 100})
	w.must(err)
	return at
}

// TestValue: TRX moves with a call, comes back when it fails, and is in no log.
func TestValue(t *testing.T) {
	cases := []struct {
		name string
		code []byte
		kept int64
	}{
		{"taken", []byte{0x00}, 3 * trx},
		{"reverted", []byte{0x60, 0, 0x60, 0, 0xfd}, 0},
	}
	for _, c := range cases {
		w := newWorld(t, chain.Config{})
		at := w.deployed(c.code)
		raw := w.call(at, nil, trx)
		raw.Contracts[0].Value = wire.Trigger{Owner: w.payer[:], Contract: at[:], CallValue: 3 * trx}.Encode()
		before := w.balance(w.payer)
		info := w.run(raw)
		if w.balance(at) != c.kept || before-w.balance(w.payer) != c.kept+info.Fee {
			t.Errorf("%s: the contract has %d, the payer paid %d and a fee of %d", c.name, w.balance(at), before-w.balance(w.payer), info.Fee)
		}
	}
}

// TestPassesOn is a contract that sends TRX on to an account that does not exist: 9,000 for
// the value and 25,000 for the account, and an internal transaction.
func TestPassesOn(t *testing.T) {
	w := newWorld(t, chain.Config{})
	to := stranger.Address().EVM()
	// CALL(gas: all, to, value: CALLVALUE, nothing in, nothing out) POP STOP
	code := append([]byte{0x60, 0, 0x60, 0, 0x60, 0, 0x60, 0, 0x34, 0x73}, to[:]...)
	code = append(code, 0x5a, 0xf1, 0x50, 0x00)
	at := w.deployed(code)
	raw := w.call(at, nil, 10*trx)
	raw.Contracts[0].Value = wire.Trigger{Owner: w.payer[:], Contract: at[:], CallValue: 7}.Encode()
	info := w.run(raw)
	const flat = 4*3 + 2 + 3 + 2 + 2 // pushes, CALLVALUE, PUSH20, GAS, POP
	if want := int64(flat + 40 + 9000 + 25000 - 2300); info.Failed || info.Receipt.EnergyUsageTotal != want {
		t.Errorf("%s (%s): %d energy, want %d", info.Outcome, info.Message, info.Receipt.EnergyUsageTotal, want)
	}
	if w.balance(stranger.Address()) != 7 || len(info.Internal) != 1 || info.Internal[0].Value != 7 || info.Internal[0].Rejected {
		t.Errorf("%d sun arrived, internal %+v", w.balance(stranger.Address()), info.Internal)
	}
}

// TestStipend: value comes with 2,300 energy for the callee, which the caller did not give.
func TestStipend(t *testing.T) {
	for _, c := range []struct {
		name   string
		callee []byte
		sun    int64 // that the callee has afterwards
	}{
		{"enough", bytes.Repeat([]byte{0x5f, 0x50}, 500), 7},     // PUSH0 POP: 2,000
		{"not enough", bytes.Repeat([]byte{0x5f, 0x50}, 600), 0}, // 2,400
	} {
		w := newWorld(t, chain.Config{})
		at := w.deployed(c.callee)
		to := at.EVM()
		// CALL(gas: 0, to, value: CALLVALUE, nothing in, nothing out) STOP
		code := append([]byte{0x5f, 0x5f, 0x5f, 0x5f, 0x34, 0x73}, to[:]...)
		code = append(code, 0x5f, 0xf1, 0x00)
		caller := w.deployed(code)
		raw := w.call(caller, nil, 10*trx)
		raw.Contracts[0].Value = wire.Trigger{Owner: w.payer[:], Contract: caller[:], CallValue: 7}.Encode()
		if info := w.run(raw); info.Failed || w.balance(at) != c.sun {
			t.Errorf("%s: %s, the callee has %d", c.name, info.Outcome, w.balance(at))
		}
	}
}

// TestCreateContract deploys by a transaction.
func TestCreateContract(t *testing.T) {
	w := newWorld(t, chain.Config{})
	runtime := []byte{0x60, 0, 0x60, 0, 0xf3}
	init := append([]byte{0x60, 5, 0x60, 12, 0x60, 0, 0x39, 0x60, 5, 0x60, 0, 0xf3}, runtime...)
	create := wire.Create{Owner: w.payer[:], Origin: w.payer[:], Bytecode: init, UserPercent: 100, OriginEnergyLimit: 1, Name: "c"}
	raw := w.raw(wire.TypeCreate, create.Encode())
	raw.FeeLimit = 10 * trx
	info := w.run(raw)
	at, _ := wire.AddressOf(info.Contract)
	if info.Failed || at != chain.ContractAddress(info.ID, w.payer) || info.Receipt.EnergyUsageTotal != 21+200*5 {
		t.Fatalf("%s (%s) at %s, %d energy", info.Outcome, info.Message, at, info.Receipt.EnergyUsageTotal)
	}
	w.Read(chain.View{}, func(r chain.Reader) {
		if deployed, code, ok := r.Contract(at); !ok || !bytes.Equal(code, runtime) || deployed.Origin != w.payer {
			t.Errorf("contract %+v with code %x", deployed, code)
		}
	})
	if again := w.run(w.call(at, nil, trx)); again.Failed {
		t.Errorf("a call of it: %s", again.Message)
	}
	poor := w.raw(wire.TypeCreate, create.Encode())
	poor.FeeLimit = 1020 * 100
	failed := w.run(poor)
	if failed.Outcome != wire.ResultOutOfEnergy {
		t.Errorf("one energy too little: %s", failed.Outcome)
	}
	w.Read(chain.View{}, func(r chain.Reader) {
		lost, _ := wire.AddressOf(failed.Contract)
		if _, exists := r.Account(lost); exists {
			t.Error("a failed creation left an account")
		}
	})
}

// TestConstant: a constant call costs what the call will cost, and changes nothing.
func TestConstant(t *testing.T) {
	w := newWorld(t, chain.Config{})
	token := w.token("TronDollar")
	w.must(w.SetFactor(token, 34_000))
	w.Read(chain.View{}, func(r chain.Reader) {
		result, logs := r.Constant(w.payer, token, 0, pay(stranger.Address(), 1))
		if result.Code != wire.ResultSuccess || result.Used != 127_115 || result.Penalty != 98_194 || len(logs) != 1 {
			t.Errorf("%s, %d energy with %d penalty, %d logs", result.Code, result.Used, result.Penalty, len(logs))
		}
		if result, _ := r.Constant(w.payee, token, 0, pay(w.payer, 1)); result.Code != wire.ResultRevert {
			t.Errorf("without tokens: %s", result.Code)
		}
		if result, _ := r.Constant(w.payer, w.payee, 0, nil); result != nil {
			t.Error("an account that is no contract was called")
		}
	})
	if w.units(token, stranger.Address()) != 0 {
		t.Error("a constant call moved tokens")
	}
	if info := w.run(w.call(token, pay(stranger.Address(), 1), 100*trx)); info.Receipt.EnergyUsageTotal != 127_115 {
		t.Errorf("the call used %d energy", info.Receipt.EnergyUsageTotal)
	}
}
