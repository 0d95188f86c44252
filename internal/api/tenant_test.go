package api_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/internal/api"
	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/store/pgtest"
	"sluice/internal/withdrawal"
)

// possessions are one thing of every kind that a merchant has, by the route
// parameter or field that takes its id.
func (w *world) possessions(p party) map[string]string {
	w.fund(p, "USDT", "100")
	w.want(w.call(p.key, "POST", "/v1/webhook_endpoints", `{"url":"https://example.com"}`), 201)
	hook := w.want(w.call(p.key, "GET", "/v1/webhook_endpoints", ""), 200).get("data.0.id")
	return map[string]string{
		"accounts":          p.account,
		"credits":           w.want(w.call(p.key, "POST", "/v1/credits", p.credit(`"pending":true`), fresh()), 201).get("id"),
		"destinations":      w.want(w.call(p.key, "POST", "/v1/destinations", fmt.Sprintf(`{"network":"ethereum","address":%q}`, alice)), 201).get("id"),
		"withdrawals":       w.want(w.call(p.key, "POST", "/v1/withdrawals", p.payout("w-of-"+p.account, "1")), 201).get("id"),
		"events":            w.want(w.call(p.key, "GET", "/v1/events?limit=1", ""), 200).get("data.0.id"),
		"quotes":            w.want(w.call(p.key, "POST", "/v1/quotes", `{"currency":"EUR","receive_currency":"USDT","amount":"10"}`), 201).get("id"),
		"webhook_endpoints": hook,
		"webhook_replays":   w.want(w.call(p.key, "POST", "/v1/webhook_endpoints/"+hook+"/replay", ""), 202).get("id"),
	}
}

// unlike makes an id that was never given out.
func unlike(kind id.Kind) string { return id.ID{Seq: 1 << 40}.Text(kind) }

// Case 50: on every route with an id, somebody else's is answered exactly like one
// that does not exist, and nothing happens to it.
func TestCase50ForeignIDsAreNotFound(t *testing.T) {
	t.Run("sqlite, one shard", func(t *testing.T) { newWorld(t).swappedIDs(t) })
	t.Run("postgres, two shards", func(t *testing.T) { newWorldOn(t, pgtest.URL(t)).swappedIDs(t) })
}

func (w *world) swappedIDs(t *testing.T) {
	w.contract = newContract(t)
	theirs := w.possessions(w.bolt)
	theirs["webhook_deliveries"] = w.delivery(w.bolt, theirs["webhook_endpoints"])
	w.fund(w.acme, "USDT", "100")
	kinds := map[string]id.Kind{
		"accounts": id.Account, "credits": id.Credit, "destinations": id.Destination, "withdrawals": id.Withdrawal, "quotes": id.Quote,
		"webhook_endpoints": id.Endpoint, "webhook_replays": id.Replay, "webhook_deliveries": id.Delivery,
	}
	_, mark := w.events(w.bolt, 0)
	for _, op := range api.Operations() {
		pattern := op.Pattern
		method, path, _ := strings.Cut(pattern, " ")
		if !strings.Contains(path, "{id}") || op.Scope == merchant.Operate { // the operator's are for the operator
			continue
		}
		t.Run(pattern, func(t *testing.T) {
			w := *w
			w.t = t
			collection := strings.Split(path, "/")[2]
			none := "evt_00000000000000ffffff"
			if kind, ok := kinds[collection]; ok {
				none = unlike(kind)
			}
			ask := func(which string) answer {
				body := ""
				switch {
				case method == "PATCH":
					body = "{}"
				case strings.HasSuffix(path, "/approval"):
					body = `{"approval":"` + proof + `"}`
				}
				path := strings.NewReplacer("{id}", which, "{currency}", "USDT").Replace(path)
				return w.want(w.call(w.acme.key, method, path, body, fresh()), 404)
			}
			other, missing, broken := ask(theirs[collection]), ask(none), ask("x")
			scrub := strings.NewReplacer(other.get("request_id"), "", other.get("instance"), "", missing.get("request_id"), "", missing.get("instance"), "",
				broken.get("request_id"), "", broken.get("instance"), "")
			if a, b := scrub.Replace(string(other.body)), scrub.Replace(string(missing.body)); a != b {
				t.Errorf("somebody else's is answered\n%s\none that does not exist\n%s", a, b)
			}
			if a, b := scrub.Replace(string(other.body)), scrub.Replace(string(broken.body)); a != b {
				t.Errorf("somebody else's is answered\n%s\none that is none\n%s", a, b)
			}
		})
	}
	if types, _ := w.events(w.bolt, mark); len(types) > 0 {
		t.Errorf("the other merchant's log grew by %v", types)
	}
	w.inBodies(theirs)
	w.inLists(theirs)
}

