package crashtest_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/demo/bank"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/seal"
	"sluice/internal/store/chain"
)

// ofBanks are the points that only payouts through a bank pass.
func ofBanks(point string) bool {
	return strings.HasPrefix(point, "sepa.") || point == "dispatch.decided"
}

const bankAccount = "DE02100500000054540402"

var euro = money.Asset{Code: "EUR", Scale: 2, Networks: []string{"sepa"}}

// branch is a site whose payouts go through a bank, and the bank.
type branch struct {
	*site
	bank   *bank.Bank
	booked map[string]int // by end-to-end id
}

// newBranch makes an installation with an account at a bank. Payments of 1 cent are
// rejected; those of 2 are never heard of again.
func newBranch(t *testing.T, database string) *branch {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), usdt: euro, http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}}
	t.Cleanup(s.http.CloseIdleConnections)
	key, err := seal.NewKey("test")
	must(t, err)
	folder := filepath.Join(s.dir, "bank")
	s.conf = filepath.Join(s.dir, "sluice.toml")
	must(t, os.WriteFile(s.conf, fmt.Appendf(nil, `
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
[bank]
inline = true
[seal]
keys = %q
[chain]
key = %q
[[assets]]
code = "EUR"
scale = 2
networks = ["sepa"]
[[banks]]
holder = "Example GmbH"
iban = %q
folder = %q
poll = "40ms"
`, database, key.Reveal(), chain.NewKey(), bankAccount, folder), 0o600))
	b := &branch{site: s, booked: map[string]int{}}
	b.bank, err = bank.Open(bank.Config{
		Dir: folder, Account: bankAccount, Owner: "Example GmbH", BIC: "BELADEBE", Opening: 1000_00, Start: time.Now(), Zone: time.UTC, StatementAt: 24 * time.Hour,
		Notify: true, Rules: []bank.Rule{{Cents: 1, Fate: bank.Fate{Reject: "AC01"}}, {Cents: 2, Fate: bank.Fate{Lost: true}}},
	})
	must(t, err)
	b.people()
	return b
}

func (b *branch) people() {
	ctx, t := b.t.Context(), b.t
	conf, _, err := config.Load(config.Source{File: b.conf})
	must(t, err)
	db, err := app.OpenStore(ctx, conf, slog.New(slog.DiscardHandler))
	must(t, err)
	b.key, err = merchant.NewSecret(merchant.Test, rand.Reader)
	must(t, err)
	shard := id.Shard(db.Shards() - 1)
	must(t, app.Write(ctx, db, func(loop *commit.Loop) error {
		m, err := commit.Do(ctx, loop, shard, merchant.Create{Name: "Shop", Mode: merchant.Test})
		if err != nil {
			return err
		}
		if _, err := commit.Do(ctx, loop, app.Operator, merchant.CreateKey{
			Owner: id.ID{Shard: shard, Seq: m.Seq}, Mode: merchant.Test, Name: "test", Secret: b.key, Scopes: merchant.MerchantScopes,
		}); err != nil {
			return err
		}
		a, err := commit.Do(ctx, loop, shard, account.Open{Merchant: m.Seq, Kind: ledger.KindCustomer, Name: "Max Mustermann"})
		if err != nil {
			return err
		}
		b.account = id.ID{Shard: shard, Seq: a.Seq}.Text(id.Account)
		_, err = commit.Do(ctx, loop, shard, account.AddCredit{Merchant: m.Seq, Account: a.Seq, Asset: euro, Amount: money.Of(100_00)})
		return err
	}))
	must(t, db.Close())
}

// wire asks for withdrawals to a bank account. They are instant, so that the day of the
// week does not matter.
func (b *branch) wire(amounts ...string) {
	for _, a := range amounts {
		b.orders = append(b.orders, &order{foreign: fmt.Sprintf("order-%d", len(b.orders)+1), currency: "EUR", amount: a, to: "NL70ABNA0106295004"})
	}
}

// ended lets the bank work, asks and looks, and tells whether every withdrawal that the
// bank decides about has ended.
func (b *branch) ended(base string) bool {
	events, err := b.bank.Tick(time.Now())
	must(b.t, err)
	for _, e := range events {
		if e.Kind == "booked" {
			b.booked[e.ID]++
		}
	}
	if base == "" {
		return false
	}
	open := 0
	for _, o := range b.orders {
		if o.id == "" {
			b.askBank(base, o)
		}
		if o.id != "" && !final(o.state()) {
			if status, answer, err := b.call(base, http.MethodGet, "/v1/withdrawals/"+o.id, nil); err == nil && status == http.StatusOK {
				o.answer = answer
			}
		}
		// The bank keeps silent about 0.02, which stays at the bank.
		if o.amount == "0.02" && o.state() != "processing" || o.amount != "0.02" && !final(o.state()) {
			open++
		}
	}
	return open == 0
}

