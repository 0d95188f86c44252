package sepa

import (
	"context"
	"errors"
	"io"
)

// Channel carries files to one bank and back: a pair of folders, SFTP, later EBICS or
// a bank's own interface. Methods may be called from several goroutines.
type Channel interface {
	// Send hands a file over. It is safe to repeat with the same bytes; the bank gets
	// them at least once. nil means that the bank can take the file; an error means
	// that nothing is established: send the same bytes again. ErrNameTaken says that
	// another file went by this name.
	Send(ctx context.Context, name string, file []byte) error
	// Inbox lists what the bank has left, by name: the files that are complete, and what
	// cannot be read as a file, with the reason. What is just being written is left out.
	Inbox(ctx context.Context) ([]Incoming, error)
	// Open reads one of them. Where the bank sent a checksum that does not fit, the
	// last Read gives ErrChecksum instead of io.EOF.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// Archive puts a file away that was taken in. It is kept, under a name of letters,
	// digits, dots, hyphens and underscores.
	Archive(ctx context.Context, name string) error
	// Quarantine puts a refused file away for a person, with the reason beside it.
	Quarantine(ctx context.Context, name, reason string) error
}

// Incoming is a file that waits in the inbox. Name is as the bank wrote it and may be
// any string that a file system allows.
type Incoming struct {
	Name string
	Size int64
	Odd  string // why it is no file that can be read: a person must look. "" for a file
}

var (
	// ErrNameTaken says that a file of this name with other bytes went before. No
	// correct caller sees it: names come from message ids, which are used once.
	ErrNameTaken = errors.New("another file has been handed over under this name")
	// ErrChecksum says that a file is not what its checksum says.
	ErrChecksum = errors.New("the file does not fit its checksum: it was changed or cut off on its way")
)
