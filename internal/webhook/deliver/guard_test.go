package deliver_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/webhook"
	"sluice/internal/webhook/deliver"
)

var quiet = slog.New(slog.DiscardHandler)

func signer(t testing.TB) *webhook.Signer {
	t.Helper()
	s, err := webhook.NewSigner(webhook.Endpoint{
		Secret: "whsec_" + strings.Repeat("A", 43) + "=", SigningKey: "whsk_" + strings.Repeat("A", 43) + "=",
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestCase54_AddressesThatAreNeverDialled: every form in which an inside address
// can be written, at the moment of dialling.
func TestCase54_AddressesThatAreNeverDialled(t *testing.T) {
	plain := deliver.Options{Log: quiet}
	local := deliver.Options{Log: quiet, AllowLoopback: true}
	listed := deliver.Options{Log: quiet, Allow: []netip.Prefix{
		netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("168.63.0.0/16"),
	}}
	cases := []struct {
		name             string
		network, address string
		o                deliver.Options
		ok               bool
	}{
		{"public", "tcp4", "93.184.216.34:443", plain, true},
		{"public, IPv6", "tcp6", "[2606:2800:220:1::1]:443", plain, true},
		{"public, plain port", "tcp4", "93.184.216.34:80", plain, true},
		{"loopback", "tcp4", "127.0.0.1:443", plain, false},
		{"loopback, end of the range", "tcp4", "127.255.255.254:443", plain, false},
		{"loopback, IPv6", "tcp6", "[::1]:443", plain, false},
		{"unspecified", "tcp4", "0.0.0.0:443", plain, false},
		{"unspecified, IPv6", "tcp6", "[::]:443", plain, false},
		{"private, 10", "tcp4", "10.1.2.3:443", plain, false},
		{"private, 172.16", "tcp4", "172.31.255.255:443", plain, false},
		{"private, 192.168", "tcp4", "192.168.0.1:443", plain, false},
		{"unique local", "tcp6", "[fd12:3456::1]:443", plain, false},
		{"link-local", "tcp4", "169.254.1.1:443", plain, false},
		{"link-local, IPv6", "tcp6", "[fe80::1]:443", plain, false},
		{"link-local with zone", "tcp6", "[fe80::1%eth0]:443", plain, false},
		{"public with zone", "tcp6", "[2606:2800:220:1::1%eth0]:443", plain, false},
		{"CGNAT", "tcp4", "100.64.0.1:443", plain, false},
		{"multicast", "tcp4", "224.0.0.1:443", plain, false},
		{"multicast, IPv6", "tcp6", "[ff02::1]:443", plain, false},
		{"broadcast", "tcp4", "255.255.255.255:443", plain, false},
		{"documentation", "tcp4", "192.0.2.1:443", plain, false},
		{"documentation, IPv6", "tcp6", "[2001:db8::1]:443", plain, false},
		{"benchmarking", "tcp4", "198.18.0.1:443", plain, false},
		{"reserved", "tcp4", "240.0.0.1:443", plain, false},
		{"mapped loopback", "tcp6", "[::ffff:127.0.0.1]:443", plain, false},
		{"mapped public", "tcp6", "[::ffff:93.184.216.34]:443", plain, false},
		{"compatible loopback", "tcp6", "[::7f00:1]:443", plain, false},
		{"NAT64 of loopback", "tcp6", "[64:ff9b::7f00:1]:443", plain, false},
		{"NAT64 of metadata", "tcp6", "[64:ff9b::a9fe:a9fe]:443", plain, false},
		{"6to4 of loopback", "tcp6", "[2002:7f00:1::1]:443", plain, false},
		{"Teredo", "tcp6", "[2001::1]:443", plain, false},
		{"metadata", "tcp4", "169.254.169.254:80", plain, false},
		{"metadata, IPv6", "tcp6", "[fd00:ec2::254]:80", plain, false},
		{"metadata in CGNAT", "tcp4", "100.100.100.200:80", plain, false},
		{"metadata at a public address", "tcp4", "168.63.129.16:80", plain, false},
		{"ssh", "tcp4", "93.184.216.34:22", plain, false},
		{"redis", "tcp4", "93.184.216.34:6379", plain, false},
		{"no address", "tcp4", "shop.example:443", plain, false},
		{"nothing", "tcp4", "", plain, false},
		{"no port", "tcp4", "93.184.216.34", plain, false},
		{"unix socket", "unix", "/run/docker.sock", plain, false},
		{"udp", "udp4", "93.184.216.34:443", plain, false},
		{"loopback where allowed", "tcp4", "127.0.0.1:31234", local, true},
		{"loopback, IPv6, where allowed", "tcp6", "[::1]:31234", local, true},
		{"private stays blocked then", "tcp4", "10.1.2.3:443", local, false},
		{"mapped loopback stays blocked then", "tcp6", "[::ffff:127.0.0.1]:443", local, false},
		{"metadata stays blocked then", "tcp4", "169.254.169.254:80", local, false},
		{"listed", "tcp4", "10.1.2.3:9000", listed, true},
		{"beside the list", "tcp4", "10.2.2.3:443", listed, false},
		{"metadata cannot be listed", "tcp4", "169.254.169.254:80", listed, false},
		{"metadata cannot be listed, IPv6", "tcp6", "[fd00:ec2::254]:80", listed, false},
		{"metadata cannot be listed, public", "tcp4", "168.63.129.16:80", listed, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := deliver.Dialable(c.o, c.network, c.address); (err == nil) != c.ok {
				t.Errorf("%s %s: %v, want dialled: %v", c.network, c.address, err, c.ok)
			}
		})
	}
}

// names is a resolver of our own: it speaks DNS over a pipe, so that the real
// client does all of its work.
type names struct {
	mu    sync.Mutex
	hosts map[string][][]string // per question the next list of addresses; the last one stays
	wg    sync.WaitGroup
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		n.wg.Go(func() {
			for n.answer(ours) == nil {
			}
			_ = ours.Close()
		})
		return theirs, nil
	}}
}

