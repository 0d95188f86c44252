package treasury_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/payout"
	"sluice/internal/rail"
	"sluice/internal/store"
	"sluice/internal/store/chain/chaintest"
	"sluice/internal/store/pgtest"
	"sluice/internal/treasury"
	"sluice/internal/withdrawal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Wrap(m)) }

// limit is how long a test waits for what must happen.
const limit = 30 * time.Second

var assets = money.Assets{
	"ETH":  {Code: "ETH", Scale: 18, Networks: []string{"model"}},
	"USDT": {Code: "USDT", Scale: 6, Networks: []string{"model"}},
}

// engines are the databases that every test runs on.
var engines = map[string]func(testing.TB) string{
	"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "treasury.db") },
	"postgres": func(t testing.TB) string { return pgtest.URL(t) },
}

func everywhere(t *testing.T, test func(t *testing.T, w *world)) {
	for name, url := range engines {
		t.Run(name, func(t *testing.T) { test(t, newWorld(t, url(t))) })
	}
}

// world is a database, a chain, and the workers of one process.
type world struct {
	t       testing.TB
	chain   *chain
	db      *store.DB
	loop    *commit.Loop
	shop    id.ID
	account id.Seq
	wallets []payout.Wallet
	low     []treasury.Threshold
	doubt   time.Duration

	stop     func() // of the workers
	end      func() // of everything
	treasury *treasury.Worker
	orders   int
}

func newWorld(t testing.TB, url string) *world {
	t.Helper()
	w := &world{t: t, chain: newChain()}
	opt := store.Options{Shards: 2, Log: slog.New(slog.DiscardHandler), Chain: chaintest.Key}
	if err := store.Migrate(t.Context(), url, opt); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.db, err = store.Open(t.Context(), url, opt); err != nil {
		t.Fatal(err)
	}
	w.loop = commit.New(w.db, w.db.Shards(), commit.Options{Log: opt.Log})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.loop.Run(ctx) }()
	w.end = sync.OnceFunc(func() {
		w.halt()
		stop()
		if err := errors.Join(<-done, w.db.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(w.end)
	shard := id.Shard(w.db.Shards() - 1)
	m := do(w, shard, merchant.Create{Name: "Shop", Mode: merchant.Test})
	w.shop = id.ID{Shard: shard, Seq: m.Seq}
	w.account = do(w, shard, account.Open{Merchant: m.Seq, Kind: ledger.KindCustomer}).Seq
	for _, a := range assets {
		do(w, shard, account.AddCredit{Merchant: m.Seq, Account: w.account, Asset: a, Amount: money.Of(1_000_000_000)})
	}
	return w
}

func do[R any](w *world, shard id.Shard, c commit.Command[R]) R {
	w.t.Helper()
	r, err := commit.Do(context.Background(), w.loop, shard, c)
	if err != nil {
		w.t.Fatalf("%T: %v", c, err)
	}
	return r
}

// wallet makes a wallet known.
func (w *world) wallet(address string) payout.Wallet {
	wal := do(w, payout.OperatorShard, payout.CreateWallet{Network: "model", Address: address})
	w.wallets = append(w.wallets, wal)
	return wal
}

// start runs the workers, as a process that comes up does.
func (w *world) start() {
	rails := map[string]rail.Rail{"model": w.chain}
	log := slog.New(slog.DiscardHandler)
	pay := payout.NewWorker(w.loop, w.db, rails, w.chain, payout.Options{
		Owner: fmt.Sprint("proc-", time.Now().UnixNano()), ResendEvery: time.Millisecond, Poll: time.Millisecond, LookAgain: time.Millisecond, LookBack: time.Millisecond, Log: log,
	})
	turns := func(wallet id.Seq, fn func(context.Context, treasury.Guard)) {
		pay.Turn(wallet, func(ctx context.Context, h payout.Holder) { fn(ctx, h) })
	}
	w.treasury = treasury.NewWorker(w.loop, w.survey(), turns, treasury.Options{Assets: assets, Doubt: w.doubt, Log: log})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- pay.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
}

func (w *world) survey() treasury.Survey {
	return treasury.Survey{Read: w.db, Rails: map[string]rail.Rail{"model": w.chain}, Low: w.low, Now: time.Now}
}

// halt stops the workers.
func (w *world) halt() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// pay asks for a payout and has it queued.
func (w *world) pay(asset string, minor uint64) id.ID {
	w.orders++
	x := do(w, w.shop.Shard, withdrawal.Create{
		Merchant: w.shop.Seq, Account: w.account, ForeignID: fmt.Sprint("w", w.orders), Asset: assets[asset], Amount: money.Of(minor), Actor: "test",
		Target: rail.Target{Network: "model", Typed: "user", Canonical: "user", Decoded: []byte("user")},
	})
	do(w, w.shop.Shard, withdrawal.NewRelease(x.Seq, "test"))
	return id.ID{Shard: w.shop.Shard, Seq: x.Seq}
}

// eventually polls until a condition holds.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			w.t.Fatalf("not in time: %s; %s", what, w.show())
		}
		<-time.After(2 * time.Millisecond)
	}
}

