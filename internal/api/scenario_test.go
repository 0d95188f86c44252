package api_test

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/api"
	"sluice/internal/id"
	"sluice/internal/signer/approval"
	"sluice/internal/store/pgtest"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
)

// One life through every operation: whatever the tables of the other tests do not
// reach is reached here, so that every operation is exercised against the contract.
func TestEveryOperationKeepsTheContract(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		w := newWorld(t)
		w.everyOperation(w.acme)
	})
	t.Run("postgres", func(t *testing.T) {
		w := newWorldOn(t, pgtest.URL(t))
		w.everyOperation(w.bolt) // in another shard than the operator
	})
}

func (w *world) everyOperation(a party) {
	t := w.t
	w.contract = newContract(t)
	w.want(w.call(a.key, "GET", "/v1/ping", ""), 200, `"merchant":"mer_`, `"mode":"test"`, `"withdrawals:create"`)
	w.want(w.call(w.operator, "GET", "/v1/ping", ""), 200, `"merchant":null`)
	w.want(w.call(a.key, "GET", "/v1/currencies", ""), 200, `{"object":"currency","code":"USDT","scale":6,"networks":["ethereum"],"limits":[{"network":"ethereum","minimum":"0.000001","maximum":null}]}`, `"code":"EUR","scale":2,"networks":[],"limits":[]`)
	w.want(w.call(a.key, "GET", "/v1/merchant", ""), 200, `"mode":"test"`, `"cancel_window_seconds":0`)
	w.want(w.call(a.key, "PATCH", "/v1/merchant", `{"cancel_window_seconds":60}`), 200, `"cancel_window_seconds":60`)
	w.want(w.call(a.key, "PATCH", "/v1/merchant", `{}`), 200, `"cancel_window_seconds":60`)
	w.want(w.call(w.operator, "GET", "/v1/wallets", ""), 200, `"data":[]`)
	w.credentials(a)

	made := w.want(w.call(a.key, "POST", "/v1/accounts", `{"foreign_id":"c-1","name":"Zoë \"Z\" ❤"}`), 201, `"kind":"customer"`, `Zoë \"Z\" ❤`)
	if made.header.Get("Location") != "/v1/accounts/"+made.get("id") {
		t.Errorf("Location is %q", made.header.Get("Location"))
	}
	w.want(w.call(a.key, "GET", "/v1/accounts/"+made.get("id"), ""), 200, string(made.body))
	w.want(w.call(a.key, "GET", "/v1/accounts?foreign_id=c-1", ""), 200, string(made.body))
	w.want(w.call(a.key, "GET", "/v1/accounts?foreign_id=c-2", ""), 200, `"data":[]`)
	w.want(w.call(a.key, "POST", "/v1/accounts", `{"foreign_id":"c-1"}`), 409, `"code":"duplicate_foreign_id"`, made.get("id"))

	w.credits(a)
	w.withdrawals(a)
	w.previews(a)
	w.reviews(a)
	w.exchange(a)
	w.webhooks(a)
	w.want(w.call(w.operator, "GET", "/v1/merchants", ""), 200, a.id.Text(id.Merchant))
	for _, what := range []string{"", "/accounts", "/balances", "/withdrawals", "/events", "/webhook_endpoints", "/webhook_deliveries"} {
		w.want(w.call(w.operator, "GET", "/v1/merchants/"+a.id.Text(id.Merchant)+what, ""), 200)
	}
	w.want(w.call(a.key, "GET", "/v1/nowhere", ""), 404, `"code":"no_such_route"`)
	if got := w.want(w.call(a.key, "PUT", "/v1/accounts", ""), 405, `"code":"method_not_allowed"`).header.Get("Allow"); got != "GET, POST" {
		t.Errorf("Allow is %q", got)
	}
	fees := "/v1/merchants/" + a.id.Text(id.Merchant) + "/fees"
	if got := w.want(w.call(w.operator, "POST", fees, ""), 405, `"code":"method_not_allowed"`).header.Get("Allow"); got != "GET, PUT, DELETE" {
		t.Errorf("Allow is %q", got)
	}
	for _, path := range w.contract.doc.Paths.InMatchingOrder() {
		for method, op := range w.contract.doc.Paths.Value(path).Operations() {
			ok := false
			for status := range w.contract.seen[op.OperationID] {
				ok = ok || status < 300
			}
			if !ok {
				t.Errorf("%s %s was not exercised", method, path)
			}
		}
	}
}

