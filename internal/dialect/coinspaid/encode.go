package coinspaid

import "strings"

// plainASCII makes a text of ours safe for receivers that write a callback again before they
// check its signature: ASCII without characters that some encoders escape.
func plainASCII(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '/' || c == '\\' || c == '|':
			return '-'
		case c < ' ' || c > '~' || strings.ContainsRune(`<>&'"`, c):
			return ' '
		}
		return c
	}, s)
}
