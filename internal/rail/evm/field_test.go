package evm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"

	"sluice/internal/demo/devnet"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/evm"
	"sluice/internal/signer"
)

// This file holds what others have met on chains and nodes of other kinds.

// payer is a chain with a wallet that can pay, without a vault.
type payer struct {
	*network
	sign   signer.Signer
	wallet string
}

func newPayer(t *testing.T) *payer {
	t.Helper()
	chain := newChain(t)
	n := deploy(t, chain.URL(), chain.Admin, chain.ID(), chain.Mine)
	dir, next := wallets(t, 1)
	p := &payer{n, openKeys(t, dir, chain.ID()), next(t)}
	p.credit(t, p.wallet, "ETH", money.Of(1_000_000_000_000_000_000))
	return p
}

// send carries a list by r into the pool.
func (p *payer) send(t *testing.T, r rail.Rail, payouts []rail.Payout) (rail.Slot, []rail.Attempt) {
	t.Helper()
	nonce, err := r.NextNonce(t.Context(), p.wallet)
	must(t, err)
	slot := rail.Slot{Wallet: p.wallet, Nonce: nonce}
	in, err := r.Prepare(t.Context(), slot, payouts, nil)
	must(t, err)
	in.Bound = fmt.Sprintf("dsp_%d", nonce)
	signed, err := p.sign.Sign(t.Context(), in)
	must(t, err)
	a := rail.Attempt{TxID: signed.TxID, Raw: signed.Raw}
	must(t, r.Submit(t.Context(), a))
	return slot, []rail.Attempt{a}
}

// edit changes the fields of answers to a method; null stays null.
func edit(method string, change func(map[string]any)) tamper {
	return on(method, func(_ context.Context, _ request, node answer) (raw, error) {
		result, err := node()
		var fields map[string]any
		if err != nil || json.Unmarshal(result, &fields) != nil || fields == nil {
			return result, err
		}
		change(fields)
		return json.Marshal(fields)
	})
}

// through lets a call pass several tampers, the last one nearest to the node.
func through(all ...tamper) tamper {
	return func(ctx context.Context, q request, node answer) (raw, error) {
		if len(all) == 0 {
			return node()
		}
		return all[0](ctx, q, func() (raw, error) { return through(all[1:]...)(ctx, q, node) })
	}
}

// TestF06_block_hash_of_another_kind pays on a chain whose blocks have fields that we do
// not know, so that their hash cannot be computed: what the node says counts.
func TestF06_block_hash_of_another_kind(t *testing.T) {
	p := newPayer(t)
	other := func(v any) string { return crypto.Keccak256Hash([]byte(fmt.Sprint(v))).Hex() }
	inBlock := func(fields map[string]any) {
		if fields["blockHash"] != nil {
			fields["blockHash"] = other(fields["blockHash"])
		}
	}
	r := tampered(t, p.conf, p.url, through(
		edit("eth_getBlock", func(b map[string]any) { b["hash"], b["extDataHash"] = other(b["hash"]), other("data") }),
		edit("eth_getTransactionReceipt", inBlock), edit("eth_getTransactionByHash", inBlock),
	))
	payouts := pay("ETH", fresh(t))
	slot, attempts := p.send(t, r, payouts)
	must(t, p.mine(1))
	if o, err := r.Observe(t.Context(), slot, payouts, attempts); err != nil || o.Stage != rail.StageMined {
		t.Errorf("in a block: %+v (%v)", o, err)
	}
	p.finalize(t)
	if o, err := r.Observe(t.Context(), slot, payouts, attempts); err != nil || o.Stage != rail.StageFinal || !o.Paid[0] {
		t.Errorf("in a final block: %+v (%v)", o, err)
	}
}

// TestF08_fee_beside_the_gas books what rollups take beside gas: the receipt names it, or
// says that the chain's own contract has to be asked.
func TestF08_fee_beside_the_gas(t *testing.T) {
	p := newPayer(t)
	payouts := pay("ETH", fresh(t))
	plain := p.open(t)
	slot, attempts := p.send(t, plain, payouts)
	must(t, p.mine(1))
	p.finalize(t)
	truth, err := plain.Observe(t.Context(), slot, payouts, attempts)
	must(t, err)
	operator := on("eth_call", func(_ context.Context, q request, node answer) (raw, error) {
		if strings.Contains(strings.ToLower(string(q.Params[0])), "0x420000000000000000000000000000000000000f") {
			return raw(`"0x` + word(700) + `"`), nil
		}
		return node()
	})
	for name, c := range map[string]struct {
		receipt map[string]any
		beside  uint64
	}{
		"nothing":          {nil, 0},
		"for the data":     {map[string]any{"l1Fee": "0x15d3ef79800"}, 1_500_000_000_000},
		"for the operator": {map[string]any{"operatorFeeScalar": "0x1", "operatorFeeConstant": "0x0"}, 700},
		"for both":         {map[string]any{"l1Fee": "0x15d3ef79800", "operatorFeeScalar": "0x0", "operatorFeeConstant": "0x2"}, 1_500_000_000_700},
	} {
		r := tampered(t, p.conf, p.url, through(operator, edit("eth_getTransactionReceipt", func(f map[string]any) {
			for k, v := range c.receipt {
				f[k] = v
			}
		})))
		want, err := truth.Fee.Add(money.Of(c.beside))
		must(t, err)
		if o, err := r.Observe(t.Context(), slot, payouts, attempts); err != nil || o.Stage != rail.StageFinal || !o.Paid[0] || o.Fee != want {
			t.Errorf("%s: %+v (%v), want a fee of %s", name, o, err, want)
		}
	}
}

