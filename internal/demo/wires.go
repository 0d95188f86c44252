package demo

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The clients below are what a merchant has already that was connected to another
// provider. They are written from what those providers document, and share nothing with
// the server but the wire.

// The wires.
const (
	wireCoinsPaid = "coinspaid"
	wireTylt      = "tylt"
	wireUpvest    = "upvest"
)

// pass is what a client of a wire shows.
type pass struct{ name, secret string }

// wireRequest sends exact bytes with headers, as pairs of name and value.
func (c *client) wireRequest(ctx context.Context, method, path, body string, headers ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body == "" {
		r.Body = http.NoBody
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	return answer{res.StatusCode, text}, err
}

// coinspaidClient signs the body with HMAC-SHA512, also that of a GET.
type coinspaidClient struct {
	*client
	pass
}

func (c coinspaidClient) call(ctx context.Context, method, path string, body any) (answer, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	return c.wireRequest(ctx, method, "/api/v2"+path, string(text),
		"Content-Type", "application/json", "X-Processing-Key", c.name, "X-Processing-Signature", mac(sha512.New, c.secret, text))
}

// tyltClient signs the body, or what it asks for as JSON, with HMAC-SHA256.
type tyltClient struct {
	*client
	pass
}

func (c tyltClient) post(ctx context.Context, path string, body any) (answer, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	return c.wireRequest(ctx, http.MethodPost, "/transactions/merchant/"+path, string(text),
		"Content-Type", "application/json", "X-TLP-APIKEY", c.name, "X-TLP-SIGNATURE", mac(sha256.New, c.secret, text))
}

func (c tyltClient) get(ctx context.Context, path string, params map[string]string) (answer, error) {
	text, err := json.Marshal(params)
	if err != nil {
		return answer{}, err
	}
	query := url.Values{}
	for k, v := range params {
		query.Set(k, v)
	}
	if len(params) > 0 {
		path += "?" + query.Encode()
	} else {
		text = []byte("{}")
	}
	return c.wireRequest(ctx, http.MethodGet, "/transactions/merchant/"+path, "", "X-TLP-APIKEY", c.name, "X-TLP-SIGNATURE", mac(sha256.New, c.secret, text))
}

// upvestClient signs the whole request with a key of its own, and shows a token.
type upvestClient struct {
	*client
	pass  // name is the client's id and its key's
	own   ed25519.PrivateKey
	token string
}

// newUpvestKey makes the key of a client, and the form in which it is handed over.
func newUpvestKey() (ed25519.PrivateKey, string, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	return private, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), err
}

// uuid is a random one.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func (c *upvestClient) login(ctx context.Context) error {
	form := url.Values{
		"client_id": {c.name}, "client_secret": {c.secret}, "grant_type": {"client_credentials"},
		"scope": {"payments:admin reference_accounts:admin positions:read users:admin accounts:admin webhooks:admin topups:admin"},
	}
	a, err := c.send(ctx, http.MethodPost, "/auth/token", form.Encode(), "application/x-www-form-urlencoded", "")
	if err != nil {
		return err
	}
	var t struct {
		Token string `json:"access_token"`
	}
	if err := a.into(&t); err != nil {
		return err
	}
	if c.token = t.Token; c.token == "" {
		return fmt.Errorf("no token: %d %s", a.Status, a.Body)
	}
	return nil
}

// call sends a request; key is its idempotency key, "" for none.
func (c *upvestClient) call(ctx context.Context, method, path string, body any, key string) (answer, error) {
	var text string
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		text = string(b)
	}
	return c.send(ctx, method, path, text, "application/json", key)
}

func (c *upvestClient) send(ctx context.Context, method, path, body, kind, key string) (answer, error) {
	if strings.Contains(path, "?") {
		return answer{}, errors.New("this client signs no query")
	}
	headers := []string{"accept", "application/json", "upvest-client-id", c.name}
	if c.token != "" {
		headers = append(headers, "authorization", "Bearer "+c.token)
	}
	if key != "" {
		headers = append(headers, "idempotency-key", key)
	}
	if body != "" {
		sum := sha512.Sum512([]byte(body))
		headers = append(headers, "content-type", kind, "content-length", strconv.Itoa(len(body)),
			"content-digest", "sha-512=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	}
	names, base := `"@method" "@path"`, `"@method": `+method+"\n"+`"@path": `+path+"\n"
	for i := 0; i < len(headers); i += 2 {
		names += ` "` + headers[i] + `"`
		base += `"` + headers[i] + `": ` + headers[i+1] + "\n"
	}
	now := time.Now().Unix()
	params := fmt.Sprintf(`(%s);keyid="%s";nonce="%s";created=%d;expires=%d`, names, c.name, uuid(), now, now+10)
	signature := ed25519.Sign(c.own, []byte(base+`"@signature-params": `+params))
	return c.wireRequest(ctx, method, path, body, append(headers, "upvest-signature-version", "15", "upvest-api-version", "1",
		"signature-input", "sig1="+params, "signature", "sig1=:"+base64.StdEncoding.EncodeToString(signature)+":")...)
}
