package upvest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sluice/internal/dialect/dialecttest"
	"sluice/internal/id"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/withdrawal"
)

// transcript is what went over the wire, with ids, times and tokens under names of
// their own, so that two runs give the same text.
type transcript struct {
	text  bytes.Buffer
	names map[string]string
}

var (
	anID    = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	aTime   = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	aDay    = regexp.MustCompile(`_date":"\d{4}-\d\d-\d\dT00:00:00.000Z"`)
	aSecret = regexp.MustCompile(`(access_token":"|client_secret=|client_id=|"x":"|"y":"|127\.0\.0\.1:)[^"&/]+`)
)

func (x *transcript) plain(s string) string {
	s = anID.ReplaceAllStringFunc(s, func(u string) string {
		if strings.HasPrefix(u, "cccccccc") {
			return "{key}"
		}
		if x.names == nil {
			x.names = map[string]string{}
		}
		if x.names[u] == "" {
			x.names[u] = fmt.Sprintf("{id-%d}", len(x.names)+1)
		}
		return x.names[u]
	})
	s = aDay.ReplaceAllString(s, `_date":"{day}"`)
	s = aTime.ReplaceAllStringFunc(s, func(t string) string {
		if t == "2020-08-24T14:15:22Z" {
			return t
		}
		return "{time}"
	})
	return aSecret.ReplaceAllString(s, "$1{secret}")
}

func (x *transcript) add(r *request, a answer) {
	fmt.Fprintf(&x.text, "%s %s\n", r.method, x.plain(r.path))
	for _, h := range r.headers {
		if h[0] == "idempotency-key" {
			x.text.WriteString("idempotency-key: {key}\n")
		}
	}
	if r.body != "" {
		x.text.WriteString(x.plain(r.body) + "\n")
	}
	fmt.Fprintf(&x.text, "< %d\n", a.status)
	if a.body != "" {
		x.text.WriteString(x.plain(a.body) + "\n")
	}
	x.text.WriteString("\n")
}

func (x *transcript) title(s string) { x.text.WriteString("### " + s + "\n") }

// event writes an event that came.
func (x *transcript) event(e map[string]any) {
	b := must(json.Marshal(e))
	x.text.WriteString("< event\n" + x.plain(string(b)) + "\n\n")
}

// is compares the transcript with what is written down; UPDATE=1 writes it down.
func (x *transcript) is(t *testing.T, name string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, x.text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := x.text.String(); got != string(want) {
		a, b := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("%s, line %d:\n%s\nis written down as\n%s", name, i+1, a[i], b[i])
			}
		}
		t.Fatalf("%s has %d lines, not %d", name, len(b), len(a))
	}
}

func (c *client) seq(uuid string) id.Seq {
	return must(id.Parse(id.Withdrawal, "wd_"+strings.ReplaceAll(uuid, "-", ""))).Seq
}