// answer reads one question (a pipe is a stream: with its length before it) and answers it.
func (n *names) answer(conn io.ReadWriter) error {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	q := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, q); err != nil {
		return err
	}
	var labels []string
	at := 12
	for q[at] != 0 {
		labels = append(labels, string(q[at+1:at+1+int(q[at])]))
		at += 1 + int(q[at])
	}
	question, kind := q[12:at+5], binary.BigEndian.Uint16(q[at+1:])
	out := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
	for _, a := range n.next(strings.Join(labels, "."), kind) {
		out[7]++
		out = append(out, 0xc0, 12, byte(kind>>8), byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(a)))
		out = append(out, a...)
	}
	_, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
	return err
}

// next gives the addresses of one kind: A (1) or AAAA (28). A's question is the one
// that moves on to the next list.
func (n *names) next(host string, kind uint16) (out [][]byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	lists := n.hosts[host]
	if len(lists) == 0 {
		return nil
	}
	for _, text := range lists[0] {
		a := netip.MustParseAddr(text)
		if a.Is4() == (kind == 1) {
			out = append(out, a.AsSlice())
		}
	}
	if kind == 1 && len(lists) > 1 {
		n.hosts[host] = lists[1:]
	}
	return out
}

// TestCase54_NamesThatResolveInside: the name is harmless to look at, its address
// is not; or it was when somebody looked and is not any more.
func TestCase54_NamesThatResolveInside(t *testing.T) {
	var reached atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer inside.Close()
	port := netip.MustParseAddrPort(inside.Listener.Addr().String()).Port()
	n := &names{hosts: map[string][][]string{
		"loopback.example": {{"127.0.0.1"}},
		"ipv6.example":     {{"::1"}},
		"both.example":     {{"10.0.0.1", "::ffff:127.0.0.1", "fd00:ec2::254"}},
		"metadata.example": {{"169.254.169.254"}},
		"nat64.example":    {{"64:ff9b::7f00:1"}},
		// Rebinding: an address for whoever checks the URL first, another one afterwards.
		"rebind.example": {{"93.184.216.34"}, {"127.0.0.1"}},
	}}
	defer n.wg.Wait()
	resolver := n.resolver()
	if a, err := resolver.LookupHost(t.Context(), "rebind.example"); err != nil || fmt.Sprint(a) != "[93.184.216.34]" {
		t.Fatalf("the first look: %v, %v", a, err)
	}
	var log bytes.Buffer
	o := deliver.Options{
		Resolver: resolver, AllowHTTP: true, Log: slog.New(slog.NewTextHandler(&log, nil)), Ports: []uint16{80, 443, port},
	}
	for _, c := range []struct {
		url   string
		class webhook.Class
	}{
		{"http://loopback.example", webhook.ClassBlocked},
		{"http://ipv6.example", webhook.ClassBlocked},
		{"http://both.example", webhook.ClassBlocked},
		{"http://metadata.example", webhook.ClassBlocked},
		{"http://nat64.example", webhook.ClassBlocked},
		{"http://rebind.example", webhook.ClassBlocked},
		{"http://unknown.example", webhook.ClassDNS},
		{"http://127.0.0.1", webhook.ClassBlocked},
		{"http://[::1]", webhook.ClassBlocked},
		{"http://[::ffff:7f00:1]", webhook.ClassBlocked},
		{"http://localhost", webhook.ClassBlocked},
		{"http://0", webhook.ClassDNS}, // forms that only a C library takes for addresses
		{"http://2130706433", webhook.ClassDNS},
		{"http://0x7f.1", webhook.ClassDNS},
		{"http://0177.0.0.1", webhook.ClassDNS},
	} {
		t.Run(c.url, func(t *testing.T) {
			a, _ := deliver.Send(t.Context(), o, fmt.Sprintf("%s:%d/", c.url, port), []byte("{}"), signer(t))
			if a.ErrorClass != string(c.class) || a.Status != 0 {
				t.Errorf("%s %d (%s), want %s", a.ErrorClass, a.Status, a.ErrorText, c.class)
			}
			if c.class == webhook.ClassBlocked && a.Address == "" {
				t.Error("the log does not say which address was blocked")
			}
		})
	}
	if reached.Load() != 0 {
		t.Errorf("the inside was reached %d times", reached.Load())
	}
	if !strings.Contains(log.String(), "blocked") {
		t.Error("blocking was silent")
	}
}

