// Package source reads prices for internal/pricing/fx: a fixed table, any JSON over HTTP,
// the public tickers of three exchanges, and the daily file of the European
// Central Bank. Adapters are strict: a field that is missing, empty, zero or of
// another type is an error, never a default. A Poller asks them in turn and answers
// from memory, so that no request of a caller waits for a third party.
package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"sluice/internal/pricing/fx"
)

// Bounds of one request.
const (
	DefaultTimeout = 5 * time.Second
	MaxBody        = 1 << 20 // bytes of an answer
)

// HTTP says where and how an adapter asks. The zero value is the public service.
type HTTP struct {
	BaseURL string            // without a slash at the end; "" is the adapter's default
	Timeout time.Duration     // of one request with its answer; 0 is DefaultTimeout
	Header  map[string]string // sent with every request, for services that want a key
}

// Symbol is a pair and what a venue calls it.
type Symbol struct {
	Base, Quote string // our codes
	Name        string // the venue's: "XBTEUR", "BTC-EUR", "BTCEUR"
}

// client asks one host.
type client struct {
	http   *http.Client
	base   string
	header map[string]string
}

func newClient(h HTTP, standard string) (*client, error) {
	base := h.BaseURL
	if base == "" {
		base = standard
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return nil, errors.New("the address must be http or https with a host and no password in it") // it may carry a key: never repeat it
	}
	timeout := h.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	if timeout < 0 {
		return nil, fmt.Errorf("time-out %s: want a duration above zero", timeout)
	}
	return &client{
		base: base, header: h.Header,
		http: &http.Client{
			Timeout: timeout,
			// One request every few seconds: a connection kept open would mostly idle.
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
			// A price is taken from the host that was configured, or not at all.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// get fetches a document. The time is that before the request: for services that do
// not say how old a price is, it is the latest moment the price can be sure of.
func (c *client) get(ctx context.Context, path string) (body []byte, at time.Time, err error) {
	at = time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, at, err
	}
	req.Header.Set("User-Agent", "Sluice")
	for k, v := range c.header {
		req.Header.Set(k, v)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, at, hidden(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(res.Body, MaxBody+1))
	switch {
	case err != nil:
		return nil, at, fmt.Errorf("reading the answer: %w", err)
	case res.StatusCode != http.StatusOK:
		return nil, at, &statusError{res.StatusCode, body}
	case len(body) > MaxBody:
		return nil, at, fmt.Errorf("the answer has more than %d bytes", MaxBody)
	}
	return body, at, nil
}

// statusError is an answer that is not 200.
type statusError struct {
	status int
	body   []byte
}

// Error implements error.
func (e *statusError) Error() string {
	return fmt.Sprintf("the answer is %d: %.200q", e.status, e.body)
}

// refused tells whether a service understood a question and will not answer it: it says
// so of the question, not of itself or of how often it was asked.
func refused(err error) bool {
	var e *statusError
	return errors.As(err, &e) && (e.status == http.StatusBadRequest || e.status == http.StatusNotFound || e.status == http.StatusUnprocessableEntity)
}

// hidden takes the address out of an error: it may carry a key in its query.
func hidden(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// decode reads exactly one JSON document. Numbers into an any keep their text.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the answer is not the JSON expected: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the answer goes on after its JSON document")
	}
	return nil
}

// tick makes a checked tick of what a venue wrote.
func tick(source string, s Symbol, bid, ask string, at time.Time) (fx.Tick, error) {
	b, err := fx.ParseRate(bid)
	if err != nil {
		return fx.Tick{}, fmt.Errorf("bid of %s: %w", s.Name, err)
	}
	a, err := fx.ParseRate(ask)
	if err != nil {
		return fx.Tick{}, fmt.Errorf("ask of %s: %w", s.Name, err)
	}
	t := fx.Tick{Base: s.Base, Quote: s.Quote, Bid: b, Ask: a, At: at.UTC(), Source: source}
	return t, t.Validate()
}

func checkSymbols(symbols []Symbol) error {
	if len(symbols) == 0 {
		return errors.New("want at least one pair to ask for")
	}
	for _, s := range symbols {
		if s.Base == "" || s.Quote == "" || s.Base == s.Quote || s.Name == "" {
			return fmt.Errorf("pair %q/%q called %q: want two different currencies and the venue's name", s.Base, s.Quote, s.Name)
		}
	}
	return nil
}
