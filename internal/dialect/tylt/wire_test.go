package tylt_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/internal/dialect"
	"sluice/internal/dialect/dialecttest"
	"sluice/internal/dialect/tylt"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fee"
	"sluice/internal/withdrawal"
)

// The order of the checks, and the body of each refusal.
func TestChecksComeInTheirOrder(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	reader := reader(w, w.A)
	for _, c := range []struct {
		name string
		who  dialecttest.Party
		request
		status int
		want   string
	}{
		{"a path of nothing", w.A, request{method: "GET", path: "getNothing", headers: []string{"X-TLP-APIKEY: "}}, 404, no(1404, "Not supported")},
		{"a call that is not offered", w.A, request{method: "POST", path: "createPayinRequest", body: "{}"}, 404, no(1404, "Not supported")},
		{"another method", w.A, request{method: "GET", path: "createPayoutRequest"}, 404, no(1404, "Not supported")},
		{"a path below", w.A, request{method: "GET", path: "getAccountBalance/x"}, 404, no(1404, "Not supported")},
		{"no key", w.A, request{method: "POST", path: "createPayoutRequest", body: "{", headers: []string{"X-TLP-APIKEY: "}}, 401, no(1001, "Invalid API key")},
		{"an unknown key", w.A, request{method: "POST", path: "createPayoutRequest", body: "{", headers: []string{"X-TLP-APIKEY: " + strings.Repeat("0", 32)}}, 401, no(1001, "Invalid API key")},
		{"no signature", w.A, request{method: "POST", path: "createPayoutRequest", body: "{", headers: []string{"X-TLP-SIGNATURE: "}}, 401, no(1002, "Invalid signature")},
		{"the key of another", w.A, request{method: "POST", path: "createPayoutRequest", body: "{", headers: []string{"X-TLP-APIKEY: " + w.B.Key}}, 401, no(1002, "Invalid signature")},
		{"no permission", reader, request{method: "POST", path: "createPayoutRequest", body: "{"}, 403, no(1004, "Permission denied")},
		{"no JSON", w.A, request{method: "POST", path: "createPayoutRequest", body: "{"}, 400, no(1010, "body is invalid")},
		{"no object", w.A, request{method: "POST", path: "createPayoutRequest", body: "[]"}, 400, no(1010, "body is invalid")},
		{"no body", w.A, request{method: "POST", path: "createPayoutRequest"}, 400, no(1010, "baseAmount is required")},
		{"a name twice", w.A, request{method: "POST", path: "createPayoutRequest", body: `{"baseAmount":1,"baseAmount":2}`}, 400, no(1010, "baseAmount is invalid")},
		{"A16: a name in two cases", w.A, request{method: "POST", path: "createPayoutRequest", body: `{"baseAmount":1,"BaseAmount":2}`}, 400, no(1010, "BaseAmount is invalid")},
		{"A16: a name twice inside", w.A, request{method: "POST", path: "createPayoutRequest", body: `{"destinationDetails":{"address":"x","address":"y"}}`}, 400, no(1010, "body is invalid")},
		{"A16: a parameter in two cases", w.A, request{method: "GET", path: "getPayoutTransactionHistory", query: "rows=1&Rows=2"}, 400, no(1010, "Rows is invalid")},
		{"too deep", w.A, request{method: "POST", path: "createPayoutRequest", body: strings.Repeat("[", 40) + strings.Repeat("]", 40)}, 400, no(1010, "body is invalid")},
		{"too large", w.A, request{method: "POST", path: "createPayoutRequest", body: strings.Repeat(" ", 65<<10)}, 400, no(1010, "body is invalid")},
		{"a parameter twice", w.A, request{method: "GET", path: "getPayoutTransactionHistory", query: "rows=1&rows=2"}, 400, no(1010, "rows is invalid")},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := do(w, c.who, c.request)
			if got.Status != c.status || got.Body != c.want {
				t.Errorf("answered %d %s", got.Status, got.Body)
			}
		})
	}
	if got := do(w, reader, request{method: "GET", path: "getAccountBalance"}); got.Status != 200 {
		t.Errorf("a key that only reads: %d %s", got.Status, got.Body)
	}
}

// reader is a merchant with a key that may only read.
func reader(w *dialecttest.World, p dialecttest.Party) dialecttest.Party {
	return another(w, p, nil, merchant.ReadAccounts, merchant.ReadWithdrawals)
}

