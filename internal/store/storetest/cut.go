package storetest

import (
	"bytes"
	"errors"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/store"
	"sluice/internal/test/harness"
)

// cutMode says what a proxy does to the message that commits.
type cutMode int32

const (
	passAll    cutMode = iota
	cutCommit          // the server never gets it
	cutAnswer          // the server gets it and commits; its answer is lost
	cutConnect         // nobody gets through at all
)

// proxy stands between a store and its PostgreSQL server.
type proxy struct {
	t        testing.TB
	listener net.Listener
	server   string
	mode     atomic.Int32
	wg       sync.WaitGroup
}

// newProxy gives a proxy and the URL that goes through it.
func newProxy(t testing.TB, target string) (*proxy, string) {
	t.Helper()
	u := must(url.Parse(target))
	p := &proxy{t: t, listener: must(net.Listen("tcp", "127.0.0.1:0")), server: u.Host}
	u.Host = p.listener.Addr().String()
	p.wg.Add(1)
	go p.accept()
	t.Cleanup(func() {
		_ = p.listener.Close()
		p.wg.Wait()
	})
	return p, u.String()
}

func (p *proxy) set(m cutMode) { p.mode.Store(int32(m)) }
func (p *proxy) is(m cutMode) bool {
	return p.mode.Load() == int32(m)
}

func (p *proxy) accept() {
	defer p.wg.Done()
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			p.t.Error(err)
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil || p.is(cutConnect) {
			_ = client.Close()
			if server != nil {
				_ = server.Close()
			}
			continue
		}
		var committing atomic.Bool
		p.wg.Add(2)
		go p.pump(client, server, func(part []byte) bool {
			if !bytes.Contains(part, []byte("sluice_commit")) || bytes.Contains(part, []byte("sluice_begin")) {
				return true // preparing names both
			}
			if p.is(cutAnswer) {
				committing.Store(true)
			}
			return !p.is(cutCommit)
		})
		// The server answers once per round trip: bytes after COMMIT mean that it is done.
		go p.pump(server, client, func([]byte) bool { return !committing.Load() })
	}
}

// pump copies until pass says no or one side ends, then ends both.
func (p *proxy) pump(from, to net.Conn, pass func(part []byte) bool) {
	defer p.wg.Done()
	defer to.Close()   //nolint:errcheck // cutting is the point
	defer from.Close() //nolint:errcheck // as above
	buf := make([]byte, 1<<20)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if !pass(buf[:n]) {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// Cut loses the connection to PostgreSQL at the worst moments. When COMMIT was sent and
// no answer came, the caller is told that the outcome is unknown, whichever it is;
// when nothing was sent, that nothing was done.
func Cut(t *testing.T, target string) {
	harness.Migrate(t, target, store.Options{Shards: 1, Log: quiet, Chain: chainKey})
	p, through := newProxy(t, target)
	n := join(t, through, store.Options{Chain: chainKey}, commit.Options{Log: quiet, Attempts: 2})
	f := fund(n, "m", "100")
	for _, c := range []struct {
		name        string
		mode        cutMode
		code, again string
	}{
		{"COMMIT is lost", cutCommit, "outcome_unknown", ""},
		{"the answer to COMMIT is lost", cutAnswer, "outcome_unknown", "duplicate_foreign_id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.set(c.mode)
			_, err := commit.Do(t.Context(), n.Loop, 0, f.create(c.name, "1"))
			if fault.CodeOf(err) != c.code || !fault.Of(err).Unknown {
				t.Errorf("told %v", err)
			}
			p.set(passAll)
			_, err = commit.Do(t.Context(), n.Loop, 0, f.create(c.name, "1"))
			if fault.CodeOf(err) != c.again {
				t.Errorf("the repeat is told %v", err)
			}
		})
	}
	t.Run("nobody gets through", func(t *testing.T) {
		late := open(t, through, store.Options{Chain: chainKey}, commit.Options{Log: quiet, Attempts: 2})
		late.run() // it has not written yet, so it has no connection to write on
		p.set(cutConnect)
		_, err := commit.Do(t.Context(), late.Loop, 0, f.create("unreachable", "1"))
		if fault.CodeOf(err) != "store_unavailable" || fault.Of(err).Unknown {
			t.Errorf("told %v", err)
		}
	})
	direct := join(t, target, store.Options{Chain: chainKey}, commit.Options{Log: quiet})
	if _, found, err := direct.DB.WithdrawalByForeignID(t.Context(), at(f.merchant), "unreachable"); found || err != nil {
		t.Errorf("found %v, %v", found, err)
	}
	direct.verify()
}
