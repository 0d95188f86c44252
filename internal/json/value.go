package json

import (
	"iter"
	"slices"
	"strings"
)

// Value is one value of a document. The zero Value is a member that does not exist: it
// has no kind, no text and no members.
type Value struct {
	d *Document
	i int
}

// Root returns the outermost value.
func (d *Document) Root() Value { return Value{d, 0} }

func (v Value) node() *node {
	if v.d == nil {
		return &node{end: 1}
	}
	return &v.d.nodes[v.i]
}

// Kind returns what the value is; "" for one that does not exist.
func (v Value) Kind() Kind { return v.node().kind }

// Exists reports whether there is a value other than null.
func (v Value) Exists() bool { k := v.Kind(); return k != "" && k != Null }

// Text returns a string without quotes and escapes, and a number or literal as it was
// written.
func (v Value) Text() string { return v.node().text }

// Scalar returns the text of a string, number, true or false; not ok for anything else.
// It is for surfaces that take "10" and 10 for the same.
func (v Value) Scalar() (text string, ok bool) {
	switch n := v.node(); n.kind {
	case String, Number, Bool:
		return n.text, true
	case Object, Array, Null:
	}
	return "", false
}

// Len returns how many values are directly inside.
func (v Value) Len() (n int) {
	for range v.All() {
		n++
	}
	return n
}

// Get returns a member of an object by its exact name, and marks it as read.
func (v Value) Get(name string) Value {
	if v.d == nil {
		return Value{}
	}
	for i, end := v.i+1, v.d.nodes[v.i].end; i < end; i = v.d.nodes[i].end { // the hot path of every request
		if n := &v.d.nodes[i]; n.key == name {
			n.read = true
			return Value{v.d, i}
		}
	}
	return Value{}
}

// Read marks the value as known to the reader.
func (v Value) Read() {
	if v.d != nil {
		v.d.nodes[v.i].read = true
	}
}

// All iterates over what is directly inside an object or array, in the order of the text.
// The keys of an array's values are "".
func (v Value) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.d == nil {
			return
		}
		for i, end := v.i+1, v.d.nodes[v.i].end; i < end; i = v.d.nodes[i].end {
			if !yield(v.d.nodes[i].key, Value{v.d, i}) {
				return
			}
		}
	}
}

// Unread iterates over the names of members that nobody has asked for, in this object alone.
func (v Value) Unread() iter.Seq[string] {
	return func(yield func(string) bool) {
		for name, m := range v.All() {
			if !m.node().read && !yield(name) {
				return
			}
		}
	}
}

// Append writes the value without blanks, members in their order, numbers as they were
// written: what JSON.stringify gives, as long as it writes numbers the same way.
func (v Value) Append(b []byte) []byte { return v.append(b, false) }

// Canonical writes the value without blanks and with its names sorted, so that two texts
// that say the same have one fingerprint.
func (v Value) Canonical(b []byte) []byte { return v.append(b, true) }

func (v Value) append(b []byte, sorted bool) []byte {
	switch n := v.node(); n.kind {
	case String:
		return AppendString(b, n.text)
	case Array:
		b = append(b, '[')
		first := true
		for _, x := range v.All() {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = x.append(b, sorted)
		}
		return append(b, ']')
	case Object:
	case Number, Bool, Null:
		return append(b, n.text...)
	}
	var members []Value
	for _, m := range v.All() {
		members = append(members, m)
	}
	if sorted {
		slices.SortFunc(members, func(x, y Value) int { return strings.Compare(x.node().key, y.node().key) })
	}
	b = append(b, '{')
	for n, m := range members {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(AppendString(b, m.node().key), ':')
		b = m.append(b, sorted)
	}
	return append(b, '}')
}
