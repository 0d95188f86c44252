package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"sluice/internal/demo"
	"sluice/internal/demo/devnet"
)

func TestMain(m *testing.M) {
	var ignore []goleak.Option
	for _, f := range devnet.LeftBehind {
		ignore = append(ignore, goleak.IgnoreTopFunction(f))
	}
	goleak.VerifyTestMain(m, ignore...)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestStory tells the story as programs see it: every step is there and is as it must be.
func TestStory(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	dir := filepath.Join(t.TempDir(), "kept")
	must(t, demo.Run(t.Context(), demo.Options{Dir: dir, Listen: "127.0.0.1:0", Btcd: btcd(t), Once: true, JSON: true, Out: &out}))
	var names []string
	lines := json.NewDecoder(&out)
	for lines.More() {
		var s demo.Step
		must(t, lines.Decode(&s))
		if !s.OK || len(s.Problems) > 0 {
			t.Errorf("step %s: %q", s.Step, s.Problems)
		}
		for _, e := range s.Entries {
			if e.Facts["skipped"] != "" && btcd(t) != "" {
				t.Errorf("step %s: %s", s.Step, e.Text)
			}
		}
		names = append(names, s.Step)
	}
	if got, want := strings.Join(names, " "), "webhooks accounts sale pending settled usdt eth cancel overdraft duplicate batch bank sepa reject wires coinspaid tylt upvest together return convert bitcoin chain statement verify reconcile summary"; got != want {
		t.Errorf("steps %q, want %q", got, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "sluice.db")); err != nil {
		t.Errorf("a folder that was given stays: %v", err)
	}
	// The chain of that run is gone: its database cannot be gone on with.
	err := demo.Run(t.Context(), demo.Options{Dir: dir, Listen: "127.0.0.1:0", Once: true, Out: &out})
	if err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a used folder: %v", err)
	}
}

// btcd is the Bitcoin node that the Makefile builds, "" where nobody has built it.
func btcd(t *testing.T) string {
	t.Helper()
	path := os.Getenv("SLUICE_TEST_BTCD")
	if path == "" {
		path = filepath.Join("..", "..", "bin", "btcd")
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no Bitcoin node: run make bin/btcd: %v", err)
		}
		t.Log("without a Bitcoin node: make bin/btcd builds one")
		return ""
	}
	return path
}

// firstStep ends the run as soon as a step has been told.
type firstStep struct{ stop context.CancelFunc }

func (f firstStep) Write(b []byte) (int, error) {
	f.stop()
	return len(b), nil
}

// Ctrl-C in the middle of the story is said to be that, and not a webhook that is late.
func TestStoppedInTheStory(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	err := demo.Run(ctx, demo.Options{Listen: "127.0.0.1:0", Once: true, JSON: true, Out: firstStep{stop}})
	if err == nil || !strings.Contains(err.Error(), "stopped in step") {
		t.Errorf("got %v", err)
	}
}

