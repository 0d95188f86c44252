package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/payout"
	"sluice/internal/rail"
	"sluice/internal/rail/evm"
	"sluice/internal/store"
	"sluice/internal/withdrawal"
)

// PaidPayouts is how many withdrawals are carried through the whole product: ten lists
// of the largest size.
const PaidPayouts = 2000

// paidWait bounds the wait for all of them.
const paidWait = 5 * time.Minute

// PaidReport is how fast withdrawals that were queued became final: through store,
// dispatch, signer and vault, with everything durable before it is sent.
type PaidReport struct {
	Payouts      int     `json:"payouts"`
	Transactions uint64  `json:"transactions"`
	Seconds      float64 `json:"seconds"`
	PerSecond    float64 `json:"payouts_per_second"`
	// FloorPerSecond is the same lists on the same chain in the same run, without a store.
	FloorPerSecond float64 `json:"floor_payouts_per_second"`
	ShareOfFloor   float64 `json:"share_of_floor"`
}

// paid queues withdrawals of the token in a new database of a name, then starts the product
// on it and waits until the last one is confirmed. Blocks come at an interval.
func (b *evmBench) paid(ctx context.Context, name string, way *evm.Rail, count int, blocks time.Duration) (out PaidReport, err error) {
	ctx, cancel := context.WithTimeout(ctx, paidWait)
	defer cancel()
	conf := config.Default(config.Dev)
	conf.Listen, conf.AdminListen, conf.Keystore.Dir = "127.0.0.1:0", "", ""
	conf.DatabaseURL = config.NewSecret("sqlite:" + filepath.Join(b.dir, name+".db"))
	conf.Webhooks.Enabled = false
	conf.Assets = []config.Asset{{Code: dollar.Code, Scale: dollar.Scale, Networks: dollar.Networks}}
	db, err := app.OpenStore(ctx, conf, silent)
	if err != nil {
		return out, err
	}
	err = app.Write(ctx, db, func(loop *commit.Loop) error { return b.queue(ctx, loop, count) })
	if err = errors.Join(err, db.Close()); err != nil {
		return out, err
	}
	before, err := b.rail.NextNonce(ctx, b.wallet)
	if err != nil {
		return out, err
	}
	had, err := b.rail.Balance(ctx, b.wallet)
	if err != nil {
		return out, err
	}
	a, err := app.New(ctx, conf, app.Options{Rails: map[string]rail.Rail{benchNetwork: way}, Signer: b.signer, Log: silent})
	if err != nil {
		return out, err
	}
	stopChain := b.keepMining(ctx, blocks)
	start := time.Now()
	stop := background(ctx, a.Run)
	err = allPaid(ctx, a.Store)
	took := time.Since(start)
	if err = errors.Join(err, stop(), stopChain()); err != nil {
		return out, err
	}
	if err := b.left(ctx, had[dollar.Code], count); err != nil {
		return out, err
	}
	after, err := b.rail.NextNonce(ctx, b.wallet)
	out = PaidReport{Payouts: count, Transactions: after - before, Seconds: round(took.Seconds(), 3), PerSecond: round(float64(count)/took.Seconds(), 1)}
	return out, err
}

// left holds what the wallet and its vault have against what the payouts must have left.
func (b *evmBench) left(ctx context.Context, had money.Amount, count int) error {
	gone, err := each.Mul(uint64(count)) //nolint:gosec // a number of payouts
	if err != nil {
		return err
	}
	want, err := had.Sub(gone)
	if err != nil {
		return err
	}
	have, err := b.rail.Balance(ctx, b.wallet)
	if err == nil && have[dollar.Code] != want {
		err = fmt.Errorf("the wallet has %s of the token left, want %s", have[dollar.Code], want)
	}
	return err
}

// each is what every payout is worth.
var each = money.Of(25_000_000)

// dollar is the token as the product knows it.
var dollar = money.Asset{Code: "USD", Scale: 6, Networks: []string{benchNetwork}}

// queue makes the wallet known, and so many withdrawals that are ready to be paid.
func (b *evmBench) queue(ctx context.Context, loop *commit.Loop, count int) error {
	if _, err := commit.Do(ctx, loop, payout.OperatorShard, payout.CreateWallet{Network: benchNetwork, Address: b.wallet}); err != nil {
		return err
	}
	const shard id.Shard = 0 // the only one of SQLite
	m, err := commit.Do(ctx, loop, shard, merchant.Create{Name: namePrefix + "rail", Mode: merchant.Test})
	if err != nil {
		return err
	}
	opened, err := commit.Do(ctx, loop, shard, account.Open{Merchant: m.Seq, Kind: ledger.KindCustomer, Actor: "bench"})
	if err != nil {
		return err
	}
	if _, err := commit.Do(ctx, loop, shard, account.AddCredit{
		Merchant: m.Seq, Account: opened.Seq, Asset: dollar, Amount: funds, Reference: "bench", Actor: "bench",
	}); err != nil {
		return err
	}
	errs := make(chan error)
	const askers = 16 // the queue of a tool's loop is short
	for asker := range askers {
		go func() {
			var err error
			for n := asker; n < count && err == nil; n += askers {
				err = queueOne(ctx, loop, m.Seq, opened.Seq, n)
			}
			errs <- err
		}()
	}
	for range askers {
		err = errors.Join(err, <-errs)
	}
	return err
}

func queueOne(ctx context.Context, loop *commit.Loop, shop, from id.Seq, n int) error {
	to := make([]byte, 20)
	_, _ = rand.Read(to) // never fails (crypto/rand)
	text := fmt.Sprintf("0x%x", to)
	w, err := commit.Do(ctx, loop, 0, withdrawal.Create{
		Merchant: shop, Account: from, ForeignID: fmt.Sprint("bench-", n), Asset: dollar, Amount: each, Actor: "bench",
		Target: rail.Target{Network: benchNetwork, Typed: text, Canonical: text, Decoded: to},
	})
	if err == nil && w.State == withdrawal.New {
		_, err = commit.Do(ctx, loop, 0, withdrawal.NewRelease(w.Seq, "bench"))
	}
	return err
}

// blockEvery is how often the chain inside the process makes a block.
const blockEvery = 10 * time.Millisecond

// keepMining makes blocks until the returned function is called; nothing where blocks
// come by themselves.
func (b *evmBench) keepMining(ctx context.Context, every time.Duration) (stop func() error) {
	if b.mine == nil {
		return func() error { return nil }
	}
	return background(ctx, func(ctx context.Context) error {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				if err := b.mine(); err != nil {
					return err
				}
			}
		}
	})
}

// allPaid waits until no withdrawal is queued or on its way, and holds each to have been paid.
func allPaid(ctx context.Context, db *store.DB) error {
	tick := time.NewTicker(blockEvery)
	defer tick.Stop()
	for {
		open := false
		for _, s := range []withdrawal.State{withdrawal.Queued, withdrawal.Processing} {
			at, err := db.OldestOpen(ctx, 0, s)
			if err != nil {
				return err
			}
			open = open || !at.IsZero()
		}
		if !open {
			return verified(ctx, db)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not everything was paid within %v: %w", paidWait, ctx.Err())
		case <-tick.C:
		}
	}
}

func verified(ctx context.Context, db *store.DB) error {
	r, err := db.Verify(ctx)
	if err == nil {
		err = r.Err()
	}
	return err
}
