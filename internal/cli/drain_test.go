package cli_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/demo/devnet"
	"sluice/internal/money"
	"sluice/internal/signer/keystore"
	"sluice/internal/store/pgtest"
	"sluice/internal/test/harness"
)

// chain is an in-process chain that makes blocks until the end of the test.
func chain(t *testing.T) *devnet.Chain {
	t.Helper()
	c, err := devnet.New(devnet.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, 50*time.Millisecond) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// payer makes an installation that pays ETH on the chain: configuration, wallet with
// coins, merchant, key, and an account with money.
func payer(t *testing.T, c *devnet.Chain, database string) (s *shell, key, account string) {
	t.Helper()
	s = newShell(t)
	const passphrase = "not a secret"
	address, err := keystore.Create("keys", passphrase, keystore.Light)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`
mode = "dev"
database_url = %q
[keystore]
passphrase = %q
[[assets]]
code = "ETH"
scale = 18
networks = ["ethereum"]
[[networks]]
name = "ethereum"
url = %q
chain_id = %d
finality = "2"
poll = "50ms"
`, database, passphrase, c.URL(), c.ID())
	if err := os.WriteFile("sluice.toml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	wei, err := money.Asset{Code: "ETH", Scale: 18}.Parse("1000")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Fund(t.Context(), address, wei); err != nil {
		t.Fatal(err)
	}
	s.want(0, "migrate")
	s.want(0, "wallet create --network ethereum --address "+address)
	merchant, _ := s.object("merchant create --name Shop")["id"].(string)
	key, _ = s.object("key create --merchant " + merchant + " --scopes all")["secret"].(string)
	v := serve(t, s)
	account, _ = v.post(t, key, "/v1/accounts", `{"kind":"customer"}`)["id"].(string)
	v.post(t, key, "/v1/credits", `{"account":"`+account+`","currency":"ETH","amount":"1000"}`)
	v.stop(t)
	return s, key, account
}

// order is one withdrawal that the load asks for.
type order struct {
	foreignID, to, body string
	acked               bool
}

func newOrder(account string, n int) *order {
	var to common.Address
	_, _ = rand.Read(to[:]) // never fails
	o := &order{foreignID: fmt.Sprintf("order-%d", n), to: to.Hex()}
	o.body = fmt.Sprintf(`{"account":%q,"foreign_id":%q,"currency":"ETH","amount":"0.001","destination":{"network":"ethereum","address":%q}}`, account, o.foreignID, o.to)
	return o
}

// TestCase25: a deploy ends the process with SIGTERM in the middle of requests and
// payouts. Every request that was answered is there; repeating those that were not
// pays nothing twice; the next process goes on with what was under way.
func TestCase25_SIGTERMUnderLoad(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			database := "sqlite:sluice.db"
			if engine == "postgres" {
				database = pgtest.URL(t)
			}
			c := chain(t)
			s, key, account := payer(t, c, database)
			v := process(t, s)
			orders := load(t, v, key, account)
			if err := v.wait(t); err != nil {
				t.Fatalf("the process did not end well: %v\n%s", err, v.log)
			}
			acked := 0
			for _, o := range orders {
				if o.acked {
					acked++
				}
			}
			t.Logf("%d orders, %d of them answered before the end", len(orders), acked)

			v = process(t, s)
			for _, o := range orders {
				code, answer := v.send(t.Context(), key, http.MethodPost, "/v1/withdrawals", o.body)
				known := code == http.StatusConflict && answer["code"] == "duplicate_foreign_id"
				if !known && (o.acked || code != http.StatusCreated) {
					t.Fatalf("%s, answered before: %v, now: %d %v", o.foreignID, o.acked, code, answer)
				}
			}
			for _, o := range orders {
				harness.Eventually(t, o.foreignID+" is confirmed", func() bool {
					return v.get(t, key, "/v1/foreign_ids/"+o.foreignID+"/withdrawal")["state"] == "confirmed"
				})
			}
			v.stop(t)
			once(t, c, orders)
			s.want(0, "verify")
		})
	}
}

// load sends orders from several callers until the server no longer takes any, and
// asks it to stop in the middle.
func load(t *testing.T, v *server, key, account string) []*order {
	t.Helper()
	const callers, stopAfter = 8, 60
	var (
		mu     sync.Mutex
		orders []*order
		acks   int
		wg     sync.WaitGroup
	)
	for range callers {
		wg.Go(func() {
			for {
				mu.Lock()
				o := newOrder(account, len(orders))
				orders = append(orders, o)
				mu.Unlock()
				code, answer := v.send(t.Context(), key, http.MethodPost, "/v1/withdrawals", o.body)
				switch code {
				case http.StatusCreated:
					mu.Lock()
					o.acked = true
					if acks++; acks == stopAfter {
						v.end()
					}
					mu.Unlock()
				case 0, http.StatusServiceUnavailable:
					return
				default:
					t.Errorf("%s: %d %v", o.foreignID, code, answer)
					return
				}
			}
		})
	}
	wg.Wait()
	return orders
}

// once counts on the chain itself.
func once(t *testing.T, c *devnet.Chain, orders []*order) {
	t.Helper()
	payments, err := c.AllPayments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	paid := map[string]int{}
	for _, p := range payments {
		if p.Amount.Minor() == "1000000000000000" { // 0.001 ETH, to nobody else
			paid[p.To]++
		}
	}
	for _, o := range orders {
		if paid[o.to] != 1 {
			t.Errorf("%s was paid %d times", o.foreignID, paid[o.to])
		}
	}
}

// The doctor asks every node that is configured, and says of a good one that it is good.
func TestDoctorAsksTheNode(t *testing.T) {
	s, _, _ := payer(t, chain(t), "sqlite:sluice.db")
	if r := s.want(0, "doctor"); !strings.Contains(r.out, "the node answers and is on chain") {
		t.Errorf("got %s", r.out)
	}
}
