package coinspaid_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sluice/internal/dialect/coinspaid"
	"sluice/internal/dialect/dialecttest"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fee"
	"sluice/internal/webhook"
)

func TestSignatureVectors(t *testing.T) {
	secret := []byte("AbCdEfG123456")
	for body, signature := range map[string]string{
		`{"currency":"BTC","foreign_id":"123456"}`: "03c25fcf7cd35e7d995e402cd5d51edd72d48e1471e865907967809a0c189ba55b90815f20e2bb10f82c7a9e9d865546fda58989c2ae9e8e2ff7bc29195fa1ec",
		"{}":   "89ff570683bfcd9e2c8911332e07e3ff196ca50f91faef98126fb0eb76df90d7ccddc4372a99ba67ec072fd3aac5d0b7eac44652e2b29ce36dbcf5ee50b6fa05",
		"[]":   "2da807ab86f47091ca3f7f45aba4c2bd3072fff6f2ef4f88c1ebece372be14ff9800d1e8ffca4b2733f837bcb2ee8dfb23f56c09e4dc7a0143127820bcba88a8",
		"null": "159aafc08d52f80b346100a25d8473217c2b0f18f060ff4a1ade2e33a6c7f3c7c79867e8147b8c9b3593fdd5d426c191cd4e34aa27e0c331e11cdbb724c0c520",
	} {
		if got := coinspaid.Sign(secret, []byte(body)); got != signature {
			t.Errorf("%s: %s", body, got)
		}
		if !coinspaid.Verify(secret, []byte(body), signature) || !coinspaid.Verify(secret, []byte(body), strings.ToUpper(signature)) {
			t.Errorf("%s: its signature is refused", body)
		}
		for _, bad := range []string{"", signature[:126], signature + "00", strings.Replace(signature, signature[:1], "x", 1), "00" + signature[2:]} {
			if coinspaid.Verify(secret, []byte(body), bad) {
				t.Errorf("%s: %q is taken", body, bad)
			}
		}
	}
	if coinspaid.Verify(nil, []byte("{}"), coinspaid.Sign(nil, []byte("{}"))) {
		t.Error("an empty secret signs")
	}
}

// The order of the checks, and the body of each refusal.
func TestChecksComeInTheirOrder(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	const noKey, badKey = `{"error":"No key header","code":"required_header_key"}`, `{"error":"Bad key header","code":"bad_header_key"}`
	const noSign, badSign = `{"error":"No signature header","code":"required_header_signature"}`, `{"error":"Bad signature header","code":"bad_header_signature"}`
	const content = `{"error":"Bad content format","code":"bad_content_format"}`
	for _, c := range []struct {
		name, body string
		headers    []string
		status     int
		want       string
	}{
		{"nothing", "{", []string{"X-Processing-Key: ", "X-Processing-Signature: ", "Content-Type: "}, 403, noKey},
		{"unknown key", "{", []string{"X-Processing-Key: abc", "X-Processing-Signature: "}, 403, badKey},
		{"key of nobody", "{", []string{"X-Processing-Key: " + strings.Repeat("0", 32)}, 403, badKey},
		{"no signature", "{", []string{"X-Processing-Signature: "}, 403, noSign},
		{"wrong signature", "{", []string{"X-Processing-Signature: 00"}, 403, badSign},
		{"no JSON", "{", nil, 400, content},
		{"A16: twice the same key in two cases", `{"amount":"1","Amount":"2"}`, nil, 400, content},
		{"A16: twice the same key inside", `{"sender_data":{"a":1,"A":2}}`, nil, 400, content},
		{"a text", `"x"`, nil, 400, content},
		{"twice the same key", `{"amount":"1","amount":"2"}`, nil, 400, content},
		{"something behind", `{} {}`, nil, 400, content},
		{"form", "{}", []string{"Content-Type: application/x-www-form-urlencoded"}, 400, content},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := send(w, w.A, w.A.Secret, http.MethodPost, "/accounts/list", c.body, c.headers...)
			if got.Status != c.status || got.Body != c.want {
				t.Errorf("answered %d %s", got.Status, got.Body)
			}
		})
	}
	for _, body := range []string{"{}", "[]", "null", "", " \n"} {
		if got := post(w, "/accounts/list", body); got.Status != 200 {
			t.Errorf("%s is answered %d %s", body, got.Status, got.Body)
		}
	}
	want(w, send(w, w.A, w.A.Secret, http.MethodPost, "/nowhere", "{}", "X-Processing-Key: "), 403, noKey)
	want(w, post(w, "/futures/now", "{}"), 404, `{"error":"Not supported.","code":"not_supported","errors":{"request":"Not supported."}}`)
	if got := post(w, "/invoices/create", "{}"); got.Status != 404 || !strings.Contains(got.Body, "payouts only") {
		t.Errorf("invoices/create: %d %s", got.Status, got.Body)
	}
	if got := post(w, "/addresses/take", "{}"); got.Status != 404 || !strings.Contains(got.Body, "takes no deposits") {
		t.Errorf("addresses/take: %d %s", got.Status, got.Body)
	}
	want(w, send(w, w.A, w.A.Secret, http.MethodPost, "/accounts/list", strings.Repeat(" ", 65<<10)), 413, `{"error":"The body is too large.","code":"body_too_large","errors":{"request":"The body is too large."}}`)
	for _, h := range [][]string{{"X-Processing-Key: ", "X-Processing-Signature: "}, nil} {
		want(w, send(w, w.A, w.A.Secret, http.MethodGet, "/ping", "{}", h...), 200, "OK")
	}
	want(w, send(w, w.A, w.B.Secret, http.MethodGet, "/ping", "{}"), 403, badSign)
}

