package upvest_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"sluice/internal/dialect"
	"sluice/internal/dialect/dialecttest"
	"sluice/internal/dialect/upvest"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/withdrawal"
	"sluice/internal/withdrawal/intake"
)

// What clients in production send and read, and what the vendor takes.

// pay makes a withdrawal and pays it.
func (c *client) pay(p person, amount string) (string, withdrawal.Withdrawal) {
	c.Helper()
	at := c.want(c.call("POST", "/payments/withdrawals", p.payout(amount), fresh()), 200).get("id")
	return at, c.Confirm(c.p, c.seq(at))
}

// Every way in which a withdrawal can end without a payment has a reason of the vendor's.
func TestUpvest1_ReasonsAreTheVendors(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	p := c.ready("20.00")
	ends := map[string]func(at id.Seq){
		"CANCELLED_BY_CLIENT": func(at id.Seq) { w.Cancel(w.A, at) },
		"CANCELLED_BY_UPVEST": func(at id.Seq) { w.Reject(w.A, at, "not today") },
		"CANCELLED_BY_BANK":   func(at id.Seq) { w.Fail(w.A, at, "AC04") },
	}
	for reason, end := range ends {
		at := c.want(c.call("POST", "/payments/withdrawals", p.payout("1.50"), fresh()), 200).get("id")
		end(c.seq(at))
		c.want(c.call("GET", "/payments/withdrawals/"+at, ""), 200, `"status":"CANCELLED","cancellation_reason":"`+reason+`"`)
	}
	c.want(c.call("GET", "/account_groups/"+p.group+"/payments/withdrawals", ""), 200, `"total_count":3`)
}

func TestUpvest2_DatesOfBookingsAreMoments(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	p := c.ready("20.00")
	today := time.Now().UTC().Format(time.DateOnly)
	want := fmt.Sprintf(`"booking_date":"%sT00:00:00.000Z","value_date":"%[1]sT00:00:00.000Z"`, today)
	at := "/transactions/cash?account_group_id=" + p.group
	c.want(c.call("GET", at, ""), 200, want, `"taxes":[],"taxes_details":[]`)
	for _, days := range []string{"&start_date=" + today, "&end_date=" + today, "&start_date=" + today + "T00:00:00.000Z", "&end_date=" + today + "T12:00:00Z"} {
		c.want(c.call("GET", at+days, ""), 200, `"total_count":1`)
	}
	c.want(c.call("GET", at+"&end_date=2020-01-01T00:00:00.000Z", ""), 200, `"total_count":0`)
	if e := c.event("CASH_TRANSACTION.EXECUTED", ""); !strings.HasSuffix(fmt.Sprint(e["object"].(map[string]any)["booking_date"]), "T00:00:00.000Z") { //nolint:errcheck // a test
		t.Errorf("%v", e)
	}
}

func TestUpvest3_ScopesOfOtherProducts(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	c.want(c.login("orders:admin payments:admin mandates:read users:admin instruments:read"), 200, `"scope":"payments:admin users:admin"`)
	c.want(c.login("orders:admin instruments:read"), 400, "none of these scopes is served here")
	c.want(c.login(""), 400, "scope")
}

// The sample of the vendor asks for a token without a client id in a header, and signs no
// idempotency key.
func TestUpvest4_JavaSample(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c, b := clientOf(w, w.A), clientOf(w, w.B)
	c.token = ""
	form := func(client string) string {
		return url.Values{"client_id": {client}, "client_secret": {c.secret}, "grant_type": {"client_credentials"}, "scope": {"users:admin"}}.Encode()
	}
	as := "content-type: application/x-www-form-urlencoded"
	c.want(c.call("POST", "/auth/token", form(b.id()), as, "upvest-client-id: "), 401)
	c.token = c.want(c.call("POST", "/auth/token", form(c.id()), as, "upvest-client-id: "), 200).get("access_token")
	uncovered := func(nonce string) func(*request) {
		return func(r *request) { r.leave["idempotency-key"], r.nonce = true, nonce }
	}
	key := fresh()
	first := c.want(c.send("POST", "/users", maxMustermann, uncovered("1"), key), 200)
	// Such a request counts once, by nonce, in all processes; a fresh one with the key is a repeat.
	c.want(c.send("POST", "/users", maxMustermann, uncovered("1"), key), 401)
	c.want(c.send("POST", "/users", maxMustermann, uncovered("1"), fresh()), 401)
	other := clientOf(w, w.A)
	node := httptest.NewServer(upvest.New(w.Deps))
	defer node.Close()
	other.World = &dialecttest.World{TB: w.TB, Server: node}
	other.token = c.token
	other.want(other.send("POST", "/users", maxMustermann, uncovered("1"), fresh()), 401)
	if again := other.want(other.send("POST", "/users", maxMustermann, uncovered("2"), key), 200); again.body != first.body {
		t.Errorf("%s\n%s", first.body, again.body)
	}
	c.want(c.call("GET", "/users", ""), 200, `"total_count":1`)
}

