package tylt_test

import (
	"strings"
	"testing"

	"sluice/internal/dialect/tylt"
)

const createBody = `{"baseAmount":7.3,"baseCurrency":"USDT","address":"0xd2AF4B117EfE474B66Fc79E6A8E1938D41a60F4c","settledCurrency":"USDT","networkSymbol":"BSC"}`

const callbackBody = `{"data":{"orderId":"85831093-7692-11ef-8277-02d8461243e9","merchantOrderId":"85831093-7692-11ef-8277-02d8461243e9","baseAmount":2,"baseCurrency":"USDT","settledCurrency":"USDT","settledAmountRequested":2,"settledAmountDebited":2,"settledAmountSent":2,"commission":0,"network":"BSC","toAddress":"0xd2AF4B117EfE474B66Fc79E6A8E1938D41a60F4c","status":"Completed","insufficientBalance":0,"paymentURL":"","callBackURL":"","transactions":[],"createdAt":"2024-09-20T11:06:59Z","isFinal":1,"isDebited":1},"type":"pay-out"}`

const secret = "test-secret"

// Signatures that were made elsewhere, by the message.
var vectors = map[string]string{
	`{"orderId":"a49579dd-7711-11ef-8277-02d8461243e9"}`: "e94421dc7b1962202aef463291d09513e2482e4709ee35ed10c9eb08014cd33f",
	`orderId=a49579dd-7711-11ef-8277-02d8461243e9`:       "beb1e3cd559904c0e733b94abfa2839dcabc8964d5dc6443c84c1a61fb1e404b",
	`{"rows":20,"page":1}`:                               "93d6f69cdca9199293e9695c8f7448e35141b053d1672c28572de0b183d1164e",
	`{"rows":"20","page":"1"}`:                           "e9b7afff52f63adfc2fc378a605a220e063429b3766ed58b2a3331fc959cac75",
	`rows=20&page=1`:                                     "834bb3f1eecd773f0e12ac1490bea6967ce8b12f3cc14a02035d78ef3bc476c6",
	`{}`:                                                 "2f59040b63b7200598444239da2c9a4f3abc5c434259b23126d72514dab8cd09",
	``:                                                   "a41bc6d81d6413576ae0994995e0ad89a416ec97389515c3604f47722122eeeb",
	createBody:                                           "e1ddb209eddc45248564639121f4d648046e02eb3cc57005d93c300a821cb6cc",
	callbackBody:                                         "75100e2298ce8ea7e9202dba68a2bf251c43920f3d455200134b290853c70c4e",
}

func TestSignatureVectors(t *testing.T) {
	if len(createBody) != 142 || len(callbackBody) != 514 {
		t.Fatalf("the bodies have %d and %d bytes", len(createBody), len(callbackBody))
	}
	for message, want := range vectors {
		if got := tylt.Sign([]byte(secret), []byte(message)); got != want {
			t.Errorf("%s: %s, want %s", message, got, want)
		}
	}
}

