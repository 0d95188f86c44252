package coinspaid_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"sluice/internal/dialect/dialecttest"
)

// contract is openapi.yaml, loaded once.
var contract = sync.OnceValues(func() (routers.Router, error) {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// check holds every exchange of the tests against openapi.yaml.
func check(w *dialecttest.World, req *http.Request, body string, status int, header http.Header, answer []byte) {
	w.Helper()
	w.NoNativeIDs(answer)
	router, err := contract()
	w.Must(err)
	again := req.Clone(context.Background())
	again.URL.Host, again.URL.Scheme = "", ""
	again.Header.Set("Content-Type", "application/json") // whatever it was spelled like
	if strings.TrimSpace(body) == "" {
		body = "{}"
	}
	route, params, err := router.FindRoute(again)
	if err != nil {
		if status >= http.StatusBadRequest {
			return
		}
		w.Fatalf("%s %s is not in the contract but was answered %d", req.Method, req.URL.Path, status)
	}
	again.Body = io.NopCloser(strings.NewReader(body))
	opt := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: route, Options: opt}
	if status < http.StatusMultipleChoices {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			w.Fatalf("%s %s was answered %d although the contract forbids it: %v\n%s", req.Method, req.URL, status, err, body)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: status, Header: header, Options: opt}
	out.SetBodyBytes(bytes.Clone(answer))
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		w.Fatalf("%s %s: the answer %d breaks the contract: %v\n%s", req.Method, req.URL, status, err, answer)
	}
}

// The contract names exactly the calls that are served.
func TestContractNamesEveryCall(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	text, err := os.ReadFile("openapi.yaml")
	w.Must(err)
	doc, err := openapi3.NewLoader().LoadFromData(text)
	w.Must(err)
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if got := send(w, w.A, w.A.Secret, method, strings.TrimPrefix(path, "/api/v2"), "{}"); got.Status == http.StatusNotFound && strings.Contains(got.Body, `"Not supported."`) {
				t.Errorf("%s %s is not served", method, path)
			}
		}
	}
}
