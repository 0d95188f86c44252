package evm_test

import (
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/demo/devnet"
	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/evm"
)

// vaulted is a chain with one wallet that has a vault, and money in both.
type vaulted struct {
	*network
	chain         *devnet.Chain
	dir           string
	wallet, vault string
}

var million = money.Of(1_000_000)

func newVaulted(t *testing.T) *vaulted {
	t.Helper()
	chain := newChain(t)
	v := &vaulted{network: deploy(t, chain.URL(), chain.Admin, chain.ID(), chain.Mine), chain: chain}
	var next func(*testing.T) string
	v.dir, next = wallets(t, 1)
	v.wallet = next(t)
	v.vaults(t, v.dir)
	v.vault = v.conf.Vaults[v.wallet]
	ether := money.Of(1_000_000_000_000_000_000)
	v.credit(t, v.wallet, "ETH", ether)
	v.credit(t, v.vault, "ETH", ether)
	v.credit(t, v.vault, "USDT", money.Of(1_000_000_000))
	return v
}

// pay makes payouts of a million units each.
func pay(asset string, to ...string) []rail.Payout {
	var out []rail.Payout
	for _, a := range to {
		out = append(out, rail.Payout{Ref: "wd_" + a, Asset: asset, To: common.HexToAddress(a).Bytes(), Amount: million})
	}
	return out
}

func several(t *testing.T, count int, known func(string)) []string {
	t.Helper()
	var out []string
	for range count {
		a := fresh(t)
		if known != nil {
			known(a)
		}
		out = append(out, a)
	}
	return out
}

func groups(t *testing.T, r *evm.Rail, wallet string, payouts []rail.Payout) [][]int {
	t.Helper()
	lists, err := r.Group(t.Context(), wallet, payouts)
	must(t, err)
	return lists
}

func wantGroups(t *testing.T, got [][]int, want ...[]int) {
	t.Helper()
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("lists %v, want %v", got, want)
	}
}

// TestGroup holds the routes against what they should cost.
func TestGroup(t *testing.T) {
	v := newVaulted(t)
	r := v.open(t)
	known := func(a string) { v.credit(t, a, "ETH", money.Of(1)) }
	t.Run("one alone", func(t *testing.T) {
		wantGroups(t, groups(t, r, v.wallet, pay("USDT", fresh(t))), []int{0})
	})
	t.Run("tokens from two on", func(t *testing.T) {
		wantGroups(t, groups(t, r, v.wallet, pay("USDT", several(t, 2, nil)...)), []int{0, 1})
	})
	t.Run("not without a vault", func(t *testing.T) {
		wantGroups(t, groups(t, r, fresh(t), pay("USDT", several(t, 2, nil)...)), []int{0}, []int{1})
	})
	t.Run("new accounts get coins one by one", func(t *testing.T) {
		wantGroups(t, groups(t, r, v.wallet, pay("ETH", several(t, 6, nil)...)), []int{0}, []int{1}, []int{2}, []int{3}, []int{4}, []int{5})
	})
	t.Run("few existing accounts, too", func(t *testing.T) {
		wantGroups(t, groups(t, r, v.wallet, pay("ETH", several(t, 3, known)...)), []int{0}, []int{1}, []int{2})
	})
	t.Run("many existing accounts are batched", func(t *testing.T) {
		to := several(t, 8, known)
		to[2] = fresh(t)
		gate, err := v.admin.DeployGate(t.Context())
		must(t, err)
		must(t, v.admin.OpenGate(t.Context(), gate, true))
		to[5] = gate // code may do anything
		wantGroups(t, groups(t, r, v.wallet, pay("ETH", to...)), []int{0, 1, 3, 4, 6, 7}, []int{2}, []int{5})
	})
	t.Run("assets apart", func(t *testing.T) {
		payouts := append(pay("USDT", several(t, 2, nil)...), pay("ETH", fresh(t))...)
		payouts = append(payouts, pay("USDT", fresh(t))...)
		wantGroups(t, groups(t, r, v.wallet, payouts), []int{0, 1, 3}, []int{2})
	})
	t.Run("refused ones go alone", func(t *testing.T) {
		to := several(t, 4, nil)
		must(t, v.admin.Freeze(t.Context(), v.tether, to[1], true))
		payouts := pay("USDT", to...)
		wantGroups(t, groups(t, r, v.wallet, payouts), []int{0, 2, 3}, []int{1})
		var refusal *rail.Refusal
		if _, err := r.Prepare(t.Context(), rail.Slot{Wallet: v.wallet}, payouts[1:2], nil); !errors.As(err, &refusal) || refusal.Reason != "the recipient is frozen" {
			t.Errorf("alone: %v", err)
		}
	})
	t.Run("as far as the vault's money goes", func(t *testing.T) {
		payouts := pay("USDT", several(t, 4, nil)...)
		payouts[1].Amount = money.Of(999_000_000)
		payouts[2].Amount = money.Of(500_000)
		wantGroups(t, groups(t, r, v.wallet, payouts), []int{0, 1}, []int{2}, []int{3})
	})
	t.Run("too large for a batch", func(t *testing.T) {
		payouts := pay("MOOD", several(t, 3, nil)...)
		v.credit(t, v.vault, "MOOD", million)
		v.credit(t, v.vault, "MOOD", million)
		var err error
		payouts[1].Amount, err = money.FromBytes(append([]byte{1}, make([]byte, 12)...))
		must(t, err)
		wantGroups(t, groups(t, r, v.wallet, payouts), []int{0, 2}, []int{1})
	})
	t.Run("by the most that there may be, and by gas", func(t *testing.T) {
		payouts := pay("USDT", several(t, 40, nil)...)
		small := v.open(t, func(c *evm.Config) { c.BatchMax = 15 })
		var sizes []int
		for _, l := range groups(t, small, v.wallet, payouts) {
			sizes = append(sizes, len(l))
		}
		if !slices.Equal(sizes, []int{15, 15, 10}) {
			t.Errorf("sizes %v", sizes)
		}
		poor := v.open(t, func(c *evm.Config) { c.BatchGasMax = 1_000_000 })
		lists, sum := groups(t, poor, v.wallet, payouts), 0
		for _, l := range lists {
			sum += len(l)
			in, err := poor.Prepare(t.Context(), rail.Slot{Wallet: v.wallet}, pick(payouts, l), nil)
			if err != nil || in.Gas > 1_000_000 {
				t.Errorf("a list of %d: %d gas (%v)", len(l), in.Gas, err)
			}
		}
		if len(lists) < 3 || sum != 40 {
			t.Errorf("lists %v", lists)
		}
	})
}

