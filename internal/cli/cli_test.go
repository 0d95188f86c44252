package cli_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite" // to tamper with a database behind the program's back

	"sluice/internal/cli"
	"sluice/internal/demo/devnet"
)

// asProgram makes the test binary behave as the program: for tests that need a
// process of its own.
const asProgram = "SLUICE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main())
	}
	var ignore []goleak.Option
	for _, f := range devnet.LeftBehind {
		ignore = append(ignore, goleak.IgnoreTopFunction(f))
	}
	goleak.VerifyTestMain(m, ignore...)
}

// shell runs commands in a folder of its own.
type shell struct {
	t   *testing.T
	env []string
	in  string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	t.Chdir(t.TempDir())
	return &shell{t: t, env: []string{"PATH=" + os.Getenv("PATH")}}
}

type result struct {
	code     int
	out, err string
}

func (s *shell) run(args ...string) result {
	s.t.Helper()
	return s.runWith(s.t.Context(), args...)
}

// runWith is run until ctx ends.
func (s *shell) runWith(ctx context.Context, args ...string) result {
	var out, errs bytes.Buffer
	code := cli.Run(ctx, args, cli.IO{Stdin: strings.NewReader(s.in), Stdout: &out, Stderr: &errs, Environ: s.env})
	return result{code, out.String(), errs.String()}
}

// want runs a command line and checks its exit code.
func (s *shell) want(code int, line string) result {
	s.t.Helper()
	r := s.run(split(line)...)
	if r.code != code {
		s.t.Fatalf("sluice %s: exit code %d, want %d\n%s%s", line, r.code, code, r.out, r.err)
	}
	return r
}

// split cuts a command line at blanks, except within double quotes.
func split(line string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`[^\s"]+(?:"[^"]*")?|"[^"]*"`).FindAllString(line, -1) {
		out = append(out, strings.ReplaceAll(m, `"`, ""))
	}
	return out
}

// object runs a command with --json and reads the object it prints.
func (s *shell) object(line string) map[string]any {
	s.t.Helper()
	r := s.want(0, line+" --json")
	var v map[string]any
	if err := json.Unmarshal([]byte(r.out), &v); err != nil {
		s.t.Fatalf("sluice %s --json: %v in %s", line, err, r.out)
	}
	return v
}