// another is a merchant with another key.
func another(w *dialecttest.World, p dialecttest.Party, options map[string]string, scopes ...merchant.Scope) dialecttest.Party {
	w.Helper()
	secret, err := credential.NewSecret(rand.Reader)
	w.Must(err)
	p.Secret = secret
	p.Cred = dialecttest.Do(w, p.ID.Shard, credential.Create{
		Merchant: p.ID.Seq, Dialect: tylt.Name, Secret: []byte(secret), Scopes: scopes, Options: options,
	})
	p.Key = credential.KeyID(id.ID{Shard: p.ID.Shard, Seq: p.Cred.Seq})
	return p
}

func TestRateLimit(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := dialecttest.New(t, func(d dialect.Deps) dialect.Dialect {
		d.Now = func() time.Time { return now }
		return tylt.New(d, nil)
	}, dialecttest.Options{})
	var got exchange
	for n := range 501 {
		if n == 500 {
			now = now.Add(15500 * time.Millisecond)
		}
		got = get(w, "getAccountBalance", "")
		if n == 0 && (got.header.Get("RateLimit-Limit") != "500" || got.header.Get("RateLimit-Policy") != "500;w=60" ||
			got.header.Get("RateLimit-Remaining") != "499" || got.header.Get("RateLimit-Reset") != "60") {
			t.Fatalf("headers %v", got.header)
		}
	}
	want(w, got, 429, no(1029, "Too many requests"))
	if got.header.Get("RateLimit-Remaining") != "0" || got.header.Get("RateLimit-Reset") != "45" || got.header.Get("Retry-After") != "45" {
		t.Errorf("headers %v", got.header)
	}
	if got := do(w, w.B, request{method: "GET", path: "getAccountBalance"}); got.Status != 200 {
		t.Errorf("another merchant is answered %d", got.Status)
	}
	now = now.Add(45 * time.Second)
	if got := get(w, "getAccountBalance", ""); got.Status != 200 {
		t.Errorf("a minute later: %d", got.Status)
	}
}

// Every form in which clients send an amount, and every one that is refused.
func TestCase32_Amounts(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "1000")
	for given, shown := range map[string]string{
		"0.01": "0.01", `"0.01"`: "0.01", "1e-7": "1e-7", `"1E-7"`: "1e-7", "2": "2", "2.00": "2", "1.50000000000000000000000": "1.5",
		"0.000000000000000001": "1e-18", "12e-1": "1.2", "100": "100",
	} {
		got := post(w, payout(given, ""))
		if got.Status != 200 || !strings.Contains(got.Body, `"baseAmount":`+shown+`,"baseCurrency":"ETH","settledCurrency":"ETH","settledAmountRequested":`+shown+`,"settledAmountDebited":0,`) {
			t.Errorf("%s: %d %s", given, got.Status, got.Body)
		}
	}
	for _, given := range []string{
		"0", "0.0", "-1", `"-1"`, `"+1"`, `"NaN"`, `"1,5"`, `"١"`, `" 1"`, "{}", "[1]", "true", "1e999", "1e40", "0.0000000000000000001", `"0x10"`, `"010"`, `"1_000"`, "1e-19",
		`"` + strings.Repeat("9", 60) + `"`,
	} {
		want(w, post(w, payout(given, "")), 400, no(1010, "baseAmount is invalid"))
	}
	for _, given := range []string{"null", `""`} {
		want(w, post(w, payout(given, "")), 400, no(1010, "baseAmount is required"))
	}
}

