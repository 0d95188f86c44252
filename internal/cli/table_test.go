package cli_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

// Tables keep to 100 columns, whatever people call their things; --wide shows every column.
func TestTablesFit(t *testing.T) {
	s, merchant, key := books(t)
	long := strings.Repeat("Long name of somebody ", 8)
	s.object(`merchant create --name "` + long + `"`)
	s.object(`key create --merchant ` + merchant + ` --scopes all --name "` + long + `"`)
	s.object("key create --operator --scopes accounts:read,withdrawals:read")
	waiting(t, merchant, 3)
	v := serve(t, s)
	account, _ := v.post(t, key, "/v1/accounts", fmt.Sprintf(`{"name":%q,"foreign_id":%q}`, long, strings.Repeat("x", 250)))["id"].(string)
	v.post(t, key, "/v1/credits", `{"account":"`+account+`","currency":"EUR","amount":"123456789012.67"}`)
	hook, _ := v.post(t, key, "/v1/webhook_endpoints", `{"url":"`+v.url+`/`+strings.Repeat("a-path-of-the-merchant/", 6)+`"}`)["id"].(string)
	v.stop(t)
	http.DefaultClient.CloseIdleConnections()
	for _, line := range []string{
		"merchant list", "key list --merchant " + merchant, "key list --operator", "wallet list", "dispatch list", "withdrawal list --merchant " + merchant,
		"withdrawal review", "waiting", "account list --merchant " + merchant, "account show " + account, "event list --merchant " + merchant,
		"delivery list --endpoint " + hook, "fee list --merchant " + merchant, "dialect list --merchant " + merchant, "doctor --set keystore.dir=",
		"endpoint list --merchant " + merchant,
	} {
		normal, wide := s.want(0, line).out, s.want(0, line+" --wide").out
		for text := range strings.Lines(normal) {
			// Words are never cut in two, however long they are.
			longest := 0
			for word := range strings.FieldsSeq(text) {
				longest = max(longest, len(word))
			}
			if n := utf8.RuneCountInString(strings.TrimSuffix(text, "\n")); n > 100 && longest < 60 {
				t.Errorf("sluice %s: a line of %d columns:\n%s", line, n, text)
			}
		}
		if first, _, _ := strings.Cut(wide, "\n"); len(strings.Fields(first)) < len(strings.Fields(strings.SplitN(normal, "\n", 2)[0])) {
			t.Errorf("sluice %s --wide shows less:\n%s\n%s", line, wide, normal)
		}
	}
}
