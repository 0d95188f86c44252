package utxotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/internal/rail/utxo"
)

// btcdVersion is what tools/btcd pins. A binary of another version is not used.
const btcdVersion = "0.26.2"

// mature is how many blocks give the faucet coins that can be spent.
const mature = 110

// patience bounds the start of a node.
const patience = time.Minute

// StartBtcd runs btcd under the rules of the main network on a chain of its own.
func StartBtcd(t testing.TB) *Chain {
	t.Helper()
	c := newChain("bitcoin-regtest", utxo.Btcd)
	dir := t.TempDir()
	// Without --rejectnonstd a test chain takes what no other node would pass on.
	c.run(t, buildBtcd(t), func(port string) []string {
		return []string{
			"--configfile=" + os.DevNull, "--regtest", "--rejectnonstd", "--notls", "--rpcuser=u", "--rpcpass=p", "--rpclisten=127.0.0.1:" + port,
			"--nolisten", "--nodnsseed", "--rpcmaxclients=100", "--datadir=" + dir, "--logdir=" + filepath.Join(dir, "log"), "--miningaddr=" + c.faucet(),
		}
	})
	c.Mine(t, mature)
	return c
}

// StartLitecoind runs litecoind on a chain of its own. Without more it does not take
// replacements, as it does not anywhere.
func StartLitecoind(t testing.TB, more ...string) *Chain {
	t.Helper()
	path, err := exec.LookPath("litecoind")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("litecoind is missing: run tools/need-litecoind")
		}
		t.Skip("litecoind is not installed: tools/need-litecoind says how")
	}
	c := newChain("litecoin-regtest", utxo.Litecoind)
	dir := t.TempDir()
	c.start = func(t testing.TB, more ...string) {
		c.run(t, path, func(port string) []string { return litecoind(dir, port, more) })
	}
	c.start(t, more...)
	c.Mine(t, mature)
	return c
}

func litecoind(dir, port string, more []string) []string {
	return append([]string{
		"-regtest", "-datadir=" + dir, "-server", "-rpcuser=u", "-rpcpassword=p", "-rpcport=" + port, "-rpcbind=127.0.0.1", "-rpcallowip=127.0.0.1",
		"-listen=0", "-dnsseed=0", "-disablewallet=1", "-acceptnonstdtxn=0", "-persistmempool=0", "-printtoconsole=1", "-debuglogfile=0", "-rpcworkqueue=64",
		// On a test chain no block is made at the height at which extension blocks begin: each would need one.
		"-vbparams=mweb:0:0:1000000:1100000",
	}, more...)
}

// Restart stops litecoind and starts it on the same blocks with more arguments. What was
// in its pool is lost. Rails over the Node from before must be opened anew.
func (c *Chain) Restart(t testing.TB, more ...string) {
	t.Helper()
	c.Call(t, nil, "stop")
	<-c.ended
	c.start(t, more...)
}

// run starts a node on a free port and waits for its answers. A port may be taken in
// between by somebody else: then another is tried.
func (c *Chain) run(t testing.TB, path string, args func(port string) []string) {
	t.Helper()
	var last string
	for range 3 {
		port := freePort(t)
		cmd := exec.Command(path, args(port)...)
		out := new(bytes.Buffer)
		cmd.Stdout, cmd.Stderr = out, out
		must(t, cmd.Start())
		done := make(chan struct{})
		go func() { _ = cmd.Wait(); close(done) }()
		end := func() { _ = cmd.Process.Kill(); <-done }
		c.URL = "http://u:p@127.0.0.1:" + port
		var err error
		c.Node, err = utxo.Dial(c.URL, "")
		must(t, err)
		if c.answers(done) {
			t.Cleanup(func() {
				c.Node.Close()
				end()
				if t.Failed() {
					t.Logf("the node said, at the end:\n%s", tail(out.String(), 8))
				}
			})
			c.ended = done
			return
		}
		end()
		last = out.String()
	}
	t.Fatalf("%s does not start:\n%s", path, tail(last, 40))
}

func (c *Chain) answers(done <-chan struct{}) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		var n int
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := c.Node.Call(ctx, &n, "getblockcount")
		cancel()
		if err == nil {
			return true
		}
		select {
		case <-tick.C:
		case <-done:
			return false
		case <-deadline:
			return false
		}
	}
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	must(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, errors.Join(err, l.Close()))
	return port
}

func tail(text string, lines int) string {
	all := strings.Split(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// buildBtcd gives the path of the pinned btcd: the one named by SLUICE_TEST_BTCD (the
// Makefile does that), or bin/btcd, which it builds when it is not there. A lock keeps
// parallel test programs from building it twice.
func buildBtcd(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("SLUICE_TEST_BTCD"); path != "" {
		if !pinned(path) {
			t.Fatalf("SLUICE_TEST_BTCD=%s is not btcd %s: unset it or run make bin/btcd", path, btcdVersion)
		}
		return path
	}
	root, err := root()
	must(t, err)
	bin := filepath.Join(root, "bin")
	must(t, os.MkdirAll(bin, 0o750))
	lock, err := os.OpenFile(filepath.Join(bin, ".btcd.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	must(t, err)
	defer func() { _ = lock.Close() }()
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
	}
	must(t, err)
	path := filepath.Join(bin, "btcd")
	if pinned(path) {
		return path
	}
	t.Logf("building %s, which takes a minute once", path)
	build := exec.Command("go", "build", "-o", path+".new", "github.com/btcsuite/btcd")
	build.Dir = filepath.Join(root, "tools", "btcd")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build btcd: %v\n%s", err, out)
	}
	must(t, os.Rename(path+".new", path))
	return path
}

func pinned(path string) bool {
	out, err := exec.Command(path, "--version").Output()
	return err == nil && bytes.Contains(out, []byte(btcdVersion))
}

// root is the folder of the module.
func root() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "tools", "btcd", "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no tools/btcd above the working folder")
		}
		dir = up
	}
	return "", err
}
