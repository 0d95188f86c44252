package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"

	"sluice/internal/demo/devnet"
	"sluice/internal/money"
)

// A preview on a chain says what the payout then costs at the most, and the books
// agree with the wallet to the last wei afterwards.
func TestPreviewThenPay(t *testing.T) {
	chain, err := devnet.New(devnet.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	})
	s := newShell(t)
	s.env = append(s.env, "SLUICE_DATABASE_URL=sqlite:"+filepath.Join(t.TempDir(), "sluice.db"))
	if err := os.WriteFile("sluice.toml", []byte(strings.ReplaceAll(chainConfig, "URL", chain.URL())), 0o600); err != nil {
		t.Fatal(err)
	}
	s.want(0, "migrate")
	s.in = stolenKey
	s.want(0, "wallet import --network ethereum")
	merchant, _ := s.object("merchant create --name Shop")["id"].(string)
	key, _ := s.object("key create --merchant " + merchant + " --scopes all")["secret"].(string)
	v := serve(t, s)
	account := v.post(t, key, "/v1/accounts", `{"foreign_id":"a"}`)["id"]
	v.post(t, key, "/v1/credits", fmt.Sprintf(`{"account":%q,"currency":"ETH","amount":"3"}`, account))
	body := fmt.Sprintf(`{"account":%q,"foreign_id":"w","currency":"ETH","amount":"1.5","destination":{"network":"ethereum","address":"0x52908400098527886E0F7030069857D2E4169EE7"}}`, account)
	preview := func() map[string]any {
		t.Helper()
		code, out := v.send(t.Context(), key, http.MethodPost, "/v1/withdrawals/preview", body)
		if code != http.StatusOK {
			t.Fatalf("preview: %d %v", code, out)
		}
		return out
	}
	if err := chain.Mine(1); err != nil {
		t.Fatal(err)
	}
	if p := preview(); p["payable_now"] != false || p["waits_for"] != "wallet_out_of_funds" {
		t.Errorf("with an empty wallet: %v", p)
	}
	wei, err := money.ParseMinor("2000000000000000000")
	if err != nil {
		t.Fatal(err)
	}
	if err := chain.Fund(t.Context(), crypto.PubkeyToAddress(keyOf(t).PublicKey).Hex(), wei); err != nil {
		t.Fatal(err)
	}
	p := preview()
	fee, _ := p["network_fee"].(map[string]any)
	if p["payable_now"] != true || p["held"] != "1.500000000000000000" || p["available_after"] != "1.500000000000000000" || fee["currency"] != "ETH" {
		t.Fatalf("with money: %v", p)
	}
	eth := money.Asset{Code: "ETH", Scale: 18}
	parse := func(v any) money.Amount {
		t.Helper()
		a, err := eth.Parse(fmt.Sprint(v))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	likely, ceiling := parse(fee["likely"]), parse(fee["ceiling"])
	if likely.IsZero() || ceiling.Less(likely) {
		t.Errorf("likely %s, ceiling %s", likely, ceiling)
	}
	made := v.post(t, key, "/v1/withdrawals", body)
	deadline := time.Now().Add(limit)
	for made["state"] != "confirmed" {
		if time.Now().After(deadline) {
			t.Fatalf("not paid in time: %v\n%s", made, v.log)
		}
		if err := chain.Finalize(); err != nil {
			t.Fatal(err)
		}
		if err := chain.Mine(1); err != nil {
			t.Fatal(err)
		}
		<-time.After(20 * time.Millisecond)
		made = v.get(t, key, "/v1/withdrawals/"+fmt.Sprint(made["id"]))
	}
	cost, _ := made["network_fee"].(map[string]any)
	if paid := parse(cost["amount"]); paid.IsZero() || ceiling.Less(paid) {
		t.Errorf("it cost %s, the preview said at most %s", paid, ceiling)
	}
	for !strings.Contains(s.run("reconcile", "--json").out, `"cause":"agrees"`) {
		if time.Now().After(deadline) {
			t.Fatalf("it never agreed: %s", s.run("reconcile").out)
		}
		<-time.After(20 * time.Millisecond)
	}
	v.stop(t)
	s.want(0, "reconcile")
	s.want(0, "verify")
}
