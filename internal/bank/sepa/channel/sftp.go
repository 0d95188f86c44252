package channel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"sluice/internal/bank/sepa"
)

// SFTPConfig says where a bank's SFTP server is and how to talk to it.
type SFTPConfig struct {
	Address string // host and port
	User    string
	// Auth proves who we are: ssh.PublicKeys with our key, or ssh.Password.
	Auth []ssh.AuthMethod
	// HostKeys are the keys that the server may have; anything else ends the connection
	// before anything is sent. Two while the bank changes its key. Ask the bank for
	// them on another way than this one.
	HostKeys []ssh.PublicKey
	// The folders on the server. Outbox and Inbox are required. The others may be ""
	// where the bank allows no folders of ours: then copies are kept below Local.
	Outbox, Inbox, Sent, Archive, Quarantine string
	// Local is a directory of this machine, required if one of those is "".
	Local string
	// QuietFor is how long a file in the inbox without a sidecar must not have changed.
	QuietFor time.Duration
	// Timeout bounds connecting, and every single operation. 0: 30 s.
	Timeout time.Duration
}

// SFTP is a channel over SFTP. Every operation has a connection of its own: banks end
// idle ones, and there are few operations.
type SFTP struct {
	cfg    SFTPConfig
	client *ssh.ClientConfig
	local  *Folder // nil if all folders are on the server
	inbox  watch
}

var _ sepa.Channel = (*SFTP)(nil)

// OpenSFTP checks the configuration and opens the local directory. It connects to
// nothing.
func OpenSFTP(cfg SFTPConfig) (*SFTP, error) {
	if _, _, err := net.SplitHostPort(cfg.Address); err != nil {
		return nil, fmt.Errorf("SFTP address %q: want host and port: %w", cfg.Address, err)
	}
	if cfg.User == "" || len(cfg.Auth) == 0 {
		return nil, errors.New("SFTP: a user and a key or a password are required")
	}
	if len(cfg.HostKeys) == 0 {
		return nil, errors.New("SFTP: the server's key is required: without it anybody could be the bank")
	}
	if cfg.Outbox == "" || cfg.Inbox == "" {
		return nil, errors.New("SFTP: the folders for outgoing and incoming files are required")
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 30 * time.Second
	}
	s := &SFTP{cfg: cfg, inbox: watch{quietFor: cfg.QuietFor}, client: &ssh.ClientConfig{
		User: cfg.User, Auth: cfg.Auth, Timeout: cfg.Timeout, HostKeyCallback: cfg.pinned, HostKeyAlgorithms: algorithms(cfg.HostKeys),
	}}
	if cfg.Sent != "" && cfg.Archive != "" && cfg.Quarantine != "" {
		return s, nil
	}
	if cfg.Local == "" {
		return nil, errors.New("SFTP: without folders of ours on the server, a local directory is required to keep files in")
	}
	var err error
	s.local, err = OpenFolder(cfg.Local, FolderOptions{})
	return s, err
}

// Close lets go of the local directory.
func (s *SFTP) Close() error {
	if s.local == nil {
		return nil
	}
	return s.local.Close()
}

func (c SFTPConfig) pinned(host string, _ net.Addr, key ssh.PublicKey) error {
	for _, k := range c.HostKeys {
		if k.Type() == key.Type() && bytes.Equal(k.Marshal(), key.Marshal()) {
			return nil
		}
	}
	return fmt.Errorf("the server %s has another key than the bank's (%s): nothing was sent", host, ssh.FingerprintSHA256(key))
}

