package tylt_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"go.uber.org/goleak"

	"sluice/internal/dialect"
	"sluice/internal/dialect/dialecttest"
	"sluice/internal/dialect/tylt"
	"sluice/internal/store/pgtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(pgtest.Wrap(m), goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

func wire(d dialect.Deps) dialect.Dialect { return tylt.New(d, nil) }

const base = "/transactions/merchant/"

// request is a request before it is signed.
type request struct {
	method, path, query, body string
	message                   *string // what is signed; nil: what the newest clients sign
	secret                    string  // "": that of the party
	headers                   []string
}

// exchange is a request that was made and what came back.
type exchange struct {
	dialecttest.Answer
	header http.Header
}

// newest is what the newest clients sign: the body, or the parameters as JSON.
func (r request) newest() string {
	if r.method == http.MethodPost {
		return r.body
	}
	var fields []string
	for part := range strings.SplitSeq(r.query, "&") {
		if name, v, ok := strings.Cut(part, "="); ok {
			if plain, err := url.QueryUnescape(v); err == nil && utf8.ValidString(plain) && !strings.Contains(plain, "\x00") {
				v = plain
			} else {
				return r.query
			}
			fields = append(fields, fmt.Sprintf("%q:%q", name, v))
		}
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// do makes a request. headers replace those that a client sends.
func do(w *dialecttest.World, p dialecttest.Party, r request) exchange {
	w.Helper()
	target := w.Server.URL + base + r.path
	if r.query != "" {
		target += "?" + r.query
	}
	req, err := http.NewRequestWithContext(context.Background(), r.method, target, strings.NewReader(r.body))
	w.Must(err)
	message, secret := r.newest(), p.Secret
	if r.message != nil {
		message = *r.message
	}
	if r.secret != "" {
		secret = r.secret
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-TLP-APIKEY", p.Key)
	req.Header.Set("X-TLP-SIGNATURE", tylt.Sign([]byte(secret), []byte(message)))
	for _, h := range r.headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Del(name)
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	res, err := http.DefaultClient.Do(req)
	w.Must(err)
	defer res.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(res.Body)
	w.Must(err)
	proved(w, req, r.body, res, text)
	a := exchange{dialecttest.Answer{Status: res.StatusCode, Body: string(text)}, res.Header}
	var x struct {
		Data json.RawMessage
		Code *int64 `json:"errorCode"`
		Msg  *string
	}
	w.Must(json.Unmarshal(text, &x))
	if x.Code == nil || x.Msg == nil || (*x.Code == 0) != (res.StatusCode == 200) || res.Header.Get("Content-Type") != "application/json; charset=utf-8" {
		w.Fatalf("the envelope of %d is %s", res.StatusCode, text)
	}
	var one struct{ OrderID, Status string }
	if x.Data[0] == '{' {
		w.Must(json.Unmarshal(x.Data, &one))
	}
	a.ID, a.Word = one.OrderID, one.Status
	return a
}

// get and post are do for requests of the first merchant that are right.
func get(w *dialecttest.World, path, query string) exchange {
	w.Helper()
	return do(w, w.A, request{method: http.MethodGet, path: path, query: query})
}

func post(w *dialecttest.World, body string, headers ...string) exchange {
	w.Helper()
	return do(w, w.A, request{method: http.MethodPost, path: "createPayoutRequest", body: body, headers: headers})
}

// want requires a whole answer.
func want(w *dialecttest.World, got exchange, status int, body string) {
	w.Helper()
	if got.Status != status || got.Body != body {
		w.Fatalf("answered %d\n%s\nwant %d\n%s", got.Status, got.Body, status, body)
	}
}

// no is the body of a refusal.
func no(code int, text string) string {
	return fmt.Sprintf(`{"data":{},"errorCode":%d,"msg":%q}`, code, text)
}

// payout is the body of a payout of ETH to Alice; more follows, like `,"tag":"1"`.
func payout(amount, more string) string {
	return `{"baseAmount":` + amount + `,"address":"` + dialecttest.Alice + `","settledCurrency":"ETH","networkSymbol":"ETH"` + more + `}`
}

type driver struct{}

func (driver) Create(w *dialecttest.World, p dialecttest.Party, secret string, o dialecttest.Order) dialecttest.Answer {
	settled := o.Currency
	if o.Receive != "" {
		settled = o.Receive
	}
	body := fmt.Sprintf(`{"merchantOrderId":%q,"baseAmount":%s,"baseCurrency":%q,"address":%q,"settledCurrency":%q,"networkSymbol":"ETH","callBackUrl":""}`,
		o.ForeignID, o.Amount, o.Currency, o.Address, settled)
	return do(w, p, request{method: http.MethodPost, path: "createPayoutRequest", body: body, secret: secret}).Answer
}

func (driver) Look(w *dialecttest.World, p dialecttest.Party, made dialecttest.Answer) dialecttest.Answer {
	return do(w, p, request{method: http.MethodGet, path: "getPayoutTransactionInformation", query: "orderId=" + made.ID}).Answer
}

func (driver) Available(w *dialecttest.World, p dialecttest.Party, currency string) string {
	a := do(w, p, request{method: http.MethodGet, path: "getAccountBalance"})
	var x struct {
		Data []struct {
			Symbol  string `json:"currencySymbol"`
			Balance json.Number
		}
	}
	w.Must(json.Unmarshal([]byte(a.Body), &x))
	for _, b := range x.Data {
		if b.Symbol == currency {
			return b.Balance.String()
		}
	}
	return ""
}

func (driver) Cancel(*dialecttest.World, dialecttest.Party, dialecttest.Answer) (dialecttest.Answer, bool) {
	return dialecttest.Answer{}, false
}

func (driver) Read(w *dialecttest.World, p dialecttest.Party, c dialecttest.Callback) dialecttest.Answer {
	w.Helper()
	if got, want := c.Header.Get("X-TLP-SIGNATURE"), tylt.Sign([]byte(p.Secret), c.Body); got != want {
		w.Fatalf("a callback with the signature %s, want %s", got, want)
	}
	provedCallback(w, c.Body)
	var x struct {
		Data struct{ OrderID, Status string }
		Type string
	}
	w.Must(json.Unmarshal(c.Body, &x))
	if x.Type != "pay-out" {
		w.Fatalf("a callback of the type %q", x.Type)
	}
	return dialecttest.Answer{ID: x.Data.OrderID, Word: x.Data.Status, Body: string(c.Body)}
}

func TestScenarios(t *testing.T) {
	refused := func(status, code int, text string) dialecttest.Answer {
		return dialecttest.Answer{Status: status, Code: no(code, text)}
	}
	is := func(word string) dialecttest.Answer { return dialecttest.Answer{Status: 200, Word: word} }
	dialecttest.Run(t, wire, driver{}, dialecttest.Words{
		Created: is("Pending"), Review: is("Pending"), Processing: is("Pending"), Confirmed: is("Completed"),
		Failed: is("Failed"), Cancelled: is("Cancelled"), Rejected: is("Rejected"),
		Duplicate: refused(400, 1021, "merchantOrderId already exists"), Insufficient: refused(400, 1020, "Insufficient balance"),
		Options: dialecttest.Options{Option: map[string]string{"base": "exchange"}}, BadSignature: refused(401, 1002, "Invalid signature"), BadAddress: refused(400, 1011, "Invalid address"),
	})
}