func TestFieldsOfPayouts(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "10")
	w.Fund(w.A, "EUR", "10")
	right := map[string]string{
		"baseAmount": "1", "address": `"` + dialecttest.Alice + `"`, "settledCurrency": `"ETH"`, "networkSymbol": `"ETH"`,
	}
	with := func(name, v string) string {
		all := map[string]json.RawMessage{}
		for k, x := range right {
			all[k] = json.RawMessage(x)
		}
		if delete(all, name); v != "" {
			all[name] = json.RawMessage(v)
		}
		b, err := json.Marshal(all)
		w.Must(err)
		return string(b)
	}
	long := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
	combination := "Given settledCurrency and networkSymbol combination does not exist"
	for _, c := range []struct {
		name, value string
		code        int
		text        string
	}{
		{"address", "", 1010, "address is required"},
		{"address", `""`, 1010, "address is required"},
		{"address", "null", 1010, "address is required"},
		{"address", "7", 1011, "Invalid address"},
		{"address", `"a\u0000b"`, 1010, "address is invalid"},
		{"address", `"0x0000000000000000000000000000000000000000"`, 1011, "Invalid address"},
		{"settledCurrency", "", 1010, "settledCurrency is required"},
		{"settledCurrency", `"BTC"`, 4, combination},
		{"settledCurrency", `"EUR"`, 4, combination},
		{"networkSymbol", "", 1010, "networkSymbol is required"},
		{"networkSymbol", `"TRC20"`, 4, combination},
		{"networkSymbol", `"BSC"`, 4, combination},
		{"networkSymbol", `{}`, 1010, "networkSymbol is invalid"},
		{"merchantOrderId", long(256), 1010, "merchantOrderId is invalid"},
		{"merchantOrderId", `"a\nb"`, 1010, "merchantOrderId is invalid"},
		{"merchantOrderId", "true", 1010, "merchantOrderId is invalid"},
		{"merchantOrderId", "[7]", 1010, "merchantOrderId is invalid"},
		{"callBackUrl", `"ftp://shop.example/cb"`, 1010, "callBackUrl is invalid"},
		{"callBackUrl", `"https://user:word@shop.example/cb"`, 1010, "callBackUrl is invalid"},
		{"callBackUrl", `"shop example/cb"`, 1010, "callBackUrl is invalid"},
		{"callBackUrl", long(1001), 1010, "callBackUrl is invalid"},
		{"payeeDetails", `{"name":` + long(1000) + `}`, 1010, "payeeDetails is invalid"},
		{"baseCurrency", `"XYZ"`, 1014, "Conversion is not available"},
		{"baseCurrency", `"USDT"`, 1014, "Conversion is not available"},
		{"baseAmount", "0.5", 0, ""},
	} {
		got := post(w, with(c.name, c.value))
		switch {
		case c.code == 0 && got.Status != 200, c.code != 0 && (got.Status != 400 || got.Body != no(c.code, c.text)):
			t.Errorf("%s %s: %d %s", c.name, c.value, got.Status, got.Body)
		}
	}
	more := `,"baseCurrency":"eth","merchantOrderId":"m-1","customerName":"Jo \u00fc","comments":"two\nlines","callBackUrl":"","redirectUrl":"https://shop.example/back","payeeDetails":{ "name": "Jo", "age": 7 },"unknown":[1]`
	if got := post(w, strings.Replace(payout("1", more), `"networkSymbol":"ETH"`, `"networkSymbol":"eth"`, 1)); got.Status != 200 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	x := w.Newest(w.A)
	kept := `{"tylt.comments":"two\nlines","tylt.customerName":"Jo ü","tylt.key":"` + w.A.Key + `","tylt.payeeDetails":"{\"name\":\"Jo\",\"age\":7}","tylt.redirectUrl":"https://shop.example/back"}`
	if x.Metadata != kept || x.ForeignID != "m-1" {
		t.Errorf("kept %s %s\nwant %s", x.ForeignID, x.Metadata, kept)
	}
	// Too much of what decides nothing is cut; who is paid is kept whole or refused.
	full := fmt.Sprintf(`,"comments":%s,"callBackUrl":"https://shop.example/%s","redirectUrl":%s`, long(500), strings.Repeat("x", 900), long(900))
	if got, x := post(w, payout("1", full)), w.Newest(w.A); got.Status != 200 || len(x.Metadata) != withdrawal.MaxMetadata || !strings.Contains(x.Metadata, `"tylt.comments":"xxx`) {
		t.Errorf("%d, kept %s", got.Status, x.Metadata)
	}
}

// Without an id of the merchant's, a payout is called by its own, and two equal
// requests are two payouts, unless they have one Idempotency-Key.
func TestCase07_PayoutsWithoutTheMerchantsID(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "10")
	first, second := post(w, payout("1", "")), post(w, payout("1", ""))
	for _, a := range []exchange{first, second} {
		if a.Status != 200 || strings.Count(a.Body, a.ID) != 2 || !strings.Contains(a.Body, `"merchantOrderId":"`+a.ID+`"`) {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
	}
	if first.ID == second.ID {
		t.Fatal("two requests are one payout")
	}
	key := "Idempotency-Key: k-1"
	third, again := post(w, payout("1", ""), key), post(w, reordered("1"), key)
	if third.Body != again.Body || third.header.Get("Idempotent-Replayed") != "" || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s\n%s", third.Body, again.Body)
	}
	want(w, post(w, payout("2", ""), key), 400, no(1010, "Idempotency-Key is invalid"))
	want(w, post(w, payout("2", ""), "Idempotency-Key: a b"), 400, no(1010, "Idempotency-Key is invalid"))
	if got := w.Balance(w.A, "ETH").Reserved; got != money.Of(3e18) {
		t.Errorf("%s are held", got)
	}
	want(w, post(w, payout("1", `,"merchantOrderId":"`+first.ID+`"`)), 400, no(1021, "merchantOrderId already exists"))
	for _, query := range []string{"orderId=" + first.ID, "merchantOrderId=" + first.ID, "orderId=" + strings.ToUpper(first.ID)} {
		if got := get(w, "getPayoutTransactionInformation", query); got.Body != first.Body {
			t.Errorf("%s: %d %s", query, got.Status, got.Body)
		}
	}
}

