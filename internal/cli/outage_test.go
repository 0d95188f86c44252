package cli_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/store/pgtest"
)

// line is a wire to a node that can be cut.
type line struct {
	net.Listener
	to  string
	cut atomic.Bool

	mu   sync.Mutex
	open []net.Conn
}

// wire stands between a server and the node at a URL; it gives the URL to use.
func wire(t *testing.T, node string) (*line, string) {
	t.Helper()
	to, err := url.Parse(node)
	must(t, err)
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	w := &line{Listener: l, to: to.Host}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(c)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		w.sever()
		<-done
	})
	to.Host = l.Addr().String()
	return w, to.String()
}

func (w *line) carry(c net.Conn) {
	defer c.Close() //nolint:errcheck // a test
	var d net.Dialer
	far, err := d.DialContext(context.Background(), "tcp", w.to)
	if err != nil || w.cut.Load() {
		return
	}
	defer far.Close() //nolint:errcheck // a test
	w.mu.Lock()
	w.open = append(w.open, c, far)
	w.mu.Unlock()
	go func() { _, _ = io.Copy(far, c) }()
	_, _ = io.Copy(c, far)
}

// sever ends every connection.
func (w *line) sever() {
	w.cut.Store(true)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.open {
		_ = c.Close()
	}
	w.open = nil
}

// between gives the warnings and errors that were logged while fn ran.
func (v *server) between(fn func()) (out []string) {
	before := len(v.log.String())
	fn()
	for l := range strings.Lines(v.log.String()[before:]) {
		if strings.Contains(l, "level=WARN") || strings.Contains(l, "level=ERROR") {
			out = append(out, l)
		}
	}
	return out
}

// pay has one payout confirmed.
func (v *server) pay(t *testing.T, key, account, foreign string) {
	t.Helper()
	id, _ := v.post(t, key, "/v1/withdrawals", fmt.Sprintf(`{"account":%q,"foreign_id":%q,"currency":"ETH","amount":"1",
		"destination":{"network":"ethereum","address":"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}}`, account, foreign))["id"].(string)
	v.state(t, key, id, "confirmed")
}

// metric reads one sample of /metrics.
func (v *server) metric(t *testing.T, name string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.url+"/metrics", nil)
	must(t, err)
	res, err := v.http.Do(r)
	must(t, err)
	defer res.Body.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(res.Body)
	must(t, err)
	for l := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(l, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// shows polls a metric until it has a value.
func (v *server) shows(t *testing.T, name, want string) {
	t.Helper()
	got := ""
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		if got = v.metric(t, name); got == want {
			return
		}
	}
	t.Fatalf("%s is %q, want %q", name, got, want)
}

// A node that is away, with a payout that waits for it, is two lines of the log: one when it
// begins and one when it ends.
func TestADeadNodeIsTwoLines(t *testing.T) {
	c := chain(t)
	s, key, account := payer(t, c, "sqlite:sluice.db")
	w, through := wire(t, c.URL())
	text, err := os.ReadFile("sluice.toml")
	must(t, err)
	conf := strings.Replace(string(text), c.URL(), through, 1) + "[treasury]\nevery = \"200ms\"\n"
	must(t, os.WriteFile("sluice.toml", []byte(conf), 0o600))
	v := serve(t, s)
	v.pay(t, key, account, "before")
	const gauge = `sluice_outage{network="ethereum",what="node"}`
	lines := v.between(func() {
		w.sever()
		id, _ := v.post(t, key, "/v1/withdrawals", fmt.Sprintf(`{"account":%q,"foreign_id":"a","currency":"ETH","amount":"1",
			"destination":{"network":"ethereum","address":"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}}`, account))["id"].(string)
		v.shows(t, gauge, "1")
		v.shows(t, `sluice_withdrawals_waiting{network="ethereum",reason="node_unavailable"}`, "1")
		if got := v.metric(t, `sluice_waiting_for_person{kind="wallet"}`); got != "0" {
			t.Errorf("it waits for a person: %s", got)
		}
		<-time.After(2 * time.Second) // forty polls of the node
		w.cut.Store(false)
		v.state(t, key, id, "confirmed")
		v.says(t, "a node answers again", "lasted=")
		v.shows(t, gauge, "")
	})
	if len(lines) != 2 || !strings.Contains(lines[0], "a node does not answer") || !strings.Contains(lines[1], "a node answers again") {
		t.Errorf("%d lines:\n%s", len(lines), strings.Join(lines, ""))
	}
	v.stop(t)
}

// So is a database that is away, with callers and workers that ask for it all the time.
func TestADeadDatabaseIsTwoLines(t *testing.T) {
	db, err := pgtest.StartServer(t.Context(), pgtest.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, db.Stop()) })
	name, err := pgtest.CreateDatabase(t.Context(), db.URL())
	must(t, err)
	c := chain(t)
	s, key, account := payer(t, c, name)
	v := serve(t, s)
	v.pay(t, key, account, "before")
	ask := func(foreign string) int {
		status, _ := v.send(t.Context(), key, http.MethodPost, "/v1/withdrawals", fmt.Sprintf(`{"account":%q,"foreign_id":%q,"currency":"ETH","amount":"1",
			"destination":{"network":"ethereum","address":"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}}`, account, foreign))
		return status
	}
	lines := v.between(func() {
		must(t, db.Crash())
		for n := range 20 {
			if status := ask(fmt.Sprint("gone-", n)); status != http.StatusServiceUnavailable {
				t.Errorf("without a database: %d", status)
			}
			if status, _ := v.send(t.Context(), "", http.MethodGet, "/readyz", ""); status != http.StatusServiceUnavailable {
				t.Errorf("ready without a database: %d", status)
			}
		}
		v.shows(t, `sluice_outage{network="",what="database"}`, "1")
		<-time.After(2 * time.Second)
		must(t, db.Start(t.Context()))
		v.says(t, "the database answers again", "lasted=")
		v.shows(t, `sluice_outage{network="",what="database"}`, "0")
	})
	if len(lines) != 2 || !strings.Contains(lines[0], "the database does not answer") || !strings.Contains(lines[1], "the database answers again") {
		t.Errorf("%d lines:\n%s", len(lines), strings.Join(lines, ""))
	}
	if status := ask("after"); status != http.StatusCreated {
		t.Errorf("afterwards: %d", status)
	}
	v.stop(t)
}