func TestLists(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{Terms: &pricing.Book{Fees: []fee.Schedule{{PPM: 8000}}}})
	w.Fund(w.A, "EUR", "13234.91")
	want(w, post(w, "/accounts/list", "[]"), 200, `{"data":[{"currency":"ETH","type":"crypto","balance":"0.00000000"},{"currency":"EUR","type":"fiat","balance":"13234.91000000"},{"currency":"USDTE","type":"crypto","balance":"0.00000000"}]}`)
	got := post(w, "/currencies/list", `{"visible":"1"}`)
	for _, item := range []string{
		`"type":"fiat","currency":"EUR","minimum_amount":"0.01000000","deposit_fee_percent":"0","withdrawal_fee_percent":"0.008000","precision":8,"minimum_withdrawal_amount":"0.01000000"}`,
		`"type":"crypto","currency":"ETH","minimum_amount":"0.00000001"`, `"type":"crypto","currency":"USDTE","minimum_amount":"0.00000100"`,
	} {
		if got.Status != 200 || !strings.Contains(got.Body, item) {
			t.Errorf("%d %s\nis missing %s", got.Status, got.Body, item)
		}
	}
	pair := `{"currency_from":{"currency":"EUR","type":"fiat","min_amount":"1.00000000"},"currency_to":{"currency":"USDTE","type":"crypto"},"rate_from":"1","rate_to":"1.25000000"}`
	for _, path := range []string{"/currencies/pairs", "/currencies/rates"} {
		want(w, post(w, path, `{"currency_from":"EUR","currency_to":"USDTE"}`), 200, `{"data":[`+pair+`]}`)
		if got := post(w, path, "{}"); !strings.Contains(got.Body, pair) || !strings.Contains(got.Body, `"rate_to":"0.00050000"`) {
			t.Errorf("%s: %s", path, got.Body)
		}
		want(w, post(w, path, `{"currency_from":"XYZ"}`), 400, `{"errors":{"currency_from":"The selected currency from is invalid."}}`)
	}
}

