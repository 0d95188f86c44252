package tylt

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"sluice/internal/dialect"
	"sluice/internal/fault"
	"sluice/internal/json"
	"sluice/internal/money"
)

// fields are what a request says, by name: an object, whatever form it came in.
type fields struct{ json.Value }

// fieldsOf reads the fields of a request: of its query, its form or its JSON. A name that
// appears twice, in any case, is refused. What nobody asks for is ignored, as at the vendor.
func fieldsOf(s Signed) (fields, error) {
	text := s.Body
	if !s.Post {
		text = object(pairs(s.Query), false)
	} else if s.Form {
		text = object(pairs(string(s.Body)), false)
	}
	v, err := dialect.ParseBody(text)
	if f := fault.Of(err); f != nil {
		if len(f.Fields) > 0 {
			return fields{}, invalid(printable(f.Fields[0].Path))
		}
		return fields{}, invalid("body")
	}
	if v.Kind() != json.Object {
		return fields{}, invalid("body")
	}
	return fields{v}, nil
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
	v := f.Get(name)
	return v.Exists() && (v.Kind() != json.String || v.Text() != "")
}

// text reads a text of at most so many bytes, or a number as it was written; "" when it is
// not there.
func (f fields) text(name string, most int) (string, error) {
	if !f.has(name) {
		return "", nil
	}
	v := f.Get(name)
	s := v.Text()
	if v.Kind() != json.String && v.Kind() != json.Number || len(s) > most || strings.ContainsFunc(s, unreadable) {
		return "", invalid(name)
	}
	return s, nil
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

// note reads what is kept for people and decides nothing: any value, as its text or its
// JSON, without what cannot be read, and no more of it than there is room for.
func (f fields) note(name string, most int) string {
	if !f.has(name) {
		return ""
	}
	v := f.Get(name)
	s, ok := v.Scalar()
	if !ok {
		s = string(v.Append(nil))
	}
	return cut(strings.Map(func(c rune) rune {
		if unreadable(c) {
			return -1
		}
		return c
	}, s), most)
}

// cut shortens a text to a number of bytes, between characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// decimal reads an amount above zero, a number or a text of one, exactly: plain digits with
// an optional point.
func (f fields) decimal(name string) (string, error) {
	if !f.has(name) {
		return "", required(name)
	}
	if v := f.Get(name); v.Kind() == json.Number || v.Kind() == json.String {
		if s, ok := dialect.Decimal(v.Text()); ok && s != "0" {
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
	v := f.Get(name).Text()
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high || strconv.Itoa(n) != v {
		return 0, invalid(name)
	}
	return n, nil
}
