package crashtest_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/demo/devnet"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/payout"
	"sluice/internal/rail/evm"
	"sluice/internal/signer/keystore"
	"sluice/internal/store/pgtest"
)

const network = "ethereum"

var eth = money.Asset{Code: "ETH", Scale: 18, Networks: []string{network}}

// credited is what the account of a site has of each currency at first.
const credited = "1000"

// site is an installation: a database with a merchant and an account with money, and
// a funded wallet on a chain. Processes come and go on it.
type site struct {
	t       *testing.T
	chain   *devnet.Chain
	token   string // contract of usdt
	usdt    money.Asset
	wallet  string
	vault   string // "" without one
	dir     string
	conf    string // path of the configuration file
	key     string
	account string
	network string
	assets  []money.Asset // what the account has, and wants paid
	hook    *hook         // nil without webhooks
	orders  []*order
	http    *http.Client
}

// order is a withdrawal that the merchant wants, whatever happens to the server.
type order struct {
	foreign, currency, amount string
	to                        string
	id                        string // once it was accepted
	answer                    map[string]any
}

func (o *order) state() string {
	s, _ := o.answer["state"].(string)
	return s
}

func (o *order) attention() string {
	a, _ := o.answer["attention"].(map[string]any)
	code, _ := a["code"].(string)
	return code
}

// stage is how far the instruction has come, "" unless it is under way.
func (o *order) stage() string {
	s, _ := o.answer["stage"].(string)
	return s
}

// stores are the databases that a site may have.
var stores = map[string]func(t *testing.T, dir string) string{
	"sqlite":   func(_ *testing.T, dir string) string { return "sqlite:" + filepath.Join(dir, "sluice.db") },
	"postgres": func(t *testing.T, _ string) string { return pgtest.URL(t) },
}

// setting changes the configuration of a site.
type setting func(*settings)

type settings struct {
	node     string // URL of the chain
	finality string
	kind     devnet.Kind
	funds    string // USDT of the wallet
	gas      string // ETH of the wallet
	bump     string // when fees are raised
	key      string // of the wallet, in hex; "": a new one
	webhooks bool   // there is an endpoint, and all events go to it
	vault    bool   // the tokens are in a vault
	lease    string // how long a wallet stays with a process that is gone
}

// newSite makes an installation on a chain; the token is deployed for it alone.
func newSite(t *testing.T, chain *devnet.Chain, database string, more ...setting) *site {
	t.Helper()
	set := settings{node: chain.URL(), finality: "3", kind: devnet.Tether, funds: "1000", gas: "10", bump: "0s", lease: "1s"}
	for _, m := range more {
		m(&set)
	}
	ctx := t.Context()
	s := &site{t: t, chain: chain, dir: t.TempDir(), http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}}
	t.Cleanup(s.http.CloseIdleConnections)
	keys := filepath.Join(s.dir, "keys")
	var err error
	if set.key == "" {
		s.wallet, err = keystore.Create(keys, "secret", keystore.Light)
	} else {
		s.wallet, err = keystore.Import(keys, "secret", keystore.Light, set.key)
	}
	must(t, err)
	s.usdt, s.network = money.Asset{Code: "USDT", Scale: 6, Networks: []string{network}}, network
	if set.kind == devnet.Moody {
		s.usdt.Scale = 18 // the contract says so
	}
	s.token, err = chain.DeployToken(ctx, set.kind, "Test Dollar", s.usdt.Code)
	must(t, err)
	vaults := ""
	if set.vault {
		s.vault, err = chain.DeployVault(ctx, s.wallet)
		must(t, err)
		vaults = fmt.Sprintf("vaults = { %q = %q }", s.wallet, s.vault)
	}
	s.give(set.funds, set.gas)
	s.conf = filepath.Join(s.dir, "sluice.toml")
	text := fmt.Sprintf(`
mode = "dev"
listen = "127.0.0.1:0"
admin_listen = ""
database_url = %q
shards = 2
[webhooks]
enabled = %t
[dispatch]
resend_every = "1s"
lease_for = %q
bump_after = %q
[keystore]
dir = %q
passphrase = "secret"
[[assets]]
code = "USDT"
scale = %d
networks = [%q]
[[assets]]
code = "ETH"
scale = 18
networks = [%q]
[[networks]]
name = %q
url = %q
chain_id = %d
finality = %q
poll = "40ms"
tokens = { USDT = %q }
%s
`, database, set.webhooks, set.lease, set.bump, keys, s.usdt.Scale, network, network, network, set.node, chain.ID(), set.finality, s.token, vaults)
	must(t, os.WriteFile(s.conf, []byte(text), 0o600))
	if set.webhooks {
		s.hook = newHook(t)
	}
	s.assets = []money.Asset{s.usdt, eth}
	s.populate()
	return s
}