func TestUpvest5_TheUserFollowsFromTheGroup(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	p, other := c.ready("20.00"), c.ready("20.00")
	without := strings.Replace(p.payout("1.00"), fmt.Sprintf(`"user_id":%q,`, p.user), "", 1)
	c.want(c.call("POST", "/payments/withdrawals", without, fresh()), 200, fmt.Sprintf(`"user_id":%q`, p.user))
	c.want(c.call("POST", "/payments/withdrawals", strings.Replace(without, p.reference, other.reference, 1), fresh()), 404)
}

// A bank gives back what was paid: cancelled after it was confirmed, or as an option has it.
func TestUpvest6_ReturnsAfterConfirmation(t *testing.T) {
	for option, want := range map[string]struct{ status, told string }{
		"":          {`"status":"CANCELLED","cancellation_reason":"CANCELLED_BY_BANK"`, "WITHDRAWAL.CANCELLED"},
		"confirmed": {`"status":"CONFIRMED"`, ""},
	} {
		opt := options()
		if option != "" {
			opt.Option = map[string]string{"returned": option}
		}
		w := dialecttest.New(t, wire, opt)
		c := clientOf(w, w.A)
		p := c.ready("20.00")
		at, x := c.pay(p, "1.50")
		c.want(c.call("GET", "/payments/withdrawals/"+at, ""), 200, `"status":"CONFIRMED"`)
		dialecttest.Do(w, w.A.ID.Shard, withdrawal.NewReturn(x.Seq, money.Of(150), "AC04", "test"))
		got := c.want(c.call("GET", "/payments/withdrawals/"+at, ""), 200, want.status)
		if want.told != "" {
			if e := c.event(want.told, at); fmt.Sprint(e["object"].(map[string]any)["cancellation_reason"]) != "CANCELLED_BY_BANK" { //nolint:errcheck // a test
				t.Errorf("%v", e)
			}
			c.want(c.call("DELETE", "/payments/withdrawals/"+at, ""), 422)
		} else if strings.Contains(got.body, "cancellation_reason") {
			t.Error(got.body)
		}
		c.want(c.balance(p), 200, `"balance":"20",`)
		c.want(c.call("GET", "/transactions/cash?account_group_id="+p.group, ""), 200, `"type":"WITHDRAWAL"`, `"type":"WITHDRAWAL_CANCELLATION"`, `"total_count":3`)
		c.event("CASH_BALANCE.UPDATED", "")
		c.event("WITHDRAWAL.CONFIRMED", at) // stays what it was told as
	}
}

