package chain_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

// refusalCase is a transaction that a node refuses, and in which words.
type refusalCase struct {
	name   string
	before func(w *world)
	raw    func(w *world) wire.Raw
	tx     func(w *world, tx *wire.Transaction) // after it was signed
	keys   []wire.Key
	want   chain.Code
	words  string
}

func change(f func(raw *wire.Raw)) func(w *world) wire.Raw {
	return func(w *world) wire.Raw {
		raw := w.transfer(w.payee, trx)
		f(&raw)
		return raw
	}
}

func move(f func(w *world, t *wire.Transfer)) func(w *world) wire.Raw {
	return func(w *world) wire.Raw {
		t := wire.Transfer{Owner: w.payer[:], To: w.payee[:], Amount: trx}
		f(w, &t)
		return w.raw(wire.TypeTransfer, t.Encode())
	}
}

func invoke(f func(w *world, t *wire.Trigger, raw *wire.Raw)) func(w *world) wire.Raw {
	return func(w *world) wire.Raw {
		at := w.token("Trc20")
		t := wire.Trigger{Owner: w.payer[:], Contract: at[:], Data: pay(w.payee, 1)}
		raw := w.call(at, nil, 100*trx)
		f(w, &t, &raw)
		raw.Contracts[0].Value = t.Encode()
		return raw
	}
}

var stranger = wire.KeyFromSeed("stranger")

var formRefusals = []refusalCase{
	{name: "expired at the head", raw: change(func(r *wire.Raw) { r.Expiration -= 600_000 }), want: chain.ExpirationError, words: "Transaction expired"},
	{name: "expires before the next slot", raw: change(func(r *wire.Raw) { r.Expiration -= 597_001 }), want: chain.ExpirationError},
	{name: "expires in more than a day", raw: change(func(r *wire.Raw) { r.Expiration += 86_400_000 - 600_000 + 1 }), want: chain.ExpirationError},
	{name: "no expiration", raw: change(func(r *wire.Raw) { r.Expiration = 0 }), want: chain.ExpirationError},
	{name: "wrong reference hash", raw: change(func(r *wire.Raw) { r.RefBlockHash = bytes.Repeat([]byte{1}, 8) }), want: chain.TaposError, words: "Tapos check error."},
	{name: "reference above the head", raw: change(func(r *wire.Raw) { r.RefBlockBytes = []byte{0, 9} }), want: chain.TaposError},
	{name: "no reference", raw: change(func(r *wire.Raw) { r.RefBlockBytes = nil }), want: chain.TaposError},
	{name: "no contract", raw: change(func(r *wire.Raw) { r.Contracts = nil }), want: chain.ContractValidateError, words: "Contract validate error : No contract!"},
	{name: "two contracts", raw: change(func(r *wire.Raw) { r.Contracts = append(r.Contracts, r.Contracts[0]) }), want: chain.OtherError, words: "exactly 1"},
	{name: "too big", raw: change(func(r *wire.Raw) { r.Data = make([]byte, 512_000) }), want: chain.TooBigTransactionError, words: "Too big transaction with result"},
	{name: "signed by another", keys: []wire.Key{stranger}, want: chain.SigError, words: "is not contained of permission."},
	{name: "not signed", tx: func(_ *world, tx *wire.Transaction) { tx.Signatures = nil }, want: chain.SigError, words: "miss sig or contract"},
	{name: "short signature", tx: func(_ *world, tx *wire.Transaction) { tx.Signatures[0] = tx.Signatures[0][:64] }, want: chain.SigError, words: "Signature size is 64"},
	{name: "signature with four bytes too many", tx: func(_ *world, tx *wire.Transaction) { tx.Signatures[0] = append(tx.Signatures[0], 0, 0, 0, 0) }, want: chain.SigError, words: "Signature size is 69"},
	{name: "signature of other bytes", tx: func(_ *world, tx *wire.Transaction) { tx.Raw.Timestamp++ }, want: chain.SigError},
	{name: "two signatures for one key", tx: func(_ *world, tx *wire.Transaction) { tx.Signatures = append(tx.Signatures, tx.Signatures[0]) }, want: chain.SigError, words: "more than key counts"},
	{name: "six signatures", tx: func(_ *world, tx *wire.Transaction) {
		for range 5 {
			tx.Signatures = append(tx.Signatures, tx.Signatures[0])
		}
	}, want: chain.SigError, words: "too many signatures"},
	{name: "unknown permission", raw: change(func(r *wire.Raw) { r.Contracts[0].PermissionID = 3 }), want: chain.SigError, words: "permission isn't exit"},
	{name: "type URL of another contract", raw: change(func(r *wire.Raw) { r.Contracts[0].TypeURL = "type.googleapis.com/protocol.VoteWitnessContract" }), want: chain.SigError},
	{name: "in the pool", before: func(w *world) { w.send(w.transfer(w.payee, trx)) }, want: chain.DupTransactionError, words: "Dup transaction."},
}

