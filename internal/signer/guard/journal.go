package guard

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"sluice/internal/crash"
	"sluice/internal/fault"
)

// journal is the log: files of lines, one line per commit, each line with the hash of
// itself and of everything before it. It is only ever added to. Processes of one
// machine may share it: whoever writes holds the lock and has read all lines before.
type journal struct {
	dir    string
	max    int64 // a file that is larger is followed by a new one
	sync   func(*os.File) error
	folder *os.File // what is locked: a folder with files in it cannot be deleted
	lock   *os.File // what versions before locked, and may still lock beside this one

	file   *os.File
	number int               // of the file
	at     int64             // how far the file is read and written
	lines  int64             // of all files
	head   [sha256.Size]byte // hash of the last line
	seen   mark              // where this process has been: a log without it is another one
}

// mark is a place in the log.
type mark struct {
	lines int64
	head  [sha256.Size]byte
}

// hashLength is the hash in hexadecimal and the blank behind it.
const hashLength = 2*sha256.Size + 1

// openJournal opens or makes the log in a folder. Nothing is read yet.
func openJournal(dir string, maxSize int64, sync func(*os.File) error) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the signer's folder: %w", err)
	}
	j := &journal{dir: dir, max: maxSize, sync: sync}
	var err error
	if j.folder, err = os.Open(dir); err != nil { //nolint:gosec // the operator names the folder
		return nil, fmt.Errorf("open the signer's folder: %w", err)
	}
	if j.lock, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil { //nolint:gosec // as above
		return nil, errors.Join(fmt.Errorf("open the signer's folder: %w", err), j.close())
	}
	if err := j.next(); err != nil {
		return nil, errors.Join(err, j.close())
	}
	return j, nil
}

// locked calls fn while no other process writes the log. It fails when the folder is not
// the one any more that others find by its name: they would hold a lock of their own.
func (j *journal) locked(fn func() error) (err error) {
	for _, f := range []*os.File{j.folder, j.lock} {
		if err := lockFile(f); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, unlockFile(f)) }()
	}
	if same, err := sameFile(j.folder, j.dir); err != nil || !same {
		return errors.Join(err, fmt.Errorf("the folder %s was moved or replaced while the signer runs: it must be started again", j.dir))
	}
	return fn()
}

