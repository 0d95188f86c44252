package api_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/internal/store/pgtest"
)

// body is the body of a good withdrawal with one part replaced.
func (p party) altered(from, to string) string {
	good := p.payout("bad-1", "1.5")
	if !strings.Contains(good, from) {
		panic(from + " is not in " + good)
	}
	return strings.Replace(good, from, to, 1)
}

// Requests that must be refused: the status, the stable code, and the field. None
// of them leaves an event or moves money.
func TestRefusedRequests(t *testing.T) {
	w := newWorld(t)
	w.contract = newContract(t)
	a := w.acme
	w.fund(a, "USDT", "100")
	registered := w.want(w.call(a.key, "POST", "/v1/destinations", fmt.Sprintf(`{"network":"ethereum","address":%q}`, alice)), 201).get("id")
	const post = "POST /v1/withdrawals"
	to := fmt.Sprintf(`"destination":{"network":"ethereum","address":%q}`, alice)
	tests := []struct {
		name, route, body string
		status            int
		code, field       string
	}{
		{"no body", post, "", 400, "body_required", ""},
		{"not JSON", post, "amount=1", 400, "malformed_json", ""},
		{"half of it", post, a.payout("x", "1")[:40], 400, "malformed_json", ""},
		{"something after it", post, a.payout("x", "1") + "{}", 400, "malformed_json", ""},
		{"a list", post, "[]", 400, "malformed_json", ""},
		{"not UTF-8", post, "{\"account\":\"\xff\"}", 400, "malformed_json", ""},
		{"a NUL", post, a.altered("bad-1", `bad\u0000`), 400, "malformed_json", ""},
		{"half a surrogate pair", post, a.altered("bad-1", `bad\ud83d`), 400, "malformed_json", ""},
		{"a raw control character", post, a.altered("bad-1", "bad\t"), 400, "malformed_json", ""},
		{"an escaped control character", post, a.altered("bad-1", `bad\u0007`), 400, "invalid_text", "foreign_id"},
		{"nested too deep", post, strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20), 400, "malformed_json", ""},
		{"too many values", "POST /v1/withdrawals/batch", `{"withdrawals":[0` + strings.Repeat(",0", 1<<16) + `]}`, 400, "malformed_json", ""},
		{"too large", post, a.altered("bad-1", strings.Repeat("x", 1<<20)), 413, "body_too_large", ""},
		{"unknown field", post, a.altered(`"currency"`, `"ammount":"1","currency"`), 400, "unknown_field", "ammount"},
		{"unknown field inside", post, a.altered(`"network"`, `"chain":"x","network"`), 400, "unknown_field", "destination.chain"},
		{"duplicate key", post, a.altered(`"currency"`, `"amount":"9","currency"`), 400, "duplicate_key", "amount"},
		{"duplicate key inside", post, a.altered(`"network"`, `"address":"x","network"`), 400, "duplicate_key", "destination.address"},
		{"duplicate key, escaped", post, a.altered(`"currency"`, `"\u0061mount":"9","currency"`), 400, "duplicate_key", "amount"},
		{"key in another case", post, a.altered(`"currency"`, `"Amount":"9","currency"`), 400, "ambiguous_key", "amount"},
		{"too many keys", post, "{" + manyKeys(80) + "}", 400, "too_many_fields", ""},
		{"missing fields", post, "{}", 400, "field_required", "account"},
		{"null is missing", post, a.altered(`"1.5"`, "null"), 400, "field_required", "amount"},

		{"TestCase33 amount as a number", post, a.altered(`"1.5"`, "1.5"), 400, "amount_not_text", "amount"},
		{"amount as an object", post, a.altered(`"1.5"`, "{}"), 400, "wrong_type", "amount"},
		{"TestCase32 too many decimals", post, a.altered("1.5", "1.1234567"), 400, "amount_too_precise", "amount"},
		{"TestCase32 zero", post, a.altered("1.5", "0.000"), 400, "amount_zero", "amount"},
		{"TestCase32 overflow", post, a.altered("1.5", strings.Repeat("9", 40)), 400, "amount_overflow", "amount"},

		{"unknown currency", post, a.altered("USDT", "DOGE"), 400, "unknown_currency", "currency"},
		{"currency in lower case", post, a.altered("USDT", "usdt"), 400, "unknown_currency", "currency"},
		{"TestCase40 wrong network", post, a.altered("ethereum", "bitcoin"), 400, "wrong_network", "destination.network"},
		{"a currency without networks", post, a.altered("USDT", "EUR"), 400, "wrong_network", "destination.network"},
		{"insufficient funds", post, a.altered("1.5", "100.000001"), 422, "insufficient_funds", "amount"},
		{"no money in this currency", post, a.altered("USDT", "ETH"), 422, "insufficient_funds", "amount"},
		{"address with a wrong checksum", post, a.altered("0x5290", "0x529O"), 400, "address_malformed", "destination.address"},
		{"address with one letter in the wrong case", post, a.altered("E0F7030069857D2E4169EE7", "e0F7030069857D2E4169EE7"), 400, "address_checksum", "destination.address"},
		{"zero address", post, a.altered(alice, "0x"+strings.Repeat("0", 40)), 400, "address_zero", "destination.address"},
		{"the token itself", post, a.altered(alice, usdtContract), 400, "address_token_contract", "destination.address"},
		{"a tag where there is none", post, a.altered(`"network"`, `"tag":"7","network"`), 400, "tag_not_supported", "destination.tag"},
		{"no destination", post, a.altered(","+to, ""), 400, "destination_required", "destination"},
		{"two destinations", post, a.altered(to, to+`,"destination_id":"`+registered+`"`), 400, "destination_ambiguous", "destination"},
		{"foreign id empty", post, a.altered(`"bad-1"`, `""`), 400, "field_required", "foreign_id"},
		{"foreign id too long", post, a.altered("bad-1", strings.Repeat("x", 256)), 400, "invalid_foreign_id", "foreign_id"},
		{"foreign id as a number", post, a.altered(`"bad-1"`, "17"), 400, "wrong_type", "foreign_id"},
		{"account id mistyped", post, a.altered(a.account, a.account[:35]+"x"), 400, "invalid_id", "account"},
		{"not_before is no time", post, a.altered(`"currency"`, `"not_before":"tomorrow","currency"`), 400, "invalid_time", "not_before"},
		{"not_before too far", post, a.altered(`"currency"`, `"not_before":"2999-01-01T00:00:00Z","currency"`), 400, "not_before_too_far", "not_before"},
		{"metadata with a number", post, a.altered(`"currency"`, `"metadata":{"n":1},"currency"`), 400, "wrong_type", "metadata.n"},
		{"metadata with 21 keys", post, a.altered(`"currency"`, `"metadata":{`+manyKeys(21)+`},"currency"`), 400, "invalid_metadata", "metadata"},
		{"metadata too long", post, a.altered(`"currency"`, `"metadata":{"n":"`+strings.Repeat("x", 501)+`"},"currency"`), 400, "invalid_metadata", "metadata.n"},

		{"credit without a key", "POST /v1/credits", `{}`, 400, "idempotency_key_required", "Idempotency-Key"},
		{"settle without a key", "POST /v1/credits/crd_019aa0c0000070008000000000000000/settle", "", 400, "idempotency_key_required", "Idempotency-Key"},
		{"lock without a key", "POST /v1/locks", `{}`, 400, "idempotency_key_required", "Idempotency-Key"},
		{"unlock without a key", "POST /v1/unlocks", `{}`, 400, "idempotency_key_required", "Idempotency-Key"},
		{"credit with two times", "POST /v1/credits +key", a.credit(`"settles_in":1,"available_at":"2026-12-01T00:00:00Z"`), 400, "settlement_ambiguous", "settles_in"},
		{"credit in 31 days", "POST /v1/credits +key", a.credit(`"settles_in":31`), 400, "out_of_range", "settles_in"},
		{"credit in half a day", "POST /v1/credits +key", a.credit(`"settles_in":0.5`), 400, "out_of_range", "settles_in"},
		{"credit in words", "POST /v1/credits +key", a.credit(`"settles_in":"2"`), 400, "wrong_type", "settles_in"},
		{"lock of more than there is", "POST /v1/locks +key", a.credit(""), 422, "insufficient_funds", "amount"},
		{"unlock of more than is locked", "POST /v1/unlocks +key", a.credit(""), 422, "insufficient_locked", "amount"},
		{"unknown network of a destination", "POST /v1/destinations", `{"network":"bitcoin","address":"x"}`, 400, "unknown_network", "network"},
		{"account of no kind", "POST /v1/accounts", `{"kind":"house"}`, 400, "invalid_kind", "kind"},

		{"empty batch", "POST /v1/withdrawals/batch", `{"withdrawals":[]}`, 400, "field_required", "withdrawals"},
		{"batch of 1001", "POST /v1/withdrawals/batch", `{"withdrawals":[{}` + strings.Repeat(",{}", 1000) + `]}`, 400, "too_many_items", "withdrawals"},
		{"batch of numbers", "POST /v1/withdrawals/batch", `{"withdrawals":[1]}`, 400, "wrong_type", "withdrawals[0]"},
		{"webhook over http", "POST /v1/webhook_endpoints", `{"url":"http://example.com"}`, 400, "invalid_url", "url"},
		{"webhook for no such type", "POST /v1/webhook_endpoints", `{"url":"https://example.com","event_types":["withdrawal.gone"]}`, 400, "unknown_event_type", "event_types[0]"},
		{"window too long", "PATCH /v1/merchant", `{"cancel_window_seconds":2592001}`, 400, "out_of_range", "cancel_window_seconds"},

		{"limit 0", "GET /v1/withdrawals?limit=0", "", 400, "out_of_range", "limit"},
		{"limit 201", "GET /v1/withdrawals?limit=201", "", 400, "out_of_range", "limit"},
		{"limit with a sign", "GET /v1/withdrawals?limit=%2B5", "", 400, "out_of_range", "limit"},
		{"unknown filter", "GET /v1/withdrawals?colour=red", "", 400, "unknown_parameter", "colour"},
		{"repeated filter", "GET /v1/withdrawals?state=new&state=queued", "", 400, "repeated_parameter", "state"},
		{"unknown state", "GET /v1/withdrawals?state=sent", "", 400, "invalid_parameter", "state"},
		{"unknown currency in a filter", "GET /v1/withdrawals?currency=DOGE", "", 400, "invalid_parameter", "currency"},
		{"made-up cursor", "GET /v1/withdrawals?cursor=AAAA", "", 400, "invalid_cursor", "cursor"},
		{"broken query", "GET /v1/withdrawals?state=%zz", "", 400, "invalid_query", "query"},
		{"no time in a filter", "GET /v1/withdrawals?created_from=yesterday", "", 400, "invalid_time", "created_from"},
		{"unknown event type", "GET /v1/events?types=withdrawal.gone", "", 400, "unknown_event_type", "types"},
		{"no event", "GET /v1/events?after=evt_1", "", 400, "invalid_cursor", "after"},
		{"credits of no account", "GET /v1/credits", "", 400, "parameter_required", "account"},
		{"no such currency", "GET /v1/accounts/" + a.account + "/balances/DOGE", "", 404, "unknown_currency", ""},
	}
	for _, s := range []string{"-1", "+1", "1e3", "NaN", "Infinity", "0x10", " 1", "1 ", "1,5", "1_000", ".5", "1.", "01", "", "١", "1.5.2"} {
		tests = append(tests, struct {
			name, route, body string
			status            int
			code, field       string
		}{"TestCase32 amount " + s, post, a.altered(`"1.5"`, `"`+s+`"`), 400, "amount_malformed", "amount"})
	}
	_, before := w.events(a, 0)
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			w := *w
			w.t = t
			route, keyed := strings.CutSuffix(c.route, " +key")
			method, path, _ := strings.Cut(route, " ")
			var headers []string
			if keyed {
				headers = append(headers, fresh())
			}
			got := w.want(w.call(a.key, method, path, c.body, headers...), c.status, `"code":"`+c.code, `"retryable":false`, `"request_id":"req_`)
			if c.field != "" && got.get("errors.0.field") != c.field {
				t.Errorf("field %q, want %q: %s", got.get("errors.0.field"), c.field, got.body)
			}
			if got.header.Get("Request-Id") != got.get("request_id") || got.get("status") != fmt.Sprint(c.status) || got.get("type") != "/docs#"+got.get("code") {
				t.Errorf("%s", got.body)
			}
		})
	}
	if types, _ := w.events(a, before); len(types) > 0 {
		t.Errorf("refused requests left events: %v", types)
	}
	if got := w.balance(a, "available_for_withdrawal"); got != "100.000000" {
		t.Errorf("available %s after refusals", got)
	}
}