// reordered is payout with its members in another order and with blanks.
func reordered(amount string) string {
	return `{ "networkSymbol": "ETH", "settledCurrency": "ETH",` + "\n" + `"address": "` + dialecttest.Alice + `", "baseAmount": ` + amount + ` }`
}

// Clients of the vendor's mobile sample send forms; others send JSON and say it were a form.
func TestForms(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "10")
	form := "Content-Type: application/x-www-form-urlencoded"
	body := "baseAmount=1.5&baseCurrency=ETH&address=" + dialecttest.Alice + "&settledCurrency=ETH&networkSymbol=ETH&comments=a+b%26c"
	for _, message := range []string{
		`{"baseAmount":1.5,"baseCurrency":"ETH","address":"` + dialecttest.Alice + `","settledCurrency":"ETH","networkSymbol":"ETH","comments":"a b&c"}`,
		`{"baseAmount":"1.5","baseCurrency":"ETH","address":"` + dialecttest.Alice + `","settledCurrency":"ETH","networkSymbol":"ETH","comments":"a b&c"}`,
		body,
	} {
		got := do(w, w.A, request{method: "POST", path: "createPayoutRequest", body: body, message: &message, headers: []string{form}})
		if got.Status != 200 || !strings.Contains(got.Body, `"baseAmount":1.5,`) || !strings.Contains(w.Newest(w.A).Metadata, `"a b&c"`) {
			t.Errorf("signed %s: %d %s %s", message, got.Status, got.Body, w.Newest(w.A).Metadata)
		}
	}
	if got := post(w, payout("1", ""), form); got.Status != 200 {
		t.Errorf("JSON that is said to be a form: %d %s", got.Status, got.Body)
	}
	want(w, do(w, w.A, request{method: "POST", path: "createPayoutRequest", body: body + "&baseAmount=9", headers: []string{form}}), 400, no(1010, "baseAmount is invalid"))
}

// A key that is strict takes what is signed byte for byte and nothing else.
func TestStrictKeys(t *testing.T) {
	for option, status := range map[string]int{"on": 401, "off": 200} {
		w := dialecttest.New(t, wire, dialecttest.Options{Option: map[string]string{"strict": option}})
		if got := get(w, "getPayoutTransactionHistory", "rows=1"); got.Status != status {
			t.Errorf("strict %s: JSON of the query is answered %d", option, got.Status)
		}
		raw, none := "rows=1", ""
		if got := do(w, w.A, request{method: "GET", path: "getPayoutTransactionHistory", query: raw, message: &raw}); got.Status != 200 {
			t.Errorf("strict %s: the query is answered %d", option, got.Status)
		}
		if got := do(w, w.A, request{method: "GET", path: "getAccountBalance", message: &none}); got.Status != 200 {
			t.Errorf("strict %s: nothing is answered %d", option, got.Status)
		}
	}
}

func TestLists(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{Terms: &pricing.Book{Fees: []fee.Schedule{{Key: fee.Key{Currency: "USDT"}, Carry: fee.Flat, CarryAmount: money.Of(1_500_000)}}}})
	network := func(standard, fees, contract, least string) string {
		return `"networks":[{"standard":"` + standard + `","canDeposit":0,"canWithdraw":1,"networkFees":` + fees + `,"networkName":"Ethereum","networkSymbol":"ETH","maximumDeposit":0,"minimumDeposit":0,"contractAddress":"` +
			contract + `","maximumWithdrawal":999999999999,"minimumWithdrawal":` + least + `}]`
	}
	for path, data := range map[string]string{
		"getSupportedCryptoCurrenciesList": `{"currencyName":"Ethereum","currencySymbol":"ETH",` + network("NATIVE", "0", "", "1e-18") + `},` +
			`{"currencyName":"Tether","currencySymbol":"USDT",` + network("ERC20", "1.5", "0xdAC17F958D2ee523a2206206994597C13D831ec7", "0.000001") + `}`,
		"getSupportedFiatCurrenciesList": `{"currencyName":"Euro","currencySymbol":"EUR"}`,
		"getSupportedCryptoNetworksList": `{"networkName":"Ethereum","networkSymbol":"ETH"}`,
		"getSupportedBaseCurrenciesList": `{"currencyName":"Ethereum","currencySymbol":"ETH","currencyType":"CRYPTO"},{"currencyName":"Euro","currencySymbol":"EUR","currencyType":"FIAT"},{"currencyName":"Tether","currencySymbol":"USDT","currencyType":"CRYPTO"}`,
		"getAccountBalance":              "",
	} {
		want(w, get(w, path, ""), 200, `{"data":[`+data+`],"errorCode":0,"msg":""}`)
	}
	w.Fund(w.A, "USDT", "12.0579")
	w.Fund(w.A, "EUR", "10")
	w.Fund(w.A, "ETH", "1")
	post(w, payout("1", ""))
	want(w, get(w, "getAccountBalance", ""), 200, `{"data":[{"currencySymbol":"ETH","balance":0},{"currencySymbol":"EUR","balance":10},{"currencySymbol":"USDT","balance":12.0579}],"errorCode":0,"msg":""}`)
}

