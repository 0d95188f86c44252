package upvest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/dialect"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant/credential"
)

// Bounds of a signature's life.
const (
	aheadMax    = 60 * time.Second  // how far created may lie ahead
	lateMax     = 30 * time.Second  // how long after expires it is still taken
	lifeMax     = 300 * time.Second // from created to expires
	lifeDefault = 60 * time.Second  // where there is no expires
)

// signed checks the signature of a request and who made it. It tells nothing of what
// was wrong: that would help whoever tries.
func (c *call) signed() error {
	if v := c.r.Header.Get(headerVersion); v != "" && v != "15" {
		return errBadSignature
	}
	in, err := parseInput(strings.Join(c.r.Header.Values(headerInput), ", "))
	if err != nil {
		return errBadSignature
	}
	signature, err := parseSignature(strings.Join(c.r.Header.Values(headerSignature), ", "), in.label)
	if err != nil || !c.covered(in) || !c.digested() {
		return errBadSignature
	}
	until, ok := c.timely(in)
	if !ok {
		return errBadSignature
	}
	signer, err := c.known(in.keyID)
	if err != nil {
		return err
	}
	key, err := ParsePublicKey(signer.Credential.PublicKey)
	if err != nil || !c.verified(key, in, signature) {
		return errBadSignature
	}
	if c.party, err = c.known(c.clientID(in)); err != nil {
		return err
	}
	if c.party.Merchant != signer.Merchant {
		return errBadSignature
	}
	c.client = credential.KeyUUID(id.ID{Shard: c.party.Merchant.Shard, Seq: c.party.Credential.Seq})
	return c.fresh(in, mark(in, canonical(key, signature)), until)
}

// clientID is who a request says that it is: by its header, or the form of the token call,
// or the key that signs it.
func (c *call) clientID(in input) string {
	if name := c.r.Header.Get(headerClient); name != "" {
		return name
	}
	if c.route != nil && c.route.open {
		if f, err := form(string(c.body), "body"); err == nil && f.Get("client_id") != "" {
			return f.Get("client_id")
		}
	}
	return in.keyID
}

// known finds a credential. One that is unknown is a wrong signature.
func (c *call) known(name string) (*dialect.Party, error) {
	p, err := c.keys.Find(c.ctx, name)
	if errors.Is(err, dialect.ErrUnknownKey) || fault.KindOf(err) == fault.Unauthenticated {
		return nil, errBadSignature
	}
	return p, err
}

// covered tells whether everything that decides what a request does is signed.
func (c *call) covered(in input) bool {
	must := []string{"@method", "@path"}
	if _, query := target(c.r); query != "" {
		must = append(must, "@query")
	}
	if len(c.body) > 0 {
		must = append(must, strings.ToLower(headerDigest))
	}
	for _, h := range []string{"Authorization", headerClient} {
		if c.r.Header.Get(h) != "" {
			must = append(must, strings.ToLower(h))
		}
	}
	c.uncovered = c.r.Header.Get(headerKey) != "" && !slices.Contains(in.components, strings.ToLower(headerKey))
	for _, m := range must {
		if !slices.Contains(in.components, m) {
			return false
		}
	}
	return true
}

// digested tells whether the body is the one that its digest says.
func (c *call) digested() bool {
	have := c.r.Header.Values(headerDigest)
	if len(have) == 0 {
		return len(c.body) == 0
	}
	for member := range strings.SplitSeq(strings.Join(have, ","), ",") {
		value, ok := strings.CutPrefix(strings.TrimSpace(member), "sha-512=:")
		if !ok {
			continue
		}
		want := digestOf(c.body)
		return subtle.ConstantTimeCompare([]byte("sha-512=:"+value), []byte(want)) == 1
	}
	return false
}

// timely tells whether a signature is of now, and until when it could be used again.
func (c *call) timely(in input) (until time.Time, ok bool) {
	if in.created.IsZero() {
		return until, false
	}
	expires := in.expires
	if expires.IsZero() {
		expires = in.created.Add(lifeDefault)
	}
	now := c.Now()
	until = expires.Add(lateMax)
	ok = !in.created.After(now.Add(aheadMax)) && !now.After(until) && expires.Sub(in.created) <= lifeMax && !expires.Before(in.created)
	return until, ok
}

// verified checks the signature. Where it does not fit, accept is cut to its first
// member and looked at once more: one proxy signs no more than that of it.
func (c *call) verified(key any, in input, signature []byte) bool {
	parts := partsOf(c.r, in.components)
	if parts == nil {
		return false
	}
	if verifies(key, baseOf(parts, in.raw), signature) {
		return true
	}
	for i, p := range parts {
		if first, _, more := strings.Cut(p.value, ","); p.name == "accept" && more {
			parts[i].value = strings.TrimSpace(first)
			return verifies(key, baseOf(parts, in.raw), signature)
		}
	}
	return false
}

// fresh lets a signature count once. Looking again does no harm, and a request whose
// idempotency key is signed may come twice by itself: a lost answer is asked for again.
func (c *call) fresh(in input, mark string, until time.Time) error {
	c.mark = mark
	if c.r.Method == http.MethodGet || c.r.Header.Get(headerKey) != "" && !c.uncovered {
		return nil
	}
	if !c.nonces.first(mark, until, c.Now()) {
		return errBadSignature
	}
	return nil
}

// mark names a signature: by its nonce, or by itself where it has none. It has one length,
// whatever a client sends.
func mark(in input, signature []byte) string {
	what := []byte("nonce " + in.nonce)
	if in.nonce == "" {
		what = append([]byte("signature "), signature...)
	}
	sum := sha256.Sum256(append([]byte(strings.ToLower(in.keyID)+" "), what...))
	return hex.EncodeToString(sum[:])
}

// nonces remembers what was used, in this process, for as long as it could be used again.
type nonces struct {
	mu    sync.Mutex
	used  map[string]time.Time
	sweep time.Time
}

// noncesMax bounds what is remembered: more than the cap of requests lets one client
// use while a signature lives.
const noncesMax = 200_000

func newNonces() *nonces { return &nonces{used: map[string]time.Time{}} }

// first tells whether a name was not used before, and remembers it. When there is no
// room nothing is let through.
func (n *nonces) first(name string, until, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now.After(n.sweep) || len(n.used) >= noncesMax {
		for k, t := range n.used {
			if now.After(t) {
				delete(n.used, k)
			}
		}
		n.sweep = now.Add(time.Minute)
	}
	if _, used := n.used[name]; used || len(n.used) >= noncesMax {
		return false
	}
	n.used[name] = until
	return true
}

// ratePerSecond is how many requests a client may make in a second.
const ratePerSecond = 300

// rates counts requests by client.
type rates struct {
	mu    sync.Mutex
	since time.Time
	count map[string]int
}

func newRates() *rates { return &rates{count: map[string]int{}} }

// take counts a request and says how long to wait if there were too many.
func (r *rates) take(client string, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) >= time.Second || now.Before(r.since) {
		r.since = now
		clear(r.count)
	}
	r.count[client]++
	if r.count[client] > ratePerSecond {
		return time.Second
	}
	return 0
}
