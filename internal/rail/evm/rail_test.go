package evm_test

import (
	"bytes"
	"context"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/demo/devnet"
	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/evm"
)

func TestAmounts(t *testing.T) {
	largest, err := money.ParseMinor(strings.Repeat("9", money.Digits))
	must(t, err)
	for _, a := range []money.Amount{{}, money.Of(1), money.Of(1 << 63), largest} {
		if back, err := evm.Amount(a.Big()); err != nil || back != a || a.Big().String() != a.Minor() {
			t.Errorf("%s came back as %s (%v)", a, back, err)
		}
	}
	tooLarge := new(big.Int).Add(largest.Big(), big.NewInt(1))
	for _, b := range []*big.Int{nil, big.NewInt(-1), tooLarge, new(big.Int).Lsh(tooLarge, 200)} {
		if a, err := evm.Amount(b); err == nil {
			t.Errorf("%v became %s", b, a)
		}
	}
}

func TestParseFinality(t *testing.T) {
	for text, want := range map[string]evm.Finality{"finalized": {Tag: "finalized"}, "safe": {Tag: "safe"}, "12": {Depth: 12}} {
		if got, err := evm.ParseFinality(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "latest", "1.5", "99999999999"} {
		if got, err := evm.ParseFinality(text); err == nil {
			t.Errorf("%q became %+v", text, got)
		}
	}
}

// TestOpenChecksTheConfiguration: a wrong chain or a wrong scale pays wrong amounts.
func TestOpenChecksTheConfiguration(t *testing.T) {
	chain := newChain(t)
	n := deploy(t, chain.URL(), chain.Admin, chain.ID(), chain.Mine)
	cases := map[string]func(*evm.Config){
		"chain 1 is configured":        func(c *evm.Config) { c.ChainID = 1 },
		"7 are configured":             func(c *evm.Config) { c.Tokens = tokens("USDT", n.tether, 7) },
		"there is no contract":         func(c *evm.Config) { c.Tokens = tokens("USDT", fresh(t), 6) },
		"checksum":                     func(c *evm.Config) { c.Tokens = tokens("USDT", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAee", 6) },
		"needs a network name":         func(c *evm.Config) { c.Network = "" },
		"is the native coin":           func(c *evm.Config) { c.Tokens = tokens("ETH", n.tether, 6) },
		"want 0 to 18":                 func(c *evm.Config) { c.Tokens = tokens("USDT", n.tether, 19) },
		"its contract " + n.moody + "": func(c *evm.Config) { c.Tokens = tokens("MOOD", n.moody, 6) },
	}
	for want, change := range cases {
		conf := n.conf
		change(&conf)
		r, err := evm.Open(t.Context(), conf, n.url)
		if fault.CodeOf(err) != "rail_config" || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if err == nil {
			r.Close()
		}
	}
}

func tokens(asset, contract string, scale int) map[string]evm.Token {
	return map[string]evm.Token{asset: {Contract: contract, Scale: scale}}
}

// TestOpensBeforeTheNode: a node that comes later is checked then.
func TestOpensBeforeTheNode(t *testing.T) {
	chain := newChain(t)
	n := deploy(t, chain.URL(), chain.Admin, chain.ID(), chain.Mine)
	up := false
	conf := n.conf
	conf.ChainID = 1
	r := tampered(t, conf, n.url, on("eth_", func(_ context.Context, _ request, node answer) (raw, error) {
		if !up {
			return nil, errors.New("connection refused")
		}
		return node()
	}))
	wallet := fresh(t)
	if _, err := r.NextNonce(t.Context(), wallet); !errors.Is(err, rail.ErrUnavailable) {
		t.Errorf("without the node: %v", err)
	}
	up = true
	if _, err := r.NextNonce(t.Context(), wallet); fault.CodeOf(err) != "rail_config" {
		t.Errorf("on the wrong chain: %v", err)
	}
}

// TestListsThatCannotBe refuses what no transaction could pay.
func TestListsThatCannotBe(t *testing.T) {
	chain := newChain(t)
	n := deploy(t, chain.URL(), chain.Admin, chain.ID(), chain.Mine)
	wallet := fresh(t)
	vault, err := chain.DeployVault(t.Context(), wallet)
	must(t, err)
	r, lone := n.open(t, func(c *evm.Config) { c.Vaults = map[string]string{wallet: vault} }), n.open(t)
	to := bytes.Repeat([]byte{7}, 20)
	coin, dollar := rail.Payout{Asset: "ETH", To: to, Amount: money.Of(1)}, rail.Payout{Asset: "USDT", To: to, Amount: money.Of(1)}
	huge, err := money.FromBytes(append([]byte{1}, make([]byte, 12)...)) // 2^96
	must(t, err)
	for name, c := range map[string]struct {
		rail    *evm.Rail
		payouts []rail.Payout
		code    string
	}{
		"nothing":            {r, nil, "payout_list"},
		"no vault":           {lone, []rail.Payout{coin, coin}, "no_vault"},
		"two assets":         {r, []rail.Payout{coin, dollar}, "payout_list"},
		"more than 96 bits":  {r, []rail.Payout{coin, {Asset: "ETH", To: to, Amount: huge}}, "payout_list"},
		"nobody's address":   {r, []rail.Payout{coin, {Asset: "ETH", To: make([]byte, 20), Amount: money.Of(1)}}, "payout_recipient"},
		"nothing to be paid": {r, []rail.Payout{coin, {Asset: "ETH", To: to}}, "payout_amount"},
	} {
		if _, err := c.rail.Prepare(t.Context(), rail.Slot{Wallet: wallet}, c.payouts, nil); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if _, err := c.rail.Feasible(t.Context(), wallet, nil, c.payouts); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

// TestFees reads the price from recent blocks and holds it below the ceiling.
func TestFees(t *testing.T) {
	chain := newChain(t)
	n := deploy(t, chain.URL(), chain.Admin, chain.ID(), chain.Mine)
	dir, next := wallets(t, 1)
	wallet := next(t)
	n.credit(t, wallet, "ETH", money.Of(1_000_000_000_000_000_000))
	must(t, chain.Mine(30)) // blocks without tips
	job := []rail.Payout{{Ref: "wd_test", Asset: "ETH", To: bytes.Repeat([]byte{9}, 20), Amount: money.Of(1)}}
	slot := rail.Slot{Wallet: wallet}
	with := func(c evm.Config) *evm.Rail {
		return n.open(t, func(to *evm.Config) { to.FeeCapMax, to.TipMin = c.FeeCapMax, c.TipMin })
	}

	in, err := n.open(t).Prepare(t.Context(), slot, job, nil)
	must(t, err)
	if in.TipCap != money.Of(100_000_000) || in.FeeCap.Less(in.TipCap) || in.Gas < 21_000 || in.ChainID != chain.ID() {
		t.Errorf("intent %+v", in)
	}
	head, err := chain.Client().HeaderByNumber(t.Context(), nil)
	must(t, err)
	base, err := evm.Amount(head.BaseFee)
	must(t, err)

	ceiling, err := base.Add(money.Of(100))
	must(t, err)
	in, err = with(evm.Config{FeeCapMax: ceiling, TipMin: tip(10)}).Prepare(t.Context(), slot, job, nil)
	must(t, err)
	if ceiling.Less(in.FeeCap) {
		t.Errorf("fee cap %s is above the ceiling %s", in.FeeCap, ceiling)
	}
	in.Bound = "dsp_test"
	signed, err := openKeys(t, dir, chain.ID()).Sign(t.Context(), in)
	must(t, err)

	low := with(evm.Config{FeeCapMax: money.Of(1), TipMin: tip(10)})
	f, err := low.Feasible(t.Context(), wallet, nil, job)
	if err != nil || f.Code != evm.CodeFeeTooHigh {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err := low.Prepare(t.Context(), slot, job, nil); !errors.Is(err, rail.ErrUnavailable) {
		t.Errorf("above the ceiling: %v", err)
	}
	// The first attempt is at the ceiling, so that nothing may replace it.
	attempts := []rail.Attempt{{TxID: signed.TxID, Raw: signed.Raw}}
	high := with(evm.Config{FeeCapMax: in.FeeCap, TipMin: tip(10)})
	if _, err := high.Prepare(t.Context(), slot, job, attempts); !errors.Is(err, rail.ErrUnavailable) {
		t.Errorf("a replacement above the ceiling: %v", err)
	}
	bumped, err := n.open(t).Prepare(t.Context(), slot, job, attempts)
	must(t, err)
	if !raisedByATenth(in.FeeCap, bumped.FeeCap) || !raisedByATenth(in.TipCap, bumped.TipCap) {
		t.Errorf("from %s/%s to %s/%s", in.FeeCap, in.TipCap, bumped.FeeCap, bumped.TipCap)
	}
	// What pays another payout is never replaced.
	job[0].Amount = money.Of(2)
	if _, err := n.open(t).Prepare(t.Context(), slot, job, attempts); fault.CodeOf(err) != "attempt_differs" {
		t.Errorf("another amount: %v", err)
	}
}

func tip(wei uint64) *money.Amount {
	a := money.Of(wei)
	return &a
}

func raisedByATenth(from, to money.Amount) bool {
	ten, err1 := to.Mul(10)
	eleven, err2 := from.Mul(11)
	return err1 == nil && err2 == nil && !ten.Less(eleven)
}

// TestRefusesToBurnGas: a recipient's code may not use up what it likes.
func TestRefusesToBurnGas(t *testing.T) {
	chain := newChain(t)
	n := deploy(t, chain.URL(), chain.Admin, chain.ID(), chain.Mine)
	r := n.open(t, func(c *evm.Config) { c.GasMax = 30_000 }) // less than the token needs
	wallet := fresh(t)
	n.credit(t, wallet, "USDT", money.Of(10))
	target, err := r.Check(t.Context(), fresh(t), "", "USDT")
	must(t, err)
	pay := []rail.Payout{{Ref: "wd_test", Asset: "USDT", To: target.Decoded, Amount: money.Of(10)}}
	_, err = r.Prepare(t.Context(), rail.Slot{Wallet: wallet}, pay, nil)
	var refused *rail.Refusal
	if !errors.As(err, &refused) || !strings.Contains(refused.Reason, "30000 gas") {
		t.Errorf("got %v, want a refusal for gas", err)
	}
}

// TestSubmitReadsTheNodesWords: what nodes say about bytes they do not take.
func TestSubmitReadsTheNodesWords(t *testing.T) {
	chain := newChain(t)
	n := deploy(t, chain.URL(), chain.Admin, chain.ID(), chain.Mine)
	tx := types.NewTx(&types.DynamicFeeTx{Nonce: 1})
	raw, err := tx.MarshalBinary()
	must(t, err)
	a := rail.Attempt{TxID: tx.Hash().Hex(), Raw: raw}
	for words, want := range map[string]error{
		"already known":                                  nil,
		"ALREADY_EXISTS: already known":                  nil,
		"nonce too low: next nonce 3, tx nonce 1":        rail.ErrLook,
		"replacement transaction underpriced":            rail.ErrLook,
		"txpool is full":                                 rail.ErrUnavailable,
		"insufficient funds for gas * price + value":     rail.ErrUnavailable,
		"tx fee (2.00 ether) exceeds the configured cap": rail.ErrUnavailable,
	} {
		r := tampered(t, n.conf, n.url, on("eth_sendRawTransaction", always("", &rpcError{Code: -32000, Message: words})))
		if err := r.Submit(t.Context(), a); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", words, err, want)
		}
	}
	a.TxID = "0x01"
	if err := n.open(t).Submit(t.Context(), a); fault.CodeOf(err) != "attempt_corrupt" {
		t.Errorf("bytes of another transaction: %v", err)
	}
}

// TestRevertReasons: what contracts say is shown, and cannot be used against a reader.
func TestRevertReasons(t *testing.T) {
	chain := newChain(t)
	n := deploy(t, chain.URL(), chain.Admin, chain.ID(), chain.Mine)
	wallet := fresh(t)
	n.credit(t, wallet, "USDT", money.Of(10))
	for _, c := range []struct{ data, want string }{
		{"0x08c379a0" + word(32) + word(4) + "7768792100000000000000000000000000000000000000000000000000000000", "why!"},
		{"0x08c379a0" + word(32) + word(1<<40), "the contract's own error 0x08c379a0"},
		{"0x08c379a0" + word(32) + word(3) + "0a1b07" + strings.Repeat("0", 58), "no reason given"},
		{"0x4e487b71" + word(0x11), "the contract failed an internal check (panic 0x11)"},
		{"0xd93c0665", "EnforcedPause: the token is paused"},
		{"0x12345678", "the contract's own error 0x12345678"},
		{"0x", "no reason given"},
	} {
		r := tampered(t, n.conf, n.url, on("eth_estimateGas", always("", &rpcError{Code: 3, Message: "execution reverted", Data: c.data})))
		target, err := r.Check(t.Context(), fresh(t), "", "USDT")
		must(t, err)
		pay := []rail.Payout{{Ref: "wd_test", Asset: "USDT", To: target.Decoded, Amount: money.Of(10)}}
		_, err = r.Prepare(t.Context(), rail.Slot{Wallet: wallet}, pay, nil)
		var refused *rail.Refusal
		if !errors.As(err, &refused) || refused.Reason != c.want {
			t.Errorf("%s: got %v, want %q", c.data, err, c.want)
		}
	}
}

func word(n int64) string {
	text := big.NewInt(n).Text(16)
	return strings.Repeat("0", 64-len(text)) + text
}

// TestForeignTransactionsInThePool keep a new wallet from being used.
func TestForeignTransactionsInThePool(t *testing.T) {
	chain := newChain(t)
	n := deploy(t, chain.URL(), chain.Admin, chain.ID(), chain.Mine)
	dir, next := wallets(t, 1)
	wallet := next(t)
	n.credit(t, wallet, "ETH", money.Of(1_000_000_000_000_000_000))
	r := n.open(t)
	target, err := r.Check(t.Context(), fresh(t), "", "ETH")
	must(t, err)
	in, err := r.Prepare(t.Context(), rail.Slot{Wallet: wallet}, []rail.Payout{{Asset: "ETH", To: target.Decoded, Amount: money.Of(1)}}, nil)
	must(t, err)
	signed, err := openKeys(t, dir, chain.ID()).Sign(t.Context(), in)
	must(t, err)
	must(t, r.Submit(t.Context(), rail.Attempt{TxID: signed.TxID, Raw: signed.Raw}))
	if nonce, err := r.NextNonce(t.Context(), wallet); !errors.Is(err, rail.ErrUnavailable) {
		t.Errorf("got %d, %v while one waits", nonce, err)
	}
	must(t, chain.Mine(1))
	if nonce, err := r.NextNonce(t.Context(), wallet); err != nil || nonce != 1 {
		t.Errorf("got %d, %v afterwards", nonce, err)
	}
}

// TestCase15_an_error_is_not_an_absence: the error is passed on as such, even while
// everything else that the node says would fit a payout that is in no block.
func TestCase15_an_error_is_not_an_absence(t *testing.T) {
	chain := newChain(t)
	n := deploy(t, chain.URL(), chain.Admin, chain.ID(), chain.Mine)
	dir, next := wallets(t, 1)
	slot := rail.Slot{Wallet: next(t)}
	n.credit(t, slot.Wallet, "ETH", money.Of(1_000_000_000_000_000_000))
	r := n.open(t)
	pay := []rail.Payout{{Ref: "wd_test", Asset: "ETH", To: bytes.Repeat([]byte{9}, 20), Amount: money.Of(1)}}
	in, err := r.Prepare(t.Context(), slot, pay, nil)
	must(t, err)
	signed, err := openKeys(t, dir, chain.ID()).Sign(t.Context(), in)
	must(t, err)
	attempts := []rail.Attempt{{TxID: signed.TxID, Raw: signed.Raw}}
	for _, method := range []string{"eth_getTransactionReceipt", "eth_getTransactionByHash", "eth_getTransactionCount", "eth_getBlockByNumber", "eth_syncing"} {
		for _, words := range []error{&rpcError{Code: -32000, Message: "transaction indexing is in progress"}, errors.New("not found")} {
			blind := tampered(t, n.conf, n.url, on(method, always("", words)))
			if o, err := blind.Observe(t.Context(), slot, pay, attempts); !errors.Is(err, rail.ErrUnavailable) {
				t.Errorf("%s fails with %q: got %+v, %v", method, words, o, err)
			}
		}
	}
	must(t, r.Submit(t.Context(), attempts[0]))
	if o, err := r.Observe(t.Context(), slot, pay, attempts); err != nil || o.Stage != rail.StageSent {
		t.Errorf("got %+v, %v", o, err)
	}
}

// TestRefusalTakesExecutedCode: neither the words of a proxy nor another error of the
// node refuse a payout.
func TestRefusalTakesExecutedCode(t *testing.T) {
	chain := newChain(t)
	n := deploy(t, chain.URL(), chain.Admin, chain.ID(), chain.Mine)
	wallet := fresh(t)
	n.credit(t, wallet, "MOOD", money.Of(10))
	pay := []rail.Payout{{Ref: "wd_test", Asset: "MOOD", To: bytes.Repeat([]byte{9}, 20), Amount: money.Of(10)}}
	prepare := func(r *evm.Rail) error {
		_, err := r.Prepare(t.Context(), rail.Slot{Wallet: wallet}, pay, nil)
		return err
	}
	must(t, prepare(n.open(t)))
	var refused *rail.Refusal
	for _, method := range []string{"eth_estimateGas", "eth_call"} {
		for _, words := range []error{
			errors.New("502 bad gateway: execution reverted"),
			&rpcError{Code: -32000, Message: "missing trie node"},
			&rpcError{Code: -32000, Message: "invalid opcode: INVALID"},
			&rpcError{Code: -32000, Message: "gas required exceeds allowance (30000000)"}, // the node's own limit
		} {
			err := prepare(tampered(t, n.conf, n.url, on(method, always("", words))))
			if errors.As(err, &refused) || !errors.Is(err, rail.ErrUnavailable) {
				t.Errorf("%s fails with %q: got %v", method, words, err)
			}
		}
	}
	// A token that would answer false is refused before it costs anything.
	n.mood(t, devnet.ReturnsFalse)
	if err := prepare(n.open(t)); !errors.As(err, &refused) || !strings.Contains(refused.Reason, "false") {
		t.Errorf("a token that answers false: got %v, want a refusal", err)
	}
}
