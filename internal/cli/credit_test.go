package cli_test

import (
	"os"
	"strings"
	"testing"
)

// The operator credits an account, and says what a merchant may credit by itself.
func TestA8CreditCommands(t *testing.T) {
	s := newShell(t)
	must(t, os.WriteFile("sluice.toml", []byte("mode = \"dev\"\n[credits]\nmerchants = \"limit\"\n[[assets]]\ncode = \"EUR\"\nscale = 2\ncredit_limit = \"25.00\"\n"), 0o600))
	s.want(0, "migrate")
	m, _ := s.object("merchant create --name Shop")["id"].(string)
	a, _ := s.object("account open --merchant " + m + " --name till")["id"].(string)
	c := s.object("credit add --account " + a + " --currency EUR --amount 100.50 --reference seed")
	if c["amount"] != "100.50" || c["state"] != "settled" || c["account"] != a || c["reference"] != "seed" {
		t.Errorf("credit add: %v", c)
	}
	if got := s.want(0, "credit list --merchant "+m+" --json").out; strings.Contains(got, "EUR") {
		t.Errorf("the operator's credit counts in the merchant's allowance: %s", got)
	}
	for _, line := range []string{"credit grant --merchant " + m + " --currency EUR --amount 1000.00", "credit list --merchant " + m} {
		if got := strings.Join(strings.Fields(s.want(0, line+" --json").out), ""); !strings.Contains(got, `"currency":"EUR","granted":"1000.00","limit":"25.00","used":"0.00"`) {
			t.Errorf("%s: %s", line, got)
		}
	}
	for line, want := range map[string]string{
		"credit grant --merchant " + m + " --currency XXX --amount 1":                            "XXX",
		"credit grant --merchant " + m + " --currency EUR --amount 1.005":                        "--amount",
		"credit grant --merchant mer_01a22da2834b70008000021531903795 --currency EUR --amount 1": "no mer_ id",
		"credit add --account " + m + " --currency EUR --amount 1":                               "acc_",
		"credit add --account " + a + " --currency EUR --amount -1":                              "amount",
	} {
		if r := s.run(split(line)...); r.code == 0 || !strings.Contains(r.err, want) {
			t.Errorf("sluice %s: exit code %d, %s", line, r.code, r.err)
		}
	}
	// No wallet holds what is owed to the merchant.
	all := s.want(0, "treasury --json").out
	for _, want := range []string{`{"merchant":"` + m + `","currency":"EUR","amount":"100.50"}`, `{"currency":"EUR","owed":"100.50","held":"0.00","missing":"100.50"}`} {
		if !strings.Contains(all, want) {
			t.Errorf("treasury has no %s: %s", want, all)
		}
	}
	s.want(0, "verify")
}