// Every type of the vendor's may be asked for, and the life of everything here is told.
func TestUpvest7_TypesOfWebhooks(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	hook := `{"title":"x","url":"https://example.com/x","type":["SAVINGS_PLAN","BUSINESS","FILE_IMPORT","TAX_REPORT"],"exclude_type":["SOMETHING_OF_NEXT_YEAR"]}`
	c.want(c.call("POST", "/webhooks", hook), 201, `"type":["SAVINGS_PLAN","BUSINESS","FILE_IMPORT","TAX_REPORT"]`)
	for _, bad := range []string{`["savings plan"]`, `[""]`, `["A__B"]`, `["` + strings.Repeat("A", 101) + `"]`} {
		c.want(c.call("POST", "/webhooks", `{"title":"x","url":"https://example.com/x","type":`+bad+`}`), 400, "is not a type")
	}
	p := c.person()
	at := c.want(c.call("POST", "/accounts", fmt.Sprintf(`{"account_group_id":%q,"user_id":%q,"type":"TRADING","name":"Mine"}`, p.group, p.user), fresh()), 200,
		`"status":"ACTIVE"`, `"account_number":"1"`, `"type":"TRADING"`).get("id")
	c.want(c.call("DELETE", "/accounts/"+at, ""), 202)
	c.want(c.call("DELETE", "/account_groups/"+p.group, ""), 202)
	c.want(c.call("DELETE", "/users/"+p.user, ""), 202)
	for typ, of := range map[string]string{
		"USER.CREATED": p.user, "USER.ACTIVATED": p.user, "USER.OFFBOARDING_INITIATED": p.user, "USER.OFFBOARDED": p.user,
		"ACCOUNT_GROUP.CREATED": p.group, "ACCOUNT_GROUP.ACTIVATED": p.group, "ACCOUNT_GROUP.CLOSING_INITIATED": p.group, "ACCOUNT_GROUP.CLOSED": p.group,
		"ACCOUNT.CREATED": at, "ACCOUNT.ACTIVATED": at, "ACCOUNT.CLOSED": at,
	} {
		c.event(typ, of)
	}
	status := func(typ, of string) string {
		o, _ := c.event(typ, of)["object"].(map[string]any)
		return fmt.Sprint(o["status"])
	}
	if a, b, u := status("ACCOUNT_GROUP.CREATED", p.group), status("ACCOUNT_GROUP.CLOSED", p.group), status("USER.OFFBOARDED", p.user); a != "ACTIVE" || b != "CLOSED" || u != "OFFBOARDED" {
		t.Error(a, b, u)
	}
}

// Clients send back what they were sent, and members of other products.
func TestUpvest8_MembersThatMeanNothing(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	hook := c.want(c.call("POST", "/webhooks", `{"title":"x","url":"https://example.com/x"}`), 201)
	whole := strings.Replace(hook.body, `"enabled":false`, `"enabled":true`, 1)
	c.want(c.call("PATCH", "/webhooks/"+hook.get("id"), whole), 200, `"enabled":true`)
	person := strings.Replace(maxMustermann, `{"first`, `{"tags":["a"],"gender":"m","business_id":null,"tax_residences":[{"country":"DE"}],"first`, 1)
	user := c.want(c.call("POST", "/users", person, fresh()), 200).get("id")
	c.want(c.call("POST", "/account_groups", fmt.Sprintf(`{"user_id":%q,"type":"PERSONAL","business_id":null,"shape":"round"}`, user), fresh()), 200)
	p := c.ready("20.00")
	mine := c.want(c.call("POST", "/payments/withdrawals", strings.Replace(p.payout("1.00"), "{", `{"id":"1","status":"NEW","tags":[],`, 1), fresh()), 200)
	// Another JSON type, as a language without texts for numbers writes it.
	c.check = nil
	c.want(c.call("POST", "/payments/withdrawals", strings.Replace(p.payout("1.00"), `"1.00"`, `1.5`, 1), fresh()), 200, `"amount":"1.50"`)
	c.want(c.call("PATCH", "/webhooks/"+hook.get("id"), `{"enabled":"false","type":"ORDER","config":{"max_package_size":"12400"},"title":null}`), 200,
		`"enabled":false`, `"type":["ORDER"]`, `"max_package_size":12400`, `"title":"x"`)
	if mine.get("id") == "1" {
		t.Error(mine.body)
	}
}

