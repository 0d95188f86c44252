package payout

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/rail"
)

// jump is a nonce beyond what Sluice knows of a wallet, as the chain shows it: somebody
// else has used the wallet, or a node shows what is not so. A payout that took a number
// that is too high would wait behind the gap for good, so that one answer is not enough.
type jump struct {
	nonce int64
	since time.Time
}

// believed tells whether a nonce can be gone on from: it is known, or the chain has shown
// no other for a while.
func (j *jump) believed(nonce, known int64, after time.Duration) bool {
	if nonce <= known {
		*j = jump{}
		return true
	}
	if j.nonce != nonce || j.since.IsZero() {
		*j = jump{nonce, time.Now()}
	}
	return time.Since(j.since) >= after
}

// chainNonce is the nonce from which the wallet goes on at least. The chain is asked only
// while nothing of ours is in flight: then whatever waits in its pool is a stranger's. What
// the wallet itself is at, Seal reads: a number that is remembered may be too high, and
// that would leave a gap behind which nothing is ever mined.
func (h *walletWorker) chainNonce(ctx context.Context) (int64, error) {
	if h.flying > 0 {
		return 0, nil
	}
	return h.believedNonce(ctx, h.wallet.NextNonce)
}

// believedNonce asks the chain for its nonce; one beyond what is known is looked at again.
func (h *walletWorker) believedNonce(ctx context.Context, known int64) (int64, error) {
	n, err := h.rail.NextNonce(ctx, h.wallet.Address)
	if err != nil {
		return 0, err
	}
	nonce := int64(n) //nolint:gosec // a nonce never nears 2^63
	if !h.jump.believed(nonce, known, h.opt.LookAgain) {
		return 0, &rail.Wait{Code: rail.CodeLookAgain, Text: fmt.Sprintf(
			"the network shows %d transactions of the wallet that Sluice did not send; that is looked at again before a payout is sent", nonce-known)}
	}
	return nonce, nil
}

// AdvanceNonce notes that a wallet's nonces up to one before Next are used, by something
// that its holder has seen in a block. Result: Wallet.
type AdvanceNonce struct {
	Wallet id.Seq
	Owner  string // must hold the lease
	Next   int64
}

// Reads implements commit.Command.
func (c AdvanceNonce) Reads(w *commit.Wants) { Wallets.Want(w, c.Wallet) }

// Apply implements commit.Command.
func (c AdvanceNonce) Apply(v *commit.View) (Wallet, error) {
	w, ok := Wallets.Get(v, c.Wallet)
	if !ok || w.LeaseOwner != c.Owner {
		return w, fault.New(fault.Conflict, "lease_lost", "another process has taken over this wallet")
	}
	if w.NextNonce < c.Next {
		w.NextNonce, w.Version = c.Next, w.Version+1
		Wallets.Put(v, w)
	}
	return w, nil
}