// The story in short fits the usual terminal, its closing lines with it: no line is cut or
// wrapped, and what was refused stands out.
func TestScreen(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out output
	must(t, demo.Run(ctx, demo.Options{Listen: "127.0.0.1:0", Btcd: btcd(t), Out: &out, Serving: func(string, string) { stop() }}))
	text := strings.TrimSuffix(out.String(), "\n")
	lines := strings.Split(text, "\n")
	if len(lines) > 24 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if n := utf8.RuneCountInString(line); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if n := strings.Count(text, "REFUSED"); n != 3 {
		t.Errorf("%d refusals stand out", n)
	}
	for _, want := range []string{"checks: everything is as it must be.", "each signature verified", "/docs", "sluice_test_", "Ctrl-C"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q on the screen", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// With --verbose nothing is cut either: texts go on below, between words.
func TestVerboseKeepsWordsWhole(t *testing.T) {
	t.Parallel()
	l := serve(t, demo.Options{})
	text, _, _ := strings.Cut(l.text.String(), "Paste into another terminal:")
	for line := range strings.Lines(text) {
		longest := 0
		for word := range strings.FieldsSeq(line) {
			longest = max(longest, utf8.RuneCountInString(word))
		}
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 && longest < 40 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if n := strings.Count(text, "REFUSED"); n != 3 {
		t.Errorf("%d refusals stand out", n)
	}
}

func TestWrongArguments(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	must(t, err)
	defer null.Close() //nolint:errcheck // nothing was written
	for _, c := range []struct {
		args string
		want int
	}{{"--help", 0}, {"--twice", 2}, {"one more", 2}} {
		if got := demo.Main(strings.Fields(c.args), null, null); got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.args, got, c.want)
		}
	}
}

// live is a demo that goes on serving.
type live struct {
	base, key string
	text      *output
}

// output is what the demo prints, readable while it does.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// serve tells the story as people see it, and goes on until the test ends.
func serve(t *testing.T, opt demo.Options) live {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := live{text: &output{}}
	serving, done := make(chan struct{}), make(chan error, 1)
	opt.Listen, opt.Out, opt.Verbose, opt.Serving = "127.0.0.1:0", l.text, true, func(base, key string) {
		l.base, l.key = base, key
		close(serving)
	}
	go func() { done <- demo.Run(ctx, opt) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-serving:
	case err := <-done:
		done <- nil
		t.Fatalf("the demo ended: %v\n%s", err, l.text)
	}
	return l
}

// shell runs lines as somebody who pastes them would, but stops at the first that fails.
func shell(t *testing.T, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+curl(t)+os.Getenv("PATH"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v:\n%s\nin\n%s", err, out.String(), script)
	}
	return out.String()
}

// curl gives a folder for the front of PATH, with a stand-in where there is no curl.
func curl(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("curl"); err == nil {
		return ""
	}
	dir := t.TempDir()
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "curl"), "./testdata/curl").CombinedOutput(); err != nil {
		t.Fatalf("build a stand-in for curl: %v: %s", err, text)
	}
	return dir + string(filepath.ListSeparator)
}

// TestPastedLines does what the demo's last words invite to.
func TestPastedLines(t *testing.T) {
	t.Parallel()
	l := serve(t, demo.Options{})
	_, lines, found := strings.Cut(l.text.String(), "Paste into another terminal:")
	if !found {
		t.Fatalf("the demo offers nothing:\n%s", l.text)
	}
	if strings.Contains(l.text.String(), "\x1b[") {
		t.Error("colours without a terminal")
	}
	out := shell(t, lines)
	for _, want := range []string{`"available_for_withdrawal":"129.500000"`, `"state":"new"`, `"foreign_id":"order-1001"`, `"object":"timeline"`, `"status":"0x1"`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	if strings.Contains(out, `"code"`) {
		t.Errorf("something was refused:\n%s", out)
	}
}

// TestREADMETour runs the README's tour as it stands there, but for the port.
func TestREADMETour(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	must(t, err)
	_, tour, found := strings.Cut(string(text), "\n## A tour in five minutes\n")
	if !found {
		t.Fatal("the README has no tour")
	}
	tour, _, _ = strings.Cut(tour, "\n## ")
	var script string
	for _, block := range blocks(tour, "sh") {
		script += block
	}
	l := serve(t, demo.Options{})
	if !strings.Contains(script, l.key) {
		t.Errorf("the README does not name the demo's key %s", l.key)
	}
	if !strings.Contains(script, "http://127.0.0.1:8080") {
		t.Error("the README does not name the demo's port")
	}
	out := shell(t, strings.ReplaceAll(script, "http://127.0.0.1:8080", l.base))
	// The last command shows what the newcomer did, and nothing of the demo's own story.
	last := strings.TrimSpace(out)[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]
	if !strings.Contains(last, `"foreign_id":"first-`) || !strings.Contains(last, `"foreign_id":"fourth-`) || strings.Contains(last, "order-1001") {
		t.Errorf("the tour ends with\n%s", last)
	}
	// What the tour says one will see.
	for _, block := range blocks(tour, "json") {
		for want := range strings.Lines(block) {
			if want = strings.TrimSpace(want); want != "" && want != "..." && !strings.Contains(out, want) {
				t.Errorf("the tour promises %s, which is not in\n%s", want, out)
			}
		}
	}
}

func TestREADMELinksLead(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	must(t, err)
	for _, link := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(link[1], "://") {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, link[1])); err != nil {
			t.Errorf("the README links to %s: %v", link[1], err)
		}
	}
}