// Every form in which clients send an amount, and every one that is refused.
func TestAmountsOfWithdrawals(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "1000")
	n := 0
	ask := func(members string) dialecttest.Answer {
		n++
		return post(w, "/withdrawal/crypto", fmt.Sprintf(`{%s,"address":%q,"foreign_id":%d,"currency":"ETH","unknown":[1]}`, members, dialecttest.Alice, n))
	}
	for given, shown := range map[string]string{
		`"0.01"`: "0.01000000", `0.001`: "0.00100000", `1e-7`: "0.00000010", `"1E-7"`: "0.00000010", `2`: "2.00000000", `"1.500000000000"`: "1.50000000", `12e-1`: "1.20000000",
	} {
		got := ask(`"amount":` + given)
		if got.Status != 201 || !strings.Contains(got.Body, `"amount":"`+shown+`","sender_amount":"`+shown+`"`) {
			t.Errorf("%s: %d %s", given, got.Status, got.Body)
		}
	}
	for _, c := range []struct{ members, field, text string }{
		{`"amount":"0.123456789"`, "amount", "The amount may have at most 8 decimal places."},
		{`"amount":"0"`, "amount", "The amount must be greater than 0."},
		{`"amount":"-1"`, "amount", "The amount must be a number."},
		{`"amount":-1`, "amount", "The amount must be a number."},
		{`"amount":"+1"`, "amount", "The amount must be a number."},
		{`"amount":"NaN"`, "amount", "The amount must be a number."},
		{`"amount":"1,5"`, "amount", "The amount must be a number."},
		{`"amount":"١"`, "amount", "The amount must be a number."},
		{`"amount":{}`, "amount", "The amount must be a number."},
		{`"amount":1e999`, "amount", "The amount must be a number."},
		{`"amount":1e40`, "amount", "The amount is too large."},
		{`"amount":"1","amount_to":"1"`, "amount_to", "The amount to field must not be given together with amount."},
		{`"amount":null`, "amount", "The amount field is required."},
	} {
		want(w, ask(c.members), 400, fmt.Sprintf(`{"errors":{%q:%q}}`, c.field, c.text))
	}
	if got := ask(`"amount_to":"0.25"`); got.Status != 201 || !strings.Contains(got.Body, `"receiver_amount":"0.25000000"`) {
		t.Errorf("amount_to without an exchange: %d %s", got.Status, got.Body)
	}
}

func TestFieldsOfWithdrawals(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "10")
	w.Fund(w.A, "EUR", "100")
	right := map[string]string{"foreign_id": `"f"`, "amount": `"1"`, "currency": `"ETH"`, "address": `"` + dialecttest.Alice + `"`}
	with := func(change map[string]string) string {
		var out []string
		for _, k := range []string{"foreign_id", "amount", "currency", "convert_to", "address", "tag", "end_user_reference", "sender_type", "sender_data"} {
			v, changed := change[k]
			if !changed {
				v = right[k]
			}
			if v != "" {
				out = append(out, fmt.Sprintf("%q:%s", k, v))
			}
		}
		return "{" + strings.Join(out, ",") + "}"
	}
	for _, c := range []struct {
		change      map[string]string
		field, text string
	}{
		{map[string]string{"foreign_id": ""}, "foreign_id", "The foreign id field is required."},
		{map[string]string{"foreign_id": `""`}, "foreign_id", "The foreign id field is required."},
		{map[string]string{"foreign_id": `"` + strings.Repeat("x", 256) + `"`}, "foreign_id", "The foreign id may not be greater than 255 characters."},
		{map[string]string{"foreign_id": `"a\u0001b"`}, "foreign_id", "The foreign id format is invalid."},
		{map[string]string{"foreign_id": `{}`}, "foreign_id", "The foreign id must be a string."},
		{map[string]string{"currency": ""}, "currency", "The currency field is required."},
		{map[string]string{"currency": `"BTC"`}, "currency", "The selected currency is invalid."},
		{map[string]string{"currency": `"EUR"`}, "currency", "The selected currency is invalid."},
		{map[string]string{"convert_to": `"EUR"`}, "convert_to", "The selected convert to is invalid."},
		{map[string]string{"convert_to": `"USDTE"`}, "convert_to", "Exchange is unavailable for given currencies"},
		{map[string]string{"address": ""}, "address", "The address field is required."},
		{map[string]string{"sender_type": `"robot"`}, "sender_type", "The selected sender type is invalid."},
		{map[string]string{"sender_data": `"x"`}, "sender_data", "The sender data must be an object."},
		{map[string]string{"currency": `"EUR"`, "convert_to": `"USDTE"`, "amount": `"0.5"`}, "amount", "The amount must be at least 1.00."},
	} {
		want(w, post(w, "/withdrawal/crypto", with(c.change)), 400, fmt.Sprintf(`{"errors":{%q:%q}}`, c.field, c.text))
	}
	got := post(w, "/withdrawal/crypto", with(map[string]string{"foreign_id": "4711", "tag": `""`, "end_user_reference": `"u-7"`, "sender_type": `"natural"`, "sender_data": `{"first_name":"Jo"}`}))
	want(w, got, 201, `{"data":{"id":1,"foreign_id":"4711","end_user_reference":"u-7","type":"withdrawal","status":"processing","amount":"1.00000000","sender_amount":"1.00000000","sender_currency":"ETH","receiver_currency":"ETH","receiver_amount":"1.00000000"}}`)
	if x, _ := newest(w); x.ForeignID != "4711" || x.Metadata != `{"end_user_reference":"u-7","sender_data":"{\"first_name\":\"Jo\"}","sender_type":"natural"}` {
		t.Errorf("%q %s", x.ForeignID, x.Metadata)
	}
	// The same id as the native API uses it is one and the same.
	want(w, post(w, "/withdrawal/crypto", with(map[string]string{"foreign_id": `"4711"`})), 400, `{"errors":{"foreign_id":"The foreign id has already been taken."}}`)
}

