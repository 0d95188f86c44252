package coinspaid_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/dialect/dialecttest"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fee"
	"sluice/internal/pricing/fx"
	"sluice/internal/withdrawal/intake"
)

// What clients in production send, and what the vendor takes.

func TestCoinsPaid1_SpellingsOfContent(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	for _, kind := range []string{
		"", "Content-Type: application/json", "content-type: application/json; charset=utf-8", "application/json, application/json", "Application/JSON",
		"application/json;", "text/json", "application/vnd.api+json",
	} {
		for _, body := range []string{"", " ", "{}", "[]", "null"} {
			for _, path := range []string{"/accounts/list", "/currencies/list", "/currencies/pairs", "/currencies/rates"} {
				if got := send(w, w.A, w.A.Secret, http.MethodPost, path, body, "Content-Type: "+kind); got.Status != 200 {
					t.Errorf("%s with %q as %q: %d %s", path, body, kind, got.Status, got.Body)
				}
			}
		}
	}
	// Calls with parameters say which are missing.
	want(w, post(w, "/withdrawal/crypto", ""), 400, `{"errors":{"currency":"The currency field is required.","amount":"The amount field is required.","foreign_id":"The foreign id field is required.","address":"The address field is required."}}`)
	// The signature is strict: that of another body is none.
	got := send(w, w.A, w.A.Secret, http.MethodPost, "/accounts/list", "", "X-Processing-Signature: "+strings.Repeat("0", 128))
	want(w, got, 403, `{"error":"Bad signature header","code":"bad_header_signature"}`)
}

// networks bends a world: USDT on two networks, and a currency with tags.
func networks(t *testing.T) func(*intake.Intake) {
	return func(d *intake.Intake) {
		d.Rails["bsc"] = dialecttest.Network(t, "bsc")
		d.Rails["ripple"] = dialecttest.Tagged{Name: "ripple"}
		d.Assets["USDT"] = money.Asset{Code: "USDT", Scale: 6, Networks: []string{"ethereum", "bsc"}, Limits: map[string]money.Limit{"bsc": {Min: money.Of(5_000_000), Max: money.Of(9_000_000)}}}
		d.Assets["XRP"] = money.Asset{Code: "XRP", Scale: 6, Networks: []string{"ripple"}}
	}
}

func TestCoinsPaid2_TagsThatMeanNothing(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{Bend: networks(t)})
	w.Fund(w.A, "ETH", "1")
	w.Fund(w.A, "XRP", "100")
	n := 0
	ask := func(currency, tag string) dialecttest.Answer {
		n++
		return post(w, "/withdrawal/crypto", fmt.Sprintf(`{"foreign_id":%d,"amount":"0.1","currency":%q,"address":%q,"tag":%s}`, n, currency, dialecttest.Alice, tag))
	}
	for _, tag := range []string{`"77"`, `77`, `"memo text"`} {
		if got := ask("ETH", tag); got.Status != 201 {
			t.Errorf("ETH with the tag %s: %d %s", tag, got.Status, got.Body)
		}
		if x, _ := newest(w); x.Tag != "" {
			t.Errorf("ETH is paid to the tag %q", x.Tag)
		}
	}
	if got := ask("XRP", `77`); got.Status != 201 {
		t.Errorf("XRP: %d %s", got.Status, got.Body)
	}
	if x, _ := newest(w); x.Tag != "77" {
		t.Errorf("XRP is paid to the tag %q", x.Tag)
	}
	want(w, ask("XRP", `"memo"`), 400, `{"errors":{"tag":"The tag is invalid."}}`)
}

