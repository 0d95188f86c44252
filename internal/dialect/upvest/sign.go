package upvest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"
)

// ParsePublicKey reads what a client's signatures are checked with: a public key in PEM,
// of the curve P-521 or Ed25519. Other keys are refused: the wire has no other.
func ParsePublicKey(text string) (crypto.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("a public key is a PEM file that begins with -----BEGIN PUBLIC KEY-----")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the public key cannot be read: %w", err)
	}
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P521() {
			return k, nil
		}
	case ed25519.PublicKey:
		return k, nil
	}
	return nil, errors.New("clients of this wire sign with ECDSA on the curve P-521, or with Ed25519")
}

// verifies tells whether a signature over a base is of the holder of a key: ECDSA over
// SHA-512 as ASN.1 DER, or Ed25519 over the base itself.
func verifies(key crypto.PublicKey, base string, signature []byte) bool {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		sum := sha512.Sum512([]byte(base))
		return ecdsa.VerifyASN1(k, sum[:], signature)
	case ed25519.PublicKey:
		return len(k) == ed25519.PublicKeySize && ed25519.Verify(k, []byte(base), signature)
	}
	return false
}

// canonical is one form of a signature that was verified. Of an ECDSA signature (r, s) the
// same message has a second one, (r, n-s), which everybody can make: both are written with the
// smaller s. Ed25519 has one form (RFC 8032, section 5.1.7: S is below the order).
func canonical(key crypto.PublicKey, signature []byte) []byte {
	k, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return signature
	}
	var v struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(signature, &v); err != nil || len(rest) > 0 {
		return signature // it would not have been verified
	}
	if other := new(big.Int).Sub(k.Params().N, v.S); other.Cmp(v.S) < 0 {
		v.S = other
	}
	return append(v.R.FillBytes(make([]byte, 66)), v.S.FillBytes(make([]byte, 66))...) // 521 bits each
}

// The headers of signatures.
const (
	headerSignature = "Signature"
	headerInput     = "Signature-Input"
	headerDigest    = "Content-Digest"
	headerVersion   = "Upvest-Signature-Version"
	headerClient    = "Upvest-Client-Id"
	headerKey       = "Idempotency-Key"
)

// part is a covered part of a request with its value.
type part struct{ name, value string }

// baseOf writes what a request's signature is over (draft 15): one line for each part,
// the list and its parameters as they were sent at the end.
func baseOf(parts []part, params string) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "\"%s\": %s\n", p.name, p.value)
	}
	b.WriteString(`"@signature-params": ` + params)
	return b.String()
}

// webhookBase is the same for webhooks (draft 6), where the names stand without quotes.
func webhookBase(parts []part, params string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.name + ": " + p.value + "\n")
	}
	b.WriteString("@signature-params: " + params)
	return b.String()
}

// listOf writes the list of covered parts.
func listOf(parts []part) string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = strconv.Quote(p.name)
	}
	return "(" + strings.Join(names, " ") + ")"
}

// target splits a request's target as it was sent: the path with its escapes, and the
// query with its mark, "" without one.
func target(r *http.Request) (path, query string) {
	raw := r.RequestURI
	if raw == "" {
		raw = r.URL.RequestURI()
	}
	if i := strings.Index(raw, "://"); i > 0 { // the form that is sent to proxies
		rest := raw[i+3:]
		if j := strings.IndexAny(rest, "/?"); j >= 0 {
			raw = rest[j:]
		} else {
			raw = "/"
		}
	}
	path = raw
	if i := strings.IndexByte(raw, '?'); i >= 0 {
		path, query = raw[:i], raw[i:]
	}
	if path == "" {
		path = "/"
	}
	if query == "?" {
		query = ""
	}
	return path, query
}

// neverCovered are the beginnings of headers that proxies on the way write.
var neverCovered = []string{"cf-", "cdn-", "cookie", "x-", "priority", "upvest-signature", "sec-", "user-agent", "accept-encoding", "connection", "host", "signature"}

// valueOf is the value of a part of a request; false where the request has none, or it
// is one that no signature may cover.
func valueOf(r *http.Request, name string) (string, bool) {
	path, query := target(r)
	switch name {
	case "@method":
		return strings.ToUpper(r.Method), true
	case "@path":
		return path, true
	case "@query":
		return query, query != ""
	case "content-length": // net/http takes it out of the headers
		if v := r.Header.Get("Content-Length"); v != "" {
			return v, true
		}
		return strconv.FormatInt(max(r.ContentLength, 0), 10), r.ContentLength >= 0
	}
	for _, p := range neverCovered {
		if strings.HasPrefix(name, p) {
			return "", false
		}
	}
	values, ok := r.Header[http.CanonicalHeaderKey(name)]
	if !ok || strings.HasPrefix(name, "@") {
		return "", false
	}
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.TrimSpace(v)
	}
	return strings.Join(trimmed, ", "), true
}

// partsOf gives the covered parts of a request, nil if one of them is not there.
func partsOf(r *http.Request, components []string) []part {
	out := make([]part, len(components))
	for i, name := range components {
		v, ok := valueOf(r, name)
		if !ok {
			return nil
		}
		out[i] = part{name, v}
	}
	return out
}

// digestOf is the digest of a body, as requests carry it.
func digestOf(body []byte) string {
	sum := sha512.Sum512(body)
	return "sha-512=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// webhookDigest is the digest of a body, as webhooks carry it.
func webhookDigest(body []byte) string {
	sum := sha256.Sum256(body)
	return "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])
}

// signWebhook signs a base with the installation's key.
func signWebhook(key *ecdsa.PrivateKey, base string) (string, error) {
	sum := sha512.Sum512([]byte(base))
	der, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	return base64.StdEncoding.EncodeToString(der), err
}
