package crashtest_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/internal/app"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/utxo/bitcoin"
	"sluice/internal/rail/utxo/utxotest"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/keystore"
	"sluice/internal/treasury"
)

var btc = money.Asset{Code: "BTC", Scale: 8, Networks: []string{"bitcoin"}}

// coinSite is an installation that pays on a coin chain.
type coinSite struct {
	*site
	chain *utxotest.Chain
	given uint64 // what the wallet got
}

// newCoinSite makes an installation whose wallet has a number of coins.
func newCoinSite(t *testing.T, chain *utxotest.Chain, database string, coins int, taproot bool) *coinSite {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), network: "bitcoin", assets: []money.Asset{btc}, http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}}
	t.Cleanup(s.http.CloseIdleConnections)
	keys := filepath.Join(s.dir, "keys")
	key, err := keystore.Create(keys, "secret", keystore.Light)
	must(t, err)
	public, err := keystore.Public(keys, "secret", key)
	must(t, err)
	addresses, err := build.Builder{}.Addresses(signer.Network{Name: s.network, Family: build.UTXO, Coin: chain.Params.Name}, public)
	must(t, err)
	s.wallet = addresses[0]
	if taproot {
		s.wallet = addresses[1]
	}
	amounts := make([]uint64, coins)
	for i := range amounts {
		amounts[i] = 30_000_000 + uint64(i)
	}
	first := chain.Height(t)
	chain.Pay(t, s.wallet, amounts...)
	s.conf = filepath.Join(s.dir, "sluice.toml")
	text := fmt.Sprintf(`
mode = "dev"
listen = "127.0.0.1:0"
admin_listen = ""
database_url = %q
shards = 2
[webhooks]
enabled = false
[dispatch]
resend_every = "1s"
lease_for = "1s"
bump_after = "2s"
[keystore]
dir = %q
passphrase = "secret"
[[assets]]
code = "BTC"
scale = 8
networks = ["bitcoin"]
[[networks]]
name = "bitcoin"
kind = "bitcoin"
url = %q
finality = "3"
poll = "40ms"
[networks.coin]
chain = "bitcoin-regtest"
node = "btcd"
start_block = "%d"
batch_max = 4
`, database, keys, chain.URL, first)
	must(t, os.WriteFile(s.conf, []byte(text), 0o600))
	s.populate()
	out := &coinSite{site: s, chain: chain}
	for _, a := range amounts {
		out.given += a
	}
	return out
}

// want adds withdrawals to addresses that nobody else is ever paid at.
func (s *coinSite) want(count int) {
	for range count {
		var hash [20]byte
		_, _ = rand.Read(hash[:]) // never fails
		s.orders = append(s.orders, &order{
			foreign: fmt.Sprintf("order-%d", len(s.orders)+1), currency: "BTC", amount: "0.00012345",
			to: s.chain.Params.Address(bitcoin.WitnessScript(0, hash[:])),
		})
	}
}

// settled holds chain and books against what was wanted.
func (s *coinSite) settled(n *node) {
	s.t.Helper()
	b := s.balance(n.url(), "BTC")
	if left := s.left()["BTC"]; b["available_for_withdrawal"] != left || !none(b["reserved"]) {
		s.t.Errorf("balance: %v available, %v reserved, want %s and nothing", b["available_for_withdrawal"], b["reserved"], left)
	}
	n.stop()
	for _, line := range n.complaints() {
		s.t.Errorf("the server complains: %s", line)
	}
	all := s.chain.All(s.t)
	for _, o := range s.orders {
		if o.state() != "confirmed" {
			s.t.Errorf("%s (%s) ended %s: %v", o.foreign, o.id, o.state(), o.answer["reason"])
		}
		if got := all[o.to]; len(got) != 1 || got[0] != 12_345 {
			s.t.Errorf("%s: the chain has paid %v, want 12345 once", o.foreign, got)
		}
	}
	s.verified()
	s.agrees()
}

// agrees holds the wallet on the chain against the ledger, to the last satoshi: they
// differ by nothing, or by what the wallet was given if that is not booked yet.
func (s *coinSite) agrees() {
	s.t.Helper()
	ctx := context.WithoutCancel(s.t.Context())
	conf := s.load()
	db, err := app.OpenStore(ctx, conf, slog.New(slog.DiscardHandler))
	must(s.t, err)
	defer db.Close() //nolint:errcheck // only read
	r, err := app.OpenRail(ctx, conf.Networks[0], conf.Money())
	must(s.t, err)
	defer r.Close()
	var seen []treasury.Status
	eventually(s.t, "the last payouts are final for every amount", func() bool {
		seen, err = app.Survey(db, conf, map[string]rail.Rail{s.network: r}).All(ctx)
		must(s.t, err)
		return len(seen) == 1 && len(seen[0].Lines) == 1
	})
	l := seen[0].Lines[0]
	if given := treasury.Less(money.Of(s.given), money.Amount{}); l.Difference.Sign() != 0 && l.Difference.Format(btc) != given.Format(btc) {
		s.t.Errorf("chain %s, ledger %s, difference %s (%s): want none, or the %s that it was given", btc.Format(l.Chain), l.Booked.Format(btc), l.Difference.Format(btc), l.Text, given.Format(btc))
	}
}

// miningCoins makes blocks until the test ends.
func miningCoins(t *testing.T, c *utxotest.Chain, every time.Duration) {
	t.Helper()
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				done <- nil
				return
			case <-tick.C:
			}
			if err := c.TryMine(context.WithoutCancel(ctx), 1); err != nil {
				done <- err
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestCase23_RandomKillsOnCoins kills servers again and again while they pay from
// coins in batches: 600 payouts and more over two hundred kills, each paid once.
func TestCase23_RandomKillsOnCoins(t *testing.T) {
	t.Parallel()
	chain := utxotest.StartBtcd(t)
	sites := map[string]*coinSite{}
	for name, database := range map[string]string{"sqlite, P2WPKH": "sqlite", "sqlite, P2TR": "sqlite", "postgres": "postgres"} {
		sites[name] = newCoinSite(t, chain, stores[database](t, t.TempDir()), 12, name == "sqlite, P2TR")
	}
	miningCoins(t, chain, 200*time.Millisecond)
	const rounds, each = 67, 3
	t.Run("all", func(t *testing.T) {
		for name, s := range sites {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s.t = t
				for range rounds {
					s.want(each)
					n := s.start()
					kill := time.NewTimer(time.Duration(150+mathrand.IntN(900)) * time.Millisecond)
					eventually(t, "the time to kill it", func() bool {
						select {
						case <-kill.C:
							n.kill()
							return true
						default:
							s.push(n.url())
							return n.gone()
						}
					})
					if !n.killed() {
						t.Fatalf("the process ended by itself: %v", n.err)
					}
				}
				s.settled(s.finish(s.start()))
			})
		}
	})
}

// TestCase07_TwoProcessesOnCoins runs two servers on one wallet of coins; when the one
// that pays is killed, the other goes on.
func TestCase07_TwoProcessesOnCoins(t *testing.T) {
	t.Parallel()
	chain := utxotest.StartBtcd(t)
	s := newCoinSite(t, chain, stores["postgres"](t, ""), 3, false)
	miningCoins(t, chain, 200*time.Millisecond)
	s.want(30)
	first, second := s.start().await(), s.start().await()
	eventually(t, "some are paid", func() bool {
		s.push(second.url())
		for _, o := range s.orders {
			if o.state() == "confirmed" {
				return true
			}
		}
		return false
	})
	first.kill()
	s.want(20)
	s.settled(s.finish(second))
}