func TestCoinsPaid3_EightDecimalsForEveryCurrency(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "EUR", "100")
	w.Fund(w.A, "USDT", "100")
	n := 0
	ask := func(path, body string) dialecttest.Answer {
		n++
		return post(w, path, fmt.Sprintf(`{%s,"foreign_id":%d,"address":%q}`, body, n, dialecttest.Alice))
	}
	for _, c := range []struct{ path, body, shown string }{
		{"/withdrawal/crypto", `"currency":"USDTE","amount":"1.23456789"`, `"sender_amount":"1.23456700"`},
		{"/withdrawal/crypto", `"currency":"USDTE","amount":1.2345679999e0`, ""},
		{"/withdrawal/crypto", `"currency":"USDTE","amount_to":"1.23456799"`, `"receiver_amount":"1.23456700"`},
		{"/withdrawal/crypto", `"currency":"EUR","convert_to":"USDTE","amount":"1.99999999"`, `"sender_amount":"1.99000000","sender_currency":"EUR","receiver_currency":"USDTE","receiver_amount":"2.48750000"`},
		{"/crypto/withdrawal_instant_exchange", `"sender_currency":"EUR","receiver_currency":"USDTE","sender_amount":"1.99999999"`, `"sender_amount":"1.99000000"`},
		{"/exchange/now", `"sender_currency":"EUR","receiver_currency":"USDTE","sender_amount":"1.99999999"`, `"sender_amount":"1.99000000"`},
		{"/exchange/now", `"sender_currency":"EUR","receiver_currency":"USDTE","receiver_amount":"2.00000099"`, `"receiver_amount":"2.00000000"`},
		{"/exchange/calculate", `"sender_currency":"EUR","receiver_currency":"USDTE","sender_amount":"1.99999999"`, `"sender_amount":"1.99000000"`},
	} {
		got := ask(c.path, c.body)
		if c.shown == "" {
			want(w, got, 400, `{"errors":{"amount":"The amount may have at most 8 decimal places."}}`)
		} else if got.Status > 201 || !strings.Contains(got.Body, c.shown) {
			t.Errorf("%s %s: %d %s", c.path, c.body, got.Status, got.Body)
		}
	}
	want(w, ask("/withdrawal/crypto", `"currency":"USDTE","amount":"0.00000099"`), 400, `{"errors":{"amount":"The amount must be at least 0.00000100."}}`)
	// The price of an amount that was cut can be taken with the amount as it was sent.
	price := `{"sender_currency":"EUR","receiver_currency":"USDTE","sender_amount":"1.99999999","price":"1.25000000","foreign_id":"fixed"}`
	if got := post(w, "/exchange/fixed", price); got.Status != 201 {
		t.Errorf("fixed: %d %s", got.Status, got.Body)
	}
}

