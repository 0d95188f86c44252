package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgconn"
)

// said is an error in words for an operator: what is wrong, and what ends it. The cause is
// there for programs.
type said struct {
	text  string
	cause error
}

// Error implements error.
func (s said) Error() string { return s.text }

// Unwrap gives the cause.
func (s said) Unwrap() error { return s.cause }

func say(cause error, format string, args ...any) error {
	return said{fmt.Sprintf(format, args...), cause}
}

// The answers of PostgreSQL to somebody who is not let in
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
const (
	pgNoDatabase  = "3D000"
	pgNoUser      = "28000"
	pgNoPassword  = "28P01"
	pgFull        = "53300"
	pgStartsOrEnd = "57P03"
)

// reach says why a PostgreSQL server does not answer.
func reach(err error) error {
	var at *pgconn.ConnectError
	if !errors.As(err, &at) || at.Config == nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	c := at.Config
	where := net.JoinHostPort(c.Host, fmt.Sprint(c.Port))
	var answer *pgconn.PgError
	var name *net.DNSError
	var dial *net.OpError
	switch {
	case errors.As(err, &answer):
		switch answer.Code {
		case pgNoDatabase:
			return say(err, "there is no database %q on %s: make it with `createdb -h %s -p %d %s`, then run `sluice migrate`", c.Database, where, c.Host, c.Port, c.Database)
		case pgNoUser, pgNoPassword:
			return say(err, "%s does not let the user %q in: correct user and password, or pg_hba.conf", where, c.User)
		case pgFull:
			return say(err, "%s has no connection left: raise max_connections, or close some", where)
		case pgStartsOrEnd:
			return say(err, "%s is starting or ending: try again in a moment", where)
		default:
			return say(err, "%s answers: %s", where, answer.Message)
		}
	case errors.As(err, &name):
		return say(err, "the database does not answer: there is no host %q; correct the name in database_url", name.Name)
	case errors.As(err, &dial):
		return say(err, "the database does not answer: nothing listens at %s; start PostgreSQL there, or correct the address in database_url", where)
	default:
		return say(err, "the database does not answer at %s: the connection failed; look at its log, and at sslmode in database_url", where)
	}
}

// Writable tells why the database that a URL names cannot be written here, before it is
// opened: for SQLite, a folder that is missing or closed. It leaves nothing behind.
func Writable(url string) error {
	kind, path := split(url)
	if kind != engineSQLite {
		return nil
	}
	if err := WritableFolder(filepath.Dir(path)); err != nil {
		return err
	}
	// Nobody in this process has it open yet: closing it again drops no lock.
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // the operator names the file
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return say(err, "the file %s cannot be written by this user: give it to the user, or name another", path)
	}
	return f.Close()
}

// WritableFolder tells why a folder cannot be written, in words for an operator.
func WritableFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return say(err, "there is no folder %s: make it, or name another", dir)
	case err != nil:
		return say(err, "the folder %s cannot be looked at by this user: let it, or name another", dir)
	case !info.IsDir():
		return say(fs.ErrInvalid, "%s is a file and no folder: name another", dir)
	}
	f, err := os.CreateTemp(dir, ".sluice-look-*")
	if err != nil {
		return say(err, "the folder %s cannot be written by this user: let it, or name another", dir)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
