package coinspaid_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sluice/internal/dialect"
	"sluice/internal/dialect/coinspaid"
	"sluice/internal/dialect/dialecttest"
	"sluice/internal/id"
	"sluice/internal/withdrawal"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

func wire(d dialect.Deps) dialect.Dialect { return coinspaid.New(d) }

// send makes a signed request. headers replace those that a client sends.
func send(w *dialecttest.World, p dialecttest.Party, secret, method, path, body string, headers ...string) dialecttest.Answer {
	w.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, w.Server.URL+"/api/v2"+path, strings.NewReader(body))
	w.Must(err)
	req.Header.Set("Content-Type", "application/json;charset=utf-8")
	req.Header.Set("X-Processing-Key", p.Key)
	req.Header.Set("X-Processing-Signature", coinspaid.Sign([]byte(secret), []byte(body)))
	for _, h := range headers {
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
	a := dialecttest.Answer{Status: res.StatusCode, Body: string(text)}
	check(w, req, body, res.StatusCode, res.Header, text)
	var x struct {
		Data struct {
			ID     json.Number
			Status string
		}
		ID     json.Number
		Status string
	}
	if json.Unmarshal(text, &x) == nil {
		a.ID, a.Word = x.Data.ID.String()+x.ID.String(), x.Data.Status+x.Status
	}
	return a
}

// post is send for requests that are right.
func post(w *dialecttest.World, path, body string) dialecttest.Answer {
	w.Helper()
	return send(w, w.A, w.A.Secret, http.MethodPost, path, body)
}

// want requires a whole answer.
func want(w *dialecttest.World, got dialecttest.Answer, status int, body string) {
	w.Helper()
	if got.Status != status || got.Body != body {
		w.Fatalf("answered %d\n%s\nwant %d\n%s", got.Status, got.Body, status, body)
	}
}

type driver struct{}

func (driver) Create(w *dialecttest.World, p dialecttest.Party, secret string, o dialecttest.Order) dialecttest.Answer {
	codes := map[string]string{"ETH": "ETH", "USDT": "USDTE", "EUR": "EUR"}
	body := fmt.Sprintf(`{"amount":%q,"address":%q,"foreign_id":%q,"currency":%q`, o.Amount, o.Address, o.ForeignID, codes[o.Currency])
	if o.Receive != "" {
		body += fmt.Sprintf(`,"convert_to":%q`, codes[o.Receive])
	}
	return send(w, p, secret, http.MethodPost, "/withdrawal/crypto", body+`,"tag":null}`)
}

func (driver) Look(w *dialecttest.World, p dialecttest.Party, made dialecttest.Answer) dialecttest.Answer {
	return send(w, p, p.Secret, http.MethodGet, "/transactions/info", `{"id":`+made.ID+`}`)
}

func (driver) Available(w *dialecttest.World, p dialecttest.Party, currency string) string {
	a := send(w, p, p.Secret, http.MethodPost, "/accounts/list", "null")
	var x struct {
		Data []struct{ Currency, Balance string }
	}
	w.Must(json.Unmarshal([]byte(a.Body), &x))
	for _, b := range x.Data {
		if b.Currency == currency {
			return b.Balance
		}
	}
	return ""
}

func (driver) Cancel(*dialecttest.World, dialecttest.Party, dialecttest.Answer) (dialecttest.Answer, bool) {
	return dialecttest.Answer{}, false
}

func (driver) Read(w *dialecttest.World, p dialecttest.Party, c dialecttest.Callback) dialecttest.Answer {
	w.Helper()
	if c.Header.Get("X-Processing-Key") != p.Key || !coinspaid.Verify([]byte(p.Secret), c.Body, c.Header.Get("X-Processing-Signature")) {
		w.Fatalf("a callback with a wrong signature: %v", c.Header)
	}
	harmless(w, c.Body)
	var x struct {
		ID     json.Number
		Status string
	}
	w.Must(json.Unmarshal(c.Body, &x))
	return dialecttest.Answer{ID: x.ID.String(), Word: x.Status, Body: string(c.Body)}
}

// harmless requires that receivers that write a callback again before they check its
// signature get the same bytes: no character that some encoder escapes, no empty
// object, no number but plain integers.
func harmless(w *dialecttest.World, body []byte) {
	w.Helper()
	for _, b := range body {
		if b < ' ' || b > '~' || strings.ContainsRune(`/<>&`, rune(b)) {
			w.Fatalf("%q in %s", b, body)
		}
	}
	if bytes.Contains(body, []byte("{}")) {
		w.Fatalf("an empty object in %s", body)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	for {
		t, err := d.Token()
		if err == io.EOF {
			return
		}
		w.Must(err)
		if n, ok := t.(json.Number); ok && strings.ContainsAny(n.String(), ".eE-") {
			w.Fatalf("the number %s in %s", n, body)
		}
	}
}

func TestScenarios(t *testing.T) {
	no := func(status int, code string) dialecttest.Answer {
		return dialecttest.Answer{Status: status, Code: code}
	}
	is := func(status int, word string) dialecttest.Answer {
		return dialecttest.Answer{Status: status, Word: word}
	}
	dialecttest.Run(t, wire, driver{}, dialecttest.Words{
		Created: is(201, "processing"), Review: is(200, "pending"), Processing: is(200, "not_confirmed"), Confirmed: is(200, "confirmed"),
		Failed: is(200, "cancelled"), Cancelled: is(200, "cancelled"), Rejected: is(200, "declined"),
		Duplicate:    no(400, `{"errors":{"foreign_id":"The foreign id has already been taken."}}`),
		Insufficient: no(400, `{"errors":{"amount":"Not enough money on balance"}}`),
		BadSignature: no(403, `{"error":"Bad signature header","code":"bad_header_signature"}`),
		BadAddress:   no(400, `{"errors":{"address":"The address is invalid."}}`),
		ReviewTold:   true,
	})
}

// newest is the withdrawal that was made last, by its address.
func newest(w *dialecttest.World) (withdrawal.Withdrawal, id.ID) {
	x := w.Newest(w.A)
	return x, id.ID{Shard: w.A.ID.Shard, Seq: x.Seq}
}
