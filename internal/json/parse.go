// Package json reads and writes JSON without surprises: numbers keep the digits they were
// written with, positions are known, and a name that appears twice in an object, in any
// case, is refused, because two readers could take different members for it. Every
// surface reads requests with it. Surfaces differ in policy, not in parsing: the native
// API refuses members that it did not ask for (Value.Unread), the wires of other
// providers ignore them.
package json

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"sluice/internal/fault"
)

// Policy bounds a document beyond its size, which keeps parsing linear in the size, and
// says what to do about texts that are not characters.
type Policy struct {
	Depth   int // levels below the outermost value
	Members int // of one object
	// Nodes bounds the values of a document. Each takes some seventy bytes, so that without
	// a bound a body of "0,0,0" would need a hundred times its size.
	Nodes int
	// Replace reads NUL and half characters as U+FFFD. Without it they are errors: no store
	// keeps them in a text.
	Replace bool
}

// Kind is what a value is, in the words of error messages.
type Kind string

// The kinds. A missing member has the kind "".
const (
	Object Kind = "an object"
	Array  Kind = "an array"
	String Kind = "a text"
	Number Kind = "a number"
	Bool   Kind = "true or false"
	Null   Kind = "null"
)

// node is one value. The nodes of a document are in the order of the text; end is the
// index after the last node inside.
type node struct {
	kind Kind
	key  string // of the member, inside an object
	text string // of a string without quotes and escapes; of a number or literal as written
	end  int
	read bool // Get has returned it
}

// Document is a JSON text, parsed once: valid UTF-8, no duplicate names, no two names that
// differ only in case, nothing after the value.
type Document struct {
	src    string
	pos    int
	policy Policy
	nodes  []node
}

// Empty returns the document of an object without members.
func Empty() *Document { return &Document{nodes: []node{{kind: Object, end: 1}}} }

// Parse reads a whole text. Errors are faults of the kind Invalid with the code
// malformed_json, body_required (nothing but blanks), duplicate_key, ambiguous_key or
// too_many_fields.
func Parse(text []byte, p Policy) (*Document, error) {
	d := &Document{src: string(text), policy: p, nodes: make([]node, 0, 16)}
	if !utf8.Valid(text) {
		return nil, fault.New(fault.Invalid, "malformed_json", "the body is not UTF-8")
	}
	d.space()
	if d.pos == len(d.src) {
		return nil, fault.New(fault.Invalid, "body_required", "this request needs a JSON object as its body")
	}
	if err := d.value("", "", 0); err != nil {
		return nil, err
	}
	d.space()
	if d.pos != len(d.src) {
		return nil, d.malformed("something follows the value")
	}
	return d, nil
}

func (d *Document) malformed(what string) error {
	return fault.New(fault.Invalid, "malformed_json", "the body is not JSON at byte %d: %s", d.pos, what)
}