func pick(payouts []rail.Payout, list []int) []rail.Payout {
	var out []rail.Payout
	for _, n := range list {
		out = append(out, payouts[n])
	}
	return out
}

// TestMoneyInTwoPlaces pays single payouts from where the money is, and never counts on
// what payouts under way take.
func TestMoneyInTwoPlaces(t *testing.T) {
	v := newVaulted(t)
	r := v.open(t)
	one := pay("USDT", fresh(t))
	prepare := func(nonce uint64, p []rail.Payout) (byVault bool, err error) {
		in, err := r.Prepare(t.Context(), rail.Slot{Wallet: v.wallet, Nonce: nonce}, p, nil)
		return len(in.Vault) > 0, err
	}
	feasible := func(p []rail.Payout, flying ...rail.InFlight) string {
		t.Helper()
		f, err := r.Feasible(t.Context(), v.wallet, flying, p)
		must(t, err)
		return f.Code
	}
	// All dollars are in the vault.
	if byVault, err := prepare(0, one); err != nil || !byVault {
		t.Errorf("by the vault: %v (%v)", byVault, err)
	}
	balance, err := r.Balance(t.Context(), v.wallet)
	must(t, err)
	if balance["USDT"] != money.Of(1_000_000_000) || balance["ETH"] != money.Of(2_000_000_000_000_000_000) {
		t.Errorf("balance %v", balance)
	}
	// Both have enough: the wallet is cheaper, if nothing is under way.
	v.credit(t, v.wallet, "USDT", million)
	if byVault, err := prepare(0, one); err != nil || byVault {
		t.Errorf("by the vault: %v (%v)", byVault, err)
	}
	if _, err := prepare(1, one); !errors.Is(err, rail.ErrUnavailable) {
		t.Errorf("with payouts under way that may take the money: %v", err)
	}
	// The wallet's million is taken by one under way: the next goes by the vault.
	first := rail.InFlight{Slot: rail.Slot{Wallet: v.wallet}, Payouts: one}
	if code := feasible(one); code != "" {
		t.Errorf("feasible: %s", code)
	}
	next := pay("USDT", fresh(t))
	if code := feasible(next, first); code != "" {
		t.Errorf("feasible: %s", code)
	}
	if byVault, err := prepare(1, next); err != nil || !byVault {
		t.Errorf("by the vault: %v (%v)", byVault, err)
	}
	// A list takes from the vault only, and what is under way there counts.
	list := pay("USDT", fresh(t), fresh(t))
	list[0].Amount = money.Of(999_000_000)
	if code := feasible(list); code != "" {
		t.Errorf("feasible: %s", code)
	}
	if code := feasible(list, first, rail.InFlight{Slot: rail.Slot{Wallet: v.wallet, Nonce: 1}, Payouts: next}); code != evm.CodeOutOfFunds {
		t.Errorf("with a payout of the vault under way: %q, want %s", code, evm.CodeOutOfFunds)
	}
}

