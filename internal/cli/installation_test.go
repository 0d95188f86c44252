package cli_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestREADMEInstallation runs the README's own installation as it stands there, in its
// order, against a node in developer mode: only the ports differ, and the server is ended
// when the last command was run.
func TestREADMEInstallation(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	must(t, err)
	_, part, found := strings.Cut(string(text), "\n## Your own installation\n")
	if !found {
		t.Fatal("the README has no installation")
	}
	part, _, _ = strings.Cut(part, "\n## ")
	script := ""
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(part, -1) {
		script += block[1]
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	must(t, os.Mkdir(bin, 0o700))
	geth := gethProgram(t)
	must(t, os.Symlink(geth, filepath.Join(bin, "geth")))
	program := "#!/bin/sh\n" + asProgram + "=1 exec " + os.Args[0] + " \"$@\"\n"
	must(t, os.WriteFile(filepath.Join(bin, "sluice"), []byte(program), 0o700))
	api, admin, node := freePort(t), freePort(t), freePort(t)
	devNode(t, geth, dir, node)
	for old, now := range map[string]string{
		"make build\n":          "",
		"http://127.0.0.1:8080": "http://" + api,
		"http://127.0.0.1:8545": "http://" + node,
		"bin/sluice serve &\n":  "bin/sluice serve & SERVER=$!\ntrap 'kill $SERVER; wait $SERVER' EXIT\n",
	} {
		if !strings.Contains(script, old) {
			t.Errorf("the README does not have %q", old)
		}
		script = strings.ReplaceAll(script, old, now)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", script)
	cmd.Dir, cmd.WaitDelay = dir, 20*time.Second
	cmd.Env = append(os.Environ(), "PATH="+curl(t)+os.Getenv("PATH"), "SLUICE_LISTEN="+api, "SLUICE_ADMIN_LISTEN="+admin, "SLUICE_STOP_DELAY=0s")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v:\n%s\nin\n%s", err, out.String(), script)
	}
	for _, want := range []string{`"state":"confirmed"`, `"amount":"0.250000000000000000"`, "Everything adds up."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
}

// curl gives a folder for the front of PATH, with a stand-in where there is no curl.
func curl(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("curl"); err == nil {
		return ""
	}
	dir := t.TempDir()
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "curl"), "../demo/testdata/curl").CombinedOutput(); err != nil {
		t.Fatalf("build a stand-in for curl: %v: %s", err, text)
	}
	return dir + string(filepath.ListSeparator)
}

// gethProgram is the node that the Makefile builds. It is named where it is missing.
func gethProgram(t *testing.T) string {
	t.Helper()
	path := os.Getenv("SLUICE_TEST_GETH")
	if path == "" {
		path = filepath.Join("..", "..", "bin", "geth")
	}
	path, err := filepath.Abs(path)
	must(t, err)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no node: run make bin/geth: %v", err)
		}
		t.Skipf("no node: run make bin/geth: %v", err)
	}
	return path
}

// devNode runs a node in developer mode, as the README says, until the test ends.
func devNode(t *testing.T, geth, dir, address string) {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	must(t, err)
	cmd := exec.Command(geth, "--dev", "--dev.period", "1", "--http", "--http.port", port, "--maxpeers", "0", //nolint:noctx // it is ended by a signal
		"--port", "0", "--authrpc.port", "0", "--ipcdisable")
	var said bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &said
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(limit); ; <-time.After(20 * time.Millisecond) {
		var d net.Dialer
		c, err := d.DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the node does not answer: %v\n%s", err, said.String())
		}
	}
}

// freePort is an address on which nothing listens.
func freePort(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	return l.Addr().String()
}