func TestTranscripts(t *testing.T) {
	id := regexp.MustCompile(`\b(mer|key|wal|wd|acc)_[0-9a-f]{32}\b`)
	moment := regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z`)
	secret := regexp.MustCompile(`sluice_(live|test)_[0-9A-Za-z]{36}`)
	shown := regexp.MustCompile(`\.\.\.[0-9A-Za-z]{4}\b`)
	chained := regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		abs, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			s := newShell(t)
			names := map[string]string{} // what $1, $2 ... stand for: the ids in the order in which they first appear
			var order []string
			var got strings.Builder
			for _, line := range strings.Split(string(text), "\n") {
				if strings.HasPrefix(line, "#") {
					got.WriteString(line + "\n")
				}
				command, ok := strings.CutPrefix(line, "$ sluice ")
				if !ok {
					continue
				}
				if got.Len() > 0 {
					got.WriteString("\n")
				}
				got.WriteString(line + "\n")
				for n := len(order); n > 0; n-- {
					command = strings.ReplaceAll(command, "$"+string(rune('0'+n)), order[n-1])
				}
				r := s.run(split(command)...)
				all := r.out
				if errs := logLine.ReplaceAllString(r.err, ""); errs != "" {
					all += "--- stderr\n" + errs
				}
				all = id.ReplaceAllStringFunc(all, func(found string) string {
					if names[found] == "" {
						order = append(order, found)
						names[found] = "$" + string(rune('0'+len(order)))
					}
					return names[found]
				})
				all = moment.ReplaceAllString(all, "TIME")
				all = secret.ReplaceAllString(all, "sluice_${1}_SECRET")
				all = chained.ReplaceAllString(all, "CHAIN")
				all = shown.ReplaceAllString(all, "...LAST")
				all = blanks.ReplaceAllString(all, "  ")
				got.WriteString(all)
				if !strings.HasSuffix(all, "\n") && all != "" {
					got.WriteString("\n")
				}
				got.WriteString("= " + string(rune('0'+r.code)) + "\n")
			}
			if os.Getenv("SLUICE_TEST_UPDATE") != "" {
				if err := os.WriteFile(abs, []byte(got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got.String() != string(text) {
				t.Errorf("%s: got\n%s\nwant\n%s\n(SLUICE_TEST_UPDATE=1 writes what it is now)", file, got.String(), text)
			}
		})
	}
}

// blanks are the distances of columns, which depend on the length of what was replaced.
var blanks = regexp.MustCompile(`  +`)

// logLine is a line of the log: what it says is for another test.
var logLine = regexp.MustCompile(`(?m)^time=.*\n`)

func TestEveryCommandHasHelp(t *testing.T) {
	s := newShell(t)
	for _, line := range []string{"", "--help", "serve --help", "key create --help", "withdrawal timeline --help", "bench accept --help"} {
		if r := s.want(0, line); !strings.Contains(r.out, "Usage: sluice") {
			t.Errorf("sluice %s: got %s", line, r.out)
		}
	}
}

// books makes an installation with a merchant and a key.
func books(t *testing.T) (s *shell, merchant, key string) {
	t.Helper()
	s = newShell(t)
	s.want(0, "init --dev")
	s.want(0, "migrate")
	merchant, _ = s.object("merchant create --name Shop")["id"].(string)
	key, _ = s.object("key create --merchant " + merchant + " --scopes all")["secret"].(string)
	return s, merchant, key
}

func TestVerifyFindsWhatWasTamperedWith(t *testing.T) {
	s, _, key := books(t)
	server := serve(t, s)
	account := server.post(t, key, "/v1/accounts", `{"kind":"customer"}`)["id"].(string) //nolint:errcheck // a test
	server.post(t, key, "/v1/credits", `{"account":"`+account+`","currency":"EUR","amount":"100.00"}`)
	server.stop(t)
	if v := s.object("verify"); v["ok"] != true || v["differences"] != 0.0 {
		t.Fatalf("a clean database: %v", v)
	}
	s.want(0, "verify")

	tamper(t, "UPDATE balance SET available = '10001'")
	r := s.want(1, "verify")
	for _, want := range []string{"balance_equals_transfers", account + " EUR available", "want 10000", "have 10001", "Stop the server"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("verify does not say %q:\n%s", want, r.out)
		}
	}
	var v struct {
		OK          bool
		Differences int
		Shards      []struct{ Differences []struct{ Where string } }
	}
	if err := json.Unmarshal([]byte(s.want(1, "verify --json").out), &v); err != nil || v.OK || v.Differences == 0 {
		t.Errorf("got %+v, %v", v, err)
	}

	tamper(t, "DROP TABLE transfer")
	if r := s.want(2, "verify"); !strings.Contains(r.err, "nothing is said about them") {
		t.Errorf("got %s", r.err)
	}
	s.want(2, "verify --database-url sqlite:nothing.db")
}

func tamper(t *testing.T, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:sluice.db")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestToolsWorkBesideARunningServer(t *testing.T) {
	s, merchant, key := books(t)
	server := serve(t, s)
	if got := server.get(t, key, "/v1/merchant")["cancel_window_seconds"]; got != 0.0 {
		t.Fatalf("got %v", got)
	}
	s.want(0, "merchant set "+merchant+" --cancel-window 90s")
	if got := server.get(t, key, "/v1/merchant")["cancel_window_seconds"]; got != 90.0 {
		t.Errorf("the server did not see the change: %v", got)
	}
	second, _ := s.object("key create --merchant " + merchant + " --scopes accounts:read")["secret"].(string)
	server.get(t, second, "/v1/accounts")
	if r := s.want(0, "doctor --json"); !strings.Contains(r.out, `"check":"listen"`) {
		t.Errorf("got %s", r.out)
	}
	server.stop(t)
	s.want(0, "verify")
}

func TestInitThenServe(t *testing.T) {
	s := newShell(t)
	s.want(0, "init")
	server := serve(t, s)
	server.stop(t)
	if r := s.want(1, "init"); !strings.Contains(r.err, "--force") {
		t.Errorf("got %s", r.err)
	}
	key, err := os.ReadFile("seal.keys")
	if err != nil {
		t.Fatal(err)
	}
	s.want(0, "init --force --dev")
	if again, err := os.ReadFile("seal.keys"); err != nil || string(again) != string(key) {
		t.Errorf("the key for bank accounts was written over: %v", err)
	}
}

// A new key goes in front of the one that init made; without a key that was used, the
// configuration is refused and says so.
func TestSealKeys(t *testing.T) {
	s := newShell(t)
	s.want(0, "init --dev")
	next, _ := s.object("seal key --id next")["key"].(string)
	if !strings.HasPrefix(next, "next:") {
		t.Fatalf("key %q", next)
	}
	old, err := os.ReadFile("seal.keys")
	if err != nil {
		t.Fatal(err)
	}
	for text, ok := range map[string]bool{next + "\n" + string(old): true, next + "\n" + next: false, "next": false} {
		if err := os.WriteFile("seal.keys", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, want := s.run("migrate").code, map[bool]int{true: 0, false: 2}[ok]; code != want {
			t.Errorf("exit code %d, want %d", code, want)
		}
	}
	if err := os.Remove("seal.keys"); err != nil {
		t.Fatal(err)
	}
	if r := s.want(2, "migrate"); !strings.Contains(r.err, "seal.keys") {
		t.Errorf("got %s", r.err)
	}
	s.want(2, `seal key --id="two words"`)
}

// limit is how long a test waits for what must happen.
const limit = 2 * time.Minute

func TestGeneratedPagesAreUpToDate(t *testing.T) {
	pages, err := cli.Pages()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		have, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil || string(have) != want {
			t.Errorf("docs/%s is out of date (%v): run make gen", name, err)
		}
	}
}