func (d *Document) space() {
	for d.pos < len(d.src) {
		switch d.src[d.pos] {
		case ' ', '\t', '\r', '\n':
			d.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end. A NUL byte in the text fits no rule either.
func (d *Document) peek() byte {
	if d.pos == len(d.src) {
		return 0
	}
	return d.src[d.pos]
}

// value reads one value, the pos being at its first byte. path is that of what
// holds it, and is used in errors only.
func (d *Document) value(key, path string, depth int) error {
	if depth > d.policy.Depth {
		return fault.New(fault.Invalid, "malformed_json", "the body is nested more than %d deep", d.policy.Depth)
	}
	at := len(d.nodes)
	if at == d.policy.Nodes {
		return fault.New(fault.Invalid, "malformed_json", "the body has more than %d values: split the request", d.policy.Nodes)
	}
	d.nodes = append(d.nodes, node{key: key})
	var kind Kind
	var text string
	var err error
	switch c := d.peek(); {
	case c == '{':
		kind, err = Object, d.object(at, path, depth)
	case c == '[':
		kind, err = Array, d.array(path, depth)
	case c == '"':
		kind = String
		text, err = d.text()
	case c == '-' || c >= '0' && c <= '9':
		kind = Number
		text, err = d.number()
	default:
		kind, text, err = d.literal()
	}
	n := &d.nodes[at]
	n.kind, n.text, n.end = kind, text, len(d.nodes)
	return err
}

func (d *Document) literal() (Kind, string, error) {
	for _, l := range [...]struct {
		kind Kind
		text string
	}{{Bool, "true"}, {Bool, "false"}, {Null, "null"}} {
		if strings.HasPrefix(d.src[d.pos:], l.text) {
			d.pos += len(l.text)
			return l.kind, l.text, nil
		}
	}
	if d.pos == len(d.src) {
		return "", "", d.malformed("it ends too early")
	}
	return "", "", d.malformed("a value is expected here")
}

func (d *Document) object(at int, path string, depth int) error {
	d.pos++
	d.space()
	if d.peek() == '}' {
		d.pos++
		return nil
	}
	for members := 1; ; members++ {
		if d.peek() != '"' {
			return d.malformed("a key in quotes is expected here")
		}
		key, err := d.text()
		if err != nil {
			return err
		}
		inner := Join(path, key)
		if members > d.policy.Members {
			return fault.Bad("too_many_fields", inner, "an object has at most %d fields", d.policy.Members)
		}
		if err := d.fresh(at, key, inner); err != nil {
			return err
		}
		d.space()
		if d.peek() != ':' {
			return d.malformed("a colon is expected here")
		}
		d.pos++
		d.space()
		if err := d.value(key, inner, depth+1); err != nil {
			return err
		}
		d.space()
		switch d.peek() {
		case ',':
			d.pos++
			d.space()
		case '}':
			d.pos++
			return nil
		default:
			return d.malformed("a comma or the end of the object is expected here")
		}
	}
}

// fresh refuses a key that the object at has already, in any case.
func (d *Document) fresh(at int, key, path string) error {
	for i := at + 1; i < len(d.nodes); i = d.nodes[i].end {
		have := d.nodes[i].key
		if have == key {
			return fault.Bad("duplicate_key", path, "the key appears twice; nobody can tell which value is meant")
		}
		if strings.EqualFold(have, key) {
			return fault.Bad("ambiguous_key", path, "the keys %q and %q differ only in case; use one", have, key)
		}
	}
	return nil
}

func (d *Document) array(path string, depth int) error {
	d.pos++
	d.space()
	if d.peek() == ']' {
		d.pos++
		return nil
	}
	for n := 0; ; n++ {
		inner := path
		if depth < d.policy.Depth {
			inner = path + "[" + strconv.Itoa(n) + "]"
		}
		if err := d.value("", inner, depth+1); err != nil {
			return err
		}
		d.space()
		switch d.peek() {
		case ',':
			d.pos++
			d.space()
		case ']':
			d.pos++
			return nil
		default:
			return d.malformed("a comma or the end of the array is expected here")
		}
	}
}

// number reads a number as JSON writes it, and keeps its text.
func (d *Document) number() (string, error) {
	from := d.pos
	if d.peek() == '-' {
		d.pos++
	}
	switch {
	case d.peek() == '0':
		d.pos++
	case d.digits() == 0:
		return "", d.malformed("a digit is expected here")
	}
	if d.peek() == '.' {
		d.pos++
		if d.digits() == 0 {
			return "", d.malformed("a digit is expected here")
		}
	}
	if c := d.peek(); c == 'e' || c == 'E' {
		d.pos++
		if c := d.peek(); c == '+' || c == '-' {
			d.pos++
		}
		if d.digits() == 0 {
			return "", d.malformed("a digit is expected here")
		}
	}
	return d.src[from:d.pos], nil
}

func (d *Document) digits() int {
	from := d.pos
	for c := d.peek(); c >= '0' && c <= '9'; c = d.peek() {
		d.pos++
	}
	return d.pos - from
}

// text reads a quoted string. Most have no escapes and are cut out as they are.
func (d *Document) text() (string, error) {
	d.pos++
	from := d.pos
	for ; d.pos < len(d.src); d.pos++ {
		switch c := d.src[d.pos]; {
		case c == '"':
			d.pos++
			return d.src[from : d.pos-1], nil
		case c == '\\':
			return d.escaped(from)
		case c < ' ':
			return "", d.malformed("a control character in a text must be escaped")
		}
	}
	return "", d.malformed("a text does not end")
}

func (d *Document) escaped(from int) (string, error) {
	b := append(make([]byte, 0, d.pos-from+32), d.src[from:d.pos]...)
	for d.pos < len(d.src) {
		c := d.src[d.pos]
		switch {
		case c == '"':
			d.pos++
			return string(b), nil
		case c < ' ':
			return "", d.malformed("a control character in a text must be escaped")
		case c != '\\':
			b = append(b, c)
			d.pos++
			continue
		}
		d.pos++
		r, ok := d.escape()
		if !ok {
			return "", d.malformed("this escape does not exist")
		}
		if r == 0 || utf16.IsSurrogate(r) {
			if !d.policy.Replace {
				return "", d.malformed("this escape is no character")
			}
			r = utf8.RuneError
		}
		b = utf8.AppendRune(b, r)
	}
	return "", d.malformed("a text does not end")
}

// escape reads what follows a backslash.
func (d *Document) escape() (rune, bool) {
	c := d.peek()
	d.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		r, ok := d.hex4()
		if !ok || !utf16.IsSurrogate(r) || !strings.HasPrefix(d.src[d.pos:], `\u`) {
			return r, ok
		}
		from := d.pos
		d.pos += 2
		low, ok := d.hex4()
		if full := utf16.DecodeRune(r, low); ok && full != utf8.RuneError {
			return full, true
		}
		d.pos = from // what follows is a character of its own
		return r, true
	}
	d.pos-- // an unknown escape, or the end: the position is the error's
	return 0, false
}

func (d *Document) hex4() (rune, bool) {
	if len(d.src)-d.pos < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(d.src[d.pos:d.pos+4], 16, 16)
	if err != nil {
		return 0, false
	}
	d.pos += 4
	return rune(n), true
}

// Join returns the path of a member of the object at path.
func Join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
