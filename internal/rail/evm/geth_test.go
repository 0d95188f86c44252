package evm_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/ethclient"

	"sluice/internal/demo/devnet"
	"sluice/internal/rail/evm"
	"sluice/internal/rail/railtest"
)

// gethVersion is what tools/geth pins. A binary of another version is not used.
const gethVersion = "1.17.8"

// TestConformanceGeth runs the suite against a node in a process of its own, with the
// real pool and the real JSON-RPC server. It makes a block for each transaction at once.
func TestConformanceGeth(t *testing.T) {
	railtest.Run(t, func(t *testing.T) railtest.Harness {
		t.Helper()
		url := startGeth(t, buildGeth(t), mainBlockGas)
		client, err := ethclient.DialContext(t.Context(), url)
		must(t, err)
		t.Cleanup(client.Close)
		must(t, devnet.AssertOsaka(client))
		id, err := client.ChainID(t.Context())
		must(t, err)
		g := gethChain{client}
		// A transaction gets its block by itself, so that nothing is to be made for it.
		admin, err := devnet.NewAdmin(client, id.Uint64(), func(int) error { return nil })
		must(t, err)
		n := deploy(t, url, admin, id.Uint64(), g.mine)
		n.conf.Finality = evm.Finality{Depth: 6} // the other run goes by the tag
		h := n.harness(t)
		h.Undo = func(t *testing.T, block uint64, _ bool) { t.Helper(); must(t, g.undo(block)) }
		return h
	})
}

// gethChain makes and drops blocks of a geth in developer mode.
type gethChain struct{ client *ethclient.Client }

// mine makes n blocks. Developer mode makes one for each transaction and for each
// withdrawal from the beacon chain; the latter may be empty otherwise.
func (g gethChain) mine(n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := g.idle(ctx); err != nil {
		return err
	}
	for range n {
		before, err := g.client.BlockNumber(ctx)
		if err != nil {
			return err
		}
		err = g.client.Client().CallContext(ctx, nil, "dev_addWithdrawal", map[string]any{
			"index": hexutil.Uint64(before), "validatorIndex": "0x0", "amount": "0x1",
			"address": "0x00000000000000000000000000000000000000ff",
		})
		if err != nil {
			return err
		}
		for now := before; now <= before; {
			if now, err = g.client.BlockNumber(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// idle waits until the pool has nothing that could go into a block.
func (g gethChain) idle(ctx context.Context) error {
	for {
		var status struct{ Pending hexutil.Uint64 }
		if err := g.client.Client().CallContext(ctx, &status, "txpool_status"); err != nil || status.Pending == 0 {
			return err
		}
	}
}

// undo drops a block and all after it, and lets the chain grow beyond where it was.
// Developer mode may be at work on a block of its own at that moment, which brings
// the old chain back; so it is repeated until the block has gone. The transactions of
// dropped blocks may be lost, or find their way into the new ones.
func (g gethChain) undo(block uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	number := new(big.Int).SetUint64(block)
	old, err := g.client.HeaderByNumber(ctx, number)
	if err != nil {
		return err
	}
	head, err := g.client.BlockNumber(ctx)
	if err != nil {
		return err
	}
	for {
		if err := g.client.Client().CallContext(ctx, nil, "debug_setHead", hexutil.Uint64(block-1)); err != nil {
			return err
		}
		for now := block - 1; now <= head; {
			if err := g.mine(1); err != nil {
				return err
			}
			if now, err = g.client.BlockNumber(ctx); err != nil {
				return err
			}
		}
		now, err := g.client.HeaderByNumber(ctx, number)
		if err != nil {
			return err
		}
		if now.Hash() != old.Hash() {
			return nil
		}
	}
}

// mainBlockGas is the gas limit of a block on the main network.
const mainBlockGas = 60_000_000

// startGeth runs a developer chain under the Osaka rules, with the given gas limit of a
// block, and gives its URL.
func startGeth(t *testing.T, geth string, blockGas uint64) string {
	t.Helper()
	dir := t.TempDir()
	genesis := filepath.Join(dir, "genesis.json")
	must(t, os.WriteFile(genesis, osakaGenesis(t, geth, blockGas), 0o600))
	data := filepath.Join(dir, "chain")
	if out, err := exec.CommandContext(t.Context(), geth, "--datadir", data, "init", genesis).CombinedOutput(); err != nil {
		t.Fatalf("geth init: %v\n%s", err, out)
	}
	cmd := exec.Command(geth, "--dev", "--datadir", data, "--ipcdisable", "--nodiscover", "--maxpeers", "0",
		"--http", "--http.addr", "127.0.0.1", "--http.port", "0", "--http.api", "eth,net,web3,txpool,debug,dev",
		"--authrpc.port", "0", "--port", "0", "--cache", "64", "--verbosity", "3",
		"--miner.gaslimit", strconv.FormatUint(blockGas, 10))
	log, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	urls, kept := make(chan string, 1), new(bytes.Buffer)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(urls)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			fmt.Fprintln(kept, lines.Text())
			if _, at, ok := strings.Cut(lines.Text(), "HTTP server started"); ok {
				_, at, _ = strings.Cut(at, "endpoint=")
				at, _, _ = strings.Cut(at, " ")
				urls <- "http://" + at
			}
		}
		_, _ = io.Copy(io.Discard, log)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("geth said, at the end:\n%s", tail(kept.String(), 40))
		}
	})
	select {
	case url, ok := <-urls:
		if ok {
			return url
		}
	case <-time.After(time.Minute):
	}
	t.Fatal("geth did not start its HTTP server")
	return ""
}

