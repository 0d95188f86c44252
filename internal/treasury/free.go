package treasury

import (
	"context"
	"time"

	"sluice/internal/money"
)

// Spendable is what the wallets of a network have for new withdrawals in an asset, as
// the last complete look showed it, and when that look began; false before the first.
// It is Need.Free of that moment, and nothing that a balance may be decided by.
func (w *Worker) Spendable(network, asset string) (money.Amount, time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, ok := w.at[network]
	return w.free[[2]string{network, asset}], at, ok
}

// count remembers what is free. A network with a wallet that could not be read keeps
// what it had, which grows old.
func (w *Worker) count(ctx context.Context, begin time.Time, seen []Status, failed []bool) {
	owed, err := w.survey.Read.TreasuryOwed(ctx)
	if err != nil {
		w.warn(ctx, "what is owed cannot be read", err)
		return
	}
	needs, err := Needs(seen, owed)
	if err != nil {
		w.warn(ctx, "what the wallets have cannot be added up", err)
		return
	}
	whole := map[string]bool{}
	for network := range w.survey.Rails {
		whole[network] = true
	}
	for n, st := range seen {
		if failed[n] {
			whole[st.Wallet.Network] = false
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.free == nil {
		w.free, w.at = map[[2]string]money.Amount{}, map[string]time.Time{}
	}
	for network, ok := range whole {
		if ok {
			w.at[network] = begin
		}
	}
	for _, n := range needs {
		if whole[n.Network] {
			w.free[[2]string{n.Network, n.Asset}] = n.Free
		}
	}
}

// Richest is the address of the wallet that could pay most of an asset on a network,
// as the last look showed it; false when that showed none.
func (w *Worker) Richest(network, asset string) (address string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var most money.Amount
	for _, st := range w.seen {
		if st.Wallet.Network != network {
			continue
		}
		for _, f := range st.Figures {
			if f.Asset == asset && (!ok || most.Less(f.Spendable)) {
				address, most, ok = st.Wallet.Address, f.Spendable, true
			}
		}
	}
	return address, ok
}