// TestF09_recipient_that_cannot_run refuses payouts to code that ends in a halt, as to
// code that reverts: waiting would not help.
func TestF09_recipient_that_cannot_run(t *testing.T) {
	p := newPayer(t)
	r := p.open(t)
	for name, code := range map[string]string{
		"revert": "60006000fd", "invalid": "fe", "undefined": "a7", "jump to nowhere": "60ff56", "stack underflow": "50", "endless loop": "5b600056",
	} {
		// A constructor that returns what follows its nine bytes.
		create := common.FromHex(fmt.Sprintf("60%02x8060093d393df3%s", len(code)/2, code))
		made, err := p.admin.Send(t.Context(), nil, new(big.Int), create)
		must(t, err)
		_, err = r.Prepare(t.Context(), rail.Slot{Wallet: p.wallet}, pay("ETH", made.ContractAddress.Hex()), nil)
		var refused *rail.Refusal
		if !errors.As(err, &refused) || refused.Reason == "" {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
}

// TestF14_finality_that_the_node_lacks wants nothing to be signed that could never be
// proved, and what was sent before to say why it does not end.
func TestF14_finality_that_the_node_lacks(t *testing.T) {
	p := newPayer(t)
	before := pay("ETH", fresh(t))
	slot, attempts := p.send(t, p.open(t), before)
	must(t, p.mine(1))
	next := pay("ETH", fresh(t))
	finalized := func(f tamper) tamper {
		return on("eth_getBlockByNumber", func(ctx context.Context, q request, node answer) (raw, error) {
			if string(q.Params[0]) == `"finalized"` {
				return f(ctx, q, node)
			}
			return node()
		})
	}
	set := func(field, value string) tamper {
		return edit("eth_getBlockByNumber", func(b map[string]any) { b[field] = value })
	}
	for name, f := range map[string]tamper{
		"unknown word":    always("", &rpcError{Code: -32602, Message: "invalid argument 0: hex string without 0x prefix"}),
		"unknown block":   always("", &rpcError{Code: -39001, Message: "unknown block"}),
		"not found":       always("", &rpcError{Code: -32000, Message: "finalized block not found"}),
		"null":            always("null", nil),
		"the first block": set("number", "0x0"),
		"one of long ago": set("timestamp", "0x1"),
	} {
		r := tampered(t, p.conf, p.url, finalized(f))
		if got, err := r.Feasible(t.Context(), p.wallet, nil, next); err != nil || got.OK || got.Code != rail.CodeNoFinality {
			t.Errorf("%s: feasible %+v (%v), want %s", name, got, err, rail.CodeNoFinality)
		}
		if _, err := r.Prepare(t.Context(), rail.Slot{Wallet: p.wallet, Nonce: slot.Nonce + 1}, next, nil); !rail.Has(err, rail.CodeNoFinality) {
			t.Errorf("%s: prepare %v, want %s", name, err, rail.CodeNoFinality)
		}
		o, err := r.Observe(t.Context(), slot, before, attempts)
		if err != nil || o.Stage != rail.StageMined || o.Why == nil || o.Why.Code != rail.CodeNoFinality {
			t.Errorf("%s: observed %+v (%v), want a reason of %s", name, o, err, rail.CodeNoFinality)
		}
	}
	p.finalize(t)
	if o, err := p.open(t).Observe(t.Context(), slot, before, attempts); err != nil || o.Stage != rail.StageFinal {
		t.Errorf("at last: %+v (%v)", o, err)
	}
}

// TestA9_blocks_with_little_gas pays a list of 200 on a geth whose blocks have 6 M gas: it
// is cut into lists that its blocks can hold.
func TestA9_blocks_with_little_gas(t *testing.T) {
	const blockGas = 6_000_000
	url := startGeth(t, buildGeth(t), blockGas)
	client, err := ethclient.DialContext(t.Context(), url)
	must(t, err)
	t.Cleanup(client.Close)
	id, err := client.ChainID(t.Context())
	must(t, err)
	g := gethChain{client}
	admin, err := devnet.NewAdmin(client, id.Uint64(), func(int) error { return nil })
	must(t, err)
	n := deploy(t, url, admin, id.Uint64(), g.mine)
	n.conf.Finality = evm.Finality{Depth: 1}
	dir, next := wallets(t, 1)
	p := &payer{n, openKeys(t, dir, id.Uint64()), next(t)}
	n.vaults(t, dir)
	n.credit(t, p.wallet, "ETH", money.Of(1_000_000_000_000_000_000))
	n.float(t, p.wallet, "USDT", money.Of(1_000_000_000))
	r := n.open(t)
	left := pay("USDT", several(t, 200, nil)...)
	lists := groups(t, r, p.wallet, left)
	if len(lists) < 2 || len(lists) > 4 {
		t.Errorf("%d lists", len(lists))
	}
	for _, l := range lists {
		some := pick(left, l)
		slot, attempts := p.send(t, r, some)
		n.finalize(t)
		var o rail.Observation
		for range 200 { // the node may take a moment to show what it has
			if o, err = r.Observe(t.Context(), slot, some, attempts); err == nil && o.Stage == rail.StageFinal {
				break
			}
		}
		if o.Stage != rail.StageFinal || slices.Contains(o.Paid, false) {
			t.Errorf("a list of %d: %+v (%v)", len(some), o, err)
		}
	}
	for _, payout := range left {
		if got := n.received(t, common.BytesToAddress(payout.To).Hex(), "USDT"); len(got) != 1 || got[0] != payout.Amount {
			t.Errorf("%s got %v", payout.Ref, got)
		}
	}
}
