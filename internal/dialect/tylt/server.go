package tylt

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/internal/dialect"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant"
)

// bodyMax bounds a body.
const bodyMax = 64 << 10

// call is one request at work.
type call struct {
	*dialect.Party
	r        *http.Request
	body     []byte
	fields   fields
	replayed bool
}

func (c *call) ctx() context.Context { return c.r.Context() }

// route is a call of the wire. Its handler writes what stands under data.
type route struct {
	method string
	scope  merchant.Scope // "" for none
	handle func(*call, *writer) error
}

// table lists the calls by what follows the base. The misspelling is the vendor's.
func (d *Dialect) table() map[string]route {
	return map[string]route{
		"createPayoutRequest":              {http.MethodPost, merchant.CreateWithdrawals, d.create},
		"getPayoutTransactionInformation":  {http.MethodGet, merchant.ReadWithdrawals, d.information},
		"getPayoutTransactionHistory":      {http.MethodGet, merchant.ReadWithdrawals, d.history},
		"getAccountBalance":                {http.MethodGet, merchant.ReadAccounts, d.balance},
		"getSupportedCryptoCurrenciesList": {http.MethodGet, "", d.cryptoCurrencies},
		"getSupportedFiatCurrenciesList":   {http.MethodGet, "", d.fiatCurrencies},
		"getSupportedCryptoNetworksList":   {http.MethodGet, "", d.cryptoNetworks},
		"getSupportedBaseCurrenciesList":   {http.MethodGet, "", d.baseCurrencies},
		"gerRateHistory":                   {http.MethodGet, merchant.ReadWithdrawals, d.rates},
	}
}

// serve answers a request.
func (d *Dialect) serve(rw http.ResponseWriter, r *http.Request) {
	h := rw.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w := &writer{}
	w.Open().Key("data")
	c, err := d.run(w, r, h)
	if err == nil {
		w.Int("errorCode", 0).Text("msg", "").Close()
		if c.replayed {
			h.Set("Idempotent-Replayed", "true")
		}
		rw.WriteHeader(http.StatusOK)
		_, _ = rw.Write(w.Bytes()) // the client is gone: nobody to tell
		return
	}
	no := refused(err)
	if ours(r.Context(), err) {
		d.Log.ErrorContext(r.Context(), "a request failed", "dialect", Name, "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if no == errDown {
		h.Set("Retry-After", "2")
	}
	rw.WriteHeader(no.status)
	_, _ = rw.Write(no.body()) //nolint:gosec // JSON; a name that is echoed has letters, digits and underscores alone
}

// run is the order of checks: key, signature, how often, permission, fields; then the
// handler.
func (d *Dialect) run(w *writer, r *http.Request, h http.Header) (*call, error) {
	rt, ok := d.routes[strings.TrimPrefix(r.URL.Path, base)]
	if !ok || rt.method != r.Method {
		return nil, errNotSupported
	}
	body, err := dialect.ReadBody(r, bodyMax)
	if fault.KindOf(err) == fault.Busy {
		return nil, errTooMany
	}
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, 1010, "body is invalid"}
	}
	s := Signed{Query: r.URL.RawQuery, Post: r.Method == http.MethodPost, Form: isForm(r, body), Body: body}
	who, err := d.authenticate(r, s)
	if err != nil {
		return nil, err
	}
	if !d.asking.take(h, id.ID{Shard: who.Merchant.Shard, Seq: who.Credential.Seq}, d.Now()) {
		return nil, errTooMany
	}
	if rt.scope != "" && who.Can(rt.scope) != nil {
		return nil, errPermission
	}
	c := &call{Party: who, r: r, body: body}
	if c.fields, err = fieldsOf(s); err != nil {
		return nil, err
	}
	return c, rt.handle(c, w)
}

// isForm tells whether a body holds the fields of a form. Some clients send JSON and
// leave the content type at what their library says for forms.
func isForm(r *http.Request, body []byte) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded" && !strings.HasPrefix(strings.TrimSpace(string(body)), "{")
}

// authenticate finds out who asks, over what was sent.
func (d *Dialect) authenticate(r *http.Request, s Signed) (*dialect.Party, error) {
	who, err := d.keys.Find(r.Context(), r.Header.Get(headerKey))
	if errors.Is(err, dialect.ErrUnknownKey) {
		return nil, errKey
	}
	if err != nil {
		return nil, err
	}
	if !Verify(who.Secret, s, who.Credential.Option("strict") == "on", r.Header.Get(headerSignature)) {
		return nil, errSignature
	}
	return who, nil
}

// The cap on requests of one key, in one process.
const (
	askMax   = 500
	askEvery = time.Minute
	askKeys  = 10_000 // windows that are remembered
)

// limiter bounds how often keys ask.
type limiter struct {
	mu      sync.Mutex
	windows map[id.ID]window
}

// window is a stretch of time in which requests are counted.
type window struct {
	until time.Time
	used  int
}

// take counts a request, tells its client in headers what is left, and tells whether
// it is within the cap.
func (l *limiter) take(h http.Header, key id.ID, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.windows) >= askKeys || l.windows == nil {
		l.windows = map[id.ID]window{}
	}
	w := l.windows[key]
	if !now.Before(w.until) {
		w = window{until: now.Add(askEvery)}
	}
	w.used++
	l.windows[key] = w
	reset := strconv.Itoa(int((w.until.Sub(now) + time.Second - 1) / time.Second))
	h.Set("RateLimit-Limit", strconv.Itoa(askMax))
	h.Set("RateLimit-Policy", "500;w=60")
	h.Set("RateLimit-Remaining", strconv.Itoa(max(askMax-w.used, 0)))
	h.Set("RateLimit-Reset", reset)
	if w.used > askMax {
		h.Set("Retry-After", reset)
	}
	return w.used <= askMax
}
