//go:build crashpoints

// Package crash names the points at which a process may die, so that tests can
// kill it exactly there. In a normal build a point costs nothing and does nothing;
// with the build tag `crashpoints` the process sends itself SIGKILL at the point
// that the environment names.
package crash

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// at is "name" or "name:n": die at the n-th passage of the point, the first by default.
var at, nth = func() (string, int64) {
	name, count, ok := strings.Cut(os.Getenv("SLUICE_CRASH_AT"), ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if !ok || err != nil {
		n = 1
	}
	return name, n
}()

var passed atomic.Int64

// Point marks a place between two effects.
func Point(name string) {
	if name != at || passed.Add(1) != nth {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal is on its way; nothing after this point may run
}
