package webhook_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	official "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"sluice/internal/event"
	"sluice/internal/webhook"
)

// Vectors of the ecosystem: the same message signed by both schemes. Ed25519 is
// deterministic, so the whole header is known.
const (
	vectorSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorKey    = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
	vectorPublic = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
	vectorID     = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime   = 1614265330
	vectorBody   = `{"test": 2432232314}`
	vectorHMAC   = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	vectorEd     = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
)

func vectorEndpoint() webhook.Endpoint {
	return webhook.Endpoint{Secret: vectorSecret, SigningKey: vectorKey}
}

func newKeys(t *testing.T) (secret, key, public string) {
	t.Helper()
	secret, err := webhook.NewSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err = webhook.NewSigningKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err = webhook.PublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return secret, key, public
}

func headers(id string, at time.Time, signature string) http.Header {
	h := http.Header{}
	h.Set(webhook.HeaderID, id)
	h.Set(webhook.HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(webhook.HeaderSignature, signature)
	return h
}

func TestSignVectors(t *testing.T) {
	at := time.Unix(vectorTime, 0)
	s, err := webhook.NewSigner(vectorEndpoint(), at)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Sign(vectorID, at, []byte(vectorBody)), vectorHMAC+" "+vectorEd; got != want {
		t.Errorf("signed\n%s\nwant\n%s", got, want)
	}
	if got, err := webhook.PublicKey(vectorKey); err != nil || got != vectorPublic {
		t.Errorf("public key %s, %v, want %s", got, err, vectorPublic)
	}
}

// TestOfficialLibraryAgrees holds our signatures against the reference
// implementation, both ways, over bodies that could trip an encoder.
func TestOfficialLibraryAgrees(t *testing.T) {
	secret, key, public := newKeys(t)
	now := time.Now()
	s, err := webhook.NewSigner(webhook.Endpoint{Secret: secret, SigningKey: key}, now)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := official.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := webhook.NewVerifier(secret)
	if err != nil {
		t.Fatal(err)
	}
	asymmetric, err := webhook.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	id := event.MessageID(7, 1<<40)
	for _, body := range []string{"", "{}", vectorBody, `{"type":"a.b","data":{"x":"é.🙂\u0000"}}`, strings.Repeat("x", 20_000), "\xff\xfe.\n"} {
		h := headers(id, now, s.Sign(id, now, []byte(body)))
		if err := theirs.Verify([]byte(body), h); err != nil {
			t.Errorf("they refuse ours, body %.20q: %v", body, err)
		}
		if err := asymmetric.Verify(h.Get, []byte(body), now); err != nil {
			t.Errorf("v1a of body %.20q: %v", body, err)
		}
		sig, err := theirs.Sign(id, now, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := ours.Verify(headers(id, now, sig).Get, []byte(body), now); err != nil {
			t.Errorf("we refuse theirs, body %.20q: %v", body, err)
		}
	}
}

func TestKeysThatCannotBeUsedNeverSign(t *testing.T) {
	b64 := func(n int) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, n)) }
	cases := []struct {
		name, secret, key string
		ok                bool
	}{
		{"good", vectorSecret, vectorKey, true},
		{"shortest", "whsec_" + b64(24), vectorKey, true},
		{"longest", "whsec_" + b64(64), vectorKey, true},
		{"seed alone", vectorSecret, "whsk_" + b64(32), true},
		{"no secret", "", vectorKey, false},
		{"empty secret", "whsec_", vectorKey, false},
		{"short secret", "whsec_" + b64(23), vectorKey, false},
		{"long secret", "whsec_" + b64(65), vectorKey, false},
		{"secret without prefix", b64(32), vectorKey, false},
		{"secret not base64", "whsec_!!!!", vectorKey, false},
		{"no key", vectorSecret, "", false},
		{"empty key", vectorSecret, "whsk_", false},
		{"public instead of private", vectorSecret, vectorPublic, false},
		{"halves do not match", vectorSecret, "whsk_" + b64(64), false},
		{"short key", vectorSecret, "whsk_" + b64(31), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := webhook.NewSigner(webhook.Endpoint{Secret: c.secret, SigningKey: c.key}, time.Now())
			if (err == nil) != c.ok || (s != nil) != c.ok {
				t.Fatalf("signer %v, error %v, want usable: %v", s, err, c.ok)
			}
			if err != nil && (c.secret != "" && strings.Contains(err.Error(), c.secret) || len(c.key) > 6 && strings.Contains(err.Error(), c.key)) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
	if _, err := webhook.NewVerifier(); err == nil {
		t.Error("a verifier without keys accepts everything")
	}
	if _, err := webhook.NewSecret(strings.NewReader("too short")); err == nil {
		t.Error("a secret was made without enough randomness")
	}
}

func TestTamperedMessagesAreRefused(t *testing.T) {
	at := time.Unix(vectorTime, 0)
	s, err := webhook.NewSigner(vectorEndpoint(), at)
	if err != nil {
		t.Fatal(err)
	}
	sig := s.Sign(vectorID, at, []byte(vectorBody))
	_, _, other := newKeys(t)
	cases := []struct {
		name                 string
		id, stamp, sig, body string
		keys                 []string
		want                 error
	}{
		{name: "untouched, HMAC", keys: []string{vectorSecret}},
		{name: "untouched, Ed25519", keys: []string{vectorPublic}},
		{name: "one of two keys", keys: []string{other, vectorPublic}},
		{name: "other key", keys: []string{other}, want: webhook.ErrSignature},
		{name: "id", id: vectorID + "x", want: webhook.ErrSignature},
		{name: "time", stamp: "1614265331", want: webhook.ErrSignature},
		{name: "time is no number", stamp: "soon", want: webhook.ErrNotSigned},
		{name: "body", body: `{"test": 2432232315}`, want: webhook.ErrSignature},
		{name: "body with a blank more", body: vectorBody + " ", want: webhook.ErrSignature},
		{name: "id and time shifted", id: vectorID + ".1614265330", stamp: "20", want: webhook.ErrSignature},
		{name: "HMAC under the other label", sig: "v1a," + strings.TrimPrefix(vectorHMAC, "v1,"), want: webhook.ErrSignature},
		{name: "Ed25519 under the other label", sig: "v1," + strings.TrimPrefix(vectorEd, "v1a,"), want: webhook.ErrSignature},
		{name: "unknown label", sig: "v2," + strings.TrimPrefix(vectorHMAC, "v1,"), want: webhook.ErrSignature},
		{name: "cut signature", sig: vectorHMAC[:20], want: webhook.ErrSignature},
		{name: "garbage before the right one", sig: "v1,%%% v1a " + vectorHMAC},
		{name: "only blanks", sig: "   ", want: webhook.ErrSignature},
		{name: "no signature", sig: "-", want: webhook.ErrNotSigned},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := headers(vectorID, at, sig)
			set := func(name, value string) {
				switch value {
				case "":
				case "-":
					h.Del(name)
				default:
					h.Set(name, value)
				}
			}
			set(webhook.HeaderID, c.id)
			set(webhook.HeaderTimestamp, c.stamp)
			set(webhook.HeaderSignature, c.sig)
			body := vectorBody
			if c.body != "" {
				body = c.body
			}
			keys := c.keys
			if keys == nil {
				keys = []string{vectorSecret, vectorPublic}
			}
			v, err := webhook.NewVerifier(keys...)
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Verify(h.Get, []byte(body), at); !is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestCase53_OldAndRepeatedMessagesAreRefused: the time is signed, so a recorded
// message is worth nothing after the tolerance, and ids are remembered for longer.
func TestCase53_OldAndRepeatedMessagesAreRefused(t *testing.T) {
	at := time.Unix(vectorTime, 0)
	s, err := webhook.NewSigner(vectorEndpoint(), at)
	if err != nil {
		t.Fatal(err)
	}
	v, err := webhook.NewVerifier(vectorPublic)
	if err != nil {
		t.Fatal(err)
	}
	h := headers(vectorID, at, s.Sign(vectorID, at, []byte(vectorBody)))
	for _, c := range []struct {
		clock time.Duration
		want  error
	}{
		{0, nil},
		{webhook.Tolerance, nil},
		{-webhook.Tolerance, nil},
		{webhook.Tolerance + time.Second, webhook.ErrTooOld},
		{-webhook.Tolerance - time.Second, webhook.ErrTooNew},
		{24 * time.Hour, webhook.ErrTooOld},
	} {
		if err := v.Verify(h.Get, []byte(vectorBody), at.Add(c.clock)); !is(err, c.want) {
			t.Errorf("clock off by %s: %v, want %v", c.clock, err, c.want)
		}
	}
	// A new time needs a new signature.
	h.Set(webhook.HeaderTimestamp, strconv.FormatInt(at.Add(time.Hour).Unix(), 10))
	if err := v.Verify(h.Get, []byte(vectorBody), at.Add(time.Hour)); !is(err, webhook.ErrSignature) {
		t.Errorf("an old message with a new time: %v", err)
	}

	m := webhook.Memory{Life: time.Hour}
	for _, c := range []struct {
		id   string
		when time.Duration
		want error
	}{
		{"a", 0, nil},
		{"b", 0, nil},
		{"a", time.Minute, webhook.ErrSeen},
		{"a", time.Hour, webhook.ErrSeen},
		{"b", 2 * time.Hour, nil},
	} {
		if err := m.Once(c.id, at.Add(c.when)); !is(err, c.want) {
			t.Errorf("id %s after %s: %v, want %v", c.id, c.when, err, c.want)
		}
	}
	// However short a life is asked for, it outlasts the tolerance on both sides.
	short := webhook.Memory{Life: time.Second}
	_ = short.Once("a", at)
	if err := short.Once("a", at.Add(2*webhook.Tolerance)); !is(err, webhook.ErrSeen) {
		t.Errorf("an id was forgotten while its message was still valid: %v", err)
	}
}

func TestRotationSignsWithBothUntilTheOverlapEnds(t *testing.T) {
	now := time.Unix(vectorTime, 0)
	secret, key, public := newKeys(t)
	e := webhook.Endpoint{
		Secret: secret, SigningKey: key, PreviousSecret: vectorSecret, PreviousSigningKey: vectorKey, PreviousUntil: now.Add(time.Hour),
	}
	for _, c := range []struct {
		when       time.Duration
		signatures int
		old        error
	}{
		{0, 4, nil},
		{time.Hour - time.Second, 4, nil},
		{time.Hour, 2, webhook.ErrSignature},
	} {
		at := now.Add(c.when)
		s, err := webhook.NewSigner(e, at)
		if err != nil {
			t.Fatal(err)
		}
		sig := s.Sign("evt_1", at, []byte("{}"))
		if n := len(strings.Fields(sig)); n != c.signatures {
			t.Errorf("after %s: %d signatures, want %d", c.when, n, c.signatures)
		}
		for k, want := range map[string]error{secret: nil, public: nil, vectorSecret: c.old, vectorPublic: c.old} {
			v, err := webhook.NewVerifier(k)
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Verify(headers("evt_1", at, sig).Get, []byte("{}"), at); !is(err, want) {
				t.Errorf("after %s, key %s: %v, want %v", c.when, k[:6], err, want)
			}
		}
	}
	// During the overlap a broken old key is an error, not half of the signatures.
	e.PreviousSecret = ""
	if _, err := webhook.NewSigner(e, now); err == nil {
		t.Error("signed with one pair where two were promised")
	}
}
