package evm_test

import (
	"math/big"
	"reflect"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/ethclient/simulated"
	"github.com/ethereum/go-ethereum/node"

	"sluice/internal/demo/devnet"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/evm"
)

// The rail runs as it is on go-ethereum's own simulated backend, pinned to Osaka: a
// payout is mined, loses its block to a fork, is mined again from the same bytes,
// and is final once.
func TestSimulatedBackend(t *testing.T) {
	dir, next := wallets(t, 1)
	from := next(t)
	coins := new(big.Int).Mul(big.NewInt(10), big.NewInt(1e18))
	chain := simulated.NewBackend(types.GenesisAlloc{common.HexToAddress(from): {Balance: coins}}, simulated.WithBlockGasLimit(60_000_000),
		func(_ *node.Config, e *ethconfig.Config) {
			c := *e.Genesis.Config
			c.AmsterdamTime, c.BogotaTime = nil, nil
			e.Genesis.Config = &c
		})
	t.Cleanup(func() { must(t, chain.Close()) })
	client := chain.Client()
	inner, ok := reflect.ValueOf(client).FieldByName("Client").Interface().(*ethclient.Client) // the wire beneath it
	if !ok {
		t.Fatal("the simulated client does not answer what the rail asks")
	}
	must(t, devnet.AssertOsaka(chain.Client()))
	start := chain.Commit()
	r, err := evm.New(evm.Config{Network: "ethereum", ChainID: 1337, Finality: evm.Finality{Depth: 4}}, inner.Client())
	must(t, err)
	keys := openKeys(t, dir, 1337)

	target, err := r.Check(t.Context(), fresh(t), "", "ETH")
	must(t, err)
	amount := money.Of(1_000_000_000_000_000)
	pay := []rail.Payout{{Ref: "wd_test", Asset: "ETH", To: target.Decoded, Amount: amount}}
	slot := rail.Slot{Wallet: from}
	intent, err := r.Prepare(t.Context(), slot, pay, nil)
	must(t, err)
	intent.Fence, intent.Bound = 1, "dsp_test"
	signed, err := keys.Sign(t.Context(), intent)
	must(t, err)
	attempt := rail.Attempt{TxID: signed.TxID, Raw: signed.Raw}
	look := func(want rail.Stage) rail.Observation {
		t.Helper()
		seen, err := r.Observe(t.Context(), slot, pay, []rail.Attempt{attempt})
		must(t, err)
		if seen.Stage != want {
			t.Fatalf("stage %s (%s), want %s", seen.Stage, seen.Note, want)
		}
		return seen
	}

	must(t, r.Submit(t.Context(), attempt))
	look(rail.StageSent)
	chain.Commit()
	look(rail.StageMined)

	// A longer branch without the payout takes its block away.
	must(t, chain.Fork(start))
	chain.Rollback()
	chain.Commit()
	chain.Commit()
	if got, err := client.BalanceAt(t.Context(), common.BytesToAddress(target.Decoded), nil); err != nil || got.Sign() != 0 {
		// The node put the transaction into the new branch by itself: that is a payment too, and the only one.
		t.Logf("re-mined at once: %s, %v", got, err)
	} else {
		look(rail.StageSent)
		must(t, r.Submit(t.Context(), attempt))
		chain.Commit()
	}
	look(rail.StageMined)
	for range 4 {
		chain.Commit()
	}
	if seen := look(rail.StageFinal); len(seen.Paid) != 1 || !seen.Paid[0] || seen.Fee.IsZero() {
		t.Fatalf("final: %+v", seen)
	}
	got, err := client.BalanceAt(t.Context(), common.BytesToAddress(target.Decoded), nil)
	must(t, err)
	if got.Cmp(amount.Big()) != 0 {
		t.Fatalf("the recipient has %s, want %s: paid exactly once", got, amount)
	}
}