// inBodies sends somebody else's ids as fields.
func (w *world) inBodies(theirs map[string]string) {
	a := w.acme
	own := a.payout("mine", "1")
	to := fmt.Sprintf(`"destination":{"network":"ethereum","address":%q}`, alice)
	for _, c := range []struct{ path, body, swap, with string }{
		{"/v1/withdrawals", own, a.account, theirs["accounts"]},
		{"/v1/withdrawals", own, to, `"destination_id":"` + theirs["destinations"] + `"`},
		{"/v1/withdrawals", own, `"amount":"1"`, `"quote_id":"` + theirs["quotes"] + `"`},
		{"/v1/credits", a.credit(""), a.account, theirs["accounts"]},
		{"/v1/locks", a.credit(""), a.account, theirs["accounts"]},
		{"/v1/unlocks", a.credit(""), a.account, theirs["accounts"]},
		{"/v1/destinations", fmt.Sprintf(`{"network":"ethereum","address":%q,"account":%q}`, alice, a.account), a.account, theirs["accounts"]},
	} {
		body := strings.Replace(c.body, c.swap, c.with, 1)
		other := w.want(w.call(a.key, "POST", c.path, body, fresh()), 404)
		none := strings.NewReplacer(theirs["accounts"], unlike(id.Account), theirs["destinations"], unlike(id.Destination), theirs["quotes"], unlike(id.Quote)).Replace(body)
		missing := w.want(w.call(a.key, "POST", c.path, none, fresh()), 404)
		if strings.Replace(string(other.body), other.get("request_id"), "", 1) != strings.Replace(string(missing.body), missing.get("request_id"), "", 1) {
			w.t.Errorf("POST %s: somebody else's is answered\n%s\none that does not exist\n%s", c.path, other.body, missing.body)
		}
	}
}

// Case 50 again, for bank accounts: two merchants with the same bank account of the same
// holder share nothing, and neither can use, list or delete the other's.
func TestCase50BankAccountsOfTwoMerchants(t *testing.T) {
	onBothStores(t, func(t *testing.T, url string) {
		w := bankWorld(t, url, func(d *api.Deps) { d.Bank.Most = 1 })
		a, b := w.holder(w.acme, "Max Mustermann"), w.holder(w.bolt, "Max Mustermann")
		w.fund(a, "EUR", "10")
		mine := w.want(w.call(a.key, "POST", "/v1/destinations", a.bank("Max Mustermann", berlin, "")), 201).get("id")
		theirs := w.want(w.call(b.key, "POST", "/v1/destinations", b.bank("Max Mustermann", berlin, "")), 201).get("id")
		w.want(w.call(a.key, "POST", "/v1/destinations", b.bank("Max Mustermann", dutch, "")), 404, `"code":"account_not_found"`)
		w.want(w.call(a.key, "POST", "/v1/withdrawals", a.cash("w", "1", theirs, "")), 404, `"code":"destination_not_found"`)
		w.want(w.call(a.key, "GET", "/v1/destinations/"+theirs, ""), 404)
		w.want(w.call(a.key, "DELETE", "/v1/destinations/"+theirs, ""), 404, `"code":"destination_not_found"`)
		w.want(w.call(a.key, "GET", "/v1/destinations?account="+b.account, ""), 404, `"code":"account_not_found"`)
		w.want(w.call(b.key, "GET", "/v1/destinations/"+theirs, ""), 200, `"deleted_at":null`)
		w.want(w.call(a.key, "POST", "/v1/withdrawals", a.cash("w", "1", mine, "")), 201)
	})
}

