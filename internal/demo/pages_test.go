package demo_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/internal/demo"
)

// pagesHeading is where the pages of the wires go from a credential to a paid payout.
const pagesHeading = "\n## From a credential to a paid payout\n"

// TestPagesOfTheWires does what the page of each wire says, with the client that is on the
// page, on a demo without the story.
func TestPagesOfTheWires(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"node", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is not installed", tool)
			}
			t.Skipf("%s is not installed: the clients on the pages are not run", tool)
		}
	}
	bin, dir := t.TempDir(), filepath.Join(t.TempDir(), "demo")
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../cmd/sluice").CombinedOutput(); err != nil {
		t.Fatalf("build sluice: %v: %s", err, text)
	}
	l := serve(t, demo.Options{Bare: true, Dir: dir})
	for _, wire := range []string{"coinspaid", "tylt", "upvest"} {
		t.Run(wire, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", "..", "docs", "dialects", wire+".md"))
			must(t, err)
			_, part, found := strings.Cut(string(text), pagesHeading)
			if !found {
				t.Fatal("the page has no such part")
			}
			part, _, _ = strings.Cut(part, "\n## ")
			script := "export PATH=" + bin + ":$PATH SLUICE=" + l.base + " SLUICE_CONFIG=" + filepath.Join(dir, "sluice.toml") + " PORT=" + freePort(t) + "\n"
			for _, block := range blocks(part, "js") {
				script += "cat > client.mjs <<'END OF THE CLIENT'\n" + block + "END OF THE CLIENT\n"
			}
			for _, block := range blocks(part, "sh") {
				script += block
			}
			out := shell(t, script)
			for _, block := range blocks(part, "text") {
				for want := range strings.Lines(block) {
					if want = strings.TrimSpace(want); !strings.Contains(out, want) {
						t.Errorf("the page promises %q, which is not in\n%s", want, out)
					}
				}
			}
			if !strings.HasSuffix(strings.TrimSpace(out), "paid") {
				t.Errorf("not paid:\n%s", out)
			}
		})
	}
}

// blocks are the parts of a page that are of a language.
func blocks(page, language string) (out []string) {
	for _, block := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		out = append(out, block[1])
	}
	return out
}

// freePort is a port that nobody has at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close() //nolint:errcheck // nothing was said
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	return port
}
