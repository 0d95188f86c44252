package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"sluice/internal/fault"
)

// gethStart bounds the wait for a node that was started.
const gethStart = time.Minute

// WithGeth starts a geth in developer mode for the time of fn, in a folder that goes
// away with it. The node listens on a socket in that folder only. flags are more of its own.
func WithGeth(ctx context.Context, path string, fn func(ctx context.Context, url string) error, flags ...string) (err error) {
	dir, err := os.MkdirTemp("", "sluice-geth")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	socket, data := filepath.Join(dir, "geth.ipc"), filepath.Join(dir, "chain")
	if err := osakaChain(ctx, path, dir, data); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var said bytes.Buffer
	//nolint:gosec // the operator named the program
	cmd := exec.CommandContext(ctx, path, append([]string{
		"--dev", "--datadir", data, "--ipcpath", socket,
		"--nodiscover", "--maxpeers", "0", "--port", "0", "--authrpc.port", "0",
	}, flags...)...)
	cmd.Stderr = &said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		return fault.Wrap(err, fault.Invalid, "no_geth", "%s cannot be started", path)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		cancel()
		<-ended //nolint:errcheck // told to stop: what it says then is no error
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(gethStart)
	for {
		if _, err := os.Stat(socket); err == nil {
			return fn(ctx, socket)
		}
		select {
		case err := <-ended:
			ended <- err
			return fault.Wrap(err, fault.Unavailable, "no_geth", "%s ended: %s", path, last(said.String()))
		case <-deadline:
			return fault.New(fault.Unavailable, "no_geth", "%s did not open its socket within %v", path, gethStart)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// osakaChain makes a chain by geth's own developer genesis, without the forks after Osaka
// and with blocks as large as on the main network.
func osakaChain(ctx context.Context, path, dir, data string) error {
	out, err := exec.CommandContext(ctx, path, "--dev", "dumpgenesis").Output()
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "no_geth", "%s gives no genesis: is it geth?", path)
	}
	var genesis map[string]any
	numbers := json.NewDecoder(bytes.NewReader(out))
	numbers.UseNumber() // they do not fit a float
	if err := numbers.Decode(&genesis); err != nil {
		return fault.Wrap(err, fault.Invalid, "no_geth", "%s gives a genesis that cannot be read", path)
	}
	rich, err := devAccount(ctx, path, dir, data)
	if err != nil {
		return err
	}
	if alloc, ok := genesis["alloc"].(map[string]any); ok {
		alloc[rich] = map[string]string{"balance": "1" + strings.Repeat("0", 30)}
	}
	if rules, ok := genesis["config"].(map[string]any); ok {
		delete(rules, "bogotaTime")
		delete(rules, "amsterdamTime")
	}
	genesis["gasLimit"] = "0x3938700" // 60,000,000
	if out, err = json.Marshal(genesis); err != nil {
		return err
	}
	file := filepath.Join(dir, "genesis.json")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		return err
	}
	//nolint:gosec // the operator named the program
	if text, err := exec.CommandContext(ctx, path, "--datadir", data, "init", file).CombinedOutput(); err != nil {
		return fault.Wrap(err, fault.Invalid, "no_geth", "%s cannot make a chain: %s", path, last(string(text)))
	}
	return nil
}

// devAccount makes the account that the node signs for; its password is empty.
func devAccount(ctx context.Context, path, dir, data string) (string, error) {
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		return "", err
	}
	//nolint:gosec // the operator named the program
	text, err := exec.CommandContext(ctx, path, "account", "new", "--lightkdf", "--datadir", data, "--password", secret).CombinedOutput()
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "no_geth", "%s makes no account: %s", path, last(string(text)))
	}
	files, err := filepath.Glob(filepath.Join(data, "keystore", "UTC--*--*"))
	if err != nil || len(files) != 1 {
		return "", fault.New(fault.Invalid, "no_geth", "%s made %d accounts, want one", path, len(files))
	}
	return "0x" + files[0][strings.LastIndex(files[0], "--")+len("--"):], nil
}

// last is the end of a text.
func last(s string) string { return s[max(0, len(s)-500):] }
