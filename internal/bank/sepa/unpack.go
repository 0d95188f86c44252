package sepa

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"sluice/internal/bank"
	"sluice/internal/bank/message"
)

// What is unpacked.
const (
	membersMax   = 1000     // files in one archive
	nestedMax    = 3        // archives in archives
	containerMax = 64 << 20 // bytes of an archive, which is in memory while it is read
)

// member is a file, or one that was packed in it.
type member struct {
	name    string
	content bank.Content
	size    int64
	reason  error // a *message.Refusal: it cannot be read
}

// unpacker takes archives apart. What it has unpacked in all is bounded, so that a small
// file cannot become an endless one.
type unpacker struct {
	left int64 // bytes that may still be unpacked
	out  []member
}

// unpack gives the files in a file: itself, or what is in a ZIP or gzip archive.
func unpack(name string, content bank.Content, most int64) []member {
	u := &unpacker{left: most}
	u.file(name, content, nestedMax)
	return u.out
}

func (u *unpacker) refuse(name string, content bank.Content, cause message.Cause, format string, args ...any) {
	u.out = append(u.out, member{name, content, content.Size, &message.Refusal{Cause: cause, Text: fmt.Sprintf(format, args...)}})
}

func (u *unpacker) file(name string, content bank.Content, depth int) {
	head := make([]byte, 4)
	r, err := content.Open()
	if err != nil {
		u.refuse(name, content, message.Malformed, "the file cannot be read: %v", err)
		return
	}
	defer r.Close() //nolint:errcheck // only read from
	n, _ := io.ReadFull(r, head)
	zipped, gzipped := bytes.HasPrefix(head[:n], []byte("PK\x03\x04")) || bytes.HasPrefix(head[:n], []byte("PK\x05\x06")), bytes.HasPrefix(head[:n], []byte{0x1f, 0x8b})
	switch {
	case !zipped && !gzipped:
		u.out = append(u.out, member{name, content, content.Size, nil})
	case depth == 0:
		u.refuse(name, content, message.Hostile, "archives are packed in archives deeper than %d", nestedMax)
	case content.Size > containerMax:
		u.refuse(name, content, message.TooLarge, "the archive has %d bytes, at most %d are unpacked", content.Size, containerMax)
	case gzipped:
		u.gzip(name, content, depth)
	default:
		u.zip(name, content, depth)
	}
}

// take packs what comes out of an archive, within what is left.
func (u *unpacker) take(r io.Reader) (bank.Content, error) {
	c, err := bank.Pack(r, u.left)
	if err == nil {
		u.left -= c.Size
	}
	return c, err
}

func (u *unpacker) gzip(name string, content bank.Content, depth int) {
	r, err := content.Open()
	if err == nil {
		defer r.Close() //nolint:errcheck // only read from
		var z *gzip.Reader
		if z, err = gzip.NewReader(r); err == nil {
			var inner bank.Content
			if inner, err = u.take(z); err == nil {
				u.file(strings.TrimSuffix(name, ".gz"), inner, depth-1)
				return
			}
		}
	}
	u.broken(name, content, "gzip", err)
}

func (u *unpacker) broken(name string, content bank.Content, kind string, err error) {
	if errors.Is(err, bank.ErrTooLarge) {
		u.refuse(name, content, message.TooLarge, "the %s archive unpacks to more than is read: %v", kind, err)
		return
	}
	u.refuse(name, content, message.Truncated, "the file is a %s archive that is damaged or was cut off: %v", kind, err)
}

func (u *unpacker) zip(name string, content bank.Content, depth int) {
	r, err := content.Open()
	if err != nil {
		u.broken(name, content, "ZIP", err)
		return
	}
	defer r.Close() //nolint:errcheck // only read from
	raw, err := io.ReadAll(io.LimitReader(r, containerMax))
	if err != nil {
		u.broken(name, content, "ZIP", err)
		return
	}
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		u.broken(name, content, "ZIP", err)
		return
	}
	files := 0
	for _, f := range archive.File {
		if f.FileInfo().IsDir() {
			continue
		}
		if files++; files > membersMax {
			u.refuse(name, content, message.TooLarge, "the ZIP archive has more than %d files: those behind them are not read", membersMax)
			return
		}
		u.zipped(name+"/"+f.Name, f, depth)
	}
	if files == 0 {
		u.refuse(name, content, message.Truncated, "the ZIP archive is empty")
	}
}

// encrypted is the bit of a ZIP entry's flags that says so (PKWARE APPNOTE, 4.4.4).
const encrypted = 1

func (u *unpacker) zipped(name string, f *zip.File, depth int) {
	if f.Flags&encrypted != 0 {
		u.refuse(name, bank.Content{}, message.BadEncoding, "the file is encrypted in its ZIP archive: ask the bank for files without a password")
		return
	}
	r, err := f.Open()
	if err != nil {
		u.broken(name, bank.Content{}, "ZIP", err)
		return
	}
	defer r.Close() //nolint:errcheck // only read from
	inner, err := u.take(r)
	if err != nil {
		u.broken(name, bank.Content{}, "ZIP", err)
		return
	}
	u.file(name, inner, depth-1)
}

// printable is a name as it may be shown and kept, whatever characters a bank put in it.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(name, "?"))
}