func (w *world) credits(a party) {
	t := w.t
	body := fmt.Sprintf(`{"account":%q,"currency":"USDT","amount":"100","pending":true,"reference":"sale 1"}`, a.account)
	pending := w.want(w.call(a.key, "POST", "/v1/credits", body, fresh()), 201, `"state":"pending"`, `"available_at":null`, `"amount":"100.000000"`)
	w.want(w.call(a.key, "GET", "/v1/accounts/"+a.account+"/balances", ""), 200,
		`"balance":"100.000000","available_for_withdrawal":"0.000000","pending_settlement":"100.000000","locked_for_trading":"0.000000","available_for_trading":"100.000000","reserved":"0.000000"`)
	settled := w.want(w.call(a.key, "POST", "/v1/credits/"+pending.get("id")+"/settle", "", fresh()), 200, `"state":"settled"`)
	w.want(w.call(a.key, "GET", "/v1/credits/"+pending.get("id"), ""), 200, string(settled.body))
	w.want(w.call(a.key, "GET", "/v1/credits?account="+a.account, ""), 200, string(settled.body))
	days := fmt.Sprintf(`{"account":%q,"currency":"EUR","amount":"7.5","settles_in":2}`, a.account)
	w.clock.set(w.clock.Now())
	w.want(w.call(a.key, "POST", "/v1/credits", days, fresh()), 201, `"state":"pending"`, `"amount":"7.50"`, `:00:00.000000Z"`)
	lock := fmt.Sprintf(`{"account":%q,"currency":"USDT","amount":"30","reason":"order 9"}`, a.account)
	w.want(w.call(a.key, "POST", "/v1/locks", lock, fresh()), 201, `"object":"lock"`, `"locked_for_trading":"30.000000"`, `"available_for_withdrawal":"70.000000"`)
	w.want(w.call(a.key, "POST", "/v1/unlocks", strings.Replace(lock, `"30"`, `"10"`, 1), fresh()), 201, `"object":"unlock"`, `"locked_for_trading":"20.000000"`)
	w.want(w.call(a.key, "GET", "/v1/accounts/"+a.account+"/balances/ETH", ""), 200, `"balance":"0.000000000000000000"`, `"updated_at":null`)
	if got := w.balance(a, "available_for_withdrawal"); got != "80.000000" {
		t.Errorf("available %s", got)
	}
}

func (w *world) withdrawals(a party) {
	t := w.t
	to := w.want(w.call(a.key, "POST", "/v1/destinations", fmt.Sprintf(`{"network":"ethereum","address":%q,"label":"Alice"}`, alice)), 201, alice)
	w.want(w.call(a.key, "GET", "/v1/destinations/"+to.get("id"), ""), 200, `"label":"Alice"`)
	w.want(w.call(a.key, "GET", "/v1/destinations", ""), 200, to.get("id"))
	old := w.want(w.call(a.key, "POST", "/v1/destinations", fmt.Sprintf(`{"network":"ethereum","address":%q}`, alice)), 201).header.Get("Location")
	w.want(w.call(a.key, "DELETE", old, ""), 204)

	first := w.want(w.call(a.key, "POST", "/v1/withdrawals", a.payout("p/1 ü", "12.5")), 201,
		`"state":"new"`, `"cancellable":true`, `"amount":"12.500000"`, `"fee":"0.000000"`, `"metadata":{}`, `"attention":null`, alice)
	id1 := first.get("id")
	w.want(w.call(a.key, "GET", "/v1/withdrawals/"+id1, ""), 200, string(first.body))
	w.want(w.call(a.key, "GET", "/v1/foreign_ids/p%2F1%20%C3%BC/withdrawal", ""), 200, string(first.body))
	body := fmt.Sprintf(`{"account":%q,"foreign_id":"p-2","currency":"USDT","amount":"1","destination_id":%q,"not_before":"2027-01-01T00:00:00+01:00","metadata":{"b":"2","a":"1"}}`,
		a.account, to.get("id"))
	w.clock.set(w.clock.Now())
	second := w.want(w.call(a.key, "POST", "/v1/withdrawals", body), 201, to.get("id"), `"metadata":{"a":"1","b":"2"}`)
	if got := second.get("release_at"); got < "2026-12-31T23:00:00.000000Z" {
		t.Errorf("release_at %s", got)
	}
	batch := fmt.Sprintf(`{"withdrawals":[%s,%s,%s]}`, a.payout("p-3", "1"), a.payout("p-2", "1"), a.payout("p-4", "1000"))
	w.want(w.call(a.key, "POST", "/v1/withdrawals/batch", batch), 200, `"index":0,"status":201`, `"index":1,"status":409`, `"index":2,"status":422`,
		`"code":"insufficient_funds"`, `"accepted":1,"refused":2`)
	page := w.want(w.call(a.key, "GET", "/v1/withdrawals?limit=2", ""), 200, `"foreign_id":"p-3"`, `"foreign_id":"p-2"`)
	w.want(w.call(a.key, "GET", "/v1/withdrawals?limit=2&cursor="+page.get("next_cursor"), ""), 200, id1, `"next_cursor":null`)
	w.want(w.call(a.key, "GET", "/v1/withdrawals?limit=2&state=new&cursor="+page.get("next_cursor"), ""), 400, `"code":"invalid_cursor"`)
	w.want(w.call(a.key, "GET", "/v1/withdrawals?state=new&currency=USDT&account="+a.account+"&foreign_id=p-3&created_from=2026-01-01T00:00:00Z", ""), 200, `"foreign_id":"p-3"`)
	w.want(w.call(a.key, "GET", "/v1/withdrawals?created_to=2026-01-01T00:00:00Z", ""), 200, `"data":[]`)
	w.want(w.call(a.key, "GET", "/v1/withdrawals?state=confirmed", ""), 200, `"data":[]`)

	w.want(w.call(a.key, "POST", "/v1/withdrawals/"+id1+"/cancel", `{"reason":"typo"}`), 200, `"state":"cancelled"`, `"reason":"typo"`)
	w.want(w.call(a.key, "GET", "/v1/withdrawals/"+id1+"/timeline", ""), 200,
		`"type":"withdrawal.created"`, `"kind":"reserve"`, `"type":"withdrawal.cancelled"`, `"kind":"release"`, `"actor":"api:key_`)
}