// TestVaultOfSomebodyElse refuses to start with a vault that does not obey.
func TestVaultOfSomebodyElse(t *testing.T) {
	v := newVaulted(t)
	stranger, err := v.admin.DeployVault(t.Context(), fresh(t))
	must(t, err)
	for name, vault := range map[string]string{"obeys another": stranger, "no contract": fresh(t), "a token": v.tether, "the wallet": v.wallet, "no address": "0x12"} {
		conf := v.conf
		conf.Vaults = map[string]string{v.wallet: vault}
		if r, err := evm.Open(t.Context(), conf, v.url); fault.CodeOf(err) != "rail_config" {
			t.Errorf("%s: %v", name, err)
			r.Close()
		}
	}
	if _, err := v.open(t).Check(t.Context(), v.vault, "", "ETH"); fault.CodeOf(err) != "address_vault" {
		t.Errorf("a payout to the vault: %v", err)
	}
}

// TestFeeRisesTowardsTheDeadline holds replacements against the straight line, and
// against the budget, which nothing exceeds.
func TestFeeRisesTowardsTheDeadline(t *testing.T) {
	v := newVaulted(t)
	const deadline = time.Hour
	must(t, v.chain.Mine(30))                 // blocks without tips
	budget := money.Of(3_000_000_000_000_000) // 0.003 coins
	r := v.open(t, func(c *evm.Config) { c.FeeBudget, c.FeeDeadline = budget, deadline })
	slot, list := rail.Slot{Wallet: v.wallet}, pay("USDT", fresh(t), fresh(t))
	keys := openKeys(t, v.dir, v.conf.ChainID)
	attempt := func(ago time.Duration, previous ...rail.Attempt) (rail.Attempt, money.Amount) {
		t.Helper()
		in, err := r.Prepare(t.Context(), slot, list, previous)
		must(t, err)
		in.Fence, in.Bound = 1, "dsp_test"
		signed, err := keys.Sign(t.Context(), in)
		must(t, err)
		fee, err := in.MaxFee()
		must(t, err)
		return rail.Attempt{TxID: signed.TxID, Raw: signed.Raw, Fee: fee, At: time.Now().Add(-ago)}, fee
	}
	var last money.Amount
	for _, ago := range []time.Duration{0, deadline / 4, deadline / 2, deadline * 9 / 10} {
		first, low := attempt(ago)
		_, fee := attempt(0, first)
		if !low.Less(fee) || fee.Less(last) || budget.Less(fee) {
			t.Errorf("after %s: %s, the first was %s, before %s", ago, fee, low, last)
		}
		last = fee
	}
	// The line: half way between the market and the budget when half the time is over.
	first, low := attempt(deadline / 2)
	_, fee := attempt(0, first)
	middle := new(big.Int).Add(low.Big(), budget.Big())
	middle.Rsh(middle, 1)
	if off := new(big.Int).Sub(fee.Big(), middle); off.Abs(off).Cmp(middle.Div(middle, big.NewInt(50))) > 0 {
		t.Errorf("half way: %s, between %s and %s", fee, low, budget)
	}
	// At the deadline the whole budget is offered, and beyond that nothing is.
	first, _ = attempt(2 * deadline)
	whole, fee := attempt(0, first)
	if fee.Less(money.Of(2_999_000_000_000_000)) || budget.Less(fee) {
		t.Errorf("at the deadline: %s, want the budget %s", fee, budget)
	}
	if _, err := r.Prepare(t.Context(), slot, list, []rail.Attempt{first, whole}); !errors.Is(err, rail.ErrUnavailable) {
		t.Errorf("above the budget: %v", err)
	}
	poor := v.open(t, func(c *evm.Config) { c.FeeBudget = money.Of(1_000_000_000) })
	if f, err := poor.Feasible(t.Context(), v.wallet, nil, list); err != nil || f.Code != evm.CodeFeeTooHigh {
		t.Errorf("a budget that pays for nothing: %+v (%v)", f, err)
	}
}

// TestTokensThatTakeAPart refuses tokens when they are configured: by what they say they
// take, and by what arrives in a simulated transfer.
// case-37
func TestTokensThatTakeAPart(t *testing.T) {
	v := newVaulted(t)
	dollar, err := v.admin.DeployToken(t.Context(), devnet.Dollar, "Dollar", "USD")
	must(t, err)
	conf := v.conf
	conf.Tokens = map[string]evm.Token{"USD": {Contract: dollar, Scale: 6}, "MOOD": {Contract: v.moody, Scale: 18}}
	open := func() error {
		r, err := evm.Open(t.Context(), conf, v.url)
		if err == nil {
			r.Close()
		}
		return err
	}
	must(t, open())
	_, err = v.admin.Call(t.Context(), "Dollar", dollar, "setFee", newBig(10), newBig(1000))
	must(t, err)
	if err := open(); fault.CodeOf(err) != "token_unfit" {
		t.Errorf("a token with a fee: %v", err)
	}
	_, err = v.admin.Call(t.Context(), "Dollar", dollar, "setFee", newBig(0), newBig(0))
	must(t, err)
	v.mood(t, devnet.TakesCut)
	must(t, open()) // nobody of ours has any yet: it cannot be known
	v.credit(t, v.vault, "MOOD", million)
	if err := open(); fault.CodeOf(err) != "token_unfit" {
		t.Errorf("a token that keeps a part: %v", err)
	}
}

func newBig(n int64) *big.Int { return big.NewInt(n) }