func TestUpvest9_KeysAreHonouredEverywhere(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	p := c.person()
	for path, x := range map[string]struct {
		body   string
		status int
	}{
		"/tests/payments/transactions": {fmt.Sprintf(`{"amount":"5.00","currency":"EUR","virtual_bank_account_id":%q}`, p.group), 200},
		"/webhooks":                    {`{"title":"x","url":"https://example.com/x"}`, 201},
	} {
		key := fresh()
		first := c.want(c.call("POST", path, x.body, key), x.status)
		if again := c.want(c.call("POST", path, x.body, key), x.status); again.body != first.body {
			t.Errorf("%s: %s\n%s", path, first.body, again.body)
		}
		c.want(c.call("POST", path, strings.Replace(x.body, "5.00", "6.00", 1)+" ", fresh()), x.status)
	}
	c.want(c.balance(p), 200, `"balance":"11",`)
	c.want(c.call("GET", "/webhooks", ""), 200, `"total_count":3`) // with the one of the world
}

// Whatever a client of the wire asks for, the answer is one that it can read.
func TestUpvest10_PathsOfOtherProducts(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	for _, path := range []string{
		"/orders", "/orders/9df39835-be87-4243-9018-f2500b39cee6", "/portfolios", "/instruments", "/mandates", "/reports", "/payments", "/auth", "/virtual_cash_balances",
		"/payments/direct_debits", "/users/9df39835-be87-4243-9018-f2500b39cee6/checks", "/anything/of/next/year",
	} {
		for _, method := range []string{"GET", "POST"} {
			c.want(c.call(method, path, ""), 404, "errors/not_found", `"instance":"`+path+`"`)
		}
	}
	// Nobody has to sign for that answer.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.Server.URL+"/orders", http.NoBody)
	w.Must(err)
	req.Header.Set("Upvest-Client-Id", c.id())
	res, err := http.DefaultClient.Do(req)
	w.Must(err)
	w.Must(res.Body.Close())
	if res.StatusCode != 404 || res.Header.Get("Upvest-Request-Id") == "" || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Error(res.StatusCode, res.Header)
	}
}

func TestUpvest10_AccountsTopUpsAndLists(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	p, other := c.ready("20.00"), c.ready("30.00")
	body := fmt.Sprintf(`{"account_group_id":%q,"type":"PORTFOLIO","name":"Later"}`, p.group)
	at := c.want(c.call("POST", "/accounts", body, fresh()), 200, `"type":"PORTFOLIO"`, `"name":"Later"`).get("id")
	c.want(c.call("POST", "/accounts", strings.Replace(body, "PORTFOLIO", "OTHER", 1), fresh()), 400, "type")
	for path, n := range map[string]int{
		"/accounts": 1, "/users/" + p.user + "/accounts": 1, "/users/" + other.user + "/accounts": 0, "/account_groups/" + p.group + "/accounts": 1,
		"/account_groups/" + other.group + "/accounts": 0,
	} {
		c.want(c.call("GET", path+"?sort=updated_at&order=DESC", ""), 200, fmt.Sprintf(`"total_count":%d`, n))
	}
	c.want(c.call("GET", "/accounts/"+at, ""), 200, at)

	topUp := c.want(c.call("GET", "/account_groups/"+p.group+"/payments/topups", ""), 200, `"total_count":1`).get("data.0.id")
	c.want(c.call("GET", "/payments/topups/"+topUp, ""), 200, `"status":"CONFIRMED"`)
	held := c.want(c.call("POST", "/payments/withdrawals", p.payout("1.00"), fresh()), 200).get("id")
	c.want(c.call("DELETE", "/payments/topups/"+topUp, ""), 422, "errors/unprocessable_entity")
	c.want(c.call("DELETE", "/payments/withdrawals/"+held, ""), 204)
	c.want(c.call("DELETE", "/payments/topups/"+topUp, ""), 204)
	c.want(c.call("DELETE", "/payments/topups/"+topUp, ""), 422)
	c.want(c.call("GET", "/payments/topups/"+topUp, ""), 200, `"status":"CANCELLED"`)
	c.want(c.balance(p), 200, `"balance":"0",`)
	c.event("TOPUP.CANCELLED", topUp)

	// Cash transactions of all account groups.
	c.want(c.call("GET", "/transactions/cash?account_group_id="+p.group, ""), 200, `"type":"TOPUP_CANCELLATION"`, `"amount":"-20.00"`, `"total_count":2`)
	c.want(c.call("GET", "/transactions/cash", ""), 200, `"total_count":3`, p.group, other.group)
	b := clientOf(w, w.B)
	b.want(b.call("GET", "/transactions/cash", ""), 200, `"total_count":0`)

	// sort=updated_at: what changed last comes last.
	c.want(c.call("DELETE", "/account_groups/"+p.group, ""), 202)
	c.want(c.call("GET", "/account_groups?sort=updated_at&order=DESC&limit=1", ""), 200, p.group)
	c.want(c.call("GET", "/account_groups?sort=created_at&order=DESC&limit=1", ""), 200, other.group)
	for _, list := range []string{"/users", "/account_groups", "/account_groups/" + p.group + "/payments/withdrawals", "/account_groups/" + p.group + "/payments/topups", "/transactions/cash", "/webhooks", "/users/" + p.user + "/payments/reference_accounts"} {
		c.want(c.call("GET", list+"?sort=updated_at", ""), 200, `"sort":"updated_at"`)
	}
}

