package coinspaid_test

import (
	"net/http"
	"testing"

	"sluice/internal/dialect/dialecttest"
	"sluice/internal/store/pgtest"
)

// On PostgreSQL the second merchant lives in another shard: its key, its numbers and
// its callbacks are found there.
func TestMerchantOfAnotherShard(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{URL: pgtest.URL(t)})
	if w.B.ID.Shard == w.A.ID.Shard {
		t.Fatal("both merchants are in one shard")
	}
	for _, p := range []dialecttest.Party{w.A, w.B} {
		w.Fund(p, "ETH", "1")
		w.Fund(p, "EUR", "100")
		made := driver{}.Create(w, p, p.Secret, dialecttest.Order{ForeignID: "w-1", Currency: "ETH", Amount: "0.5", Address: dialecttest.Alice})
		if made.Status != 201 || made.ID != "1" {
			t.Fatalf("%d %s", made.Status, made.Body)
		}
		if got := send(w, p, p.Secret, http.MethodPost, "/exchange/now", `{"sender_currency":"EUR","receiver_currency":"ETH","sender_amount":"10","foreign_id":"e-1"}`); got.Status != 201 || got.ID != "2" {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		w.Confirm(p, w.Newest(p).Seq)
		if got := (driver{}).Look(w, p, made); got.Word != "confirmed" {
			t.Fatalf("%s", got.Body)
		}
		if got := send(w, p, p.Secret, http.MethodGet, "/transactions/info", `{"txid":"`+dialecttest.TxID+`"}`); got.ID != "1" {
			t.Fatalf("by txid: %s", got.Body)
		}
	}
	told := map[string]int{}
	for _, c := range w.Callbacks(4) {
		p := map[string]dialecttest.Party{"/acme": w.A, "/bolt": w.B}[c.Path]
		told[c.Path+" "+(driver{}).Read(w, p, c).ID]++
	}
	if len(told) != 4 {
		t.Errorf("told %v", told)
	}
}
