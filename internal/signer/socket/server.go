package socket

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"sluice/internal/fault"
	"sluice/internal/signer"
)

// ServerOptions are the parts of a server.
type ServerOptions struct {
	Signer signer.Signer
	Mode   os.FileMode // of the socket; default 0600
	Users  []int       // ids of users that may ask, beside the one that the signer runs as
	Log    *slog.Logger
}

// Server answers on a socket.
type Server struct {
	opt    ServerOptions
	listen *net.UnixListener
}

// atOnce is how many questions of one connection are worked on at once. More wait in
// the socket.
const atOnce = 256

// writeWithin is how long somebody who asked may take to read the answer.
const writeWithin = 10 * time.Second

// Listen makes the socket. The folder it is in is made if it is missing (0700); one that
// others may write to is refused, since they could put their own socket there.
func Listen(path string, opt ServerOptions) (*Server, error) {
	if opt.Mode == 0 {
		opt.Mode = 0o600
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if err := clear(path); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "signer_socket", "the socket %s cannot be made", path)
	}
	if err := os.Chmod(path, opt.Mode); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &Server{opt: opt, listen: l}, nil
}

// clear makes room for the socket: one that nobody listens on was left by a crash.
func clear(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.Wrap(err, fault.Unavailable, "signer_socket", "the folder %s cannot be made", dir)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fault.New(fault.Invalid, "signer_socket", "everybody may write to %s: give the socket a folder of its own", dir)
	}
	c, err := net.Dial("unix", path)
	switch {
	case err == nil:
		_ = c.Close()
		return fault.New(fault.Conflict, "signer_running", "a signer listens on %s already", path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSocket == 0 {
		return fault.New(fault.Conflict, "signer_socket", "%s is there and is no socket", path)
	}
	return os.Remove(path)
}

// Run answers until ctx ends, and lets what it works on come to its end.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.listen.Close() })
	defer stop()
	defer s.listen.Close() //nolint:errcheck // when Run returns, the socket is gone in every case
	var all sync.WaitGroup
	defer all.Wait()
	for {
		c, err := s.listen.AcceptUnix()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = c.Close()
			}
			return nil
		case err != nil:
			return fault.Wrap(err, fault.Unavailable, "signer_socket", "the socket does not take connections any more")
		}
		all.Go(func() { s.serve(ctx, c) })
	}
}

func (s *Server) serve(ctx context.Context, c *net.UnixConn) {
	defer c.Close() //nolint:errcheck // nobody is there any more
	if user, err := peer(c); err != nil || user != os.Getuid() && user != 0 && !slices.Contains(s.opt.Users, user) {
		s.opt.Log.Warn("a user who may not ask the signer was turned away", "user", user, "error", err)
		return
	}
	// When the signer stops, no new question is read; those in work are answered.
	stop := context.AfterFunc(ctx, func() { _ = c.CloseRead() })
	defer stop()
	var (
		all   sync.WaitGroup
		turns = make(chan struct{}, atOnce)
		mu    sync.Mutex
		in    = bufio.NewReaderSize(c, 64<<10)
	)
	defer all.Wait()
	for {
		var q request
		if err := readFrame(in, &q); err != nil {
			if !errors.Is(err, io.EOF) && ctx.Err() == nil {
				s.opt.Log.Warn("a connection to the signer was ended", "error", err)
			}
			return
		}
		turns <- struct{}{}
		all.Go(func() {
			text, err := frame(s.answer(context.WithoutCancel(ctx), q))
			if err == nil {
				mu.Lock()
				if err = c.SetWriteDeadline(time.Now().Add(writeWithin)); err == nil {
					_, err = c.Write(text)
				}
				mu.Unlock()
			}
			if err != nil {
				_ = c.Close() // the one who asks will ask again
			}
			<-turns
		})
	}
}

func (s *Server) answer(ctx context.Context, q request) answer {
	a := answer{Version: version, ID: q.ID}
	var err error
	switch {
	case q.Version != version:
		err = fault.New(fault.Refused, "signer_version", "signer: it speaks version %d, not %d: both sides must be of one release", version, q.Version)
	case q.Op == opSign && q.Intent != nil:
		var in signer.Intent
		if in, err = q.Intent.read(); err != nil {
			err = fault.New(fault.Refused, "sign_malformed", "signer: %v", err)
			break
		}
		var out signer.Signed
		if out, err = s.opt.Signer.Sign(ctx, in); err == nil {
			a.Signed = &signed{TxID: out.TxID, Raw: out.Raw}
		}
	case q.Op == opMay && q.Intent != nil:
		var in signer.Intent
		if in, err = q.Intent.read(); err != nil {
			err = fault.New(fault.Refused, "sign_malformed", "signer: %v", err)
		} else if would, ok := s.opt.Signer.(signer.Previewer); ok {
			err = would.May(ctx, in.Network, in.Outputs)
		}
	case q.Op == opHealth && q.Intent == nil:
		if r, ok := s.opt.Signer.(signer.Reporter); ok {
			err = r.Health(ctx)
		}
	case q.Op == opAddresses && q.Intent == nil:
		a.Addresses, err = s.opt.Signer.Addresses(ctx)
	case q.Op == opHistory && q.Intent == nil:
		a.History, err = s.history(ctx, q.After)
	default:
		err = fault.New(fault.Refused, "sign_malformed", "signer: it knows no operation %q", q.Op)
	}
	if err != nil {
		f := fault.Of(err)
		a.Error = &failure{Kind: f.Kind, Code: f.Code, Message: f.Message}
		if q.Op != opMay && q.Op != opHealth { // which are asked again and again while something waits
			s.opt.Log.Warn("not signed", "code", f.Code, "error", err)
		}
	}
	return a
}

func (s *Server) history(ctx context.Context, after string) (*history, error) {
	h, ok := s.opt.Signer.(signer.Historian)
	if !ok {
		return &history{Next: after}, nil
	}
	page, next, err := h.History(ctx, after)
	if err != nil {
		return nil, err
	}
	out := &history{Next: next}
	for _, r := range page {
		out.Page = append(out.Page, writeRecord(r))
	}
	return out, nil
}
