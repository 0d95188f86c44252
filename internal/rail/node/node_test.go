package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fault/redact"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
)

// caller is a node made of one function.
type caller func(ctx context.Context, method string) error

func (f caller) Call(ctx context.Context, _ any, method string, _ ...any) error {
	return f(ctx, method)
}

// bucket is a provider that answers so many questions a second, and says so.
type bucket struct {
	mu               sync.Mutex
	rate, left       float64
	at               time.Time
	answered, denied int
	after            time.Duration
}

func (b *bucket) Call(context.Context, any, string, ...any) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.left = min(b.rate, b.left+now.Sub(b.at).Seconds()*b.rate)
	b.at = now
	if b.left < 1 {
		b.denied++
		return &node.Busy{After: b.after, Said: "status 429"}
	}
	b.left--
	b.answered++
	return nil
}

// TestPace f11: a provider with a limit is asked about as much as it takes, few questions
// are wasted, and none of them fails.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		rate, seconds float64
		after         time.Duration
	}{{15, 30, time.Second}, {15, 30, 0}, {3, 120, time.Second}, {25, 20, 2 * time.Second}} {
		t.Run(fmt.Sprintf("%g a second, Retry-After %s", c.rate, c.after), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &bucket{rate: c.rate, left: c.rate, at: time.Now(), after: c.after}
				n := node.New(b, node.Options{})
				start, want := time.Now(), int(c.rate*c.seconds)
				var wg sync.WaitGroup
				for range 16 {
					wg.Go(func() {
						for range want / 16 {
							for n.Call(t.Context(), nil, "eth_call") != nil { // its patience may end, ours does not
							}
						}
					})
				}
				wg.Wait()
				if took := time.Since(start).Seconds(); took > c.seconds*1.6 {
					t.Errorf("%d questions took %.0f s, and %.0f s would do", want, took, c.seconds)
				}
				if b.denied*5 > b.answered {
					t.Errorf("%d were answered and %d refused", b.answered, b.denied)
				}
			})
		})
	}
}

// TestRecovers wants a node that was busy once to be asked at full speed again.
func TestRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{rate: 5, left: 5, at: time.Now()}
		n := node.New(b, node.Options{})
		for range 10 {
			if err := n.Call(t.Context(), nil, "eth_call"); err != nil {
				t.Fatal(err)
			}
		}
		b.rate = 1e9
		time.Sleep(10 * time.Minute)
		start := time.Now()
		for range 100 {
			if err := n.Call(t.Context(), nil, "eth_call"); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("a hundred questions took %s", took)
		}
	})
}

// TestPatienceEnds: a node that stays busy is no node that is silent, and is not asked on.
func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		n := node.New(caller(func(context.Context, string) error {
			asked++
			return &node.Busy{After: time.Hour, Said: "daily limit"}
		}), node.Options{})
		for range 3 {
			err := n.Call(t.Context(), nil, "eth_call")
			if code, _, ok := rail.Why(err); code != rail.CodeBusy || !ok || !errors.Is(err, rail.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
		}
		if asked != 1 {
			t.Errorf("asked %d times within an hour's pause", asked)
		}
	})
}

// TestAnswersAndSilence: what kind of error becomes what, without the secrets of the URL.
func TestAnswersAndSilence(t *testing.T) {
	secrets := redact.Of("https://u:p@host/v3/KEY-IN-PATH?k=KEY-IN-QUERY")
	for _, c := range []struct {
		err  error
		code string // of the Wait, "" for a refusal
	}{
		{errors.New("dial tcp 10.0.0.1:8545: KEY-IN-PATH refused"), rail.CodeSilent},
		{context.DeadlineExceeded, rail.CodeSilent},
		{&node.Refusal{Code: -32000, Message: "unknown account of KEY-IN-QUERY"}, ""},
		{&node.Refusal{Code: -32000, Message: "exceeds block gas limit"}, ""},
		{&node.Refusal{Code: -32000, Message: "gas limit exceeded"}, ""},
		{&node.Refusal{Code: -32005, Message: "limit exceeded"}, rail.CodeBusy},
		{&node.Refusal{Code: 429, Message: "KEY-IN-PATH exceeded"}, rail.CodeBusy},
		{&node.Refusal{Code: -32000, Message: "Your app has exceeded its compute units per second capacity"}, rail.CodeBusy},
		{&node.Refusal{Code: -32603, Message: "Too Many Requests for KEY-IN-PATH"}, rail.CodeBusy},
		{&node.Busy{Said: "KEY-IN-PATH"}, rail.CodeBusy},
	} {
		n := node.New(caller(func(context.Context, string) error { return c.err }), node.Options{Patience: time.Nanosecond, Secrets: secrets})
		err := n.Call(t.Context(), nil, "eth_call")
		var refusal *node.Refusal
		code, text, _ := rail.Why(err)
		if code != c.code || (c.code == "") != errors.As(err, &refusal) {
			t.Errorf("%v became %v", c.err, err)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(e.Error(), "KEY") || strings.Contains(text, "10.0.0.1") {
				t.Errorf("%v became %v, which says too much: %q", c.err, e, text)
			}
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"3": 3 * time.Second, "0": 0, "": 0, "-1": 0, "soon": 0, "1.5": 0, "99999999999": 0,
		"Mon, 30 Nov 2026 12:01:00 GMT": time.Minute, "Mon, 30 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := node.RetryAfter(header, now); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

// TestHangs: a node that says nothing costs one time-out, and the error names the node's
// silence and not our clock.
func TestHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := node.New(caller(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }), node.Options{Timeout: time.Second})
		start := time.Now()
		err := n.Call(t.Context(), nil, "eth_call")
		if code, _, _ := rail.Why(err); code != rail.CodeSilent || time.Since(start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}
