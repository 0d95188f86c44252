package upvest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"sluice/internal/commit"
	"sluice/internal/dialect"
	"sluice/internal/merchant/credential"
	"sluice/internal/webhook"
)

// signer has the installation's keys for webhooks. The first one is made when it is
// first asked for.
type signer struct {
	deps dialect.Deps

	mu    sync.Mutex
	keys  []signingKey
	until time.Time
}

// signingKey is a key that was opened.
type signingKey struct {
	credential.SigningKey
	private *ecdsa.PrivateKey
}

// keysFor is how long keys are believed that were read.
const keysFor = 10 * time.Second

// all gives every key, the first one first.
func (s *signer) all(ctx context.Context, now time.Time) ([]signingKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.until) {
		return s.keys, nil
	}
	rows, err := s.deps.Reads.SigningKeys(ctx, Name)
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	if len(rows) == 0 {
		first, err := s.make(ctx)
		if err != nil {
			return nil, err
		}
		rows = []credential.SigningKey{first}
	}
	var keys []signingKey
	for _, r := range rows {
		der, err := r.OpenSecret(s.deps.Seal)
		if err != nil {
			return nil, fmt.Errorf("a key for webhooks cannot be opened: %w", err)
		}
		k, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return nil, fmt.Errorf("a key for webhooks cannot be read: %w", err)
		}
		private, ok := k.(*ecdsa.PrivateKey)
		if !ok {
			return nil, errors.New("a key for webhooks is of another kind")
		}
		keys = append(keys, signingKey{r, private})
	}
	s.keys, s.until = keys, now.Add(keysFor)
	return keys, nil
}

// make makes the first key. Of several nodes that do so at once, one is heard.
func (s *signer) make(ctx context.Context) (credential.SigningKey, error) {
	secret, err := NewSigningSecret(s.deps)
	if err != nil {
		return credential.SigningKey{}, err
	}
	return commit.Do(ctx, s.deps.Loop, 0, credential.AddSigningKey{
		SigningKeyID: credential.SigningKeyID{Wire: Name, Number: 1}, Secret: secret,
	})
}

// NewSigningSecret makes a key for webhooks, as credential.AddSigningKey stores it.
func NewSigningSecret(d dialect.Deps) ([]byte, error) {
	private, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	return credential.SealSecret(d.Seal, string(der))
}

// current is the newest key whose time has come.
func (s *signer) current(ctx context.Context, now time.Time) (signingKey, error) {
	keys, err := s.all(ctx, now)
	if err != nil {
		return signingKey{}, err
	}
	out := keys[0]
	for _, k := range keys[1:] {
		if !k.UseFrom.After(now) {
			out = k
		}
	}
	return out, nil
}

// jwk is a public key as it is sent (RFC 7517).
type jwk struct {
	ID    string `json:"kid"`
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	X     string `json:"x"`
	Y     string `json:"y"`
}

// verifyKeys gives the keys with which webhooks are signed, also those of which the
// time is to come.
func verifyKeys(c *call) (answer, error) {
	keys, err := c.signer.all(c.ctx, c.Now())
	if err != nil {
		return answer{}, err
	}
	var out struct {
		Keys []jwk `json:"keys"`
	}
	for _, k := range keys {
		point, err := k.private.PublicKey.Bytes() // 4, then both coordinates
		if err != nil {
			return answer{}, err
		}
		half := (len(point) - 1) / 2
		out.Keys = append(out.Keys, jwk{k.Public(), "EC", "P-521", base64.RawURLEncoding.EncodeToString(point[1 : 1+half]), base64.RawURLEncoding.EncodeToString(point[1+half:])})
	}
	return answer{http.StatusOK, out}, nil
}

// signing signs the webhooks of a time.
type signing struct{ key signingKey }

// signingLife is how long a signature of ours is good.
const signingLife = 60 * time.Second

// Headers implements webhook.Keys.
func (s signing) Headers(m webhook.Signed) ([]webhook.Header, error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, err
	}
	return s.headers(m, fmt.Sprintf("%016x", nonce))
}

func (s signing) headers(m webhook.Signed, nonce string) ([]webhook.Header, error) {
	u, err := url.Parse(m.URL)
	if err != nil {
		return nil, err
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	parts := []part{{"@method", http.MethodPost}, {"@path", path}}
	if u.RawQuery != "" {
		parts = append(parts, part{"@query", "?" + u.RawQuery})
	}
	digest := webhookDigest(m.Body)
	parts = append(parts, part{"accept", "application/json"}, part{"content-length", strconv.Itoa(len(m.Body))}, part{"content-type", "application/json"}, part{"digest", digest})
	params := fmt.Sprintf(`%s;keyid="%s";created=%d;expires=%d;nonce="%s"`, listOf(parts), s.key.Public(), m.At.Unix(), m.At.Add(signingLife).Unix(), nonce)
	signature, err := signWebhook(s.key.private, webhookBase(parts, params))
	if err != nil {
		return nil, err
	}
	return []webhook.Header{
		{Name: "Content-Type", Value: "application/json"},
		{Name: "Accept", Value: "application/json"},
		{Name: "Digest", Value: digest},
		{Name: "Signature-Input", Value: "sig1=" + params},
		{Name: "Signature", Value: "sig1=:" + signature + ":"},
	}, nil
}
