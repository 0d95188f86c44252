package upvest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sluice/internal/commit"
	"sluice/internal/dialect"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// maxBody bounds the body of a request.
const maxBody = 1 << 20

// call is one request on its way.
type call struct {
	*Dialect
	rw     http.ResponseWriter
	r      *http.Request
	ctx    context.Context //nolint:containedctx // of the request, which is all that a call is
	body   []byte
	party  *dialect.Party // who asks
	client string         // the client id, as a UUID
	args   []string       // the parts of the path in braces
	route  *route
	keyed  bool // it has an idempotency key that counts
	// uncovered says that the signature does not cover the idempotency key; mark names the
	// signature then.
	uncovered bool
	mark      string
}

// answer is what is sent back; a nil body is none.
type answer struct {
	status int
	body   any
}

// serve goes through the checks in the order in which clients expect their failures.
func (c *call) serve() {
	c.rw.Header().Set("Upvest-Request-Id", requestID())
	out, err := c.answer()
	if err != nil {
		b := problemOf(err)
		switch {
		case b.Status < http.StatusInternalServerError: // the client's mistake
			c.Log.DebugContext(c.ctx, "a request of the Upvest wire was refused", "method", c.r.Method, "path", c.r.URL.Path, "status", b.Status, "reason", b.Detail)
		case dialect.Ours(c.ctx, err):
			c.Log.ErrorContext(c.ctx, "a request of the Upvest wire failed", "method", c.r.Method, "path", c.r.URL.Path, "error", err)
		}
		c.problem(b)
		return
	}
	if out.body == nil {
		c.rw.WriteHeader(out.status)
		return
	}
	c.write(out.status, "application/json", out.body)
}

func (c *call) answer() (answer, error) {
	none := answer{}
	var err error
	if c.body, err = dialect.ReadBody(c.r, maxBody); err != nil {
		return none, err
	}
	path, _ := target(c.r)
	route, args, allowed := find(c.r.Method, path)
	if route == nil && len(allowed) == 0 {
		return none, errNotFound // another product's: whoever asks may know
	}
	c.route, c.args = route, args
	if err := c.signed(); err != nil {
		return none, err
	}
	if route == nil || !route.open {
		granted, err := c.token()
		if err != nil {
			return none, err
		}
		if route != nil && !route.allows(granted) {
			return none, problem(http.StatusForbidden, "forbidden", "the token has not the scope %s", route.scope())
		}
	}
	switch {
	case route == nil:
		c.rw.Header().Set("Allow", strings.Join(allowed, ", "))
		return none, problem(http.StatusMethodNotAllowed, "method_not_allowed", "this path knows %s", strings.Join(allowed, ", "))
	case !acceptable(c.r.Header.Values("Accept")):
		return none, problem(http.StatusNotAcceptable, "not_acceptable", "answers are application/json")
	}
	if wait := c.rates.take(c.client, c.Now()); wait > 0 {
		c.rw.Header().Set("Retry-After", "1")
		return none, problem(http.StatusTooManyRequests, "too_many_requests", "at most %d requests a second", ratePerSecond)
	}
	if err := c.idempotencyKey(); err != nil {
		return none, err
	}
	return route.run(c)
}

