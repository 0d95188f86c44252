// Package text turns what people type into what SEPA files may carry: the Latin
// character set of the schemes, references, remittance texts and names. It has no
// state and reaches nothing; every part of Sluice may use it.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"sluice/internal/fault"
)

// The lengths of the schemes, in characters after mapping.
const (
	RemittanceMax = 140
	NameMax       = 70
	ReferenceMax  = 35
)

// typedMax bounds what is looked at at all. Mapping can make a text longer, and it
// can make it shorter (combining marks), but not by this much.
const typedMax = 1000

// Allowed tells whether a character is in the set that every bank must take:
// a-z A-Z 0-9 / - ? : ( ) . , ' + and the blank.
// Source: EPC implementation guidelines, character set.
func Allowed(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r != 0 && strings.ContainsRune("/-?:().,'+ ", r)
}

// Clean tells whether a text needs no mapping.
func Clean(s string) bool {
	for _, r := range s {
		if !Allowed(r) {
			return false
		}
	}
	return true
}

// Mapped is a text in both forms. Keep both: what was typed is what the user
// recognizes, what was sent is what comes back from banks.
type Mapped struct {
	Typed string
	Text  string
	// Lost are the characters for which there is no likeness: each became a full
	// stop. A person should see the result before it is sent.
	Lost []rune
}

// Changed tells whether the bank will see something else than was typed.
func (m Mapped) Changed() bool { return m.Typed != m.Text }

// Map brings a text into the allowed set, character by character: first by the
// table in table.go, then by taking accents off, and what is left becomes a full
// stop (EPC217-08, best practice). Line ends and other blanks become blanks; blanks at
// both ends go. The result depends on nothing but the text.
func Map(s string) Mapped {
	m := Mapped{Typed: s}
	var b strings.Builder
	for _, r := range norm.NFC.String(s) {
		if to, ok := mapRune(r); ok {
			b.WriteString(to)
			continue
		}
		m.Lost = append(m.Lost, r)
		b.WriteByte('.')
	}
	m.Text = strings.Trim(b.String(), " ")
	return m
}

func mapRune(r rune) (string, bool) {
	if Allowed(r) {
		return string(r), true
	}
	if to, ok := table[r]; ok {
		return to, true
	}
	if unicode.IsSpace(r) {
		return " ", true
	}
	// Letters with accents that the table does not list: é, ő, ș.
	var b strings.Builder
	for _, part := range norm.NFKD.String(string(r)) {
		to, listed := table[part]
		switch {
		case Allowed(part):
			b.WriteRune(part)
		case listed:
			b.WriteString(to)
		case !unicode.Is(unicode.Mn, part) && !unicode.Is(unicode.Cf, part):
			return "", false
		}
	}
	// Marks and format characters that stand alone vanish.
	return b.String(), true
}

// Remittance maps the text that goes with a payment. The error is an Invalid
// fault without a field: remittance_too_long.
func Remittance(typed string) (Mapped, error) {
	return limited(typed, RemittanceMax, "remittance_too_long", "the remittance text")
}

// Name maps the name of an account's holder. The error is an Invalid fault without a
// field: name_empty or name_too_long.
func Name(typed string) (Mapped, error) {
	m, err := limited(typed, NameMax, "name_too_long", "the name")
	if err == nil && strings.Trim(m.Text, " .,-'/") == "" {
		return m, fault.New(fault.Invalid, "name_empty", "the name has no letter that a bank can read: write it in Latin letters")
	}
	return m, err
}

func limited(typed string, limit int, code, what string) (Mapped, error) {
	if len(typed) > typedMax || !utf8.ValidString(typed) {
		return Mapped{}, fault.New(fault.Invalid, code, "%s is at most %d characters of valid UTF-8", what, limit)
	}
	m := Map(typed)
	if n := len(m.Text); n > limit {
		return m, fault.New(fault.Invalid, code, "%s has %d characters in the character set of banks, at most %d are allowed (%q)", what, n, limit, m.Text)
	}
	return m, nil
}

// CheckReference refuses what cannot be an identification in a SEPA file: a message
// id, an end-to-end id. It has 1 to 35 characters of the allowed set, no blank at an
// end, does not begin or end with a slash and has no two slashes in a row: systems on the
// way cut such references up. References are checked, never mapped: they must
// come back as they went. The error is an Invalid fault, reference_malformed.
// Source: EPC implementation guidelines, rules for identifications.
func CheckReference(s string) error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "reference_malformed", "reference %.40q: "+format, append([]any{s}, args...)...)
	}
	switch {
	case s == "":
		return fault.New(fault.Invalid, "reference_malformed", "a reference must not be empty")
	case len(s) > ReferenceMax:
		return bad("a reference has at most %d characters, this one has %d", ReferenceMax, len(s))
	case !Clean(s):
		return bad("only a-z A-Z 0-9 / - ? : ( ) . , ' + and blanks are allowed")
	case strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/") || strings.Contains(s, "//"):
		return bad("a reference does not begin or end with a slash and has no two in a row")
	case strings.Trim(s, " ") != s:
		return bad("a reference does not begin or end with a blank")
	}
	return nil
}

// Reference makes a reference of a text that somebody else chose: it maps the text and
// takes offending slashes and blanks out. It can be empty, too long or no longer
// unique: see CheckReference.
func Reference(typed string) string {
	parts := strings.FieldsFunc(Map(typed).Text, func(r rune) bool { return r == '/' })
	for n := range parts {
		parts[n] = strings.Trim(parts[n], " ")
	}
	return strings.Trim(strings.Join(parts, "/"), "/ ")
}