// newProof makes a text of the form of a proof; what it proves is the signer's to say.
func newProof() string {
	return approval.Sign(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), approval.Statement{}, time.Unix(0, 0))
}

var proof = newProof()

func (w *world) reviews(a party) {
	w.fund(a, "ETH", "100")
	w.want(w.call(a.key, "PATCH", "/v1/merchant", `{"cancel_window_seconds":0}`), 200)
	ask := func(foreign, amount string) (string, withdrawal.Withdrawal) {
		body := fmt.Sprintf(`{"account":%q,"foreign_id":%q,"currency":"ETH","amount":%q,"destination":{"network":"ethereum","address":%q}}`, a.account, foreign, amount, alice)
		made := w.want(w.call(a.key, "POST", "/v1/withdrawals", body), 201, `"state":"new"`, `"approved":false`)
		at, err := id.Parse(id.Withdrawal, made.get("id"))
		must(w.t, err)
		return made.get("id"), doIn(w, at.Shard, withdrawal.NewRelease(at.Seq, "test"))
	}
	if _, x := ask("r-0", "2"); x.State != withdrawal.Queued || x.Review != "" {
		w.t.Errorf("at the limit: %s %q", x.State, x.Review)
	}
	one, x := ask("r-1", "2.5")
	two, _ := ask("r-2", "3")
	if x.State != withdrawal.Review {
		w.t.Fatalf("above the limit: %s", x.State)
	}
	w.want(w.call(w.operator, "GET", "/v1/review", ""), 200, one, two, `"review":"above 2.000000000000000000 ETH"`, a.id.Text(id.Merchant))
	w.want(w.call(w.operator, "POST", "/v1/review/"+one+"/approve", `{"approval":"proof"}`), 400, `"code":"invalid_approval"`)
	w.want(w.call(a.key, "POST", "/v1/withdrawals/"+one+"/approval", `{"approval":"`+proof+`"}`), 409, `"code":"review_pending"`)
	w.want(w.call(w.operator, "POST", "/v1/review/"+one+"/approve", `{"approval":"`+proof+`","reason":"known"}`), 200, `"state":"queued"`, `"approved":true`)
	w.want(w.call(w.operator, "POST", "/v1/review/"+one+"/approve", `{"approval":"`+proof+`"}`), 200, `"object_version":3`)
	w.want(w.call(w.operator, "POST", "/v1/review/"+one+"/approve", ""), 200, `"object_version":3`)
	w.want(w.call(w.operator, "POST", "/v1/review/"+two+"/reject", `{"reason":"odd"}`), 200, `"state":"rejected"`, `"reason":"odd"`)
	w.want(w.call(w.operator, "POST", "/v1/review/"+two+"/reject", `{"reason":"odd"}`), 200, `"object_version":3`)
	w.want(w.call(w.operator, "POST", "/v1/review/"+two+"/approve", ""), 409, `"code":"wrong_state"`)
	w.want(w.call(w.operator, "POST", "/v1/review/"+unlike(id.Withdrawal)+"/approve", ""), 404, `"code":"withdrawal_not_found"`)
	w.want(w.call(a.key, "GET", "/v1/withdrawals/"+two+"/timeline", ""), 200, `"type":"withdrawal.review"`, `"type":"withdrawal.rejected"`, `"kind":"release"`)
	w.want(w.call(w.operator, "GET", "/v1/review", ""), 200, `"data":[]`)
	w.waits(a)
}

