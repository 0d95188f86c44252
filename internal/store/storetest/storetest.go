// Package storetest is the suite that every engine of package store passes. It goes
// in through the doors that the product uses (the commit loop and the typed reads)
// and looks from outside, with plain SQL, only where a test must see or spoil what
// the product would not. Only tests import this package.
package storetest

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver for looking from outside

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/store"
	"sluice/internal/store/chain/chaintest"
	"sluice/internal/test/harness"
	"sluice/internal/withdrawal"
)

// Engine makes databases of one kind.
type Engine struct {
	Name string
	// URL names a database that does not exist yet, or is empty, and goes with the test.
	URL func(t testing.TB) string
}

// Run runs the whole suite.
func Run(t *testing.T, e Engine) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Engine)
	}{
		{"RoundTrip", testRoundTrip},
		{"RefusedCommandLeavesNothing", testRefused},
		{"TestCase04_OneBadCommandDoesNotHurtItsBatch", testBadCommand},
		{"OnePanicDoesNotHurtItsBatch", testPanics},
		{"TestCase02_PanicOfTheBooksStops", testPanicOfTheBooks},
		{"ObserverPanics", testObserverPanics},
		{"EmptyBatchHasNoUnknownEnd", testEmptyEnd},
		{"TestCase05_CompareAndSet", testCompareAndSet},
		{"ImmutableRows", testImmutable},
		{"Counters", testCounters},
		{"NothingToWrite", testNothingToWrite},
		{"TestCase01_OneOfManyWholeWithdrawals", testWholeBalance}, // case-03: two processes, no balance in memory
		{"TestCase02_NegativeBucketsAreImpossible", testChecks},
		{"A17_AWithdrawalOnceInADispatch", testItemOnce},
		{"TestCase04_EveryReadShowsTheFixedTotal", testFixedTotal},
		{"TestCase13_SameKeyAtOnce", testSameKey},
		{"TestCase11_SameForeignIDAtOnce", testSameForeignID},
		{"TestCase14_SameKeysOfTwoMerchants", testTwoMerchants},
		{"ManyCallersFewConnections", testFewConnections},
		{"QueueFull", testQueueFull},
		{"Lists", testLists},
		{"A5_HeldBack", testHeldBack},
		{"Pages", testPages},
		{"Due", testDue},
		{"VerifyIsClean", testVerifyClean},
		{"VerifyFindsWhatIsWrong", testVerifyFinds},
		{"A4_ChainFindsEveryEdit", testChainFindsEveryEdit},
		{"A4_EveryTableIsJudged", testA4EveryTable},
		{"A4_Edits", testA4Edits},
		{"A4_LookingIsCovered", testA4Looking},
		{"A4_WhatIsAlteredIsRefused", testA4Refused},
		{"A4_Anchors", testA4Anchors}, // case-48: an end that was cut off, a history that was written anew
		{"A4_Begin", testA4Begin},
		{"A3_SealedForItsRow", testA3SealedForItsRow},
		{"A13_SecretsAreSealed", testA13SecretsAreSealed},
		{"Migrate", testMigrate},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, e) })
	}
}

var quiet = slog.New(slog.DiscardHandler)

// chainKey proves every database of the suite.
var chainKey = chaintest.Key

// storeOptions are those of the databases that start makes.
var storeOptions = store.Options{Shards: 2, Log: quiet, Chain: chainKey}

// node is one running process on a database: a store and a loop.
type node struct {
	t     testing.TB
	url   string
	DB    *store.DB
	Loop  *commit.Loop
	halts bool // the test stops the loop with what no command does
}

// start migrates a fresh database and runs a node on it.
func start(t testing.TB, e Engine) *node {
	t.Helper()
	url := e.URL(t)
	harness.Migrate(t, url, storeOptions)
	return join(t, url, storeOptions, commit.Options{Log: quiet})
}

// join runs a node on a database that exists.
func join(t testing.TB, url string, opt store.Options, loop commit.Options) *node {
	t.Helper()
	n := open(t, url, opt, loop)
	n.run()
	// Connect now: nodes that are to race must not differ by the time that takes.
	if err := n.submit(step{nil, func(*commit.View) (any, error) { return nil, nil }}); err != nil {
		t.Fatal(err)
	}
	return n
}

