package tylt

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// depthMax bounds how deep values are nested.
const depthMax = 16

var errJSON = errors.New("the body is no JSON, holds a name twice, or is nested too deep")

// value is a JSON value with its members in the order in which they were written: a
// client's signature may be over exactly that.
type value struct {
	kind    kind
	plain   string // of a text: what it says; of a number, true, false and null: as it was written
	members []member
	items   []value
}

type member struct {
	name string
	value
}

type kind int

const (
	isNull kind = iota
	isBool
	isNumber
	isText
	isObject
	isList
)

// parse reads one JSON value. An object that holds a name twice is refused: two
// readers could take different ones.
func parse(body []byte) (value, error) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return value{}, errJSON
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return read(d, 0)
}

func read(d *json.Decoder, depth int) (value, error) {
	t, err := d.Token()
	if err != nil || depth > depthMax {
		return value{}, errJSON
	}
	switch x := t.(type) {
	case json.Delim:
		if x == '{' {
			return readObject(d, depth)
		}
		v := value{kind: isList}
		for d.More() {
			item, err := read(d, depth+1)
			if err != nil {
				return v, err
			}
			v.items = append(v.items, item)
		}
		_, err := d.Token()
		return v, err
	case json.Number:
		return value{kind: isNumber, plain: x.String()}, nil
	case string:
		return value{kind: isText, plain: x}, nil
	case bool:
		if x {
			return value{kind: isBool, plain: "true"}, nil
		}
		return value{kind: isBool, plain: "false"}, nil
	}
	return value{kind: isNull, plain: "null"}, nil
}

func readObject(d *json.Decoder, depth int) (value, error) {
	v, seen := value{kind: isObject}, map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok || seen[name] {
			return v, errJSON
		}
		seen[name] = true
		x, err := read(d, depth+1)
		if err != nil {
			return v, err
		}
		v.members = append(v.members, member{name, x})
	}
	_, err := d.Token()
	return v, err
}

// text writes a value as JSON.stringify does: no blanks, members in order. Numbers
// stay as they were written.
func (v value) text() []byte { return v.append(nil) }

func (v value) append(b []byte) []byte {
	switch v.kind {
	case isText:
		return appendText(b, v.plain)
	case isObject:
		b = append(b, '{')
		for n, m := range v.members {
			if n > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, m.name), ':')
			b = m.append(b)
		}
		return append(b, '}')
	case isList:
		b = append(b, '[')
		for n, x := range v.items {
			if n > 0 {
				b = append(b, ',')
			}
			b = x.append(b)
		}
		return append(b, ']')
	case isNull, isBool, isNumber:
	}
	return append(b, v.plain...)
}

const hexDigits = "0123456789abcdef"

// appendText writes a text as JSON.stringify does: only quotes, backslashes and
// control characters are escaped.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= ' ':
			b = append(b, c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c == '\b':
			b = append(b, '\\', 'b')
		case c == '\f':
			b = append(b, '\\', 'f')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(b, '"')
}
