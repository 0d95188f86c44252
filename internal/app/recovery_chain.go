package app

import (
	"context"
	"fmt"
	"strings"

	"sluice/internal/payout"
	"sluice/internal/rail"
	"sluice/internal/treasury"
)

func walletKey(network, address string) string { return network + "/" + strings.ToLower(address) }

// behindNonces says of which wallet the chain has used a nonce that the books do not know;
// "" for none. A wallet whose chain does not answer now pays nothing new until it was compared,
// with one of the next rounds.
func (r *Recovery) behindNonces(ctx context.Context) (string, error) {
	wallets, err := r.DB.Wallets(context.WithoutCancel(ctx)) // not the chain's time
	if err != nil {
		return "", err
	}
	for _, w := range wallets {
		network := r.Rails[w.Network]
		if _, picks := network.(rail.SlotPicker); network == nil || picks || r.nonces[w.Seq] {
			continue
		}
		why, err := r.BeyondNonce(ctx, network, w)
		if why != "" {
			return why, nil
		}
		r.compared(w, err)
	}
	return "", nil
}

// compared notes whether a wallet was compared with its chain.
func (r *Recovery) compared(w payout.Wallet, err error) {
	if err == nil {
		r.nonces[w.Seq] = true
		if _, owed := r.owed.LoadAndDelete(w.Seq); owed {
			r.Text.Info("a wallet was compared with its chain: it pays again", "wallet", w.Address, "network", w.Network)
		}
		return
	}
	if _, known := r.owed.LoadOrStore(w.Seq, true); !known {
		r.Text.Warn("a wallet cannot be compared with its chain now: it pays nothing new until it was", "wallet", w.Address, "network", w.Network, "error", err)
	}
}

// behindChains says of which wallets the chains show more than the books know, and of which
// nobody can tell now.
func (r *Recovery) behindChains(ctx context.Context) (behind, unknown []string, err error) {
	wallets, err := r.DB.Wallets(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range wallets {
		network := r.Rails[w.Network]
		if network == nil {
			continue
		}
		why, err := r.behindChain(ctx, network, w)
		if err != nil {
			unknown = append(unknown, fmt.Sprintf("%s on %s cannot be compared with its chain now: %v", w.Address, w.Network, err))
		}
		if why != "" {
			behind = append(behind, why)
		}
	}
	return behind, unknown, nil
}

// behindChain says why a wallet has paid more than the books know; "" when it has not.
func (r *Recovery) behindChain(ctx context.Context, network rail.Rail, w payout.Wallet) (string, error) {
	if _, picks := network.(rail.SlotPicker); !picks {
		return r.BeyondNonce(ctx, network, w)
	}
	if _, proves := network.(rail.Booker); !proves {
		return "", nil // a bank: what it says of payments is compared as it comes
	}
	st, _, err := treasury.Survey{Read: r.DB, Rails: r.Rails}.One(ctx, treasury.Wallet{Seq: w.Seq, Network: w.Network, Address: w.Address}, false)
	if err != nil || st.Problem != "" {
		return st.Problem, err
	}
	for _, l := range st.Lines {
		if l.Cause == treasury.CauseUnexplained || l.Cause == treasury.CauseInFlight {
			return fmt.Sprintf("%s on %s: %s", w.Address, w.Network, l.Text), nil
		}
	}
	return "", nil
}

// oneByOne bounds how many transactions beyond the books are looked at one by one.
const oneByOne = 100

// BeyondNonce says which transactions of a wallet the books do not know, by the nonces that
// the chain has used; "" for none. Those that an operator has booked, and those that moved
// nothing away, are known enough. A wallet that never paid anything may have been used
// elsewhere before.
func (r *Recovery) BeyondNonce(ctx context.Context, network rail.Rail, w payout.Wallet) (string, error) {
	next, err := network.NextNonce(ctx, w.Address)
	if err == nil {
		w, _, err = r.DB.Wallet(ctx, w.Seq) // after the chain: what it shows can only have been bound since
	}
	if err != nil || w.NextNonce == 0 || int64(next) <= w.NextNonce { //nolint:gosec // a nonce never nears 2^63
		return "", err
	}
	finder, ok := network.(rail.Finder)
	for n := uint64(w.NextNonce); n < next && ok; n++ { //nolint:gosec // above zero
		if n-uint64(w.NextNonce) >= oneByOne { //nolint:gosec // as above
			break
		}
		_, a, err := finder.Find(ctx, rail.Slot{Wallet: w.Address, Nonce: n})
		if err != nil {
			return "", err
		}
		if a == nil {
			continue // it waits in a pool
		}
		known, err := r.known(ctx, network, w, a.TxID)
		if err != nil {
			return "", err
		}
		if !known {
			return fmt.Sprintf("%s on %s has used nonce %d for the transaction %s, which these books do not know; they are at %d and the chain is at %d",
				w.Address, w.Network, n, a.TxID, w.NextNonce, next), nil
		}
	}
	return "", nil
}

// known tells whether the books need not know more of a transaction of a wallet.
func (r *Recovery) known(ctx context.Context, network rail.Rail, w payout.Wallet, txid string) (bool, error) {
	for _, look := range []func() (bool, error){
		func() (bool, error) { return r.DB.OwnBooked(ctx, w.Seq, txid) },
		func() (bool, error) { return r.DB.IsAttempt(ctx, txid) },
	} {
		if ok, err := look(); ok || err != nil {
			return ok, err
		}
	}
	m, ok := network.(rail.Mover)
	if !ok {
		return false, nil
	}
	away, err := m.Moved(ctx, w.Address, txid)
	return !away && err == nil, err
}
