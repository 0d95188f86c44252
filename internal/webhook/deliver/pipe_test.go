package deliver_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"sluice/internal/webhook/deliver"
)

// pipes is a network without sockets, for virtual time.
type pipes struct {
	mu    sync.Mutex
	hosts map[string]*pipeListener
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// dial connects to a receiver by its host name.
func (p *pipes) dial(ctx context.Context, _, address string) (net.Conn, error) {
	p.mu.Lock()
	l := p.hosts[address]
	p.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: net.UnknownNetworkError(address)}
	}
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) worker(w *deliver.Worker) { w.DialWith(p.dial) }

// receiver listens under a host name.
func (p *pipes) receiver(b *book, host string, answer http.HandlerFunc) *receiver {
	r := &receiver{answer: answer, url: "http://" + host + "/hook"}
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	p.mu.Lock()
	if p.hosts == nil {
		p.hosts = map[string]*pipeListener{}
	}
	p.hosts[host+":80"] = l
	p.mu.Unlock()
	s := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // always ends with an error: it was closed
	}()
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
		<-done
	})
	return r
}
