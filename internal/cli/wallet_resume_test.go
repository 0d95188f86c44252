package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/demo/devnet"
	"sluice/internal/id"
	"sluice/internal/payout"
	"sluice/internal/store"
)

// lose takes the latest blocks away from the chain, down to a height, and notes what the
// wallet has lost by that, as a server does that has looked twice. It returns the
// transactions that are gone.
func lose(t *testing.T, c *devnet.Chain, wallet string, height uint64) (gone []common.Hash) {
	t.Helper()
	must(t, c.Reorg(int(c.Height()-height), false))
	conf, _, err := config.Load(config.Source{Environ: os.Environ()})
	must(t, err)
	key, err := conf.ChainKey(false)
	must(t, err)
	db, err := store.Open(t.Context(), "sqlite:sluice.db", store.Options{Chain: key})
	must(t, err)
	defer func() { must(t, db.Close()) }()
	at, err := id.Parse(id.Wallet, wallet)
	must(t, err)
	done, err := db.DoneWork(t.Context(), at.Seq, 10)
	must(t, err)
	order := payout.Lose{Wallet: at.Seq}
	for _, d := range done {
		order.Dispatches, gone = append(order.Dispatches, d.Dispatch.Seq), append(gone, common.HexToHash(d.Dispatch.TxID))
	}
	must(t, app.Write(t.Context(), db, func(l *commit.Loop) error {
		_, err := commit.Do(t.Context(), l, payout.OperatorShard, order)
		return err
	}))
	return gone
}

// TestA6WalletResume has a chain undo a confirmed payout: readyz and metrics name the
// halted wallet, and `wallet resume` has the same bytes sent again, once.
func TestA6WalletResume(t *testing.T) {
	c, err := devnet.New(devnet.Options{Listen: "127.0.0.1:0"})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	s, key, account := payer(t, c, "sqlite:sluice.db")
	wallet, _ := s.object("wallet list --json")["id"].(string)
	metric := fmt.Sprintf(`sluice_wallet_halted{network="ethereum",wallet=%q}`, wallet)
	resume := "wallet resume " + wallet + ` --reason "the chain lost blocks"`
	const to = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
	v := serve(t, s)
	ask := func(foreign string) string {
		w, _ := v.post(t, key, "/v1/withdrawals", fmt.Sprintf(`{"account":%q,"foreign_id":%q,"currency":"ETH","amount":"1",
			"destination":{"network":"ethereum","address":%q}}`, account, foreign, to))["id"].(string)
		return w
	}
	await := func(w, what string, is func(map[string]any) bool) {
		t.Helper()
		var got map[string]any
		for deadline := time.Now().Add(limit); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
			if got = v.get(t, key, "/v1/withdrawals/"+w); is(got) {
				return
			}
		}
		t.Fatalf("%s: %v\n%s", what, got, v.log)
	}
	attention := func(code string) func(map[string]any) bool {
		return func(w map[string]any) bool {
			a, _ := w["attention"].(map[string]any)
			return code == "" && a == nil || a["code"] == code
		}
	}
	paid := func(w string) {
		t.Helper()
		await(w, "sent", func(w map[string]any) bool { return w["stage"] == "sent" })
		must(t, c.Mine(3))
		v.state(t, key, w, "confirmed")
	}
	v.shows(t, metric, "0")
	if r := s.want(0, resume); !strings.Contains(r.err, "it is not halted") {
		t.Errorf("while nothing is gone: %s%s", r.out, r.err)
	}
	before, first := c.Height(), ask("first")
	paid(first)
	v.stop(t)
	gone := lose(t, c, wallet, before)

	v = serve(t, s)
	next := ask("next")
	await(first, "the payout that is gone", attention("payout_gone"))
	await(next, "the one behind it", attention("wallet_halted"))
	v.shows(t, metric, "1")
	code, ready := v.send(t.Context(), "", http.MethodGet, "/readyz", "")
	if halted := fmt.Sprint(ready["halted"]); code != http.StatusOK || !strings.Contains(halted, wallet) || !strings.Contains(halted, "sluice wallet resume") {
		t.Errorf("readyz: %d %v", code, ready)
	}
	s.want(2, "wallet resume "+wallet)
	s.want(1, "wallet resume wal_00000000000000000000000000000000 --reason why")
	for _, line := range []string{resume, resume} { // an order that is there already
		if r := s.want(0, line+" --json"); !strings.Contains(r.out, `"state":"ordered"`) || !strings.Contains(r.out, gone[0].Hex()) {
			t.Errorf("ordered: %s%s", r.out, r.err)
		}
	}
	v.stop(t)

	v = serve(t, s) // it looks back when it comes up
	for deadline := time.Now().Add(limit); ; <-time.After(20 * time.Millisecond) {
		if _, pending, err := c.Client().TransactionByHash(t.Context(), gone[0]); err == nil && pending {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("the same bytes are not sent again: %v\n%s", err, v.log)
		}
	}
	v.stop(t)
	must(t, c.Mine(3))

	v = serve(t, s)
	v.shows(t, metric, "0")
	await(first, "the payout that is back", attention(""))
	paid(next)
	if r := s.want(0, resume); !strings.Contains(r.err, "it is not halted") {
		t.Errorf("at the end: %s%s", r.out, r.err)
	}
	v.stop(t)
	if all, err := c.Payments(t.Context(), to); err != nil || len(all) != 2 {
		t.Errorf("%d payments, want one for each withdrawal: %v (%v)", len(all), all, err)
	}
	s.want(0, "verify")
}
