package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// approvals adds to the configuration of payer a signer that wants an approval of
// everything above 1 ETH, and gives nothing more than 5 ETH.
func approvals(t *testing.T, s *shell, chainID any) {
	t.Helper()
	public, _ := s.object("approver keygen approver.pem")["public"].(string)
	policy := fmt.Sprintf(`[approvals]
keys = [%q]
[[networks]]
name = "ethereum"
chain_id = %v
[[networks.assets]]
code = "ETH"
scale = 18
per_payout = "5"
approval_above = "1"
`, public, chainID)
	must(t, os.WriteFile("policy.toml", []byte(policy), 0o600))
	s.env = append(s.env, "SLUICE_SIGNER_POLICY=policy.toml")
}

// waitsFor polls `sluice waiting` until it names a subject for a reason, "" for not at all.
func (s *shell) waitsFor(subject, reason string) (item map[string]any) {
	s.t.Helper()
	var all string
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		all = s.want(0, "waiting --json").out
		found := map[string]any(nil)
		for line := range strings.Lines(all) {
			var i map[string]any
			must(s.t, json.Unmarshal([]byte(line), &i))
			if i["subject"] == subject {
				found = i
			}
		}
		if found == nil && reason == "" || found != nil && found["reason"] == reason {
			return found
		}
	}
	s.t.Fatalf("%s should wait for %q; what waits is\n%s", subject, reason, all)
	return nil
}

// state polls a withdrawal until it is in a state.
func (v *server) state(t *testing.T, key, id, want string) {
	t.Helper()
	var w map[string]any
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		if w = v.get(t, key, "/v1/withdrawals/"+id); w["state"] == want {
			return
		}
	}
	t.Fatalf("it should be %s: %v\n%s", want, w, v.log)
}

// ended carries out the command that ends an item, as it is printed: the person fills in
// what stands in capitals.
func (s *shell) ended(item map[string]any, which int, fill ...string) {
	s.t.Helper()
	commands, _ := item["commands"].([]any)
	if which >= len(commands) {
		s.t.Fatalf("no command %d in %v", which, item)
	}
	line := strings.NewReplacer(fill...).Replace(strings.TrimPrefix(fmt.Sprint(commands[which]), "sluice "))
	if strings.HasPrefix(line, "approver") {
		line += " --yes"
	}
	s.want(0, line)
}

// TestWhatWaitsForAPersonEndsByItsCommand: withdrawals that need no review wait for the
// signer. They are in one list, which says what ends each of them, and that does, with a
// key of the operator and with the merchant's own.
func TestWhatWaitsForAPersonEndsByItsCommand(t *testing.T) {
	c := chain(t)
	s, key, account := payer(t, c, "sqlite:sluice.db")
	approvals(t, s, c.ID())
	operator, _ := s.object("key create --operator")["secret"].(string)
	v := serve(t, s)
	defer func() { http.DefaultClient.CloseIdleConnections() }()
	ask := func(foreign, amount string) string {
		id, _ := v.post(t, key, "/v1/withdrawals", fmt.Sprintf(`{"account":%q,"foreign_id":%q,"currency":"ETH","amount":%q,
			"destination":{"network":"ethereum","address":"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}}`, account, foreign, amount))["id"].(string)
		return id
	}
	base := s.env
	for who, secret := range map[string]string{"operator": operator, "merchant": key} {
		id := ask("by-"+who, "2")
		item := s.waitsFor(id, "approval_missing")
		if item["kind"] != "approval" || item["amount"] != "2.000000000000000000" {
			t.Errorf("%v", item)
		}
		r := s.want(1, "withdrawal approve "+id)
		if !strings.Contains(r.err, "sluice approver sign") || strings.Contains(r.err, "damaged") {
			t.Errorf("an approval without a proof: %s", r.err)
		}
		if w := v.get(t, operator, "/v1/withdrawals/"+id); w["approved"] != false {
			t.Errorf("it is approved by nothing: %v", w)
		}
		s.env = append(base, "SLUICE_API_KEY="+secret)
		s.ended(item, 0, "FILE", "approver.pem", "DECIMALS", "18", "URL", v.url)
		s.env = base
		v.state(t, key, id, "confirmed")
		s.waitsFor(id, "")
	}
	small, large := ask("small", "2"), ask("large", "6")
	for _, id := range []string{small, large} {
		v.says(t, "waits for a person: `sluice waiting`", id)
	}
	s.ended(s.waitsFor(small, "approval_missing"), 1, "WHY", "odd")
	s.ended(s.waitsFor(large, "sign_limit_payout"), 0, "WHY", "odd")
	for _, id := range []string{small, large} {
		v.state(t, key, id, "rejected")
	}
	// What the log says of each: once when it began, once when it ended.
	for _, id := range []string{small, large} {
		v.says(t, "no longer waits", id)
	}
	for _, id := range []string{small, large} {
		begun, ended := 0, 0
		for line := range strings.Lines(v.log.String()) {
			switch {
			case !strings.Contains(line, id):
			case strings.Contains(line, "waits for a person: `sluice waiting`"):
				begun++
			case strings.Contains(line, "no longer waits"):
				ended++
			default:
				t.Errorf("another line about %s: %s", id, line)
			}
		}
		if begun != 1 || ended != 1 {
			t.Errorf("%s: %d lines at the begin, %d at the end\n%s", id, begun, ended, v.log)
		}
	}
	v.stop(t)
	s.want(0, "verify")
	if r := s.want(0, "waiting"); r.out != "Nothing waits for a person.\n" {
		t.Errorf("%s", r.out)
	}
}