var transferRefusals = []refusalCase{
	{name: "to itself", raw: move(func(w *world, t *wire.Transfer) { t.To = w.payer[:] }), want: chain.ContractValidateError, words: "Cannot transfer TRX to yourself."},
	{name: "nothing", raw: move(func(_ *world, t *wire.Transfer) { t.Amount = 0 }), want: chain.ContractValidateError, words: "Amount must be greater than 0."},
	{name: "less than nothing", raw: move(func(_ *world, t *wire.Transfer) { t.Amount = -5 }), want: chain.ContractValidateError, words: "Amount must be greater than 0."},
	{name: "more than there is", raw: move(func(_ *world, t *wire.Transfer) { t.Amount = 1001 * trx }), want: chain.ContractValidateError, words: "balance is not sufficient."},
	{name: "more than there is, with the fee of activation", raw: move(func(_ *world, t *wire.Transfer) {
		to := stranger.Address()
		t.To, t.Amount = to[:], 1000*trx-1_099_999
	}), want: chain.ContractValidateError, words: "balance is not sufficient."},
	{name: "to no address", raw: move(func(_ *world, t *wire.Transfer) { t.To = t.To[1:] }), want: chain.ContractValidateError, words: "Invalid toAddress!"},
	{name: "to an address of the old test networks", raw: move(func(_ *world, t *wire.Transfer) {
		t.To = bytes.Clone(t.To)
		t.To[0] = 0xa0
	}), want: chain.ContractValidateError, words: "Invalid toAddress!"},
	{name: "to a contract", raw: move(func(w *world, t *wire.Transfer) {
		at := w.token("Trc20")
		t.To = at[:]
	}), want: chain.ContractValidateError, words: "Cannot transfer TRX to a smartContract."},
	{name: "to a contract of version 1, when it is not forbidden", raw: move(func(w *world, t *wire.Transfer) {
		at := w.token("Trc20")
		w.must(w.SetParameter(chain.ForbidToContract, 0))
		t.To = at[:]
	}), want: chain.ContractValidateError, words: "which version is one"},
	{name: "overflow", raw: move(func(_ *world, t *wire.Transfer) { t.Amount = 1<<63 - 1 }), want: chain.ContractValidateError},
	{name: "from an account that does not exist", raw: move(func(_ *world, t *wire.Transfer) {
		from := stranger.Address()
		t.Owner = from[:]
	}), keys: []wire.Key{stranger}, want: chain.ContractValidateError, words: "does not exist"},
	{name: "a big transaction for a new account", raw: func(w *world) wire.Raw {
		raw := w.transfer(stranger.Address(), trx)
		raw.Data = make([]byte, 900)
		return raw
	}, want: chain.TooBigTransactionError, words: "Too big new account transaction"},
	{name: "no money for bandwidth", raw: func(w *world) wire.Raw {
		w.must(w.Fund(w.payer, -w.balance(w.payer)))
		raw := w.transfer(w.payee, 1)
		raw.Data = make([]byte, 600)
		return raw
	}, want: chain.BandwidthError, words: "Account resource insufficient error."},
	{name: "no money for the memo", raw: func(w *world) wire.Raw {
		w.must(w.Fund(w.payer, trx-1-w.balance(w.payer)))
		raw := w.transfer(w.payee, 1)
		raw.Data = []byte("memo")
		return raw
	}, want: chain.BandwidthError},
	{name: "no money for activation", raw: func(w *world) wire.Raw {
		w.must(w.Fund(w.payer, 99_999-w.balance(w.payer)))
		return w.transfer(stranger.Address(), 1)
	}, want: chain.BandwidthError},
}

