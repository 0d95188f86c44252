package payout

import (
	"context"

	"sluice/internal/commit"
	"sluice/internal/id"
)

// Holder is the right to write about a wallet: a fence that was got with its lease.
type Holder struct {
	Wallet id.Seq
	Fence  int64
}

// Reads declares what Check looks at.
func (h Holder) Reads(w *commit.Wants) { Wallets.Want(w, h.Wallet) }

// Check fails once somebody else has the wallet.
func (h Holder) Check(v *commit.View) error {
	_, err := fenced(v, h.Wallet, h.Fence)
	return err
}

// Turn has fn called once, between two steps of the work on a wallet and under its
// lease: while it runs, no outcome of a payout of the wallet is booked. fn must be
// quick and ask no network; its context has little time. A turn that was not taken yet
// gives way to a newer one. A process that does not pay from the wallet never calls fn.
func (w *Worker) Turn(wallet id.Seq, fn func(ctx context.Context, h Holder)) {
	w.turnsMu.Lock()
	w.turns[wallet] = fn
	w.turnsMu.Unlock()
	w.Wake()
}

func (w *Worker) turnWaits(wallet id.Seq) bool {
	w.turnsMu.Lock()
	defer w.turnsMu.Unlock()
	return w.turns[wallet] != nil
}

// turn gives whoever waits for the wallet their turn.
func (h *walletWorker) turn(ctx context.Context) {
	h.turnsMu.Lock()
	fn := h.turns[h.wallet.Seq]
	delete(h.turns, h.wallet.Seq)
	h.turnsMu.Unlock()
	if fn != nil {
		fn(ctx, Holder{h.wallet.Seq, h.wallet.Fence})
	}
}
