// Package api is the native API under /v1: it decodes requests strictly, turns them
// into commands, and writes objects. It decides nothing about money. The contract
// is openapi.yaml, which tests hold against this code in both directions.
package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/api/straight"
	"sluice/internal/cache"
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/json"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/rail"
	"sluice/internal/seal"
	"sluice/internal/treasury"
)

// Deps is what the API works with. All fields but Terms, Treasury, Now, Log and Version are required.
type Deps struct {
	Loop   *commit.Loop
	Reads  Reads
	Assets money.Assets
	// Rails check destinations, by network.
	Rails map[string]rail.Rail
	// Terms prices withdrawals and quotes; nil: nothing is charged or exchanged.
	Terms *pricing.Book
	// Treasury looks at wallets; nil: this process has no networks.
	Treasury *treasury.Survey
	// Now is the clock for the age of cached keys and for business days. Default time.Now.
	Now func() time.Time
	// Log hears of what is our fault. Default slog.Default().
	Log     *slog.Logger
	Version string
	// Webhooks says which webhook URLs are taken. The zero value is the strict rule.
	Webhooks WebhookRules
	// ReviewAbove is, by currency, the amount above which a withdrawal waits for a person.
	ReviewAbove map[string]money.Amount
	// OwnCredits is how much merchants may credit by themselves. nil: no bound is kept.
	OwnCredits account.OwnCredits
	// Bank says which bank accounts are taken. The zero value is the strict rule.
	Bank BankRules
	// Seal keeps secrets of credentials; nil where the installation has no keys for that.
	Seal *seal.Ring
}

// server is the state behind the handlers: none of a request outlives it.
type server struct {
	Deps
	log     *slog.Logger
	keys    *cache.Cache[string, *caller] // by the hash of the key
	met     *cache.Cache[string, bool]    // hashes of keys that were right before
	guesses guesses
	boot    string // makes request ids of two runs differ
	count   atomic.Uint64
	mux     *http.ServeMux
	routes  []route
}

// New makes the handler for everything under /v1, /openapi.yaml and /docs.
func New(d Deps) http.Handler {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Log == nil {
		d.Log = slog.Default()
	}
	var boot [4]byte
	_, _ = rand.Read(boot[:]) // never fails (crypto/rand)
	s := &server{Deps: d, log: d.Log, boot: hex.EncodeToString(boot[:]), mux: http.NewServeMux(), routes: routes()}
	s.keys, s.met = cache.New[string, *caller](keysMax, keyLife), cache.New[string, bool](keysMax, metLife)
	for _, rt := range s.routes {
		s.mux.Handle(rt.pattern, s.endpoint(rt))
	}
	s.pages()
	s.mux.HandleFunc("/", s.nothing)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !straight.Is(r.URL.Path) {
			s.nothing(rw, r)
			return
		}
		s.mux.ServeHTTP(rw, r)
	})
}

// Bodies have at most so many bytes.
const (
	bodyMax      = 1 << 20
	batchBodyMax = 8 << 20
)

// body says whether a route reads a request body.
type body int

const (
	noBody       body = iota
	needsBody         // a JSON object
	optionalBody      // a JSON object or nothing
)

// keyRule says what a route does with an Idempotency-Key.
type keyRule int

const (
	keyIgnored  keyRule = iota // the request can be repeated anyhow
	keyTaken                   // a repeat with the same key does nothing
	keyRequired                // the same, and there is no other guard
)

// route is one operation.
type route struct {
	pattern string // method and path, as http.ServeMux takes it
	scope   merchant.Scope
	body    body
	key     keyRule
	limit   int64 // of the body; 0: bodyMax
	// operators: only for the operator's keys, though the scope is one that merchants have.
	operators bool
	handle    func(*call) (int, error)
}

// call is one request at work.
type call struct {
	*server
	r        *http.Request
	route    *route
	who      *caller
	doc      *document
	w        writer // the answer
	location string // of what was made
	replayed bool
	scratch  []byte
}

var calls = sync.Pool{New: func() any { return &call{w: writer{b: make([]byte, 0, 2048)}, scratch: make([]byte, 0, 2048)} }}

// scratchMax keeps one huge request from staying in memory for ever.
const scratchMax = 64 << 10

func (c *call) recycle() {
	if cap(c.w.b) > scratchMax || cap(c.scratch) > scratchMax {
		return
	}
	*c = call{w: writer{b: c.w.b[:0]}, scratch: c.scratch[:0]}
	calls.Put(c)
}

// Values of headers, made once.
var (
	jsonType    = []string{"application/json"}
	problemType = []string{"application/problem+json"}
	noStore     = []string{"no-store"}
	yes         = []string{"true"}
)