// Every code of an asset on several networks is a currency of its own.
func TestCoinsPaid4_CodesOfOneAsset(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{Bend: networks(t), Terms: &pricing.Book{Fees: []fee.Schedule{{PPM: 10_000}}}})
	w.Fund(w.A, "USDT", "100")
	w.Fund(w.A, "EUR", "100")
	if got := post(w, "/accounts/list", ""); !strings.Contains(got.Body, `{"currency":"USDTE","type":"crypto","balance":"100.00000000"},{"currency":"USDTB","type":"crypto","balance":"100.00000000"}`) {
		t.Errorf("accounts: %s", got.Body)
	}
	pairs := post(w, "/currencies/pairs", "").Body
	for _, names := range [][2]string{{"EUR", "USDTE"}, {"EUR", "USDTB"}, {"USDTE", "USDTB"}, {"USDTB", "USDTE"}} {
		part := fmt.Sprintf(`"currency_to":{"currency":%q,"type":"crypto"}`, names[1])
		if one := post(w, "/currencies/pairs", fmt.Sprintf(`{"currency_from":%q,"currency_to":%q}`, names[0], names[1])).Body; strings.Count(one, "rate_from") != 1 || !strings.Contains(one, part) {
			t.Errorf("%v: %s", names, one)
		}
		if !strings.Contains(pairs, part) {
			t.Errorf("%v is not in %s", names, pairs)
		}
	}
	const made = `{"data":{"id":1,"foreign_id":"s-1","type":"withdrawal_exchange","status":"processing","amount":"6.00000000","sender_amount":"6.00000000","sender_currency":"USDTE","receiver_currency":"USDTB","receiver_amount":"6.00000000"}}`
	want(w, post(w, "/withdrawal/crypto", `{"foreign_id":"s-1","amount":6,"currency":"USDTE","convert_to":"USDTB","address":"`+dialecttest.Alice+`"}`), 201, made)
	x, _ := newest(w)
	if x.Network != "bsc" || x.Converted() || x.Amount != money.Of(6_000_000) {
		t.Fatalf("%+v", x)
	}
	w.Confirm(w.A, x.Seq)
	told := `{"id":1,"foreign_id":"s-1","type":"withdrawal_exchange","crypto_address":{"id":1,"currency":"USDTB","address":"` + dialecttest.Alice + `","tag":null},"currency_sent":{"currency":"USDTE","amount":"6.00000000"},"currency_received":{"currency":"USDTB","amount":"6.00000000"},` +
		`"transactions":[{"id":1,"currency":"USDTB","transaction_type":"blockchain","type":"withdrawal","address":"` + dialecttest.Alice + `","tag":null,"amount":"6.00000000","txid":"` + dialecttest.TxID + `","confirmations":"1"},` +
		`{"id":2,"currency":"USDTE","currency_to":"USDTB","transaction_type":"exchange","type":"exchange","amount":"6.00000000","amount_to":"6.00000000","confirmations":"0"}],` +
		`"fees":[{"type":"fee_crypto_exchange_to_crypto","currency":"USDTE","amount":"0.06000000"}],"error":"","status":"confirmed"}`
	if got := (driver{}).Read(w, w.A, w.Callbacks(1)[0]); got.Body != told {
		t.Errorf("callback\n%s\nwant\n%s", got.Body, told)
	}
	want(w, send(w, w.A, w.A.Secret, http.MethodGet, "/transactions/info", `{"id":1}`), 200, told)
	// The same code twice is plain, and the price of another one is one.
	if got := post(w, "/withdrawal/crypto", `{"foreign_id":"s-2","amount":6,"currency":"USDTB","convert_to":"USDTB","address":"`+dialecttest.Alice+`"}`); !strings.Contains(got.Body, `"type":"withdrawal",`) || !strings.Contains(got.Body, `"sender_currency":"USDTB"`) {
		t.Errorf("%s", got.Body)
	}
	got := post(w, "/exchange/calculate", `{"sender_currency":"USDTE","receiver_currency":"USDTB","sender_amount":10}`)
	if got.Status != 200 || !strings.Contains(got.Body, `"receiver_amount":"10.00000000","fee_currency":"USDTE","fee_amount":"0.10000000","price":"1.00000000"`) {
		t.Errorf("calculate: %d %s", got.Status, got.Body)
	}
	want(w, post(w, "/exchange/now", `{"sender_currency":"USDTE","receiver_currency":"USDTB","sender_amount":10,"foreign_id":"s-3"}`), 400, `{"errors":{"sender_currency":"Exchange is unavailable for given currencies"}}`)
}

