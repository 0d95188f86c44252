package upvest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sluice/internal/dialect/dialecttest"
	"sluice/internal/dialect/upvest"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
)

// What a signature has to cover, when it is good, and who made it. Each is 401 with the
// same words.
func TestSignaturesThatAreRefused(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c, b := clientOf(w, w.A), clientOf(w, w.B)
	now := time.Now()
	leave := func(name string) func(*request) { return func(r *request) { r.leave[name] = true } }
	for name, change := range map[string]func(*request){
		"no method": leave("@method"), "no path": leave("@path"), "no query": leave("@query"), "no authorization": leave("authorization"), "client not signed": leave("upvest-client-id"),
		"another base":    func(r *request) { r.spoil = func(s string) string { return s + "x" } },
		"no created":      func(r *request) { r.created = time.Time{} },
		"from later":      func(r *request) { r.created, r.expires = now.Add(90*time.Second), now.Add(100*time.Second) },
		"expired":         func(r *request) { r.created, r.expires = now.Add(-60*time.Second), now.Add(-40*time.Second) },
		"lives too long":  func(r *request) { r.expires = now.Add(400 * time.Second) },
		"old, no expires": func(r *request) { r.created, r.expires = now.Add(-100*time.Second), time.Time{} },
		"key of another":  func(r *request) { r.keyID = b.id() },
		"key of nobody":   func(r *request) { r.keyID = "9ed77463-c18e-4794-ab5c-17423f9b801a" },
		"no key":          func(r *request) { r.keyID = "" },
		"other client":    func(r *request) { r.set("upvest-client-id", b.id()) },
		"other draft":     func(r *request) { r.set("upvest-signature-version", "6") },
		"another accept":  func(r *request) { r.accept = "text/plain" },
	} {
		t.Run(name, func(t *testing.T) {
			a := c.send("GET", "/users?limit=1", "", change)
			if a.status != 401 || !strings.Contains(a.body, `"type":"https://docs.upvest.co/errors/unauthorised","status":401,"title":"Unauthorized","detail":"Signature is incorrect"`) {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	for name, change := range map[string]func(*request){
		"no version":       func(r *request) { r.set("upvest-signature-version", "") },
		"no expires":       func(r *request) { r.expires = time.Time{} },
		"a little late":    func(r *request) { r.created, r.expires = now.Add(-30*time.Second), now.Add(-20*time.Second) },
		"a little early":   func(r *request) { r.created = now.Add(30 * time.Second); r.expires = now.Add(60 * time.Second) },
		"accept cut":       func(r *request) { r.set("accept", "application/json, */*"); r.accept = "application/json" },
		"generated accept": func(r *request) { r.set("accept", "application/json;q=1, application/problem+json;q=0") },
		"errors only":      func(r *request) { r.set("accept", "application/problem+json") },
		"no client id":     func(r *request) { r.set("upvest-client-id", "") },
		"a date":           func(r *request) { r.set("date", "Tue, 07 Jun 2022 20:51:35 GMT") },
	} {
		t.Run(name, func(*testing.T) { c.want(c.send("GET", "/users?limit=1", "", change), 200) })
	}
	body := `{"title":"x","url":"https://example.com/x"}`
	c.want(c.send("POST", "/webhooks", body, leave("content-digest")), 401)
	c.want(c.send("POST", "/webhooks", body, func(r *request) { r.body = strings.Replace(body, "x", "y", 1) }), 401)
	c.want(c.call("DELETE", "/webhooks/9df39835-be87-4243-9018-f2500b39cee6", "", "content-length: 0"), 404)
}

// A signature counts once, but for looking and for repeats that have a key.
func TestCase53_ReplayedRequests(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	same := func(r *request) { r.nonce = "1234567890" }
	body := `{"title":"x","url":"https://example.com/x"}`
	c.want(c.send("POST", "/webhooks", body, same), 201)
	c.want(c.send("POST", "/webhooks", body, same), 401)
	c.want(c.call("GET", "/webhooks", ""), 200, `"total_count":2`) // with the one of the world
	c.want(c.send("GET", "/webhooks", "", same), 200)
	c.want(c.send("GET", "/webhooks", "", same), 200)
	key := fresh()
	first := c.want(c.send("POST", "/users", maxMustermann, same, key), 200)
	if again := c.want(c.send("POST", "/users", maxMustermann, same, key), 200); again.body != first.body {
		t.Errorf("%s\n%s", first.body, again.body)
	}
}

func TestTokens(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	form := func(change ...string) string {
		v := url.Values{"client_id": {c.id()}, "client_secret": {c.secret}, "grant_type": {"client_credentials"}, "scope": {"users:read"}}
		for i := 0; i < len(change); i += 2 {
			v.Set(change[i], change[i+1])
		}
		return v.Encode()
	}
	c.token = ""
	for _, x := range []struct {
		form   string
		status int
	}{
		{form(), 200},
		{form("client_secret", "x"), 401},
		{form("client_id", "9ed77463-c18e-4794-ab5c-17423f9b801a"), 401},
		{form("grant_type", "password"), 400},
		{form("scope", "everything"), 400},
		{form("scope", ""), 400},
		{form("scope", "  users:read users:admin "), 200},
		{form("scope", strings.Repeat("users:read ", 100)), 400},
		{"%zz", 400},
	} {
		if a := c.call("POST", "/auth/token", x.form, "content-type: application/x-www-form-urlencoded"); a.status != x.status {
			t.Errorf("%s: %d %s", x.form, a.status, a.body)
		}
	}
	c.want(c.login("users:read"), 200, `"scope":"users:read"`)
	c.want(c.call("GET", "/users", ""), 200)
	c.want(c.call("POST", "/users", maxMustermann, fresh()), 403, "users:admin")
	c.want(c.call("GET", "/webhooks", ""), 403, "errors/forbidden")
	good := c.token
	head, tail, _ := strings.Cut(good, ".")
	for _, bad := range []string{"", "x", head, head + ".", "." + tail, head + "A." + tail, good[:len(good)-1]} {
		c.token = bad
		c.want(c.call("GET", "/users", ""), 401)
	}
	b := clientOf(w, w.B)
	b.token = good
	b.want(b.call("GET", "/users", ""), 401, "Token is not valid")
}

// The order of the checks behind the signature.
func TestChecksComeInTheirOrder(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	for _, x := range []struct {
		method, path, body string
		headers            []string
		status             int
		want               string
	}{
		{"GET", "/nowhere", "", nil, 404, ""}, // not of the wire at all
		{"GET", "/payments/nowhere", "", nil, 404, "errors/not_found"},
		{"GET", "/payments/direct_debits", "", nil, 404, "errors/not_found"},
		{"PUT", "/users", "{}", nil, 405, "errors/method_not_allowed"},
		{"PATCH", "/payments/withdrawals/9df39835-be87-4243-9018-f2500b39cee6", "{}", nil, 405, "errors/method_not_allowed"},
		{"GET", "/users", "", []string{"accept: text/html"}, 406, "errors/not_acceptable"},
		{"GET", "/users", "", []string{"accept: application/json;q=0"}, 406, "errors/not_acceptable"},
		{"POST", "/users", "{}", []string{"accept: text/html"}, 406, "errors/not_acceptable"},
		{"POST", "/users", "{", nil, 400, "errors/missing_idempotency_key"},
		{"POST", "/users", "{", []string{"idempotency-key: 1"}, 400, "errors/bad_request"},
		{"POST", "/users", "{", []string{fresh()}, 400, "errors/bad_request"},
		{"POST", "/users", maxMustermann + "{}", []string{fresh()}, 400, "errors/bad_request"},
		{"POST", "/users", `{"first_name":["Max"]}`, []string{fresh()}, 400, "first_name: must be a text"},
		{"POST", "/users", `{"shoe_size":"1"}`, []string{fresh()}, 400, "first_name: is required"},
		{"GET", "/users/1", "", nil, 404, "errors/not_found"},
		{"GET", "/users?limit=1001", "", nil, 400, "limit"},
		{"GET", "/users?offset=-1", "", nil, 400, "offset"},
		{"GET", "/users?sort=name", "", nil, 400, "sort"},
		{"GET", "/users?order=UP", "", nil, 400, "order"},
		{"GET", "/transactions/cash?account_group_id=1", "", nil, 400, "account_group_id"},
		{"GET", "/transactions/cash?start_date=today", "", nil, 400, "start_date"},
	} {
		a := c.call(x.method, x.path, x.body, x.headers...)
		if a.status != x.status || !strings.Contains(a.body, x.want) {
			t.Errorf("%s %s %s: %d %s", x.method, x.path, x.body, a.status, a.body)
		}
	}
}

func TestFieldsThatAreRefused(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	p := c.ready("300.00")
	other := c.ready("300.00")
	swap := func(s, a, b string) string { return strings.Replace(s, a, b, 1) }
	bank, pay := p.bank(dialecttest.Frankfurt), p.payout("1.00")
	for _, x := range []struct{ path, body, want string }{
		{"/users", swap(maxMustermann, "Max", "M"), "first_name"},
		{"/users", swap(maxMustermann, "1972-09-30", "1972-13-30"), "birth_date"},
		{"/users", swap(maxMustermann, "1972-09-30", "2972-09-30"), "birth_date"},
		{"/users", swap(maxMustermann, `["DE"]`, `[]`), "nationalities"},
		{"/users", swap(maxMustermann, `["DE"]`, `["de"]`), "nationalities"},
		{"/users", swap(maxMustermann, `"10117"`, `""`), "address.postcode"},
		{"/users", swap(maxMustermann, `{"first`, `{"title":"KING","first`), "title"},
		{"/users", swap(maxMustermann, `{"first`, `{"fatca":1,"first`), "fatca"},
		{"/account_groups", fmt.Sprintf(`{"user_id":%q,"type":"FAMILY"}`, p.user), "type"},
		{"/account_groups", `{"user_id":"x","type":"PERSONAL"}`, "user_id"},
		{"/payments/reference_accounts", swap(bank, dialecttest.Frankfurt, "de95500105173934555844"), "iban"},
		{"/payments/reference_accounts", swap(bank, dialecttest.Frankfurt, "DE96500105173934555844"), "bad_request"},
		{"/payments/reference_accounts", swap(bank, "BELADEBE", "BELA"), "bic"},
		{"/payments/reference_accounts", swap(bank, "2020-08-24T14:15:22Z", "yesterday"), "confirmed_at"},
		{"/payments/reference_accounts", swap(bank, "2020-08-24T14:15:22Z", "2120-08-24T14:15:22Z"), "confirmed_at"},
		{"/payments/reference_accounts", swap(bank, "Max Mustermann", "Erika Beispiel"), "holder"},
		{"/payments/reference_accounts", p.bank(dialecttest.Berlin), "conflict"},
		{"/payments/withdrawals", swap(pay, `"1.00"`, `"0.00"`), "amount"},
		{"/payments/withdrawals", swap(pay, `"1.00"`, `"1.0"`), "amount"},
		{"/payments/withdrawals", swap(pay, `"1.00"`, `1.001`), "amount"},
		{"/payments/withdrawals", swap(pay, `"1.00"`, `1e0`), "amount"},
		{"/payments/withdrawals", swap(pay, `"1.00"`, `"-1.00"`), "amount"},
		{"/payments/withdrawals", swap(pay, `"1.00"`, `"1e2"`), "amount"},
		{"/payments/withdrawals", swap(pay, `"1.00"`, `"1000000000"`), "amount"},
		{"/payments/withdrawals", swap(pay, "EUR", "GBP"), "currency"},
		{"/payments/withdrawals", swap(pay, `"Withdrawal"`, `"Zwölf"`), "remittance_information"},
		{"/payments/withdrawals", swap(pay, `"Withdrawal"`, `"`+strings.Repeat("x", 141)+`"`), "remittance_information"},
		{"/payments/withdrawals", swap(pay, `"OTHR"`, `"XXXX"`), "purpose"},
		{"/payments/withdrawals", swap(pay, p.reference, "x"), "reference_account_id"},
		{"/payments/withdrawals", swap(pay, p.reference, other.reference), "not_found"},
		{"/payments/withdrawals", swap(pay, p.group, other.group), "not_found"},
		{"/payments/withdrawals", swap(pay, p.group, p.user), "not_found"},
		{"/payments/withdrawals", swap(pay, p.user, other.user), "not_found"},
		{"/payments/withdrawals", p.payout("300.01"), `urn:sluice:problem:insufficient_funds","status":400,"title":"Insufficient funds","detail":"300.01 EUR are needed and 300.00 EUR are available`},
		{"/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":"0.00"}`, p.group), "cash_amount"},
		{"/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":"1.00"}`, p.user), "not_found"},
	} {
		a := c.call("POST", x.path, x.body, fresh())
		if a.status < 400 || a.status > 409 || !strings.Contains(a.body, x.want) {
			t.Errorf("%s %s: %d %s", x.path, x.body, a.status, a.body)
		}
	}
	c.want(c.balance(p), 200, `"available_for_withdrawal":"300"`)
	// The bank gets what its character set has; the answer is what was asked for.
	odd := c.want(c.call("POST", "/payments/withdrawals", swap(swap(p.payout("007.50"), "Withdrawal", "/a;b//c/"), `,"purpose_code":"OTHR"`, ""), fresh()), 200,
		`"remittance_information":"/a;b//c/"`, `"amount":"7.50"`)
	if strings.Contains(odd.body, "purpose") {
		t.Error(odd.body)
	}
	c.want(c.balance(p), 200, `"balance":"300",`, `"available_for_withdrawal":"292.5"`)
}

// A key: the same request gets the same answer, another one is refused, a refusal
// leaves it free, and that of a payment is kept for ever.
func TestCase08_IdempotencyKeys(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	p := c.ready("")
	key := fresh()
	c.want(c.call("POST", "/payments/withdrawals", p.payout("1.50"), key), 400, "insufficient_funds")
	c.want(c.call("POST", "/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":"20.00"}`, p.group), fresh()), 200)
	first := c.want(c.call("POST", "/payments/withdrawals", p.payout("1.50"), key), 200)
	w.Process(w.A, c.seq(first.get("id")))
	spaced := strings.ReplaceAll(p.payout("1.50"), ",", ", ")
	for _, again := range []string{p.payout("1.50"), spaced} {
		if a := c.want(c.call("POST", "/payments/withdrawals", again, key), 200); a.body != first.body {
			t.Errorf("%s\n%s", first.body, a.body)
		}
	}
	c.want(c.call("POST", "/payments/withdrawals", p.payout("1.60"), key), 400, "urn:sluice:problem:idempotency_key_reused")
	// When the stored answer is gone, the key is the payment's own.
	_, err := w.DB.ForgetKeys(t.Context(), time.Now().Add(time.Hour))
	w.Must(err)
	if a := c.want(c.call("POST", "/payments/withdrawals", p.payout("1.50"), key), 200); a.body != first.body {
		t.Errorf("%s\n%s", first.body, a.body)
	}
	c.want(c.call("POST", "/payments/withdrawals", p.payout("1.60"), key), 400, "urn:sluice:problem:idempotency_key_reused")
	c.want(c.balance(p), 200, `"available_for_withdrawal":"18.5"`)
}

// What is closed stays closed, and what still holds something is not closed.
func TestEnds(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	p := c.ready("10.00")
	c.want(c.call("DELETE", "/payments/reference_accounts/"+p.reference, ""), 409, "errors/conflict")
	second := c.want(c.call("POST", "/payments/reference_accounts", p.bank(dialecttest.Frankfurt), fresh()), 200).get("id")
	c.want(c.call("GET", "/users/"+p.user+"/payments/reference_accounts?order=DESC&limit=1", ""), 200, `"count":1,"total_count":2`, second)
	c.want(c.call("DELETE", "/payments/reference_accounts/"+second, ""), 204)
	c.want(c.call("GET", "/payments/reference_accounts/"+second, ""), 404)
	c.want(c.call("DELETE", "/users/"+p.user, ""), 409)
	c.want(c.call("DELETE", "/account_groups/"+p.group, ""), 409)
	made := c.want(c.call("POST", "/payments/withdrawals", p.payout("10.00"), fresh()), 200).get("id")
	c.want(c.call("DELETE", "/account_groups/"+p.group, ""), 409)
	w.Release(w.A, c.seq(made))
	w.Approve(w.A, c.seq(made))
	dialecttest.Do(w, w.A.ID.Shard, withdrawal.NewClaim(c.seq(made), 7, "wal_test", "test"))
	now, _, err := w.DB.Withdrawal(t.Context(), id.ID{Shard: w.A.ID.Shard, Seq: c.seq(made)})
	w.Must(err)
	dialecttest.Do(w, w.A.ID.Shard, withdrawal.NewConfirm(now.Seq, now.Dispatch, "", now.NetworkFee, "EUR", "test"))
	c.want(c.call("DELETE", "/account_groups/"+p.group, ""), 202)
	c.want(c.call("DELETE", "/account_groups/"+p.group, ""), 202)
	c.want(c.call("GET", "/account_groups/"+p.group, ""), 200, `"status":"CLOSED"`)
	c.want(c.call("POST", "/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":"1.00"}`, p.group), fresh()), 400, "account_group_not_active")
	c.want(c.call("POST", "/payments/withdrawals", p.payout("1.00"), fresh()), 400, "account_group_not_active")
	c.want(c.call("DELETE", "/users/"+p.user, ""), 202)
	c.want(c.call("GET", "/users/"+p.user, ""), 200, `"status":"OFFBOARDED"`)
	c.want(c.call("POST", "/account_groups", fmt.Sprintf(`{"user_id":%q,"type":"PERSONAL"}`, p.user), fresh()), 400)
	c.want(c.call("GET", "/users/"+p.user+"/account_groups", ""), 200, `"total_count":1`)
	c.want(c.call("GET", "/account_groups?order=DESC", ""), 200, `"total_count":1`)
	c.want(c.call("GET", "/users", ""), 200, `"total_count":1`)
	c.want(c.call("GET", "/account_groups/"+p.group+"/payments/cash_balances", ""), 200, `"total_count":1`)
	c.want(c.call("GET", "/account_groups/"+p.group+"/payments/cash_balances/EUR", ""), 200, `"balance":"0"`)
	c.want(c.call("GET", "/account_groups/"+p.group+"/payments/cash_balances/GBP", ""), 404)
	c.want(c.call("GET", "/transactions/cash?account_group_id="+p.group+"&end_date=2020-01-01", ""), 200, `"total_count":0`)
}