// endpoint is the one way from HTTP to a handler and back.
func (s *server) endpoint(rt route) http.Handler {
	if rt.limit == 0 {
		rt.limit = bodyMax
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		request := s.requestID()
		h := rw.Header()
		h["Request-Id"] = []string{request}
		c := calls.Get().(*call) //nolint:errcheck // the pool holds nothing else
		c.server, c.r, c.route = s, r, &rt
		defer c.recycle()
		status, err := s.run(c, rt) //nolint:contextcheck // a call carries its request, and so its context
		if err == nil {
			err = c.w.err
		}
		if c.replayed {
			h["Idempotent-Replayed"] = yes
		}
		if c.location != "" {
			h["Location"] = []string{c.location}
		}
		if err != nil {
			s.fail(rw, r, request, err)
			return
		}
		h["Cache-Control"] = noStore
		if len(c.w.b) > 0 {
			h["Content-Type"] = jsonType
		}
		rw.WriteHeader(status)
		_, _ = rw.Write(c.w.b) // the client is gone: nobody to tell
	})
}

// run is the order of checks: who, may they, what do they say; then the handler.
func (s *server) run(c *call, rt route) (status int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.Wrap(fmt.Errorf("panic: %v\n%s", p, debug.Stack()), fault.Internal, "internal",
				"Something went wrong on our side; see the server log")
		}
	}()
	if c.who, err = s.authenticate(c.r); err != nil {
		return 0, err
	}
	if err := c.may(rt); err != nil {
		return 0, err
	}
	if rt.body != noBody {
		if err := c.read(rt); err != nil {
			return 0, err
		}
	}
	if rt.key == keyRequired && c.r.Header.Get("Idempotency-Key") == "" {
		return 0, fault.Bad("idempotency_key_required", "Idempotency-Key",
			"this request needs the header: a text of your choice, the same for every repeat of the same request, so that a repeat moves no money")
	}
	return rt.handle(c)
}

// read takes the body in, once and under the limit, and parses it.
func (c *call) read(rt route) error {
	var err error
	c.scratch, err = readAll(c.scratch, c.r.Body, rt.limit)
	if err != nil {
		return err
	}
	if rt.body == optionalBody && len(c.scratch) == 0 {
		c.doc = &document{Document: json.Empty()}
		return nil
	}
	c.doc, err = parse(c.scratch)
	return err
}

func readAll(b []byte, r io.Reader, limit int64) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			return b, fault.New(fault.Invalid, "body_too_large", "the body has more than %d bytes", limit)
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return b, fault.Wrap(err, fault.Invalid, "body_incomplete", "the body ended before its announced end")
		}
	}
}

// commandKey is the idempotency key of the request; zero without one.
func (c *call) commandKey() (commit.Key, []byte, error) {
	text := c.r.Header.Get("Idempotency-Key")
	if c.route.key == keyIgnored || text == "" {
		return commit.Key{}, nil, nil
	}
	if len(text) > 255 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return commit.Key{}, nil, fault.Bad("invalid_idempotency_key", "Idempotency-Key", "must be 1 to 255 visible ASCII characters")
	}
	canonical := []byte("{}")
	if c.doc != nil {
		canonical = c.doc.Root().Canonical(nil)
	}
	return commit.Key{Merchant: c.who.merchant.Seq, Route: c.route.pattern, Key: text},
		commit.Fingerprint([]byte(c.r.Method), []byte(c.r.URL.Path), canonical), nil
}

// submit hands a command to the merchant's shard.
func submit[R any](c *call, cmd commit.Command[R]) (commit.Outcome[R], error) {
	key, mark, err := c.commandKey()
	if err != nil {
		return commit.Outcome[R]{}, err
	}
	out, err := commit.Submit(c.r.Context(), c.Loop, c.who.merchant.Shard, commit.Request[R]{Command: cmd, Key: key, Fingerprint: mark})
	c.replayed = out.Replayed
	return out, err
}

// id reads an id from the path. One that cannot exist is answered like one that
// does not, and like one of somebody else.
func (c *call) id(kind id.Kind, missing error) (id.ID, error) {
	i, err := id.Parse(kind, c.r.PathValue("id"))
	if err != nil || !c.reaches(i.Shard) {
		return id.ID{}, missing
	}
	return i, nil
}

// at is the address of a row of the caller's shard.
func (c *call) at(seq id.Seq) id.ID { return id.ID{Shard: c.who.merchant.Shard, Seq: seq} }

func (c *call) ctx() context.Context { return c.r.Context() }

// requestID names a request in answers and in the log.
func (s *server) requestID() string {
	b := make([]byte, 0, 32)
	b = append(append(b, "req_"...), s.boot...)
	n := s.count.Add(1)
	for shift := 44; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[n>>shift&15])
	}
	return string(b)
}

// nothing answers what no route takes.
func (s *server) nothing(rw http.ResponseWriter, r *http.Request) {
	request := s.requestID()
	rw.Header().Set("Request-Id", request)
	var allowed []string
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	if !straight.Is(r.URL.Path) {
		methods = nil // no path that any route has
	}
	for _, m := range methods {
		probe := r.Clone(r.Context())
		probe.Method = m
		if _, pattern := s.mux.Handler(probe); pattern != "/" && pattern != "" {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) == 0 {
		s.fail(rw, r, request, fault.New(fault.NotFound, "no_such_route", "there is nothing at this path; see /docs"))
		return
	}
	rw.Header().Set("Allow", strings.Join(allowed, ", "))
	s.fail(rw, r, request, fault.New(fault.Invalid, "method_not_allowed", "this path takes %s", strings.Join(allowed, ", ")))
}
