package bench

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// service is an HTTP server on a loopback port, in this process like its clients.
type service struct {
	addr   string
	server *http.Server
	ended  chan error
}

func serve(ctx context.Context, handler http.Handler) (*service, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &service{addr: l.Addr().String(), ended: make(chan error, 1), server: &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}}
	go func() { s.ended <- s.server.Serve(l) }()
	return s, nil
}

func (s *service) close() error {
	err := s.server.Close()
	if e := <-s.ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// nothing is the floor of HTTP: it reads the request, answers with as many bytes as
// the product does, and stores nothing.
func nothing(answer []byte) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		rw.Header()["Content-Type"] = jsonType
		rw.WriteHeader(http.StatusCreated)
		_, _ = rw.Write(answer) // a client that is gone fails by itself
	}
}

var jsonType = []string{"application/json"}

// httpFloor is the service that stores nothing, with its clients.
type httpFloor struct {
	service *service
	callers []caller
	hangUp  func()
}

func newHTTPFloor(ctx context.Context, b *book, concurrency int, answer []byte) (*httpFloor, error) {
	s, err := serve(ctx, nothing(answer))
	if err != nil {
		return nil, err
	}
	callers, hangUp, err := dial(ctx, s.addr, b, concurrency)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return &httpFloor{s, callers, hangUp}, nil
}

func (f *httpFloor) close() error {
	f.hangUp()
	return f.service.close()
}