// hears keeps what is logged above debug.
func hears(b *bytes.Buffer) func(dialect.Deps) dialect.Dialect {
	return func(d dialect.Deps) dialect.Dialect {
		d.Log = slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelInfo}))
		return upvest.New(d)
	}
}

func TestUpvest11_MistakesOfClientsAreNoErrorsOfOurs(t *testing.T) {
	var log bytes.Buffer
	w := dialecttest.New(t, hears(&log), options())
	c := clientOf(w, w.A)
	p := c.ready("1.00")
	good := c.token
	c.token = "x"
	c.want(c.call("GET", "/users", ""), 401)
	c.token = good
	c.want(c.call("GET", "/users/9df39835-be87-4243-9018-f2500b39cee6", ""), 404)
	at := c.want(c.call("POST", "/payments/withdrawals", p.payout("1.00"), fresh()), 200).get("id")
	w.Process(w.A, c.seq(at))
	c.want(c.call("DELETE", "/payments/withdrawals/"+at, ""), 422)
	c.want(c.call("POST", "/payments/withdrawals", "{", fresh()), 400)
	if log.Len() > 0 {
		t.Error(log.String())
	}
}

func TestUpvest13_RefusalsNameNoIDsOfOtherSurfaces(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	p := c.ready("1.00")
	got := c.want(c.call("POST", "/payments/reference_accounts", p.bank(dialecttest.Berlin), fresh()), 409, p.reference)
	if strings.Contains(got.body, "dst_") {
		t.Error(got.body)
	}
}

// What was sold shows as the vendor has it.
func TestUpvest14_SaleProceeds(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	p := c.ready("")
	group := must(id.Parse(id.Account, "acc_"+strings.ReplaceAll(p.group, "-", "")))
	credit := func(cents uint64, kind string, tradable, pending bool) account.Credit {
		return dialecttest.Do(w, w.A.ID.Shard, account.AddCredit{
			Merchant: w.A.ID.Seq, Account: group.Seq, Asset: w.Deps.Desk.Assets["EUR"], Amount: money.Of(cents), Kind: kind, Tradable: tradable, Pending: pending,
		})
	}
	sale := credit(82875, account.KindSale, true, true)
	c.want(c.balance(p), 200, `"balance":"828.75","locked_for_trading":"0","pending_settlement":"828.75","available_for_withdrawal":"0","available_for_trading":"828.75"`)
	list := "/transactions/cash?account_group_id=" + p.group
	c.want(c.call("GET", list, ""), 200, `"type":"ORDER_EXECUTION"`, `"type":"ORDER_EXECUTION"}]`, `"amount":"828.75"`, `"total_count":1`)
	c.event("CASH_TRANSACTION.EXECUTED", "")
	deposit := credit(1000, "", false, true) // told once it is there
	c.want(c.call("GET", list, ""), 200, `"total_count":1`)
	for _, x := range []account.Credit{sale, deposit} {
		dialecttest.Do(w, w.A.ID.Shard, account.Settle{Merchant: w.A.ID.Seq, Credit: x.Seq})
	}
	c.want(c.call("GET", list, ""), 200, `"type":"TOPUP"`, `"total_count":2`)
	c.want(c.balance(p), 200, `"pending_settlement":"0","available_for_withdrawal":"838.75","available_for_trading":"828.75"`)
	dialecttest.Eventually(w, func() bool {
		n := map[string]int{}
		for _, e := range c.packages(1) {
			if o, ok := e["object"].(map[string]any); ok && e["type"] == "CASH_TRANSACTION.EXECUTED" {
				n[fmt.Sprint(o["type"])]++
			}
		}
		return n["ORDER_EXECUTION"] == 1 && n["TOPUP"] == 1
	}, "each booking is told once")
	// Other money leaves first.
	c.pay(p, "1.00")
	c.want(c.balance(p), 200, `"balance":"837.75",`, `"available_for_trading":"828.75"`)
	dialecttest.Do(w, w.A.ID.Shard, account.Move{Merchant: w.A.ID.Seq, Account: group.Seq, Asset: w.Deps.Desk.Assets["EUR"], Amount: money.Of(10000), Kind: ledger.KindLock, Reason: "an order"})
	c.want(c.balance(p), 200, `"locked_for_trading":"100"`, `"available_for_trading":"737.75"`)
}