// algorithms asks the server for the kind of key that we know of it.
func algorithms(keys []ssh.PublicKey) []string {
	var out []string
	for _, k := range keys {
		if k.Type() == ssh.KeyAlgoRSA {
			out = append(out, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			continue
		}
		out = append(out, k.Type())
	}
	return out
}

// with connects, lets f work, and disconnects. When the context ends or an operation
// takes too long, the connection is cut.
func (s *SFTP) with(ctx context.Context, f func(*sftp.Client) error) error {
	conn, end, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	err = f(conn)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (s *SFTP) connect(ctx context.Context) (*sftp.Client, func(), error) {
	dialer := net.Dialer{Timeout: s.cfg.Timeout}
	raw, err := dialer.DialContext(ctx, "tcp", s.cfg.Address)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the bank's server: %w", err)
	}
	line := &patient{Conn: raw, timeout: s.cfg.Timeout}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	fail := func(err error) (*sftp.Client, func(), error) {
		stop()
		_ = raw.Close() // the first error counts
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, nil, fmt.Errorf("connect to the bank's server: %w", err)
	}
	conn, channels, requests, err := ssh.NewClientConn(line, s.cfg.Address, s.client)
	if err != nil {
		return fail(err)
	}
	shell := ssh.NewClient(conn, channels, requests)
	files, err := sftp.NewClient(shell)
	if err != nil {
		_ = shell.Close()
		return fail(err)
	}
	return files, func() {
		_ = files.Close() // whatever mattered was answered before
		_ = shell.Close()
		stop()
	}, nil
}

// patient gives up when nothing arrives or leaves for too long.
type patient struct {
	net.Conn
	timeout time.Duration
}

// Read implements net.Conn.
func (p *patient) Read(b []byte) (int, error) {
	if err := p.SetReadDeadline(time.Now().Add(p.timeout)); err != nil {
		return 0, err
	}
	return p.Conn.Read(b)
}

// Write implements net.Conn.
func (p *patient) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}

// Send implements sepa.Channel.
func (s *SFTP) Send(ctx context.Context, name string, file []byte) error {
	if err := checkName(name); err != nil {
		return err
	}
	if len(file) > SendMax {
		return fmt.Errorf("file %s has %d bytes, at most %d are sent", name, len(file), SendMax)
	}
	if s.cfg.Sent == "" {
		if done, err := s.local.holds(Sent+"/"+name, file); err != nil || done {
			return err
		}
	}
	return s.with(ctx, func(c *sftp.Client) error {
		if s.cfg.Sent != "" {
			if done, err := s.holds(c, path.Join(s.cfg.Sent, name), file); err != nil || done {
				return err
			}
		}
		there, err := s.holds(c, path.Join(s.cfg.Outbox, name), file)
		if err != nil {
			return err
		}
		if !there {
			if err := s.write(c, s.cfg.Outbox, name+sumSuffix, sidecar(name, file)); err != nil {
				return err
			}
			if err := s.write(c, s.cfg.Outbox, name, file); err != nil {
				return err
			}
		}
		if s.cfg.Sent == "" {
			return s.local.write(Sent, name, file)
		}
		return s.write(c, s.cfg.Sent, name, file)
	})
}

func (s *SFTP) holds(c *sftp.Client, at string, file []byte) (bool, error) {
	r, err := c.Open(at)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer r.Close() //nolint:errcheck // only read from
	have, err := io.ReadAll(io.LimitReader(r, int64(len(file))+1))
	if err != nil {
		return false, err
	}
	if !bytes.Equal(have, file) {
		return false, fmt.Errorf("%w: %s", sepa.ErrNameTaken, at)
	}
	return true, nil
}

// write uploads a file under another name, makes sure that it is there whole, and
// renames it.
func (s *SFTP) write(c *sftp.Client, folder, name string, data []byte) error {
	part, final := path.Join(folder, "."+name+partSuffix), path.Join(folder, name)
	w, err := c.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return fmt.Errorf("upload %s: %w", name, err)
	}
	_, err = w.ReadFrom(bytes.NewReader(data))
	if err := errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("upload %s: %w", name, err)
	}
	info, err := c.Stat(part)
	if err != nil {
		return fmt.Errorf("upload %s: %w", name, err)
	}
	if info.Size() != int64(len(data)) {
		return fmt.Errorf("upload %s: %d of %d bytes arrived", name, info.Size(), len(data))
	}
	return s.rename(c, part, final)
}

// rename replaces what is there, where the server can; the plain rename of the protocol
// refuses that.
func (s *SFTP) rename(c *sftp.Client, from, to string) error {
	err := c.PosixRename(from, to)
	var status *sftp.StatusError
	if errors.As(err, &status) && status.FxCode() == sftp.ErrSSHFxOpUnsupported {
		err = c.Rename(from, to)
	}
	if err != nil {
		return fmt.Errorf("rename %s to %s: %w", from, to, err)
	}
	return nil
}

