package tylt

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"sluice/internal/dialect"
	"sluice/internal/money"
)

// fields are what a request says, by name.
type fields map[string]value

// fieldsOf reads the fields of a request: of its query, its form or its JSON. A name that
// stands there twice is refused. What nobody asks for is passed over, as at the vendor.
func fieldsOf(s Signed) (fields, error) {
	out := fields{}
	var all []member
	switch {
	case s.Post && !s.Form:
		v, err := parse(s.Body)
		if err != nil || v.kind != isObject {
			return nil, invalid("body")
		}
		all = v.members
	default:
		text := s.Query
		if s.Post {
			text = string(s.Body)
		}
		for _, p := range pairs(text) {
			all = append(all, member{p.name, value{kind: isText, plain: p.value}})
		}
	}
	for _, m := range all {
		if _, twice := out[m.name]; twice {
			return nil, invalid(printable(m.name))
		}
		out[m.name] = m.value
	}
	return out, nil
}

// printable keeps what is echoed short and without surprises.
func printable(name string) string {
	if len(name) > 50 || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return "body"
	}
	return name
}

// has tells whether a field is there with a value other than null or "".
func (f fields) has(name string) bool {
	v, ok := f[name]
	return ok && v.kind != isNull && (v.kind != isText || v.plain != "")
}

// text reads a text of at most so many bytes; "" when it is not there.
func (f fields) text(name string, most int) (string, error) {
	if !f.has(name) {
		return "", nil
	}
	v := f[name]
	if v.kind != isText || len(v.plain) > most || strings.ContainsFunc(v.plain, unreadable) {
		return "", invalid(name)
	}
	return v.plain, nil
}

func (f fields) needText(name string, most int) (string, error) {
	if !f.has(name) {
		return "", required(name)
	}
	return f.text(name, most)
}

// unreadable characters are in no text; lines may be broken.
func unreadable(c rune) bool {
	return c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f || c == utf8.RuneError
}

// object reads an object as JSON without blanks, of at most so many bytes; "" when it
// is not there.
func (f fields) object(name string, most int) (string, error) {
	if !f.has(name) {
		return "", nil
	}
	if v := f[name]; v.kind == isObject {
		if b := v.text(); len(b) <= most {
			return string(b), nil
		}
	}
	return "", invalid(name)
}

// decimal reads an amount, a number or a text of one, exactly: plain digits with an
// optional point.
func (f fields) decimal(name string) (string, error) {
	if !f.has(name) {
		return "", required(name)
	}
	v := f[name]
	if v.kind == isNumber || v.kind == isText {
		if s, ok := dialect.Decimal(v.plain); ok && s != "0" {
			return s, nil
		}
	}
	return "", invalid(name)
}

// within is an amount as one of an asset.
func within(a money.Asset, decimal, name string) (money.Amount, error) {
	x, err := a.Parse(decimal)
	if err != nil {
		return x, invalid(name)
	}
	return x, nil
}

// whole reads a whole number between two bounds.
func (f fields) whole(name string, otherwise, low, high int) (int, error) {
	if !f.has(name) {
		return otherwise, nil
	}
	v := f[name].plain
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high || strconv.Itoa(n) != v {
		return 0, invalid(name)
	}
	return n, nil
}