// give funds the wallet; "" is nothing.
func (s *site) give(dollars, ether string) {
	s.t.Helper()
	if dollars != "" {
		a, err := s.usdt.Parse(dollars)
		must(s.t, err)
		holder := s.wallet
		if s.vault != "" {
			holder = s.vault
		}
		must(s.t, s.chain.Mint(s.t.Context(), s.token, holder, a))
	}
	if ether != "" {
		a, err := eth.Parse(ether)
		must(s.t, err)
		must(s.t, s.chain.Fund(s.t.Context(), s.wallet, a))
	}
}

// load gives the configuration of the site.
func (s *site) load() config.Config {
	s.t.Helper()
	conf, _, err := config.Load(config.Source{File: s.conf})
	must(s.t, err)
	return conf
}

// populate makes the wallet, a merchant in the last shard, its key, and an account
// with money.
func (s *site) populate() {
	s.t.Helper()
	ctx, t := s.t.Context(), s.t
	db, err := app.OpenStore(ctx, s.load(), slog.New(slog.DiscardHandler))
	must(t, err)
	s.key, err = merchant.NewSecret(merchant.Test, rand.Reader)
	must(t, err)
	shard := id.Shard(db.Shards() - 1)
	must(t, app.Write(ctx, db, func(loop *commit.Loop) error {
		if _, err := commit.Do(ctx, loop, app.Operator, payout.CreateWallet{Network: s.network, Address: s.wallet}); err != nil {
			return err
		}
		m, err := commit.Do(ctx, loop, shard, merchant.Create{Name: "Shop", Mode: merchant.Test})
		if err != nil {
			return err
		}
		owner := id.ID{Shard: shard, Seq: m.Seq}
		if _, err := commit.Do(ctx, loop, app.Operator, merchant.CreateKey{
			Owner: owner, Mode: merchant.Test, Name: "test", Secret: s.key, Scopes: merchant.MerchantScopes,
		}); err != nil {
			return err
		}
		if s.hook != nil {
			if s.hook.id, err = s.hook.register(ctx, loop, owner); err != nil {
				return err
			}
		}
		a, err := commit.Do(ctx, loop, shard, account.Open{Merchant: m.Seq, Kind: ledger.KindCustomer, Name: "Ada"})
		if err != nil {
			return err
		}
		s.account = id.ID{Shard: shard, Seq: a.Seq}.Text(id.Account)
		for _, asset := range s.assets {
			amount, err := asset.Parse(credited)
			if err != nil {
				return err
			}
			if _, err := commit.Do(ctx, loop, shard, account.AddCredit{Merchant: m.Seq, Account: a.Seq, Asset: asset, Amount: amount}); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, db.Close())
}

// start runs a process on the site.
func (s *site) start(env ...string) *node {
	s.t.Helper()
	return start(s.t, s.conf, env...)
}

// want adds withdrawals to what the merchant wants; each pays an address of its own.
func (s *site) want(currency, amount string, count int) []*order {
	s.t.Helper()
	for range count {
		var to [20]byte
		_, _ = rand.Read(to[:]) // never fails
		s.orders = append(s.orders, &order{
			foreign: fmt.Sprintf("order-%d", len(s.orders)+1), currency: currency, amount: amount, to: common.Address(to).Hex(),
		})
	}
	return s.orders[len(s.orders)-count:]
}

// call asks a server. An error means that there was no answer.
func (s *site) call(base, method, path string, body any) (status int, answer map[string]any, err error) {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		must(s.t, err)
		in = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, base+path, in)
	must(s.t, err)
	r.Header.Set("Authorization", "Bearer "+s.key)
	res, err := s.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil, err
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		s.t.Fatalf("%s %s answered %d: %s", method, path, res.StatusCode, text)
	}
	return res.StatusCode, answer, nil
}

// push does what a merchant does until it knows the end of each withdrawal: it asks
// again with the same foreign_id after every missing answer, and then looks. It is
// one round; base is "" while nothing serves. It tells whether all have ended.
func (s *site) push(base string) bool {
	s.t.Helper()
	ended := 0
	for _, o := range s.orders {
		if base == "" {
			return false
		}
		if o.id == "" {
			s.ask(base, o)
		}
		if o.id != "" && !final(o.state()) {
			if status, answer, err := s.call(base, http.MethodGet, "/v1/withdrawals/"+o.id, nil); err == nil && status == http.StatusOK {
				o.answer = answer
			} else if err == nil && status < 500 {
				s.t.Fatalf("withdrawal %s is lost: %d %v", o.id, status, answer)
			}
		}
		if final(o.state()) {
			ended++
		}
	}
	return ended == len(s.orders)
}

// ask sends the request for a withdrawal once.
func (s *site) ask(base string, o *order) {
	s.t.Helper()
	status, answer, err := s.call(base, http.MethodPost, "/v1/withdrawals", map[string]any{
		"account": s.account, "foreign_id": o.foreign, "currency": o.currency, "amount": o.amount,
		"destination": map[string]string{"network": s.network, "address": o.to},
	})
	switch {
	case err != nil || status == http.StatusServiceUnavailable:
		// The answer is missing, or says to ask again.
	case status == http.StatusCreated:
		o.id, _ = answer["id"].(string)
	case status == http.StatusConflict && answer["code"] == "duplicate_foreign_id":
		o.id, _ = answer["withdrawal"].(string) // an answer was lost, not the request
	default:
		s.t.Fatalf("%s was answered %d: %v", o.foreign, status, answer)
	}
}

func final(state string) bool {
	switch state {
	case "confirmed", "failed", "cancelled", "rejected":
		return true
	}
	return false
}

// finish drives all withdrawals to their end. A process that was killed is started
// again, without a point to die at.
func (s *site) finish(n *node) *node {
	s.t.Helper()
	eventually(s.t, "all withdrawals have ended", func() bool {
		if n.gone() {
			if !n.killed() {
				s.t.Fatalf("the process ended by itself: %v", n.err)
			}
			n = s.start()
		}
		return s.push(n.url())
	})
	return n
}

// onChain is what an address holds of a currency.
func (s *site) onChain(currency, address string) string {
	s.t.Helper()
	if currency == s.usdt.Code {
		a, err := s.chain.BalanceOf(s.t.Context(), s.token, address)
		must(s.t, err)
		return s.usdt.Format(a)
	}
	wei, err := s.chain.Client().BalanceAt(s.t.Context(), common.HexToAddress(address), nil)
	must(s.t, err)
	a, err := evm.Amount(wei)
	must(s.t, err)
	return eth.Format(a)
}

// paidOnce holds the chain against what was wanted: each address was never used
// before, so that holding exactly the amount means that it was paid exactly once;
// and the wallet has sent one transaction per payout and no other.
func (s *site) paidOnce() {
	s.t.Helper()
	for _, o := range s.orders {
		if o.state() != "confirmed" {
			s.t.Errorf("%s (%s) ended %s: %v", o.foreign, o.id, o.state(), o.answer["reason"])
		}
		if got, want := s.onChain(o.currency, o.to), o.answer["amount"]; got != want {
			s.t.Errorf("%s: the chain holds %s %s for it, want %s", o.foreign, got, o.currency, want)
		}
	}
	if sent := s.sent(); s.vault == "" && sent != uint64(len(s.orders)) {
		s.t.Errorf("the wallet sent %d transactions for %d payouts", sent, len(s.orders))
	}
}

// sent is how many transactions of the wallet are in blocks.
func (s *site) sent() uint64 {
	s.t.Helper()
	n, err := s.chain.Client().NonceAt(s.t.Context(), common.HexToAddress(s.wallet), nil)
	must(s.t, err)
	return n
}

// balance is what the API says about the account.
func (s *site) balance(base, currency string) map[string]any {
	s.t.Helper()
	status, answer, err := s.call(base, http.MethodGet, "/v1/accounts/"+s.account+"/balances/"+currency, nil)
	must(s.t, err)
	if status != http.StatusOK {
		s.t.Fatalf("balance: %d %v", status, answer)
	}
	return answer
}

// newChain starts a chain that is served over HTTP and ends with the test.
func newChain(t *testing.T) *devnet.Chain {
	t.Helper()
	c, err := devnet.New(devnet.Options{Listen: "127.0.0.1:0"})
	must(t, err)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// mining makes blocks on a chain until the test ends.
func mining(t *testing.T, c *devnet.Chain) *devnet.Chain {
	t.Helper()
	done := make(chan error, 1)
	ctx := t.Context() // ends before the clean-ups run
	go func() { done <- c.Run(ctx, 50*time.Millisecond) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c
}