// inLists looks for somebody else's things in every list.
func (w *world) inLists(theirs map[string]string) {
	a := w.acme
	for _, path := range []string{"accounts", "destinations", "withdrawals", "webhook_endpoints", "events"} {
		got := w.want(w.call(a.key, "GET", "/v1/"+path, ""), 200)
		for _, x := range theirs {
			if strings.Contains(string(got.body), x) {
				w.t.Errorf("the list of %s shows %s", path, x)
			}
		}
	}
	w.want(w.call(a.key, "GET", "/v1/withdrawals?account="+theirs["accounts"], ""), 200, `"data":[]`)
	w.want(w.call(a.key, "GET", "/v1/withdrawals?foreign_id=w-of-"+w.bolt.account, ""), 200, `"data":[]`)
	w.want(w.call(a.key, "GET", "/v1/foreign_ids/w-of-"+w.bolt.account+"/withdrawal", ""), 404)
	w.want(w.call(a.key, "GET", "/v1/credits?account="+theirs["accounts"], ""), 404)
}

func TestKeysAreChecked(t *testing.T) {
	w := newWorld(t)
	w.contract = newContract(t)
	unknown := w.acme.key[:len("sluice_test_")] + strings.Repeat("0", 30)
	for _, c := range []struct{ name, header, code string }{
		{"none", "", "api_key_required"},
		{"of another kind", "Basic dTpw", "api_key_required"},
		{"empty", "Bearer ", "api_key_required"},
		{"mistyped", "Bearer " + w.acme.key[:len(w.acme.key)-1] + "!", "api_key_malformed"},
		{"cut", "Bearer " + unknown, "api_key_malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := *w
			w.t = t
			got := w.want(w.call("", "GET", "/v1/ping", "", "Authorization: "+c.header), 401, `"code":"`+c.code)
			if got.header.Get("Www-Authenticate") != `Bearer realm="sluice"` {
				t.Errorf("%v", got.header)
			}
		})
	}
}

// TestF24_a_scheme_has_no_case sends one key under each spelling of its scheme.
func TestF24_a_scheme_has_no_case(t *testing.T) {
	w := newWorld(t)
	for spelling, status := range map[string]int{
		"Bearer ": 200, "bearer ": 200, "BEARER ": 200, "bEaReR ": 200, "Bearer  ": 200, "bearer": 401, "Bearers ": 401, "Token ": 401, "": 401,
	} {
		if got := w.call("", "GET", "/v1/ping", "", "Authorization: "+spelling+w.acme.key); got.status != status {
			t.Errorf("%q: %d, want %d", spelling, got.status, status)
		}
	}
}

// A revoked key is refused within a second, also when it was just used.
// case-49
func TestRevokedKeyIsRefusedWithinASecond(t *testing.T) {
	w := newWorld(t)
	w.want(w.call(w.acme.key, "GET", "/v1/ping", ""), 200)
	do(w, merchant.RevokeKey{Key: w.acme.keySeq})
	w.clock.set(w.clock.Now().Add(time.Second))
	w.want(w.call(w.acme.key, "GET", "/v1/ping", ""), 401, `"code":"api_key_invalid"`)
}

func TestExpiredKeyIsRefused(t *testing.T) {
	w := newWorld(t)
	secret, err := merchant.NewSecret(merchant.Test, rand.Reader)
	must(t, err)
	do(w, merchant.CreateKey{
		Owner: w.acme.id, Mode: merchant.Test, Name: "short", Secret: secret, Scopes: merchant.MerchantScopes, ExpiresAt: w.clock.Now().Add(500 * time.Millisecond),
	})
	w.want(w.call(secret, "GET", "/v1/ping", ""), 200)
	w.clock.set(w.clock.Now().Add(500 * time.Millisecond)) // the key is still remembered
	w.want(w.call(secret, "GET", "/v1/ping", ""), 401, `"code":"api_key_invalid"`)
}

