package redact_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"sluice/internal/fault/redact"
)

func TestURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://node.example.com/v3/KEY?apikey=KEY#KEY": "https://node.example.com",
		"http://user:pass@127.0.0.1:8545/":               "http://127.0.0.1:8545",
		"wss://[::1]:8546/KEY":                           "wss://[::1]:8546",
		"KEY":                                            redact.Mark,
		"http://user:pa ss@host/%zz":                     redact.Mark,
		"":                                               redact.Mark,
	} {
		if got := redact.URL(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestSecretsOfURLs f05: whatever form a secret of a URL takes in a text, it goes.
func TestSecretsOfURLs(t *testing.T) {
	const at = "https://rpcuser:rpc%2Fpass@node.example.com:8443/v3/KEY-IN-PATH/x?apikey=KEY%20IN%20QUERY&KEY-ALONE#KEY-LAST"
	s := redact.Of(at)
	basic := base64.StdEncoding.EncodeToString([]byte("rpcuser:rpc/pass"))
	for _, text := range []string{
		at, `Post "` + at + `": dial tcp 10.0.0.1:8443: connection refused`,
		"rpcuser", "rpc/pass", "rpc%2Fpass", "Authorization: Basic " + basic, "unknown project KEY-IN-PATH", "/v3/KEY-IN-PATH/x",
		"apikey=KEY%20IN%20QUERY", "invalid key KEY IN QUERY", "invalid key KEY+IN+QUERY", "KEY-ALONE", "#KEY-LAST",
	} {
		got := s.Text(text)
		for _, secret := range []string{"KEY", "rpcuser", "pass", basic} {
			if strings.Contains(got, secret) {
				t.Errorf("%s: %s still says %s", text, got, secret)
			}
		}
	}
	if got := s.Text("dial tcp: lookup node.example.com: no such host"); got != "dial tcp: lookup node.example.com: no such host" {
		t.Errorf("the host may be read by an operator, and became %s", got)
	}
	short := redact.Of("http://u:p@127.0.0.1:1/")
	if got := short.Text("up to u:p@127.0.0.1"); got != "up to "+redact.Mark+"@127.0.0.1" {
		t.Errorf("a short password: %s", got)
	}
}

// TestErrors f05: an error of a client keeps what decides something, and no secret.
func TestErrors(t *testing.T) {
	const at = "http://rpcuser:rpcpass@127.0.0.1:1/KEY-IN-PATH?k=KEY-IN-QUERY"
	_, raw := http.Get(at) //nolint:bodyclose,noctx // nothing listens there
	err := redact.Of(at).Error(fmt.Errorf("ask: %w", raw))
	if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "KEY") || strings.Contains(text, "rpc") || !strings.Contains(text, "127.0.0.1:1") {
		t.Errorf("got %s", text)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), "KEY") {
			t.Errorf("the chain carries %v", e)
		}
	}
	for _, reason := range []error{context.DeadlineExceeded, context.Canceled, io.EOF} {
		if err := redact.Of(at).Error(fmt.Errorf("%s: %w", at, reason)); !errors.Is(err, reason) {
			t.Errorf("%v is no longer %v", err, reason)
		}
	}
	if redact.Of(at).Error(nil) != nil {
		t.Error("nothing became an error")
	}
}
