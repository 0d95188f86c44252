package dialecttest_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/internal/dialect/dialecttest"
	"sluice/internal/id"
	"sluice/internal/webhook"
)

// money requires that every wire shows the same of the merchant's own account.
func (s *speaker) money(currency, want string) {
	s.Helper()
	own := id.ID{Shard: s.coins.ID.Shard, Seq: s.coins.Account}.Text(id.Account)
	for wire, got := range map[string]string{
		"coinspaid": s.asCoins(s.coins, "/accounts/list", "null").of("data", "currency", currency, "balance"),
		"tylt":      s.asTylt(s.tylt, "getAccountBalance", "", "").of("data", "currencySymbol", currency, "balance"),
		"native":    s.asNative(s.native, "GET", "accounts/"+own+"/balances/"+currency, "").get("available_for_withdrawal"),
	} {
		if strings.Contains(got, ".") {
			got = strings.TrimRight(strings.TrimRight(got, "0"), ".")
		}
		if got != want {
			s.Errorf("%s shows %q %s, want %s", wire, got, currency, want)
		}
	}
}

// shown requires how every wire shows a withdrawal of 0.5 ETH on a chain. Upvest has no
// words for one.
func (s *speaker) shown(foreign, coins, tylt, native string) {
	s.Helper()
	s.want(s.asCoins(s.coins, "/transactions/info", fmt.Sprintf(`{"foreign_id":%q}`, foreign)), 200,
		"status="+coins, "foreign_id="+foreign, "transactions.0.amount=0.50000000", "transactions.0.currency=ETH", "crypto_address.address="+dialecttest.Alice)
	s.want(s.asTylt(s.tylt, "getPayoutTransactionInformation", "merchantOrderId="+foreign, ""), 200,
		"data.status="+tylt, "data.merchantOrderId="+foreign, "data.settledAmountRequested=0.5", "data.settledCurrency=ETH")
	a := s.want(s.asNative(s.native, "GET", "foreign_ids/"+foreign+"/withdrawal", ""), 200, "state="+native, "foreign_id="+foreign, "amount=0.500000000000000000", "currency=ETH")
	at, err := id.Parse(id.Withdrawal, a.get("id"))
	s.Must(err)
	s.want(s.asUpvest(s.upvest, "GET", "/payments/withdrawals/"+at.Dashed(id.Withdrawal), ""), 404)
}

// told waits until all endpoints of the merchant were told of withdrawals what is
// wanted, in any order, and checks the signature of each.
func (s *speaker) told(n int, want map[string]string) {
	s.Helper()
	got := map[string]string{}
	for _, c := range s.Callbacks(n) {
		a := answer{200, string(c.Body)}
		switch c.Path {
		case "/acme":
			if c.Header.Get("X-Processing-Signature") != mac(sha512.New, s.coins.Secret, a.body) || c.Header.Get("X-Processing-Key") != s.coins.Key {
				s.Fatalf("a wrong signature: %v", c.Header)
			}
			got["coinspaid "+a.get("foreign_id")] = a.get("status")
		case "/acme/tylt":
			if c.Header.Get("X-TLP-SIGNATURE") != mac(sha256.New, s.tylt.Secret, a.body) {
				s.Fatalf("a wrong signature: %v", c.Header)
			}
			got["tylt "+a.get("data.merchantOrderId")] = a.get("data.status")
		case "/acme/native":
			v, err := webhook.NewVerifier(s.native.Secret)
			s.Must(err)
			s.Must(v.Verify(c.Header.Get, c.Body, time.Now()))
			got["native "+a.get("data.foreign_id")+" "+a.get("type")] = a.get("data.state")
		case "/acme/upvest":
			sum := sha256.Sum256(c.Body)
			if c.Header.Get("Digest") != "SHA-256="+base64.StdEncoding.EncodeToString(sum[:]) {
				s.Fatalf("a wrong digest: %v", c.Header)
			}
			for i := 0; a.get(fmt.Sprintf("payload.%d.type", i)) != ""; i++ {
				at := fmt.Sprintf("payload.%d.", i)
				got["upvest "+a.get(at+"object.id")+" "+a.get(at+"type")] = a.get(at + "object.status")
			}
		default:
			s.Fatalf("%s was told %s", c.Path, c.Body)
		}
	}
	for k, v := range want {
		if got[k] != v {
			if n < 100 {
				s.told(n+1, want)
				return
			}
			s.Fatalf("%s was told as %q, want %q; all: %v", k, got[k], v, got)
		}
	}
}

