package socket_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
	"sluice/internal/signer/keystore"
	"sluice/internal/signer/socket"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// signFunc is a signer that is asked through the socket.
type signFunc func(ctx context.Context, in signer.Intent) (signer.Signed, error)

func (f signFunc) Sign(ctx context.Context, in signer.Intent) (signer.Signed, error) {
	return f(ctx, in)
}
func (signFunc) Addresses(context.Context) ([]string, error) { return []string{"a", "b"}, nil }

// place is a path that is short enough for a socket.
func place(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sluice") // t.TempDir may be too long for a socket's name
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, "own", "s.sock")
}

// listen runs a server; stop ends it and waits.
func listen(t testing.TB, path string, s signer.Signer) (stop func()) {
	t.Helper()
	server, err := socket.Listen(path, socket.ServerOptions{Signer: s, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		must(t, <-done)
	})
	t.Cleanup(stop)
	return stop
}

func dial(t testing.TB, path string) *socket.Client {
	t.Helper()
	c := socket.Dial(path)
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

// guarded is a real signer with one key, and its wallet.
func guarded(t testing.TB) (g *guard.Guard, wallet string) {
	t.Helper()
	dir := t.TempDir()
	wallet, err := keystore.Create(filepath.Join(dir, "keys"), "x", keystore.Light)
	must(t, err)
	keys, err := keystore.Open(filepath.Join(dir, "keys"), "x")
	must(t, err)
	g, err = guard.Open(t.Context(), guard.Options{
		Keys: keys, Build: build.Builder{}, Dir: filepath.Join(dir, "log"),
		Policy: guard.Policy{Networks: []guard.Network{{Network: signer.Network{Name: "ethereum", Family: "evm", ChainID: 1}, Open: true}}},
	})
	must(t, err)
	t.Cleanup(func() { must(t, g.Close()) })
	return g, wallet
}

func payout(wallet string, nonce, amount uint64) signer.Intent {
	return signer.Intent{
		Family: "evm", Network: "ethereum", Wallet: wallet, ChainID: 1, Nonce: nonce, Gas: 21_000, FeeCap: money.Of(3), TipCap: money.Of(1),
		Outputs: []signer.Output{{Ref: "wd_" + money.Of(nonce).Minor(), Asset: "ETH", To: bytes.Repeat([]byte{7}, 20), Amount: money.Of(amount)}},
	}
}

// everything is an intent with each field set.
func everything() signer.Intent {
	big, _ := money.ParseMinor(strings.Repeat("9", money.Digits))
	return signer.Intent{
		Family: "f", Network: "n", Wallet: "w", ChainID: 1, Nonce: 1<<64 - 1, Gas: 3, FeeCap: big, TipCap: money.Of(4), Vault: []byte{5},
		Outputs: []signer.Output{{Ref: "r", Asset: "A", To: []byte{6}, Amount: big, Token: []byte{7}, Approval: "ok", Acceptance: "sac1_x", Memo: "m"}, {To: []byte{8}}},
		GasEach: 16, Inputs: []signer.Input{{TxID: "t", Index: 10, Amount: money.Of(11), Script: []byte{12}}},
		Change: signer.Output{To: []byte{13}, Amount: money.Of(14)}, Cancel: true, Fence: 15, Bound: "d", Previous: [][]byte{{17}, {18}}, File: []byte{19},
	}
}

// TestEveryFieldTravels also finds a field that was added to the intent and not here.
func TestEveryFieldTravels(t *testing.T) {
	v := reflect.ValueOf(everything())
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("the test leaves %s out", v.Type().Field(i).Name)
		}
	}
	path := place(t)
	var got signer.Intent
	listen(t, path, signFunc(func(_ context.Context, in signer.Intent) (signer.Signed, error) {
		got = in
		return signer.Signed{TxID: "tx", Raw: []byte{1, 2}}, nil
	}))
	c := dial(t, path)
	for _, want := range []signer.Intent{everything(), payout("w", 1, 2)} {
		signed, err := c.Sign(t.Context(), want)
		must(t, err)
		if !reflect.DeepEqual(got, want) || signed.TxID != "tx" || !bytes.Equal(signed.Raw, []byte{1, 2}) {
			t.Errorf("sent %+v, came %+v, answered %+v", want, got, signed)
		}
	}
	addresses, err := c.Addresses(t.Context())
	if err != nil || !reflect.DeepEqual(addresses, []string{"a", "b"}) {
		t.Errorf("addresses %v, %v", addresses, err)
	}
}

