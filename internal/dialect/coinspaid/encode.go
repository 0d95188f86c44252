package coinspaid

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// writer builds compact JSON with the keys in the order of the calls.
type writer struct{ b []byte }

func (w *writer) comma() {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' && w.b[n-1] != '[' && w.b[n-1] != ':' {
		w.b = append(w.b, ',')
	}
}

func (w *writer) key(k string) *writer {
	w.comma()
	w.b = append(append(append(w.b, '"'), k...), '"', ':')
	return w
}

func (w *writer) open() *writer  { w.comma(); w.b = append(w.b, '{'); return w }
func (w *writer) close() *writer { w.b = append(w.b, '}'); return w }
func (w *writer) list() *writer  { w.comma(); w.b = append(w.b, '['); return w }
func (w *writer) end() *writer   { w.b = append(w.b, ']'); return w }

// text writes a text as it is: "/" and signs of HTML are not escaped.
func (w *writer) text(k, v string) *writer {
	w.key(k)
	w.b = append(w.b, quoted(v)...)
	return w
}

func quoted(v string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // a text: cannot fail
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func (w *writer) number(k string, n int64) *writer {
	w.key(k)
	w.b = strconv.AppendInt(w.b, n, 10)
	return w
}

func (w *writer) null(k string) *writer {
	w.key(k)
	w.b = append(w.b, "null"...)
	return w
}

// maybe writes a text, or null for "".
func (w *writer) maybe(k, v string) *writer {
	if v == "" {
		return w.null(k)
	}
	return w.text(k, v)
}

// tame makes a text of ours safe for receivers that write a callback again before they
// check its signature: ASCII without characters that some encoders escape.
func tame(s string) string {
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
