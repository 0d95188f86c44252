package socket_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/internal/fault"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
	"sluice/internal/signer/keystore"
	"sluice/internal/signer/socket"
)

// asSigner makes this test binary a signer in a process of its own: it names a folder
// with keys, log and socket.
const asSigner = "SLUICE_TEST_SIGNER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asSigner); dir != "" {
		if err := serveIn(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func openIn(ctx context.Context, dir string) (*guard.Guard, error) {
	keys, err := keystore.Open(filepath.Join(dir, "keys"), "x")
	if err != nil {
		return nil, err
	}
	return guard.Open(ctx, guard.Options{
		Keys: keys, Build: build.Builder{}, Dir: filepath.Join(dir, "log"), FileSize: 20_000,
		Policy: guard.Policy{Networks: []guard.Network{{Network: signer.Network{Name: "ethereum", Family: "evm", ChainID: 1}, Open: true}}},
	})
}

func serveIn(dir string) error {
	g, err := openIn(context.Background(), dir)
	if err != nil {
		return err
	}
	s, err := socket.Listen(filepath.Join(dir, "s.sock"), socket.ServerOptions{Signer: g, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return s.Run(context.Background())
}

// process starts a signer and gives what kills it.
func process(t *testing.T, dir string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0]) //nolint:noctx // it is killed
	cmd.Env = append(os.Environ(), asSigner+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the signer does not start: %v", err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill() // SIGKILL
		_ = cmd.Wait()         // it says that it was killed
	})
	t.Cleanup(kill)
	return kill
}

// TestCase23_killed_signer kills the signer's process again and again while it is asked.
// Every slot that was ever answered stays with what it was answered for.
func TestCase23_killed_signer(t *testing.T) {
	dir := filepath.Dir(place(t))
	must(t, os.MkdirAll(dir, 0o700))
	wallet, err := keystore.Create(filepath.Join(dir, "keys"), "x", keystore.Light)
	must(t, err)
	c := dial(t, filepath.Join(dir, "s.sock"))
	var mu sync.Mutex
	answered := map[uint64]string{} // the transaction of each nonce
	var next uint64
	for range 8 {
		kill := process(t, dir)
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for ctx.Err() == nil {
					mu.Lock()
					next++
					n := next
					mu.Unlock()
					got, err := c.Sign(ctx, payout(wallet, n, 1+n%7))
					if err != nil {
						continue
					}
					mu.Lock()
					answered[n] = got.TxID
					mu.Unlock()
				}
			})
		}
		timer := time.NewTimer(time.Duration(20+rand.IntN(60)) * time.Millisecond)
		<-timer.C
		kill()
		stop()
		all.Wait()
	}
	if len(answered) < 20 {
		t.Fatalf("only %d were answered", len(answered))
	}
	g, err := openIn(t.Context(), dir)
	must(t, err)
	defer func() { must(t, g.Close()) }()
	for n, tx := range answered {
		if _, err := g.Sign(t.Context(), payout(wallet, n, 8)); fault.CodeOf(err) != "sign_slot" {
			t.Errorf("nonce %d for another amount: %v", n, err)
		}
		again, err := g.Sign(t.Context(), payout(wallet, n, 1+n%7))
		if err != nil || again.TxID != tx {
			t.Errorf("nonce %d was %s, is %s, %v", n, tx, again.TxID, err)
		}
	}
	t.Logf("%d slots of %d were answered", len(answered), next)
}
