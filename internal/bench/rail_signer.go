package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/money"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
	"sluice/internal/signer/keystore"
	"sluice/internal/signer/socket"
)

// SignerReport is how fast a signer answers through its socket, each slot bound durably
// before it is signed.
type SignerReport struct {
	Callers        int     `json:"callers"`
	Signatures     int64   `json:"signatures"`
	PerSecond      float64 `json:"signatures_per_second"`
	Commits        int64   `json:"commits"` // fsyncs: the fewer, the more asks shared one
	MeanMS         float64 `json:"mean_ms"` // from a caller's ask to its answer
	SharedByCommit float64 `json:"signatures_per_commit"`
}

// signerNetwork is what the measured signer pays on.
var signerNetwork = signer.Network{Name: "bench", Family: build.EVM, ChainID: 1}

// MeasureSigner runs a signer with one key and a socket in this process, and asks it
// from several goroutines over one connection for a while.
func MeasureSigner(ctx context.Context, callers int, span time.Duration) (_ SignerReport, err error) {
	dir, err := os.MkdirTemp("", "sluice-sign")
	if err != nil {
		return SignerReport{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	wallet, err := keystore.Create(filepath.Join(dir, "keys"), "bench", keystore.Light)
	if err != nil {
		return SignerReport{}, err
	}
	keys, err := keystore.Open(filepath.Join(dir, "keys"), "bench")
	if err != nil {
		return SignerReport{}, err
	}
	var commits atomic.Int64
	g, err := guard.Open(ctx, guard.Options{
		Keys: keys, Build: build.Builder{}, Dir: filepath.Join(dir, "log"),
		Policy: guard.Policy{Networks: []guard.Network{{Network: signerNetwork, Open: true}}},
		Sync:   func(f *os.File) error { commits.Add(1); return f.Sync() },
	})
	if err != nil {
		return SignerReport{}, err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	path := filepath.Join(dir, "s.sock")
	server, err := socket.Listen(path, socket.ServerOptions{Signer: g, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		return SignerReport{}, err
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- server.Run(running) }()
	client := socket.Dial(path)
	out, err := askAll(ctx, client, wallet, callers, span)
	out.Commits = commits.Load()
	if out.Commits > 0 {
		out.SharedByCommit = float64(out.Signatures) / float64(out.Commits)
	}
	err = errors.Join(err, client.Close())
	stop()
	return out, errors.Join(err, <-done)
}

func askAll(ctx context.Context, client signer.Signer, wallet string, callers int, span time.Duration) (SignerReport, error) {
	var (
		next, signed atomic.Int64
		all          sync.WaitGroup
		failed       = make(chan error, callers)
		begin        = time.Now()
		until        = begin.Add(span)
	)
	for range callers {
		all.Go(func() {
			for time.Now().Before(until) {
				n := uint64(next.Add(1)) //nolint:gosec // counts up from 1
				if _, err := client.Sign(ctx, signerIntent(wallet, n)); err != nil {
					failed <- fmt.Errorf("sign: %w", err)
					return
				}
				signed.Add(1)
			}
		})
	}
	all.Wait()
	close(failed)
	var err error
	for e := range failed {
		err = errors.Join(err, e)
	}
	took := time.Since(begin)
	out := SignerReport{Callers: callers, Signatures: signed.Load()}
	if out.Signatures > 0 {
		out.PerSecond = float64(out.Signatures) / took.Seconds()
		out.MeanMS = float64(took.Milliseconds()) * float64(callers) / float64(out.Signatures)
	}
	return out, err
}

func signerIntent(wallet string, nonce uint64) signer.Intent {
	to := make([]byte, 20)
	to[0] = 7
	return signer.Intent{
		Family: signerNetwork.Family, Network: signerNetwork.Name, ChainID: signerNetwork.ChainID, Wallet: wallet, Nonce: nonce,
		Gas: 21_000, FeeCap: money.Of(30_000_000_000), TipCap: money.Of(1_000_000_000), Fence: 1, Bound: "dsp_bench",
		Outputs: []signer.Output{{Ref: "wd_" + money.Of(nonce).Minor(), Asset: "ETH", To: to, Amount: money.Of(1)}},
	}
}
