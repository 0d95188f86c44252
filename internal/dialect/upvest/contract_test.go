package upvest_test

import (
	"bytes"
	"context"
	"fmt"
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
	"sluice/internal/dialect/upvest"
)

// contract is openapi.yaml.
type contract struct {
	doc    *openapi3.T
	router routers.Router
}

var load = sync.OnceValues(func() (*contract, error) {
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
	router, err := gorillamux.NewRouter(doc)
	return &contract{doc, router}, err
})

func theContract(w *dialecttest.World) *contract {
	w.Helper()
	c, err := load()
	w.Must(err)
	return c
}

// look holds an exchange against the contract: every answer, and every request that was
// not refused.
func (c *contract) look(req *http.Request, body string, a answer) error {
	again := req.Clone(context.Background())
	again.URL.Host, again.URL.Scheme = "", ""
	route, params, err := c.router.FindRoute(again)
	if err != nil {
		if a.status >= http.StatusBadRequest {
			return nil
		}
		return fmt.Errorf("%s %s is not in the contract but was answered %d", req.Method, req.URL.Path, a.status)
	}
	again.Body = io.NopCloser(strings.NewReader(body))
	opt := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: route, Options: opt}
	if a.status < http.StatusMultipleChoices {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			return fmt.Errorf("%s %s was answered %d although the contract forbids it: %w\n%s", req.Method, req.URL, a.status, err, body)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: a.header, Options: opt}
	out.SetBodyBytes(bytes.Clone([]byte(a.body)))
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		return fmt.Errorf("%s %s: the answer %d breaks the contract: %w\n%s", req.Method, req.URL, a.status, err, a.body)
	}
	return nil
}

// The contract names exactly the calls that are served.
func TestContractNamesEveryCall(t *testing.T) {
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for _, r := range upvest.Calls() {
		served[r] = true
	}
	for path, item := range c.doc.Paths.Map() {
		for method := range item.Operations() {
			if name := method + " " + path; !served[name] {
				t.Errorf("%s is not served", name)
			} else {
				delete(served, name)
			}
		}
	}
	if len(served) > 0 {
		t.Errorf("not in the contract: %v", served)
	}
}
