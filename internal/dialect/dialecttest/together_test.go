package dialecttest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/internal/dialect"
	"sluice/internal/dialect/coinspaid"
	"sluice/internal/dialect/dialecttest"
	"sluice/internal/dialect/tylt"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
)

// call makes a signed request and requires its status and parts of its answer.
func call(w *dialecttest.World, method, url, body string, status int, headers map[string]string, fragments ...string) {
	w.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	w.Must(err)
	req.Header.Set("Content-Type", "application/json")
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	w.Must(err)
	defer res.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(res.Body)
	w.Must(err)
	for _, f := range append(fragments, "") {
		if res.StatusCode != status || !strings.Contains(string(text), f) {
			w.Fatalf("%s: answered %d, want %d and %s\n%s", url, res.StatusCode, status, f, text)
		}
	}
}

// One merchant speaks two dialects at once: one balance, one list of payouts, one set
// of ids.
func TestTwoDialectsOnOneBalance(t *testing.T) {
	w := dialecttest.New(t, func(d dialect.Deps) dialect.Dialect { return tylt.New(d, nil) }, dialecttest.Options{})
	server := httptest.NewServer(coinspaid.New(w.Deps))
	t.Cleanup(server.Close)
	other := dialecttest.Do(w, w.A.ID.Shard, credential.Create{
		Merchant: w.A.ID.Seq, Dialect: coinspaid.Name, Secret: []byte("a secret of the other dialect"), Scopes: merchant.MerchantScopes,
	})
	first := func(path, body string, status int, fragments ...string) {
		t.Helper()
		method, message := http.MethodPost, body
		if body == "" {
			method, message = http.MethodGet, "{}"
			if _, query, ok := strings.Cut(path, "?"); ok {
				message = query
			}
		}
		call(w, method, w.Server.URL+"/transactions/merchant/"+path, body, status,
			map[string]string{"X-TLP-APIKEY": w.A.Key, "X-TLP-SIGNATURE": tylt.Sign([]byte(w.A.Secret), []byte(message))}, fragments...)
	}
	second := func(path, body string, status int, fragments ...string) {
		t.Helper()
		call(w, http.MethodPost, server.URL+"/api/v2/"+path, body, status, map[string]string{
			"X-Processing-Key":       credential.KeyID(id.ID{Shard: w.A.ID.Shard, Seq: other.Seq}),
			"X-Processing-Signature": coinspaid.Sign([]byte("a secret of the other dialect"), []byte(body)),
		}, fragments...)
	}
	w.Fund(w.A, "ETH", "1")
	payout := `{"merchantOrderId":%q,"baseAmount":0.25,"address":"` + dialecttest.Alice + `","settledCurrency":"ETH","networkSymbol":"ETH"}`
	withdrawal := `{"foreign_id":%q,"amount":"0.25","address":"` + dialecttest.Alice + `","currency":"ETH"}`
	first("createPayoutRequest", fmt.Sprintf(payout, "one"), 200)
	second("withdrawal/crypto", fmt.Sprintf(withdrawal, "two"), 201)

	first("getAccountBalance", "", 200, `"balance":0.5}`)
	second("accounts/list", "{}", 200, `"balance":"0.50000000"`)
	first("getPayoutTransactionInformation?merchantOrderId=two", "", 200, `"merchantOrderId":"two","baseAmount":0.25,`)
	second("transactions/info", `{"foreign_id":"one"}`, 200, `"foreign_id":"one"`, `"amount":"0.25000000"`)
	first("getPayoutTransactionHistory?rows=20&page=1", "", 200, `"merchantOrderId":"one"`, `"merchantOrderId":"two"`)
	first("createPayoutRequest", fmt.Sprintf(payout, "two"), 400, `"errorCode":1021`)
	second("withdrawal/crypto", fmt.Sprintf(withdrawal, "one"), 400, "The foreign id has already been taken.")

	w.Confirm(w.A, w.Newest(w.A).Seq)
	first("getPayoutTransactionInformation?merchantOrderId=two", "", 200, `"status":"Completed"`)
	second("transactions/info", `{"foreign_id":"two"}`, 200, `"status":"confirmed"`)
}
