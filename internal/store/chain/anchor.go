package chain

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"sluice/internal/fault"
	"sluice/internal/id"
)

// Anchor is the signed digest of a shard's chain at one moment. Kept where whoever can
// write the database cannot, it shows later that nothing that it covers was changed, cut
// off or written anew.
type Anchor struct {
	Chain     string           `json:"chain"` // of Begin.ID
	Shard     id.Shard         `json:"shard"`
	Version   int64            `json:"version"`
	LastSeq   int64            `json:"last_seq"`
	LastEvent int64            `json:"last_event"`
	At        time.Time        `json:"at"` // when it was made
	Logs      map[string]Reach `json:"logs"`
	Digest    string           `json:"digest"` // of the whole state
	// Began is there in the first anchor of a chain that takes the place of another one:
	// why, for a person. Anchors of the chain before it are not held against the new one.
	Began     string `json:"began,omitempty"`
	Key       string `json:"key"` // the public key that Signature is of
	Signature string `json:"signature"`
}

// Reach is how far a log had come.
type Reach struct {
	Rows int64  `json:"rows"`
	Head string `json:"head"`
}

// Anchor makes the anchor of a state. began is the reason of a new chain, "" otherwise.
func (k *Key) Anchor(l *Layout, p Place, s *State, at time.Time, began string) Anchor {
	a := Anchor{
		Chain: hex.EncodeToString(s.Begin.ID[:]), Shard: p.Shard, Version: p.Version, LastSeq: int64(p.LastSeq), LastEvent: p.LastEvent,
		At: at.UTC().Truncate(time.Second), Logs: map[string]Reach{}, Digest: l.Digest(s).String(), Began: began,
		Key: k.PublicText(),
	}
	for i, name := range l.names {
		if l.logs[i] && s.Parts[i].Rows > 0 {
			a.Logs[name] = Reach{s.Parts[i].Rows, s.Parts[i].Head.String()}
		}
	}
	a.Signature = base64.StdEncoding.EncodeToString(k.Sign(a.statement()))
	return a
}

// statement is what is signed: the anchor without its signature, in the one form that
// encoding/json gives it.
func (a Anchor) statement() []byte {
	a.Signature = ""
	b, err := json.Marshal(a)
	if err != nil {
		panic(err) // numbers and texts
	}
	return append([]byte("sluice chain anchor 1\n"), b...)
}

// Check refuses an anchor that was not signed by one key.
func (a Anchor) Check(by ed25519.PublicKey) error {
	key, err := base64.StdEncoding.DecodeString(a.Key)
	sig, serr := base64.StdEncoding.DecodeString(a.Signature)
	switch {
	case err != nil || serr != nil:
		return errors.New("the anchor is damaged")
	case !bytes.Equal(key, by):
		return errors.New("the anchor was signed with another key")
	case !ed25519.Verify(by, a.statement(), sig):
		return errors.New("the signature of the anchor is wrong: it was changed")
	}
	return nil
}

// After tells whether an anchor is further than a shard is.
func (a Anchor) After(p Place) bool {
	return a.Version > p.Version || a.LastSeq > int64(p.LastSeq) || a.LastEvent > p.LastEvent
}

// AppendAnchors writes anchors to the end of a file, one line of JSON each, and waits
// for the disk. The file and its folder are made if they are missing.
func AppendAnchors(path string, all []Anchor) error {
	var b bytes.Buffer
	for _, a := range all {
		line, err := json.Marshal(a)
		if err != nil {
			return err
		}
		b.Write(append(line, '\n'))
	}
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	var f *os.File
	if err == nil {
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the file
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "cannot_write", "the anchors cannot be written to %s", filepath.Base(path))
	}
	end, err := wholeLines(f)
	if err == nil {
		_, err = f.WriteAt(b.Bytes(), end)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// wholeLines is the size of a file without a last line that its writer did not finish.
func wholeLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	from := max(0, info.Size()-maxAnchor)
	tail := make([]byte, info.Size()-from)
	if _, err := f.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	end := from + int64(bytes.LastIndexByte(tail, '\n')+1)
	return end, f.Truncate(end)
}

// maxAnchor bounds the line of one anchor in bytes.
const maxAnchor = 64 << 10

// ReadAnchors reads a file that AppendAnchors wrote. A last line that was not finished
// is left out: its writer was killed.
func ReadAnchors(path string) ([]Anchor, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	r := bufio.NewReaderSize(f, maxAnchor)
	var out []Anchor
	for n := 1; ; n++ {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("line %d of the anchors: %w", n, err)
		}
		var a Anchor
		if err := json.Unmarshal(line, &a); err != nil {
			return nil, fmt.Errorf("line %d of the anchors is damaged: %w", n, err)
		}
		out = append(out, a)
	}
}
