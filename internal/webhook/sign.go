package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks 1.0.0.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// The prefixes of keys in text form; what follows is standard base64.
const (
	prefixSecret  = "whsec_" // HMAC-SHA256, both sides hold it
	prefixPrivate = "whsk_"  // Ed25519, seed and public key, ours alone
	prefixPublic  = "whpk_"  // Ed25519, what receivers pin
)

// The labels of signatures.
const (
	labelHMAC    = "v1"
	labelEd25519 = "v1a"
)

// Bounds of an HMAC secret in bytes, as the specification sets them; what we make
// has secretBytes.
const (
	minSecret   = 24
	maxSecret   = 64
	secretBytes = 32
)

// NewSecret makes an HMAC secret in text form. random is crypto/rand.Reader outside tests.
func NewSecret(random io.Reader) (string, error) {
	b := make([]byte, secretBytes)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", err
	}
	return prefixSecret + base64.StdEncoding.EncodeToString(b), nil
}

// NewSigningKey makes an Ed25519 key in text form. random is crypto/rand.Reader outside tests.
func NewSigningKey(random io.Reader) (string, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return "", err
	}
	return prefixPrivate + base64.StdEncoding.EncodeToString(ed25519.NewKeyFromSeed(seed)), nil
}

// PublicKey gives the whpk_ form of a whsk_ key.
func PublicKey(signingKey string) (string, error) {
	key, err := parsePrivate(signingKey)
	if err != nil {
		return "", err
	}
	pub, _ := key.Public().(ed25519.PublicKey) // always is
	return prefixPublic + base64.StdEncoding.EncodeToString(pub), nil
}

// parseSecret reads a whsec_ text. An empty or short secret is an error here, and
// so never an unsigned delivery later. Errors do not repeat the text: it may be a secret.
func parseSecret(s string) ([]byte, error) {
	b, err := decodeKey(prefixSecret, s)
	if err == nil && (len(b) < minSecret || len(b) > maxSecret) {
		err = fmt.Errorf("a webhook secret has %d to %d bytes, this one has %d", minSecret, maxSecret, len(b))
	}
	return b, err
}

// parsePrivate reads a whsk_ text: the seed, with or without the public key after it.
func parsePrivate(s string) (ed25519.PrivateKey, error) {
	b, err := decodeKey(prefixPrivate, s)
	if err != nil {
		return nil, err
	}
	switch len(b) {
	case ed25519.SeedSize:
		return ed25519.NewKeyFromSeed(b), nil
	case ed25519.PrivateKeySize:
		key := ed25519.NewKeyFromSeed(b[:ed25519.SeedSize])
		if !key.Equal(ed25519.PrivateKey(b)) {
			return nil, fmt.Errorf("the two halves of a %s key do not belong together", prefixPrivate)
		}
		return key, nil
	}
	return nil, fmt.Errorf("a %s key has %d bytes, this one has %d", prefixPrivate, ed25519.PrivateKeySize, len(b))
}

func parsePublic(s string) (ed25519.PublicKey, error) {
	b, err := decodeKey(prefixPublic, s)
	if err == nil && len(b) != ed25519.PublicKeySize {
		err = fmt.Errorf("a %s key has %d bytes, this one has %d", prefixPublic, ed25519.PublicKeySize, len(b))
	}
	return b, err
}

func decodeKey(prefix, s string) ([]byte, error) {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return nil, fmt.Errorf("this webhook key does not begin with %s", prefix)
	}
	b, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		return nil, fmt.Errorf("what follows %s is not base64", prefix)
	}
	return b, nil
}

// Signer holds the keys of one endpoint, ready to sign.
type Signer struct {
	secrets [][]byte
	keys    []ed25519.PrivateKey
}

// NewSigner loads the keys with which an endpoint's deliveries are signed at a
// time: the current pair, and during a rotation the one before. A key that cannot
// be used is an error: nothing is sent with half of its signatures.
func NewSigner(e Endpoint, at time.Time) (*Signer, error) {
	pairs := [][2]string{{e.Secret, e.SigningKey}}
	if at.Before(e.PreviousUntil) {
		pairs = append(pairs, [2]string{e.PreviousSecret, e.PreviousSigningKey})
	}
	s := &Signer{}
	for _, p := range pairs {
		secret, err := parseSecret(p[0])
		if err != nil {
			return nil, err
		}
		key, err := parsePrivate(p[1])
		if err != nil {
			return nil, err
		}
		s.secrets, s.keys = append(s.secrets, secret), append(s.keys, key)
	}
	return s, nil
}

// Sign gives the value of the signature header: one signature per key, both
// schemes, over exactly these bytes. at counts in whole seconds.
func (s *Signer) Sign(id string, at time.Time, body []byte) string {
	content := signedContent(id, strconv.FormatInt(at.Unix(), 10), body)
	out := make([]byte, 0, 160*len(s.keys))
	add := func(label string, sig []byte) {
		if len(out) > 0 {
			out = append(out, ' ')
		}
		out = append(append(out, label...), ',')
		out = base64.StdEncoding.AppendEncode(out, sig)
	}
	for _, k := range s.secrets {
		add(labelHMAC, sum(k, content))
	}
	for _, k := range s.keys {
		add(labelEd25519, ed25519.Sign(k, content))
	}
	return string(out)
}

func sum(secret, content []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(content)
	return h.Sum(nil)
}

func signedContent(id, timestamp string, body []byte) []byte {
	b := make([]byte, 0, len(id)+len(timestamp)+2+len(body))
	b = append(append(b, id...), '.')
	b = append(append(b, timestamp...), '.')
	return append(b, body...)
}