// open makes a node whose loop does not run yet.
func open(t testing.TB, url string, opt store.Options, loop commit.Options) *node {
	t.Helper()
	db, err := store.Open(t.Context(), url, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &node{t: t, url: url, DB: db, Loop: commit.New(db, db.Shards(), loop)}
}

func (n *node) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Loop.Run(ctx) }()
	n.t.Cleanup(func() {
		cancel()
		if err := <-done; (err != nil) != n.halts && !n.t.Failed() {
			n.t.Error(err)
		}
	})
}

// do submits a command to shard 0 and fails the test if it is refused.
func do[R any](n *node, c commit.Command[R]) R {
	n.t.Helper()
	r, err := commit.Do(context.Background(), n.Loop, 0, c)
	if err != nil {
		n.t.Fatal(err)
	}
	return r
}

// eth has 18 decimals: one of it does not fit 64 bits many times over.
var eth = money.Asset{Code: "ETH", Scale: 18, Networks: []string{"ethereum"}}

func amount(s string) money.Amount {
	a, err := eth.Parse(s)
	if err != nil {
		panic(err)
	}
	return a
}

// fixture is a merchant with one funded account.
type fixture struct {
	*node
	merchant, account id.Seq
}

func fund(n *node, name, balance string) fixture {
	n.t.Helper()
	m := do(n, merchant.Create{Name: name, Mode: merchant.Test})
	a := do(n, account.Open{Merchant: m.Seq, Kind: ledger.KindCustomer, Name: "a holder"})
	f := fixture{n, m.Seq, a.Seq}
	do(n, account.AddCredit{Merchant: f.merchant, Account: f.account, Asset: eth, Amount: amount(balance)})
	return f
}

// create is a command that withdraws from the fixture's account.
func (f fixture) create(foreignID, howMuch string) withdrawal.Create {
	return withdrawal.Create{
		Merchant: f.merchant, Account: f.account, ForeignID: foreignID, Asset: eth, Amount: amount(howMuch), Actor: "test",
		Target: rail.Target{Network: "ethereum", Typed: "0xab", Canonical: "0xAb", Decoded: []byte{0xab}},
	}
}

// at is the address of a row in shard 0.
func at(s id.Seq) id.ID { return id.ID{Seq: s} }

// balance reads the account's only balance.
func (f fixture) balance() ledger.Balance {
	f.t.Helper()
	list, err := f.DB.Balances(context.Background(), at(f.account))
	if err != nil || len(list) != 1 {
		f.t.Fatalf("balances: %v, %v", list, err)
	}
	return list[0]
}

// verify requires clean books.
func (n *node) verify() {
	n.t.Helper()
	r, err := n.DB.Verify(context.Background())
	if err != nil {
		n.t.Fatal(err)
	}
	if !r.OK() {
		n.t.Errorf("the books differ: %+v", r)
	}
}

// parallel runs fn n times at once and waits.
func parallel(n int, fn func(i int)) {
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			<-gate
			fn(i)
		}()
	}
	close(gate)
	wg.Wait()
}

// outside opens the database as a stranger would.
func outside(t testing.TB, url string) *sql.DB {
	t.Helper()
	var db *sql.DB
	var err error
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		db, err = sql.Open("sqlite", path)
	} else {
		var conf *pgx.ConnConfig
		if conf, err = pgx.ParseConfig(url); err == nil {
			db = stdlib.OpenDB(*conf)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// spoil changes the database behind the product's back.
func spoil(t testing.TB, url string, statements ...string) {
	t.Helper()
	db := outside(t, url)
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// count counts the rows of a table.
func count(t testing.TB, url, table string) (n int) {
	t.Helper()
	db := outside(t, url)
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return n
}

// someTime is when the tests take place.
var someTime = time.Date(2026, 2, 28, 23, 59, 59, 999_999_000, time.UTC)

// step is a command made of two functions.
type step struct {
	reads func(w *commit.Wants)
	apply func(v *commit.View) (any, error)
}

// Reads implements commit.Command.
func (s step) Reads(w *commit.Wants) {
	if s.reads != nil {
		s.reads(w)
	}
}

// Apply implements commit.Command.
func (s step) Apply(v *commit.View) (any, error) { return s.apply(v) }

// submit runs a step in shard 0.
func (n *node) submit(s step) error {
	_, err := commit.Do(context.Background(), n.Loop, 0, s)
	return err
}