// TestHistoryTravels compares what the guard gives with what comes over the socket.
func TestHistoryTravels(t *testing.T) {
	g, wallet := guarded(t)
	path := place(t)
	listen(t, path, g)
	c := dial(t, path)
	at := ""
	for n := range uint64(3) {
		in := payout(wallet, n, 1)
		in.Outputs[0].Memo, in.Bound = "memo", "dsp"
		_, err := c.Sign(t.Context(), in)
		must(t, err)
		want, wantNext, err := g.History(t.Context(), at)
		must(t, err)
		got, next, err := c.History(t.Context(), at)
		must(t, err)
		if len(got) != 1 || got[0].Payouts[0].Memo != "memo" || next != wantNext || fmt.Sprintf("%+v", got[0].Payouts) != fmt.Sprintf("%+v", want[0].Payouts) ||
			got[0].At != want[0].At || *got[0].Nonce != *want[0].Nonce || got[0].Bound != want[0].Bound || got[0].Wallet != want[0].Wallet {
			t.Errorf("came %+v, want %+v", got, want)
		}
		at = next
	}
	if _, _, err := c.History(t.Context(), "nowhere"); fault.CodeOf(err) != "signer_log_place" {
		t.Errorf("got %v", err)
	}
	none := place(t)
	listen(t, none, signFunc(nil))
	if page, next, err := dial(t, none).History(t.Context(), "x"); err != nil || len(page) > 0 || next != "x" {
		t.Errorf("a signer without a log: %v, %q, %v", page, next, err)
	}
}

// TestRefusalsTravel keeps kind, code and text of what the signer says.
func TestRefusalsTravel(t *testing.T) {
	path := place(t)
	listen(t, path, signFunc(func(_ context.Context, in signer.Intent) (signer.Signed, error) {
		if in.Nonce == 1 {
			return signer.Signed{}, errors.New("secret detail")
		}
		return signer.Signed{}, fault.New(fault.Conflict, "sign_slot", "taken")
	}))
	c := dial(t, path)
	_, err := c.Sign(t.Context(), signer.Intent{})
	if f := fault.Of(err); f.Kind != fault.Conflict || f.Code != "sign_slot" || f.Message != "taken" || f.Unknown {
		t.Errorf("got %+v", f)
	}
	if _, err = c.Sign(t.Context(), signer.Intent{Nonce: 1}); fault.KindOf(err) != fault.Internal || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	huge := payout("w", 1, 1)
	huge.Bound = strings.Repeat("x", socket.FrameMax)
	if _, err = c.Sign(t.Context(), huge); fault.CodeOf(err) != "signer_frame" {
		t.Errorf("too large: %v", err)
	}
}

// TestSeveralInFlight lets the first question wait for the second, on one connection.
func TestSeveralInFlight(t *testing.T) {
	path, second := place(t), make(chan struct{})
	listen(t, path, signFunc(func(_ context.Context, in signer.Intent) (signer.Signed, error) {
		if in.Nonce == 1 {
			<-second
		} else {
			close(second)
		}
		return signer.Signed{TxID: in.Wallet}, nil
	}))
	c := dial(t, path)
	_, err := c.Addresses(t.Context())
	must(t, err)
	var all sync.WaitGroup
	for _, in := range []signer.Intent{payout("one", 1, 1), payout("two", 2, 1)} {
		all.Go(func() {
			if got, err := c.Sign(t.Context(), in); err != nil || got.TxID != in.Wallet {
				t.Errorf("asked for %s, got %+v, %v", in.Wallet, got, err)
			}
		})
	}
	all.Wait()
}

