package cli_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"sluice/internal/money"
)

// TestKeysThatAppear lets a withdrawal wait for a wallet, then for its key, and makes both
// beside the running server.
func TestKeysThatAppear(t *testing.T) {
	c := chain(t)
	s := newShell(t)
	text := fmt.Sprintf(`mode = "dev"
[dispatch]
lease_for = "1s"
[keystore]
passphrase = "correct horse"
[[assets]]
code = "ETH"
scale = 18
networks = ["ethereum"]
[[networks]]
name = "ethereum"
url = %q
chain_id = %d
finality = "2"
poll = "50ms"
`, c.URL(), c.ID())
	must(t, os.WriteFile("sluice.toml", []byte(text), 0o600))
	v := serve(t, s)
	merchant, _ := s.object("merchant create --name Shop")["id"].(string)
	key, _ := s.object("key create --merchant " + merchant + " --scopes all")["secret"].(string)
	account, _ := v.post(t, key, "/v1/accounts", `{}`)["id"].(string)
	v.post(t, key, "/v1/credits", `{"account":"`+account+`","currency":"ETH","amount":"10"}`)
	id, _ := v.post(t, key, "/v1/withdrawals", `{"account":"`+account+`","foreign_id":"first","currency":"ETH","amount":"1",
		"destination":{"network":"ethereum","address":"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}}`)["id"].(string)
	await := func(what string, done func(w map[string]any) bool) {
		t.Helper()
		var w map[string]any
		for deadline := time.Now().Add(limit); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
			if w = v.get(t, key, "/v1/withdrawals/"+id); done(w) {
				return
			}
		}
		t.Fatalf("%s: %v\n%s", what, w, v.log)
	}
	waitsFor := func(code string) func(map[string]any) bool {
		return func(w map[string]any) bool {
			a, _ := w["attention"].(map[string]any)
			return w["state"] == "queued" && a["code"] == code
		}
	}
	await("without a wallet", waitsFor("no_wallet"))
	wallet, _ := s.object("wallet create --network ethereum --set keystore.dir=elsewhere")["address"].(string)
	await("with a wallet whose key is elsewhere", waitsFor("no_wallet_key"))
	must(t, os.Rename("elsewhere", "moved"))
	wei, err := money.Asset{Code: "ETH", Scale: 18}.Parse("5")
	must(t, err)
	must(t, c.Fund(t.Context(), wallet, wei))
	must(t, os.MkdirAll("keys", 0o700))
	files, err := os.ReadDir("moved")
	must(t, err)
	for _, f := range files {
		must(t, os.Rename("moved/"+f.Name(), "keys/"+f.Name()))
	}
	await("with its key", func(w map[string]any) bool { return w["state"] == "confirmed" })
	v.stop(t)
	s.want(0, "verify")
}