var callRefusals = []refusalCase{
	{name: "no such contract", raw: invoke(func(w *world, t *wire.Trigger, _ *wire.Raw) { t.Contract = w.payee[:] }), want: chain.ContractValidateError, words: "No contract or not a smart contract"},
	{name: "fee limit above the cap", raw: invoke(func(_ *world, _ *wire.Trigger, r *wire.Raw) { r.FeeLimit = 15_000*trx + 1 }), want: chain.ContractValidateError, words: "feeLimit must be >= 0 and <= 15000000000"},
	{name: "negative fee limit", raw: invoke(func(_ *world, _ *wire.Trigger, r *wire.Raw) { r.FeeLimit = -1 }), want: chain.ContractValidateError, words: "feeLimit must be"},
	{name: "negative value", raw: invoke(func(_ *world, t *wire.Trigger, _ *wire.Raw) { t.CallValue = -1 }), want: chain.ContractValidateError, words: "callValue must be >= 0"},
	{name: "value above the balance", raw: invoke(func(_ *world, t *wire.Trigger, _ *wire.Raw) { t.CallValue = 2000 * trx }), want: chain.ContractValidateError, words: "balance is not sufficient."},
	{name: "TRC-10", raw: invoke(func(_ *world, t *wire.Trigger, _ *wire.Raw) { t.CallTokenValue, t.TokenID = 1, 1_000_001 }), want: chain.ContractValidateError, words: "TRC-10"},
}

func TestRefusals(t *testing.T) {
	for _, table := range [][]refusalCase{formRefusals, transferRefusals, callRefusals} {
		for _, c := range table {
			t.Run(c.name, func(t *testing.T) {
				w := newWorld(t, chain.Config{})
				if c.before != nil {
					c.before(w)
				}
				if c.raw == nil {
					c.raw = func(w *world) wire.Raw { return w.transfer(w.payee, trx) }
				}
				tx := w.signed(c.raw(w), c.keys...)
				if c.tx != nil {
					c.tx(w, tx)
				}
				before := w.balance(w.payer)
				refusal := w.Broadcast(tx)
				if refusal == nil || refusal.Code != c.want || !strings.Contains(refusal.Message, c.words) {
					t.Fatalf("refusal %v, want %s with %q", refusal, c.want, c.words)
				}
				w.Produce(1)
				if c.before == nil && (w.mined(chain.View{}, tx.ID()) || w.balance(w.payer) != before) {
					t.Error("a refused transaction left something")
				}
			})
		}
	}
}

// TestTaken are transactions at the edge that a node takes and executes.
func TestTaken(t *testing.T) {
	cases := map[string]func(w *world, raw *wire.Raw, tx func(f func(*wire.Transaction))){
		"expires in exactly a day":       func(_ *world, r *wire.Raw, _ func(func(*wire.Transaction))) { r.Expiration += 86_400_000 - 600_000 },
		"expires in the next slot":       func(_ *world, r *wire.Raw, _ func(func(*wire.Transaction))) { r.Expiration -= 597_000 },
		"timestamp is checked by nobody": func(_ *world, r *wire.Raw, _ func(func(*wire.Transaction))) { r.Timestamp = 0 },
		"padded signature": func(_ *world, _ *wire.Raw, tx func(func(*wire.Transaction))) {
			tx(func(tx *wire.Transaction) { tx.Signatures[0] = append(tx.Signatures[0], 1, 2, 3) })
		},
		"v of 0 or 1": func(_ *world, _ *wire.Raw, tx func(func(*wire.Transaction))) {
			tx(func(tx *wire.Transaction) { tx.Signatures[0][64] -= 27 })
		},
		"default active permission": func(_ *world, r *wire.Raw, _ func(func(*wire.Transaction))) { r.Contracts[0].PermissionID = 2 },
		"results are left out": func(_ *world, _ *wire.Raw, tx func(func(*wire.Transaction))) {
			tx(func(tx *wire.Transaction) { tx.Results = [][]byte{wire.EncodeResult(wire.ResultRevert)} })
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, chain.Config{})
			raw := w.transfer(w.payee, trx)
			var changes []func(*wire.Transaction)
			c(w, &raw, func(f func(*wire.Transaction)) { changes = append(changes, f) })
			tx := w.signed(raw)
			for _, f := range changes {
				f(tx)
			}
			if refusal := w.Broadcast(tx); refusal != nil {
				t.Fatal(refusal)
			}
			w.Produce(1)
			if w.balance(w.payee) != trx+1 {
				t.Errorf("the payee has %d sun", w.balance(w.payee))
			}
		})
	}
}