func TestWebhooks(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	for _, bad := range []string{
		`{"title":"x"}`, `{"url":"https://example.com"}`, `{"title":"","url":"https://example.com"}`, `{"title":"x","url":"ftp://example.com"}`,
		`{"title":"x","url":"https://example.com","type":["pizza"]}`, `{"title":"x","url":"https://example.com","config":{"delay":"31s"}}`,
		`{"title":"x","url":"https://example.com","config":{"delay":"1h"}}`, `{"title":"x","url":"https://example.com","config":{"max_package_size":99}}`,
	} {
		c.want(c.call("POST", "/webhooks", bad), 400, "bad_request")
	}
	hook := c.want(c.call("POST", "/webhooks", `{"title":"x","url":"`+w.Receiver.URL+`/hook"}`), 201,
		`"type":["ALL"],"config":{"delay":"5s","max_package_size":10240},"enabled":false`).get("id")
	c.want(c.call("POST", "/webhooks/"+hook+"/test", ""), 409)
	c.want(c.call("PATCH", "/webhooks/"+hook, `{"title":"y","url":"`+w.Receiver.URL+`/hook","type":["ORDER"],"config":{"delay":"1s","max_package_size":12400},"enabled":true}`), 200,
		`"title":"y"`, `"type":["ORDER"]`, `"delay":"1s","max_package_size":12400`, `"enabled":true`)
	c.want(c.call("POST", "/webhooks/"+hook+"/test", ""), 202)
	if e := c.mine(hook, "TEST", ""); len(e["object"].(map[string]any)) != 0 { //nolint:errcheck // a test
		t.Errorf("%v", e)
	}
	c.person() // nothing of it is an order
	c.want(c.call("GET", "/webhooks?sort=title&order=DESC", ""), 200, `"total_count":2`)
	c.want(c.call("GET", "/webhooks/"+hook, ""), 200)
	c.want(c.call("DELETE", "/webhooks/"+hook, ""), 204)
	c.want(c.call("GET", "/webhooks/"+hook, ""), 404)
	at := must(id.Parse(id.Endpoint, "whk_"+strings.ReplaceAll(hook, "-", "")))
	rows, err := w.DB.Deliveries(t.Context(), at, "", 0, 100)
	w.Must(err)
	for _, d := range rows {
		if d.Type != "webhook_endpoint.tested" && d.State == webhook.Delivered {
			t.Errorf("%+v", d)
		}
	}
}