// Every route that needs a scope refuses a key with all scopes but that one.
// case-49
func TestEveryRouteNeedsItsScope(t *testing.T) {
	w := newWorld(t)
	w.contract = newContract(t)
	byScope := map[string]string{}
	for _, without := range merchant.MerchantScopes {
		var rest []merchant.Scope
		for _, s := range merchant.MerchantScopes {
			if s != without {
				rest = append(rest, s)
			}
		}
		byScope[string(without)], _ = w.newKey(w.acme.id, rest...)
	}
	for _, rt := range api.Operations() {
		method, path, _ := strings.Cut(rt.Pattern, " ")
		if rt.Scope == "" {
			continue
		}
		need := string(rt.Scope)
		if rt.Operators {
			need = string(merchant.Operate)
		}
		key := byScope[need]
		if need == string(merchant.Operate) {
			key = w.acme.key
		}
		path = strings.NewReplacer("{id}", "x", "{currency}", "EUR", "{foreign_id}", "x", "{merchant}", w.acme.id.Text(id.Merchant)).Replace(path)
		got := w.want(w.call(key, method, path, ""), 403, `"code":"missing_scope"`)
		if got.get("scope") != need {
			t.Errorf("%s: %s", rt.Pattern, got.body)
		}
		if rt.Scope != merchant.Operate && method != "GET" { // the operator reads, and moves nothing of a merchant's
			w.want(w.call(w.operator, method, path, ""), 403)
		}
	}
}

// Case 61: a cancel and the claim by a dispatch race; one wins, and the loser is told.
func TestCase61CancelRacesWithTheClaim(t *testing.T) {
	w := newWorld(t)
	w.contract = newContract(t)
	w.fund(w.acme, "USDT", "100")
	for n := range 20 {
		made := w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout(fmt.Sprintf("w-%d", n), "1")), 201)
		at, err := id.Parse(id.Withdrawal, made.get("id"))
		must(t, err)
		do(w, withdrawal.NewRelease(at.Seq, "worker"))
		claimed := make(chan error, 1)
		go func() {
			_, err := commit.Do(t.Context(), w.loop, 0, withdrawal.NewClaim(at.Seq, id.Seq(n+1), "wal_x", "worker"))
			claimed <- err
		}()
		cancel := w.call(w.acme.key, "POST", "/v1/withdrawals/"+made.get("id")+"/cancel", "")
		lost := <-claimed
		got := w.want(w.call(w.acme.key, "GET", "/v1/withdrawals/"+made.get("id"), ""), 200)
		switch {
		case cancel.status == 200 && lost != nil && got.get("state") == "cancelled":
		case cancel.status == 409 && lost == nil && got.get("state") == "processing":
			w.want(cancel, 409, `"code":"not_cancellable"`, `"state":"processing"`)
		default:
			t.Fatalf("cancel %d, claim %v, now %s", cancel.status, lost, got.get("state"))
		}
	}
}

// The log read page by page is the whole log, with every message once.
func TestEventsPageByPageAreAllEvents(t *testing.T) {
	w := newWorld(t)
	w.fund(w.acme, "USDT", "100")
	w.fund(w.bolt, "USDT", "100")
	for n := range 7 {
		w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout(fmt.Sprintf("w-%d", n), "1")), 201)
		w.want(w.call(w.bolt.key, "POST", "/v1/withdrawals", w.bolt.payout(fmt.Sprintf("w-%d", n), "1")), 201)
	}
	want, _ := w.events(w.acme, 0)
	for _, limit := range []int{1, 2, 3, 5, 200} {
		var got []string
		after, more := "", "true"
		for more == "true" {
			page := w.want(w.call(w.acme.key, "GET", fmt.Sprintf("/v1/events?limit=%d%s", limit, after), ""), 200)
			for n := 0; page.get(fmt.Sprintf("data.%d.id", n)) != ""; n++ {
				got = append(got, page.get(fmt.Sprintf("data.%d.type", n)))
			}
			after, more = "&after="+page.get("next_cursor"), page.get("has_more")
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("limit %d:\n%v\nwant\n%v", limit, got, want)
		}
	}
	only := w.want(w.call(w.acme.key, "GET", "/v1/events?types=withdrawal.created", ""), 200)
	if strings.Count(string(only.body), `"type":`) != 7 || only.get("has_more") != "false" {
		t.Errorf("%s", only.body)
	}
	last := w.want(w.call(w.acme.key, "GET", "/v1/events?after="+only.get("next_cursor"), ""), 200, `"data":[]`, `"has_more":false`)
	if last.get("next_cursor") != only.get("next_cursor") {
		t.Errorf("%s after %s", last.body, only.get("next_cursor"))
	}
}

