package cli_test

import (
	"os"
	"strings"
	"testing"
)

func TestDoctorLooksAtRates(t *testing.T) {
	s := newShell(t)
	write := func(rest string) {
		t.Helper()
		must(t, os.WriteFile("sluice.toml", []byte(`mode = "dev"
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
[[assets]]
code = "EUR"
scale = 2
[[assets]]
code = "BTC"
scale = 8
[[exchange.pairs]]
from = "EUR"
to = "BTC"
[[exchange.sources]]
name = "table"
kind = "fixed"
rates = { "BTC/EUR" = "50000" }
`+rest), 0o600))
	}
	write("")
	r := s.want(0, "doctor")
	for _, want := range []string{"rates of table", "1 prices", "rate EUR/BTC", "0.00002000, told by table alone"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s", want, r.out)
		}
	}
	write("[[exchange.sources]]\nname = \"other\"\nkind = \"fixed\"\nrates = { \"BTC/EUR\" = \"60000\" }\n")
	if r := s.want(1, "doctor"); !strings.Contains(r.out, "too far apart") {
		t.Errorf("sources that disagree are not told of:\n%s", r.out)
	}
}