// case-57: money of tests is for merchants in test mode only.
func TestFundingInTestMode(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	p := c.person()
	pay := `{"account":{"iban":"DE02100500000054540402"},"amount":"100.25","currency":"EUR","remittance_information":%q,"client_reference":"r-1","counterparty_name":"Max Mustermann","counterparty_account":{"iban":"DE02100500000054540402"},"counterparty_agent":{"bic":"BELADEBE"}%s}`
	c.want(c.call("POST", "/tests/payments/transactions", fmt.Sprintf(pay, "for "+p.group, "")), 200, `"bank_reference":"`)
	c.want(c.call("POST", "/tests/payments/transactions", fmt.Sprintf(pay, "", `,"virtual_bank_account_id":"`+p.group+`"`)), 200)
	c.want(c.call("POST", "/tests/payments/transactions", fmt.Sprintf(pay, "nothing", "")), 404)
	c.want(c.balance(p), 200, `"balance":"200.5","locked_for_trading":"0","pending_settlement":"0","available_for_withdrawal":"200.5"`)
	live := dialecttest.Do(w, 0, merchant.Create{Name: "live", Mode: merchant.Live})
	l := w.CredentialOf(live, publicPEM(acmeKey))
	c = clientOf(w, l)
	p = c.person()
	c.want(c.call("POST", "/tests/payments/transactions", fmt.Sprintf(pay, p.group, "")), 403, "errors/forbidden")
}

