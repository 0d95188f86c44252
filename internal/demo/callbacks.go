package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// callback is what came in the format of another provider, and whose signature holds.
type callback struct {
	wire   string
	body   []byte
	header http.Header
}

// callbacks is the part of the receiver that such a provider would tell. It checks what
// comes as their documents say, with code of its own.
type callbacks struct {
	mu      sync.Mutex
	check   map[string]func(*http.Request, []byte) error // by wire
	got     []callback
	refused []string
	more    chan struct{} // closed when something came, and replaced
}

// callbackPath is where a wire tells; its name follows.
const callbackPath = "/callbacks/"

// expect says how the callbacks of a wire are checked.
func (c *callbacks) expect(wire string, check func(*http.Request, []byte) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.check == nil {
		c.check, c.more = map[string]func(*http.Request, []byte) error{}, make(chan struct{})
	}
	c.check[wire] = check
}

func (c *callbacks) receive(w http.ResponseWriter, r *http.Request) {
	wire := strings.TrimPrefix(r.URL.Path, callbackPath)
	body, err := io.ReadAll(io.LimitReader(r.Body, messageMax))
	c.mu.Lock()
	defer c.mu.Unlock()
	check := c.check[wire]
	switch {
	case err != nil:
	case check == nil:
		err = errors.New("nobody waits for it")
	default:
		err = check(r, body)
	}
	if err != nil {
		c.refused = append(c.refused, wire+": "+err.Error())
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.got = append(c.got, callback{wire, body, r.Header.Clone()})
	_, _ = io.WriteString(w, "ok") // one of the wires wants the word
	close(c.more)
	c.more = make(chan struct{})
}

// since gives the callbacks from a place on, and a channel that is closed when there are more.
func (c *callbacks) since(n int) ([]callback, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got[n:len(c.got):len(c.got)], c.more
}

func (c *callbacks) faults() (refused []string, taken int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.refused...), len(c.got)
}

// mac is a keyed hash in lower-case hex, as two of the wires sign with.
func mac(of func() hash.Hash, secret string, message []byte) string {
	h := hmac.New(of, []byte(secret))
	h.Write(message)
	return hex.EncodeToString(h.Sum(nil))
}

// hmacCheck holds a header against the keyed hash of the exact bytes.
func hmacCheck(of func() hash.Hash, header, secret string) func(*http.Request, []byte) error {
	return func(r *http.Request, body []byte) error {
		if !hmac.Equal([]byte(r.Header.Get(header)), []byte(mac(of, secret, body))) {
			return fmt.Errorf("%s does not hold", header)
		}
		return nil
	}
}

// publishedKey is one of the keys that the Upvest wire publishes for its webhooks.
type publishedKey struct {
	ID string `json:"kid"`
	X  string `json:"x"`
	Y  string `json:"y"`
}

// packageCheck checks a package of events: an ECDSA signature over the named headers,
// among them the digest of the body.
func packageCheck(keys []publishedKey) func(*http.Request, []byte) error {
	return func(r *http.Request, body []byte) error {
		digest := sha256.Sum256(body)
		if r.Header.Get("Digest") != "SHA-256="+base64.StdEncoding.EncodeToString(digest[:]) {
			return errors.New("the digest is not that of the body")
		}
		label, input, ok := strings.Cut(r.Header.Get("Signature-Input"), "=")
		text, mine := strings.CutPrefix(r.Header.Get("Signature"), label+"=:")
		list, params, closed := strings.Cut(strings.TrimPrefix(input, "("), ")")
		signature, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(text, ":"))
		if !ok || !mine || !closed || err != nil {
			return errors.New("the signature cannot be read")
		}
		var base strings.Builder
		covered := strings.Fields(strings.ReplaceAll(list, `"`, ""))
		for _, name := range covered {
			fmt.Fprintf(&base, "%s: %s\n", name, component(r, name, body))
		}
		if !strings.Contains(list, `"digest"`) {
			return errors.New("the body is not signed")
		}
		base.WriteString("@signature-params: " + input)
		public, err := publicKey(keys, param(params, "keyid"))
		if err != nil {
			return err
		}
		if ends, err := strconv.ParseInt(param(params, "expires"), 10, 64); err != nil || time.Now().Unix() > ends {
			return errors.New("the signature has expired")
		}
		sum := sha512.Sum512([]byte(base.String()))
		if !ecdsa.VerifyASN1(public, sum[:], signature) {
			return errors.New("the signature does not hold")
		}
		return nil
	}
}

// component is what a name in the list of a signature stands for.
func component(r *http.Request, name string, body []byte) string {
	switch name {
	case "@method":
		return r.Method
	case "@path":
		return r.URL.EscapedPath()
	case "content-length":
		return strconv.Itoa(len(body))
	}
	return strings.TrimSpace(strings.Join(r.Header.Values(name), ", "))
}

// param reads a parameter of a signature, with or without quotes.
func param(params, name string) string {
	for p := range strings.SplitSeq(params, ";") {
		if v, ok := strings.CutPrefix(p, name+"="); ok {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}

func publicKey(keys []publishedKey, kid string) (*ecdsa.PublicKey, error) {
	for _, k := range keys {
		if k.ID != kid {
			continue
		}
		x, xErr := base64.RawURLEncoding.DecodeString(k.X)
		y, yErr := base64.RawURLEncoding.DecodeString(k.Y)
		if err := errors.Join(xErr, yErr); err != nil {
			return nil, err
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P521(), append(append([]byte{4}, x...), y...))
	}
	return nil, fmt.Errorf("no key %q is published", kid)
}

// into reads the body of a callback.
func (c callback) into(v any) error {
	if err := json.Unmarshal(c.body, v); err != nil {
		return fmt.Errorf("a callback of %s cannot be read: %w: %s", c.wire, err, c.body)
	}
	return nil
}