// One merchant pays by three wires from one balance; all of them show the same, and
// each endpoint is told of the same facts in its own words.
func TestWiresShareWithdrawalsAndBalances(t *testing.T) {
	s, _ := together(t)
	s.want(s.login(s.upvest), 200)
	s.Fund(s.coins, "ETH", "2")
	s.money("ETH", "2")
	order := func(foreign string) string {
		return fmt.Sprintf(`{"amount":"0.5","address":%q,"foreign_id":%q,"currency":"ETH"}`, dialecttest.Alice, foreign)
	}
	payout := func(foreign string) string {
		return fmt.Sprintf(`{"merchantOrderId":%q,"baseAmount":0.5,"baseCurrency":"ETH","address":%q,"settledCurrency":"ETH","networkSymbol":"ETH"}`, foreign, dialecttest.Alice)
	}
	native := func(foreign string) string {
		return fmt.Sprintf(`{"account":%q,"foreign_id":%q,"currency":"ETH","amount":"0.5","destination":{"network":"ethereum","address":%q}}`,
			id.ID{Shard: s.coins.ID.Shard, Seq: s.coins.Account}.Text(id.Account), foreign, dialecttest.Alice)
	}
	s.want(s.asCoins(s.coins, "/withdrawal/crypto", order("c-1")), 201, "data.status=processing")
	first := s.Newest(s.coins)
	s.want(s.asTylt(s.tylt, "createPayoutRequest", "", payout("t-1")), 200, "data.status=Pending")
	second := s.Newest(s.coins)
	made := s.want(s.asNative(s.native, "POST", "withdrawals", native("n-1")), 201)
	s.money("ETH", "0.5")
	for _, foreign := range []string{"c-1", "t-1", "n-1"} {
		s.shown(foreign, "not_confirmed", "Pending", "new")
		// A number of the client's own is used once, whichever wire it was used on.
		s.want(s.asCoins(s.coins, "/withdrawal/crypto", order(foreign)), 400, "errors.foreign_id=The foreign id has already been taken.")
		s.want(s.asTylt(s.tylt, "createPayoutRequest", "", payout(foreign)), 400, "errorCode=1021")
		s.want(s.asNative(s.native, "POST", "withdrawals", native(foreign)), 409)
	}
	s.money("ETH", "0.5")
	s.Confirm(s.coins, first.Seq)
	s.Fail(s.coins, second.Seq, "the network refused it")
	s.want(s.asNative(s.native, "POST", "withdrawals/"+made.get("id")+"/cancel", ""), 200)
	s.shown("c-1", "confirmed", "Completed", "confirmed")
	s.shown("t-1", "cancelled", "Failed", "failed")
	s.shown("n-1", "cancelled", "Cancelled", "cancelled")
	s.money("ETH", "1.5")
	s.told(6, map[string]string{
		"coinspaid c-1": "confirmed", "coinspaid t-1": "cancelled", "coinspaid n-1": "cancelled",
		"tylt c-1": "Completed", "tylt t-1": "Failed", "tylt n-1": "Cancelled",
		"native c-1 withdrawal.confirmed": "confirmed", "native t-1 withdrawal.failed": "failed", "native n-1 withdrawal.cancelled": "cancelled",
	})
}

