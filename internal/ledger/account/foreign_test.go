package account_test

import (
	"strings"
	"testing"

	"sluice/internal/fault"
	"sluice/internal/ledger/account"
)

// A20, f23: an id of the merchant's own is one that nobody takes for another, and that
// can be asked for.
func TestA20ForeignIDs(t *testing.T) {
	for _, id := range []string{
		"payout-1", "a b", "a/b", "a/b/c", "ä", "a?b#c", "%2e", "...", ".a", "a.", "a..b", "日本", "İ", "e-1_2:3;4,5@6", strings.Repeat("x", 255), `a\b`, "+", "*",
	} {
		if err := account.CheckForeignID(id); err != nil {
			t.Errorf("%+q is refused: %v", id, err)
		}
	}
	for _, c := range []struct{ id, rule string }{
		{"", "length"},
		{strings.Repeat("x", 256), "length"},
		{strings.Repeat("ä", 128), "length"},
		{"a\xff", "utf8"},
		{"a\ufffdb", "utf8"},
		{"a\x00", "invisible_character"},
		{"a\tb", "invisible_character"},
		{"a\n", "invisible_character"},
		{"a\x7f", "invisible_character"},
		{"a\u0085", "invisible_character"},
		{"a\u200b", "invisible_character"},
		{"a\u200db", "invisible_character"},
		{"\ufeffa", "invisible_character"},
		{"a\u00adb", "invisible_character"},
		{"a\u2060", "invisible_character"},
		{"a\u202eb", "invisible_character"},
		{"a\u2066b\u2069", "invisible_character"},
		{"a\u200e", "invisible_character"},
		{"a\u061c", "invisible_character"},
		{"a\u00a0b", "invisible_character"},
		{"a\u3000b", "invisible_character"},
		{"a\u2003b", "invisible_character"},
		{"a\u2028b", "invisible_character"},
		{"a\u034fb", "invisible_character"},
		{"a\u115fb", "invisible_character"},
		{"a\u3164b", "invisible_character"},
		{"a\ufe0fb", "invisible_character"},
		{"a\U000e0100", "invisible_character"},
		{"a\U000e0041", "invisible_character"},
		{"a\ue000", "invisible_character"},
		{"a\u2800", "invisible_character"},
		{"a\u180e", "invisible_character"},
		{" a", "blank_at_end"},
		{"a ", "blank_at_end"},
		{" ", "blank_at_end"},
		{"cafe\u0301", "normal_form"},
		{"\u212b", "normal_form"},
		{".", "path"},
		{"..", "path"},
		{"/", "path"},
		{"a/", "path"},
		{"/a", "path"},
		{"a//b", "path"},
		{"a/..", "path"},
		{"./a", "path"},
		{"a/./b", "path"},
	} {
		f := fault.Of(account.CheckForeignID(c.id))
		if f == nil || f.Code != "invalid_foreign_id" || f.Extra["rule"] != c.rule || len(f.Fields) != 1 || f.Fields[0].Path != "foreign_id" {
			t.Errorf("%+q: %v, want the rule %s", c.id, f, c.rule)
		}
	}
}