// Networks are called as the installation says, or as everybody does.
func TestSymbolsOfNetworks(t *testing.T) {
	w := dialecttest.New(t, func(d dialect.Deps) dialect.Dialect { return tylt.New(d, map[string]string{"ethereum": "tron"}) }, dialecttest.Options{})
	w.Fund(w.A, "ETH", "3")
	want(w, post(w, payout("1", "")), 400, no(4, "Given settledCurrency and networkSymbol combination does not exist"))
	for _, symbol := range []string{"TRON", "tron", "TRX"} {
		got := post(w, strings.Replace(payout("1", ""), `"networkSymbol":"ETH"`, `"networkSymbol":"`+symbol+`"`, 1))
		if got.Status != 200 || !strings.Contains(got.Body, `"network":"TRON"`) {
			t.Errorf("%s: %d %s", symbol, got.Status, got.Body)
		}
	}
}

// History: newest first, by pages, with what was made by other APIs, and nothing of
// another merchant's.
func TestCase50_History(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "10")
	for n := range 4 {
		post(w, payout("1", fmt.Sprintf(`,"merchantOrderId":"m-%d"`, n)))
	}
	native := w.Native(w.A, "native", "ETH", "1")
	read := func(p dialecttest.Party, query string) string {
		a := do(w, p, request{method: "GET", path: "getPayoutTransactionHistory", query: query})
		var x struct {
			Data []struct{ MerchantOrderID string }
		}
		w.Must(json.Unmarshal([]byte(a.Body), &x))
		var out []string
		for _, d := range x.Data {
			out = append(out, d.MerchantOrderID)
		}
		return strings.Join(out, " ")
	}
	for query, ids := range map[string]string{
		"": "native m-3 m-2 m-1 m-0", "rows=2": "native m-3", "rows=2&page=2": "m-2 m-1", "rows=2&page=3": "m-0", "rows=2&page=4": "", "page=1&rows=100": "native m-3 m-2 m-1 m-0",
	} {
		if got := read(w.A, query); got != ids {
			t.Errorf("%s: %s", query, got)
		}
		if got := read(w.B, query); got != "" {
			t.Errorf("another merchant, %s: %s", query, got)
		}
	}
	for field, values := range map[string][]string{"rows": {"0", "101", "-1", "x", "1.5", "01", "%2B1"}, "page": {"0", "x", "50001", "99999999999999999999"}} {
		for _, v := range values {
			want(w, get(w, "getPayoutTransactionHistory", field+"="+v), 400, no(1010, field+" is invalid"))
		}
	}
	order := orderID(w, native)
	got := get(w, "getPayoutTransactionInformation", "orderId="+order)
	if got.Status != 200 || !strings.Contains(got.Body, `{"orderId":"`+order+`","merchantOrderId":"native","baseAmount":1,"baseCurrency":"ETH"`) {
		t.Errorf("native: %d %s", got.Status, got.Body)
	}
	notFound := no(1022, "Transaction not found")
	for _, query := range []string{"orderId=" + order, "merchantOrderId=native", "merchantOrderId=m-0"} {
		want(w, do(w, w.B, request{method: "GET", path: "getPayoutTransactionInformation", query: query}), 404, notFound)
	}
	// The id of another kind of thing, of nothing, and no id at all.
	for _, query := range []string{"orderId=" + id.ID{Shard: w.A.ID.Shard, Seq: native.Seq}.Dashed(id.Quote), "orderId=x", "orderId=85831093-7692-11ef-8277-02d8461243e9", "merchantOrderId=a%00b", "merchantOrderId=%FF"} {
		want(w, get(w, "getPayoutTransactionInformation", query), 404, notFound)
	}
	want(w, get(w, "getPayoutTransactionInformation", ""), 400, no(1010, "orderId is required"))
}
