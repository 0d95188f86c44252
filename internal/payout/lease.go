package payout

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
)

// leaseState is the lease on a wallet as this process knows it. It is renewed while a
// round goes on, beside it.
type leaseState struct {
	mu    sync.Mutex
	until time.Time
	ok    bool
}

func (h *walletWorker) leased() bool {
	h.lent.mu.Lock()
	defer h.lent.mu.Unlock()
	return h.lent.ok
}

func (h *walletWorker) lost() {
	h.lent.mu.Lock()
	defer h.lent.mu.Unlock()
	h.lent.ok = false
}

// left is how long the lease lasts; 0 without one.
func (h *walletWorker) left() time.Duration {
	h.lent.mu.Lock()
	defer h.lent.mu.Unlock()
	if !h.lent.ok {
		return 0
	}
	return time.Until(h.lent.until)
}

// took notes what the wallet's row says of the lease.
func (h *walletWorker) took(wal Wallet) {
	h.lent.mu.Lock()
	defer h.lent.mu.Unlock()
	h.lent.until, h.lent.ok = wal.LeaseUntil, true
}

// lease takes the wallet, or renews the lease once half of it is over.
func (h *walletWorker) lease(ctx context.Context) bool {
	if h.left() > h.opt.LeaseFor/2 {
		return true
	}
	wal, err := h.askLease(ctx)
	if err != nil {
		if fault.CodeOf(err) != "wallet_leased" {
			h.log.Error("the wallet cannot be leased", "error", err)
		}
		h.lost()
		return false
	}
	if wal.Fence != h.wallet.Fence {
		h.clean.clear() // another process may have had the wallet, and asked the signer
	}
	h.wallet = wal
	h.took(wal)
	return true
}

func (h *walletWorker) askLease(ctx context.Context) (Wallet, error) {
	return commit.Do(ctx, h.loop, OperatorShard, Lease{Wallet: h.wallet.Seq, Owner: h.opt.Owner, For: h.opt.LeaseFor})
}

var errLeaseLost = errors.New("the lease on the wallet is lost")

// keepLease renews the lease while a round goes on, so that a long one does not outlast
// it. When the wallet has gone to another process the round ends: end is called. The
// function that it returns ends the renewing and waits for it.
func (h *walletWorker) keepLease(step context.Context, end context.CancelCauseFunc) func() {
	ctx, cancel := context.WithCancel(step)
	fence, done := h.wallet.Fence, make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(h.opt.LeaseFor / 4)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			wal, err := h.askLease(ctx)
			switch code := fault.CodeOf(err); {
			case ctx.Err() != nil:
				return
			case code == "wallet_leased" || err == nil && wal.Fence != fence:
				h.lost()
				h.log.Warn("another process has taken over the wallet in the middle of a round")
				end(errLeaseLost)
				return
			case err == nil:
				h.took(wal)
			case h.left() <= 0:
				h.lost()
				h.log.Error("the lease on a wallet could not be renewed in time", "error", err)
				end(errLeaseLost)
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

func (h *walletWorker) unlease() {
	if !h.leased() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	if _, err := commit.Do(ctx, h.loop, OperatorShard, Unlease{Wallet: h.wallet.Seq, Owner: h.opt.Owner}); err != nil {
		h.log.Warn("the lease cannot be given back; it ends by itself", "error", err)
	}
}
