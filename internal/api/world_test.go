package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/api"
	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/rail"
	"sluice/internal/rail/evm"
	"sluice/internal/store"
	"sluice/internal/test/harness"
	"sluice/internal/treasury"
)

// silent is a node that does not answer: destinations are checked without it.
type silent struct{}

func (silent) CallContext(context.Context, any, string, ...any) error {
	return errors.New("no node in these tests")
}

const usdtContract = "0xdAC17F958D2ee523a2206206994597C13D831ec7"

// alice is an address with a checksum in its letters.
const alice = "0x52908400098527886E0F7030069857D2E4169EE7"

var assets = money.Assets{
	"ETH":  {Code: "ETH", Scale: 18, Networks: []string{"ethereum"}},
	"USDT": {Code: "USDT", Scale: 6, Networks: []string{"ethereum"}},
	"EUR":  {Code: "EUR", Scale: 2},
}

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// party is one merchant with its key.
type party struct {
	id      id.ID
	key     string
	keySeq  id.Seq
	account string // an account of it, empty
}

// world is the whole product below the API, real but for the chain.
type world struct {
	t        testing.TB
	db       *store.DB
	loop     *commit.Loop
	server   *httptest.Server
	clock    *clock
	acme     party
	bolt     party
	operator string
	board    *board // prices, and what the house can pay
	terms    *pricing.Book
	contract *contract // checks every exchange; nil where speed counts
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, "sqlite:"+filepath.Join(t.TempDir(), "sluice.db"))
}

// newWorldOn is newWorld on an empty database. Where it has shards, the second
// merchant lives in another one than the first.
func newWorldOn(t testing.TB, url string) *world {
	t.Helper()
	return newWorldWith(t, url, func(*api.Deps) {})
}

// newWorldWith is newWorldOn with changes to what the API works with.
func newWorldWith(t testing.TB, url string, change func(*api.Deps)) *world {
	t.Helper()
	b := harness.Open(t, harness.Options{URL: url})
	db := b.DB
	w := &world{t: t, db: db, loop: b.Loop, clock: &clock{now: time.Now()}, board: newBoard()}
	w.terms = w.board.terms(db)
	network, err := evm.New(evm.Config{Network: "ethereum", ChainID: 1, Tokens: map[string]evm.Token{"USDT": {Contract: usdtContract, Scale: 6}}}, silent{})
	must(t, err)
	deps := api.Deps{
		Loop: w.loop, Reads: db, Assets: assets, Rails: map[string]rail.Rail{"ethereum": network}, Now: w.clock.Now, Log: harness.Quiet, Version: "test", Terms: w.terms,
		ReviewAbove: map[string]money.Amount{"ETH": money.Of(2e18)},
	}
	deps.Treasury = &treasury.Survey{Read: db, Rails: deps.Rails, Now: w.clock.Now}
	change(&deps)
	w.server = httptest.NewServer(api.New(deps))
	t.Cleanup(w.server.Close)
	w.acme, w.bolt = w.party("acme", 0), w.party("bolt", id.Shard(db.Shards()-1))
	w.operator, _ = w.newKey(id.ID{}, merchant.Operate)
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// do submits a command to the first shard, where the operator and the first merchant live.
func do[R any](w *world, c commit.Command[R]) R {
	w.t.Helper()
	return doIn(w, 0, c)
}

func doIn[R any](w *world, shard id.Shard, c commit.Command[R]) R {
	w.t.Helper()
	r, err := commit.Do(context.Background(), w.loop, shard, c)
	must(w.t, err)
	return r
}

func (w *world) party(name string, shard id.Shard) party {
	w.t.Helper()
	m := doIn(w, shard, merchant.Create{Name: name, Mode: merchant.Test})
	p := party{id: id.ID{Shard: shard, Seq: m.Seq}}
	p.key, p.keySeq = w.newKey(p.id, merchant.MerchantScopes...)
	a := doIn(w, shard, account.Open{Merchant: m.Seq, Kind: ledger.KindCustomer, Name: "a customer of " + name})
	p.account = id.ID{Shard: shard, Seq: a.Seq}.Text(id.Account)
	return p
}

func (w *world) newKey(owner id.ID, scopes ...merchant.Scope) (string, id.Seq) {
	w.t.Helper()
	secret, err := merchant.NewSecret(merchant.Test, rand.Reader)
	must(w.t, err)
	k := do(w, merchant.CreateKey{Owner: owner, Mode: merchant.Test, Name: "test", Secret: secret, Scopes: scopes})
	return secret, k.Seq
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// get reads a member of the body, by path: "destination.address", "data.0.id".
func (a answer) get(path string) string {
	var v any
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return ""
	}
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			n := 0
			if _, err := fmt.Sscan(part, &n); err != nil || n >= len(x) {
				return ""
			}
			v = x[n]
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// call makes a request. headers are "Name: value".
func (w *world) call(key, method, path, body string, headers ...string) answer {
	w.t.Helper()
	a, err := w.try(key, method, path, body, headers...)
	must(w.t, err)
	return a
}

// try is call for other goroutines than the test's.
func (w *world) try(key, method, path, body string, headers ...string) (answer, error) {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, w.server.URL+path, r)
	if err != nil {
		return answer{}, err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := w.server.Client().Do(req)
	if err != nil {
		return answer{}, err
	}
	text, err := io.ReadAll(res.Body)
	err = errors.Join(err, res.Body.Close())
	a := answer{res.StatusCode, res.Header, text}
	if err == nil && w.contract != nil {
		err = w.contract.check(req, body, a)
	}
	return a, err
}

// want fails the test unless the answer has the status and holds every fragment.
func (w *world) want(a answer, status int, fragments ...string) answer {
	w.t.Helper()
	if a.status != status {
		w.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	for _, f := range fragments {
		if !strings.Contains(string(a.body), f) {
			w.t.Fatalf("%s\nis missing %s", a.body, f)
		}
	}
	return a
}

var keys struct {
	sync.Mutex
	n int
}

// fresh is a header with an idempotency key that nobody used.
func fresh() string {
	keys.Lock()
	defer keys.Unlock()
	keys.n++
	return fmt.Sprintf("Idempotency-Key: k-%d", keys.n)
}

// fund credits an account, at once.
func (w *world) fund(p party, currency, amount string) {
	w.t.Helper()
	w.want(w.call(p.key, "POST", "/v1/credits", fmt.Sprintf(`{"account":%q,"currency":%q,"amount":%q}`, p.account, currency, amount), fresh()), 201)
}

// payout is the body of a withdrawal to alice.
func (p party) payout(foreign, amount string) string {
	return fmt.Sprintf(`{"account":%q,"foreign_id":%q,"currency":"USDT","amount":%q,"destination":{"network":"ethereum","address":%q}}`,
		p.account, foreign, amount, alice)
}

// balance reads one figure of a balance of USDT.
func (w *world) balance(p party, figure string) string {
	w.t.Helper()
	return w.want(w.call(p.key, "GET", "/v1/accounts/"+p.account+"/balances/USDT", ""), 200).get(figure)
}

// events are the types of all messages of a merchant since an event.
func (w *world) events(p party, after int64) (types []string, last int64) {
	w.t.Helper()
	rows, err := w.db.Events(context.Background(), p.id.Shard, p.id.Seq, after, 1000)
	must(w.t, err)
	last = after
	for _, e := range rows {
		for sub := range e.Messages() {
			types = append(types, string(e.MessageType(sub)))
			last = e.Seq + sub
		}
	}
	return types, last
}
