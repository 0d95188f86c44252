package cli_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/store"
	"sluice/internal/withdrawal"
)

// waiting makes withdrawals of an existing merchant that wait for a person.
func waiting(t *testing.T, merchant string, n int) []string {
	t.Helper()
	conf, _, err := config.Load(config.Source{Environ: os.Environ()})
	must(t, err)
	key, err := conf.ChainKey(false)
	must(t, err)
	db, err := store.Open(t.Context(), "sqlite:sluice.db", store.Options{Chain: key})
	must(t, err)
	defer func() { must(t, db.Close()) }()
	m, err := id.Parse(id.Merchant, merchant)
	must(t, err)
	eur := money.Asset{Code: "EUR", Scale: 2, Networks: []string{"sepa"}}
	var out []string
	must(t, app.Write(t.Context(), db, func(l *commit.Loop) error {
		acc, err := commit.Do(t.Context(), l, m.Shard, account.Open{Merchant: m.Seq, Kind: ledger.KindCustomer})
		if err != nil {
			return err
		}
		if _, err := commit.Do(t.Context(), l, m.Shard, account.AddCredit{Merchant: m.Seq, Account: acc.Seq, Asset: eur, Amount: money.Of(100000)}); err != nil {
			return err
		}
		for i := range n {
			w, err := commit.Do(t.Context(), l, m.Shard, withdrawal.Create{
				Merchant: m.Seq, Account: acc.Seq, ForeignID: fmt.Sprint(i), Asset: eur, Amount: money.Of(20000), Review: "above 100.00 EUR",
				Target: rail.Target{Network: "sepa", Canonical: "DE** 1234", Decoded: []byte{1}},
			})
			if err == nil {
				w, err = commit.Do(t.Context(), l, m.Shard, withdrawal.NewRelease(w.Seq, "test"))
			}
			if err != nil {
				return err
			}
			out = append(out, id.ID{Shard: m.Shard, Seq: w.Seq}.Text(id.Withdrawal))
		}
		return nil
	}))
	return out
}

func TestReview(t *testing.T) {
	s, merchant, _ := books(t)
	if r := s.want(0, "withdrawal review"); strings.Contains(r.out, "wd_") {
		t.Errorf("nothing waits yet: %s", r.out)
	}
	w := waiting(t, merchant, 2)
	r := s.want(0, "withdrawal review")
	for _, want := range []string{w[0], w[1], merchant, "200.00", "above 100.00 EUR"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s", want, r.out)
		}
	}
	for range 2 { // a person may do it twice
		if x := s.object("withdrawal approve " + w[0] + " --reason known"); x["state"] != "queued" || x["approved"] != true {
			t.Errorf("approved: %v", x)
		}
		if x := s.object("withdrawal reject " + w[1] + " --reason odd"); x["state"] != "rejected" || x["reason"] != "odd" {
			t.Errorf("rejected: %v", x)
		}
	}
	if r := s.want(1, "withdrawal approve "+w[1]); !strings.Contains(r.err, "is rejected") {
		t.Errorf("approving a rejected one: %s", r.err)
	}
	if r := s.want(0, "withdrawal review"); strings.Contains(r.out, "wd_") {
		t.Errorf("nothing waits any more: %s", r.out)
	}
	s.want(0, "verify")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
