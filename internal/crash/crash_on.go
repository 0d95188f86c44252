//go:build crashpoints

// Package crash names the points at which a process may die, so that tests can
// kill it exactly there. In a normal build a point costs nothing and does nothing;
// with the build tag `crashpoints` the process sends itself SIGKILL at the point
// that the environment names, or SIGSTOP.
package crash

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// point is "name" or "name:n": the n-th passage of the point, the first by default.
type point struct {
	name   string
	nth    int64
	passed atomic.Int64
}

func parse(text string) *point {
	name, count, ok := strings.Cut(text, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if !ok || err != nil {
		n = 1
	}
	return &point{name: name, nth: n}
}

var (
	dieAt   = parse(os.Getenv("SLUICE_CRASH_AT"))
	pauseAt = parse(os.Getenv("SLUICE_PAUSE_AT"))
)

func (p *point) reached(name string) bool { return name == p.name && p.passed.Add(1) == p.nth }

// Point marks a place between two effects.
func Point(name string) {
	if dieAt.reached(name) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way; nothing after this point may run
	}
	if pauseAt.reached(name) {
		// A line of its own on standard error tells whoever waits for it.
		fmt.Fprintf(os.Stderr, "{\"msg\":\"paused at a crash point\",\"point\":%q}\n", name)
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		time.Sleep(50 * time.Millisecond) // until the signal has stopped every thread, this one too
	}
}
