package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"sluice/internal/fault"
)

// Bounds of a request body beyond its size. They keep reading linear in the size.
const (
	maxDepth   = 8
	maxMembers = 64 // of one object
	// maxNodes bounds the values of a body. Each takes some seventy bytes here, so that
	// without a bound a body of "0,0,0" would need a hundred times its size. A full
	// batch in which every withdrawal says all it can say has 31,000.
	maxNodes = 1 << 16
)

// nodeKind is what a JSON value is, in the words of the answers.
type nodeKind string

const (
	isObject nodeKind = "an object"
	isArray  nodeKind = "an array"
	isText   nodeKind = "a text"
	isNumber nodeKind = "a number"
	isBool   nodeKind = "true or false"
	isNull   nodeKind = "null"
)

// node is one JSON value. The nodes of a document stand in the order of the text;
// end is the index after the last node inside.
type node struct {
	kind nodeKind
	key  string // of the member, inside an object
	text string // of a text without quotes and escapes; of a number or literal as written
	end  int
	used bool // asked for: what nobody asks for is unknown
}

// document is a request body, parsed once and strictly: valid UTF-8, no duplicate
// keys, no two keys that differ only in case (some parsers would take the second
// for the first), nothing after the value. Wrong fields are collected, so that one
// answer names them all.
type document struct {
	src    string
	pos    int
	nodes  []node
	code   string // of the first wrong field
	fields []fault.Field
}

// parse reads a whole body. The error is a fault of kind Invalid.
func parse(body []byte) (*document, error) {
	d := &document{src: string(body), nodes: make([]node, 0, 16)}
	if !utf8.Valid(body) {
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
	if d.nodes[0].kind != isObject {
		return nil, fault.New(fault.Invalid, "malformed_json", "the body is %s; this request needs a JSON object", d.nodes[0].kind)
	}
	return d, nil
}

func (d *document) malformed(what string) error {
	return fault.New(fault.Invalid, "malformed_json", "the body is not JSON at byte %d: %s", d.pos, what)
}

func (d *document) space() {
	for d.pos < len(d.src) {
		switch d.src[d.pos] {
		case ' ', '\t', '\r', '\n':
			d.pos++
		default:
			return
		}
	}
}

// peek is the next byte, 0 at the end. A NUL byte in the text fits no rule either.
func (d *document) peek() byte {
	if d.pos == len(d.src) {
		return 0
	}
	return d.src[d.pos]
}

// value reads one value, the pos being at its first byte. path is that of what
// holds it, and is used in errors only.
func (d *document) value(key, path string, depth int) error {
	if depth > maxDepth {
		return fault.New(fault.Invalid, "malformed_json", "the body is nested more than %d deep", maxDepth)
	}
	at := len(d.nodes)
	if at == maxNodes {
		return fault.New(fault.Invalid, "malformed_json", "the body has more than %d values: split the request", maxNodes)
	}
	d.nodes = append(d.nodes, node{key: key})
	var kind nodeKind
	var text string
	var err error
	switch c := d.peek(); {
	case c == '{':
		kind, err = isObject, d.object(at, path, depth)
	case c == '[':
		kind, err = isArray, d.array(path, depth)
	case c == '"':
		kind = isText
		text, err = d.text()
	case c == '-' || c >= '0' && c <= '9':
		kind = isNumber
		text, err = d.number()
	default:
		kind, text, err = d.literal()
	}
	n := &d.nodes[at]
	n.kind, n.text, n.end = kind, text, len(d.nodes)
	return err
}

func (d *document) literal() (nodeKind, string, error) {
	for _, l := range [...]struct {
		kind nodeKind
		text string
	}{{isBool, "true"}, {isBool, "false"}, {isNull, "null"}} {
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

func (d *document) object(at int, path string, depth int) error {
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
		inner := join(path, key)
		if members > maxMembers {
			return fault.Bad("too_many_fields", inner, "an object has at most %d fields", maxMembers)
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
func (d *document) fresh(at int, key, path string) error {
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

func (d *document) array(path string, depth int) error {
	d.pos++
	d.space()
	if d.peek() == ']' {
		d.pos++
		return nil
	}
	for n := 0; ; n++ {
		inner := path
		if depth < maxDepth {
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
func (d *document) number() (string, error) {
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

func (d *document) digits() int {
	from := d.pos
	for c := d.peek(); c >= '0' && c <= '9'; c = d.peek() {
		d.pos++
	}
	return d.pos - from
}

// text reads a quoted text. Most have no escapes and are cut out as they stand.
func (d *document) text() (string, error) {
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

func (d *document) escaped(from int) (string, error) {
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
		// No store keeps NUL in a text, and half a character is none.
		if r == 0 || utf16.IsSurrogate(r) {
			return "", d.malformed("this escape is no character")
		}
		b = utf8.AppendRune(b, r)
	}
	return "", d.malformed("a text does not end")
}

// escape reads what follows a backslash.
func (d *document) escape() (rune, bool) {
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
		d.pos += 2
		low, ok := d.hex4()
		if full := utf16.DecodeRune(r, low); full != utf8.RuneError {
			return full, ok
		}
		return r, ok
	}
	d.pos-- // an unknown escape, or the end: the position is the error's
	return 0, false
}

func (d *document) hex4() (rune, bool) {
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

// canonical writes a value without blanks and with its keys sorted, so that two
// bodies which say the same have one fingerprint.
func (d *document) canonical(b []byte, at int) []byte {
	n := &d.nodes[at]
	switch n.kind {
	case isText:
		return appendText(b, n.text)
	case isNumber, isBool, isNull:
		return append(b, n.text...)
	case isArray:
		b = append(b, '[')
		for i := at + 1; i < n.end; i = d.nodes[i].end {
			if i > at+1 {
				b = append(b, ',')
			}
			b = d.canonical(b, i)
		}
		return append(b, ']')
	case isObject:
	}
	var keys []int
	for i := at + 1; i < n.end; i = d.nodes[i].end {
		keys = append(keys, i)
	}
	slices.SortFunc(keys, func(x, y int) int { return strings.Compare(d.nodes[x].key, d.nodes[y].key) })
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, d.nodes[k].key), ':')
		b = d.canonical(b, k)
	}
	return append(b, '}')
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// wrong notes a wrong field. The first one names the code of the answer.
func (d *document) wrong(code, path, format string, args ...any) {
	if d.code == "" {
		d.code = code
	}
	if len(d.fields) < 100 {
		d.fields = append(d.fields, fault.Field{Path: path, Rule: fmt.Sprintf(format, args...)})
	}
}

// err is what is wrong so far, or nil.
func (d *document) err() error {
	if d.code == "" {
		return nil
	}
	f := &fault.Error{Kind: fault.Invalid, Code: d.code, Fields: d.fields}
	f.Message = d.fields[0].Path + ": " + d.fields[0].Rule
	if n := len(d.fields) - 1; n > 0 {
		f.Message += fmt.Sprintf(" (and %d more)", n)
	}
	return f
}
