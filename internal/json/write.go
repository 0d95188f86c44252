package json

import (
	"strconv"
	"unicode/utf8"
)

// Writer builds compact JSON, members in the order of the calls: the same calls give the
// same bytes, on which signatures and repeats rest. Names are the program's own and need
// no escapes. The zero Writer is ready.
type Writer struct{ b []byte }

// Bytes returns what was written.
func (w *Writer) Bytes() []byte { return w.b }

func (w *Writer) comma() {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' && w.b[n-1] != '[' && w.b[n-1] != ':' {
		w.b = append(w.b, ',')
	}
}

// Key begins a member; its value is to follow.
func (w *Writer) Key(k string) *Writer {
	w.comma()
	w.b = append(append(append(w.b, '"'), k...), '"', ':')
	return w
}

// Open begins an object.
func (w *Writer) Open() *Writer { w.comma(); w.b = append(w.b, '{'); return w }

// Close ends an object.
func (w *Writer) Close() *Writer { w.b = append(w.b, '}'); return w }

// List begins an array.
func (w *Writer) List() *Writer { w.comma(); w.b = append(w.b, '['); return w }

// End ends an array.
func (w *Writer) End() *Writer { w.b = append(w.b, ']'); return w }

// Text writes a member that is a string.
func (w *Writer) Text(k, v string) *Writer {
	w.Key(k)
	w.b = AppendString(w.b, v)
	return w
}

// Maybe writes a member that is a string, or null for "".
func (w *Writer) Maybe(k, v string) *Writer {
	if v == "" {
		return w.Raw(k, "null")
	}
	return w.Text(k, v)
}

// Int writes a member that is a whole number.
func (w *Writer) Int(k string, n int64) *Writer {
	w.Key(k)
	w.b = strconv.AppendInt(w.b, n, 10)
	return w
}

// Raw writes a member whose value is JSON already: a number, a literal, a document.
func (w *Writer) Raw(k, json string) *Writer {
	w.Key(k)
	w.b = append(w.b, json...)
	return w
}

const hexDigits = "0123456789abcdef"

// AppendString writes a JSON string as JSON.stringify does (ECMA-262, QuoteJSONString): only
// what must be escaped is. Bytes that are no UTF-8 become the replacement character.
func AppendString(b []byte, s string) []byte {
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
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}
