package tylt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"sluice/internal/dialect/dialecttest"
)

// description is openapi.yaml, loaded once.
var description = sync.OnceValues(func() (*openapi3.T, error) {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

var contract = sync.OnceValues(func() (routers.Router, error) {
	doc, err := description()
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// proved holds every exchange of the tests against openapi.yaml.
func proved(w *dialecttest.World, req *http.Request, body string, res *http.Response, answer []byte) {
	w.Helper()
	w.NoNativeIDs(answer)
	router, err := contract()
	w.Must(err)
	again := req.Clone(context.Background())
	again.URL.Host, again.URL.Scheme = "", ""
	route, params, err := router.FindRoute(again)
	if err != nil {
		if res.StatusCode == http.StatusNotFound {
			return
		}
		w.Fatalf("%s %s is not in the contract but was answered %d", req.Method, req.URL.Path, res.StatusCode)
	}
	if strings.HasPrefix(body, "{") { // JSON, whatever the client says it were
		again.Header.Set("Content-Type", "application/json")
	}
	again.Body = io.NopCloser(strings.NewReader(body))
	opt := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: route, Options: opt}
	if res.StatusCode < http.StatusMultipleChoices {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			w.Fatalf("%s %s was answered %d although the contract forbids it: %v\n%s", req.Method, req.URL, res.StatusCode, err, body)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Options: opt}
	out.SetBodyBytes(bytes.Clone(answer))
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		w.Fatalf("%s %s: the answer %d breaks the contract: %v\n%s", req.Method, req.URL, res.StatusCode, err, answer)
	}
}

// provedCallback holds a callback against openapi.yaml.
func provedCallback(w *dialecttest.World, body []byte) {
	w.Helper()
	doc, err := description()
	w.Must(err)
	var x any
	w.Must(json.Unmarshal(body, &x))
	if err := doc.Components.Schemas["Callback"].Value.VisitJSON(x); err != nil {
		w.Fatalf("a callback breaks the contract: %v\n%s", err, body)
	}
}

// The contract names exactly the calls that are served.
func TestContractNamesEveryCall(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	doc, err := description()
	w.Must(err)
	var all []string
	for at, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			all = append(all, path.Base(at))
			if got := do(w, w.A, request{method: method, path: path.Base(at), body: map[string]string{"POST": "{}"}[method]}); got.Status == http.StatusNotFound {
				t.Errorf("%s %s is not served", method, at)
			}
		}
	}
	if len(all) != 9 {
		t.Errorf("it names %d calls: %v", len(all), all)
	}
}
