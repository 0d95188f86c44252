package dialecttest_test

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/internal/dialect"
	"sluice/internal/dialect/coinspaid"
	"sluice/internal/dialect/dialecttest"
	"sluice/internal/dialect/tylt"
	"sluice/internal/dialect/upvest"
	"sluice/internal/id"
	"sluice/internal/merchant/credential"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

// speaker is a merchant that speaks everything at once.
type speaker struct {
	*dialecttest.World
	coins, tylt, upvest, native dialecttest.Party
	key                         ed25519.PrivateKey
	token                       string
	calls                       int
}

// together makes two merchants, a and b, that both speak every wire of one installation.
func together(t *testing.T) (a, b *speaker) {
	t.Helper()
	w := dialecttest.New(t, func(d dialect.Deps) dialect.Dialect { return coinspaid.New(d) }, dialecttest.Options{
		Bank: true,
		Beside: []func(dialect.Deps) dialect.Dialect{
			func(d dialect.Deps) dialect.Dialect { return tylt.New(d, nil) },
			func(d dialect.Deps) dialect.Dialect { return upvest.New(d) },
		},
	})
	of := func(name string, p dialecttest.Party) *speaker {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		w.Must(err)
		der, err := x509.MarshalPKIXPublicKey(public)
		w.Must(err)
		text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		s := &speaker{World: w, coins: p, key: private}
		s.tylt = w.Speaks(p, tylt.Name, "/"+name+"/tylt", "", "")
		s.upvest = w.Speaks(p, upvest.Name, "/"+name+"/upvest", text, `{"title":"test","type":["ALL"],"config":{"delay":"0s","max_package_size":1048576}}`)
		s.native = w.SpeaksNative(p, "/"+name+"/native")
		return s
	}
	return of("acme", w.A), of("bolt", w.B)
}

// answer is what a wire said.
type answer struct {
	status int
	body   string
}

// get reads a member of the body, by path.
func (a answer) get(path string) string {
	var v any
	d := json.NewDecoder(strings.NewReader(a.body))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return ""
	}
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			n, err := strconv.Atoi(part)
			if err != nil || n >= len(x) {
				return ""
			}
			v = x[n]
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// of gives, of a list of objects, a member of the one that has a value.
func (a answer) of(list, member, value, want string) string {
	for n := 0; a.get(fmt.Sprintf("%s.%d.%s", list, n, member)) != ""; n++ {
		if at := fmt.Sprintf("%s.%d.", list, n); a.get(at+member) == value {
			return a.get(at + want)
		}
	}
	return ""
}

func mac(h func() hash.Hash, secret, text string) string {
	m := hmac.New(h, []byte(secret))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

func (s *speaker) do(method, path, body string, headers map[string]string) answer {
	s.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, s.Server.URL+path, strings.NewReader(body))
	s.Must(err)
	req.Header.Set("Content-Type", "application/json")
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	s.Must(err)
	defer res.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(res.Body)
	s.Must(err)
	return answer{res.StatusCode, string(text)}
}

// asCoins calls the CoinsPaid wire.
func (s *speaker) asCoins(p dialecttest.Party, path, body string) answer {
	s.Helper()
	return s.do("POST", "/api/v2"+path, body, map[string]string{"X-Processing-Key": p.Key, "X-Processing-Signature": mac(sha512.New, p.Secret, body)})
}

// asTylt calls the Tylt wire: with a body by POST, else by GET.
func (s *speaker) asTylt(p dialecttest.Party, call, query, body string) answer {
	s.Helper()
	method, path, signed := "GET", "/transactions/merchant/"+call, query
	switch {
	case body != "":
		method, signed = "POST", body
	case query == "":
		signed = "{}"
	default:
		path += "?" + query
	}
	return s.do(method, path, body, map[string]string{"X-TLP-APIKEY": p.Key, "X-TLP-SIGNATURE": mac(sha256.New, p.Secret, signed)})
}

// asNative calls the native API.
func (s *speaker) asNative(p dialecttest.Party, method, path, body string) answer {
	s.Helper()
	s.calls++
	return s.do(method, "/v1/"+path, body, map[string]string{"Authorization": "Bearer " + p.Key, "Idempotency-Key": fmt.Sprintf("key-%d", s.calls)})
}

// asUpvest calls the Upvest wire with a signature of the speaker.
func (s *speaker) asUpvest(p dialecttest.Party, method, path, body string) answer {
	s.Helper()
	s.calls++
	client, now := uuidOf(p), time.Now().Unix()
	parts := [][2]string{{"@method", method}, {"@path", path}, {"accept", "application/json"}, {"upvest-client-id", client}}
	if s.token != "" {
		parts = append(parts, [2]string{"authorization", "Bearer " + s.token})
	}
	if method == "POST" {
		parts = append(parts, [2]string{"idempotency-key", fmt.Sprintf("cccccccc-4104-44ad-8e1f-%012d", s.calls)})
	}
	if body != "" {
		kind := "application/json"
		if path == "/auth/token" {
			kind = "application/x-www-form-urlencoded"
		}
		sum := sha512.Sum512([]byte(body))
		parts = append(parts, [2]string{"content-type", kind}, [2]string{"content-digest", "sha-512=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"})
	}
	var names []string
	var base strings.Builder
	headers := map[string]string{}
	for _, x := range parts {
		names = append(names, strconv.Quote(x[0]))
		base.WriteString(strconv.Quote(x[0]) + ": " + x[1] + "\n")
		if x[0][0] != '@' {
			headers[x[0]] = x[1]
		}
	}
	params := fmt.Sprintf(`(%s);keyid=%q;nonce="%010d";created=%d;expires=%d`, strings.Join(names, " "), client, s.calls, now, now+10)
	base.WriteString(`"@signature-params": ` + params)
	headers["Signature-Input"] = "sig1=" + params
	headers["Signature"] = "sig1=:" + base64.StdEncoding.EncodeToString(ed25519.Sign(s.key, []byte(base.String()))) + ":"
	return s.do(method, path, body, headers)
}

func uuidOf(p dialecttest.Party) string {
	return credential.KeyUUID(id.ID{Shard: p.ID.Shard, Seq: p.Cred.Seq})
}

const scopes = "payments:admin reference_accounts:admin positions:read users:admin accounts:admin webhooks:admin topups:admin"

// login gets a token of the Upvest wire.
func (s *speaker) login(p dialecttest.Party) answer {
	s.Helper()
	form := url.Values{"client_id": {uuidOf(p)}, "client_secret": {p.Secret}, "grant_type": {"client_credentials"}, "scope": {scopes}}
	s.token = ""
	a := s.asUpvest(p, "POST", "/auth/token", form.Encode())
	s.token = a.get("access_token")
	return a
}

// want requires a status and members of the body, as "path=value".
func (s *speaker) want(a answer, status int, members ...string) answer {
	s.Helper()
	if a.status != status {
		s.Fatalf("answered %d, want %d: %s", a.status, status, a.body)
	}
	for _, m := range members {
		path, value, _ := strings.Cut(m, "=")
		if got := a.get(path); got != value {
			s.Fatalf("%s is %q, want %q: %s", path, got, value, a.body)
		}
	}
	return a
}
