package contracts_test

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"go.uber.org/goleak"

	"sluice/contracts/artifacts"
	"sluice/internal/demo/devnet"
	"sluice/internal/money"
)

func TestMain(m *testing.M) {
	var ignore []goleak.Option
	for _, f := range devnet.LeftBehind {
		ignore = append(ignore, goleak.IgnoreTopFunction(f))
	}
	goleak.VerifyTestMain(m, ignore...)
}

// gasEach is what the tests let one payout of a batch use.
const gasEach = 100_000

// plenty is a gas limit that no batch here needs.
const plenty = 8_000_000

var (
	native = common.Address{}
	unit   = big.NewInt(1_000_000)
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bench is a vault on a chain of its own, with an operator and a stranger.
type bench struct {
	*testing.T
	chain              *devnet.Chain
	abi                abi.ABI
	vault              common.Address
	tether, moody      common.Address
	operator, stranger *ecdsa.PrivateKey
	batches            byte
}

func setup(t *testing.T) *bench {
	t.Helper()
	chain, err := devnet.New(devnet.Options{})
	must(t, err)
	t.Cleanup(func() {
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{T: t, chain: chain}
	var artifact struct{ ABI abi.ABI }
	must(t, json.Unmarshal(artifacts.Vault, &artifact))
	b.abi = artifact.ABI
	for _, key := range []**ecdsa.PrivateKey{&b.operator, &b.stranger} {
		*key, err = crypto.GenerateKey()
		must(t, err)
		must(t, chain.Fund(t.Context(), address(*key).Hex(), money.Of(1_000_000_000_000_000_000)))
	}
	vault, err := chain.DeployVault(t.Context(), address(b.operator).Hex())
	must(t, err)
	tether, err := chain.DeployToken(t.Context(), devnet.Tether, "Demo Dollar", "USDT")
	must(t, err)
	moody, err := chain.DeployToken(t.Context(), devnet.Moody, "Moody", "MOOD")
	must(t, err)
	b.vault, b.tether, b.moody = common.HexToAddress(vault), common.HexToAddress(tether), common.HexToAddress(moody)
	must(t, chain.Fund(t.Context(), vault, money.Of(1_000_000_000_000_000_000)))
	must(t, chain.Mint(t.Context(), tether, vault, money.Of(1_000_000_000)))
	must(t, chain.Mint(t.Context(), moody, vault, money.Of(1_000_000_000)))
	return b
}

func address(key *ecdsa.PrivateKey) common.Address { return crypto.PubkeyToAddress(key.PublicKey) }

func payout(to common.Address, amount *big.Int) *big.Int {
	word := new(big.Int).Lsh(new(big.Int).SetBytes(to[:]), 96)
	return word.Or(word, amount)
}

// one is a payout of one unit.
func one(to common.Address) *big.Int { return payout(to, unit) }

func fresh(t *testing.T) common.Address {
	t.Helper()
	key, err := crypto.GenerateKey()
	must(t, err)
	return address(key)
}

// id gives a batch id that was not used before.
func (b *bench) id() [32]byte {
	b.batches++
	return [32]byte{0xba, b.batches}
}

// send has a key call the vault and gives the receipt, whatever it says.
func (b *bench) send(key *ecdsa.PrivateKey, gas uint64, method string, args ...any) *types.Receipt {
	b.Helper()
	ctx := context.WithoutCancel(b.Context())
	data, err := b.abi.Pack(method, args...)
	must(b.T, err)
	client := b.chain.Client()
	nonce, err := client.NonceAt(ctx, address(key), nil)
	must(b.T, err)
	rules := types.LatestSignerForChainID(new(big.Int).SetUint64(b.chain.ID()))
	tx, err := types.SignNewTx(key, rules, &types.DynamicFeeTx{
		ChainID: new(big.Int).SetUint64(b.chain.ID()), Nonce: nonce, To: &b.vault, Data: data, Gas: gas,
		GasTipCap: big.NewInt(1_000_000_000), GasFeeCap: big.NewInt(20_000_000_000),
	})
	must(b.T, err)
	must(b.T, client.SendTransaction(ctx, tx))
	must(b.T, b.chain.Mine(1))
	receipt, err := client.TransactionReceipt(ctx, tx.Hash())
	must(b.T, err)
	return receipt
}

func (b *bench) pay(token common.Address, payouts ...*big.Int) *types.Receipt {
	b.Helper()
	return b.send(b.operator, plenty, "pay", b.id(), token, big.NewInt(gasEach), payouts)
}

func (b *bench) has(token, who common.Address) *big.Int {
	b.Helper()
	if token == native {
		v, err := b.chain.Client().BalanceAt(b.Context(), who, nil)
		must(b.T, err)
		return v
	}
	a, err := b.chain.BalanceOf(b.Context(), token.Hex(), who.Hex())
	must(b.T, err)
	return a.Big()
}

// wants holds what an address has against what it should have.
func (b *bench) wants(token, who common.Address, want *big.Int) {
	b.Helper()
	if got := b.has(token, who); got.Cmp(want) != 0 {
		b.Errorf("%s has %s, want %s", who, got, want)
	}
}

// failures reads the Failed events: what was said, by place.
func (b *bench) failures(r *types.Receipt) map[int64]string {
	b.Helper()
	if r.Status != types.ReceiptStatusSuccessful {
		b.Fatal("the whole batch was reverted")
	}
	out := map[int64]string{}
	for _, l := range r.Logs {
		if l.Address != b.vault || l.Topics[0] != b.abi.Events["Failed"].ID {
			continue
		}
		var told struct {
			Place  *big.Int
			Reason []byte
		}
		must(b.T, b.abi.UnpackIntoInterface(&told, "Failed", l.Data))
		out[told.Place.Int64()] = string(told.Reason)
	}
	return out
}

func TestVaultPaysEachOnce(t *testing.T) {
	b := setup(t)
	for name, token := range map[string]common.Address{"native": native, "returns nothing": b.tether, "returns true": b.moody} {
		t.Run(name, func(t *testing.T) {
			b.T = t
			before := b.has(token, b.vault)
			var payouts []*big.Int
			var to []common.Address
			for n := range int64(300) { // more than one word of results
				to = append(to, fresh(t))
				payouts = append(payouts, payout(to[n], big.NewInt(1+n)))
			}
			r := b.send(b.operator, 16_000_000, "pay", b.id(), token, big.NewInt(gasEach), payouts)
			if failed := b.failures(r); len(failed) > 0 {
				t.Fatalf("failed: %v", failed)
			}
			for n, who := range to {
				b.wants(token, who, big.NewInt(1+int64(n)))
			}
			b.wants(token, b.vault, new(big.Int).Sub(before, big.NewInt(300*301/2)))
		})
	}
}

// The largest amount that fits, and every bit of an address, arrive as they are.
func TestVaultUnpacksAllBits(t *testing.T) {
	b := setup(t)
	most := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 96), big.NewInt(1))
	a, err := money.FromBytes(most.Bytes())
	must(t, err)
	must(t, b.chain.Mint(t.Context(), b.moody.Hex(), b.vault.Hex(), a))
	to := common.MaxAddress
	if failed := b.failures(b.pay(b.moody, payout(to, most))); len(failed) > 0 {
		t.Fatalf("failed: %v", failed)
	}
	b.wants(b.moody, to, most)
}

func TestVaultRefusedPayoutsDoNotStopTheOthers(t *testing.T) {
	b := setup(t)
	hostile := func(mode devnet.HostileMode) common.Address {
		at, err := b.chain.DeployHostile(t.Context(), mode)
		must(t, err)
		return common.HexToAddress(at)
	}
	t.Run("native", func(t *testing.T) {
		b.T = t
		first, last := fresh(t), fresh(t)
		reverts, burns, bombs, reenters := hostile(devnet.Reverts), hostile(devnet.Burns), hostile(devnet.Bombs), hostile(devnet.Reenters)
		before := b.has(native, b.vault)
		r := b.pay(native, one(first), one(reverts), one(burns), one(bombs), one(reenters), one(last))
		failed := b.failures(r)
		if len(failed) != 3 || !strings.Contains(failed[1], "no, thank you") || failed[2] != "" || len(failed[3]) != 160 {
			t.Errorf("failed: %v", failed)
		}
		for _, who := range []common.Address{first, reenters, last} {
			b.wants(native, who, unit)
		}
		for _, who := range []common.Address{reverts, burns, bombs} {
			b.wants(native, who, new(big.Int))
		}
		b.wants(native, b.vault, new(big.Int).Sub(before, new(big.Int).Mul(unit, big.NewInt(3))))
		if r.GasUsed > 400_000 {
			t.Errorf("the hostile ones made it cost %d gas", r.GasUsed)
		}
	})
	t.Run("frozen account", func(t *testing.T) {
		b.T = t
		first, frozen, last := fresh(t), fresh(t), fresh(t)
		must(t, b.chain.Freeze(t.Context(), b.tether.Hex(), frozen.Hex(), true))
		failed := b.failures(b.pay(b.tether, one(first), one(frozen), one(last)))
		if len(failed) != 1 || !strings.Contains(failed[1], "the recipient is frozen") {
			t.Errorf("failed: %v", failed)
		}
		b.wants(b.tether, first, unit)
		b.wants(b.tether, last, unit)
	})
	t.Run("token that returns false", func(t *testing.T) {
		b.T = t
		must(t, b.chain.SetMode(t.Context(), b.moody.Hex(), devnet.ReturnsFalse))
		failed := b.failures(b.pay(b.moody, one(fresh(t)), one(fresh(t))))
		if len(failed) != 2 {
			t.Errorf("failed: %v", failed)
		}
		must(t, b.chain.SetMode(t.Context(), b.moody.Hex(), devnet.Plain))
	})
	t.Run("more than there is", func(t *testing.T) {
		b.T = t
		first, last := fresh(t), fresh(t)
		failed := b.failures(b.pay(b.tether, one(first), payout(fresh(t), big.NewInt(1_000_000_000_000)), one(last)))
		if len(failed) != 1 || !strings.Contains(failed[1], "the balance is too low") {
			t.Errorf("failed: %v", failed)
		}
		b.wants(b.tether, last, unit)
	})
}

// The answer of a simulated batch names those that would be refused.
func TestVaultAnswersWhichAreRefused(t *testing.T) {
	b := setup(t)
	frozen := fresh(t)
	must(t, b.chain.Freeze(t.Context(), b.tether.Hex(), frozen.Hex(), true))
	var payouts []*big.Int
	for n := range 260 {
		to := fresh(t)
		if n == 3 || n == 257 {
			to = frozen
		}
		payouts = append(payouts, one(to))
	}
	data, err := b.abi.Pack("pay", b.id(), b.tether, big.NewInt(gasEach), payouts)
	must(t, err)
	out, err := b.chain.Client().CallContract(t.Context(), callMsg(address(b.operator), b.vault, data), nil)
	must(t, err)
	var words []*big.Int
	must(t, b.abi.UnpackIntoInterface(&words, "pay", out))
	if len(words) != 2 || words[0].Uint64() != 1<<3 || words[1].Uint64() != 1<<1 {
		t.Errorf("refused: %v", words)
	}
}

func TestVaultBatchIsPaidOnce(t *testing.T) {
	b := setup(t)
	to, batch := fresh(t), b.id()
	args := []any{batch, b.tether, big.NewInt(gasEach), []*big.Int{one(to)}}
	if r := b.send(b.operator, plenty, "pay", args...); len(b.failures(r)) > 0 {
		t.Fatal("not paid")
	}
	if r := b.send(b.operator, plenty, "pay", args...); r.Status != types.ReceiptStatusFailed || r.GasUsed > 40_000 {
		t.Errorf("the batch again: status %d, %d gas", r.Status, r.GasUsed)
	}
	// Another list under the same id is no better.
	if r := b.send(b.operator, plenty, "pay", batch, native, big.NewInt(gasEach), []*big.Int{one(to)}); r.Status != types.ReceiptStatusFailed {
		t.Error("the id worked twice")
	}
	b.wants(b.tether, to, unit)
}

func TestVaultObeysItsOperatorOnly(t *testing.T) {
	b := setup(t)
	thief := address(b.stranger)
	for name, r := range map[string]*types.Receipt{
		"pay":          b.send(b.stranger, plenty, "pay", b.id(), b.tether, big.NewInt(gasEach), []*big.Int{one(thief)}),
		"withdraw":     b.send(b.stranger, plenty, "withdraw", native, unit),
		"no such code": b.send(b.operator, plenty, "pay", b.id(), fresh(t), big.NewInt(gasEach), []*big.Int{one(thief)}),
	} {
		if r.Status != types.ReceiptStatusFailed {
			t.Errorf("%s was not refused", name)
		}
	}
	b.wants(b.tether, thief, new(big.Int))
	if _, err := b.chain.DeployVault(t.Context(), common.Address{}.Hex()); err == nil {
		t.Error("a vault without an operator was made")
	}
}

func TestVaultGivesTheFloatBack(t *testing.T) {
	b := setup(t)
	operator := address(b.operator)
	for _, token := range []common.Address{b.tether, b.moody} {
		all := b.has(token, b.vault)
		if r := b.send(b.operator, plenty, "withdraw", token, all); r.Status != types.ReceiptStatusSuccessful {
			t.Fatal("withdraw was reverted")
		}
		b.wants(token, operator, all)
		b.wants(token, b.vault, new(big.Int))
		if r := b.send(b.operator, plenty, "withdraw", token, unit); r.Status != types.ReceiptStatusFailed {
			t.Error("more than there was")
		}
	}
	before, all := b.has(native, operator), b.has(native, b.vault)
	r := b.send(b.operator, plenty, "withdraw", native, all)
	fee := new(big.Int).Mul(r.EffectiveGasPrice, new(big.Int).SetUint64(r.GasUsed))
	b.wants(native, operator, before.Add(before, all).Sub(before, fee))
	must(t, b.chain.Mint(t.Context(), b.moody.Hex(), b.vault.Hex(), money.Of(5)))
	must(t, b.chain.SetMode(t.Context(), b.moody.Hex(), devnet.ReturnsFalse))
	if r := b.send(b.operator, plenty, "withdraw", b.moody, big.NewInt(5)); r.Status != types.ReceiptStatusFailed {
		t.Error("a token that answers false was taken for moved")
	}
}

// With every gas limit there are two outcomes only: nothing happened, or all were paid.
// Too little gas never looks like the fault of a recipient.
func TestVaultLowGasUndoesTheWholeBatch(t *testing.T) {
	b := setup(t)
	for name, token := range map[string]common.Address{"native": native, "token": b.tether} {
		t.Run(name, func(t *testing.T) {
			b.T = t
			paid := 0
			for gas := uint64(80_000); gas < 420_000; gas += 9_973 {
				to := []common.Address{fresh(t), fresh(t), fresh(t)}
				r := b.send(b.operator, gas, "pay", b.id(), token, big.NewInt(gasEach), []*big.Int{one(to[0]), one(to[1]), one(to[2])})
				want := new(big.Int)
				if r.Status == types.ReceiptStatusSuccessful {
					want, paid = unit, paid+1
					if failed := b.failures(r); len(failed) > 0 {
						t.Errorf("with %d gas these failed: %v", gas, failed)
					}
				}
				for _, who := range to {
					b.wants(token, who, want)
				}
			}
			if paid == 0 || paid > 30 {
				t.Errorf("%d of the gas limits sufficed: the test shows nothing", paid)
			}
		})
	}
}

func callMsg(from, to common.Address, data []byte) ethereum.CallMsg {
	return ethereum.CallMsg{From: from, To: &to, Data: data}
}
