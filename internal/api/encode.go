package api

import (
	"strconv"
	"time"

	"sluice/internal/json"
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
func (w *writer) item(s string) { w.comma(); w.b = json.AppendString(w.b, s) }

func (w *writer) text(k, v string) { w.key(k); w.b = json.AppendString(w.b, v) }

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
func (w *writer) raw(k string, text string) { w.key(k); w.b = append(w.b, text...) }

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