// TestTwoClientsOneSlot asks for one slot for two recipients at once: one gets it.
func TestTwoClientsOneSlot(t *testing.T) {
	g, wallet := guarded(t)
	path := place(t)
	listen(t, path, g)
	one, two := dial(t, path), dial(t, path)
	for nonce := range uint64(20) {
		var all sync.WaitGroup
		codes := make([]string, 2)
		for i, c := range []*socket.Client{one, two} {
			all.Go(func() {
				_, err := c.Sign(t.Context(), payout(wallet, nonce, 1+uint64(i)))
				codes[i] = fault.CodeOf(err)
			})
		}
		all.Wait()
		if got := codes[0] + codes[1]; got != "sign_slot" {
			t.Errorf("nonce %d: %q, want one signature and one refusal", nonce, codes)
		}
	}
}

// cutter passes bytes on between clients and a server, and cuts the first answer.
type cutter struct {
	path string
	seen chan []byte // what was passed of the first answer
}

func newCutter(t *testing.T, to string) *cutter {
	t.Helper()
	k := &cutter{path: filepath.Join(filepath.Dir(to), "cut.sock"), seen: make(chan []byte, 1)}
	l, err := net.Listen("unix", k.path)
	must(t, err)
	var all sync.WaitGroup
	all.Go(func() {
		for first := true; ; first = false {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("unix", to)
			if err != nil {
				_ = c.Close()
				continue
			}
			all.Go(func() { _, _ = io.Copy(s, c); _ = s.Close() })
			all.Go(func() {
				defer c.Close() //nolint:errcheck // cut on purpose
				if !first {
					_, _ = io.Copy(c, s)
					return
				}
				part := make([]byte, 20)
				_, _ = io.ReadFull(s, part)
				_, _ = c.Write(part)
				k.seen <- part
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return k
}

// TestSocketKilledMidAnswer: the signer has signed, the answer is lost on its way. The
// one who asks cannot know, asks again, and gets the very same bytes.
func TestSocketKilledMidAnswer(t *testing.T) {
	g, wallet := guarded(t)
	path := place(t)
	listen(t, path, g)
	k := newCutter(t, path)
	cut := socket.Dial(k.path)
	got, err := cut.Sign(t.Context(), payout(wallet, 1, 5))
	must(t, err)
	if part := <-k.seen; len(part) != 20 {
		t.Errorf("cut after %d bytes", len(part))
	}
	again, err := dial(t, path).Sign(t.Context(), payout(wallet, 1, 5))
	must(t, err)
	if got.TxID != again.TxID || !bytes.Equal(got.Raw, again.Raw) {
		t.Error("asked twice, and got two answers")
	}
	if _, err := cut.Sign(t.Context(), payout(wallet, 1, 6)); fault.CodeOf(err) != "sign_slot" {
		t.Errorf("the slot for another amount: %v", err)
	}
	must(t, cut.Close())
}

// TestReconnect restarts the signer under a client.
func TestReconnect(t *testing.T) {
	g, wallet := guarded(t)
	path := place(t)
	c := dial(t, path)
	_, err := c.Sign(t.Context(), payout(wallet, 1, 5))
	if f := fault.Of(err); f == nil || f.Code != "signer_unavailable" || f.Kind != fault.Unavailable || !f.Unknown {
		t.Errorf("nobody listens: %+v", f)
	}
	var first signer.Signed
	for i := range 3 {
		stop := listen(t, path, g)
		got, err := c.Sign(t.Context(), payout(wallet, 1, 5))
		must(t, err)
		if i > 0 && got.TxID != first.TxID {
			t.Errorf("signed %s, then %s", first.TxID, got.TxID)
		}
		first = got
		stop()
	}
}

func TestAnswersThatNeverCome(t *testing.T) {
	path, free := place(t), make(chan struct{})
	listen(t, path, signFunc(func(context.Context, signer.Intent) (signer.Signed, error) {
		<-free
		return signer.Signed{}, nil
	}))
	c := dial(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Sign(ctx, payout("w", 1, 1)); fault.CodeOf(err) != "signer_unavailable" {
		t.Errorf("got %v", err)
	}
	close(free)
}

// TestBadFrames sends what no client sends. The connection ends, the server goes on.
func TestBadFrames(t *testing.T) {
	path := place(t)
	listen(t, path, signFunc(func(context.Context, signer.Intent) (signer.Signed, error) { return signer.Signed{TxID: "x"}, nil }))
	text := func(body string) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
	}
	for name, frame := range map[string][]byte{
		"nothing in it": text(""), "too long": {0xff, 0xff, 0xff, 0xff}, "no JSON": text("hello"), "unknown key": text(`{"v":3,"id":1,"op":"sign","hash":"00"}`),
		"something behind": text(`{"v":3,"id":1,"op":"addresses"} {}`), "a number as amount": text(`{"v":3,"id":1,"op":"sign","intent":{"fee_cap":5}}`),
		"half": text(`{"v":3}`)[:6],
	} {
		c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
		must(t, err)
		_, err = c.Write(frame)
		must(t, err)
		must(t, c.CloseWrite())
		if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
			t.Errorf("%s: answered %q, %v", name, rest, err)
		}
		must(t, c.Close())
	}
	for name, body := range map[string]string{
		"another version":  `{"v":2,"id":1,"op":"addresses"}`,
		"no intent":        `{"v":3,"id":1,"op":"sign"}`,
		"unknown":          `{"v":3,"id":1,"op":"sign_hash"}`,
		"malformed amount": `{"v":3,"id":1,"op":"sign","intent":{"family":"","network":"","wallet":"","fee_cap":"-1"}}`,
		"malformed change": `{"v":3,"id":1,"op":"sign","intent":{"family":"","network":"","wallet":"","change":{"to":"","minor":"x"}}}`,
	} {
		c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
		must(t, err)
		_, err = c.Write(text(body))
		must(t, err)
		must(t, c.CloseWrite())
		if rest, err := io.ReadAll(c); err != nil || !strings.Contains(string(rest), `"error"`) {
			t.Errorf("%s: answered %q, %v", name, rest, err)
		}
		must(t, c.Close())
	}
	if _, err := dial(t, path).Sign(t.Context(), signer.Intent{}); err != nil {
		t.Error(err)
	}
}

func TestPlaces(t *testing.T) {
	path := place(t)
	stop := listen(t, path, signFunc(nil))
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %o", info.Mode().Perm())
	}
	refused := func(path, code string) {
		t.Helper()
		if _, err := socket.Listen(path, socket.ServerOptions{}); fault.CodeOf(err) != code {
			t.Errorf("%s: got %v, want %s", path, err, code)
		}
	}
	refused(path, "signer_running")
	stop()
	// What a crash leaves is taken away; what is something else is not.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	must(t, l.Close())
	listen(t, path, signFunc(nil))()
	must(t, os.WriteFile(path, nil, 0o600))
	refused(path, "signer_socket")
	open := filepath.Join(filepath.Dir(path), "open")
	must(t, os.Mkdir(open, 0o700))
	must(t, os.Chmod(open, 0o777))
	refused(filepath.Join(open, "s.sock"), "signer_socket")
}

func FuzzReadRequest(f *testing.F) {
	for _, in := range []signer.Intent{everything(), payout("w", 1, 2), {}} {
		text, err := socket.WriteRequest(in)
		must(f, err)
		f.Add(text)
	}
	f.Add([]byte{0, 0, 0, 2, '{', '}'})
	f.Add([]byte{0, 0, 0, 9, '{', '}'})
	f.Fuzz(func(t *testing.T, text []byte) {
		in, err := socket.ReadRequest(bytes.NewReader(text))
		if err != nil {
			return
		}
		// What was understood means the same when it is sent on.
		again, err := socket.WriteRequest(in)
		if err != nil {
			t.Fatal(err)
		}
		back, err := socket.ReadRequest(bytes.NewReader(again))
		if err != nil || !same(in, back) {
			t.Errorf("%+v came back as %+v, %v", in, back, err)
		}
	})
}

// same is DeepEqual but for bytes that are empty in two ways.
func same(a, b signer.Intent) bool {
	x, errX := socket.WriteRequest(a)
	y, errY := socket.WriteRequest(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// BenchmarkSign is how fast a signer answers through its socket, with every slot bound
// durably before.
func BenchmarkSign(b *testing.B) {
	g, wallet := guarded(b)
	path := place(b)
	listen(b, path, g)
	c := dial(b, path)
	var mu sync.Mutex
	var next uint64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			next++
			n := next
			mu.Unlock()
			if _, err := c.Sign(b.Context(), payout(wallet, n, 5)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "signatures/s")
}
