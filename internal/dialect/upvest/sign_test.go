package upvest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/dialect/upvest"
)

// The vectors: one request and one webhook, with keys out of RFC 8032 and RFC 6979.
const (
	vectorBody = `{"reference_account_id":"295378ec-036e-4f3f-ae5c-2be85c93e837","account_group_id":"2596db3b-0d03-4651-9eda-970910479dfb","user_id":"e56c14b3-8370-4c04-bc67-7092f7ec113c","amount":"200.00","currency":"EUR","remittance_information":"Withdrawal","purpose_code":"OTHR"}`
	vectorList = `("@method" "@path" "accept" "authorization" "content-digest" "content-length" "content-type" "idempotency-key" "upvest-client-id")`
	vectorEnd  = `;keyid="9ed77463-c18e-4794-ab5c-17423f9b801a";nonce="0123456789";created=1700000000;expires=1700000060`
	vectorHash = "a7a96ee333d833955f1bcfce765fa97c9db04c0dcd7718ad58b216bfca4acb67"
	byEd25519  = "Wszv+V0m2MCwjKR98gAOaNsBKP/OaUCKOYFafIUU7r9GRys4kPCoJEhCqN9p+7825I5xZBShRympxmg1xlKbAw=="
	byP521     = "MIGIAkIBy5JBN+dAIHnpLufWAPX3j1QqX86EygIG/AOeVARS6ilCky1OXfGvsqphK+dP7FbgCzcwo5tbIN/9DqsYrz1JBYMCQgDW0/91BMNfhFp5I6WxgRR7LMMECTdHsTCCIGIkDoeXsJZ+YbyMrmKXSgx8P9DbQrIXFDSUWPFxPhaPhtnapbIiHg=="

	toldBody = `{"payload":[{"id":"8962b496-8d42-4560-bfab-10490dd1a721","created_at":"2021-07-21T14:10:00Z","type":"WITHDRAWAL.NEW","object":{"id":"6ffa6b16-2380-4e7a-88b2-ae625c8eef99","created_at":"2020-08-24T14:15:22Z","updated_at":"2020-08-24T14:15:22Z","reference_account_id":"295378ec-036e-4f3f-ae5c-2be85c93e837","account_group_id":"2596db3b-0d03-4651-9eda-970910479dfb","user_id":"e56c14b3-8370-4c04-bc67-7092f7ec113c","amount":"200.00","currency":"EUR","remittance_information":"Withdrawal","status":"NEW"},"webhook_id":"9df39835-be87-4243-9018-f2500b39cee6"}]}`
	toldHash = "2f0c4961478f7d04bae2f955ac98cfda1e9db87a74b8992149216f4d2c7170f4"
	toldEnd  = `("@method" "@path" "accept" "content-length" "content-type" "digest");keyid="9ed77463-c18e-4794-ab5c-17423f9b801a";created=1700000000;expires=1700000060;nonce="0123456789abcdef"`
	toldSign = "MIGIAkIBuN8IhKq6Y2UNosD61JJXJegHmvEENsjuLfeKG1GN+hMWNGxW/kddppkn3aYiG5Oq/LdRY1cAZvjr9FdVSC8ddUQCQgCV63Qs7lh/nOtgAsPZmMQsYQt5WjOO9FeDShtm8QejZx7HEoxNdMMM17FqnpkttYQzJGfLhnNe2xxbMTvAkPbIFA=="
)

func p521() crypto.PublicKey {
	x := must(base64.RawURLEncoding.DecodeString("AYlFUNB4WTLgDqojtpTyE_jDEh-G3JegTlpxZ9tOW803ESPUbkXba11TcKfyD7YzFV04_6FtK9dh3KxHS5ovUCOk"))
	y := must(base64.RawURLEncoding.DecodeString("AEkxAclizU0v3feCKF5kWEE5wvkbR_h_-CNU1mMPdGoooNsldBtbNKgoAIsirMI_kk-q-9TTP4HqZpVt_qor_fz1"))
	return must(ecdsa.ParseUncompressedPublicKey(elliptic.P521(), slices.Concat([]byte{4}, x, y)))
}

