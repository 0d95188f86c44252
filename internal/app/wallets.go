package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/dispatch"
	"sluice/internal/fault"
	"sluice/internal/signer"
)

// ownWallets are the wallets whose keys this process, or its signer, has. Others are
// left to the processes that can sign for them.
type ownWallets struct {
	dispatch.Reader
	sign signer.Signer
	log  *slog.Logger

	mu    sync.Mutex
	mine  map[string]bool // by address, in lower case
	asked time.Time
}

// askEvery is how often the signer is asked whether it has new keys.
const askEvery = 10 * time.Second

func newOwnWallets(read dispatch.Reader, sign signer.Signer, log *slog.Logger) *ownWallets {
	return &ownWallets{Reader: read, sign: sign, log: log, mine: map[string]bool{}}
}

// look asks the signer for the first time, and tells whether there will be anything to
// pay from. A signer that is not there yet may come.
func (o *ownWallets) look(ctx context.Context) (bool, error) {
	err := o.ask(ctx)
	if fault.CodeOf(err) == "signer_unavailable" {
		o.log.Warn("the signer does not answer; payouts wait for it", "error", err)
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask the signer for its wallets: %w", err)
	}
	return len(o.mine) > 0, nil
}

func (o *ownWallets) ask(ctx context.Context) error {
	addresses, err := o.sign.Addresses(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = time.Now()
	for _, a := range addresses {
		o.mine[strings.ToLower(a)] = true
	}
	return err
}

// Wallets implements dispatch.Reader.
func (o *ownWallets) Wallets(ctx context.Context) ([]dispatch.Wallet, error) {
	o.mu.Lock()
	due := time.Since(o.asked) > askEvery
	o.mu.Unlock()
	if due {
		if err := o.ask(ctx); err != nil { // what it had before still holds
			o.log.Warn("the signer does not tell its wallets", "error", err)
		}
	}
	all, err := o.Reader.Wallets(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(all, func(w dispatch.Wallet) bool { return !o.mine[strings.ToLower(w.Address)] }), err
}
