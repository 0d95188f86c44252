// Package dialecttest is what the tests of every dialect share: a whole product below
// one wire, real but for the chain, and one table of scenarios that every wire passes.
// Only tests import it.
package dialecttest

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/dialect"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fx"
	"sluice/internal/rail"
	"sluice/internal/rail/evm"
	"sluice/internal/store"
	"sluice/internal/test/harness"
	"sluice/internal/webhook"
	"sluice/internal/webhook/deliver"
	"sluice/internal/withdrawal"
	"sluice/internal/withdrawal/intake"
)

// silent is a node that does not answer: destinations are checked without it.
type silent struct{}

// CallContext implements evm.Node.
func (silent) CallContext(context.Context, any, string, ...any) error {
	return errors.New("no node in these tests")
}

// Alice is an address with a checksum in its letters.
const Alice = "0x52908400098527886E0F7030069857D2E4169EE7"

// Assets are the currencies of a world.
var Assets = money.Assets{
	"ETH":  {Code: "ETH", Scale: 18, Networks: []string{"ethereum"}},
	"USDT": {Code: "USDT", Scale: 6, Networks: []string{"ethereum"}},
	"EUR":  {Code: "EUR", Scale: 2},
}

// Network is an EVM network that pays ETH and USDT.
func Network(t testing.TB, name string) rail.Rail {
	t.Helper()
	r, err := evm.New(evm.Config{
		Network: name, ChainID: 1, Tokens: map[string]evm.Token{"USDT": {Contract: "0xdAC17F958D2ee523a2206206994597C13D831ec7", Scale: 6}},
	}, silent{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Tagged is a network whose payouts carry a destination tag: a number.
type Tagged struct {
	rail.Rail
	Name string
}

// Network implements rail.Rail.
func (t Tagged) Network() string { return t.Name }

// FeeAsset implements rail.Rail.
func (Tagged) FeeAsset() string { return "XRP" }

// Tags implements rail.Tagger.
func (Tagged) Tags(string) bool { return true }

// Check implements rail.Rail.
func (t Tagged) Check(_ context.Context, typed, tag, _ string) (rail.Target, error) {
	if strings.Trim(tag, "0123456789") != "" {
		return rail.Target{}, fault.Bad("invalid_tag", "tag", "must be a number")
	}
	return rail.Target{Network: t.Name, Typed: typed, Canonical: typed, Decoded: []byte(typed), Tag: tag}, nil
}

// limit is how long a test waits for what must happen.
const limit = 20 * time.Second

// prices are what a world exchanges at: 1 EUR is 1.25 USDT or 0.0005 ETH.
type prices struct{}

// Market implements fx.Markets.
func (prices) Market(base, quote string) (fx.Market, error) {
	now := time.Now()
	tick := func(a, b, price string) fx.Tick {
		return fx.Tick{Base: a, Quote: b, Bid: fx.MustRate(price), Ask: fx.MustRate(price), At: now, Source: "test"}
	}
	return fx.Policy{MaxAge: time.Hour}.Market(now, []fx.Tick{tick("EUR", "USDT", "1.25"), tick("EUR", "ETH", "0.0005")}, base, quote)
}

// Party is a merchant with an account of its own and a credential.
type Party struct {
	ID      id.ID
	Account id.Seq
	Key     string // public name of the credential
	Secret  string
	Cred    credential.Credential
}

// Callback is a request that the merchant's receiver got.
type Callback struct {
	Path   string
	Header http.Header
	Body   []byte
}

// World is the product below one wire.
type World struct {
	testing.TB
	DB       *store.DB
	Loop     *commit.Loop
	Deps     dialect.Deps
	Dialect  dialect.Dialect
	Server   *httptest.Server // the wire
	Receiver *httptest.Server // where merchants are told
	A, B     Party            // two merchants, both with an endpoint at Receiver

	mu       sync.Mutex
	beside   []dialect.Dialect
	answer   func(Callback) (int, string)
	got      []Callback
	news     chan struct{}
	dispatch id.Seq
	keys     map[string]string
	endpoint string
}

// Options bend a world.
type Options struct {
	// URL names an empty database; "" is SQLite in a folder of the test.
	URL string
	// Terms are what is charged beside; Markets and Pairs are set where they are not.
	Terms *pricing.Book
	// Option are options of the credentials.
	Option map[string]string
	// Answer is what the receiver answers; nil: 200 and "ok".
	Answer func(Callback) (int, string)
	// ReviewAbove is as in intake.Intake; nil: above 2 ETH.
	ReviewAbove map[string]money.Amount
	// Bank lets EUR go to bank accounts, and above 2 EUR wait for a person.
	Bank bool
	// Bend changes what the world pays and how, before anything is made of it; see Network and Tagged.
	Bend func(*intake.Intake)
	// Beside are further wires on the same server, with the native API; see Speaks.
	Beside []func(dialect.Deps) dialect.Dialect
	// PublicKeys are what parties sign with, by name; Endpoint are options of their
	// endpoints.
	PublicKeys map[string]string
	Endpoint   string
}

// New makes a world around a wire.
func New(t testing.TB, wire func(dialect.Deps) dialect.Dialect, opt Options) *World {
	t.Helper()
	w := &World{TB: t, answer: opt.Answer, news: make(chan struct{}, 1000), dispatch: 1000, keys: opt.PublicKeys, endpoint: opt.Endpoint}
	var worker *deliver.Worker
	b := harness.Idle(t, harness.Options{URL: opt.URL, Commit: commit.Options{Observe: func(b commit.Batch) {
		if b.Events > 0 && worker != nil {
			worker.Wake(b.Shard)
		}
	}}})
	db := b.DB
	w.DB, w.Loop = db, b.Loop
	w.Deps = dialect.Deps{
		Loop: w.Loop, Reads: db, Log: harness.Quiet, Version: "test", AllowHTTP: true,
		Desk: &intake.Intake{Assets: maps.Clone(Assets), Rails: map[string]rail.Rail{"ethereum": Network(t, "ethereum")}, Terms: book(opt.Terms, db), ReviewAbove: opt.ReviewAbove},
	}
	if opt.ReviewAbove == nil {
		w.Deps.Desk.ReviewAbove = map[string]money.Amount{"ETH": money.Of(2e18)}
	}
	if opt.Bank {
		w.withBank()
	}
	if opt.Bend != nil {
		opt.Bend(w.Deps.Desk)
	}
	w.Dialect = wire(w.Deps)
	for _, wire := range opt.Beside {
		w.beside = append(w.beside, wire(w.Deps))
	}
	worker, err := deliver.New(w.Loop, db, w.formats(), deliver.Options{AllowLoopback: true, AllowHTTP: true, Poll: 50 * time.Millisecond, Log: harness.Quiet})
	w.Must(err)
	w.serve()
	running, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	b.Run()
	w.A, w.B = w.Party("acme", 0, opt.Option), w.Party("bolt", id.Shard(db.Shards()-1), opt.Option)
	go func() { done <- worker.Run(running) }()
	t.Cleanup(func() {
		stop()
		w.Must(<-done)
		w.adds()
		w.Server.Close()
		w.Receiver.Close()
	})
	return w
}

func book(b *pricing.Book, own pricing.Schedules) *pricing.Book {
	if b == nil {
		b = &pricing.Book{}
	}
	if b.Markets == nil {
		b.Markets = prices{}
	}
	if b.Pairs == nil {
		b.Pairs = []fx.Pair{
			{From: Assets["EUR"], To: Assets["USDT"], MinSend: money.Of(100)},
			{From: Assets["EUR"], To: Assets["ETH"], MinSend: money.Of(100)},
		}
	}
	b.Own = own
	return b
}

// serve starts the wire and the receiver.
func (w *World) serve() {
	mux := http.NewServeMux()
	w.mount(mux)
	w.Server = httptest.NewServer(mux)
	w.Receiver = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		c := Callback{r.URL.Path, r.Header.Clone(), body}
		status, text := http.StatusOK, "ok"
		if w.answer != nil {
			status, text = w.answer(c)
		}
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, text)
		w.mu.Lock()
		w.got = append(w.got, c)
		w.mu.Unlock()
		w.news <- struct{}{}
	}))
}