func (w *world) lines(wal payout.Wallet) map[string]treasury.Line {
	w.t.Helper()
	st, _, err := w.survey().One(context.Background(), treasury.Wallet{Seq: wal.Seq, Network: wal.Network, Address: wal.Address}, true)
	if err != nil || st.Problem != "" {
		w.t.Fatal(err, st.Problem)
	}
	out := map[string]treasury.Line{}
	for _, l := range st.Lines {
		out[l.Asset] = l
	}
	return out
}

func (w *world) show() string {
	out := ""
	for _, wal := range w.wallets {
		for asset, l := range w.lines(wal) {
			out += fmt.Sprintf("%s %s: block %d chain %s booked %s missing %s: %s (%s); ", wal.Address, asset, l.Block, l.Chain, l.Booked.Format(assets[asset]), l.Missing, l.Cause, l.Text)
		}
	}
	return out
}

// settle goes on until everything that was asked for is paid and final, and every
// wallet agrees with its books or has only what is missing between them.
func (w *world) settle() {
	w.t.Helper()
	w.eventually("all is paid and booked", func() bool {
		w.chain.mine()
		w.chain.finalize(0)
		w.treasury.Look(context.Background())
		for n := range w.db.Shards() {
			for _, s := range []withdrawal.State{withdrawal.Queued, withdrawal.Processing} {
				if at, err := w.db.OldestOpen(context.Background(), id.Shard(n), s); err != nil || !at.IsZero() {
					return false
				}
			}
		}
		for _, wal := range w.wallets {
			for _, l := range w.lines(wal) {
				if l.Cause != treasury.CauseNone && (l.Missing.IsZero() || l.Difference.Plus(l.Missing).Sign() != 0) {
					return false
				}
			}
		}
		return true
	})
	r, err := w.db.Verify(context.Background())
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// want holds one wallet's line against what is expected.
func (w *world) want(wal payout.Wallet, asset string, cause treasury.Cause, chain uint64, difference string) {
	w.t.Helper()
	l := w.lines(wal)[asset]
	// What a line names can be looked at: `dispatch show` takes the id.
	for _, name := range regexp.MustCompile(`dispatch (\S+)`).FindAllStringSubmatch(l.Text, -1) {
		if _, err := id.Parse(id.Dispatch, strings.Trim(name[1], ",.;")); err != nil {
			w.t.Errorf("%q names a dispatch by what is no id: %v", l.Text, err)
		}
	}
	if l.Cause != cause || l.Chain != money.Of(chain) || l.Difference.Format(money.Asset{}) != difference {
		w.t.Fatalf("%s of %s: %s, chain %s, difference %s (%s); want %s, %d, %s", asset, wal.Address, l.Cause, l.Chain, l.Difference.Format(money.Asset{}), l.Text, cause, chain, difference)
	}
}

// deposits is what was booked to a wallet, oldest first.
func (w *world) deposits(wal payout.Wallet) (out []string) {
	rows, err := w.db.Fundings(context.Background(), wal.Seq, 0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for n := len(rows) - 1; n >= 0; n-- {
		out = append(out, fmt.Sprintf("%s %s %s", rows[n].Kind, rows[n].Amount, rows[n].Asset))
	}
	return out
}

// told is the events about a wallet, by type.
func (w *world) told(wal payout.Wallet) map[event.Type]int {
	rows, err := w.db.EventsOf(context.Background(), id.ID{Shard: payout.OperatorShard, Seq: wal.Seq})
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[event.Type]int{}
	for _, e := range rows {
		out[e.Type]++
	}
	return out
}
