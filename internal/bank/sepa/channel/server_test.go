package channel_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// server is a real SSH server with SFTP on a directory, as a bank runs one.
type server struct {
	address string
	dir     string
	hostKey ssh.PublicKey
	user    ssh.Signer // the one key that may log in
	// logins counts completed handshakes.
	mu     sync.Mutex
	logins int
}

func key(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func serve(t *testing.T, dir string) *server {
	t.Helper()
	host := key(t)
	s := &server{dir: dir, hostKey: host.PublicKey(), user: key(t)}
	cfg := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() == "sluice" && string(k.Marshal()) == string(s.user.PublicKey().Marshal()) {
			return &ssh.Permissions{}, nil
		}
		return nil, errors.New("unknown")
	}}
	cfg.AddHostKey(host)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { s.connection(c, cfg, &open) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		open.Wait()
	})
	return s
}

func (s *server) connection(c net.Conn, cfg *ssh.ServerConfig, open *sync.WaitGroup) {
	defer func() { _ = c.Close() }()
	conn, channels, requests, err := ssh.NewServerConn(c, cfg)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.logins++
	s.mu.Unlock()
	defer func() { _ = conn.Close() }()
	open.Go(func() { ssh.DiscardRequests(requests) })
	for ch := range channels {
		if ch.ChannelType() != "session" {
			_ = ch.Reject(ssh.UnknownChannelType, "no")
			continue
		}
		session, requests, err := ch.Accept()
		if err != nil {
			return
		}
		open.Go(func() {
			for r := range requests {
				ok := r.Type == "subsystem" && string(r.Payload[4:]) == "sftp"
				_ = r.Reply(ok, nil)
			}
		})
		open.Go(func() {
			defer func() { _ = session.Close() }()
			files, err := sftp.NewServer(session, sftp.WithServerWorkingDirectory(s.dir))
			if err != nil {
				return
			}
			if err := files.Serve(); err != nil && !errors.Is(err, io.EOF) {
				return
			}
		})
	}
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}
