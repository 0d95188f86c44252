// Package channel carries bank files: through a pair of folders, and over SFTP. Both
// keep the same rules. A file appears under its name only when it is complete: it is
// written under a name that nobody looks for and renamed. A sidecar with its SHA-256
// goes with it, and one that comes with a bank's file is checked. Nothing is deleted:
// what was taken in goes to the archive, what was refused to quarantine.
package channel

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"slices"
	"strings"

	"sluice/internal/bank/sepa"
)

// The endings of names that are not files of their own.
const (
	sumSuffix    = ".sha256"
	partSuffix   = ".part"
	reasonSuffix = ".reason.txt"
)

// SendMax is the largest file that is sent: an order of a thousand payments has one
// megabyte.
const SendMax = 64 << 20

var errName = errors.New("want 1 to 120 letters, digits, dots, hyphens and underscores, no dot in front, and no ending of ours")

// checkName refuses what could be another folder, a hidden file, or a sidecar.
func checkName(name string) error {
	ok := name != "" && len(name) <= 120 && name[0] != '.' && !ancillary(name)
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_')
	}
	if !ok {
		return fmt.Errorf("file name %.130q: %w", name, errName)
	}
	return nil
}

func ancillary(name string) bool {
	return endsIn(name, sumSuffix, partSuffix, reasonSuffix, ".tmp", ".filepart")
}

func endsIn(name string, endings ...string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(endings, func(end string) bool { return strings.HasSuffix(name, end) })
}

// checkInbox refuses a name that leads out of the inbox. Any other one is taken: the bank
// chose it.
func checkInbox(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") {
		return fmt.Errorf("file name %.130q leads out of the inbox", name)
	}
	return nil
}

// keptMax is how long the name of a file that was put away may be, before its ending.
const keptMax = 100

// keptName is the name under which a file of the bank is put away: what a file system, a
// shell or another system might read differently becomes an underscore.
func keptName(name string) string {
	safe := strings.Map(func(r rune) rune {
		if checkName("x"+string(r)) != nil {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	if end := path.Ext(safe); len(safe) > keptMax {
		end = end[:min(len(end), 10)]
		safe = safe[:keptMax-len(end)] + end
	}
	if checkName(safe) != nil {
		safe = "_" + strings.TrimLeft(safe, ".") + "_"
	}
	return safe
}

// nameMax is how long a name can be where files come from, in bytes.
const nameMax = 255

// hasSidecar tells whether a file of this name can have one: longer names have no room for it.
func hasSidecar(name string) bool { return len(name)+len(sumSuffix) <= nameMax }

// sidecar is what sha256sum writes.
func sidecar(name string, file []byte) []byte {
	return fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(file), name)
}

// sumMax bounds what is read of a sidecar.
const sumMax = 4096

// readSum finds the sum in a sidecar: the first word.
func readSum(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, sumMax)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	if len(word) != hex.EncodedLen(sha256.Size) {
		return "", sepa.ErrChecksum
	}
	return strings.ToLower(word), nil
}

// summed is a file that is compared with its sum when it ends.
type summed struct {
	io.ReadCloser
	want string
	hash hash.Hash
}

func withSum(r io.ReadCloser, want string) io.ReadCloser {
	return &summed{r, want, sha256.New()}
}

// Read implements io.Reader.
func (s *summed) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	s.hash.Write(p[:n])
	if errors.Is(err, io.EOF) && hex.EncodeToString(s.hash.Sum(nil)) != s.want {
		return n, sepa.ErrChecksum
	}
	return n, err
}

// free is a name like the wanted one that is not taken yet: files that come twice
// under one name are kept both.
func free(name string, taken func(string) (bool, error)) (string, error) {
	try := name
	for n := 2; n < 10_000; n++ {
		used, err := taken(try)
		if err != nil || !used {
			return try, err
		}
		try = fmt.Sprintf("%s.%d", name, n)
	}
	return "", fmt.Errorf("there are too many files named %s", name)
}