// A minimum and a maximum by asset and network.
func TestCoinsPaid5_BoundsOfPayouts(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{Bend: networks(t)})
	w.Fund(w.A, "USDT", "100")
	w.Fund(w.A, "EUR", "100")
	list := post(w, "/currencies/list", "").Body
	for _, part := range []string{
		`"currency":"USDTB","minimum_amount":"0.00000100","deposit_fee_percent":"0","withdrawal_fee_percent":"0.000000","precision":8,"minimum_withdrawal_amount":"5.00000000","maximum_withdrawal_amount":"9.00000000"}`,
		`"currency":"USDTE","minimum_amount":"0.00000100","deposit_fee_percent":"0","withdrawal_fee_percent":"0.000000","precision":8,"minimum_withdrawal_amount":"0.00000100"}`,
	} {
		if !strings.Contains(list, part) {
			t.Errorf("%s is not in %s", part, list)
		}
	}
	ask := func(body string) dialecttest.Answer {
		return post(w, "/withdrawal/crypto", `{"foreign_id":"b-1","address":"`+dialecttest.Alice+`",`+body+`}`)
	}
	for body, no := range map[string]string{
		`"currency":"USDTB","amount":"4.999999"`:                     `{"errors":{"amount":"The amount must be at least 5.000000."}}`,
		`"currency":"USDTB","amount":"9.000001"`:                     `{"errors":{"amount":"The amount must be at most 9.000000."}}`,
		`"currency":"USDTE","convert_to":"USDTB","amount":"4.99"`:    `{"errors":{"amount":"The amount must be at least 5.000000."}}`,
		`"currency":"EUR","convert_to":"USDTB","amount":"3.99"`:      `{"errors":{"amount":"The receiver amount must be at least 5.000000."}}`,
		`"currency":"EUR","convert_to":"USDTB","amount_to":"4.99"`:   `{"errors":{"amount_to":"The amount must be at least 5.000000."}}`,
		`"currency":"EUR","convert_to":"USDTB","amount_to":"9.0001"`: `{"errors":{"amount_to":"The amount must be at most 9.000000."}}`,
	} {
		want(w, ask(body), 400, no)
	}
	if got := ask(`"currency":"USDTB","amount":5`); got.Status != 201 {
		t.Errorf("the minimum itself: %d %s", got.Status, got.Body)
	}
}

func TestCoinsPaid6_InstantWithdrawals(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "1")
	w.Fund(w.A, "EUR", "100")
	const plain = `{"sender_currency":"ETH","sender_amount":"0.5","address":"` + dialecttest.Alice + `","foreign_id":"i-1","end_user_reference":"u-1"}`
	want(w, post(w, "/crypto/withdrawal_instant", plain), 201,
		`{"data":{"id":1,"foreign_id":"i-1","end_user_reference":"u-1","type":"withdrawal_instant","status":"processing","amount":"0.50000000","sender_amount":"0.50000000","sender_currency":"ETH","receiver_currency":"ETH","receiver_amount":"0.50000000"}}`)
	want(w, post(w, "/crypto/withdrawal_instant", plain), 400, `{"errors":{"foreign_id":"The foreign id has already been taken."}}`)
	w.Confirm(w.A, w.Newest(w.A).Seq)
	if got := (driver{}).Read(w, w.A, w.Callbacks(1)[0]).Body; !strings.HasPrefix(got, `{"id":1,"foreign_id":"i-1","end_user_reference":"u-1","type":"withdrawal_instant","crypto_address"`) {
		t.Errorf("callback %s", got)
	}
	if got := post(w, "/crypto/withdrawal_instant_exchange", `{"sender_currency":"EUR","receiver_currency":"USDTE","sender_amount":"25","address":"`+dialecttest.Alice+`","foreign_id":"i-2"}`); got.Status != 201 ||
		!strings.Contains(got.Body, `"type":"withdrawal_instant_exchange"`) || !strings.Contains(got.Body, `"receiver_amount":"31.25000000"`) {
		t.Errorf("exchange: %d %s", got.Status, got.Body)
	}
	w.Cancel(w.A, w.Newest(w.A).Seq)
	if got := (driver{}).Read(w, w.A, w.Callbacks(2)[1]).Body; !strings.Contains(got, `"type":"withdrawal_instant_exchange"`) || !strings.Contains(got, `"status":"cancelled"`) {
		t.Errorf("callback %s", got)
	}
	for path, c := range map[string][2]string{
		"/crypto/withdrawal_instant":          {`{"sender_currency":"EUR","sender_amount":"1","address":"x","foreign_id":"i-3"}`, `{"errors":{"sender_currency":"The selected sender currency is invalid."}}`},
		"/crypto/withdrawal_instant_exchange": {`{"sender_currency":"ETH","receiver_currency":"ETH","address":"x","foreign_id":"i-3"}`, `{"errors":{"receiver_currency":"Exchange is unavailable for given currencies","sender_amount":"The sender amount field is required."}}`},
	} {
		want(w, post(w, path, c[0]), 400, c[1])
	}
}

