package dialect_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/internal/dialect"
	"sluice/internal/fault"
)

// Bodies of callers who have proved nothing are bounded in all, and small ones are read
// all the same; what a body held is free again when it was read or given up.
func TestA18_bytes_before_authentication_are_bounded_in_all(t *testing.T) {
	const limit = 1 << 20
	whole := make([]byte, limit)
	_, _ = rand.Read(whole) // never fails
	read := func(body io.Reader) ([]byte, error) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", body)
		return dialect.ReadBody(r, limit)
	}
	const connections = 200
	type end struct {
		write *io.PipeWriter
		done  chan error
	}
	var stuck []end
	refused := 0
	for range connections { // each sends all but the last byte, and waits
		in, out := io.Pipe()
		e := end{out, make(chan error, 1)}
		go func() {
			_, err := read(in)
			_ = in.CloseWithError(io.ErrClosedPipe)
			e.done <- err
		}()
		if _, err := out.Write(whole[:limit-1]); err == nil {
			stuck = append(stuck, e)
			continue
		}
		if err := <-e.done; fault.KindOf(err) != fault.Busy {
			t.Fatalf("refused with %v", err)
		}
		refused++
	}
	if len(stuck) == 0 || len(stuck) > 32 || refused != connections-len(stuck) {
		t.Errorf("%d of %d bodies of 1 MiB were read at once, %d refused", len(stuck), connections, refused)
	}
	if b, err := read(strings.NewReader(`{"small":true}`)); err != nil || string(b) != `{"small":true}` {
		t.Errorf("a small body meanwhile: %q, %v", b, err)
	}
	for n, e := range stuck {
		cut := n%2 == 0
		if cut {
			_ = e.write.CloseWithError(io.ErrUnexpectedEOF)
		} else {
			_ = e.write.Close()
		}
		if err := <-e.done; (err != nil) != cut {
			t.Errorf("body %d: %v", n, err)
		}
	}
	if b, err := read(bytes.NewReader(whole)); err != nil || !bytes.Equal(b, whole) {
		t.Errorf("afterwards: %d bytes, %v", len(b), err)
	}
	if _, err := read(bytes.NewReader(append(whole, 0))); fault.CodeOf(err) != "body_too_large" {
		t.Errorf("one byte more: %v", err)
	}
}