// Inbox implements sepa.Channel.
func (s *SFTP) Inbox(ctx context.Context) ([]sepa.Incoming, error) {
	var out []sepa.Incoming
	err := s.with(ctx, func(c *sftp.Client) error {
		list, err := c.ReadDirContext(ctx, s.cfg.Inbox)
		if err == nil {
			out = s.inbox.list(list)
		}
		return err
	})
	return out, err
}

// Open implements sepa.Channel. The connection lives until the file is closed.
func (s *SFTP) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := checkInbox(name); err != nil {
		return nil, err
	}
	c, end, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.open(c, name)
	if err != nil {
		end()
		return nil, err
	}
	return &remote{r, end}, nil
}

func (s *SFTP) open(c *sftp.Client, name string) (io.ReadCloser, error) {
	at := path.Join(s.cfg.Inbox, name)
	want := ""
	if hasSidecar(name) {
		sum, err := c.Open(at + sumSuffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err == nil {
			want, err = readSum(sum)
			if err := errors.Join(err, sum.Close()); err != nil {
				return nil, err
			}
		}
	}
	r, err := c.Open(at)
	if err != nil {
		return nil, err
	}
	if want == "" {
		return r, nil
	}
	return withSum(r, want), nil
}

// remote is an open file with its connection.
type remote struct {
	io.ReadCloser
	end func()
}

// Close implements io.Closer.
func (r *remote) Close() error {
	defer r.end()
	return r.ReadCloser.Close()
}

// Archive implements sepa.Channel.
func (s *SFTP) Archive(ctx context.Context, name string) error {
	if s.cfg.Archive == "" {
		return s.fetch(ctx, name, func(kept string) error { return s.local.Archive(ctx, kept) })
	}
	return s.put(ctx, name, s.cfg.Archive, "")
}

// Quarantine implements sepa.Channel.
func (s *SFTP) Quarantine(ctx context.Context, name, reason string) error {
	if s.cfg.Quarantine == "" {
		return s.fetch(ctx, name, func(kept string) error { return s.local.Quarantine(ctx, kept, reason) })
	}
	return s.put(ctx, name, s.cfg.Quarantine, reason)
}

// fetch brings a file here, lets keep put it away, and removes it from the server.
func (s *SFTP) fetch(ctx context.Context, name string, keep func(kept string) error) error {
	if err := checkInbox(name); err != nil {
		return err
	}
	return s.with(ctx, func(c *sftp.Client) error {
		from := path.Join(s.cfg.Inbox, name)
		r, err := c.Open(from)
		if err != nil {
			return err
		}
		defer r.Close() //nolint:errcheck // only read from
		kept := keptName(name)
		if err := s.local.copy(Inbox, kept, r); err != nil {
			return fmt.Errorf("fetch %s: %w", name, err)
		}
		if err := keep(kept); err != nil {
			return err
		}
		err = c.Remove(from)
		if hasSidecar(name) {
			err = errors.Join(err, missingIsFine(c.Remove(from+sumSuffix)))
		}
		return err
	})
}

func (s *SFTP) put(ctx context.Context, name, folder, reason string) error {
	if err := checkInbox(name); err != nil {
		return err
	}
	return s.with(ctx, func(c *sftp.Client) error {
		from := path.Join(s.cfg.Inbox, name)
		kept, err := free(keptName(name), func(n string) (bool, error) {
			_, err := c.Lstat(path.Join(folder, n))
			return err == nil, missingIsFine(err)
		})
		if err != nil {
			return err
		}
		if err := c.Rename(from, path.Join(folder, kept)); err != nil {
			return fmt.Errorf("put %s away: %w", name, err)
		}
		if hasSidecar(name) {
			if err := missingIsFine(c.Rename(from+sumSuffix, path.Join(folder, kept+sumSuffix))); err != nil {
				return err
			}
		}
		if reason == "" {
			return nil
		}
		return s.write(c, folder, kept+reasonSuffix, []byte(reason+"\n"))
	})
}