// The way from a token to a confirmed withdrawal, with the bodies of the vendor's guide.
func TestGuideFlow(t *testing.T) {
	opt := options()
	opt.ReviewAbove = map[string]money.Amount{"EUR": money.Of(1_000_000)}
	w := dialecttest.New(t, wire, opt)
	c := &client{World: w, p: w.A, key: acmeKey, secret: w.A.Secret, check: theContract(w), record: &transcript{}}
	x := c.record
	x.title("1 a token")
	c.want(c.login(allScopes), 200, `"expires_in":1800,"token_type":"bearer"`)
	x.title("2 a user, 3 an account group")
	p := c.person()
	x.title("4 a reference account")
	p.reference = c.want(c.call("POST", "/payments/reference_accounts", p.bank(dialecttest.Berlin), fresh()), 200, `"iban":"DE0210**********0402"`).get("id")
	x.title("5 cash")
	c.want(c.call("POST", "/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":"200.00","currency":"EUR"}`, p.group), fresh()), 200, `"status":"CONFIRMED"`)
	x.title("6 the balance")
	c.want(c.balance(p), 200, `"balance":"200",`, `"available_for_withdrawal":"200"`)
	x.title("7 a webhook")
	hook := c.want(c.call("POST", "/webhooks", fmt.Sprintf(`{"title":"Payments","url":"%s/mine","type":["WITHDRAWAL","CASH_BALANCE","CASH_TRANSACTION"],"config":{"delay":"1s","max_package_size":12400}}`, w.Receiver.URL)), 201, `"enabled":false`).get("id")
	c.want(c.call("PATCH", "/webhooks/"+hook, `{"enabled":true}`), 200, `"enabled":true`)
	x.title("8 the withdrawal")
	made := c.want(c.call("POST", "/payments/withdrawals", p.payout("200.00"), fresh()), 200, `"status":"NEW"`)
	at := made.get("id")
	c.want(c.balance(p), 200, `"balance":"200",`, `"available_for_withdrawal":"0"`)
	x.event(c.mine(hook, "WITHDRAWAL.NEW", ""))
	x.event(c.mine(hook, "CASH_BALANCE.UPDATED", "200"))
	x.title("9 the bank")
	w.Process(w.A, c.seq(at))
	c.want(c.call("GET", "/payments/withdrawals/"+at, ""), 200, `"status":"PROCESSING"`)
	c.want(c.call("DELETE", "/payments/withdrawals/"+at, ""), 422, `unprocessable_entity`)
	x.event(c.mine(hook, "WITHDRAWAL.PROCESSING", ""))
	now, _, err := w.DB.Withdrawal(t.Context(), id.ID{Shard: w.A.ID.Shard, Seq: c.seq(at)})
	w.Must(err)
	dialecttest.Do(w, w.A.ID.Shard, withdrawal.NewConfirm(now.Seq, now.Dispatch, "", money.Amount{}, "EUR", "test"))
	x.event(c.mine(hook, "WITHDRAWAL.CONFIRMED", ""))
	x.event(c.mine(hook, "CASH_TRANSACTION.EXECUTED", ""))
	x.event(c.mine(hook, "CASH_BALANCE.UPDATED", "0"))
	x.title("10 what is left")
	c.want(c.call("GET", "/payments/withdrawals/"+at, ""), 200, `"status":"CONFIRMED"`)
	c.want(c.balance(p), 200, `"balance":"0",`, `"available_for_withdrawal":"0"`)
	c.want(c.call("GET", "/transactions/cash?account_group_id="+p.group, ""), 200, `"delta":{"amount":"-200.00","currency":"EUR"}`, `"delta":{"amount":"200.00","currency":"EUR"}`)
	c.want(c.call("GET", "/account_groups/"+p.group+"/payments/withdrawals?limit=&offset=", ""), 200, `"total_count":1`)
	x.title("back from the bank")
	dialecttest.Do(w, w.A.ID.Shard, withdrawal.NewReturn(now.Seq, money.Of(19500), "AC04", "test"))
	c.want(c.call("GET", "/payments/withdrawals/"+at, ""), 200, `"status":"CANCELLED","cancellation_reason":"CANCELLED_BY_BANK"`)
	x.event(c.mine(hook, "WITHDRAWAL.CANCELLED", ""))
	c.want(c.call("GET", "/transactions/cash?account_group_id="+p.group, ""), 200, `"type":"WITHDRAWAL_CANCELLATION"`, `"amount":"195.00"`)
	c.want(c.balance(p), 200, `"balance":"195",`)
	x.event(c.mine(hook, "CASH_BALANCE.UPDATED", "195"))
	x.title("another one, taken back")
	again := c.want(c.call("POST", "/payments/withdrawals", p.payout("100.00"), fresh()), 200).get("id")
	c.want(c.call("DELETE", "/payments/withdrawals/"+again, ""), 204)
	c.want(c.call("DELETE", "/payments/withdrawals/"+again, ""), 422)
	c.want(c.call("GET", "/payments/withdrawals/"+again, ""), 200, `"status":"CANCELLED","cancellation_reason":"CANCELLED_BY_CLIENT"`)
	c.want(c.balance(p), 200, `"available_for_withdrawal":"195"`)
	x.title("an account, which holds nothing")
	trading := c.want(c.call("POST", "/accounts", fmt.Sprintf(`{"account_group_id":%q,"user_id":%q,"type":"TRADING","name":"Trading"}`, p.group, p.user), fresh()), 200).get("id")
	c.want(c.call("DELETE", "/accounts/"+trading, ""), 202)
	x.title("a top-up, taken back")
	topUp := c.want(c.call("POST", "/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":"5.00","currency":"EUR"}`, p.group), fresh()), 200).get("id")
	c.want(c.call("DELETE", "/payments/topups/"+topUp, ""), 204)
	c.want(c.call("GET", "/payments/topups/"+topUp, ""), 200, `"status":"CANCELLED"`)
	x.title("a sale that settles later")
	group := must(id.Parse(id.Account, "acc_"+strings.ReplaceAll(p.group, "-", "")))
	dialecttest.Do(w, w.A.ID.Shard, account.AddCredit{
		Merchant: w.A.ID.Seq, Account: group.Seq, Asset: w.Deps.Desk.Assets["EUR"], Amount: money.Of(82875), Kind: account.KindSale, Tradable: true, Pending: true,
	})
	c.want(c.balance(p), 200, `"pending_settlement":"828.75"`, `"available_for_trading":"828.75"`)
	c.want(c.call("GET", "/transactions/cash?order=DESC&limit=1", ""), 200, `"type":"ORDER_EXECUTION"`)
	x.title("another product")
	c.want(c.call("POST", "/orders", `{}`, fresh()), 404, "errors/not_found")
	x.is(t, "testdata/guide.http")
}

