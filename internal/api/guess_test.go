package api_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sluice/internal/merchant"
)

// Whoever guesses keys is slowed down by address and by how the key begins; who has the
// right one is served meanwhile, also through the same proxy.
func TestA18_guesses_of_keys_are_throttled(t *testing.T) {
	w := newWorld(t)
	guess := func() string {
		secret, err := merchant.NewSecret(merchant.Test, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	ask := func(secret, address, proxied string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/accounts", http.NoBody)
		r.RemoteAddr = address
		r.Header.Set("Authorization", "Bearer "+secret)
		if proxied != "" {
			r.Header.Set("X-Forwarded-For", proxied)
		}
		out := httptest.NewRecorder()
		w.server.Config.Handler.ServeHTTP(out, r)
		return out.Code
	}
	fixed := func(s string) func(int) string { return func(int) string { return s } }
	if got := ask(w.acme.key, "203.0.113.1:1", ""); got != http.StatusOK {
		t.Fatalf("the right key: %d", got)
	}
	for _, c := range []struct {
		name             string
		secret           func(n int) string
		address, proxied func(n int) string
	}{
		{"one address", func(int) string { return guess() }, fixed("203.0.113.7:4711"), fixed("")},
		{"one network of IPv6", func(int) string { return guess() }, func(n int) string { return fmt.Sprintf("[2001:db8:1:2::%x]:80", n) }, fixed("")},
		{"one address behind a proxy", func(int) string { return guess() }, fixed("10.0.0.1:80"), fixed("198.51.100.1, 203.0.113.9")},
		{"one key from everywhere", func(int) string { return "sluice_test_AbCdEf" + guess()[18:] }, func(n int) string { return fmt.Sprintf("203.0.114.%d:80", n) }, fixed("")},
		{"what is no key", func(int) string { return "admin" }, fixed("203.0.113.8:4711"), fixed("")},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := map[int]int{}
			for n := range 200 {
				got[ask(c.secret(n), c.address(n), c.proxied(n))]++
			}
			if got[http.StatusUnauthorized] == 0 || got[http.StatusUnauthorized] > 25 || got[http.StatusTooManyRequests] < 175 {
				t.Errorf("200 guesses got %v", got)
			}
			if got := ask(w.acme.key, c.address(0), c.proxied(0)); got != http.StatusOK {
				t.Errorf("the right key from there: %d", got)
			}
			w.clock.set(w.clock.Now().Add(time.Minute))
			if got := ask(c.secret(0), c.address(0), c.proxied(0)); got != http.StatusUnauthorized {
				t.Errorf("a minute later: %d", got)
			}
		})
	}
}
