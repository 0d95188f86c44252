package tylt_test

import (
	"strings"
	"testing"

	"sluice/internal/dialect/dialecttest"
	"sluice/internal/store/pgtest"
)

// On PostgreSQL the second merchant lives in another shard: its key, its payouts, the
// endpoint of its callback URLs and its rates are found there.
func TestMerchantOfAnotherShard(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{URL: pgtest.URL(t), Option: map[string]string{"base": "exchange"}})
	if w.B.ID.Shard == w.A.ID.Shard {
		t.Fatal("both merchants are in one shard")
	}
	for _, p := range []dialecttest.Party{w.A, w.B} {
		w.Fund(p, "EUR", "100")
		body := `{"baseAmount":20,"baseCurrency":"EUR","address":"` + dialecttest.Alice + `","settledCurrency":"USDT","networkSymbol":"ETH","callBackUrl":"` + w.Receiver.URL + "/" + p.Key + `"}`
		made := do(w, p, request{method: "POST", path: "createPayoutRequest", body: body})
		if made.Status != 200 {
			t.Fatalf("%d %s", made.Status, made.Body)
		}
		w.Confirm(p, w.Newest(p).Seq)
		if got := (driver{}).Look(w, p, made.Answer); got.Word != "Completed" {
			t.Errorf("%s", got.Body)
		}
		for path, query := range map[string]string{"getPayoutTransactionHistory": "rows=5", "gerRateHistory": "fromCurrencySymbol=EUR&toCurrencySymbol=USDT&transactionType=payout"} {
			if got := do(w, p, request{method: "GET", path: path, query: query}); strings.Count(got.Body, `"createdAt"`) != 1 {
				t.Errorf("%s: %s", path, got.Body)
			}
		}
	}
	told := map[string]bool{}
	for _, c := range w.Callbacks(2) {
		p := map[string]dialecttest.Party{"/" + w.A.Key: w.A, "/" + w.B.Key: w.B}[c.Path]
		told[(driver{}).Read(w, p, c).ID] = true
	}
	if len(told) != 2 {
		t.Errorf("told of %v", told)
	}
}
