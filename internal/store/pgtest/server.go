package pgtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options change what StartServer starts. The zero value is what a careful
// production server does: every commit reaches the disk.
type Options struct {
	// NoFsync trades durability for speed; for tests that are about something else.
	NoFsync bool
}

// Server is one private PostgreSQL server. Its methods are not safe for
// concurrent use; its URL may be used by any number of processes.
//
// The server cannot outlive the process that started it: a watchdog holds the
// reading end of a pipe, and when the writing end closes, for whatever reason
// including SIGKILL, it stops the server and removes its files.
type Server struct {
	programs programs
	options  Options
	owner    *owner
	dir      string // everything the server writes, removed by Stop
	port     int
	watchdog *exec.Cmd
	leash    *os.File // writing end of the watchdog's pipe
}

// watchdogScript runs the server and obeys one word on its standard input:
// "immediate" (as after a crash) or "fast" (orderly). No word at all, which is
// end of file, means that the parent is dead; then the files go as well.
//
// It is a shell script and not Pdeathsig because Pdeathsig fires when the
// *thread* that forked dies, exists on Linux only, and removes no files.
const watchdogScript = `
dir=$1; shift
exec 3<&0 </dev/null
"$@" >>"$dir/server.log" 2>&1 3<&- &
server=$!
(
	word=
	read -r word <&3
	case $word in
	fast) kill -INT $server ;;
	immediate) kill -QUIT $server ;;
	*) : >"$dir/orphaned"; kill -QUIT $server ;;
	esac
) &
reader=$!
wait $server
echo $? >"$dir/exit"
if [ -e "$dir/orphaned" ]; then rm -rf "$dir"; fi
kill $reader 2>/dev/null
exit 0
`

// StartServer makes a new, empty server in a temporary directory and returns
// when it answers. It listens on 127.0.0.1 and trusts every local user. As root
// it runs as user postgres or nobody, because the server refuses root. ctx
// bounds the start only.
func StartServer(ctx context.Context, options Options) (*Server, error) {
	found, err := findPrograms()
	if err != nil {
		return nil, err
	}
	who, err := serverOwner()
	if err != nil {
		return nil, err
	}
	dir, err := who.tempDir()
	if err != nil {
		return nil, err
	}
	s := &Server{programs: found, options: options, owner: who, dir: dir}
	if err := s.init(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.startOnFreePort(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// URL returns the URL of the server's own database, on which CreateDatabase
// works. It stays the same over Crash, Stop and Start.
func (s *Server) URL() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port)
}

// Dir returns the directory that holds the server's data and log.
func (s *Server) Dir() string { return s.dir }

// Crash ends the server the hard way: no checkpoint, sessions cut off, recovery
// at the next Start. What was committed must still be there.
func (s *Server) Crash() error { return s.end("immediate") }

// Start starts the server again, after Crash, with its data and its port.
func (s *Server) Start(ctx context.Context) error {
	if s.watchdog != nil {
		return errors.New("the server runs already")
	}
	return s.start(ctx)
}

// Stop ends the server in an orderly way and removes its files. It is safe to
// call after Crash.
func (s *Server) Stop() error {
	err := s.end("fast")
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *Server) init(ctx context.Context) error {
	// --no-sync: a machine that loses power while this runs has no use for the files.
	// The C locale exists everywhere and compares bytes, as SQLite does.
	cmd := exec.CommandContext(ctx, s.programs.initdb, "--pgdata="+s.data(), "--username=postgres",
		"--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	s.owner.apply(cmd, s.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", s.programs.initdb, err, out)
	}
	return nil
}

// startOnFreePort retries with another port, because a free port can be taken
// by somebody else between asking and using it.
func (s *Server) startOnFreePort(ctx context.Context) error {
	var err error
	for range 10 {
		if s.port, err = freePort(ctx); err != nil {
			return err
		}
		if err = s.start(ctx); err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
	}
	return err
}

func (s *Server) start(ctx context.Context) error {
	if err := os.Remove(s.exitFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	reading, leash, err := os.Pipe()
	if err != nil {
		return err
	}
	// No CommandContext: ctx bounds the start, not the life of the server.
	cmd := exec.Command("/bin/sh", append([]string{"-c", watchdogScript, "pgtest", s.dir}, s.command()...)...)
	cmd.Stdin = reading
	s.owner.apply(cmd, s.dir)
	err = cmd.Start()
	_ = reading.Close() // the watchdog has its own copy
	if err != nil {
		_ = leash.Close()
		return fmt.Errorf("start the PostgreSQL watchdog: %w", err)
	}
	s.watchdog, s.leash = cmd, leash
	if err := s.waitReady(ctx); err != nil {
		log := s.logTail()
		return errors.Join(fmt.Errorf("PostgreSQL did not start: %w\n%s", err, log), s.end("immediate"))
	}
	return nil
}

func (s *Server) command() []string {
	fsync := "fsync=on"
	if s.options.NoFsync {
		fsync = "fsync=off"
	}
	args := []string{s.programs.postgres, "-D", s.data()}
	for _, setting := range []string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(s.port), "unix_socket_directories=" + s.dir,
		fsync, "synchronous_commit=on", "max_connections=200", "shared_buffers=128MB", "timezone=UTC",
	} {
		args = append(args, "-c", setting)
	}
	return args
}

func (s *Server) waitReady(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ping(ctx, s.URL())
		if err == nil {
			return nil
		}
		if code, rerr := os.ReadFile(s.exitFile()); rerr == nil {
			return fmt.Errorf("the server ended with status %s", strings.TrimSpace(string(code)))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// end tells the watchdog how to stop the server and waits until both are gone.
func (s *Server) end(word string) error {
	if s.watchdog == nil {
		return nil
	}
	_, werr := s.leash.WriteString(word + "\n")
	cerr := s.leash.Close()
	err := s.watchdog.Wait()
	s.watchdog, s.leash = nil, nil
	if errors.Is(werr, os.ErrClosed) || isBrokenPipe(werr) {
		werr = nil // the server ended by itself, which is what we wanted
	}
	return errors.Join(werr, cerr, err)
}

func (s *Server) data() string     { return filepath.Join(s.dir, "data") }
func (s *Server) exitFile() string { return filepath.Join(s.dir, "exit") }

// logTail returns the end of the server's log for error messages.
func (s *Server) logTail() string {
	log, err := os.ReadFile(filepath.Join(s.dir, "server.log"))
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-4096):])
}

func ping(ctx context.Context, target string) error {
	conn, err := pgx.Connect(ctx, target)
	if err != nil {
		return err
	}
	return errors.Join(conn.Ping(ctx), conn.Close(ctx))
}

// freePort returns a port below the range from which systems take the local
// ports of outgoing connections, so that no connection sits on it when the
// server starts again after a crash.
func freePort(ctx context.Context) (int, error) {
	var err error
	for range 100 {
		port := 20000 + rand.IntN(12000)
		var l net.Listener
		l, err = new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free TCP port on 127.0.0.1: %w", err)
}

func randomName() string {
	return strconv.FormatUint(rand.Uint64(), 36)
}
