package api_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/internal/api"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/store/pgtest"
)

// A key of the operator reads everything that any merchant has, by three ways to the same
// rows: the id, ?merchant=, and the path under /v1/merchants. It changes none of it.
func TestTheOperatorReadsEveryMerchant(t *testing.T) {
	t.Run("sqlite, one shard", func(t *testing.T) { newWorld(t).operatorReads(t) })
	t.Run("postgres, two shards", func(t *testing.T) { newWorldOn(t, pgtest.URL(t)).operatorReads(t) })
}

func (w *world) operatorReads(t *testing.T) {
	w.contract = newContract(t)
	for _, p := range []party{w.acme, w.bolt} {
		has := w.possessions(p)
		has["webhook_deliveries"] = w.delivery(p, has["webhook_endpoints"])
		who := p.id.Text(id.Merchant)
		// same holds the operator's answer against what the merchant sees.
		same := func(own, asOperator string) {
			t.Helper()
			a, b := w.want(w.call(p.key, "GET", own, ""), 200), w.want(w.call(w.operator, "GET", asOperator, ""), 200)
			if string(a.body) != string(b.body) {
				t.Errorf("%s gives the merchant\n%s\nand %s the operator\n%s", own, a.body, asOperator, b.body)
			}
		}
		for _, op := range api.Operations() {
			method, path, _ := strings.Cut(op.Pattern, " ")
			if method != "GET" || op.Scope == "" || op.Scope == merchant.Operate || strings.Contains(path, "/merchants") {
				continue
			}
			collection := strings.Split(path, "/")[2]
			path = strings.NewReplacer("{id}", has[collection], "{currency}", "USDT", "{foreign_id}", "w-of-"+p.account).Replace(path)
			if collection == "credits" && !strings.Contains(path, "crd_") {
				path += "?account=" + p.account
			}
			join := "?"
			if strings.Contains(path, "?") {
				join = "&"
			}
			same(path, path+join+"merchant="+who)
			if strings.Contains(op.Pattern, "{id}") {
				same(path, path)
			} else {
				w.want(w.call(w.operator, "GET", path, ""), 400, `"code":"merchant_required"`)
			}
		}
		under := "/v1/merchants/" + who
		same("/v1/merchant", under)
		for _, list := range []string{"accounts", "withdrawals", "events", "webhook_endpoints"} {
			same("/v1/"+list, under+"/"+list)
		}
		same("/v1/accounts/"+p.account+"/balances", under+"/balances")
		same("/v1/webhook_endpoints/"+has["webhook_endpoints"]+"/deliveries", under+"/webhook_deliveries")
		// A merchant's own key may use the long path for itself, and for nobody else.
		w.want(w.call(p.key, "GET", under+"/accounts", ""), 200, p.account)
		w.want(w.call(p.key, "GET", "/v1/accounts?merchant="+who, ""), 400, `"code":"unknown_parameter"`)
	}
	w.want(w.call(w.acme.key, "GET", "/v1/merchants/"+w.bolt.id.Text(id.Merchant)+"/accounts", ""), 404, `"code":"merchant_not_found"`)
	w.want(w.call(w.operator, "GET", "/v1/merchants/"+unlike(id.Merchant)+"/accounts", ""), 404, `"code":"merchant_not_found"`)
	w.want(w.call(w.operator, "GET", "/v1/accounts?merchant=nobody", ""), 404, `"code":"merchant_not_found"`)
	w.want(w.call(w.operator, "GET", "/v1/accounts/"+w.acme.account+"?merchant="+w.bolt.id.Text(id.Merchant), ""), 404, `"code":"account_not_found"`)
	w.want(w.call(w.operator, "POST", "/v1/accounts", `{}`), 403, `"code":"missing_scope"`)
	w.pagesOfMerchants(t)
}

func (w *world) pagesOfMerchants(t *testing.T) {
	all := w.want(w.call(w.operator, "GET", "/v1/merchants", ""), 200, w.acme.id.Text(id.Merchant), w.bolt.id.Text(id.Merchant))
	got, cursor := []string{}, ""
	for {
		page := w.want(w.call(w.operator, "GET", "/v1/merchants?limit=1"+cursor, ""), 200)
		for n := 0; page.get(fmt.Sprintf("data.%d.id", n)) != ""; n++ {
			got = append(got, page.get(fmt.Sprintf("data.%d.id", n)))
		}
		if cursor = page.get("next_cursor"); cursor == "" {
			break
		}
		cursor = "&cursor=" + cursor
	}
	if len(got) != 2 || got[0] != all.get("data.0.id") || got[1] != all.get("data.1.id") {
		t.Errorf("page by page: %v\n%s", got, all.body)
	}
}

// A key of the operator with fewer scopes does what they say: it reads what they name of
// every merchant, and nothing of the installation.
func TestScopesOfTheOperatorsKeys(t *testing.T) {
	w := newWorld(t)
	reads, _ := w.newKey(id.ID{}, merchant.ReadWithdrawals)
	who := "?merchant=" + w.acme.id.Text(id.Merchant)
	w.want(w.call(reads, "GET", "/v1/withdrawals"+who, ""), 200)
	w.want(w.call(reads, "GET", "/v1/ping", ""), 200, `"merchant":null`, `"scopes":["withdrawals:read"]`)
	for _, path := range []string{"/v1/accounts" + who, "/v1/merchants", "/v1/wallets", "/v1/review", "/v1/waiting", "/v1/events" + who} {
		w.want(w.call(reads, "GET", path, ""), 403, `"code":"missing_scope"`)
	}
}
