package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"sluice/internal/fault"
)

// Alone keeps other servers off a SQLite file until release, or until this process ends.
// Two would lose nothing, but SQLite's lock has no queue, so that they time each other out;
// and what a server keeps in memory only, like limits of requests, would count twice. Tools
// need no such lock, and PostgreSQL is made for several servers: there it does nothing. The
// error names the process that is there.
func Alone(url string) (release func() error, err error) {
	kind, path := split(url)
	if kind != engineSQLite {
		return func() error { return nil }, nil
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // one file may have several names
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	who := fmt.Sprintf("process %d on %s, since %s", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339))
	release, other, taken, err := lockFile(path+".server", who)
	switch {
	case errors.Is(err, fs.ErrNotExist): // the folder: whoever opens the database says so
		return func() error { return nil }, nil
	case err != nil:
		return nil, fault.Wrap(err, fault.Unavailable, "database_lock", "the lock file %s.server cannot be used", path)
	case !taken:
		return nil, fault.New(fault.Unavailable, "database_served", "another server works on %s: %s. Stop that one first: a SQLite file has one server, a PostgreSQL database may have several", path, other)
	}
	return release, nil
}