func (c *client) balance(p person) answer {
	c.Helper()
	return c.call("GET", "/account_groups/"+p.group+"/payments/cash_balance", "")
}

// mine waits for an event to one webhook; balance chooses among those of balances.
func (c *client) mine(hook, typ, balance string) map[string]any {
	c.Helper()
	record := c.record
	c.record = nil // asking for keys is not part of the story
	defer func() { c.record = record }()
	for n := 1; n < 200; n++ {
		for _, e := range c.packages(n) {
			o, _ := e["object"].(map[string]any)
			if e["webhook_id"] == hook && e["type"] == typ && (balance == "" || o["balance"] == balance) {
				return e
			}
		}
	}
	c.Fatalf("no %s", typ)
	return nil
}

// A package is sent when it is full or has waited; what is small goes together.
func TestPackages(t *testing.T) {
	w := dialecttest.New(t, wire, options())
	c := clientOf(w, w.A)
	p := c.ready("1.00")
	hook := c.want(c.call("POST", "/webhooks", fmt.Sprintf(`{"title":"slow","url":"%s/slow","config":{"delay":"30s","max_package_size":1500},"exclude_type":["TOPUP"],"enabled":true}`, w.Receiver.URL)), 201).get("id")
	for range 4 {
		c.want(c.call("POST", "/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":"1.00"}`, p.group), fresh()), 200)
	}
	var first []map[string]any
	for n := 1; first == nil; n++ {
		for _, cb := range w.Callbacks(n) {
			if cb.Path == "/slow" {
				c.verify(cb)
				var x struct{ Payload []map[string]any }
				w.Must(json.Unmarshal(cb.Body, &x))
				first = x.Payload
				break
			}
		}
	}
	var types, times []string
	for _, e := range first {
		types, times = append(types, fmt.Sprint(e["type"])), append(times, fmt.Sprint(e["created_at"]))
		if e["webhook_id"] != hook {
			t.Errorf("%v", e)
		}
	}
	if len(first) < 2 || slices.Contains(types, "TOPUP.CONFIRMED") || types[0] != "CASH_TRANSACTION.EXECUTED" || types[1] != "CASH_BALANCE.UPDATED" || !slices.IsSorted(times) {
		t.Errorf("%v %v", types, times)
	}
}

// A package that fails keeps back what comes later, and comes again as it was: whole, and
// with nothing else.
func TestUpvest12_AFailingPackageBlocksAndComesAgainWhole(t *testing.T) {
	opt := options()
	failed := make(chan struct{})
	n := 0
	opt.Answer = func(cb dialecttest.Callback) (int, string) {
		if cb.Path != "/slow" {
			return 200, ""
		}
		if n++; n == 1 {
			defer close(failed)
			return 500, ""
		}
		return 204, ""
	}
	w := dialecttest.New(t, wire, opt)
	c := clientOf(w, w.A)
	p := c.ready("1.00")
	c.want(c.call("POST", "/webhooks", fmt.Sprintf(`{"title":"slow","url":"%s/slow","config":{"delay":"1s"},"enabled":true}`, w.Receiver.URL)), 201)
	topUp := func() {
		c.want(c.call("POST", "/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":"1.00"}`, p.group), fresh()), 200)
	}
	for range 6 {
		topUp()
	}
	<-failed
	for range 6 {
		topUp()
	}
	var bodies []string
	events := 0
	for n := 1; events < 2*6*3; n++ {
		bodies, events = nil, 0
		for _, cb := range w.Callbacks(n) {
			if cb.Path == "/slow" {
				bodies = append(bodies, string(cb.Body))
				if len(bodies) != 1 {
					events += strings.Count(string(cb.Body), `"webhook_id"`)
				}
			}
		}
	}
	if bodies[1] != bodies[0] || strings.Count(bodies[0], `"webhook_id"`) < 10 {
		t.Errorf("after\n%s\ncame\n%s", bodies[0], bodies[1])
	}
}