// The timeline of a paid withdrawal tells every step, and its events the object as it was then.
func TestTimelineAndEventsOfAPaidWithdrawal(t *testing.T) {
	w := newWorld(t)
	w.contract = newContract(t)
	w.fund(w.acme, "USDT", "100")
	made := w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("w-1", "40")), 201)
	at, err := id.Parse(id.Withdrawal, made.get("id"))
	must(t, err)
	do(w, withdrawal.NewRelease(at.Seq, "worker"))
	do(w, withdrawal.NewAttend(at.Seq, "wallet_out_of_gas", "send gas", "worker"))
	do(w, withdrawal.NewClaim(at.Seq, 7, "wal_x", "worker"))
	do(w, withdrawal.NewProgress(at.Seq, 7, rail.StageSent, "0xabc", "", "worker"))
	w.want(w.call(w.acme.key, "GET", "/v1/withdrawals/"+made.get("id"), ""), 200, `"stage":"sent"`, `"txid":"0xabc"`, `"cancellable":false`)
	w.want(w.call(w.acme.key, "POST", "/v1/withdrawals/"+made.get("id")+"/cancel", ""), 409, `"code":"not_cancellable"`)
	do(w, withdrawal.NewConfirm(at.Seq, 7, "0xabc", money.Of(21000), "ETH", "worker"))
	line := w.want(w.call(w.acme.key, "GET", "/v1/withdrawals/"+made.get("id")+"/timeline", ""), 200,
		`"state":"confirmed"`, `"network_fee":{"currency":"ETH","amount":"0.000000000000021000"}`)
	var got []string
	for n := 0; line.get(fmt.Sprintf("entries.%d.kind", n)) != ""; n++ {
		entry := fmt.Sprintf("entries.%d.", n)
		got = append(got, line.get(entry+"type")+line.get(entry+"transfer.kind"))
	}
	want := "withdrawal.created reserve withdrawal.queued withdrawal.attention withdrawal.processing withdrawal.broadcast withdrawal.confirmed payout"
	if strings.Join(got, " ") != want {
		t.Errorf("%v\nwant %s", got, want)
	}
	created := w.want(w.call(w.acme.key, "GET", "/v1/events?types=withdrawal.created", ""), 200)
	if !strings.Contains(string(created.body), `"data":`+string(made.body)) {
		t.Errorf("the event\n%s\ndoes not carry the object as it was\n%s", created.body, made.body)
	}
	w.want(w.call(w.acme.key, "GET", "/v1/events?types=withdrawal.attention", ""), 200, `"attention":{"code":"wallet_out_of_gas","detail":"it waits for the operator. Its money stays held"}`)
	// The operator's reason names what is the operator's.
	for _, path := range []string{"/v1/withdrawals/" + at.Text(id.Withdrawal), "/v1/withdrawals/" + at.Text(id.Withdrawal) + "/timeline", "/v1/events"} {
		if a := w.want(w.call(w.acme.key, "GET", path, ""), 200); strings.Contains(string(a.body), "send gas") {
			t.Errorf("%s shows the merchant the operator's reason:\n%s", path, a.body)
		}
	}
	if got := w.balance(w.acme, "balance"); got != "60.000000" {
		t.Errorf("balance %s", got)
	}
}