func manyKeys(n int) string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprintf(`"k%d":"v"`, i))
	}
	return strings.Join(s, ",")
}

func (p party) credit(more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"account":%q,"currency":"USDT","amount":"100.5"%s}`, p.account, more)
}

// One answer names every wrong field.
func TestAllWrongFieldsAreNamed(t *testing.T) {
	w := newWorld(t)
	got := w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", `{"account":"x","currency":"DOGE","amount":1,"colour":"red"}`), 400)
	for _, field := range []string{"account", "foreign_id", "currency", "amount", "destination", "colour"} {
		if !strings.Contains(string(got.body), fmt.Sprintf(`{"field":%q,"rule":`, field)) {
			t.Errorf("%s is not named: %s", field, got.body)
		}
	}
}

func TestInsufficientFundsSaysWhatIsAvailable(t *testing.T) {
	w := newWorld(t)
	w.fund(w.acme, "USDT", "2.5")
	w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("x", "3")), 422,
		`"available":"2.500000"`, `"requested":"3.000000"`, `"currency":"USDT"`, `"detail":"3.000000 USDT are needed and 2.500000 USDT are available"`)
}

// What no text may hold is found by no store, and PostgreSQL refuses to look for it:
// that must not read as a database that is down.
func TestTextsInPathsThatNoStoreKeeps(t *testing.T) {
	for name, w := range map[string]*world{"sqlite": newWorld(t), "postgres": newWorldOn(t, pgtest.URL(t))} {
		for _, foreign := range []string{"a%00b", "a%ffb", "a%0Ab"} {
			t.Run(name+" "+foreign, func(t *testing.T) {
				w := *w
				w.t = t
				w.want(w.call(w.acme.key, "GET", "/v1/foreign_ids/"+foreign+"/withdrawal", ""), 404, `"code":"withdrawal_not_found"`)
			})
		}
	}
}
