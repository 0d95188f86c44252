package app_test

import (
	"strings"
	"testing"

	"sluice/internal/config"
)

// Every dialect is served beside the API, and each can be switched off; then its paths
// are like any that are not there.
func TestDialectsCanBeSwitchedOff(t *testing.T) {
	c := setup(t)
	on := start(t, c)
	if code, body := get(t, on.URL()+"/api/v2/ping"); code != 200 || body != "OK" {
		t.Errorf("coinspaid: %d %s", code, body)
	}
	if code, body := get(t, on.URL()+"/api/v2/nowhere"); code != 403 || !strings.Contains(body, "required_header_key") {
		t.Errorf("coinspaid, nowhere: %d %s", code, body)
	}
	if code, body := get(t, on.URL()+"/transactions/merchant/getAccountBalance"); code != 401 || !strings.Contains(body, `"errorCode":1001`) {
		t.Errorf("tylt: %d %s", code, body)
	}
	on.stop()
	if err := on.wait(t); err != nil {
		t.Fatal(err)
	}
	c.Dialects = config.Dialects{}
	off := start(t, c)
	if code, body := get(t, off.URL()+"/api/v2/ping"); code != 404 || !strings.Contains(body, "no_such_route") {
		t.Errorf("switched off: %d %s", code, body)
	}
	if code, body := get(t, off.URL()+"/transactions/merchant/getAccountBalance"); code != 404 || !strings.Contains(body, "no_such_route") {
		t.Errorf("tylt, switched off: %d %s", code, body)
	}
	off.stop()
	if err := off.wait(t); err != nil {
		t.Fatal(err)
	}
}
