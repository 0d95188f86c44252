package app

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"sluice/internal/fault"
	"sluice/internal/fault/outage"
	"sluice/internal/payout"
	"sluice/internal/signer"
)

// ownKeys tells which wallets this process, or its signer, has the keys of. Others are
// left to the processes that can sign for them.
type ownKeys struct {
	sign    signer.Signer
	health  *signerHealth // nil: the signer cannot tell
	outages *outage.Book

	mu    sync.Mutex
	mine  map[string]bool // by address, in lower case
	asked time.Time
}

// How often the signer is asked whether it has new keys: seldom, unless there is a wallet
// whose key is missing.
const (
	askEvery = 10 * time.Second
	askSoon  = time.Second
)

func newOwnKeys(sign signer.Signer, health *signerHealth, outages *outage.Book) *ownKeys {
	return &ownKeys{sign: sign, health: health, outages: outages, mine: map[string]bool{}}
}

// look asks the signer for the first time, and tells whether it has keys now. A signer that
// is not there yet may come.
func (o *ownKeys) look(ctx context.Context) (bool, error) {
	err := o.ask(ctx)
	if fault.CodeOf(err) == awayCode {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask the signer for its wallets: %w", err)
	}
	return len(o.mine) > 0, nil
}

func (o *ownKeys) ask(ctx context.Context) error {
	if o.health != nil {
		_ = o.health.ask(ctx) // it is noted
	}
	addresses, err := o.sign.Addresses(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = time.Now()
	for _, a := range addresses {
		o.mine[strings.ToLower(a)] = true
	}
	return err
}

// of gives those wallets whose keys are here, for dispatch.Options. Keys that were made
// after the start are among them.
func (o *ownKeys) of(ctx context.Context, all []payout.Wallet) []payout.Wallet {
	own, asked := o.known(all)
	age := time.Since(asked)
	if age > askEvery || age > askSoon && len(own) < len(all) {
		err := o.ask(ctx) // what it had before still holds
		if fault.CodeOf(err) != awayCode {
			o.outages.Note(outage.Subject{What: outage.Keys}, err)
		}
		own, _ = o.known(all)
	}
	return own
}

func (o *ownKeys) known(all []payout.Wallet) (own []payout.Wallet, asked time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range all {
		if o.mine[strings.ToLower(w.Address)] {
			own = append(own, w)
		}
	}
	return own, o.asked
}
