package api

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// timeLayout is how every time is written: UTC, microseconds, fixed width.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// writer builds JSON by appending. The same calls give the same bytes, on which
// replays and signatures of messages rest.
type writer struct {
	b   []byte
	err error // what could not be written, the first
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) comma() {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' && w.b[n-1] != '[' && w.b[n-1] != ':' {
		w.b = append(w.b, ',')
	}
}

// key begins a member. Keys are ours and need no escapes.
func (w *writer) key(k string) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, k...)
	w.b = append(w.b, '"', ':')
}

func (w *writer) open()  { w.comma(); w.b = append(w.b, '{') }
func (w *writer) close() { w.b = append(w.b, '}') }

// object begins a member that is an object.
func (w *writer) object(k string) { w.key(k); w.b = append(w.b, '{') }

// list begins a member that is a list; endList ends it.
func (w *writer) list(k string) { w.key(k); w.b = append(w.b, '[') }
func (w *writer) endList()      { w.b = append(w.b, ']') }

// item adds a text to a list.
func (w *writer) item(s string) { w.comma(); w.b = appendText(w.b, s) }

func (w *writer) text(k, v string) { w.key(k); w.b = appendText(w.b, v) }

// plain is text for values of our own that need no escapes: ids, amounts, states.
func (w *writer) plain(k, v string) {
	w.key(k)
	w.b = append(w.b, '"')
	w.b = append(w.b, v...)
	w.b = append(w.b, '"')
}

// maybe is text, with null for "".
func (w *writer) maybe(k, v string) {
	if v == "" {
		w.null(k)
		return
	}
	w.text(k, v)
}

func (w *writer) null(k string)             { w.key(k); w.b = append(w.b, "null"...) }
func (w *writer) number(k string, v int64)  { w.key(k); w.b = strconv.AppendInt(w.b, v, 10) }
func (w *writer) boolean(k string, v bool)  { w.key(k); w.b = strconv.AppendBool(w.b, v) }
func (w *writer) raw(k string, json string) { w.key(k); w.b = append(w.b, json...) }

// time writes a moment, null for none.
func (w *writer) time(k string, t time.Time) {
	if t.IsZero() {
		w.null(k)
		return
	}
	w.key(k)
	w.b = append(w.b, '"')
	w.b = t.UTC().AppendFormat(w.b, timeLayout)
	w.b = append(w.b, '"')
}

const hexDigits = "0123456789abcdef"

// appendText writes a JSON text. Only what must be escaped is; bytes that are no
// UTF-8 become the replacement character.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += n
			continue
		}
		i++
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i-1]...)
		from = i
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}