// TestPermissions follow AccountPermissionUpdate: thresholds, weights, operations.
func TestPermissions(t *testing.T) {
	a, b, c := wire.KeyFromSeed("a"), wire.KeyFromSeed("b"), wire.KeyFromSeed("c")
	owner := chain.Permission{Threshold: 3, Keys: []chain.Weight{{Address: a.Address(), Weight: 1}, {Address: b.Address(), Weight: 1}, {Address: c.Address(), Weight: 2}}}
	hot := chain.Permission{Name: "hot", Threshold: 1, Operations: chain.Operations(wire.TypeTrigger), Keys: []chain.Weight{{Address: b.Address(), Weight: 1}}}
	cases := []struct {
		name       string
		permission int32
		keys       []wire.Key
		words      string // of the refusal; "" is taken
		fee        int64
	}{
		{"the old key", 0, []wire.Key{wire.KeyFromSeed("payer")}, "not contained of permission", 0},
		{"too little weight", 0, []wire.Key{a, b}, "sig error", 0},
		{"enough weight", 0, []wire.Key{a, c}, "", trx},
		{"all of them", 0, []wire.Key{a, b, c}, "", trx},
		{"one of them twice", 0, []wire.Key{c, c}, "has signed twice!", 0},
		{"transfers are not in its operations", 2, []wire.Key{b}, "Permission denied", 0},
		{"transfers are in its operations", 3, []wire.Key{b}, "", 0},
		{"there is no such permission", 4, []wire.Key{b}, "permission isn't exit", 0},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, chain.Config{})
			both := hot
			both.Operations = chain.Operations(wire.TypeTransfer, wire.TypeTrigger)
			w.must(w.SetPermissions(w.payer, owner, hot, both))
			raw := w.transfer(w.payee, trx)
			raw.Contracts[0].PermissionID = tc.permission
			tx := w.signed(raw, tc.keys...)
			refusal := w.Broadcast(tx)
			if tc.words != "" {
				if refusal == nil || refusal.Code != chain.SigError || !strings.Contains(refusal.Message, tc.words) {
					t.Fatalf("refusal %v, want %q", refusal, tc.words)
				}
				return
			}
			if refusal != nil {
				t.Fatal(refusal)
			}
			w.Produce(1)
			if info := w.info(tx.ID()); info.Fee != tc.fee {
				t.Errorf("fee %d, want %d", info.Fee, tc.fee)
			}
		})
	}
}

// TestUnspread: a contract value that its own encoder would not write is taken by the node
// it is sent to and by no peer: success, and never in a block.
func TestUnspread(t *testing.T) {
	w := newWorld(t, chain.Config{})
	raw := w.transfer(w.payee, trx)
	raw.Contracts[0].Value = append(raw.Contracts[0].Value, 0x98, 0x40, 0x07) // an unknown field
	id := w.send(raw)
	w.Produce(3)
	if w.mined(chain.View{}, id) || !w.pooled(id) {
		t.Error("it is not waiting in the pool")
	}
	w.Advance(time.Minute)
	w.Produce(1)
	if w.mined(chain.View{}, id) || w.pooled(id) {
		t.Error("it is still there")
	}
}
