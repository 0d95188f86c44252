package cli_test

import (
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"sluice/internal/demo/devnet"
	"sluice/internal/money"
	"sluice/internal/store/pgtest"
)

// TestReconcileOwn books what an operator has sent from a wallet's key himself, before
// and after the server has missed it, and ledger and chain agree to the last wei.
func TestReconcileOwn(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "sluice.db") },
		"postgres": func(t *testing.T) string { return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) { ownStory(t, url(t)) })
	}
}

func ownStory(t *testing.T, database string) {
	chain, err := devnet.New(devnet.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	done, ctx := make(chan error, 1), t.Context()
	go func() { done <- chain.Run(ctx, 20*time.Millisecond) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	})
	r := &record{shell: newShell(t), names: map[string]string{}}
	r.env = append(r.env, "SLUICE_DATABASE_URL="+database)
	must(os.WriteFile("sluice.toml", []byte(strings.ReplaceAll(chainConfig, "URL", chain.URL())), 0o600))
	r.want(0, "migrate")
	r.in = stolenKey
	r.do("wallet import --network ethereum")
	id := r.ids[0]
	must(chain.Fund(t.Context(), crypto.PubkeyToAddress(keyOf(t).PublicKey).Hex(), money.Of(1_000_000_000_000_000_007)))
	must(chain.Finalize())
	agrees, missing := `"missing":"0.000000000000000000","cause":"agrees"`, `"cause":"unexplained"`
	r.serveUntil(agrees, missing)

	// Sent by hand, and booked before the server looks.
	txid := sendOwn(t, chain)
	book := func(txid string) string {
		return "reconcile own --wallet " + id + " --txid " + txid + ` --reason test`
	}
	must(chain.Finalize())
	if out := r.object(book(txid)); out["booked_before"] != false || !strings.Contains(r.want(1, "reconcile book --wallet "+id+" --asset ETH --amount 0.1 --reason twice").err, "are missing") {
		t.Errorf("booked: %v", out)
	}
	r.serveUntil(agrees, missing)
	if out := r.object(book(txid)); out["booked_before"] != true {
		t.Errorf("again: %v", out)
	}
	r.serveUntil(agrees, missing)

	// A vault, whose fee the server misses first.
	vault := r.object("wallet deploy-vault " + id)
	fee, _ := vault["txid"].(string)
	must(chain.Finalize())
	if vault["cost_booked"] == false {
		r.serveUntil(missing, agrees)
		if out := r.object(book(fee)); out["booked_before"] != false {
			t.Errorf("the fee: %v", out)
		}
	}
	r.serveUntil(agrees, missing)
	if out := r.object(book(fee)); out["booked_before"] != true {
		t.Errorf("the fee again: %v", out)
	}
	r.want(0, "reconcile")
	r.want(0, "verify")
	r.want(2, book("0x12"))
	for line, says := range map[string]string{
		book("0x" + strings.Repeat("ab", 32)):                                                   "no block",
		"reconcile own --wallet " + id + " --txid " + strangers(t, chain) + " --reason nothing": "is not of the wallet",
	} {
		if out := r.want(1, line); !strings.Contains(out.err, says) {
			t.Errorf("%s: %s", line, out.err)
		}
	}
}

// sendOwn sends coins from the wallet with its key, and waits for the block.
func sendOwn(t *testing.T, chain *devnet.Chain) string {
	t.Helper()
	to := common.HexToAddress("0x00000000000000000000000000000000000000d2")
	tx, err := types.SignNewTx(keyOf(t), types.LatestSignerForChainID(new(big.Int).SetUint64(chain.ID())), &types.LegacyTx{
		Nonce: 0, To: &to, Value: big.NewInt(100_000_000_000_000_003), Gas: 21_000, GasPrice: big.NewInt(2_000_000_001),
	})
	if err == nil {
		err = chain.Client().SendTransaction(t.Context(), tx)
	}
	for deadline := time.Now().Add(limit); err == nil; {
		if _, missing := chain.Client().TransactionReceipt(t.Context(), tx.Hash()); missing == nil {
			return tx.Hash().Hex()
		}
		if time.Now().After(deadline) {
			t.Fatal("no block holds it")
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Fatal(err)
	return ""
}

// strangers is a transaction of somebody else.
func strangers(t *testing.T, chain *devnet.Chain) string {
	t.Helper()
	to := common.HexToAddress("0x00000000000000000000000000000000000000d3")
	receipt, err := chain.Send(t.Context(), &to, big.NewInt(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.TxHash.Hex()
}
