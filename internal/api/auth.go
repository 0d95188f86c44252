package api

import (
	"net/http"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant"
)

// caller is who asks: what a request may know of its API key.
type caller struct {
	key      merchant.Key
	merchant id.ID // zero for the operator
	actor    string
	scopes   map[merchant.Scope]bool
	// anyone: an operator who looks at one thing of whichever merchant.
	anyone bool
}

// keyLife is how long a key that was found is believed: so much later, at the most,
// a revocation bites.
const keyLife = time.Second

// keysMax is how many keys are remembered. Unknown ones are not: a key works as soon as
// it exists.
const keysMax = 10_000

// metLife is how long a key that was right is looked at, however many wrong ones come from
// the same place.
const metLife = 24 * time.Hour

var (
	errNoKey = fault.New(fault.Unauthenticated, "api_key_required",
		"send your API key as `Authorization: Bearer sluice_...`; `sluice key create` makes one")
	errMalformedKey = fault.New(fault.Unauthenticated, "api_key_malformed", "this is no API key of Sluice: it was cut or mistyped")
	// One answer for a key that never was, was revoked, or has expired.
	errInvalidKey = fault.New(fault.Unauthenticated, "api_key_invalid", "this API key is not valid here: unknown, revoked or expired")
)

// authenticate finds out who asks. A key that was right before is always looked at, so
// that nobody locks out by guessing who comes through the same proxy.
func (s *server) authenticate(r *http.Request) (*caller, error) {
	secret, ok := bearer(r.Header.Get("Authorization"))
	if !ok {
		return nil, errNoKey
	}
	hash, now := merchant.HashSecret(secret), s.Now()
	if who, ok := s.keys.Get(hash, now); ok && who.key.ValidAt(now) {
		return who, nil
	}
	names := guesser(r, secret)
	if met, _ := s.met.Get(hash, now); !met {
		if err := s.guesses.allow(names, now); err != nil {
			return nil, err
		}
	}
	who, err := s.lookUp(r, secret, hash, now)
	if fault.KindOf(err) == fault.Unauthenticated {
		s.guesses.wrong(names, now)
	}
	return who, err
}

// lookUp asks the store for a key.
func (s *server) lookUp(r *http.Request, secret, hash string, now time.Time) (*caller, error) {
	if !merchant.WellFormed(secret) {
		return nil, errMalformedKey
	}
	key, found, err := s.Reads.KeyByHash(r.Context(), hash)
	if fault.CodeOf(err) == "record_altered" {
		s.log.Error("an API key is refused", "error", err)
		return nil, errInvalidKey
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "store_unavailable", "the database does not answer; nothing was done. Repeat the request after a moment")
	}
	if !found || !key.ValidAt(now) {
		return nil, errInvalidKey
	}
	who := &caller{
		key: key, merchant: key.Owner, actor: "api:" + id.ID{Seq: key.Seq}.Text(id.Key), scopes: map[merchant.Scope]bool{},
	}
	for _, have := range strings.Fields(key.Scopes) {
		who.scopes[merchant.Scope(have)] = true
	}
	s.keys.Put(hash, who, now)
	s.met.Put(hash, true, now)
	return who, nil
}

// bearer gives the token of an Authorization header. The name of a scheme has no case,
// and blanks part it from what follows (RFC 9110, 11.1 and 11.4).
func bearer(header string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(strings.TrimSpace(header), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}