func tail(text string, lines int) string {
	all := strings.Split(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// osakaGenesis is geth's own developer genesis without the forks after Osaka, with
// blocks of the given gas, and with the coins in the hands of our faucet.
func osakaGenesis(t *testing.T, geth string, blockGas uint64) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), geth, "--dev", "dumpgenesis").Output()
	must(t, err)
	var genesis map[string]any
	decoder := json.NewDecoder(bytes.NewReader(out))
	decoder.UseNumber()
	must(t, decoder.Decode(&genesis))
	rules, ok := genesis["config"].(map[string]any)
	alloc, ok2 := genesis["alloc"].(map[string]any)
	if !ok || !ok2 {
		t.Fatalf("geth's genesis has another form: %s", out)
	}
	delete(rules, "bogotaTime")
	delete(rules, "amsterdamTime")
	genesis["gasLimit"] = hexutil.EncodeUint64(blockGas)
	faucet, err := devnet.FaucetAddress()
	must(t, err)
	rich := map[string]string{"balance": "0x" + "1" + strings.Repeat("0", 30)}
	alloc[faucet] = rich
	alloc["0x71562b71999873DB5b286dF957af199Ec94617F7"] = rich // geth's own developer account
	text, err := json.Marshal(genesis)
	must(t, err)
	return text
}

// buildGeth gives the path of the pinned geth: the one named by SLUICE_TEST_GETH (the
// Makefile does that), or bin/geth, which it builds when it is not there. That takes
// two minutes of two processors, once. A lock keeps parallel test programs from
// building it twice.
func buildGeth(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("SLUICE_TEST_GETH"); path != "" {
		if !isPinned(t, path) {
			t.Fatalf("SLUICE_TEST_GETH=%s is not geth %s: unset it or run make bin/geth", path, gethVersion)
		}
		return path
	}
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	must(t, err)
	bin := filepath.Join(root, "bin")
	must(t, os.MkdirAll(bin, 0o750))
	lock, err := os.OpenFile(filepath.Join(bin, ".geth.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	must(t, err)
	defer func() { _ = lock.Close() }()
	must(t, flock(lock))
	path := filepath.Join(bin, "geth")
	if isPinned(t, path) {
		return path
	}
	t.Logf("building %s, which takes some minutes once", path)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path+".new", "github.com/ethereum/go-ethereum/cmd/geth")
	build.Dir = filepath.Join(root, "tools", "geth")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build geth: %v\n%s", err, out)
	}
	must(t, os.Rename(path+".new", path))
	return path
}

func isPinned(t *testing.T, path string) bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), path, "version").Output()
	return err == nil && bytes.Contains(out, []byte("Version: "+gethVersion+"-"))
}

// flock waits for the lock; closing the file gives it back, and so does dying.
func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