// waits lets a withdrawal that needs no review wait for what the signer asks for.
func (w *world) waits(a party) {
	body := fmt.Sprintf(`{"account":%q,"foreign_id":"r-3","currency":"ETH","amount":"1","destination":{"network":"ethereum","address":%q}}`, a.account, alice)
	three := w.want(w.call(a.key, "POST", "/v1/withdrawals", body), 201).get("id")
	at, err := id.Parse(id.Withdrawal, three)
	must(w.t, err)
	doIn(w, at.Shard, withdrawal.NewRelease(at.Seq, "test"))
	for _, who := range []struct{ key, path string }{{w.operator, "/v1/review/" + three + "/approve"}, {a.key, "/v1/withdrawals/" + three + "/approval"}} {
		doIn(w, at.Shard, withdrawal.NewAttend(at.Seq, "approval_missing", "needs an approval", "test"))
		w.want(w.call(w.operator, "GET", "/v1/waiting", ""), 200, `"kind":"approval"`, `"subject":"`+three+`"`, `"merchant":"`+a.id.Text(id.Merchant)+`"`,
			`"sluice approver sign `+three, `"sluice withdrawal reject `+three)
		w.want(w.call(w.operator, "POST", "/v1/review/"+three+"/approve", ""), 409, `"code":"approval_missing"`, "sluice approver sign")
		w.want(w.call(who.key, "POST", who.path, `{"approval":"`+newProof()+`"}`), 200, `"attention":null`, `"approved":true`)
		w.want(w.call(w.operator, "GET", "/v1/waiting", ""), 200, `"data":[]`)
	}
	other := w.bolt
	if a.id == other.id {
		other = w.acme
	}
	w.want(w.call(other.key, "POST", "/v1/withdrawals/"+three+"/approval", `{"approval":"`+proof+`"}`), 404, `"code":"withdrawal_not_found"`)
}

func (w *world) webhooks(a party) {
	t := w.t
	hook := w.want(w.call(a.key, "POST", "/v1/webhook_endpoints", `{"url":"https://example.com/hook","description":"mine"}`), 201,
		`"secret":"whsec_`, `"public_key":"whpk_`, `"event_types":["*"]`)
	path := "/v1/webhook_endpoints/" + hook.get("id")
	if got := w.want(w.call(a.key, "GET", path, ""), 200); strings.Contains(string(got.body), "whsec_") {
		t.Error("the secret is shown a second time")
	}
	w.want(w.call(a.key, "GET", "/v1/webhook_endpoints", ""), 200, hook.get("id"))
	w.want(w.call(a.key, "PATCH", path, `{"event_types":["withdrawal.created"],"rate_per_second":5,"state":"disabled"}`), 200, `"state":"disabled"`, `"event_types":["withdrawal.created"]`)
	w.want(w.call(a.key, "POST", path+"/test", ""), 409, `"code":"endpoint_disabled"`)
	w.want(w.call(a.key, "PATCH", path, `{"state":"enabled"}`), 200, `"state":"enabled"`)
	w.want(w.call(a.key, "POST", path+"/test", ""), 202)
	if got := w.want(w.call(a.key, "POST", path+"/rotate", `{"overlap_seconds":60}`), 200); got.get("secret") == hook.get("secret") {
		t.Error("the secret did not change")
	}
	d := w.delivery(a, hook.get("id"))
	w.want(w.call(a.key, "GET", path+"/deliveries?state=pending", ""), 200, d)
	w.want(w.call(a.key, "GET", "/v1/webhook_deliveries/"+d, ""), 200, `"attempts":[]`)
	w.want(w.call(a.key, "POST", "/v1/webhook_deliveries/"+d+"/replay", ""), 202, d)
	again := w.want(w.call(a.key, "POST", path+"/replay", `{"state":"dead","since":"2026-01-01T00:00:00Z"}`), 202, `"state":"running"`)
	w.want(w.call(a.key, "GET", again.header.Get("Location"), ""), 200, string(again.body))

	events := w.want(w.call(a.key, "GET", "/v1/events?types=withdrawal.created,balance.updated&limit=3", ""), 200, `"has_more":true`)
	w.want(w.call(a.key, "GET", "/v1/events/"+events.get("data.0.id"), ""), 200, events.get("data.0.id"))
	for _, typ := range []string{"account.opened", "credit.created", "credit.settled", "funds.locked", "funds.unlocked", "withdrawal.cancelled", "webhook_endpoint.disabled", "webhook_endpoint.tested"} {
		w.want(w.call(a.key, "GET", "/v1/events?types="+typ, ""), 200, `"type":"`+typ+`"`)
	}
	w.want(w.call(a.key, "DELETE", path, ""), 204)
	w.want(w.call(a.key, "GET", path, ""), 404)
}