// A payout with exchange, byte by byte, in both generations: the answer, the callback
// and the look-up.
func TestConversionInBothGenerations(t *testing.T) {
	for _, c := range []struct{ generation, made, confirmed string }{
		{
			"new",
			`{"data":{"id":1,"foreign_id":"x-1","type":"withdrawal_exchange","status":"processing","amount":"25.00000000","sender_amount":"25.00000000","sender_currency":"EUR","receiver_currency":"USDTE","receiver_amount":"31.25000000"}}`,
			`{"id":1,"foreign_id":"x-1","type":"withdrawal_exchange","crypto_address":{"id":1,"currency":"USDTE","address":"` + dialecttest.Alice + `","tag":null},"currency_sent":{"currency":"EUR","amount":"25.00000000"},"currency_received":{"currency":"USDTE","amount":"31.25000000"},` +
				`"transactions":[{"id":1,"currency":"USDTE","transaction_type":"blockchain","type":"withdrawal","address":"` + dialecttest.Alice + `","tag":null,"amount":"31.25000000","txid":"` + dialecttest.TxID + `","confirmations":"1"},` +
				`{"id":2,"currency":"EUR","currency_to":"USDTE","transaction_type":"exchange","type":"exchange","amount":"25.00000000","amount_to":"31.25000000","confirmations":"0"}],` +
				`"fees":[{"type":"fee_crypto_exchange_to_crypto","currency":"EUR","amount":"0.20000000"}],"error":"","status":"confirmed"}`,
		},
		{
			"old",
			`{"data":{"id":1,"foreign_id":"x-1","type":"withdrawal_exchange","status":"processing","amount":"25.00000000","sender_amount":"25.00000000","sender_currency":"EUR","receiver_amount":"31.25000000","receiver_currency":"USDTE"}}`,
			`{"id":1,"foreign_id":"x-1","type":"withdrawal_exchange","crypto_address":{"id":1,"currency":"EUR","convert_to":"USDTE","address":"` + dialecttest.Alice + `","tag":null},"currency_sent":{"currency":"EUR","amount":"25.00000000"},"currency_received":{"currency":"USDTE","amount":"31.25000000"},` +
				`"transactions":[{"id":2,"currency":"EUR","currency_to":"USDTE","transaction_type":"exchange","type":"exchange","amount":"25.00000000","amount_to":"31.25000000","confirmations":"0"},` +
				`{"id":1,"currency":"USDTE","transaction_type":"blockchain","type":"withdrawal","address":"` + dialecttest.Alice + `","tag":null,"amount":"31.25000000","txid":"` + dialecttest.TxID + `","confirmations":"1"}],` +
				`"fees":[{"type":"exchange","currency":"EUR","amount":"0.20000000"}],"error":"","status":"confirmed"}`,
		},
	} {
		t.Run(c.generation, func(t *testing.T) {
			w := dialecttest.New(t, wire, dialecttest.Options{
				Terms: &pricing.Book{Fees: []fee.Schedule{{PPM: 8000}}}, Option: map[string]string{"generation": c.generation},
			})
			w.Fund(w.A, "EUR", "100")
			want(w, post(w, "/withdrawal/crypto", `{"foreign_id":"x-1","amount":"25","currency":"EUR","convert_to":"USDTE","address":"`+dialecttest.Alice+`"}`), 201, c.made)
			x, _ := newest(w)
			if got := w.Balance(w.A, "EUR").Reserved; got != money.Of(2520) {
				t.Errorf("%s are held", got)
			}
			w.Confirm(w.A, x.Seq)
			for _, by := range []string{`{"id":1}`, `{"id":"1"}`, `{"foreign_id":"x-1"}`, `{"txid":"` + dialecttest.TxID + `"}`} {
				want(w, send(w, w.A, w.A.Secret, http.MethodGet, "/transactions/info", by), 200, c.confirmed)
			}
			if got := (driver{}).Read(w, w.A, w.Callbacks(1)[0]); got.Body != c.confirmed {
				t.Errorf("callback\n%s\nwant\n%s", got.Body, c.confirmed)
			}
			if got := w.Balance(w.A, "EUR"); got.Available != money.Of(7480) || !got.Reserved.IsZero() {
				t.Errorf("left over: %+v", got)
			}
		})
	}
}

