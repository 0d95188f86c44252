package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/ledger/account"
)

// f23: whatever own id is taken can be asked for, in a path and in a query.
func TestF23TakenIDsCanBeAskedFor(t *testing.T) {
	w := newWorld(t)
	w.fund(w.acme, "USDT", "1000")
	seen := map[string]bool{}
	check := func(t interface{ Fatalf(string, ...any) }, foreign string) {
		quoted, err := json.Marshal(foreign)
		must(w.t, err)
		body := fmt.Sprintf(`{"account":%q,"foreign_id":%s,"currency":"USDT","amount":"0.000001","destination":{"network":"ethereum","address":%q}}`,
			w.acme.account, quoted, alice)
		made := w.call(w.acme.key, "POST", "/v1/withdrawals", body)
		if made.status >= 400 && made.status < 500 {
			return
		}
		if made.status != 201 || made.get("foreign_id") != foreign {
			t.Fatalf("%+q: %d %s", foreign, made.status, made.body)
		}
		seen[foreign] = true
		for _, at := range []struct{ path, id string }{
			{"/v1/foreign_ids/" + url.PathEscape(foreign) + "/withdrawal", "id"}, {"/v1/withdrawals?foreign_id=" + url.QueryEscape(foreign), "data.0.id"},
		} {
			if got := w.call(w.acme.key, "GET", at.path, ""); got.status != 200 || got.get(at.id) != made.get("id") {
				t.Fatalf("%+q is taken; GET %s answers %d %s", foreign, at.path, got.status, got.body)
			}
		}
	}
	for _, foreign := range []string{"a/b", "a b", "ä", "a?b#c", ".", "..", "/", "a/..", "%2e", "%2E%2E", "%", "a+b", "a;b", "a//b", "..a", "a&b=c", "日本/1"} {
		check(t, foreign)
	}
	if len(seen) != 12 {
		t.Errorf("%d ids were taken, want 12: %v", len(seen), seen)
	}
	rapid.Check(t, func(t *rapid.T) {
		foreign := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune("./%a \u200b\u0301")), rapid.Rune())).Draw(t, "foreign id")
		if !seen[foreign] && account.CheckForeignID(foreign) == nil {
			check(t, foreign)
		}
	})
}
