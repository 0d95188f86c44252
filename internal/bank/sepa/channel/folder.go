package channel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"sluice/internal/bank/sepa"
)

// The folders of a channel.
const (
	Outbox     = "outbox"     // what the bank takes
	Inbox      = "inbox"      // what the bank leaves
	Sent       = "sent"       // copies of what was handed over
	Archived   = "archive"    // what was taken in
	Quarantine = "quarantine" // what was refused, with the reasons
)

// FolderOptions of a folder channel.
type FolderOptions struct {
	// QuietFor is how long a file in the inbox without a sidecar must not have changed.
	// It is for banks and programs that write files in place. 0: files are complete
	// when they appear.
	QuietFor time.Duration
}

// Folder is a channel through folders on this machine. It never leaves its directory,
// whatever names and links are in it.
type Folder struct {
	root  *os.Root
	inbox watch
}

var _ sepa.Channel = (*Folder)(nil)

// OpenFolder opens a channel in a directory and makes the folders that are missing.
func OpenFolder(dir string, opt FolderOptions) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range []string{Outbox, Inbox, Sent, Archived, Quarantine} {
		if err := root.MkdirAll(f, 0o700); err != nil {
			_ = root.Close() // the first error counts
			return nil, err
		}
	}
	return &Folder{root: root, inbox: watch{quietFor: opt.QuietFor}}, nil
}

// Close lets go of the directory.
func (f *Folder) Close() error { return f.root.Close() }

// Send implements sepa.Channel. What was handed over once is not handed over again,
// even when the bank has taken it away.
func (f *Folder) Send(ctx context.Context, name string, file []byte) error {
	if err := checkName(name); err != nil {
		return err
	}
	if len(file) > SendMax {
		return fmt.Errorf("file %s has %d bytes, at most %d are sent", name, len(file), SendMax)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	done, err := f.holds(Sent+"/"+name, file)
	if err != nil || done {
		return err
	}
	there, err := f.holds(Outbox+"/"+name, file)
	if err != nil {
		return err
	}
	if !there {
		// The sidecar first: when the file appears, everything is there.
		if err := f.write(Outbox, name+sumSuffix, sidecar(name, file)); err != nil {
			return err
		}
		if err := f.write(Outbox, name, file); err != nil {
			return err
		}
	}
	return f.write(Sent, name, file)
}

// holds tells whether a file is there with these bytes. One with others is an error.
func (f *Folder) holds(path string, file []byte) (bool, error) {
	have, err := f.root.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !bytes.Equal(have, file):
		return false, fmt.Errorf("%w: %s", sepa.ErrNameTaken, path)
	}
	return true, nil
}

// write puts a file into a folder so that it is there whole or not at all, also
// after the power fails.
func (f *Folder) write(folder, name string, data []byte) error {
	return f.copy(folder, name, bytes.NewReader(data))
}

func (f *Folder) copy(folder, name string, r io.Reader) error {
	part := folder + "/." + name + partSuffix
	w, err := f.root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	if err == nil {
		err = w.Sync()
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	if err := f.root.Rename(part, folder+"/"+name); err != nil {
		return err
	}
	return f.sync(folder)
}

// sync makes a rename durable.
func (f *Folder) sync(folder string) error {
	d, err := f.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Inbox implements sepa.Channel.
func (f *Folder) Inbox(ctx context.Context) ([]sepa.Incoming, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	list, err := fs.ReadDir(f.root.FS(), Inbox)
	if err != nil {
		return nil, err
	}
	var entries []fs.FileInfo
	for _, e := range list {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // taken away just now
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, info)
	}
	return f.inbox.list(entries), nil
}

// Open implements sepa.Channel.
func (f *Folder) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := checkInbox(name); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	want, err := f.sum(name)
	if err != nil {
		return nil, err
	}
	r, err := f.root.Open(Inbox + "/" + name)
	if err != nil || want == "" {
		return r, err
	}
	return withSum(r, want), nil
}

// sum is what the sidecar of a file says, "" if there is none.
func (f *Folder) sum(name string) (string, error) {
	if !hasSidecar(name) {
		return "", nil
	}
	r, err := f.root.Open(Inbox + "/" + name + sumSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer r.Close() //nolint:errcheck // only read from
	return readSum(r)
}

// Archive implements sepa.Channel.
func (f *Folder) Archive(ctx context.Context, name string) error {
	_, err := f.put(ctx, name, Archived)
	return err
}

// Quarantine implements sepa.Channel.
func (f *Folder) Quarantine(ctx context.Context, name, reason string) error {
	kept, err := f.put(ctx, name, Quarantine)
	if err != nil {
		return err
	}
	return f.write(Quarantine, kept+reasonSuffix, []byte(reason+"\n"))
}

// put moves a file and its sidecar out of the inbox.
func (f *Folder) put(ctx context.Context, name, folder string) (string, error) {
	if err := checkInbox(name); err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	kept, err := free(keptName(name), func(n string) (bool, error) {
		_, err := f.root.Lstat(folder + "/" + n)
		return err == nil, missingIsFine(err)
	})
	if err != nil {
		return "", err
	}
	if err := f.root.Rename(Inbox+"/"+name, folder+"/"+kept); err != nil {
		return "", err
	}
	if hasSidecar(name) {
		if err := missingIsFine(f.root.Rename(Inbox+"/"+name+sumSuffix, folder+"/"+kept+sumSuffix)); err != nil {
			return "", err
		}
	}
	return kept, f.sync(folder)
}

func missingIsFine(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
