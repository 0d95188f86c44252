// Package crashtest_test kills the server wherever it names a point at which it may
// die, and at random, and counts on the chain that every payout arrived exactly
// once. The server is a process of its own, on either store; the chain is here.
package crashtest_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/internal/test/harness"
)

// patience bounds the wait for any one thing. It is long because many processes
// share few cores; nothing that works comes near it.
const patience = 90 * time.Second

// eventually waits until fn is true.
func eventually(t *testing.T, what string, fn func() bool) {
	t.Helper()
	harness.Within(t, patience, what, fn)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// server is the program with its crash points, built once per run of the tests.
var server = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sluice-crashtest-")
	if err != nil {
		return "", err
	}
	built = dir
	out := filepath.Join(dir, "sluice")
	cmd := exec.Command("go", "build", "-tags", "crashpoints", "-ldflags", "-s -w", "-o", out, "../../../cmd/sluice")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, text)
	}
	return out, nil
})

// built is the folder of the program, for TestMain to remove.
var built string

// node is one process of the server.
type node struct {
	t      *testing.T
	cmd    *exec.Cmd
	ready  chan struct{} // closed when it serves
	paused chan struct{} // closed when it has stopped itself at a point
	exited chan struct{} // closed when it is gone
	err    error         // of its end; read after exited

	mu   sync.Mutex
	base string // URL of its API, once ready
	text bytes.Buffer
}

// start runs a server with a configuration file. env adds to its environment.
func start(t *testing.T, conf string, env ...string) *node {
	t.Helper()
	path, err := server()
	must(t, err)
	n := &node{t: t, ready: make(chan struct{}), paused: make(chan struct{}), exited: make(chan struct{})}
	n.cmd = exec.Command(path, "serve", "--log-format", "json")
	n.cmd.Dir = filepath.Dir(conf)
	n.cmd.Env = append(append(os.Environ(), "SLUICE_CONFIG="+conf), env...)
	out, err := n.cmd.StderrPipe()
	must(t, err)
	must(t, n.cmd.Start())
	go n.watch(bufio.NewScanner(out))
	t.Cleanup(func() {
		_ = n.cmd.Process.Kill() // does nothing to one that has ended
		<-n.exited
		if t.Failed() {
			t.Logf("process %d (%v) said:\n%s", n.cmd.Process.Pid, env, n.said())
		}
	})
	return n
}

// watch reads what the process says until its end.
func (n *node) watch(lines *bufio.Scanner) {
	defer close(n.exited)
	for lines.Scan() {
		var l struct{ Msg, API, Point string }
		_ = json.Unmarshal(lines.Bytes(), &l) // what is no JSON is for people
		n.mu.Lock()
		n.text.Write(append(bytes.Clone(lines.Bytes()), '\n'))
		if l.Msg == "ready" {
			n.base = l.API
			close(n.ready)
		}
		if l.Msg == "paused at a crash point" {
			close(n.paused)
		}
		n.mu.Unlock()
	}
	n.err = n.cmd.Wait()
}

func (n *node) said() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// url is where it serves, "" until it does.
func (n *node) url() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.base
}

// await waits until it serves.
func (n *node) await() *node {
	n.t.Helper()
	select {
	case <-n.ready:
	case <-n.exited:
		n.t.Fatalf("the process ended before it was ready: %v", n.err)
	case <-time.After(patience):
		n.t.Fatal("the process is not ready")
	}
	return n
}

// gone tells whether the process has ended.
func (n *node) gone() bool {
	select {
	case <-n.exited:
		return true
	default:
		return false
	}
}

// killed tells whether it ended by SIGKILL.
func (n *node) killed() bool {
	var exit *exec.ExitError
	if !n.gone() || !errors.As(n.err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// kill ends it as a power cut would.
func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	<-n.exited
}

// stop asks it to end, and demands that it does so in order.
func (n *node) stop() {
	n.t.Helper()
	must(n.t, n.cmd.Process.Signal(syscall.SIGTERM))
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	select {
	case <-n.exited:
		if n.err != nil {
			n.t.Errorf("the process did not end in order: %v", n.err)
		}
	case <-ctx.Done():
		n.t.Fatal("the process does not end")
	}
}

// complaints are the lines of its log that say that something is broken, rather
// than late.
func (n *node) complaints() []string {
	var out []string
	for line := range strings.Lines(n.said()) {
		var l struct{ Level, Msg string }
		if json.Unmarshal([]byte(line), &l) != nil || l.Level == "ERROR" {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// wake lets a process go on that has stopped itself.
func (n *node) wake() error { return n.cmd.Process.Signal(syscall.SIGCONT) }