// An endpoint that is bound to its own wire hears of nothing but the payouts that came in by
// it; balances change by all of them.
func TestEndpointsOfTheirOwnWire(t *testing.T) {
	s, _ := together(t)
	s.Fund(s.coins, "ETH", "2")
	endpoints, err := s.DB.Endpoints(t.Context(), s.coins.ID)
	s.Must(err)
	only := true
	for _, e := range endpoints {
		c := webhook.NewUpdateEndpoint(s.coins.ID.Seq, e.Seq, "test")
		c.OwnOnly = &only
		dialecttest.Do(s.World, s.coins.ID.Shard, c)
	}
	s.want(s.asCoins(s.coins, "/withdrawal/crypto", fmt.Sprintf(`{"amount":"0.5","address":%q,"foreign_id":"c-1","currency":"ETH"}`, dialecttest.Alice)), 201)
	s.Confirm(s.coins, s.Newest(s.coins).Seq)
	s.want(s.asTylt(s.tylt, "createPayoutRequest", "", fmt.Sprintf(`{"merchantOrderId":"t-1","baseAmount":0.5,"baseCurrency":"ETH","address":%q,"settledCurrency":"ETH","networkSymbol":"ETH"}`, dialecttest.Alice)), 200)
	s.Confirm(s.coins, s.Newest(s.coins).Seq)
	s.want(s.asNative(s.native, "POST", "withdrawals", fmt.Sprintf(`{"account":%q,"foreign_id":"n-1","currency":"ETH","amount":"0.5","destination":{"network":"ethereum","address":%q}}`,
		id.ID{Shard: s.coins.ID.Shard, Seq: s.coins.Account}.Text(id.Account), dialecttest.Alice)), 201)
	s.Confirm(s.coins, s.Newest(s.coins).Seq)
	s.told(3, map[string]string{"coinspaid c-1": "confirmed", "tylt t-1": "Completed", "native n-1 withdrawal.confirmed": "confirmed"})
	foreign := map[string]string{webhook.FormatCoinsPaid: "c-1", webhook.FormatTylt: "t-1", webhook.FormatNative: "n-1"}
	for _, e := range endpoints {
		rows, err := s.DB.Deliveries(t.Context(), id.ID{Shard: s.coins.ID.Shard, Seq: e.Seq}, "", 0, 1000)
		s.Must(err)
		payouts, balances := 0, 0
		for _, d := range rows {
			if d.Type == "balance.updated" {
				balances++
			}
			if !strings.HasPrefix(d.Type, "withdrawal.") {
				continue
			}
			payouts++
			events, err := s.DB.EventsAt(t.Context(), s.coins.ID.Shard, []int64{d.EventSeq})
			s.Must(err)
			x, _, err := s.DB.Withdrawal(t.Context(), id.ID{Shard: s.coins.ID.Shard, Seq: events[0].Subject})
			s.Must(err)
			if x.ForeignID != foreign[e.Format] {
				t.Errorf("%s: %s of %s", e.Format, d.Type, x.ForeignID)
			}
		}
		if (payouts > 0) != (foreign[e.Format] != "") || e.Format == webhook.FormatNative && balances < 7 {
			t.Errorf("%s: %d messages of payouts, %d of balances", e.Format, payouts, balances)
		}
	}
}