// One that was not paid says why, in a form that every receiver can write again.
func TestCancelledCallback(t *testing.T) {
	for option, txid := range map[string]string{"off": `"txid":null,`, "on": ""} {
		w := dialecttest.New(t, wire, dialecttest.Options{Option: map[string]string{"omit_null_txid": option}})
		w.Fund(w.A, "ETH", "1")
		post(w, "/withdrawal/crypto", `{"foreign_id":"x-1","amount":"1","currency":"ETH","address":"`+dialecttest.Alice+`"}`)
		x, _ := newest(w)
		w.Fail(w.A, x.Seq, `refused <a/b> & "ü"`)
		got := (driver{}).Read(w, w.A, w.Callbacks(1)[0]).Body
		wanted := `{"id":1,"foreign_id":"x-1","type":"withdrawal","crypto_address":{"id":1,"currency":"ETH","address":"` + dialecttest.Alice + `","tag":null},` +
			`"transactions":[{"id":1,"currency":"ETH","transaction_type":"blockchain","type":"withdrawal","address":"` + dialecttest.Alice + `","tag":null,"amount":"1.00000000",` + txid + `"confirmations":"0"}],` +
			`"fees":[],"error":"refused  a-b        ","status":"cancelled"}`
		if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(wanted, " ", "") {
			t.Errorf("%s\nwant\n%s", got, wanted)
		}
	}
}

// What a merchant makes by another API is visible here, with a number of its own.
func TestNativeWithdrawalsAreVisible(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "2")
	post(w, "/withdrawal/crypto", `{"foreign_id":"here","amount":"1","currency":"ETH","address":"`+dialecttest.Alice+`"}`)
	w.Native(w.A, "there", "ETH", "1")
	info := send(w, w.A, w.A.Secret, http.MethodPost, "/transactions/info", `{"foreign_id":"there"}`)
	if info.Status != 200 || info.ID != "2" || info.Word != "not_confirmed" {
		t.Fatalf("%d %s", info.Status, info.Body)
	}
	x, _ := newest(w)
	w.Confirm(w.A, x.Seq)
	if got := (driver{}).Read(w, w.A, w.Callbacks(1)[0]); got.ID != "2" || got.Word != "confirmed" {
		t.Errorf("%s", got.Body)
	}
	want(w, send(w, w.B, w.B.Secret, http.MethodGet, "/transactions/info", `{"foreign_id":"there"}`), 404, `{"errors":{"foreign_id":"The transaction is not found."}}`)
	want(w, send(w, w.B, w.B.Secret, http.MethodGet, "/transactions/info", `{"id":2}`), 404, `{"errors":{"id":"The transaction is not found."}}`)
	want(w, send(w, w.A, w.A.Secret, http.MethodGet, "/transactions/info", `{"id":2,"txid":"x"}`), 404, `{"errors":{"txid":"Only one of id, foreign id and txid may be given."}}`)
	want(w, send(w, w.A, w.A.Secret, http.MethodGet, "/transactions/info", `{}`), 400, `{"errors":{"id":"One of id, foreign id and txid is required."}}`)
}

