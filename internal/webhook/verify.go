package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Tolerance is how far the time of a message may be from the receiver's clock,
// either way. An older message is a repeat by somebody who recorded it.
const Tolerance = 5 * time.Minute

// What a receiver may find wrong with a message.
var (
	ErrNotSigned = errors.New("the message carries no complete set of webhook headers")
	ErrSignature = errors.New("no signature of the message is by a known key: it was changed on its way, or is not from us")
	ErrTooOld    = errors.New("the message is older than the tolerance allows")
	ErrTooNew    = errors.New("the message is from the future: a clock is wrong")
	ErrSeen      = errors.New("the message was received before; answer 2xx and do nothing")
)

// Verifier checks messages as a receiver does. The keys are pinned when it is
// made, never taken from a message.
type Verifier struct {
	secrets [][]byte
	publics []ed25519.PublicKey
}

// NewVerifier takes the keys an endpoint was made with: whsec_ or whpk_ texts, any
// one of them is enough, several during a rotation.
func NewVerifier(keys ...string) (*Verifier, error) {
	v := &Verifier{}
	for _, k := range keys {
		if strings.HasPrefix(k, prefixPublic) {
			pub, err := parsePublic(k)
			if err != nil {
				return nil, err
			}
			v.publics = append(v.publics, pub)
			continue
		}
		secret, err := parseSecret(k)
		if err != nil {
			return nil, err
		}
		v.secrets = append(v.secrets, secret)
	}
	if len(keys) == 0 {
		return nil, errors.New("a verifier needs at least one key: without one it would accept everything")
	}
	return v, nil
}

// Verify checks one message: header gives the value of a header (http.Header.Get),
// body is the exact bytes received, now the receiver's clock. It does not remember
// ids; Memory does.
func (v *Verifier) Verify(header func(string) string, body []byte, now time.Time) error {
	id, stamp, list := header(HeaderID), header(HeaderTimestamp), header(HeaderSignature)
	if id == "" || stamp == "" || list == "" {
		return ErrNotSigned
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: %s is not a number", ErrNotSigned, HeaderTimestamp)
	}
	// Before the time, the signature: a stranger learns nothing about our clock.
	if !v.signed(list, signedContent(id, stamp, body)) {
		return ErrSignature
	}
	switch at := time.Unix(seconds, 0); {
	case at.Before(now.Add(-Tolerance)):
		return ErrTooOld
	case at.After(now.Add(Tolerance)):
		return ErrTooNew
	}
	return nil
}

func (v *Verifier) signed(list string, content []byte) bool {
	for one := range strings.FieldsSeq(list) {
		label, text, _ := strings.Cut(one, ",")
		sig, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			continue
		}
		switch label {
		case labelHMAC:
			for _, k := range v.secrets {
				if hmac.Equal(sig, sum(k, content)) {
					return true
				}
			}
		case labelEd25519:
			for _, k := range v.publics {
				if ed25519.Verify(k, content, sig) {
					return true
				}
			}
		}
	}
	return false
}

// Memory remembers message ids, so that a receiver acts once on a message that
// came twice. It forgets an id after Life.
type Memory struct {
	// Life is how long an id is remembered: longer than twice Tolerance, or a
	// recorded message could pass again; a sender's own repeats come for days.
	Life time.Duration

	mu   sync.Mutex
	seen map[string]time.Time
	next time.Time // when to look for ids to forget
}

// Once says ErrSeen for an id that was given to it before, nil for a new one.
func (m *Memory) Once(id string, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	life := max(m.Life, 2*Tolerance+time.Second)
	if m.seen == nil {
		m.seen = map[string]time.Time{}
	}
	if now.After(m.next) {
		for old, at := range m.seen {
			if now.Sub(at) > life {
				delete(m.seen, old)
			}
		}
		m.next = now.Add(life / 4)
	}
	if at, ok := m.seen[id]; ok && now.Sub(at) <= life {
		return ErrSeen
	}
	m.seen[id] = now
	return nil
}
