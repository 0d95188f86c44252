package bank

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// Content is what was in a file, packed: a statement of a hundred thousand bookings has
// 72 MiB, and two or three packed. It is read as a stream, as often as needed.
type Content struct {
	Hash   string // SHA-256 of the bytes, in hex
	Size   int64  // of the bytes
	packed []byte
}

// PackedMax bounds what is kept of one file, in bytes after packing.
const PackedMax = 64 << 20

// ErrTooLarge says that a file has more bytes than are taken.
var ErrTooLarge = errors.New("the file is too large")

// Pack reads a file of at most so many bytes. The errors are ErrTooLarge and the reader's own;
// with the reader's own, the content is what was read before.
func Pack(r io.Reader, most int64) (Content, error) {
	sum := sha256.New()
	packed := &capped{}
	w := gzip.NewWriter(packed)
	n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(r, most+1))
	if n > most || packed.over {
		return Content{}, fmt.Errorf("%w: it has more than %d bytes, or more than %d packed", ErrTooLarge, most, PackedMax)
	}
	if err := w.Close(); err != nil {
		return Content{}, fmt.Errorf("%w: it has more than %d bytes packed", ErrTooLarge, PackedMax)
	}
	return Content{hex.EncodeToString(sum.Sum(nil)), n, packed.Bytes()}, err
}

// capped takes at most PackedMax bytes.
type capped struct {
	bytes.Buffer
	over bool
}

// Write implements io.Writer.
func (c *capped) Write(p []byte) (int, error) {
	if c.Len()+len(p) > PackedMax {
		c.over = true
		return 0, ErrTooLarge
	}
	return c.Buffer.Write(p)
}

// PackBytes packs what is in memory.
func PackBytes(raw []byte) Content {
	c, _ := Pack(bytes.NewReader(raw), int64(len(raw))) // memory has no errors
	return c
}

// Open reads the content from its beginning.
func (c Content) Open() (io.ReadCloser, error) { return gzip.NewReader(bytes.NewReader(c.packed)) }

// IsZero tells that nothing is kept: the file was too large to be read.
func (c Content) IsZero() bool { return c.packed == nil }
