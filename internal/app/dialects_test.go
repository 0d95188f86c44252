package app_test

import (
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
