package source_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fault"
	"sluice/internal/pricing/fx"
	"sluice/internal/pricing/fx/source"
)

// script is a source that does as it is told. It is used by one goroutine at a time.
type script struct {
	name  string
	asked []time.Time
	do    func(ctx context.Context, n int) ([]fx.Tick, error)
}

func (s *script) Name() string { return s.name }

func (s *script) Fetch(ctx context.Context) ([]fx.Tick, error) {
	s.asked = append(s.asked, time.Now())
	return s.do(ctx, len(s.asked))
}

func price(p string) []fx.Tick {
	return []fx.Tick{{Base: "BTC", Quote: "EUR", Bid: fx.MustRate(p), Ask: fx.MustRate(p), At: time.Now(), Source: "whatever it says"}}
}

var policy = fx.Policy{MaxAge: time.Minute, MaxSpread: 100}

// running starts a poller inside the bubble and gives how to stop it.
func running(t *testing.T, p fx.Policy, log *slog.Logger, feeds ...source.Feed) (*source.Poller, func()) {
	t.Helper()
	poller, err := source.NewPoller(p, feeds, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- poller.Run(ctx) }()
	synctest.Wait()
	return poller, func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestPollerAnswersFromMemoryAndNeverFromOldPrices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &script{name: "a", do: func(_ context.Context, n int) ([]fx.Tick, error) {
			if n == 2 || n > 4 {
				return nil, errors.New("it is down")
			}
			return price("10" + string(rune('0'+n))), nil
		}}
		p, stop := running(t, policy, slog.New(slog.NewTextHandler(&log, nil)), source.Feed{Source: s, Every: 20 * time.Second})
		defer stop()
		at := func(want, code string) {
			t.Helper()
			synctest.Wait()
			m, err := p.Market("BTC", "EUR")
			if fault.CodeOf(err) != code || m.Bid.Text(0) != want {
				t.Fatalf("%s, %v; want %s %s", m.Bid.Text(0), err, want, code)
			}
		}
		at("101", "")
		if m, err := p.Market("BTC", "EUR"); err != nil || len(m.Sources) != 1 || m.Sources[0] != "a" {
			t.Errorf("sources %v, %v: a source speaks under its own name only", m.Sources, err)
		}
		if _, err := p.Market("BTC", "USD"); fault.CodeOf(err) != "rate_unavailable" {
			t.Error(err)
		}
		time.Sleep(20 * time.Second)
		at("101", "") // the second question failed
		if st := p.States(); st[0].Err == nil || st[0].Prices != 1 || !st[0].AskedAt.Equal(time.Now()) || !st[0].OKAt.Equal(time.Now().Add(-20*time.Second)) {
			t.Errorf("%+v", st)
		}
		time.Sleep(20 * time.Second)
		at("103", "")
		time.Sleep(20 * time.Second)
		at("104", "")
		time.Sleep(60 * time.Second)
		at("104", "")
		time.Sleep(time.Second)
		at("", "rate_stale")
		if n := strings.Count(log.String(), "fails"); n != 2 || strings.Count(log.String(), "works again") != 1 {
			t.Errorf("the log repeats itself or is silent:\n%s", log.String())
		}
	})
}

// TestF25_an_empty_book_is_not_believed: bid and ask of a source run apart, and its last
// good price counts for as long as it is young enough.
func TestF25_an_empty_book_is_not_believed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{name: "a", do: func(_ context.Context, n int) ([]fx.Tick, error) {
			out := price("100")
			if n == 2 {
				out[0].Bid, out[0].Ask = fx.MustRate("1"), fx.MustRate("5000")
			}
			return out, nil
		}}
		p, stop := running(t, policy, slog.New(slog.DiscardHandler), source.Feed{Source: s, Every: 20 * time.Second})
		defer stop()
		for n, broken := range []bool{false, true, false} {
			m, err := p.Market("BTC", "EUR")
			if err != nil || m.Bid.Text(0) != "100" || m.Ask.Text(0) != "100" {
				t.Errorf("round %d: %s/%s, %v", n, m.Bid.Text(0), m.Ask.Text(0), err)
			}
			if st := p.States()[0]; (st.Err != nil) != broken || broken && !strings.Contains(st.Err.Error(), "apart") {
				t.Errorf("round %d: %v", n, st.Err)
			}
			time.Sleep(20 * time.Second)
			synctest.Wait()
		}
	})
}

func TestPollerLeavesAFailingSourceAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := &script{name: "bad", do: func(context.Context, int) ([]fx.Tick, error) { return nil, errors.New("429") }}
		good := &script{name: "good", do: func(context.Context, int) ([]fx.Tick, error) { return price("100"), nil }}
		start := time.Now()
		p, stop := running(t, policy, slog.New(slog.DiscardHandler), source.Feed{Source: bad, Every: time.Second}, source.Feed{Source: good, Every: time.Second})
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if _, err := p.Market("BTC", "EUR"); err != nil {
			t.Error(err)
		}
		stop()
		var waited []time.Duration
		for _, a := range bad.asked {
			waited = append(waited, a.Sub(start)/time.Second)
		}
		want := []time.Duration{0, 1, 3, 7, 15, 23, 31, 39}
		if len(waited) != len(want) || len(good.asked) != 41 {
			t.Fatalf("asked at %v, the good one %d times; want %v and 41", waited, len(good.asked), want)
		}
		for i := range want {
			if waited[i] != want[i] {
				t.Fatalf("asked at %v; want %v", waited, want)
			}
		}
	})
}

func TestPollerStopsInTheMiddleOfAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &script{name: "a", do: func(ctx context.Context, _ int) ([]fx.Tick, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		_, stop := running(t, policy, slog.New(slog.NewTextHandler(&log, nil)), source.Feed{Source: s, Every: time.Second})
		stop()
		if len(s.asked) != 1 || log.Len() > 0 {
			t.Errorf("asked %d times, log %q", len(s.asked), log.String())
		}
	})
}

func TestPollerDropsWhatIsNoPrice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{name: "a", do: func(_ context.Context, n int) ([]fx.Tick, error) {
			switch n {
			case 1:
				return []fx.Tick{{Base: "BTC", Quote: "EUR", At: time.Now()}, price("100")[0]}, nil
			case 2:
				old := price("90")
				old[0].At = old[0].At.Add(-time.Hour)
				return old, nil
			default:
				return nil, nil
			}
		}}
		p, stop := running(t, policy, slog.New(slog.DiscardHandler), source.Feed{Source: s, Every: time.Second})
		defer stop()
		if st := p.States()[0]; st.Err == nil || st.Prices != 1 {
			t.Errorf("%+v", st)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if m, err := p.Market("BTC", "EUR"); err != nil || m.Bid.Text(0) != "100" {
			t.Errorf("%s, %v: an older price took the place of a newer one", m.Bid.Text(0), err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if st := p.States()[0]; st.Err == nil {
			t.Error("a source without prices looks well")
		}
	})
}

func TestPollerConfiguration(t *testing.T) {
	a := &script{name: "a"}
	for name, c := range map[string]struct {
		policy fx.Policy
		feeds  []source.Feed
	}{
		"no age":         {fx.Policy{}, nil},
		"the same twice": {policy, []source.Feed{{a, time.Second}, {a, time.Second}}},
		"no pace":        {policy, []source.Feed{{a, 0}}},
	} {
		if _, err := source.NewPoller(c.policy, c.feeds, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
