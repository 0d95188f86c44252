package tylt_test

import (
	"encoding/json"
	"math/big"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"sluice/internal/dialect/tylt"
)

// Whatever is sent, reading it ends. What is read as an amount is exactly what was
// written, and what is written again says the same as what was read.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		createBody, `{}`, `[]`, `{"baseAmount":"1e-7"}`, `{"baseAmount":12.5e3}`, `{"baseAmount":"010"}`, `{"baseAmount":-0}`, `{"a":[1,{"b":"\u0007\\\"\/é"}],"baseAmount":1}`,
		`{"a":"\ud800"}`, strings.Repeat("[", 20) + strings.Repeat("]", 20),
	} {
		f.Add([]byte(s), false)
	}
	f.Add([]byte("baseAmount=7.3&address=a+b%26&x"), true)
	f.Fuzz(func(t *testing.T, body []byte, form bool) {
		given, plain, ok := tylt.ReadAmount(tylt.Signed{Post: true, Form: form, Body: body})
		if ok {
			a, fine := new(big.Rat).SetString(strings.ToLower(given))
			b, good := new(big.Rat).SetString(plain)
			if !fine || !good || a.Cmp(b) != 0 || a.Sign() <= 0 || strings.ContainsAny(plain, "eE+- ") || strings.HasSuffix(plain, ".") {
				t.Errorf("%q is read as %q", given, plain)
			}
		}
		again, ok := tylt.Rewrite(body)
		if !ok {
			return
		}
		var first, second any
		if json.Unmarshal(body, &first) != nil || json.Unmarshal(again, &second) != nil || !reflect.DeepEqual(first, second) {
			t.Errorf("%q is written again as %q", body, again)
		}
	})
}

// No signature is taken but that of one of the few messages of a request, and none
// makes the check fail in another way.
func FuzzSignature(f *testing.F) {
	f.Add("rows=20&page=1", []byte(""), false, false, vectors["rows=20&page=1"])
	f.Add("", []byte(createBody), true, false, vectors[createBody])
	f.Add("", []byte("a=1&b=%zz"), true, true, "")
	f.Add("", []byte(""), false, false, vectors["{}"])
	f.Fuzz(func(t *testing.T, query string, body []byte, post, form bool, signature string) {
		s := tylt.Signed{Query: query, Post: post, Form: form, Body: body}
		messages := tylt.Messages(s)
		if len(messages) == 0 || len(messages) > 6 {
			t.Fatalf("%d messages", len(messages))
		}
		want := false
		for _, m := range messages {
			right := tylt.Sign([]byte(secret), m)
			want = want || strings.EqualFold(signature, right)
			if !tylt.Verify([]byte(secret), s, false, right) {
				t.Errorf("the signature of %q is refused", m)
			}
			if said := string(m); (said == "" || said == "{}") && says(s, said) {
				t.Errorf("%+v is taken as %q", s, said)
			}
		}
		if got := tylt.Verify([]byte(secret), s, false, signature); got != want {
			t.Errorf("%q over %+v: %v", signature, s, got)
		}
	})
}

// says tells whether a request has parameters or a body, other than what was signed.
func says(s tylt.Signed, signed string) bool {
	if s.Post {
		return strings.TrimSpace(string(s.Body)) != signed
	}
	return s.Query != "" && unescaped(s.Query) != signed || len(s.Body) > 0 && string(s.Body) != signed
}

func unescaped(s string) string {
	plain, err := url.PathUnescape(s)
	if err != nil {
		return s
	}
	return plain
}