func TestExchange(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{Terms: &pricing.Book{Fees: []fee.Schedule{{PPM: 8000}}}})
	w.Fund(w.A, "EUR", "100")
	got := post(w, "/exchange/calculate", `{"sender_currency":"EUR","receiver_currency":"USDTE","sender_amount":"25"}`)
	if !strings.HasPrefix(got.Body, `{"data":{"sender_currency":"EUR","sender_amount":"25.00000000","receiver_currency":"USDTE","receiver_amount":"31.25000000","fee_currency":"EUR","fee_amount":"0.20000000","price":"1.25000000","ts_fixed":1`) ||
		!strings.HasSuffix(got.Body, `,"fix_period":60}}`) || got.Status != 200 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	fixed := `{"sender_currency":"EUR","receiver_currency":"USDTE","sender_amount":25,"foreign_id":"e-1","price":%s}`
	want(w, post(w, "/exchange/fixed", fmt.Sprintf(fixed, `"1.26"`)), 400, `{"errors":{"price":"The price is expired or invalid."}}`)
	want(w, send(w, w.B, w.B.Secret, http.MethodPost, "/exchange/fixed", fmt.Sprintf(fixed, `"1.25"`)), 400, `{"errors":{"price":"The price is expired or invalid."}}`)
	want(w, post(w, "/exchange/fixed", fmt.Sprintf(fixed, `1.25000000`)), 201, `{"data":{"id":1,"foreign_id":"e-1","type":"exchange","sender_amount":"25.00000000","sender_currency":"EUR","receiver_amount":"31.25000000","receiver_currency":"USDTE","fee_amount":"0.20000000","fee_currency":"EUR","price":"1.25000000","status":"processing"}}`)
	want(w, post(w, "/exchange/fixed", fmt.Sprintf(fixed, `"1.25"`)), 400, `{"errors":{"foreign_id":"The foreign id has already been taken."}}`)
	if eur, usdt := w.Balance(w.A, "EUR").Available, w.Balance(w.A, "USDT").Available; eur != money.Of(7480) || usdt != money.Of(31_250_000) {
		t.Errorf("%s EUR and %s USDT are there", eur, usdt)
	}
	done := `{"id":1,"type":"exchange","currency_sent":{"currency":"EUR","amount":"25.00000000"},"currency_received":{"currency":"USDTE","amount":"31.25000000"},` +
		`"transactions":[{"id":2,"currency":"EUR","currency_to":"USDTE","transaction_type":"exchange","type":"exchange","amount":"25.00000000","amount_to":"31.25000000","confirmations":"0"}],` +
		`"fees":[{"type":"fee_crypto_exchange_to_crypto","currency":"EUR","amount":"0.20000000"}],"error":"","status":"confirmed"}`
	want(w, send(w, w.A, w.A.Secret, http.MethodGet, "/transactions/info", `{"id":1}`), 200, done)
	if c := (driver{}).Read(w, w.A, w.Callbacks(1)[0]); c.Body != done {
		t.Errorf("callback %s", c.Body)
	}
	if got := post(w, "/exchange/now", `{"sender_currency":"EUR","receiver_currency":"ETH","receiver_amount":"0.02","foreign_id":"e-2"}`); got.Status != 201 ||
		!strings.Contains(got.Body, `"sender_amount":"40.00000000","sender_currency":"EUR","receiver_amount":"0.02000000","receiver_currency":"ETH","fee_amount":"0.32000000"`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	for _, c := range []struct{ path, body, errors string }{
		{"/exchange/now", `{"sender_currency":"EUR","receiver_currency":"ETH","sender_amount":"34.48","foreign_id":"e-3"}`, `"sender_amount":"Not enough money on balance"`},
		{"/exchange/now", `{"sender_currency":"ETH","receiver_currency":"EUR","sender_amount":"1","foreign_id":"e-3"}`, `"sender_currency":"Exchange is unavailable for given currencies"`},
		{"/exchange/now", `{"sender_currency":"EUR","receiver_currency":"EUR","sender_amount":"1","foreign_id":"e-3"}`, `"sender_currency":"Exchange is unavailable for given currencies"`},
		{"/exchange/now", `{"sender_currency":"EUR","receiver_currency":"ETH","sender_amount":"1"}`, `"foreign_id":"The foreign id field is required."`},
		{"/exchange/calculate", `{"sender_currency":"ETH","receiver_currency":"EUR","sender_amount":"1"}`, `"sender_currency":"Exchange is unavailable for given currencies"`},
		{"/exchange/calculate", `{"sender_currency":"EUR","receiver_currency":"ETH","sender_amount":"0.5"}`, `"sender_amount":"The amount must be at least 1.00."`},
		{"/exchange/calculate", `{"sender_currency":"EUR","receiver_currency":"ETH"}`, `"sender_amount":"The sender amount field is required."`},
		{"/exchange/calculate", `{"sender_currency":"EUR","receiver_currency":"ETH","sender_amount":"5","receiver_amount":"1"}`, `"receiver_amount":"The receiver amount field must not be given together with sender amount."`},
	} {
		want(w, post(w, c.path, c.body), 400, `{"errors":{`+c.errors+`}}`)
	}
	last := 0
	for range 30 {
		last = post(w, "/exchange/calculate", `{"sender_currency":"EUR","receiver_currency":"ETH","sender_amount":"5"}`).Status
	}
	if last != 429 {
		t.Errorf("the cap answers %d", last)
	}
}

