package tylt

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"sluice/internal/dialect"
	"sluice/internal/json"
)

// The headers of requests and callbacks.
const (
	headerKey       = "X-TLP-APIKEY"
	headerSignature = "X-TLP-SIGNATURE"
)

// Sign is the signature of a message: HMAC-SHA256 in lower-case hex, the key being the
// text of the secret.
func Sign(secret, message []byte) string { return hex.EncodeToString(sum(secret, message)) }

func sum(secret, message []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(message)
	return h.Sum(nil)
}

// Signed is what a signature is checked against: a request as it was sent.
type Signed struct {
	Query string // as it stands in the URL, without its question mark
	Form  bool   // the body holds the fields of a form
	Post  bool
	Body  []byte
}

// Verify tells whether a signature is that of a request. Clients follow different
// editions of the vendor's pages, so there are several messages that it may be of;
// strict takes only the raw body or the raw query. Every message is tried in any case
// and compared in constant time.
func Verify(secret []byte, s Signed, strict bool, signature string) bool {
	got, err := hex.DecodeString(signature)
	if len(secret) == 0 || err != nil || len(got) != sha256.Size {
		return false
	}
	found := false
	for _, m := range s.messages(strict) {
		if hmac.Equal(got, sum(secret, m)) {
			found = true
		}
	}
	return found
}

// messagesMax bounds the messages of one request, and so what a check costs.
const messagesMax = 6

// messages are what a client may have signed, each once.
func (s Signed) messages(strict bool) [][]byte {
	if s.Post {
		out := [][]byte{s.Body}
		if strict {
			return out
		}
		if s.Form {
			fields := pairs(string(s.Body))
			return distinct(out, object(fields, false), object(fields, true))
		}
		if v, err := dialect.ParseBody(s.Body); err == nil && len(s.Body) > 0 {
			return distinct(out, v.Append(nil))
		}
		return out
	}
	switch {
	case s.Query == "" && len(s.Body) > 0:
		return [][]byte{s.Body}
	case strict:
		return [][]byte{[]byte(s.Query)}
	case s.Query == "":
		return [][]byte{[]byte("{}"), {}}
	}
	fields := pairs(s.Query)
	out := distinct([][]byte{[]byte(s.Query)}, object(fields, false), object(fields, true))
	if plain, err := url.PathUnescape(s.Query); err == nil {
		out = distinct(out, []byte(plain))
	}
	if len(s.Body) > 0 {
		out = distinct(out, s.Body)
	}
	return out
}

// distinct adds messages that are not there yet.
func distinct(all [][]byte, more ...[]byte) [][]byte {
	for _, m := range more {
		new := m != nil && len(all) < messagesMax
		for _, have := range all {
			if string(have) == string(m) {
				new = false
			}
		}
		if new {
			all = append(all, m)
		}
	}
	return all
}

// pair is a field of a form or query, decoded.
type pair struct{ name, value string }

// pairs splits a form or query in the order in which it was written. What cannot be
// decoded stays as it is: then no client has signed what we make of it.
func pairs(s string) []pair {
	var out []pair
	for part := range strings.SplitSeq(s, "&") {
		if part == "" {
			continue
		}
		name, v, _ := strings.Cut(part, "=")
		out = append(out, pair{unescape(name), unescape(v)})
	}
	return out
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// object writes fields as a JSON object of texts; with numbers, those that look like
// numbers as numbers.
func object(fields []pair, numbers bool) []byte {
	if len(fields) == 0 {
		return nil // {} is for requests that say nothing
	}
	b := []byte{'{'}
	for n, f := range fields {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(json.AppendString(b, f.name), ':')
		if numbers && numeric(f.value) {
			b = append(b, f.value...)
		} else {
			b = json.AppendString(b, f.value)
		}
	}
	return append(b, '}')
}

// numeric tells whether a text looks like a number that a client writes the same way:
// -?(0|[1-9][0-9]*)(\.[0-9]+)?
func numeric(s string) bool {
	whole, frac, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if whole == "" || point && frac == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	return strings.Trim(whole+frac, "0123456789") == ""
}
