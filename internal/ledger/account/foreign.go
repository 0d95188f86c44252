package account

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"sluice/internal/fault"
)

// CheckForeignID refuses an id of the merchant's own, of anything, that could be taken
// for another one or could not be asked for: 1 to MaxText bytes of UTF-8 in the normal
// form C, without blanks at either end, without characters that show nothing, change
// the direction of writing or only look like a blank; and nothing that a path of a URL
// cannot carry, which proxies and routers tidy up before anybody reads it ("." and ".."
// between slashes, two slashes in a row, a slash at either end). The fault is Invalid,
// about foreign_id, and names the rule.
func CheckForeignID(s string) error {
	switch rule, text := foreignRule(s); {
	case rule != "":
		return fault.Bad("invalid_foreign_id", "foreign_id", "%s", text).With("rule", rule)
	default:
		return nil
	}
}

// foreignRule names the rule that an id breaks, and says it for a person; "" for none.
func foreignRule(s string) (rule, text string) {
	if s == "" || len(s) > MaxText {
		return "length", fmt.Sprintf("your own id has 1 to %d bytes, this one has %d", MaxText, len(s))
	}
	for at, r := range s {
		switch {
		case r == utf8.RuneError:
			return "utf8", fmt.Sprintf("your own id must be UTF-8; byte %d is not, or is the replacement character U+FFFD", at)
		case unseen(r):
			return "invisible_character", fmt.Sprintf("your own id must show every character it has; U+%04X at byte %d shows nothing: remove it", r, at)
		}
	}
	if s[0] == ' ' || s[len(s)-1] == ' ' {
		return "blank_at_end", "your own id must not begin or end with a blank: remove it"
	}
	if !norm.NFC.IsNormalString(s) {
		return "normal_form", "your own id must be in the Unicode normal form C: the same letters in another form would be another id"
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == "." || part == ".." || part == "" && strings.Contains(s, "/") {
			return "path", `your own id is asked for in a path: it must not be "." or "..", nor have such a part, or none, before, between or after slashes`
		}
	}
	return "", ""
}

// unseen tells whether a character cannot be told from nothing or from a blank.
func unseen(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return unicode.In(r, unicode.C, unicode.Z, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || r == 0x2800
}
