package coinspaid

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
)

// The headers of requests and callbacks.
const (
	headerKey       = "X-Processing-Key"
	headerSignature = "X-Processing-Signature"
)

// Sign is the signature of a body: HMAC-SHA512 in lower-case hex, the key being the
// text of the secret.
func Sign(secret, body []byte) string { return hex.EncodeToString(sum(secret, body)) }

func sum(secret, body []byte) []byte {
	h := hmac.New(sha512.New, secret)
	h.Write(body)
	return h.Sum(nil)
}

// Verify tells whether a signature is that of a body. It takes the same time for every
// wrong one. Capital hex digits are taken too.
func Verify(secret, body []byte, signature string) bool {
	if len(secret) == 0 || len(signature) != 2*sha512.Size {
		return false
	}
	got, err := hex.DecodeString(signature)
	return err == nil && hmac.Equal(got, sum(secret, body))
}