// keyPattern is what an idempotency key looks like; any version of UUID is taken.
var keyPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$`)

// idempotencyKey refuses a call that needs a key and has none. Other calls that change
// something honour one that is sent.
func (c *call) idempotencyKey() error {
	k := c.r.Header.Get(headerKey)
	switch {
	case !c.route.idempotent:
		c.keyed = c.route.writes && keyPattern.MatchString(k)
	case k == "":
		return problem(http.StatusBadRequest, "missing_idempotency_key", "this call needs the header idempotency-key with a fresh UUID")
	case !keyPattern.MatchString(k):
		return bad("idempotency-key", "must be a UUID")
	default:
		c.keyed = true
	}
	if c.keyed && c.uncovered {
		return c.once()
	}
	return nil
}

// seen is the command that only remembers a key.
type seen struct{}

// Reads implements commit.Command.
func (seen) Reads(*commit.Wants) {}

// Apply implements commit.Command.
func (seen) Apply(*commit.View) (commit.Nothing, error) { return commit.Nothing{}, nil }

// once lets a signature that does not cover its idempotency key through one time, in all
// processes: whoever repeats it could put another key beside it.
func (c *call) once() error {
	out, err := commit.Submit(c.ctx, c.Loop, c.party.Merchant.Shard, commit.Request[commit.Nothing]{
		Command: seen{}, Key: commit.Key{Merchant: c.party.Merchant.Seq, Route: Name + " signature", Key: c.mark}, Fingerprint: commit.Fingerprint([]byte(c.mark)),
	})
	if err == nil && out.Replayed {
		err = errBadSignature
	}
	return err
}

// key is the idempotency key in one form.
func (c *call) key() string {
	k := strings.ToLower(strings.ReplaceAll(c.r.Header.Get(headerKey), "-", ""))
	return k[:8] + "-" + k[8:12] + "-" + k[12:16] + "-" + k[16:20] + "-" + k[20:]
}

// submit hands a command over, under the idempotency key where the call has one. A
// refusal leaves the key free, as the wire has it.
func submit[R any](c *call, cmd commit.Command[R]) (commit.Outcome[R], error) {
	req := commit.Request[R]{Command: cmd, ForgetRefusals: true}
	if c.keyed {
		said, err := dialect.ParseBody(c.body)
		if err != nil {
			return commit.Outcome[R]{}, bad("body", "is not JSON")
		}
		req.Key = commit.Key{Merchant: c.party.Merchant.Seq, Route: Name + " " + c.client + " " + c.route.method + " " + c.route.path, Key: c.key()}
		req.Fingerprint = commit.Fingerprint([]byte(req.Key.Route), []byte(strings.Join(c.args, "/")), said.Canonical(nil))
	}
	return commit.Submit(c.ctx, c.Loop, c.party.Merchant.Shard, req)
}

// made gives what a command made: its result, or for a repeat the row that the first
// one made.
func made[T any](c *call, cmd commit.Command[T], again func(context.Context, id.ID) (T, bool, error)) (T, error) {
	out, err := submit(c, cmd)
	if err != nil || !out.Replayed {
		return out.Result, err
	}
	r, found, err := again(c.ctx, c.at(out.Answer.Ref))
	if err == nil && !found {
		err = errors.New("the row of an answered request is gone")
	}
	return r, err
}

// at is the address of a row of the merchant.
func (c *call) at(seq id.Seq) id.ID { return id.ID{Shard: c.party.Merchant.Shard, Seq: seq} }

// uuid writes an id as the wire has them.
func uuid(k id.Kind, at id.ID) string {
	u := at.UUID(k)
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// one turns a look-up into its answer: not there and somebody else's are the same.
func one[T any](v T, found bool, err error) func(mine bool) (T, error) {
	return func(mine bool) (T, error) {
		if err != nil {
			return v, dialect.Unavailable(err)
		}
		if !found || !mine {
			return v, errNotFound
		}
		return v, nil
	}
}

// stamp writes a time as the wire has them.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999Z") }

// write sends JSON without the escapes that are for pages.
func (c *call) write(status int, kind string, body any) {
	b, err := encode(body)
	if err != nil {
		c.Log.ErrorContext(c.ctx, "an answer cannot be written", "error", err)
		status, b = http.StatusInternalServerError, []byte(`{"type":"internal_server_error","status":500}`)
		kind = "application/problem+json"
	}
	c.rw.Header().Set("Content-Type", kind)
	c.rw.Header().Set("Content-Length", strconv.Itoa(len(b)))
	c.rw.WriteHeader(status)
	_, _ = c.rw.Write(b)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// requestID names an answer for support; it has no other meaning.
func requestID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// acceptable tells whether a client takes JSON, or at least our errors: some ask for
// nothing but those on calls that answer without a body.
func acceptable(values []string) bool {
	if len(values) == 0 {
		return true
	}
	for member := range strings.SplitSeq(strings.Join(values, ","), ",") {
		kind, params, _ := strings.Cut(member, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "", "application/json", "application/*", "*/*", "application/problem+json":
			if !refused(params) {
				return true
			}
		}
	}
	return false
}

// refused tells whether parameters say that a type is not wanted at all.
func refused(params string) bool {
	for p := range strings.SplitSeq(params, ";") {
		if name, v, ok := strings.Cut(strings.TrimSpace(p), "="); ok && strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(v, 64)
			return err == nil && q == 0
		}
	}
	return false
}

// bad is a mistake in a request.
func bad(field, format string, args ...any) error {
	return fault.Bad("bad_request", field, format, args...)
}