func TestFormsOfSignatures(t *testing.T) {
	get := func(query string) tylt.Signed { return tylt.Signed{Query: query} }
	post := func(body string) tylt.Signed { return tylt.Signed{Post: true, Body: []byte(body)} }
	form := func(body string) tylt.Signed { return tylt.Signed{Post: true, Form: true, Body: []byte(body)} }
	order := "orderId=a49579dd-7711-11ef-8277-02d8461243e9"
	fields := "baseAmount=7.3&baseCurrency=USDT&address=0xd2AF4B117EfE474B66Fc79E6A8E1938D41a60F4c&settledCurrency=USDT&networkSymbol=BSC"
	for _, c := range []struct {
		name         string
		request      tylt.Signed
		message      string
		want, strict bool
	}{
		{"GET, the query itself", get("rows=20&page=1"), "rows=20&page=1", true, true},
		{"GET, JSON with numbers", get("rows=20&page=1"), `{"rows":20,"page":1}`, true, false},
		{"GET, JSON with texts", get("rows=20&page=1"), `{"rows":"20","page":"1"}`, true, false},
		{"GET, JSON in another order", get("rows=20&page=1"), `{"page":1,"rows":20}`, false, false},
		{"GET, JSON of one text", get(order), `{"orderId":"a49579dd-7711-11ef-8277-02d8461243e9"}`, true, false},
		{"GET, the query of one text", get(order), order, true, true},
		{"GET, the query decoded", get("merchantOrderId=a%2Fb"), "merchantOrderId=a/b", true, false},
		{"GET, JSON of an escaped text", get("merchantOrderId=a%2Fb"), `{"merchantOrderId":"a/b"}`, true, false},
		{"GET without parameters, an object", get(""), "{}", true, false},
		{"GET without parameters, nothing", get(""), "", true, true},
		{"GET with parameters, an object", get("rows=20"), "{}", false, false},
		{"GET with parameters, nothing", get("rows=20"), "", false, false},
		{"GET with a body, an object", tylt.Signed{Body: []byte(`{"rows":1}`)}, "{}", false, false},
		{"GET with a body, nothing", tylt.Signed{Body: []byte(`{"rows":1}`)}, "", false, false},
		{"GET with a body, the body", tylt.Signed{Body: []byte(`{"rows":1}`)}, `{"rows":1}`, true, true},
		{"GET with both, the body", tylt.Signed{Query: "rows=1", Body: []byte(`{"rows": 1}`)}, `{"rows": 1}`, true, false},
		{"GET, what looks like no number", get("rows=020"), `{"rows":020}`, false, false},
		{"POST, the raw body", post(createBody), createBody, true, true},
		{"POST, with blanks that were not signed", post(strings.ReplaceAll(createBody, ",", ", ")), createBody, true, false},
		{"POST, with a slash that was escaped on the way", post(`{"callBackUrl":"https:\/\/shop.example\/cb"}`), `{"callBackUrl":"https://shop.example/cb"}`, true, false},
		{"POST, numbers stay as they were written", post(`{ "baseAmount": 7.30 }`), `{"baseAmount":7.30}`, true, false},
		{"POST, another number", post(`{ "baseAmount": 7.30 }`), `{"baseAmount":7.3}`, false, false},
		{"POST, nested", post(`{ "payeeDetails": { "name": "A \"B\" é\u0001" , "list": [1, true, null, {}] } }`), `{"payeeDetails":{"name":"A \"B\" é\u0001","list":[1,true,null,{}]}}`, true, false},
		{"POST, an object", post(createBody), "{}", false, false},
		{"POST, nothing", post(createBody), "", false, false},
		{"form, JSON with numbers", form(fields), createBody, true, false},
		{"form, JSON with texts", form(fields), strings.Replace(createBody, "7.3", `"7.3"`, 1), true, false},
		{"form, the raw body", form(fields), fields, true, true},
		{"form, other fields", form(fields + "&tag=1"), createBody, false, false},
	} {
		signature := tylt.Sign([]byte(secret), []byte(c.message))
		if got := tylt.Verify([]byte(secret), c.request, false, signature); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
		if got := tylt.Verify([]byte(secret), c.request, true, signature); got != c.strict {
			t.Errorf("%s, strict: %v", c.name, got)
		}
		if tylt.Verify([]byte("another"), c.request, false, signature) {
			t.Errorf("%s: another secret", c.name)
		}
		if !c.want {
			continue
		}
		for name, wrong := range map[string]string{
			"cut": signature[:62], "longer": signature + "00", "empty": "", "another digit": flip(signature), "no hex": "z" + signature[1:],
		} {
			if tylt.Verify([]byte(secret), c.request, false, wrong) {
				t.Errorf("%s: a signature that is %s", c.name, name)
			}
		}
		if !tylt.Verify([]byte(secret), c.request, false, strings.ToUpper(signature)) {
			t.Errorf("%s: capital digits", c.name)
		}
	}
	if tylt.Verify(nil, post("{}"), false, tylt.Sign(nil, []byte("{}"))) {
		t.Error("a key without a secret")
	}
}

func flip(s string) string {
	if s[0] == '0' {
		return "1" + s[1:]
	}
	return "0" + s[1:]
}
