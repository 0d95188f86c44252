package evm_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/ethclient"

	"sluice/internal/demo/devnet"
	"sluice/internal/rail/evm"
	"sluice/internal/rail/railtest"
)

// anvilVersion is what tools/anvil pins.
const anvilVersion = "1.7.1"

// TestConformanceAnvil runs the suite against a node of another make. It makes blocks
// when told, and forgets what was in those that it drops.
func TestConformanceAnvil(t *testing.T) {
	path := findAnvil(t)
	railtest.Run(t, func(t *testing.T) railtest.Harness {
		t.Helper()
		url := startAnvil(t, path)
		client, err := ethclient.DialContext(t.Context(), url)
		must(t, err)
		t.Cleanup(client.Close)
		id, err := client.ChainID(t.Context())
		must(t, err)
		a := anvilChain{client}
		faucet, err := devnet.FaucetAddress()
		must(t, err)
		must(t, a.call("anvil_setBalance", faucet, "0x"+"1"+strings.Repeat("0", 30)))
		admin, err := devnet.NewAdmin(client, id.Uint64(), a.mine)
		must(t, err)
		n := deploy(t, url, admin, id.Uint64(), a.mine)
		n.conf.Finality = evm.Finality{Depth: 6}
		h := n.harness(t)
		h.Holds, h.Polite = true, true
		h.Undo = func(t *testing.T, block uint64, _ bool) { t.Helper(); must(t, a.undo(block)) }
		return h
	})
}

// anvilChain makes and drops blocks of an anvil that makes none by itself.
type anvilChain struct{ client *ethclient.Client }

func (a anvilChain) call(method string, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return a.client.Client().CallContext(ctx, nil, method, args...)
}

func (a anvilChain) mine(n int) error { return a.call("anvil_mine", hexutil.Uint64(n)) }

// undo drops a block and all after it, and lets the chain grow beyond where it was.
func (a anvilChain) undo(block uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	head, err := a.client.BlockNumber(ctx)
	if err != nil {
		return err
	}
	if err := a.call("anvil_reorg", head-block+1, []any{}); err != nil {
		return err
	}
	return a.mine(1)
}

// findAnvil gives the pinned anvil: the one named by SLUICE_TEST_ANVIL, or bin/anvil,
// which `make test` puts there where node is installed.
func findAnvil(t *testing.T) string {
	t.Helper()
	path := os.Getenv("SLUICE_TEST_ANVIL")
	if path == "" {
		path = filepath.Join("..", "..", "..", "bin", "anvil")
	}
	out, err := exec.CommandContext(t.Context(), path, "--version").Output()
	if err != nil || !bytes.Contains(out, []byte(anvilVersion)) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("there is no anvil %s at %s: make bin/anvil (needs node)", anvilVersion, path)
		}
		t.Skipf("SKIPPED: there is no anvil %s at %s; `make bin/anvil` puts it there where node is installed", anvilVersion, path)
	}
	return path
}

// startAnvil runs a chain under the Osaka rules that makes no block by itself.
func startAnvil(t *testing.T, path string) string {
	t.Helper()
	cmd := exec.Command(path, "--host", "127.0.0.1", "--port", "0", "--hardfork", "osaka", "--no-mining", "--order", "fees", "--accounts", "1")
	said, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	urls, done := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(done)
		defer close(urls)
		for lines := bufio.NewScanner(said); lines.Scan(); {
			if _, at, ok := strings.Cut(lines.Text(), "Listening on "); ok {
				urls <- "http://" + strings.TrimSpace(at)
				break
			}
		}
		_, _ = io.Copy(io.Discard, said)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
	})
	select {
	case url, ok := <-urls:
		if ok {
			return url
		}
	case <-time.After(time.Minute):
	}
	t.Fatal("anvil did not start")
	return ""
}
