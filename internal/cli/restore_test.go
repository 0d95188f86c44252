package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/internal/cli"
	"sluice/internal/store/pgtest"
	"sluice/internal/test/harness"
)

// copying makes a backup of a database with the means of its engine, and puts it back.
type copying struct {
	database func(*testing.T) string
	backup   func(t *testing.T, s *shell, url string)
	restore  func(t *testing.T, s *shell, url string)
}

var copies = map[string]copying{
	"sqlite": {
		database: func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "sluice.db") },
		backup: func(t *testing.T, s *shell, _ string) {
			if got := s.object("backup backup.db"); got["ok"] != true || got["state"] != "looking" || got["chain"] != "checked" {
				t.Errorf("the backup: %v", got)
			}
			s.want(1, "backup backup.db") // never over a file
			if got := s.object("restore --check backup.db"); got["ok"] != true {
				t.Errorf("the check: %v", got)
			}
		},
		restore: func(t *testing.T, _ *shell, url string) {
			path := strings.TrimPrefix(url, "sqlite:")
			for _, end := range []string{"-wal", "-shm"} {
				if err := os.Remove(path + end); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
			raw, err := os.ReadFile("backup.db")
			must(t, err)
			must(t, os.WriteFile(path, raw, 0o600))
		},
	},
	"postgres": {
		database: func(t *testing.T) string { return pgtest.URL(t) },
		backup: func(t *testing.T, s *shell, url string) {
			program(t, "pg_dump", "--format=custom", "--file=backup.dump", url)
			s.want(2, "backup backup.db") // it says which programs do
		},
		restore: func(t *testing.T, s *shell, url string) {
			program(t, "pg_restore", "--clean", "--if-exists", "--single-transaction", "--dbname="+url, "backup.dump")
			if got := s.object("restore --check " + url); got["ok"] != true || got["chain"] != "checked" {
				t.Errorf("the check: %v", got)
			}
		},
	},
}