func (b *branch) askBank(base string, o *order) {
	status, answer, err := b.call(base, http.MethodPost, "/v1/withdrawals", map[string]any{
		"account": b.account, "foreign_id": o.foreign, "currency": "EUR", "amount": o.amount, "payment": map[string]string{"service": "instant"},
		"destination": map[string]any{"network": "sepa", "bank": map[string]string{"holder": "Max Mustermann", "iban": o.to}},
	})
	switch {
	case err != nil || status == http.StatusServiceUnavailable:
	case status == http.StatusCreated:
		o.id, _ = answer["id"].(string)
	case status == http.StatusConflict && answer["code"] == "duplicate_foreign_id":
		o.id, _ = answer["withdrawal"].(string)
	default:
		b.t.Fatalf("%s was answered %d: %v", o.foreign, status, answer)
	}
}

// TestCase23_BankKilledAtEveryPoint kills the server between writing a file, handing it
// over, and taking in what the bank answers. The bank books every payment once, every
// withdrawal ends as the bank decided, and the books are right.
// case-17: the bank finds each reference once.
func TestCase23_BankKilledAtEveryPoint(t *testing.T) {
	for kind, database := range stores {
		for _, point := range points(t) {
			if !ofBanks(point) && !strings.HasPrefix(point, "dispatch.") {
				continue
			}
			t.Run(kind+"/"+point, func(t *testing.T) {
				t.Parallel()
				b := newBranch(t, database(t, t.TempDir()))
				b.wire("10.00", "0.01", "3.00")
				if point == "dispatch.decided" {
					b.wire("0.02") // so that the file stays open while the others are decided
				}
				n := b.start("SLUICE_CRASH_AT=" + point)
				died := false
				eventually(t, "all withdrawals have ended", func() bool {
					if n.gone() {
						if !n.killed() {
							t.Fatalf("the process ended by itself: %v", n.err)
						}
						died, n = true, b.start()
					}
					ended := b.ended(n.url())
					if ended && !died && point == "dispatch.decided" && len(b.orders) < 20 {
						b.wire("1.00", "0.02") // each was in a file of its own: nothing was decided in parts
						return false
					}
					return ended && died
				})
				b.settledAtBank(n)
			})
		}
	}
}

// settledAtBank stops the process and holds bank and books against what was wanted.
func (b *branch) settledAtBank(n *node) {
	b.t.Helper()
	n.stop()
	for _, line := range n.complaints() {
		b.t.Errorf("the server complains: %s", line)
	}
	paid := int64(0)
	for _, o := range b.orders {
		want, times := "confirmed", 1
		switch o.amount {
		case "0.01":
			want, times = "failed", 0
		case "0.02":
			want, times = "processing", 0
		default:
			paid += cents(b.t, o.amount)
		}
		if o.state() != want || b.booked[strings.TrimPrefix(o.id, "wd_")] != times {
			b.t.Errorf("%s of %s is %s and was booked %d times, want %s and %d: %v", o.foreign, o.amount, o.state(), b.booked[strings.TrimPrefix(o.id, "wd_")], want, times, o.answer["reason"])
		}
	}
	if got := 1000_00 - b.bank.Balance(); got != paid {
		b.t.Errorf("the bank paid %d cents, want %d", got, paid)
	}
	ctx := context.WithoutCancel(b.t.Context())
	db, err := app.OpenStore(ctx, b.load(), slog.New(slog.DiscardHandler))
	must(b.t, err)
	defer db.Close() //nolint:errcheck // only read
	report, err := db.Verify(ctx)
	must(b.t, err)
	if !report.OK() {
		b.t.Errorf("the books are wrong: %+v", report)
	}
	if list, err := db.BankSuspense(ctx, 10); err != nil || len(list) > 0 {
		b.t.Errorf("in suspense: %+v, %v", list, err)
	}
}

func cents(t *testing.T, text string) (v int64) {
	t.Helper()
	_, err := fmt.Sscan(amount(t, euro, text).Minor(), &v)
	must(t, err)
	return v
}