// delivery writes one message for an endpoint, as the worker would.
func (w *world) delivery(p party, endpoint string) string {
	w.t.Helper()
	at, err := id.Parse(id.Endpoint, endpoint)
	must(w.t, err)
	events, err := w.db.Events(w.t.Context(), at.Shard, p.id.Seq, 0, 1000)
	must(w.t, err)
	m := webhook.Message{Shard: at.Shard, Event: events[len(events)-1]}
	done, err := w.db.FannedOut(w.t.Context(), at.Shard)
	must(w.t, err)
	doIn(w, at.Shard, webhook.FanOut{After: done, To: m.Event.Seq, Deliveries: []webhook.NewDelivery{{Message: m, Endpoint: at.Seq}}})
	rows, err := w.db.Deliveries(w.t.Context(), at, "", 0, 1)
	must(w.t, err)
	return id.ID{Shard: at.Shard, Seq: rows[0].Seq}.Text(id.Delivery)
}

// The contract and the router name the same operations.
func TestContractAndRoutesAreTheSame(t *testing.T) {
	var want []string
	c := newContract(t)
	for path, item := range c.doc.Paths.Map() {
		for method := range item.Operations() {
			want = append(want, method+" "+path)
		}
	}
	var got []string
	for _, op := range api.Operations() {
		got = append(got, op.Pattern)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("routes\n%s\ncontract\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Every code that this package and the commands can answer with is explained.
func TestEveryCodeIsExplained(t *testing.T) {
	known := newContract(t).codes(t)
	found := map[string]bool{}
	literal := regexp.MustCompile(`(?:fault\.(?:New|Wrap)\((?:err, |cause, |p, )?fault\.[A-Za-z]+, |fault\.Wrap\([^"]*?fault\.[A-Za-z]+, |fault\.Bad\(|\.wrong\(|bad\()"([a-z0-9_]+)"`)
	for _, dir := range []string{".", "../ledger/account", "../commit", "../merchant/destination", "../merchant", "../money", "../webhook", "../withdrawal", "../rail/evm", "../rail/utxo/bitcoin", "../rail/utxo", "../bank/iban", "../bank/sepa", "../pricing/fee", "../pricing/fx", "../pricing/quote", "../pricing", "../withdrawal/intake", "../merchant/credential", "../json"} {
		files, err := os.ReadDir(dir)
		must(t, err)
		for _, f := range files {
			if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
				continue
			}
			source, err := os.ReadFile(dir + "/" + f.Name())
			must(t, err)
			for _, m := range literal.FindAllStringSubmatch(string(source), -1) {
				found[m[1]] = true
				if known[m[1]] == "" && !slices.Contains(internalCodes, m[1]) {
					t.Errorf("%s/%s: x-codes in openapi.yaml does not explain %s", dir, f.Name(), m[1])
				}
			}
		}
	}
	for _, code := range []string{"name_empty", "name_too_long", "remittance_too_long", "purpose_malformed", "purpose_unknown"} {
		found[code] = true // said by rail/sepa/text and rail/sepa/code, which have other codes for other readers
	}
	for code := range known {
		if !found[code] {
			t.Errorf("x-codes in openapi.yaml explains %s, which nobody says", code)
		}
	}
}

// internalCodes never reach a client of the API: workers and operators see them.
var internalCodes = []string{
	"not_own", "transaction_not_found", "not_final", "odd_logs", "invalid_txid",
	"deal_broken", "quote_malformed", "quote_user_missing", "rate_malformed", "rate_missing",
	"amount_negative", "attempt_corrupt", "attempt_differs", "fanned_out", "network_rate_malformed", "invalid_return", "invalid_key", "invalid_mode", "invalid_overlap", "invalid_secret",
	"key_exists", "key_not_found", "key_out_of_turn", "options_too_long", "token_unfit", // other edges say these
	"one_payout_per_slot", "payout_amount", "payout_recipient", "rail_config", "replayed", "scopes_required", "unknown_scope",
	"wallet_address", "wrong_dispatch", "slot_corrupt", "slot_empty", "fee_absurd",
	"no_vault", "payout_list", "reverted", "slot_cancelled", "bank_unreachable", "file_exists", "file_differs", "slot_taken",
}