// Must ends the test on an error.
func (w *World) Must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// Do submits a command.
func Do[R any](w *World, shard id.Shard, c commit.Command[R]) R {
	w.Helper()
	r, err := commit.Do(context.Background(), w.Loop, shard, c)
	w.Must(err)
	return r
}

// Party makes a merchant with an account, a credential, and an endpoint at the receiver.
func (w *World) Party(name string, shard id.Shard, options map[string]string) Party {
	w.Helper()
	m := Do(w, shard, merchant.Create{Name: name, Mode: merchant.Test})
	p := Party{ID: id.ID{Shard: shard, Seq: m.Seq}}
	p.Account = Do(w, shard, account.Open{Merchant: m.Seq, Kind: ledger.KindMerchant, Name: name}).Seq
	secret, err := credential.NewSecret(rand.Reader)
	w.Must(err)
	p.Secret = secret
	p.Cred = Do(w, shard, credential.Create{
		Merchant: m.Seq, Dialect: w.Dialect.Name(), Secret: []byte(secret), PublicKey: w.keys[name], Scopes: merchant.MerchantScopes, Options: options,
	})
	p.Key = credential.KeyID(id.ID{Shard: shard, Seq: p.Cred.Seq})
	Do(w, shard, webhook.CreateEndpoint{
		Merchant: m.Seq, URL: w.Receiver.URL + "/" + name, Types: []string{"*"}, Format: w.Dialect.Name(), AllowHTTP: true, Options: w.endpoint,
	})
	return p
}

