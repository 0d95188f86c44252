package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// errNoPrograms says what to do; it ends up in front of whoever ran the tests.
var errNoPrograms = errors.New("the tests need PostgreSQL 15 or newer: install its server programs " +
	"(Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql), " +
	"or set " + EnvURL + " to the URL of a server on which databases may be created")

// programs are the paths of the two server programs.
type programs struct{ initdb, postgres string }

// binPatterns lists where packages put server programs that they keep out of PATH.
var binPatterns = []string{
	"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
}

// findPrograms looks in PATH first, then in the usual folders, newest version first.
func findPrograms() (programs, error) {
	initdb, err1 := exec.LookPath("initdb")
	postgres, err2 := exec.LookPath("postgres")
	if err1 == nil && err2 == nil {
		return programs{initdb, postgres}, nil
	}
	for _, pattern := range binPatterns {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			return programs{}, err
		}
		slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
		for _, dir := range dirs {
			p := programs{filepath.Join(dir, "initdb"), filepath.Join(dir, "postgres")}
			if executable(p.initdb) && executable(p.postgres) {
				return p, nil
			}
		}
	}
	return programs{}, errNoPrograms
}

// version returns the number in a path such as /usr/lib/postgresql/15/bin.
func version(dir string) int {
	n := 0
	for _, c := range filepath.Base(filepath.Dir(dir)) {
		if c >= '0' && c <= '9' {
			n = n*10 + int(c-'0')
		}
	}
	return n
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// owner is the system user the server runs as; nil means ourselves.
type owner struct{ uid, gid int }

// serverOwner returns an unprivileged user when we are root, as the server
// refuses to run as root.
func serverOwner() (*owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		return &owner{uid, gid}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody")
}

// tempDir makes a directory that belongs to the owner and that it can reach: a
// TMPDIR that only root may enter is passed over.
func (o *owner) tempDir() (string, error) {
	var errs []error
	for _, base := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		if o != nil && !reachable(base) {
			errs = append(errs, fmt.Errorf("%s: not every user may enter it", base))
			continue
		}
		dir, err := os.MkdirTemp(base, "pgtest-")
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if o != nil {
			if err := os.Chown(dir, o.uid, o.gid); err != nil {
				return "", errors.Join(err, os.RemoveAll(dir))
			}
		}
		return dir, nil
	}
	return "", fmt.Errorf("no place for a PostgreSQL server: %w", errors.Join(errs...))
}

// reachable says whether every user may enter dir and all folders above it.
func reachable(dir string) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

// apply makes cmd run as the owner, in dir, with an environment that does not
// depend on ours, and in a session of its own: Ctrl-C is for the tests, which
// then take the server down in the proper order.
func (o *owner) apply(cmd *exec.Cmd, dir string) {
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if o != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
	}
}

func isBrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