// program runs a program of PostgreSQL.
func program(t *testing.T, name string, args ...string) {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if path, lerr := exec.LookPath(name); lerr == nil {
		found = append(found, path)
	}
	if err != nil || len(found) == 0 {
		t.Skipf("%s is not here", name)
	}
	if out, err := exec.CommandContext(t.Context(), found[0], args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// A payout is made after the backup, the database is put back, and the merchant, who got
// no answer, sends it again under its own foreign_id: it is never paid twice.
func TestA7_Case26_RestoredBooksPayNothingTwice(t *testing.T) {
	for name, how := range copies {
		t.Run(name, func(t *testing.T) {
			c := chain(t)
			url := how.database(t)
			s, key, account := payer(t, c, url)
			v := serve(t, s)
			v.pay(t, key, account, "before")
			how.backup(t, s, url)
			v.pay(t, key, account, "after")
			v.stop(t)
			paid := func() (n int) {
				t.Helper()
				payments, err := c.AllPayments(t.Context())
				must(t, err)
				for _, p := range payments {
					if strings.EqualFold(p.To, paidHere) {
						n++
					}
				}
				return n
			}
			how.restore(t, s, url)
			if r := s.run("doctor"); r.code != 1 || !strings.Contains(r.out, "nonce") {
				t.Errorf("doctor finds nothing: %d\n%s", r.code, r.out)
			}

			v = serve(t, s)
			v.says(t, "LOOKING ONLY")
			status, answer := v.send(t.Context(), key, "GET", "/readyz", "")
			if status != 503 || !strings.Contains(fmt.Sprint(answer), "looking only") {
				t.Errorf("ready: %d %v", status, answer)
			}
			again := fmt.Sprintf(`{"account":%q,"foreign_id":"after","currency":"ETH","amount":"1","destination":{"network":"ethereum","address":%q}}`, account, paidHere)
			if status, answer := v.send(t.Context(), key, "POST", "/v1/withdrawals", again); status != 503 || !strings.Contains(fmt.Sprint(answer), "looking_only") {
				t.Errorf("sent again while looking: %d %v", status, answer)
			}
			back := cli.SayAtOnce()
			if r := s.want(0, "recover"); !strings.Contains(r.err, "the signer's log: ") {
				t.Errorf("no progress:\n%s", r.err)
			}
			back()
			shown := s.object("recover")
			found, _ := shown["found"].([]any)
			if shown["state"] != "looking" || len(found) != 1 {
				t.Fatalf("recover shows %v", shown)
			}
			one, _ := found[0].(map[string]any)
			if one["foreign_id"] != "after" || one["books"] != "lost" || one["amount"] != "1.000000000000000000" || one["chain"] == "" {
				t.Errorf("found %v", one)
			}
			s.want(1, `recover open --reason "too early"`)
			s.want(0, "recover take")
			s.want(0, "recover take") // again: nothing is left
			id, _ := one["withdrawal"].(string)
			v.state(t, key, id, "confirmed")
			s.want(0, `recover open --reason compared`)
			harness.Eventually(t, "the server is ready again", func() bool {
				status, _ := v.send(t.Context(), key, "GET", "/readyz", "")
				return status == 200
			})
			if status, answer := v.send(t.Context(), key, "POST", "/v1/withdrawals", again); status >= 500 || status == 201 && answer["id"] != id {
				t.Errorf("sent again: %d %v, want what was paid, %s", status, answer, id)
			}
			v.pay(t, key, account, "next")
			if n := paid(); n != 3 {
				t.Errorf("%d payments of before, after and next", n)
			}
			v.stop(t)
			s.want(0, "verify")
			s.want(0, "reconcile")
			if r := s.run("doctor"); r.code != 0 {
				t.Errorf("doctor: %s", r.out)
			}
		})
	}
}

const paidHere = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"

// A backup from which nothing is missing opens by itself.
func TestA7_BooksThatLackNothingOpenByThemselves(t *testing.T) {
	c, how := chain(t), copies["sqlite"]
	url := how.database(t)
	s, key, account := payer(t, c, url)
	v := serve(t, s)
	v.pay(t, key, account, "before")
	v.stop(t)
	how.backup(t, s, url)
	how.restore(t, s, url)
	v = serve(t, s)
	v.says(t, "LOOKING ONLY")
	harness.Eventually(t, "the books are open again", func() bool { return s.object("recover")["state"] == "open" })
	v.pay(t, key, account, "next")
	v.stop(t)
	s.want(0, "verify")
}

// A payout that is written off instead of taken in: its foreign_id stays taken, and the books open.
func TestA7_WriteOffKeepsTheForeignIDTaken(t *testing.T) {
	c, how := chain(t), copies["sqlite"]
	url := how.database(t)
	s, key, account := payer(t, c, url)
	v := serve(t, s)
	how.backup(t, s, url)
	v.pay(t, key, account, "after")
	v.stop(t)
	how.restore(t, s, url)
	v = serve(t, s)
	v.says(t, "LOOKING ONLY")
	found, _ := s.object("recover")["found"].([]any)
	if len(found) != 1 {
		t.Fatalf("found %v", found)
	}
	lost, _ := found[0].(map[string]any)
	s.want(1, `recover open --reason "too early"`)
	s.want(1, `recover write-off wd_01a22d6eb93270008000009038e90dfa --reason "none of these"`)
	s.want(0, fmt.Sprintf(`recover write-off %s --reason "the merchant was paid by hand"`, lost["withdrawal"]))
	again, _ := s.object("recover")["found"].([]any)
	for _, f := range again {
		if one, _ := f.(map[string]any); one["books"] != "written off" {
			t.Errorf("after the write-off: %v", one)
		}
	}
	s.want(0, `recover take`)
	s.want(0, `recover open --reason "written off"`)
	harness.Eventually(t, "the server is ready again", func() bool {
		status, _ := v.send(t.Context(), key, "GET", "/readyz", "")
		return status == 200
	})
	body := fmt.Sprintf(`{"account":%q,"foreign_id":"after","currency":"ETH","amount":"1","destination":{"network":"ethereum","address":%q}}`, account, paidHere)
	if status, answer := v.send(t.Context(), key, "POST", "/v1/withdrawals", body); status == 201 || status >= 500 {
		t.Errorf("sent again: %d %v", status, answer)
	}
	v.stop(t)
	s.want(0, "verify")
}

// The guides of operators name only commands that there are.
func TestGuidesNameCommandsThatExist(t *testing.T) {
	all, err := os.ReadFile("../../docs/cli.md")
	must(t, err)
	guide, err := os.ReadFile("../../docs/operations/backup.md")
	must(t, err)
	for _, m := range regexp.MustCompile("(?m)(?:`|^)sluice ([a-z]+)(?: ([a-z-]*[a-z]))?").FindAllStringSubmatch(string(guide), -1) {
		name := "sluice " + m[1]
		if m[2] != "" && strings.Contains(string(all), name+" "+m[2]) {
			continue
		}
		if heads := regexp.MustCompile("(?m)^#+ `?" + name + "( <[a-z-]+>)?`?.*$").FindString(string(all)); heads == "" || m[2] != "" && !strings.HasPrefix(m[2], "-") {
			t.Errorf("the guide names %q, which is no command", strings.TrimSpace(name+" "+m[2]))
		}
	}
}