func hashOf(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func TestRequestVector(t *testing.T) {
	in, err := upvest.ParseInput("sig1=" + vectorList + vectorEnd)
	if err != nil {
		t.Fatal(err)
	}
	values := []string{
		"POST", "/payments/withdrawals", "application/json", "Bearer c2VjcmV0Cg==", upvest.DigestOf([]byte(vectorBody)), fmt.Sprint(len(vectorBody)),
		"application/json", "ccb07f42-4104-44ad-8e1f-c660bb7b269c", "ebabcf4d-61c3-4942-875c-e265a7c2d062",
	}
	base := upvest.BaseOf(in.Components, values, in.Raw)
	if hashOf(base) != vectorHash {
		t.Fatalf("the base is\n%s", base)
	}
	for name, c := range map[string]struct {
		key  crypto.PublicKey
		sign string
	}{
		"Ed25519": {ed25519.PublicKey(must(hex.DecodeString("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))), byEd25519},
		"P-521":   {p521(), byP521},
	} {
		sig := must(upvest.ParseSignature("other=:AAAA:, sig1=:"+c.sign+":", "sig1"))
		if !upvest.Verifies(c.key, base, sig) {
			t.Errorf("%s: the vector is refused", name)
		}
		if upvest.Verifies(c.key, base+" ", sig) || upvest.Verifies(c.key, base, sig[1:]) || upvest.Verifies(c.key, base, nil) {
			t.Errorf("%s: something else is taken", name)
		}
	}
}

func TestWebhookVector(t *testing.T) {
	in, err := upvest.ParseInput("sig1=" + toldEnd)
	if err != nil {
		t.Fatal(err)
	}
	values := []string{"POST", "/webhooks/payments", "application/json", fmt.Sprint(len(toldBody)), "application/json", upvest.WebhookDigest([]byte(toldBody))}
	base := upvest.WebhookBase(in.Components, values, in.Raw)
	if hashOf(base) != toldHash {
		t.Fatalf("the base is\n%s", base)
	}
	if !upvest.Verifies(p521(), base, must(base64.StdEncoding.DecodeString(toldSign))) {
		t.Error("the vector is refused")
	}
}

func TestSignatureHeaders(t *testing.T) {
	good, err := upvest.ParseInput(` s-1=("@method"  "date" );created=-5;alg="ecdsa";keyid="a\"b";tag , s2=("x");created=1`)
	if err != nil || good.Label != "s-1" || good.KeyID != `a"b` || good.Created != -5 || !slices.Equal(good.Components, []string{"@method", "date"}) ||
		good.Raw != `("@method"  "date" );created=-5;alg="ecdsa";keyid="a\"b";tag` {
		t.Errorf("%+v %v", good, err)
	}
	for _, s := range []string{
		"", "sig1", "sig1=", "sig1=(", `sig1=("a"`, `sig1=("a" "a")`, `sig1=("A")`, `sig1=("a";sf)`, `sig1=("a""b")`, `sig1=("")`, `sig1=(a)`, `Sig=("a")`,
		`sig1=("a");created="1"`, `sig1=("a");created`, `sig1=("a");keyid=1`, `sig1=("a");nonce`, `sig1=("a");created=1.5`, `sig1=("a");created=12345678901234567`,
		`sig1=("a");`, `sig1=("a") x`, `sig1=("a");keyid="` + "\x01" + `"`, `sig1=("a");keyid="\x"`, "sig1=(" + strings.Repeat(`"a" `, 70) + ")", strings.Repeat("x", 9000),
	} {
		if in, err := upvest.ParseInput(s); err == nil {
			t.Errorf("%q is read as %+v", s, in)
		}
	}
	for _, s := range []string{"", "sig1", "sig1=AAAA", "sig1=:AAAA", "sig1=:A:", "sig2=:AAAA:", "sig2=:AAAA: sig1=:AAAA:", "sig1=:AA AA:"} {
		if sig, err := upvest.ParseSignature(s, "sig1"); err == nil {
			t.Errorf("%q is read as %x", s, sig)
		}
	}
}

func TestPublicKeys(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "no PEM": "abc", "no key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		"another curve": publicPEM(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))),
	} {
		if k, err := upvest.ParsePublicKey(text); err == nil {
			t.Errorf("%s is read as %T", name, k)
		}
	}
	for _, k := range []crypto.Signer{acmeKey, boltKey} {
		if _, err := upvest.ParsePublicKey(publicPEM(k)); err != nil {
			t.Error(err)
		}
	}
}

func TestWaits(t *testing.T) {
	want := []time.Duration{0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 600}
	for i := range want {
		want[i] *= time.Second
	}
	if !slices.Equal(upvest.Waits, want) {
		t.Errorf("%v", upvest.Waits)
	}
}

func FuzzSignatureHeaders(f *testing.F) {
	f.Add("sig1="+vectorList+vectorEnd, "sig1=:"+byEd25519+":")
	f.Add(`a=("b";sf);x=?1,c=()`, "a=:AAAA:,sig1=::")
	f.Fuzz(func(t *testing.T, input, signature string) {
		in, err := upvest.ParseInput(input)
		if err != nil {
			return
		}
		if !strings.Contains(input, in.Raw) || in.Label == "" {
			t.Errorf("%+v", in)
		}
		again, err := upvest.ParseInput(in.Label + "=" + in.Raw)
		if err != nil || again.Raw != in.Raw || !slices.Equal(again.Components, in.Components) || again.KeyID != in.KeyID || again.Created != in.Created {
			t.Errorf("%+v reads back as %+v: %v", in, again, err)
		}
		_, _ = upvest.ParseSignature(signature, in.Label)
	})
}

func FuzzBodies(f *testing.F) {
	f.Add([]byte(maxMustermann))
	f.Add([]byte(vectorBody))
	f.Add([]byte(`{"title":"x","url":"https://x","type":["ALL"],"config":{"delay":"5s","max_package_size":100},"enabled":true}`))
	f.Fuzz(func(_ *testing.T, body []byte) { upvest.Decoders(body) })
}
