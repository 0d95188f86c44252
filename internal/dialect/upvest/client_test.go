package upvest_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/internal/dialect"
	"sluice/internal/dialect/dialecttest"
	"sluice/internal/dialect/upvest"
	"sluice/internal/id"
	"sluice/internal/merchant/credential"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

func wire(d dialect.Deps) dialect.Dialect { return upvest.New(d) }

// Acme signs with P-521, Bolt with Ed25519.
var (
	acmeKey    = must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	_, boltKey = both(ed25519.GenerateKey(rand.Reader))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func both(a ed25519.PublicKey, b ed25519.PrivateKey, err error) (ed25519.PublicKey, ed25519.PrivateKey) {
	return a, must(b, err)
}

func publicPEM(k crypto.Signer) string {
	der := must(x509.MarshalPKIXPublicKey(k.Public()))
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

const quick = `{"title":"test","type":["ALL"],"config":{"delay":"0s","max_package_size":1048576}}`

func options() dialecttest.Options {
	return dialecttest.Options{Bank: true, Endpoint: quick, PublicKeys: map[string]string{"acme": publicPEM(acmeKey), "bolt": publicPEM(boltKey)}}
}

const allScopes = "payments:admin reference_accounts:admin positions:read users:admin accounts:admin webhooks:admin transactions:read topups:admin tests:admin"

// client speaks the wire for one party.
type client struct {
	*dialecttest.World
	p      dialecttest.Party
	key    crypto.Signer
	secret string
	token  string
	record *transcript
	check  *contract
	watch  func(*http.Request) // sees requests before they go out
}

// clientOf makes a client with a token.
func clientOf(w *dialecttest.World, p dialecttest.Party) *client {
	w.Helper()
	c := &client{World: w, p: p, key: acmeKey, secret: p.Secret, check: theContract(w)}
	if p.ID == w.B.ID {
		c.key = boltKey
	}
	c.login(allScopes)
	return c
}

func (c *client) id() string {
	return credential.KeyUUID(id.ID{Shard: c.p.ID.Shard, Seq: c.p.Cred.Seq})
}

func (c *client) login(scope string) answer {
	c.Helper()
	form := url.Values{"client_id": {c.id()}, "client_secret": {c.secret}, "grant_type": {"client_credentials"}, "scope": {scope}}
	c.token = ""
	a := c.call("POST", "/auth/token", form.Encode(), "content-type: application/x-www-form-urlencoded")
	if a.status == 200 {
		c.token = a.get("access_token")
	}
	return a
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// get reads a member of the body, by path.
func (a answer) get(path string) string {
	var v any
	if json.Unmarshal([]byte(a.body), &v) != nil {
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
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

var serial struct {
	sync.Mutex
	n int
}

func next() int {
	serial.Lock()
	defer serial.Unlock()
	serial.n++
	return serial.n
}

// fresh is an idempotency key that nobody used.
func fresh() string { return fmt.Sprintf("idempotency-key: cccccccc-4104-44ad-8e1f-%012d", next()) }

// request is a request before it is signed.
type request struct {
	method, path, body string
	headers            [][2]string
	leave              map[string]bool // what is not signed
	created, expires   time.Time
	nonce, keyID       string
	accept             string // what is signed instead of accept
	spoil              func(base string) string
}

// call makes a signed request. headers are "name: value"; an empty value leaves one out.
func (c *client) call(method, path, body string, headers ...string) answer {
	c.Helper()
	return c.send(method, path, body, nil, headers...)
}

func (c *client) send(method, path, body string, change func(*request), headers ...string) answer {
	c.Helper()
	now := time.Now()
	r := &request{method: method, path: path, body: body, leave: map[string]bool{}, created: now, expires: now.Add(10 * time.Second), nonce: fmt.Sprintf("%010d", next()), keyID: c.id()}
	r.headers = [][2]string{{"accept", "application/json"}, {"upvest-client-id", c.id()}, {"upvest-signature-version", "15"}, {"upvest-api-version", "1"}}
	if c.token != "" {
		r.headers = append(r.headers, [2]string{"authorization", "Bearer " + c.token})
	}
	if body != "" {
		r.headers = append(r.headers, [2]string{"content-type", "application/json"}, [2]string{"content-digest", upvest.DigestOf([]byte(body))},
			[2]string{"content-length", strconv.Itoa(len(body))})
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.set(name, value)
	}
	if change != nil {
		change(r)
	}
	return c.do(r)
}

func (r *request) set(name, value string) {
	for i, h := range r.headers {
		if h[0] == name {
			r.headers[i][1] = value
			return
		}
	}
	r.headers = append(r.headers, [2]string{name, value})
}

func (c *client) do(r *request) answer {
	c.Helper()
	path, query, _ := strings.Cut(r.path, "?")
	names, values := []string{"@method", "@path"}, []string{r.method, path}
	if query != "" {
		names, values = append(names, "@query"), append(values, "?"+query)
	}
	for _, h := range r.headers {
		if h[1] == "" || strings.HasPrefix(h[0], "upvest-signature") {
			continue
		}
		v := h[1]
		if h[0] == "accept" && r.accept != "" {
			v = r.accept
		}
		names, values = append(names, h[0]), append(values, v)
	}
	var signed, with []string
	for i, n := range names {
		if !r.leave[n] {
			signed, with = append(signed, n), append(with, values[i])
		}
	}
	params := `("` + strings.Join(signed, `" "`) + `");keyid="` + r.keyID + `";nonce="` + r.nonce + `"`
	if !r.created.IsZero() {
		params += fmt.Sprintf(";created=%d", r.created.Unix())
	}
	if !r.expires.IsZero() {
		params += fmt.Sprintf(";expires=%d", r.expires.Unix())
	}
	base := upvest.BaseOf(signed, with, params)
	if r.spoil != nil {
		base = r.spoil(base)
	}
	req, err := http.NewRequestWithContext(context.Background(), r.method, c.Server.URL+r.path, strings.NewReader(r.body))
	c.Must(err)
	if r.body == "" {
		req.Body = http.NoBody
		req.ContentLength = 0
	}
	for _, h := range r.headers {
		if h[1] != "" && h[0] != "content-length" {
			req.Header.Set(h[0], h[1])
		}
	}
	req.Header.Set("Signature-Input", "sig1="+params)
	req.Header.Set("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(signature(c.key, base))+":")
	if c.watch != nil {
		c.watch(req)
	}
	res, err := http.DefaultClient.Do(req)
	c.Must(err)
	defer res.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(res.Body)
	c.Must(err)
	a := answer{res.StatusCode, res.Header, string(text)}
	c.NoNativeIDs(text)
	if c.check != nil {
		c.Must(c.check.look(req, r.body, a))
	}
	if c.record != nil {
		c.record.add(r, a)
	}
	return a
}

func signature(key crypto.Signer, base string) []byte {
	if k, ok := key.(ed25519.PrivateKey); ok {
		return ed25519.Sign(k, []byte(base))
	}
	sum := sha512.Sum512([]byte(base))
	return must(key.Sign(rand.Reader, sum[:], crypto.SHA512))
}

// want requires a status and fragments of the body.
func (c *client) want(a answer, status int, fragments ...string) answer {
	c.Helper()
	if a.status != status {
		c.Fatalf("answered %d, want %d: %s", a.status, status, a.body)
	}
	if a.header.Get("Upvest-Request-Id") == "" || status >= 400 && a.header.Get("Content-Type") != "application/problem+json" {
		c.Fatalf("headers of the answer: %v", a.header)
	}
	for _, f := range fragments {
		if !strings.Contains(a.body, f) {
			c.Fatalf("%s\nis missing %s", a.body, f)
		}
	}
	return a
}

// person is a user with an account group.
type person struct{ user, group, reference string }

const maxMustermann = `{"first_name":"Max","last_name":"Mustermann","birth_date":"1972-09-30","nationalities":["DE"],"address":{"address_line1":"Unter den Linden 1","postcode":"10117","city":"Berlin","country":"DE"}}`

func (c *client) person() person {
	c.Helper()
	var p person
	p.user = c.want(c.call("POST", "/users", maxMustermann, fresh()), 200, `"status":"ACTIVE"`).get("id")
	p.group = c.want(c.call("POST", "/account_groups", fmt.Sprintf(`{"user_id":%q,"type":"PERSONAL"}`, p.user), fresh()), 200, `"status":"ACTIVE"`).get("id")
	return p
}

func (p person) bank(iban string) string {
	return fmt.Sprintf(`{"user_id":%q,"account_owner":"Max Mustermann","name":"Salary","iban":%q,"bic":"BELADEBE","confirmed_at":"2020-08-24T14:15:22Z"}`, p.user, iban)
}

func (p person) payout(amount string) string {
	return fmt.Sprintf(`{"reference_account_id":%q,"account_group_id":%q,"user_id":%q,"amount":%q,"currency":"EUR","remittance_information":"Withdrawal","purpose_code":"OTHR"}`,
		p.reference, p.group, p.user, amount)
}

// ready is a person with a reference account and money.
func (c *client) ready(amount string) person {
	c.Helper()
	p := c.person()
	p.reference = c.want(c.call("POST", "/payments/reference_accounts", p.bank(dialecttest.Berlin), fresh()), 200).get("id")
	if amount != "" {
		c.want(c.call("POST", "/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":%q,"currency":"EUR"}`, p.group, amount), fresh()), 200)
	}
	return p
}

// driver runs the scenarios of every wire.
type driver struct {
	clients map[id.ID]*client
	people  map[id.ID]person
}

func (d *driver) of(w *dialecttest.World, p dialecttest.Party) *client {
	if c := d.clients[p.ID]; c != nil && c.World == w {
		return c
	}
	c := clientOf(w, p)
	d.clients[p.ID] = c
	return c
}

func (d *driver) prepare(w *dialecttest.World, p dialecttest.Party) dialecttest.Party {
	x := d.of(w, p).ready("")
	d.people[p.ID] = x
	at := must(id.Parse(id.Account, "acc_"+strings.ReplaceAll(x.group, "-", "")))
	p.Account = at.Seq
	return p
}

func said(a answer) dialecttest.Answer {
	return dialecttest.Answer{Status: a.status, ID: a.get("id"), Word: word(a), Body: a.body}
}

// word is the status of a withdrawal; problems have a status too, which is a number.
func word(a answer) string {
	if a.status >= 400 {
		return ""
	}
	return a.get("status")
}

// Create implements dialecttest.Driver. The client's own id is its idempotency key.
func (d *driver) Create(w *dialecttest.World, p dialecttest.Party, secret string, o dialecttest.Order) dialecttest.Answer {
	c, x := *d.of(w, p), d.people[p.ID]
	if secret != p.Secret {
		c.key = must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	}
	if o.Address != dialecttest.Berlin {
		a := c.call("POST", "/payments/reference_accounts", x.bank(o.Address), fresh())
		if a.status != 200 {
			return said(a)
		}
		x.reference = a.get("id")
	}
	amount := o.Amount
	if _, frac, ok := strings.Cut(amount, "."); ok {
		amount += strings.Repeat("0", 2-len(frac))
	}
	key := fmt.Sprintf("idempotency-key: %08x-0000-4000-8000-000000000000", []byte(o.ForeignID)[len(o.ForeignID)-1])
	return said(c.call("POST", "/payments/withdrawals", x.payout(amount), key))
}

// Look implements dialecttest.Driver.
func (d *driver) Look(w *dialecttest.World, p dialecttest.Party, made dialecttest.Answer) dialecttest.Answer {
	return said(d.of(w, p).call("GET", "/payments/withdrawals/"+made.ID, ""))
}

// Available implements dialecttest.Driver.
func (d *driver) Available(w *dialecttest.World, p dialecttest.Party, _ string) string {
	return d.of(w, p).call("GET", "/account_groups/"+d.people[p.ID].group+"/payments/cash_balance", "").get("available_for_withdrawal")
}

// Cancel implements dialecttest.Driver.
func (d *driver) Cancel(w *dialecttest.World, p dialecttest.Party, made dialecttest.Answer) (dialecttest.Answer, bool) {
	return said(d.of(w, p).call("DELETE", "/payments/withdrawals/"+made.ID, "")), true
}

// Read implements dialecttest.Driver.
func (d *driver) Read(*dialecttest.World, dialecttest.Party, dialecttest.Callback) dialecttest.Answer {
	return dialecttest.Answer{}
}

// told waits for the event of a withdrawal's status among all packages.
func (d *driver) told(w *dialecttest.World, p dialecttest.Party, made, want dialecttest.Answer) {
	w.Helper()
	d.of(w, p).event("WITHDRAWAL."+want.Word, made.ID)
}

// event waits for an event about an object, in any package, and checks the signature of each.
func (c *client) event(typ, object string) map[string]any {
	c.Helper()
	for n := 1; ; n++ {
		for _, e := range c.packages(n) {
			if o, ok := e["object"].(map[string]any); ok && e["type"] == typ && (object == "" || o["id"] == object) {
				return e
			}
		}
		if n > 50 {
			c.Fatalf("no %s", typ)
		}
	}
}

// packages waits for so many packages and gives the events of all.
func (c *client) packages(n int) []map[string]any {
	c.Helper()
	var out []map[string]any
	for _, cb := range c.Callbacks(n) {
		c.verify(cb)
		var x struct{ Payload []map[string]any }
		c.Must(json.Unmarshal(cb.Body, &x))
		out = append(out, x.Payload...)
	}
	return out
}

// verify checks a package as a receiver does, with the keys that the wire publishes.
func (c *client) verify(cb dialecttest.Callback) {
	c.Helper()
	if cb.Header.Get("Digest") != upvest.WebhookDigest(cb.Body) {
		c.Fatalf("digest %q", cb.Header.Get("Digest"))
	}
	in, err := upvest.ParseInput(cb.Header.Get("Signature-Input"))
	c.Must(err)
	sig, err := upvest.ParseSignature(cb.Header.Get("Signature"), in.Label)
	c.Must(err)
	values := map[string]string{
		"@method": "POST", "@path": cb.Path, "accept": cb.Header.Get("Accept"), "content-length": strconv.Itoa(len(cb.Body)),
		"content-type": cb.Header.Get("Content-Type"), "digest": cb.Header.Get("Digest"),
	}
	var parts []string
	for _, n := range in.Components {
		parts = append(parts, values[n])
	}
	if !upvest.Verifies(c.webhookKey(in.KeyID), upvest.WebhookBase(in.Components, parts, in.Raw), sig) || len(in.Components) != len(values) {
		c.Fatalf("a webhook with a wrong signature: %v", cb.Header)
	}
	if in.Expires-in.Created != 60 || in.Nonce == "" || !bytes.HasPrefix(cb.Body, []byte(`{"payload":[{`)) {
		c.Fatalf("%+v %s", in, cb.Body)
	}
}

// webhookKey is the published key with a name.
func (c *client) webhookKey(kid string) crypto.PublicKey {
	c.Helper()
	a := c.want(c.call("GET", "/auth/verify_keys", ""), 200, `"kty":"EC","crv":"P-521"`)
	for i := range 5 {
		if at := fmt.Sprintf("keys.%d.", i); a.get(at+"kid") == kid {
			point := append([]byte{4}, append(must(base64.RawURLEncoding.DecodeString(a.get(at+"x"))), must(base64.RawURLEncoding.DecodeString(a.get(at+"y")))...)...)
			return must(ecdsa.ParseUncompressedPublicKey(elliptic.P521(), point))
		}
	}
	c.Fatalf("no key %s in %s", kid, a.body)
	return nil
}

func TestScenarios(t *testing.T) {
	d := &driver{map[id.ID]*client{}, map[id.ID]person{}}
	is := func(status int, word, code string) dialecttest.Answer {
		return dialecttest.Answer{Status: status, Word: word, Code: code}
	}
	dialecttest.Run(t, wire, d, dialecttest.Words{
		Created: is(200, "NEW", ""), Review: is(200, "NEW", ""), Processing: is(200, "PROCESSING", ""), Confirmed: is(200, "CONFIRMED", ""),
		Failed: is(200, "CANCELLED", `"cancellation_reason":"CANCELLED_BY_BANK"`), Cancelled: is(200, "CANCELLED", `"cancellation_reason":"CANCELLED_BY_CLIENT"`),
		Rejected: is(200, "CANCELLED", `"cancellation_reason":"CANCELLED_BY_UPVEST"`), Duplicate: is(200, "NEW", ""),
		Insufficient: is(400, "", `"type":"urn:sluice:problem:insufficient_funds"`), BadSignature: is(401, "", "Signature is incorrect"),
		BadAddress: is(400, "", "https://docs.upvest.co/errors/bad_request"), NoConversion: true,
		Currency: "EUR", Address: dialecttest.Berlin, BadAddresses: []string{"DE03100500000054540402", "DE021005", "TR330006100519786457841326"}, NoTxID: true, FixedIDs: true,
		Options: options(), Prepare: d.prepare, Told: d.told,
	})
}
