package devnet_test

import (
	"context"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"go.uber.org/goleak"

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

const alice = "0x00000000000000000000000000000000000a11cE"

func start(t *testing.T, opts devnet.Options) *devnet.Chain {
	t.Helper()
	c, err := devnet.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPaymentsAreCountedFromBlocks(t *testing.T) {
	c, ctx := start(t, devnet.Options{}), t.Context()
	must(t, c.Fund(ctx, alice, money.Of(7)))
	token, err := c.DeployToken(ctx, devnet.Tether, "Demo Dollar", "USDT")
	must(t, err)
	must(t, c.Mint(ctx, token, alice, money.Of(5_000_000)))

	got, err := c.Payments(t.Context(), alice)
	must(t, err)
	if len(got) != 2 || got[0].Token != "" || got[0].Amount != money.Of(7) ||
		got[1].Token != token || got[1].Amount != money.Of(5_000_000) {
		t.Errorf("payments: %+v", got)
	}
	balance, err := c.BalanceOf(ctx, token, alice)
	must(t, err)
	if balance != money.Of(5_000_000) {
		t.Errorf("balance %s, want 5000000", balance)
	}
}

func TestReorg(t *testing.T) {
	for _, c := range []struct {
		name string
		keep bool
		want int
	}{{"kept", true, 1}, {"dropped", false, 0}} {
		t.Run(c.name, func(t *testing.T) {
			chain := start(t, devnet.Options{})
			first := chain.Height()
			must(t, chain.Mine(3))
			must(t, chain.Fund(t.Context(), alice, money.Of(1)))
			must(t, chain.Mine(1))
			paid := new(big.Int).SetUint64(first + 4)
			before, err := chain.Client().HeaderByNumber(t.Context(), paid)
			must(t, err)
			must(t, chain.Reorg(3, c.keep))
			if chain.Height() != first+6 {
				t.Errorf("height %d, want %d", chain.Height(), first+6)
			}
			after, err := chain.Client().HeaderByNumber(t.Context(), paid)
			must(t, err)
			if after.Hash() == before.Hash() {
				t.Errorf("block %s is still the same", paid)
			}
			got, err := chain.Payments(t.Context(), alice)
			must(t, err)
			if len(got) != c.want {
				t.Errorf("payments after the reorg: %+v, want %d", got, c.want)
			}
			must(t, chain.Fund(t.Context(), alice, money.Of(1))) // the chain goes on
		})
	}
}

func TestReorgStopsAtFinalBlocks(t *testing.T) {
	c := start(t, devnet.Options{})
	if c.Finalized() != devnet.EpochBlocks {
		t.Errorf("at first %d is final, want %d", c.Finalized(), devnet.EpochBlocks)
	}
	must(t, c.Mine(1))
	must(t, c.Finalize())
	must(t, c.Mine(2))
	if c.Finalized() != 2*devnet.EpochBlocks {
		t.Errorf("final is %d, want %d", c.Finalized(), 2*devnet.EpochBlocks)
	}
	if err := c.Reorg(3, false); err == nil {
		t.Error("a final block was dropped")
	}
	must(t, c.Reorg(2, false))
}

func TestServesJSONRPC(t *testing.T) {
	c := start(t, devnet.Options{ChainID: 4242, Listen: "127.0.0.1:0"})
	outside, err := ethclient.DialContext(t.Context(), c.URL())
	must(t, err)
	defer http.DefaultClient.CloseIdleConnections()
	defer outside.Close()
	id, err := outside.ChainID(t.Context())
	must(t, err)
	if id.Uint64() != 4242 {
		t.Errorf("chain id %s, want 4242", id)
	}
	must(t, c.Fund(t.Context(), alice, money.Of(9)))
	tx, err := c.Payments(t.Context(), alice)
	must(t, err)
	block, err := outside.BlockByNumber(t.Context(), new(big.Int).SetUint64(c.Height()))
	must(t, err)
	if len(block.Transactions()) != 1 || block.Transactions()[0].Hash().Hex() != tx[0].TxHash {
		t.Errorf("block over HTTP: %v", block.Transactions())
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "192.0.2.1:0", "localhost:0", ":0", "127.0.0.1"} {
		if c, err := devnet.New(devnet.Options{Listen: address}); err == nil {
			t.Errorf("%s was taken", address)
			_ = c.Close()
		}
	}
}

func TestRunMakesBlocksUntilTold(t *testing.T) {
	c := start(t, devnet.Options{})
	heads, first := make(chan *types.Header), c.Height()
	sub, err := c.Client().SubscribeNewHead(t.Context(), heads)
	must(t, err)
	defer sub.Unsubscribe()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, time.Millisecond) }()
	for want := first + 1; want <= first+3; want++ {
		if h := <-heads; h.Number.Uint64() != want {
			t.Errorf("block %s, want %d", h.Number, want)
		}
	}
	stop()
	for {
		select {
		case <-heads: // those that were under way
		case err := <-done:
			must(t, err)
			return
		}
	}
}

// A subscription that is open when the chain is closed ends with it, whichever of its
// two sides hears of it first; TestMain looks for what is left.
func TestCloseEndsSubscriptions(t *testing.T) {
	for range 5 {
		c, err := devnet.New(devnet.Options{})
		must(t, err)
		blocks := make(chan *types.Header, 4)
		for range 200 {
			_, err := c.Client().SubscribeNewHead(t.Context(), blocks)
			must(t, err)
		}
		must(t, c.Close())
	}
}
