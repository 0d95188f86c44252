package cli_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice/internal/store/pgtest"
)

// insides are words of Go and of libraries that mean nothing to an operator.
var insides = regexp.MustCompile(`(?i)\b(struct|unmarshal|strconv|float64|syscall|dial tcp|SQLSTATE|goroutine|0xc0)`)

// doctor and serve say the same of an installation that cannot work: the key, the value and
// the cure.
func TestDoctorAndServeAgree(t *testing.T) {
	c := chain(t)
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	pg, err := url.Parse(pgtest.URL(t))
	must(t, err)
	pg.Path = "/not_made_yet"
	network := func(more string) string {
		return fmt.Sprintf(`mode = "dev"
[keystore]
passphrase = "x"
[[assets]]
code = "ETH"
scale = 18
networks = ["ethereum"]
[[assets]]
code = "USDT"
scale = 6
[[networks]]
name = "ethereum"
url = %q
chain_id = %d
%s`, c.URL(), c.ID(), more)
	}
	plain := "mode = \"dev\"\n[[assets]]\ncode = \"EUR\"\nscale = 2\n"
	for _, x := range []struct {
		name, file string
		flags      []string
		want       []string
	}{
		{"two networks, one chain", network(fmt.Sprintf("[[networks]]\nname = \"second\"\nurl = \"http://127.0.0.1:1\"\nchain_id = %d\n", c.ID())), nil, []string{"networks[1].chain_id", fmt.Sprint(c.ID()), "one chain is one network"}},
		{"no quotes", "mode = dev\n", nil, []string{"sluice.toml:1: mode", "is dev", `mode = "dev"`}},
		{"float", plain + "review_above = 10.5\n", nil, []string{"review_above", "is 10.5", `"10.5"`}},
		{"folder of the database is missing", plain, []string{"database_url=sqlite:nowhere/x.db"}, []string{"database_url", "nowhere/x.db", "there is no folder nowhere", "make it"}},
		{"folder of the database is read-only", plain, []string{"database_url=sqlite:/proc/x.db"}, []string{"database_url", "/proc/x.db", "cannot be written"}},
		{"database does not exist yet", plain, []string{"database_url=" + pg.String()}, []string{"database_url", "not_made_yet", "createdb"}},
		{"database does not listen", plain, []string{"database_url=postgres://sluice@127.0.0.1:1/sluice"}, []string{"database_url", "127.0.0.1:1", "nothing listens", "start PostgreSQL"}},
		{"no such host", plain, []string{"database_url=postgres://sluice@host.invalid/sluice"}, []string{"database_url", "host.invalid", "no host"}},
		{"port of another program", plain, []string{"listen=" + taken.Addr().String()}, []string{"listen", taken.Addr().String(), "held by another program", "choose another port"}},
		{"address of another machine", plain, []string{"listen=192.0.2.1:8080"}, []string{"listen", "192.0.2.1:8080", "no address of this machine"}},
		{"admin port of another program", plain, []string{"admin_listen=" + taken.Addr().String()}, []string{"admin_listen", taken.Addr().String(), "held by another program"}},
		{"token that is no contract", network("tokens = { USDT = \"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\" }\n"), nil, []string{`networks, "ethereum"`, "USDT", "no contract at 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "correct its tokens"}},
		{"another chain", strings.Replace(network(""), fmt.Sprintf("chain_id = %d", c.ID()), "chain_id = 5", 1), nil, []string{`networks, "ethereum"`, "correct"}},
		{"log of the signer has no place", network(""), []string{"keystore.dir=/proc/none"}, []string{"signer.dir", "/proc/none.signer", "cannot be written"}},
		{"keys that are no folder", network(""), []string{"keystore.dir=open"}, []string{"keystore.dir", "open is no folder"}},
		{"passphrase for everybody", plain, []string{"mode=live", "keystore.passphrase=file:open"}, []string{"keystore.passphrase", "mode 0644", "chmod 600 open"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := newShell(t)
			must(t, os.WriteFile("sluice.toml", []byte(x.file), 0o600))
			must(t, os.WriteFile("open", []byte("secret"), 0o644))
			flags := []string{"--set", "listen=127.0.0.1:0", "--set", "admin_listen=127.0.0.1:0"}
			for _, f := range x.flags {
				flags = append(flags, "--set", f)
			}
			doctor := s.run(append([]string{"doctor", "--wide"}, flags...)...)
			serve := s.serveBriefly(flags)
			for who, r := range map[string]result{"doctor": doctor, "serve": serve} {
				if r.code == 0 {
					t.Errorf("%s finds nothing wrong:\n%s%s", who, r.out, r.err)
				}
				text := logLine.ReplaceAllString(r.out+r.err, "")
				for _, want := range x.want {
					if !strings.Contains(text, want) {
						t.Errorf("%s does not say %q:\n%s", who, want, text)
					}
				}
				if m := insides.FindString(text); m != "" {
					t.Errorf("%s says %q:\n%s", who, m, text)
				}
			}
		})
	}
}

// serveBriefly starts a server that should not start.
func (s *shell) serveBriefly(flags []string) result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	return s.runWith(ctx, append([]string{"serve"}, flags...)...)
}
