package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// What every withdrawal of the bench asks for. The network has no way out: nothing
// is ever dispatched.
const (
	network = "bench"
	route   = "POST /v1/withdrawals"
	// namePrefix marks the merchants of the bench in a database.
	namePrefix = "sluice bench "
	typed      = "0x52908400098527886E0F7030069857D2E4169EE7"
)

var (
	// A code of its own keeps out of the way of real currencies in a given database.
	asset  = money.Asset{Code: "BENCH", Scale: 6, Networks: []string{network}}
	amount = money.Of(1_250_000)
	// funds are what each account gets: more than any run can withdraw.
	funds = money.Of(1_000_000_000_000_000_000)
	payee = rail.Target{Network: network, Typed: typed, Canonical: typed, Decoded: []byte("\x52\x90\x84\x00\x09\x85\x27\x88\x6e\x0f\x70\x30\x06\x98\x57\xd2\xe4\x16\x9e\xe7")}
)

// book is what a run works on: one merchant of its own, with funded accounts.
type book struct {
	merchant id.ID
	accounts []id.ID
	texts    []string // their public ids
	secret   string   // of an API key that may create withdrawals
	actor    string
	next     atomic.Int64 // the last withdrawal asked for
}

// setters is how many commands are under way while the accounts are made.
const setters = 256

// open makes the merchant, an API key and the accounts, through the commit loop.
func open(ctx context.Context, loop *commit.Loop, shard id.Shard, accounts int) (*book, error) {
	m, err := commit.Do(ctx, loop, shard, merchant.Create{
		Name: namePrefix + time.Now().UTC().Format(time.RFC3339), Mode: merchant.Test,
		// Queueing a withdrawal is a command of its own, which comes when its time has come: after the run.
		CancelWindow: merchant.MaxCancelWindow,
	})
	if err != nil {
		return nil, fmt.Errorf("make the merchant of the bench: %w", err)
	}
	b := &book{merchant: id.ID{Shard: shard, Seq: m.Seq}, accounts: make([]id.ID, accounts), texts: make([]string, accounts)}
	if b.secret, err = merchant.NewSecret(merchant.Test, rand.Reader); err != nil {
		return nil, err
	}
	// All keys live in shard 0.
	key, err := commit.Do(ctx, loop, 0, merchant.CreateKey{
		Owner: b.merchant, Mode: merchant.Test, Name: "bench", Secret: b.secret, Scopes: []merchant.Scope{merchant.CreateWithdrawals},
		ExpiresAt: time.Now().Add(24 * time.Hour), // nobody needs it afterwards
	})
	if err != nil {
		return nil, fmt.Errorf("make the API key of the bench: %w", err)
	}
	b.actor = "api:" + id.ID{Seq: key.Seq}.Text(id.Key)
	return b, b.fund(ctx, loop)
}

func (b *book) fund(ctx context.Context, loop *commit.Loop) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(setters)
	for n := range b.accounts {
		g.Go(func() error {
			if err := b.account(ctx, loop, n); err != nil {
				return fmt.Errorf("make account %d of the bench: %w", n, err)
			}
			return nil
		})
	}
	return g.Wait()
}

func (b *book) account(ctx context.Context, loop *commit.Loop, n int) error {
	a, err := commit.Do(ctx, loop, b.merchant.Shard, account.Open{
		Merchant: b.merchant.Seq, Kind: ledger.KindCustomer, ForeignID: fmt.Sprintf("customer-%d", n), Actor: b.actor,
	})
	if err != nil {
		return err
	}
	b.accounts[n] = id.ID{Shard: b.merchant.Shard, Seq: a.Seq}
	b.texts[n] = b.accounts[n].Text(id.Account)
	_, err = commit.Do(ctx, loop, b.merchant.Shard, account.AddCredit{
		Merchant: b.merchant.Seq, Account: a.Seq, Asset: asset, Amount: funds, Reference: "bench", Actor: b.actor,
	})
	return err
}