// Fund credits the account of a merchant.
func (w *World) Fund(p Party, currency, amount string) {
	w.Helper()
	asset := w.Deps.Desk.Assets[currency]
	a, err := asset.Parse(amount)
	w.Must(err)
	Do(w, p.ID.Shard, account.AddCredit{Merchant: p.ID.Seq, Account: p.Account, Asset: asset, Amount: a, Actor: "test"})
}

// Balance reads a balance of a merchant.
func (w *World) Balance(p Party, currency string) ledger.Balance {
	w.Helper()
	rows, err := w.DB.Balances(context.Background(), id.ID{Shard: p.ID.Shard, Seq: p.Account})
	w.Must(err)
	for _, b := range rows {
		if b.Currency == currency {
			return b
		}
	}
	return ledger.Balance{}
}

// Newest is the withdrawal that was made last.
func (w *World) Newest(p Party) withdrawal.Withdrawal {
	w.Helper()
	rows, err := w.DB.Withdrawals(context.Background(), withdrawal.Filter{Shard: p.ID.Shard, Merchant: p.ID.Seq, Limit: 1})
	w.Must(err)
	if len(rows) == 0 {
		w.Fatal("there is no withdrawal")
	}
	return rows[0]
}

// Callbacks waits for the receiver to have got so many callbacks, and gives all of them.
func (w *World) Callbacks(n int) []Callback {
	w.Helper()
	deadline := time.After(limit)
	for {
		w.mu.Lock()
		got := append([]Callback(nil), w.got...)
		w.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-w.news:
		case <-deadline:
			w.Fatalf("%d callbacks came, want %d", len(got), n)
		}
	}
}

// Native makes a withdrawal as the native API does.
func (w *World) Native(p Party, foreign, currency, amount string) withdrawal.Withdrawal {
	w.Helper()
	asset := Assets[currency]
	a, err := asset.Parse(amount)
	w.Must(err)
	to, err := w.Deps.Desk.Target(context.Background(), asset, "ethereum", Alice, "")
	w.Must(err)
	return Do(w, p.ID.Shard, w.Deps.Desk.Withdrawal(context.Background(), intake.Order{
		Merchant: p.ID, Account: p.Account, ForeignID: foreign, From: asset, To: asset, Amount: a, Target: to, Actor: "test",
	}))
}

// Delivery waits until the newest delivery of a type to a merchant has a state and
// class of its last failure.
func (w *World) Delivery(p Party, typ, state, failure string) webhook.Delivery {
	w.Helper()
	ctx := context.Background()
	all, err := w.DB.Endpoints(ctx, p.ID)
	w.Must(err)
	var last webhook.Delivery
	deadline := time.After(limit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		rows, err := w.DB.Deliveries(ctx, id.ID{Shard: p.ID.Shard, Seq: all[0].Seq}, "", 0, 100)
		w.Must(err)
		for i := len(rows) - 1; i >= 0; i-- {
			if rows[i].Type == typ {
				last = rows[i]
			}
		}
		if string(last.State) == state && last.LastError == failure {
			return last
		}
		select {
		case <-tick.C:
		case <-deadline:
			w.Fatalf("the delivery of %s is %s %q, want %s %q", typ, last.State, last.LastError, state, failure)
		}
	}
}

// Eventually waits until something holds.
func Eventually(w *World, holds func() bool, what string) {
	w.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			w.Fatalf("it does not come about that %s", what)
		}
	}
}

// adds requires that the books are right after whatever the test did.
func (w *World) adds() {
	w.Helper()
	r, err := w.DB.Verify(context.Background())
	w.Must(err)
	if !r.OK() {
		w.Errorf("the books do not add up: %+v", r)
	}
}
