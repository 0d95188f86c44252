package dialect

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"sluice/internal/fault"
)

// What callers send who have not proved yet who they are is bounded in all: a wire whose
// signatures cover the body has to read it first. Small bodies, as most are, need no room.
const (
	smallBody    = 8 << 10
	unprovedRoom = 32 << 20
)

// unproved is how many bytes of such bodies are being read now, beyond the small ones.
var unproved atomic.Int64

// ErrBodyTooLarge says that a body is beyond its limit.
var ErrBodyTooLarge = fault.New(fault.Invalid, "body_too_large", "the body is too large")

var errNoRoom = fault.New(fault.Busy, "too_much_unproved", "too many large requests are being read at once; nothing was done. Repeat the request after a moment")

// ReadBody reads a body as it was sent, up to a number of bytes. It fails with Busy while
// too many large ones are on their way.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	held := int64(0)
	defer func() { unproved.Add(-held) }()
	b := make([]byte, 0, min(limit+1, smallBody))
	for {
		if len(b) == cap(b) {
			more := min(int64(cap(b)), limit+1-int64(cap(b)))
			held += more
			if unproved.Add(more) > unprovedRoom {
				return nil, errNoRoom
			}
			b = append(make([]byte, 0, int64(cap(b))+more), b...)
		}
		n, err := r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			return nil, ErrBodyTooLarge
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return nil, fault.Wrap(err, fault.Invalid, "body_incomplete", "the body ended before its announced end")
		}
	}
}