func TestUpvest15_OtherCurrencies(t *testing.T) {
	opt := options()
	opt.Bend = func(d *intake.Intake) {
		dialecttest.Abroad(d, "sic", map[string]int{"CHF": 2})
		dialecttest.Abroad(d, "zengin", map[string]int{"JPY": 0})
	}
	w := dialecttest.New(t, wire, opt)
	c := clientOf(w, w.A)
	p := c.ready("5.00")
	balances := "/account_groups/" + p.group + "/payments/cash_balances"
	c.want(c.call("GET", balances+"/CHF", ""), 200, `"currency":"CHF","balance":"0"`)
	c.want(c.call("GET", balances+"/GBP", ""), 404)
	c.want(c.call("GET", balances+"/ETH", ""), 404) // no bank pays it
	for code, amount := range map[string]string{"CHF": "20.00", "JPY": "2000"} {
		c.want(c.call("POST", "/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":%q,"currency":%q}`, p.group, amount, code), fresh()), 200, fmt.Sprintf(`"currency":%q`, code))
	}
	c.want(c.call("GET", balances, ""), 200, `"currency":"CHF","balance":"20"`, `"currency":"EUR","balance":"5"`, `"currency":"JPY","balance":"2000"`, `"total_count":3`)
	c.want(c.call("GET", "/account_groups/"+p.group+"/payments/cash_balance", ""), 200, `"currency":"EUR"`)
	c.want(c.call("POST", "/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":"1.00","currency":"JPY"}`, p.group), fresh()), 400, "0 decimals or none")
	in := func(code, amount string) string {
		return strings.NewReplacer(`"EUR"`, `"`+code+`"`, `"1.00"`, `"`+amount+`"`).Replace(p.payout("1.00"))
	}
	for _, code := range []string{"ETH", "GBP", "eur"} {
		c.want(c.call("POST", "/payments/withdrawals", in(code, "1.00"), fresh()), 400, "there is EUR, CHF, JPY")
	}
	// The reference account is registered at the bank that pays EUR.
	c.want(c.call("POST", "/payments/withdrawals", in("CHF", "1.00"), fresh()), 400, "is not paid out on")
}