// The names that the vendor's samples have.
func TestCoinsPaid7_WordsOfCallbacks(t *testing.T) {
	for _, c := range []struct{ generation, words, confirmations, fee string }{
		{"new", "lists", `"confirmations":"1"`, `"type":"fee_crypto_withdrawal"`},
		{"new", "samples", `"confirmations":1}`, `"type":"withdrawal","currency"`},
		{"old", "lists", `"confirmations":"1"`, `"type":"withdrawal","currency"`},
		{"old", "samples", `"confirmations":1}`, `"type":"withdrawal","currency"`},
	} {
		w := dialecttest.New(t, wire, dialecttest.Options{
			Terms:  &pricing.Book{FeeAssets: map[string]money.Asset{"ethereum": dialecttest.Assets["ETH"]}, Fees: []fee.Schedule{{PPM: 8000, Carry: fee.Flat, CarryAmount: money.Of(1e15)}}},
			Option: map[string]string{"generation": c.generation, "callback_words": c.words},
		})
		w.Fund(w.A, "ETH", "1")
		post(w, "/withdrawal/crypto", `{"foreign_id":"x","amount":"0.5","currency":"ETH","address":"`+dialecttest.Alice+`"}`)
		w.Confirm(w.A, w.Newest(w.A).Seq)
		got := (driver{}).Read(w, w.A, w.Callbacks(1)[0]).Body
		for _, part := range []string{c.confirmations, c.fee, `"type":"mining"`} {
			if !strings.Contains(got, part) {
				t.Errorf("%s, %s: %s is not in %s", c.generation, c.words, part, got)
			}
		}
	}
}

// Without a transaction txid is null, as at the vendor.
func TestCoinsPaid8_NoTransaction(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "10")
	post(w, "/withdrawal/crypto", `{"foreign_id":"x","amount":"3","currency":"ETH","address":"`+dialecttest.Alice+`"}`)
	x := w.Release(w.A, w.Newest(w.A).Seq)
	w.Reject(w.A, x.Seq, "not known")
	for n, word := range []string{"pending", "declined"} {
		if got := (driver{}).Read(w, w.A, w.Callbacks(2)[n]); got.Word != word || !strings.Contains(got.Body, `"txid":null`) {
			t.Errorf("%s", got.Body)
		}
	}
}

// market is one price.
type market string

// Market implements fx.Markets.
func (m market) Market(base, quote string) (fx.Market, error) {
	now := time.Now()
	return fx.Policy{MaxAge: time.Hour}.Market(now, []fx.Tick{{Base: base, Quote: quote, Bid: fx.MustRate(string(m)), Ask: fx.MustRate(string(m)), At: now, Source: "test"}}, base, quote)
}

// Amounts are shown with eight decimals; in the list of transactions they are exact.
func TestCoinsPaid9_ExactAmounts(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{Terms: &pricing.Book{Markets: market("0.000512345678912345")}})
	w.Fund(w.A, "EUR", "100")
	got := post(w, "/withdrawal/crypto", `{"foreign_id":"x","amount":"2","currency":"EUR","convert_to":"ETH","address":"`+dialecttest.Alice+`"}`)
	if !strings.Contains(got.Body, `"receiver_amount":"0.00102469"`) {
		t.Fatalf("%s", got.Body)
	}
	w.Confirm(w.A, w.Newest(w.A).Seq)
	told := (driver{}).Read(w, w.A, w.Callbacks(1)[0]).Body
	for _, part := range []string{`"currency_received":{"currency":"ETH","amount":"0.00102469"}`, `"amount":"0.00102469135782469"`, `"amount":"2.00000000","amount_to":"0.00102469135782469"`} {
		if !strings.Contains(told, part) {
			t.Errorf("%s is not in %s", part, told)
		}
	}
}
