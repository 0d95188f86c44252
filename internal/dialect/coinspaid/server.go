package coinspaid

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"sluice/internal/dialect"
	"sluice/internal/fault"
	"sluice/internal/merchant"
)

// bodyMax bounds a body.
const bodyMax = 64 << 10

// call is one request at work.
type call struct {
	*dialect.Party
	r   *http.Request
	req *request
}

func (c *call) ctx() context.Context { return c.r.Context() }

// handler answers a call: a status and the body.
type handler func(*call) (int, []byte, error)

// routes mounts every call.
func (d *Dialect) routes() {
	for pattern, rt := range map[string]struct {
		scope  merchant.Scope
		handle handler
	}{
		"POST /accounts/list":                      {merchant.ReadAccounts, d.accounts},
		"POST /currencies/list":                    {merchant.ReadAccounts, d.currencies},
		"POST /currencies/pairs":                   {merchant.ReadAccounts, d.pairs},
		"POST /currencies/rates":                   {merchant.ReadAccounts, d.pairs},
		"POST /withdrawal/crypto":                  {merchant.CreateWithdrawals, d.withdraw},
		"GET /transactions/info":                   {merchant.ReadWithdrawals, d.info},
		"POST /transactions/info":                  {merchant.ReadWithdrawals, d.info},
		"POST /exchange/calculate":                 {merchant.ReadAccounts, d.calculate},
		"POST /exchange/fixed":                     {merchant.CreateWithdrawals, d.fixed},
		"POST /exchange/now":                       {merchant.CreateWithdrawals, d.now},
		"POST /crypto/withdrawal_instant":          {merchant.CreateWithdrawals, d.instant},
		"POST /crypto/withdrawal_instant_exchange": {merchant.CreateWithdrawals, d.instantExchange},
		"POST /addresses/take":                     {merchant.ReadAccounts, func(*call) (int, []byte, error) { return 0, nil, errDeposits }},
		"POST /invoices/create":                    {merchant.ReadAccounts, func(*call) (int, []byte, error) { return 0, nil, errInvoices }},
	} {
		method, path, _ := strings.Cut(pattern, " ")
		d.mux.HandleFunc(method+" "+base+path, func(rw http.ResponseWriter, r *http.Request) {
			status, body, err := d.run(r, rt.scope, rt.handle)
			d.answer(rw, r, status, body, err)
		})
	}
	d.mux.HandleFunc("GET "+base+"/ping", d.ping)
	// A path that is not there is answered like a request without a key, as at the vendor.
	d.mux.HandleFunc(base+"/", d.nothing)
	d.mux.HandleFunc(base, d.nothing)
}

func (d *Dialect) nothing(rw http.ResponseWriter, r *http.Request) {
	status, body, err := d.run(r, "", unsupported)
	d.answer(rw, r, status, body, err)
}

// jsonType tells whether a content type is taken: one that speaks of JSON, however it is
// spelled, or none. Clients send the name of the header inside its value, or the value twice.
func jsonType(values []string) bool {
	text := strings.TrimSpace(strings.Join(values, ","))
	return text == "" || strings.Contains(strings.ToLower(text), "json")
}

func unsupported(*call) (int, []byte, error) { return 0, nil, errUnsupported }

// ping answers OK. Whoever shows credentials has them checked.
func (d *Dialect) ping(rw http.ResponseWriter, r *http.Request) {
	if r.Header.Get(headerKey) != "" || r.Header.Get(headerSignature) != "" {
		body, err := dialect.ReadBody(r, bodyMax)
		if err == nil {
			_, err = d.authenticate(r, body)
		}
		if err != nil {
			d.answer(rw, r, 0, nil, err)
			return
		}
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = rw.Write([]byte("OK")) // the client is gone: nobody to tell
}

// run is the order of checks: key, signature, form; then the handler.
func (d *Dialect) run(r *http.Request, scope merchant.Scope, handle handler) (int, []byte, error) {
	body, err := dialect.ReadBody(r, bodyMax)
	if errors.Is(err, dialect.ErrBodyTooLarge) {
		return 0, nil, errTooLarge
	}
	if fault.KindOf(err) == fault.Busy {
		return 0, nil, errTooMany
	}
	if err != nil {
		return 0, nil, errContent
	}
	who, err := d.authenticate(r, body)
	if err != nil {
		return 0, nil, err
	}
	if scope != "" {
		if err := who.Can(scope); err != nil {
			return 0, nil, errForbidden
		}
	}
	c := &call{Party: who, r: r}
	if !jsonType(r.Header.Values("Content-Type")) {
		return 0, nil, errContent
	}
	if c.req, err = parse(body); err != nil {
		return 0, nil, errContent
	}
	return handle(c)
}

// authenticate finds out who asks, over the bytes as they were sent.
func (d *Dialect) authenticate(r *http.Request, body []byte) (*dialect.Party, error) {
	name, signature := r.Header.Get(headerKey), r.Header.Get(headerSignature)
	if name == "" {
		return nil, errNoKey
	}
	who, err := d.keys.Find(r.Context(), name)
	if errors.Is(err, dialect.ErrUnknownKey) {
		return nil, errBadKey
	}
	switch {
	case err != nil:
		return nil, err
	case signature == "":
		return nil, errNoSignature
	case !Verify(who.Secret, body, signature):
		return nil, errSignature
	}
	return who, nil
}

// answer writes what came of a call.
func (d *Dialect) answer(rw http.ResponseWriter, r *http.Request, status int, body []byte, err error) {
	h := rw.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if err != nil {
		no := refused(err, asked{"amount", "convert_to"})
		status, body = no.status, no.body
		if status >= http.StatusInternalServerError && dialect.Ours(r.Context(), err) {
			d.Log.ErrorContext(r.Context(), "a request failed", "dialect", Name, "method", r.Method, "path", r.URL.Path, "error", err)
		}
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			h.Set("Retry-After", "2")
		}
	}
	h.Set("X-Content-Type-Options", "nosniff")
	rw.WriteHeader(status)
	_, _ = rw.Write(body) //nolint:gosec // JSON, and said to be; a client that is gone is nobody to tell
}

// limiter bounds how often something is asked, by who asks and from where.
type limiter struct {
	mu    sync.Mutex
	since time.Time
	count map[string]int
}

// The cap of exchange/calculate.
const (
	calculateMax   = 30
	calculateEvery = time.Minute
)

// take counts a request and tells whether it is within the cap.
func (l *limiter) take(who string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count == nil || now.Sub(l.since) >= calculateEvery {
		l.since, l.count = now, map[string]int{}
	}
	l.count[who]++
	return l.count[who] <= calculateMax
}

// from is where a request came from, without its port.
func from(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