// TestCase54_RedirectsAreNotFollowed, wherever they lead.
func TestCase54_RedirectsAreNotFollowed(t *testing.T) {
	var second atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { second.Add(1) }))
	defer target.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{target.URL, "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "gopher://x"} {
			first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			}))
			a, _ := deliver.Send(t.Context(), deliver.Options{AllowLoopback: true, AllowHTTP: true, Log: quiet}, first.URL, []byte("{}"), signer(t))
			first.Close()
			if a.Status != int64(status) || a.Succeeded() || a.ErrorClass != string(webhook.ClassStatus) {
				t.Errorf("%d to %s: %d %s", status, to, a.Status, a.ErrorClass)
			}
		}
	}
	if second.Load() != 0 {
		t.Errorf("followed %d times", second.Load())
	}
}

func TestPlainHTTPAndProxiesOfTheEnvironment(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	got := make(chan string, 1)
	r := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got <- r.Method + " " + r.Proto + " " + r.Header.Get("Content-Type")
	}))
	defer r.Close()
	if a, _ := deliver.Send(t.Context(), deliver.Options{AllowLoopback: true, Log: quiet}, r.URL, nil, signer(t)); a.ErrorClass != string(webhook.ClassURL) {
		t.Errorf("plain http where it is not allowed: %s", a.ErrorClass)
	}
	a, _ := deliver.Send(t.Context(), deliver.Options{AllowLoopback: true, AllowHTTP: true, Log: quiet}, r.URL, nil, signer(t))
	if !a.Succeeded() || a.Address != r.Listener.Addr().String() {
		t.Errorf("%+v", a)
	}
	if s := <-got; s != "POST HTTP/1.1 application/json" {
		t.Error(s)
	}
}

func TestTLSIsVerifiedAndHTTP2Spoken(t *testing.T) {
	got := make(chan string, 1)
	r := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Proto }))
	r.EnableHTTP2 = true
	r.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	r.StartTLS()
	defer r.Close()
	o := deliver.Options{AllowLoopback: true, Log: quiet}
	if a, _ := deliver.Send(t.Context(), o, r.URL, nil, signer(t)); a.ErrorClass != string(webhook.ClassTLS) || a.Address == "" {
		t.Errorf("an unknown authority: %s (%s)", a.ErrorClass, a.ErrorText)
	}
	o.RootCAs = x509.NewCertPool()
	o.RootCAs.AddCert(r.Certificate())
	if a, _ := deliver.Send(t.Context(), o, r.URL, nil, signer(t)); !a.Succeeded() {
		t.Errorf("a known one: %s (%s)", a.ErrorClass, a.ErrorText)
	}
	if s := <-got; s != "HTTP/2.0" {
		t.Errorf("spoke %s", s)
	}
}