// A payout to a bank of a customer is shown by Upvest and natively, and by no wire of
// crypto currencies; cancelled natively it is cancelled there too.
func TestWiresShareBankPayouts(t *testing.T) {
	s, _ := together(t)
	s.want(s.login(s.upvest), 200)
	post := func(path, body string) answer {
		t.Helper()
		return s.want(s.asUpvest(s.upvest, "POST", path, body), 200)
	}
	user := post("/users", `{"first_name":"Max","last_name":"Mustermann","birth_date":"1972-09-30","nationalities":["DE"],`+
		`"address":{"address_line1":"Unter den Linden 1","postcode":"10117","city":"Berlin","country":"DE"}}`).get("id")
	group := post("/account_groups", fmt.Sprintf(`{"user_id":%q,"type":"PERSONAL"}`, user)).get("id")
	bank := post("/payments/reference_accounts", fmt.Sprintf(
		`{"user_id":%q,"account_owner":"Max Mustermann","iban":%q,"bic":"BELADEBE","confirmed_at":"2020-08-24T14:15:22Z"}`, user, dialecttest.Berlin)).get("id")
	post("/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":"2.00","currency":"EUR"}`, group))
	account := "acc_" + strings.ReplaceAll(group, "-", "")
	same := func(want string) {
		t.Helper()
		s.want(s.asUpvest(s.upvest, "GET", "/account_groups/"+group+"/payments/cash_balance", ""), 200, "available_for_withdrawal="+want)
		if got := s.want(s.asNative(s.native, "GET", "accounts/"+account+"/balances/EUR", ""), 200).get("available_for_withdrawal"); strings.TrimSuffix(strings.TrimSuffix(got, "0"), ".0") != want {
			t.Errorf("natively %s EUR, want %s", got, want)
		}
	}
	same("2")
	made := post("/payments/withdrawals", fmt.Sprintf(
		`{"reference_account_id":%q,"account_group_id":%q,"user_id":%q,"amount":"1.50","currency":"EUR","remittance_information":"Pay","purpose_code":"OTHR"}`, bank, group, user))
	same("0.5")
	natively := "wd_" + strings.ReplaceAll(made.get("id"), "-", "")
	x := s.want(s.asNative(s.native, "GET", "withdrawals/"+natively, ""), 200, "amount=1.50", "currency=EUR", "state=new")
	foreign := x.get("foreign_id")
	s.want(s.asCoins(s.coins, "/transactions/info", fmt.Sprintf(`{"foreign_id":%q}`, foreign)), 404)
	s.want(s.asTylt(s.tylt, "getPayoutTransactionInformation", "merchantOrderId="+foreign, ""), 404, "errorCode=1022")
	s.want(s.asTylt(s.tylt, "getPayoutTransactionHistory", "rows=10", ""), 200, "data.0=")
	s.want(s.asNative(s.native, "POST", "withdrawals/"+natively+"/cancel", ""), 200)
	s.want(s.asUpvest(s.upvest, "GET", "/payments/withdrawals/"+made.get("id"), ""), 200, "status=CANCELLED")
	same("2")
	s.told(2, map[string]string{
		"upvest " + made.get("id") + " WITHDRAWAL.CANCELLED": "CANCELLED", "native " + foreign + " withdrawal.cancelled": "cancelled",
	})
}

// TestCase50_KeysOfOneWireOpenNoOther: neither another wire, nor another merchant's things.
func TestCase50_KeysOfOneWireOpenNoOther(t *testing.T) {
	a, b := together(t)
	for wire, try := range map[string]func(dialecttest.Party) answer{
		"coinspaid": func(p dialecttest.Party) answer { return a.asCoins(p, "/accounts/list", "null") },
		"tylt":      func(p dialecttest.Party) answer { return a.asTylt(p, "getAccountBalance", "", "") },
		"upvest":    func(p dialecttest.Party) answer { return a.login(p) },
		"native":    func(p dialecttest.Party) answer { return a.asNative(p, "GET", "accounts", "") },
	} {
		for of, p := range map[string]dialecttest.Party{"coinspaid": a.coins, "tylt": a.tylt, "upvest": a.upvest, "native": a.native} {
			if got := try(p); (got.status == 200) != (of == wire) || of != wire && got.status != 401 && got.status != 403 {
				t.Errorf("the key for %s on %s: %d %s", of, wire, got.status, got.body)
			}
		}
	}
	// The key of one merchant with the secret of the other, on every wire.
	swap := func(p, q dialecttest.Party) dialecttest.Party {
		p.Secret = q.Secret
		return p
	}
	a.want(a.asCoins(swap(a.coins, b.coins), "/accounts/list", "null"), 403)
	a.want(a.asTylt(swap(a.tylt, b.tylt), "getAccountBalance", "", ""), 401)
	if got := a.login(b.upvest); got.status != 401 { // signed with the key of a
		t.Errorf("the client of another: %d %s", got.status, got.body)
	}
	// What one made by any wire, the other finds by none.
	a.Fund(a.coins, "ETH", "1")
	a.want(a.asCoins(a.coins, "/withdrawal/crypto", fmt.Sprintf(`{"amount":"0.5","address":%q,"foreign_id":"c-1","currency":"ETH"}`, dialecttest.Alice)), 201)
	b.want(b.asCoins(b.coins, "/transactions/info", `{"foreign_id":"c-1"}`), 404)
	b.want(b.asTylt(b.tylt, "getPayoutTransactionInformation", "merchantOrderId=c-1", ""), 404, "errorCode=1022")
	b.want(b.asNative(b.native, "GET", "foreign_ids/c-1/withdrawal", ""), 404)
}
