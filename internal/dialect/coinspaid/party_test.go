package coinspaid_test

import (
	"net/http"
	"testing"
	"time"

	"sluice/internal/dialect"
	"sluice/internal/dialect/dialecttest"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
	"sluice/internal/withdrawal"
)

const badKey = `{"error":"Bad key header","code":"bad_header_key"}`

// second makes another credential of a merchant.
func second(w *dialecttest.World, p dialecttest.Party, c credential.Create) dialecttest.Party {
	w.Helper()
	c.Merchant, c.Secret = p.ID.Seq, []byte("another secret of this merchant")
	p.Secret = string(c.Secret)
	p.Cred = dialecttest.Do(w, p.ID.Shard, c)
	p.Key = credential.KeyID(id.ID{Shard: p.ID.Shard, Seq: p.Cred.Seq})
	return p
}

// A credential counts for its own dialect and until it is revoked; what it may not do
// is refused; replacing one leaves no gap, and the newest signs callbacks.
func TestCredentials(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	ping := func(p dialecttest.Party) dialecttest.Answer {
		return send(w, p, p.Secret, http.MethodPost, "/accounts/list", "{}")
	}
	want(w, ping(second(w, w.A, credential.Create{Dialect: credential.Tylt, Scopes: merchant.MerchantScopes})), 403, badKey)
	reader := second(w, w.A, credential.Create{Dialect: credential.CoinsPaid, Scopes: []merchant.Scope{merchant.ReadAccounts}})
	if got := ping(reader); got.Status != 200 {
		t.Errorf("reading: %d %s", got.Status, got.Body)
	}
	body := `{"foreign_id":"x-1","amount":"1","currency":"ETH","address":"` + dialecttest.Alice + `"}`
	want(w, send(w, reader, reader.Secret, http.MethodPost, "/withdrawal/crypto", body), 403, `{"error":"Permission denied","code":"permission_denied"}`)
	want(w, send(w, reader, reader.Secret, http.MethodGet, "/transactions/info", `{"foreign_id":"x-1"}`), 403, `{"error":"Permission denied","code":"permission_denied"}`)
	next := second(w, w.A, credential.Create{Dialect: credential.CoinsPaid, Scopes: merchant.MerchantScopes})
	w.Fund(w.A, "ETH", "2")
	if got := post(w, "/withdrawal/crypto", body); got.Status != 201 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	dialecttest.Do(w, w.A.ID.Shard, credential.NewRevoke(w.A.ID.Seq, w.A.Cred.Seq))
	dialecttest.Eventually(w, func() bool { return ping(w.A).Body == badKey }, "the end of a credential holds")
	if got := ping(next); got.Status != 200 {
		t.Errorf("the next one: %d %s", got.Status, got.Body)
	}
	x, _ := newest(w)
	w.Confirm(w.A, x.Seq)
	if got := (driver{}).Read(w, next, w.Callbacks(1)[0]); got.Word != "confirmed" {
		t.Errorf("%s", got.Body)
	}
	want(w, send(w, w.B, w.B.Secret, http.MethodGet, "/transactions/info", `{"txid":"`+dialecttest.TxID+`"}`), 404, `{"errors":{"txid":"The transaction is not found."}}`)
}

// With the switches on a merchant hears earlier and more often.
func TestSwitchesOfCallbacks(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{Option: map[string]string{"not_confirmed": "on", "confirm_on": "broadcast", "require_parties": "on"}})
	w.Fund(w.A, "ETH", "2")
	body := `{"foreign_id":"x-1","amount":"1","currency":"ETH","address":"` + dialecttest.Alice + `"`
	want(w, post(w, "/withdrawal/crypto", body+"}"), 400, `{"errors":{"end_user_reference":"The end user reference field is required.","sender_type":"The sender type field is required.","receiver_type":"The receiver type field is required."}}`)
	want(w, post(w, "/withdrawal/crypto", body+`,"end_user_reference":"u","sender_type":"legal","receiver_type":"self"}`), 400, `{"errors":{"sender_data":"The sender data field is required."}}`)
	post(w, "/withdrawal/crypto", body+`,"end_user_reference":"u","sender_type":"legal","sender_data":{"legal_name":"L"},"receiver_type":"self"}`)
	x, _ := newest(w)
	x = w.Process(w.A, x.Seq)
	var words []string
	for _, c := range w.Callbacks(2) {
		words = append(words, (driver{}).Read(w, w.A, c).Word)
	}
	if len(words) != 2 || words[0] == words[1] || words[0]+words[1] != "not_confirmedconfirmed" && words[0]+words[1] != "confirmednot_confirmed" {
		t.Errorf("told %v", words)
	}
	if got := send(w, w.A, w.A.Secret, http.MethodGet, "/transactions/info", `{"id":1}`); got.Word != "confirmed" {
		t.Errorf("look-up: %s", got.Body)
	}
	dialecttest.Do(w, w.A.ID.Shard, withdrawal.NewFail(x.Seq, x.Dispatch, dialecttest.TxID, "dropped", "test"))
	w.Delivery(w.A, string(event.WithdrawalFailed), "skipped", "")
}

// A public name finds its credential in either form, and nothing else does.
func TestKeysAreFoundByTheirNames(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	now := time.Now()
	keys := dialect.NewKeys(w.Deps.Fill(), credential.CoinsPaid)
	for _, name := range []string{w.A.Key, w.A.Key[:8] + "-" + w.A.Key[8:12] + "-" + w.A.Key[12:16] + "-" + w.A.Key[16:20] + "-" + w.A.Key[20:]} {
		p, err := keys.Find(t.Context(), name)
		if err != nil || p.Merchant != w.A.ID || string(p.Secret) != w.A.Secret || p.Key() != w.A.Key {
			t.Errorf("%s: %v %v", name, p, err)
		}
	}
	for _, name := range []string{"", "x", w.A.Key[1:], w.A.Key + "0", "f" + w.A.Key[1:]} {
		if p, err := keys.Find(t.Context(), name); err != dialect.ErrUnknownKey { //nolint:errorlint // this one
			t.Errorf("%q: %v %v", name, p, err)
		}
	}
	if p, err := keys.Newest(t.Context(), w.A.ID); err != nil || p.Key() != w.A.Key {
		t.Errorf("newest: %v %v after %s", p, err, time.Since(now))
	}
	if p, err := keys.Newest(t.Context(), id.ID{Seq: 1}); err != nil || p != nil {
		t.Errorf("newest of nobody: %v %v", p, err)
	}
}
