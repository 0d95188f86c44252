package cli_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"sluice/internal/cli"
	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer"
	"sluice/internal/signer/approval"
	"sluice/internal/signer/build"
	"sluice/internal/signer/keystore"
	"sluice/internal/signer/socket"
)

const paidTo = "0x00000000000000000000000000000000000A11cE"

// TestSignerFromTheCommandLine is the whole way: an approver's key, a signer with a
// policy, a payout that needs an approval, the stop.
func TestSignerFromTheCommandLine(t *testing.T) {
	s := newShell(t)
	public, _ := s.object("approver keygen approver.pem")["public"].(string)
	s.want(1, "approver keygen approver.pem")
	wallet, err := keystore.Create("keys", "secret", keystore.Light)
	if err != nil {
		t.Fatal(err)
	}
	policy := `
socket = "own/s.sock"
socket_mode = "0600"
dir = "log"
[keystore]
dir = "keys"
passphrase = "env:PASS"
[approvals]
keys = ["` + public + `"]
[[networks]]
name = "ethereum"
chain_id = 1
max_fee = "0.01"
[[networks.assets]]
code = "ETH"
scale = 18
per_day = "10"
approval_above = "1"
`
	if err := os.WriteFile("signer.toml", []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	s.env = append(s.env, "PASS=secret", "SLUICE_SIGNER_SOCKET=own/s.sock")
	if got := s.object("signer check --policy signer.toml"); got["stopped"] != false || !strings.HasPrefix(fmt.Sprint(got["log"]), "0:") {
		t.Errorf("check: %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() {
		done <- cli.Run(ctx, []string{"signer", "--policy", "signer.toml"}, cli.IO{Stdin: strings.NewReader(""), Stdout: &strings.Builder{}, Stderr: &strings.Builder{}, Environ: s.env})
	}()
	c := socket.Dial("own/s.sock")
	for end := time.Now().Add(20 * time.Second); ; {
		have, err := c.Addresses(ctx)
		if err == nil && len(have) == 1 && have[0] == wallet {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the signer does not answer: %v", err)
		}
	}
	pay(t, c, wallet, s)
	if r := s.run("doctor"); !strings.Contains(r.out, "own/s.sock answers: "+wallet) {
		t.Errorf("doctor says %s", r.out)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	cancel()
	if code := <-done; code != 0 {
		t.Errorf("the signer ended with %d", code)
	}
	s.want(0, "signer check --policy signer.toml")
	for _, line := range []string{
		"signer clock --policy signer.toml --reason late", "signer fence " + wallet + " 7 --network ethereum --policy signer.toml --reason restored",
		"signer nonce " + wallet + " 1 --network ethereum --policy signer.toml --reason used", "signer coins " + wallet + " --network ethereum --policy signer.toml --reason freed",
	} {
		if got := s.object(line); got["event"] != "corrected" || got["wallet_known"] != true {
			t.Errorf("%s: %v", line, got)
		}
	}
	s.want(2, "signer fence "+wallet+" 7 --network polygon --policy signer.toml --reason x")
	s.want(2, "signer clock --policy signer.toml --reason=")
	log, err := os.ReadFile("log/00000001.log")
	if err != nil || !strings.Contains(string(log), `"note":"restored"`) {
		t.Errorf("the log keeps no reason: %s, %v", log, err)
	}
	s.want(0, "signer check --policy signer.toml")
}

// pay asks for one payout without and with its approval, and while it is stopped.
func pay(t *testing.T, c *socket.Client, wallet string, s *shell) {
	t.Helper()
	to, err := build.Recipient("", paidTo)
	if err != nil {
		t.Fatal(err)
	}
	amount, err := money.Asset{Code: "ETH", Scale: 18}.Parse("2.5")
	if err != nil {
		t.Fatal(err)
	}
	in := signer.Intent{
		Family: "evm", Network: "ethereum", ChainID: 1, Wallet: wallet, Gas: 21_000, FeeCap: money.Of(1), TipCap: money.Of(1),
		Outputs: []signer.Output{{Ref: "wd_1", Asset: "ETH", To: to, Amount: amount}},
	}
	sign := func(want string) {
		t.Helper()
		if _, err := c.Sign(t.Context(), in); fault.CodeOf(err) != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	sign("approval_missing")
	s.in = "no\n"
	flags := "approver sign wd_1 --key approver.pem --scale 18 --network ethereum --asset ETH --amount 2.5 --address " + paidTo
	if r := s.want(1, flags); r.out != "" || !strings.Contains(r.err, "2500000000000000000") {
		t.Errorf("refused, and got %s %s", r.out, r.err)
	}
	s.in = "yes\n"
	in.Outputs[0].Approval = strings.TrimSpace(s.want(0, flags).out)
	s.want(0, "signer stop --policy signer.toml")
	sign("sign_stopped")
	s.want(0, "signer resume --policy signer.toml")
	sign("")
}

// TestApproverAsksTheServer takes the payout from a server, and gives it the proof.
func TestApproverAsksTheServer(t *testing.T) {
	s := newShell(t)
	public, err := approval.ParsePublic(fmt.Sprint(s.object("approver keygen approver.pem")["public"]))
	if err != nil {
		t.Fatal(err)
	}
	var sent string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := `{"id":"wd_1","receive":{"currency":"ETH","amount":"0.000000000000000007"},"destination":{"network":"ethereum","address":"` + paidTo + `"}}`
		switch {
		case r.Header.Get("Authorization") != "Bearer k":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/v1/review":
			_, _ = w.Write([]byte(`{"data":[{"withdrawal":{"id":"wd_0"}},{"withdrawal":` + body + `}]}`))
		case r.URL.Path == "/v1/review/wd_1/approve":
			var q struct{ Approval string }
			_ = json.NewDecoder(r.Body).Decode(&q)
			sent = q.Approval
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer server.Close()
	line := "approver sign wd_1 --key approver.pem --scale 18 --yes --send --url " + server.URL
	s.want(1, line)
	s.env = append(s.env, "SLUICE_API_KEY=k")
	s.want(0, line)
	to, err := build.Recipient("", paidTo)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := approval.Verify(sent, approval.Statement{Network: "ethereum", Ref: "wd_1", Asset: "ETH", Amount: money.Of(7), To: to}, []ed25519.PublicKey{public}); err != nil {
		t.Errorf("the server got %q: %v", sent, err)
	}
	http.DefaultClient.CloseIdleConnections()
}
