//go:build unix

package store

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// lockFolder keeps other migrations out of a folder until unlock. The folder itself
// is locked, so that no lock file stays behind.
func lockFolder(ctx context.Context, dir string) (unlock func(), err error) {
	f, err := os.Open(dir) //nolint:gosec // the operator names the database
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil // closing unlocks
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(err, f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-tick.C:
		}
	}
}

// lockFile takes the lock of a file and writes into it who has it. Where another process
// has it, taken is false and other is what that one has written. The file stays behind.
func lockFile(path, who string) (unlock func() error, other string, taken bool, err error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // beside the database, which the operator names
		if err != nil {
			return nil, "", false, err
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			text, err := io.ReadAll(io.LimitReader(f, 1000))
			return nil, string(text), false, errors.Join(err, f.Close())
		}
		if err != nil {
			return nil, "", false, errors.Join(err, f.Close())
		}
		if !isAt(f, path) { // somebody has removed it meanwhile: this lock keeps nobody out
			_ = f.Close()
			continue
		}
		if err = f.Truncate(0); err == nil {
			_, err = f.WriteAt([]byte(who), 0)
		}
		if err != nil {
			return nil, "", false, errors.Join(err, f.Close())
		}
		return f.Close, "", true, nil // closing unlocks
	}
}

func isAt(f *os.File, path string) bool {
	held, err1 := f.Stat()
	there, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(held, there)
}
