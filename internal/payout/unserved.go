package payout

import (
	"context"
	"slices"
	"time"
)

// unservedMax is how many withdrawals that nothing pays are told so at a time.
const unservedMax = 100

// unserved tells what is queued for a network that no process pays on what it waits for:
// a wallet, or the key of one. A wallet whose key this process has is not looked at.
func (w *Worker) unserved(ctx context.Context, all, own []Wallet) {
	for network := range w.rails {
		on := func(wal Wallet) bool { return wal.Network == network }
		if slices.ContainsFunc(own, on) {
			continue
		}
		code, text, since := "no_wallet", "there is no wallet on "+network+" yet to pay from; the withdrawal waits, its money stays held", time.Now()
		if slices.ContainsFunc(all, on) {
			// Another process may have a key. Then it takes a lease as soon as something is queued.
			code, text, since = "no_wallet_key", "no running process can sign for a wallet on "+network+"; the withdrawal waits, its money stays held", since.Add(-2*w.opt.LeaseFor)
			if slices.ContainsFunc(all, func(wal Wallet) bool { return on(wal) && wal.LeaseUntil.After(time.Now()) }) {
				continue
			}
		}
		queued, err := w.queuedOn(ctx, network, unservedMax)
		if err != nil {
			w.opt.Log.Warn("queued withdrawals cannot be read", "network", network, "error", err)
			continue
		}
		w.attendEach(ctx, slices.DeleteFunc(queued, func(c Candidate) bool { return c.Withdrawal.ReleaseAt.After(since) }), code, text)
	}
}
