package app_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"sluice/internal/config"
)

// Every dialect is served beside the API, and each can be switched off; then its paths
// are like any that are not there, and the others go on.
func TestDialectsCanBeSwitchedOff(t *testing.T) {
	wires := map[string]struct {
		path string
		code int // what a stranger is answered, in the wire's own form
		text string
		off  func(*config.Dialects)
	}{
		"coinspaid": {"/api/v2/nowhere", 403, "required_header_key", func(d *config.Dialects) { d.CoinsPaid = false }},
		"tylt":      {"/transactions/merchant/getAccountBalance", 401, `"errorCode":1001`, func(d *config.Dialects) { d.Tylt = false }},
		"upvest":    {"/payments/withdrawals/x", 401, "Signature is incorrect", func(d *config.Dialects) { d.Upvest = false }},
	}
	for _, missing := range []string{"", "coinspaid", "tylt", "upvest", "all"} {
		t.Run("without "+missing, func(t *testing.T) {
			c := setup(t)
			for name, w := range wires {
				if missing == name || missing == "all" {
					w.off(&c.Dialects)
				}
			}
			a := start(t, c)
			for name, w := range wires {
				code, text := w.code, w.text
				if missing == name || missing == "all" {
					code, text = 404, "no_such_route"
				}
				if got, body := get(t, a.URL()+w.path); got != code || !strings.Contains(body, text) {
					t.Errorf("%s: %d %s, want %d with %s", name, got, body, code, text)
				}
			}
			if code, body := get(t, a.URL()+"/v1/ping"); code != 401 {
				t.Errorf("native: %d %s", code, body)
			}
			// What nobody serves is answered in the form of whoever asks.
			own := "https://docs.upvest.co/errors/not_found"
			if missing == "upvest" || missing == "all" {
				own = "no_such_route"
			}
			for path, want := range map[string]string{"/orders": own, "/v1/nowhere": "no_such_route"} {
				if code, body := getAs(t, a.URL()+path, "Upvest-Api-Version"); !strings.Contains(body, want) {
					t.Errorf("%s of a client of Upvest: %d %s", path, code, body)
				}
			}
			if code, body := get(t, a.URL()+"/orders"); code != 404 || !strings.Contains(body, "no_such_route") {
				t.Errorf("/orders: %d %s", code, body)
			}
			a.stop()
			if err := a.wait(t); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// No path is answered with a redirect or a page of HTML: what is not there is told in the
// form of the surface it is below.
func TestNoRedirects(t *testing.T) {
	a := start(t, setup(t))
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for path, want := range map[string]struct {
		code       int
		mime, text string
	}{
		"/v1":                       {404, "application/problem+json", "no_such_route"},
		"/v1//accounts":             {404, "application/problem+json", "no_such_route"},
		"/v1/../v1/ping":            {404, "application/problem+json", "no_such_route"},
		"/v1/accounts/":             {404, "application/problem+json", "no_such_route"},
		"//":                        {404, "application/problem+json", "no_such_route"},
		"/docs/":                    {404, "application/problem+json", "no_such_route"},
		"/api/v2":                   {403, "application/json", "required_header_key"},
		"/api//v2/accounts/list":    {403, "application/json", "required_header_key"},
		"/payments/./withdrawals/x": {404, "application/problem+json", "docs.upvest.co/errors/not_found"},
		"/transactions/merchant":    {404, "application/json", `"errorCode":1404`},
	} {
		for _, method := range []string{"GET", "POST"} {
			req, err := http.NewRequestWithContext(t.Context(), method, a.URL(), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.URL.Path = path
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if err != nil || res.StatusCode != want.code || !strings.HasPrefix(res.Header.Get("Content-Type"), want.mime) || !strings.Contains(string(body), want.text) {
				t.Errorf("%s %s: %d %s %s %v, want %d with %s", method, path, res.StatusCode, res.Header.Get("Content-Type"), body, err, want.code, want.text)
			}
		}
	}
}