// A bank that pays several currencies pays all of them to one reference account.
func TestUpvest15_OneBankForSeveralCurrencies(t *testing.T) {
	opt := options()
	opt.Bend = func(d *intake.Intake) { dialecttest.Abroad(d, "aaa", map[string]int{"EUR": 2, "CHF": 2, "JPY": 0}) }
	w := dialecttest.New(t, wire, opt)
	c := clientOf(w, w.A)
	p := c.ready("5.00")
	for code, amount := range map[string]string{"EUR": "1.00", "CHF": "1.00", "JPY": "100"} {
		c.want(c.call("POST", "/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":%q,"currency":%q}`, p.group, amount, code), fresh()), 200)
		body := strings.NewReplacer(`"EUR"`, `"`+code+`"`, `"1.00"`, `"`+amount+`"`).Replace(p.payout("1.00"))
		at := c.want(c.call("POST", "/payments/withdrawals", body, fresh()), 200, fmt.Sprintf(`"amount":%q,"currency":%q`, amount, code)).get("id")
		x := w.Newest(w.A)
		if x.Network != "aaa" || x.Currency != code {
			t.Errorf("%s on %s", x.Currency, x.Network)
		}
		w.Confirm(w.A, x.Seq)
		c.event("WITHDRAWAL.CONFIRMED", at)
	}
	c.want(c.call("GET", "/account_groups/"+p.group+"/payments/withdrawals", ""), 200, `"total_count":3`)
	c.want(c.call("GET", "/transactions/cash?account_group_id="+p.group, ""), 200, `{"amount":"-100","currency":"JPY"}`, `{"amount":"-1.00","currency":"CHF"}`)
}

// A16: of two members with one name, or with names that differ only in case, no reader knows
// which one another reader takes.
func TestCaseA16_DuplicateMembers(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	p := c.ready("20.00")
	for _, more := range []string{`"amount":"2.00"`, `"Amount":"2.00"`, `"AMOUNT":"1.00"`, `"ſtatus":1,"status":2`, `"x":{"a":1,"a":2}`, `"x":[{"a":1,"A":2}]`} {
		c.want(c.call("POST", "/payments/withdrawals", strings.TrimSuffix(p.payout("1.00"), "}")+","+more+"}", fresh()), 400, "errors/bad_request")
		c.want(c.call("POST", "/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":"1.00","amount":"1.00",%s}`, p.group, more), fresh()), 400)
	}
	for _, query := range []string{"limit=1&limit=2", "limit=1&Limit=2", "account_group_id=" + p.group + "&Account_Group_ID=" + p.group} {
		c.want(c.call("GET", "/transactions/cash?"+query, ""), 400, "appears twice")
	}
	form := url.Values{"client_id": {c.id()}, "client_secret": {c.secret}, "grant_type": {"client_credentials"}, "scope": {"users:read"}}.Encode()
	c.token = ""
	for _, more := range []string{"&scope=users:admin", "&Scope=users:admin", "&client_id=" + c.id()} {
		c.want(c.call("POST", "/auth/token", form+more, "content-type: application/x-www-form-urlencoded"), 400, "appears twice")
	}
	c.login(allScopes)
	c.want(c.call("GET", "/account_groups/"+p.group+"/payments/withdrawals", ""), 200, `"total_count":0`)
}

// A18: the other signature that anybody can make of an ECDSA signature is no new one.
func TestCaseA18_TheOtherFormOfASignature(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	body := `{"title":"x","url":"https://example.com/x"}`
	for _, nonce := range []string{"1", ""} {
		var sent *http.Request
		c.watch = func(r *http.Request) { sent = r.Clone(t.Context()) }
		c.want(c.send("POST", "/webhooks", body, func(r *request) { r.nonce = nonce }), 201)
		c.watch = nil
		text := strings.TrimSuffix(strings.TrimPrefix(sent.Header.Get("Signature"), "sig1=:"), ":")
		other := mirrored(must(base64.StdEncoding.DecodeString(text)))
		for _, s := range []string{text, base64.StdEncoding.EncodeToString(other)} {
			again, err := http.NewRequestWithContext(t.Context(), sent.Method, sent.URL.String(), strings.NewReader(body))
			w.Must(err)
			again.Header = sent.Header.Clone()
			again.Header.Set("Signature", "sig1=:"+s+":")
			res, err := http.DefaultClient.Do(again)
			w.Must(err)
			w.Must(res.Body.Close())
			if res.StatusCode != 401 {
				t.Errorf("nonce %q: %d", nonce, res.StatusCode)
			}
		}
	}
	c.want(c.call("GET", "/webhooks", ""), 200, `"total_count":3`)
}

// mirrored is the other form of an ECDSA signature: it verifies as well.
func mirrored(der []byte) []byte {
	var s struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		panic(err)
	}
	s.S = new(big.Int).Sub(elliptic.P521().Params().N, s.S)
	return must(asn1.Marshal(s))
}
