package app_test

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/app"
	"sluice/internal/config"
	"sluice/internal/fault/outage"
)

// crowded is a port of a process that has no file descriptor left for a while.
type crowded struct {
	net.Listener
	full int
}

func (c *crowded) Accept() (net.Conn, error) {
	if c.full--; c.full >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	one, _ := net.Pipe()
	return one, nil
}

// No file descriptors: one warning when that begins and one when it ends, however often
// accepting was tried.
func TestA15_accept_errors_are_logged_once(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := app.WatchListener(&crowded{full: 100}, outage.New(slog.New(slog.NewTextHandler(&log, nil))))
		for n := range 110 {
			c, err := l.Accept()
			if (err != nil) != (n < 100) {
				t.Fatalf("connection %d: %v", n, err)
			}
			if err == nil {
				must(t, c.Close())
			}
			time.Sleep(time.Second)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], "too many open files") || !strings.Contains(lines[1], "accepted again") {
			t.Errorf("the log:\n%s", log.String())
		}
	})
}

// A SQLite file has one server, under whatever name.
func TestA22_two_servers_on_one_sqlite_file(t *testing.T) {
	c := setup(t)
	r := start(t, c)
	other := c
	other.DatabaseURL = config.NewSecret(c.DatabaseURL.Reveal() + "-link")
	file := func(c config.Config) string { return strings.TrimPrefix(c.DatabaseURL.Reveal(), "sqlite:") }
	must(t, os.Symlink(file(c), file(other)))
	must(t, os.Symlink(strings.TrimSuffix(file(c), ".db")+".chain", file(other)+".chain"))
	for _, c := range []config.Config{c, other} {
		_, err := app.New(t.Context(), c, app.Options{Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), "process "+strconv.Itoa(os.Getpid())+" on ") {
			t.Fatalf("%v: want a refusal that names the process", err)
		}
	}
	r.stop()
	must(t, r.wait(t))
	r = start(t, other) // the lock is gone with its holder; its file is not in the way
	r.stop()
	must(t, r.wait(t))
}
