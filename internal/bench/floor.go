package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// fsyncFloor appends the bytes of a batch to a file and waits for the disk, again
// and again: what any durable store in one file would do at the least.
type fsyncFloor struct {
	dir  string
	file *os.File
	data []byte
}

// newFsyncFloor makes the file in dir, which should be on the disk of the database.
func newFsyncFloor(dir string) (*fsyncFloor, error) {
	tmp, err := os.MkdirTemp(dir, ".sluice-bench-fsync-")
	if err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(tmp, "log")) //nolint:gosec // our own name in our own folder
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(tmp))
	}
	return &fsyncFloor{dir: tmp, file: f}, nil
}

// appendMax bounds the file; beyond it, it starts over.
const appendMax = 1 << 30

func (f *fsyncFloor) run(ctx context.Context, batch int, bytesEach float64, d time.Duration) (load, error) {
	size := max(int(bytesEach*float64(batch)), 1)
	for len(f.data) < size {
		f.data = append(f.data, byte(len(f.data)*31>>3)) //nolint:gosec // any bytes that are not all zero
	}
	var l load
	var written int64
	start := time.Now()
	for ok := true; ok; ok = l.elapsed < d {
		if err := ctx.Err(); err != nil {
			return l, err
		}
		if written += int64(size); written > appendMax {
			written = int64(size)
			if err := f.file.Truncate(0); err != nil {
				return l, err
			}
			if _, err := f.file.Seek(0, 0); err != nil {
				return l, err
			}
		}
		if _, err := f.file.Write(f.data[:size]); err != nil {
			return l, fmt.Errorf("the fsync floor: %w", err)
		}
		if err := f.file.Sync(); err != nil {
			return l, fmt.Errorf("the fsync floor: %w", err)
		}
		l.accepted += int64(batch)
		l.elapsed = time.Since(start)
	}
	return l, nil
}

func (f *fsyncFloor) close() error { return errors.Join(f.file.Close(), os.RemoveAll(f.dir)) }

// again runs transactions one after the other for a while.
func again(ctx context.Context, d time.Duration, h *histogram, transaction func() error) error {
	for start, from := time.Now(), time.Now(); ; {
		if err := transaction(); err != nil {
			return fmt.Errorf("the floor of a lone caller: %w", err)
		}
		now := time.Now()
		h.add(now.Sub(from))
		if from = now; now.Sub(start) >= d {
			return ctx.Err()
		}
	}
}