// The older generation has a schedule of its own.
func TestOldScheduleOfRetries(t *testing.T) {
	for generation, want := range map[string][]int{"new": nil, "old": {0, 1, 5, 10, 15, 20, 30, 60, 90, 120, 150, 180, 210, 240}} {
		w := dialecttest.New(t, wire, dialecttest.Options{Option: map[string]string{"generation": generation}})
		w.Fund(w.A, "ETH", "1")
		x := w.Cancel(w.A, w.Native(w.A, "x-1", "ETH", "1").Seq)
		events, err := w.DB.EventsOf(t.Context(), id.ID{Seq: x.Seq})
		w.Must(err)
		endpoints, err := w.DB.Endpoints(t.Context(), w.A.ID)
		w.Must(err)
		out, err := w.Dialect.Format().Render(t.Context(), 0, endpoints[0], []webhook.Message{{Event: events[len(events)-1]}})
		w.Must(err)
		var minutes []int
		if out[0].Retry != nil {
			for _, d := range out[0].Retry.Waits {
				minutes = append(minutes, int(d.Minutes()))
			}
		}
		if !slices.Equal(minutes, want) {
			t.Errorf("%s: %v", generation, minutes)
		}
	}
}

// A callback that is answered with anything but 200 is sent again, the same bytes.
func TestOnly200Acknowledges(t *testing.T) {
	first := true
	w := dialecttest.New(t, wire, dialecttest.Options{Answer: func(dialecttest.Callback) (int, string) {
		if first {
			first = false
			return 204, ""
		}
		return 200, ""
	}})
	f := w.Dialect.Format()
	if f.Missing(204, nil) == "" || f.Missing(200, []byte("no")) != "" {
		t.Error("200 alone acknowledges")
	}
	var minutes []int
	for _, d := range f.Retry().Waits {
		minutes = append(minutes, int(d.Minutes()))
	}
	if !slices.Equal(minutes, []int{0, 1, 5, 15, 30, 60, 90, 120, 180, 240, 240, 240, 240}) || f.Retry().MaxAttempts() != 13 {
		t.Errorf("the schedule is %v", minutes)
	}
	w.Fund(w.A, "ETH", "1")
	post(w, "/withdrawal/crypto", `{"foreign_id":"x-1","amount":"1","currency":"ETH","address":"`+dialecttest.Alice+`"}`)
	x, _ := newest(w)
	w.Confirm(w.A, x.Seq)
	w.Callbacks(1)
	w.Delivery(w.A, "withdrawal.confirmed", "pending", "answer")
}
