package api_test

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
)

// contract holds exchanges against openapi.yaml and remembers which operations it saw.
type contract struct {
	doc    *openapi3.T
	router routers.Router
	mu     sync.Mutex
	seen   map[string]map[int]bool // operation to statuses
}

func newContract(t testing.TB) *contract {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	must(t, err)
	doc, err := openapi3.NewLoader().LoadFromData(text)
	must(t, err)
	must(t, doc.Validate(context.Background(), openapi3.EnableExamplesValidation()))
	router, err := gorillamux.NewRouter(doc)
	must(t, err)
	return &contract{doc: doc, router: router, seen: map[string]map[int]bool{}}
}

// check validates an answer, and the request when it was accepted: a request that
// the contract forbids must have been refused.
func (c *contract) check(req *http.Request, body string, a answer) error {
	route, params, err := c.router.FindRoute(req)
	if err != nil {
		if a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed {
			return nil
		}
		return fmt.Errorf("%s %s is not in the contract but was answered %d", req.Method, req.URL.Path, a.status)
	}
	c.mu.Lock()
	if c.seen[route.Operation.OperationID] == nil {
		c.seen[route.Operation.OperationID] = map[int]bool{}
	}
	c.seen[route.Operation.OperationID][a.status] = true
	c.mu.Unlock()
	again := req.Clone(context.Background())
	again.Body = io.NopCloser(strings.NewReader(body))
	opt := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: route, Options: opt}
	if a.status < 300 {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			return fmt.Errorf("%s %s was answered %d although the contract forbids it: %w\n%s", req.Method, req.URL, a.status, err, body)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: a.header, Options: opt}
	out.SetBodyBytes(bytes.Clone(a.body))
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		return fmt.Errorf("%s %s: the answer %d breaks the contract: %w\n%s", req.Method, req.URL, a.status, err, a.body)
	}
	if a.status >= 400 && a.header.Get("Content-Type") != "application/problem+json" {
		return fmt.Errorf("%s %s: %d is a %s", req.Method, req.URL, a.status, a.header.Get("Content-Type"))
	}
	return nil
}