// sameFile tells whether an open file is still the one that has a name. One that is gone
// is not.
func sameFile(f *os.File, name string) (bool, error) {
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Stat(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(mine, there), err
}

func (j *journal) path() string { return filepath.Join(j.dir, fmt.Sprintf("%08d.log", j.number)) }

// next goes on to the next file, and makes it if it is not there.
func (j *journal) next() error {
	j.number++
	if err := j.complete(); err != nil {
		return err
	}
	f, err := os.OpenFile(j.path(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the signer's log: %w", err)
	}
	// The name must be there after a power cut before the first line is.
	if err := j.folder.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	if j.file != nil {
		err = j.file.Close()
	}
	j.file, j.at = f, 0
	return err
}

// complete makes sure that a file which is to be made is the last one. In place of one
// that is missing an empty one would hide all that follow.
func (j *journal) complete() error {
	if _, err := os.Stat(j.path()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	files, err := filepath.Glob(filepath.Join(j.dir, "*.log"))
	if err != nil || len(files) == 0 || slices.Max(files) < j.path() {
		return err
	}
	j.at = 0
	return j.damaged("the file is missing", nil)
}

func (j *journal) close() error {
	var err error
	for _, f := range []*os.File{j.file, j.lock, j.folder} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

// again begins at the first line once more, after an error that leaves open what is on
// the disk. The lock is held. What may not have reached the disk is written once more: a
// line that another process has read must not get lost with the power.
func (j *journal) again() error {
	number, durable := j.number, j.at
	if err := rewrite(j.file, durable, j.sync); err != nil {
		return err
	}
	if j.lines > j.seen.lines {
		j.seen = mark{j.lines, j.head}
	}
	j.number, j.lines, j.head = 0, 0, [sha256.Size]byte{}
	if err := j.next(); err != nil {
		j.number, j.at = number, durable
		return err
	}
	return nil
}

// rewrite writes the end of a file, from an offset on, once more.
func rewrite(f *os.File, from int64, sync func(*os.File) error) error {
	tail, err := io.ReadAll(io.NewSectionReader(f, from, 1<<62))
	if err != nil {
		return err
	}
	if len(tail) > 0 {
		if _, err := f.WriteAt(tail, from); err != nil {
			return err
		}
	}
	return sync(f)
}

// catchUp reads what was added since the last time, by this process or another, and
// gives it to apply. The lock is held. A last line that was cut off by a crash was
// never answered: it is taken away. Everything else that does not fit is an error.
func (j *journal) catchUp(apply func(entry) error) error {
	if same, err := sameFile(j.file, j.path()); err != nil || !same {
		return errors.Join(err, j.damaged("the file was moved or replaced while the signer runs", nil))
	}
	for {
		info, err := j.file.Stat()
		if err != nil {
			return err
		}
		if info.Size() < j.at {
			return j.damaged("it is shorter than it was", nil)
		}
		more := false
		if info.Size() > j.at {
			if more, err = j.read(apply); err != nil {
				return err
			}
		}
		if !more {
			break
		}
		if err := j.next(); err != nil {
			return err
		}
	}
	if j.lines < j.seen.lines {
		return j.damaged("it is shorter than it was", nil)
	}
	return nil
}

// read reads the file from where it stands. more says that another file follows.
func (j *journal) read(apply func(entry) error) (more bool, err error) {
	r := bufio.NewReaderSize(io.NewSectionReader(j.file, j.at, 1<<62), 1<<20)
	for {
		line, err := r.ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return more, nil
		case err != nil && !errors.Is(err, io.EOF):
			return false, fmt.Errorf("read the signer's log: %w", err)
		case more:
			return false, j.damaged("there are lines behind its end", nil)
		}
		// A disk that lost power may have kept the length of a line without all of its
		// bytes: then there are zeros in it.
		if errors.Is(err, io.EOF) || bytes.IndexByte(line, 0) >= 0 {
			if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
				return false, j.damaged("a line is torn that is not the last one", nil)
			}
			return false, j.cut()
		}
		entries, head, err := j.parse(line)
		if err != nil {
			return false, j.damaged("the chain of hashes breaks", err)
		}
		for _, e := range entries {
			if err := apply(e); err != nil {
				return false, j.damaged("an entry makes no sense", err)
			}
			more = more || e.Kind == kindNext
		}
		j.at, j.head, j.lines = j.at+int64(len(line)), head, j.lines+1
		if j.lines == j.seen.lines && j.head != j.seen.head {
			return false, j.damaged("it is another log than the one that this process has written to", nil)
		}
	}
}

func (j *journal) parse(line []byte) (entries []entry, head [sha256.Size]byte, err error) {
	if len(line) < hashLength+3 || line[hashLength-1] != ' ' {
		return nil, head, errors.New("no hash")
	}
	body := line[hashLength : len(line)-1]
	head = chain(j.head, body)
	if hex.EncodeToString(head[:]) != string(line[:hashLength-1]) {
		return nil, head, errors.New("another hash")
	}
	entries, err = decode(body)
	return entries, head, err
}

// decode reads the facts of a line.
func decode(body []byte) (entries []entry, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields() // by a newer version: what it means is not known here
	return entries, d.Decode(&entries)
}

func chain(before [sha256.Size]byte, body []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(before[:])
	h.Write(body)
	return [sha256.Size]byte(h.Sum(nil))
}

// cut takes a torn line away.
func (j *journal) cut() error {
	if err := j.file.Truncate(j.at); err != nil {
		return fmt.Errorf("take a torn line off the signer's log: %w", err)
	}
	return j.sync(j.file)
}

func (j *journal) damaged(what string, cause error) error {
	return fault.Wrap(cause, fault.Internal, "signer_log_damaged",
		"the signer's log is damaged at byte %d of %s: %s. Nothing is signed until it is whole: put back the newest copy that you have, "+
			"and never delete it to go on, since it holds which slots are used; docs/signer.md says more", j.at, j.path(), what)
}

// append writes entries as one line. It is durable when this returns.
func (j *journal) append(entries []entry) error {
	if j.at > j.max {
		if err := j.write([]entry{{Kind: kindNext, At: entries[0].At}}); err != nil {
			return err
		}
		if err := j.next(); err != nil {
			return err
		}
	}
	return j.write(entries)
}

func (j *journal) write(entries []entry) error {
	body, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	head := chain(j.head, body)
	line := make([]byte, 0, hashLength+len(body)+1)
	line = append(hex.AppendEncode(line, head[:]), ' ')
	line = append(append(line, body...), '\n')
	_, err = j.file.WriteAt(line, j.at)
	if err == nil {
		crash.Point("signer.written")
		err = j.sync(j.file)
	}
	if err != nil {
		// It was not answered and nobody has read it: it can be taken away, also on a disk
		// that is full. Where that fails, again sees to it.
		_ = j.cut()
		return err
	}
	crash.Point("signer.bound")
	j.at, j.head, j.lines = j.at+int64(len(line)), head, j.lines+1
	return nil
}
