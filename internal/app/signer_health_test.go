package app_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/demo/devnet"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/payout"
	"sluice/internal/rail"
	"sluice/internal/rail/evm"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
	"sluice/internal/signer/keystore"
	"sluice/internal/test/harness"
	"sluice/internal/withdrawal"
)

// TestA15_everybody_says_why pays through a signer whose disk is full: readyz and every
// withdrawal that waits say so. When there is room again, all are paid and nobody
// complains any more.
func TestA15_everybody_says_why(t *testing.T) {
	chain, err := devnet.New(devnet.Options{})
	must(t, err)
	defer func() { must(t, chain.Close()) }()
	keys := filepath.Join(t.TempDir(), "keys")
	wallet, err := keystore.Create(keys, "x", keystore.Light)
	must(t, err)
	opened, err := keystore.Open(keys, "x")
	must(t, err)
	var full atomic.Bool
	full.Store(true)
	sign, err := guard.Open(t.Context(), guard.Options{
		Keys: opened, Build: build.Builder{}, Dir: t.TempDir(),
		Policy: guard.Policy{Networks: []guard.Network{{Network: signer.Network{Name: "ethereum", Family: build.EVM, ChainID: chain.ID()}, Open: true}}},
		Sync: func(f *os.File) error {
			if full.Load() {
				return syscall.ENOSPC
			}
			return f.Sync()
		},
	})
	must(t, err)
	defer func() { must(t, sign.Close()) }()
	ether := money.Asset{Code: "ETH", Scale: 18, Networks: []string{"ethereum"}}
	must(t, chain.Fund(t.Context(), wallet, money.Of(1e18)))
	way, err := evm.New(evm.Config{Network: "ethereum", ChainID: chain.ID(), Finality: evm.Finality{Depth: 1}, Poll: 50 * time.Millisecond}, chain.Client().Client())
	must(t, err)
	c := setup(t)
	c.Assets = append(c.Assets, config.Asset{Code: "ETH", Scale: 18, Networks: []string{"ethereum"}})
	r := startWith(t, c, app.Options{Rails: map[string]rail.Rail{"ethereum": way}, Signer: sign})

	const payouts = 40
	all := queue(t, r, wallet, way, ether, payouts)
	attention := func() map[string]int {
		out := map[string]int{}
		for _, w := range all {
			x, _, err := r.Store.Withdrawal(t.Context(), w)
			must(t, err)
			out[x.Attention]++
		}
		return out
	}
	harness.Eventually(t, "all say that the signer cannot write its log", func() bool { return attention()["signer_log"] == payouts })
	if code, body := get(t, r.URL()+"/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "signer_log") {
		t.Errorf("readyz: %d %s", code, body)
	}
	full.Store(false)
	paid := func() bool {
		must(t, chain.Mine(1))
		n := 0
		for _, w := range all {
			x, _, err := r.Store.Withdrawal(t.Context(), w)
			must(t, err)
			if x.State == withdrawal.Confirmed {
				n++
			}
		}
		return n == payouts
	}
	harness.Eventually(t, "all are paid", paid)
	if left := attention(); left[""] != payouts {
		t.Errorf("paid, and they still say %v", left)
	}
	if code, body := get(t, r.URL()+"/readyz"); code != http.StatusOK {
		t.Errorf("readyz: %d %s", code, body)
	}
	r.stop()
	must(t, r.wait(t))
}

// queue makes a wallet known and withdrawals that wait for it.
func queue(t *testing.T, r *running, wallet string, way rail.Rail, asset money.Asset, n int) (all []id.ID) {
	t.Helper()
	ctx := t.Context()
	_, err := commit.Do(ctx, r.Loop, app.Operator, payout.CreateWallet{Network: way.Network(), Address: wallet})
	must(t, err)
	m, err := commit.Do(ctx, r.Loop, app.Operator, merchant.Create{Name: "Shop", Mode: merchant.Test})
	must(t, err)
	a, err := commit.Do(ctx, r.Loop, app.Operator, account.Open{Merchant: m.Seq, Kind: ledger.KindCustomer, Name: "Ada"})
	must(t, err)
	_, err = commit.Do(ctx, r.Loop, app.Operator, account.AddCredit{Merchant: m.Seq, Account: a.Seq, Asset: asset, Amount: money.Of(1_000_000)})
	must(t, err)
	for i := range n {
		to, err := way.Check(ctx, fmt.Sprintf("0x%040x", 0xa11ce000+i), "", asset.Code)
		must(t, err)
		w, err := commit.Do(ctx, r.Loop, app.Operator, withdrawal.Create{
			Merchant: m.Seq, Account: a.Seq, ForeignID: fmt.Sprint("w", i), Asset: asset, Amount: money.Of(uint64(i) + 1), Target: to,
		})
		must(t, err)
		all = append(all, id.ID{Shard: app.Operator, Seq: w.Seq})
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