// Two merchants with the same things: with the ids of the other one every call answers
// as if there were nothing.
func TestCase50_SwappedIDs(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	a, b := clientOf(w, w.A), clientOf(w, w.B)
	mine, theirs := a.ready("50.00"), b.ready("50.00")
	withdrawal := b.want(b.call("POST", "/payments/withdrawals", theirs.payout("1.00"), fresh()), 200).get("id")
	hook := b.want(b.call("POST", "/webhooks", `{"title":"x","url":"https://example.com/x"}`), 201).get("id")
	topUp := b.want(b.call("GET", "/account_groups/"+theirs.group+"/payments/topups", ""), 200).get("data.0.id")
	account := b.want(b.call("POST", "/accounts", fmt.Sprintf(`{"account_group_id":%q}`, theirs.group), fresh()), 200).get("id")
	ids := map[string]string{
		"/users/": theirs.user, "/account_groups/": theirs.group, "/payments/reference_accounts/": theirs.reference, "/payments/withdrawals/": withdrawal, "/webhooks/": hook,
		"/payments/topups/": topUp, "/accounts/": account,
	}
	tried := 0
	for _, call := range upvest.Calls() {
		method, path, _ := strings.Cut(call, " ")
		if !strings.Contains(path, "{id}") {
			continue
		}
		tried++
		for prefix, at := range ids {
			if strings.HasPrefix(path, prefix) {
				path = strings.NewReplacer("{id}", at, "{currency}", "EUR").Replace(path)
			}
		}
		body := ""
		if method == http.MethodPatch {
			body = `{"enabled":true}`
		}
		a.want(a.call(method, path, body), 404, "errors/not_found")
	}
	if tried < 15 {
		t.Errorf("only %d calls have an id", tried)
	}
	for _, x := range []struct{ path, body string }{
		{"/account_groups", fmt.Sprintf(`{"user_id":%q,"type":"PERSONAL"}`, theirs.user)},
		{"/payments/reference_accounts", theirs.bank(dialecttest.Frankfurt)},
		{"/payments/withdrawals", theirs.payout("1.00")},
		{"/payments/withdrawals", strings.Replace(mine.payout("1.00"), mine.reference, theirs.reference, 1)},
		{"/payments/withdrawals", strings.Replace(mine.payout("1.00"), mine.group, theirs.group, 1)},
		{"/payments/withdrawals", strings.Replace(mine.payout("1.00"), mine.user, theirs.user, 1)},
		{"/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":"1.00"}`, theirs.group)},
		{"/accounts", fmt.Sprintf(`{"account_group_id":%q}`, theirs.group)},
	} {
		a.want(a.call("POST", x.path, x.body, fresh()), 404, "errors/not_found")
	}
	a.want(a.call("GET", "/transactions/cash?account_group_id="+theirs.group, ""), 404)
	a.want(a.call("POST", "/tests/payments/transactions", fmt.Sprintf(`{"amount":"1.00","currency":"EUR","virtual_bank_account_id":%q}`, theirs.group)), 404)
	for _, list := range []string{"/users", "/account_groups"} {
		a.want(a.call("GET", list, ""), 200, `"total_count":1`)
	}
	b.want(b.balance(theirs), 200, `"balance":"50",`, `"available_for_withdrawal":"49"`)
}
