package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var h histogram
	if h.quantile(0.5) != 0 {
		t.Error("nothing has a median")
	}
	r := rand.New(rand.NewPCG(1, 2))
	all := make([]time.Duration, 20_000)
	for i := range all {
		all[i] = time.Duration(r.ExpFloat64() * float64(3*time.Millisecond))
		h.add(all[i])
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[min(int(q*float64(len(all))), len(all)-1)]
		if got := h.quantile(q); got < want-want/100-1 || got > want+want/100+1 {
			t.Errorf("quantile %v is %v, want %v within one percent", q, got, want)
		}
	}
	h.add(-time.Second)
	h.add(100 * time.Hour)
	if h.total.Load() != int64(len(all))+2 || h.max.Load() != int64(100*time.Hour) {
		t.Error("what is out of range is not counted")
	}
}

func TestTexts(t *testing.T) {
	if got := string(appendForeign(nil, 120_034)); got != "order-000000120034" || len(got) != foreignLen {
		t.Errorf("foreign id %q", got)
	}
	r, seen := newRandom(), map[string]bool{}
	for range 1000 {
		k := string(appendKey(nil, r))
		if len(k) != keyLen || k[14] != '4' || !strings.ContainsRune("89ab", rune(k[19])) || strings.Count(k, "-") != 4 || seen[k] {
			t.Fatalf("idempotency key %q", k)
		}
		seen[k] = true
	}
}

// Answers in every form in which net/http writes them, in pieces of any size.
func TestClientReads(t *testing.T) {
	big := strings.Repeat("x", 9000)
	for name, c := range map[string]struct {
		status int
		write  func(http.ResponseWriter)
		want   string
	}{
		"empty":   {201, func(rw http.ResponseWriter) { rw.WriteHeader(201) }, ""},
		"length":  {201, func(rw http.ResponseWriter) { rw.WriteHeader(201); _, _ = rw.Write([]byte("hello")) }, "hello"},
		"chunked": {503, func(rw http.ResponseWriter) { rw.WriteHeader(503); _, _ = rw.Write([]byte(big)) }, big},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := serve(t.Context(), http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { c.write(rw) }))
			if err != nil {
				t.Fatal(err)
			}
			defer s.close() //nolint:errcheck // not what is tested
			conn, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			for _, piece := range []int{1, 7, 4096} {
				if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
					t.Fatal(err)
				}
				status, body, err := (&client{conn: pieces{conn, piece}}).read()
				if err != nil || status != c.status || !strings.Contains(string(body), c.want) {
					t.Errorf("in pieces of %d: %d %.40q (%v)", piece, status, body, err)
				}
			}
		})
	}
	for name, text := range map[string]string{"no HTTP": "hello\r\n\r\n", "no end": "HTTP/1.1 200 OK\r\nX: y\r\n\r\n", "no number": "HTTP/1.1 2xx OK\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer func() { _ = ours.Close() }()
			go func() { _, _ = theirs.Write([]byte(text)) }()
			if _, _, err := (&client{conn: ours}).read(); err == nil {
				t.Error("taken for an answer")
			}
		})
	}
}

// pieces gives what is read in pieces of one size.
type pieces struct {
	net.Conn
	n int
}

func (p pieces) Read(b []byte) (int, error) { return p.Conn.Read(b[:min(len(b), p.n)]) }

// The request that the client patches is a request that the API understands, with
// the fields in their places.
func TestClientComposes(t *testing.T) {
	b := &book{secret: "secret", texts: []string{"acc_" + strings.Repeat("7", 32)}}
	ours, theirs := net.Pipe()
	c := &client{conn: ours, book: b, random: newRandom()}
	c.compose("host")
	go func() {
		_ = c.ask(t.Context()) // nobody answers
	}()
	req, err := http.ReadRequest(bufio.NewReader(theirs))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"foreign_id":"order-000000000001","account":"%s","currency":"BENCH"`, b.texts[0])
	if !strings.HasPrefix(string(body), want) || len(req.Header.Get("Idempotency-Key")) != keyLen || req.Header.Get("Authorization") != "Bearer secret" {
		t.Errorf("%v\n%s", req.Header, body)
	}
	_ = ours.Close()
	_ = theirs.Close()
}

// The floor writes as many rows as the product does, also after its patterns have
// started over, and as many to every table.
func TestFloorWritesTheSameRows(t *testing.T) {
	r := &run{Options: Options{Database: "sqlite:" + filepath.Join(t.TempDir(), "bench.db"), Accounts: 3, Concurrency: 4, Progress: t.Output()}}
	defer r.close() //nolint:errcheck // tested elsewhere
	ctx := context.Background()
	if err := r.prepare(ctx); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if err := r.callers[0].ask(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.copySchema(ctx); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if err := r.scratch.batch(ctx, r.gen, 33); err != nil {
			t.Fatal(err)
		}
	}
	s := r.scratch.(*sqliteScratch) //nolint:errcheck // a panic fails the test as well
	floor, err := openRawSQLite(filepath.Join(s.dir, "floor.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer floor.close(ctx) //nolint:errcheck // read only
	for _, table := range perWithdrawal {
		rows, err := floor.rows(ctx, table, "SELECT * FROM "+table)
		if err != nil || len(rows.rows) != 132 {
			t.Errorf("%d rows of %s (%v), want 132", len(rows.rows), table, err)
		}
	}
	same, err := floor.rows(ctx, "", `SELECT w.seq FROM withdrawal w JOIN transfer t ON t.withdrawal = w.seq JOIN event e ON e.subject = w.seq
		JOIN idempotency i ON i.ref = w.seq WHERE e.account = w.account AND t.debit_account = w.account`)
	if err != nil || len(same.rows) < 99 {
		t.Errorf("%d of 132 withdrawals have their own transfer, event and record (%v)", len(same.rows), err)
	}
	if n, err := floor.batches(ctx, 0); err != nil || n != 4 {
		t.Errorf("%d batches (%v), want 4", n, err)
	}
}
