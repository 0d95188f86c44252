package deliver_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/webhook"
	"sluice/internal/webhook/deliver"
)

func TestMessagesArriveSignedAndAreLogged(t *testing.T) {
	b := open(t)
	r := b.receiver(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "thanks") })
	e := b.endpoint(r.url, "*")
	var seen atomic.Int64
	b.start(deliver.Options{Observe: func(o deliver.Observation) {
		if o.Result == "ok" && o.Status == 200 {
			seen.Add(1)
		}
	}})
	b.happens(event.WithdrawalCreated, 20)
	b.until("20 deliveries", func() bool { return b.states(e)[webhook.Delivered] == 20 })

	public, err := webhook.PublicKey(e.SigningKey)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]received{}
	for _, key := range []string{e.Secret, public} {
		v, err := webhook.NewVerifier(key)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range r.all() {
			if err := v.Verify(m.header.Get, m.body, m.at); err != nil {
				t.Errorf("message %s: %v", m.id(), err)
			}
			ids[m.id()] = m
		}
	}
	if len(ids) != 20 || r.count() != 20 || seen.Load() != 20 {
		t.Errorf("%d messages, %d requests, %d observed, want 20", len(ids), r.count(), seen.Load())
	}
	for _, d := range b.deliveries(e) {
		m, ok := ids[event.MessageID(0, d.Message())]
		if !ok {
			t.Fatalf("delivery %d was marked and never arrived", d.Seq)
		}
		log := b.attempts(d)
		if len(log) != 1 {
			t.Fatalf("%d attempts", len(log))
		}
		a, sum := log[0], sha256.Sum256(m.body)
		if a.Number != 1 || a.Status != 200 || a.ErrorClass != "" || string(a.Body) != "thanks" || "http://"+a.Address != r.url ||
			strconv.FormatInt(a.SignedAt, 10) != m.header.Get(webhook.HeaderTimestamp) || !bytes.Equal(a.SentHash, sum[:]) || a.SentBytes != int64(len(m.body)) {
			t.Errorf("logged %+v", a)
		}
	}
}

// TestFailuresAreRetriedOnSchedule with the real worker, in virtual days.
func TestFailuresAreRetriedOnSchedule(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		r := net.receiver(b, "shop", status(500))
		e := b.endpoint(r.url, "withdrawal.created")
		b.start(deliver.Options{Poll: time.Minute}, net.worker)
		b.happens(event.WithdrawalCreated, 1)
		time.Sleep(4 * 24 * time.Hour)
		got := r.all()
		if len(got) != int(webhook.MaxAttempts) {
			b.Fatalf("%d attempts, want %d", len(got), webhook.MaxAttempts)
		}
		for n := 1; n < len(got); n++ {
			gap, want := got[n].at.Sub(got[n-1].at), webhook.Wait(int64(n+1))
			if slack := want/1000*webhook.JitterMax + 15*time.Minute + 2*time.Second; gap < want || gap > want+slack {
				b.Errorf("attempt %d after %s, want %s and a little", n+1, gap, want)
			}
			if got[n].id() != got[0].id() || !bytes.Equal(got[n].body, got[0].body) || got[n].header.Get(webhook.HeaderTimestamp) == got[0].header.Get(webhook.HeaderTimestamp) {
				b.Errorf("attempt %d: another id or body, or the same time", n+1)
			}
		}
		d := b.deliveries(e)[0]
		if d.State != webhook.Dead || len(b.attempts(d)) != int(webhook.MaxAttempts) {
			b.Errorf("%s after %d attempts", d.State, len(b.attempts(d)))
		}
	})
}

// TestCase56_HugeAnswer: two gigabytes offered, 64 KiB taken, 4 KiB kept, delivered once.
func TestCase56_HugeAnswer(t *testing.T) {
	b := open(t)
	var sent atomic.Int64
	closed := make(chan struct{})
	r := b.receiver(func(w http.ResponseWriter, _ *http.Request) {
		defer close(closed)
		chunk := bytes.Repeat([]byte("x"), 1<<20)
		for range 2 << 10 {
			n, err := w.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	e := b.endpoint(r.url, "*")
	b.start(deliver.Options{})
	b.happens(event.WithdrawalCreated, 1)
	b.until("the delivery", func() bool { return b.states(e)[webhook.Delivered] == 1 })
	<-closed
	// What the two sockets buffer is not ours to bound.
	if sent.Load() > 64<<20 {
		t.Errorf("%d bytes were taken", sent.Load())
	}
	if a := b.attempts(b.deliveries(e)[0]); len(a) != 1 || len(a[0].Body) != webhook.MaxStoredBody {
		t.Errorf("%d attempts, %d bytes kept", len(a), len(a[0].Body))
	}
}

// TestCase56_SlowAnswers: one deadline over everything, so neither silence nor a
// byte a second holds a request for longer, and attempts stay bounded.
func TestCase56_SlowAnswers(t *testing.T) {
	cases := map[string]http.HandlerFunc{
		"hangs": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"drips after the headers": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, "x"); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		},
		"hangs after the headers": func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	}
	for name, answer := range cases {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(b *book) {
				var net pipes
				r := net.receiver(b, "slow", answer)
				e := b.endpoint(r.url, "*")
				b.start(deliver.Options{}, net.worker)
				b.happens(event.WithdrawalCreated, 1)
				time.Sleep(18 * time.Second)
				d := b.deliveries(e)[0]
				log := b.attempts(d)
				if len(log) != 1 {
					b.Fatalf("%d attempts", len(log))
				}
				if a := log[0]; a.ErrorClass != string(webhook.ClassTimeout) || a.DurationMicros != (15*time.Second).Microseconds() || d.State != webhook.Pending {
					b.Errorf("%s after %d µs, %s", a.ErrorClass, a.DurationMicros, d.State)
				}
			})
		})
	}
}

// TestOneBadEndpointDelaysNobody: hanging, refusing and failing ones stand beside
// healthy ones, with a backlog each, and every healthy one is served while the
// hanging ones still hang.
func TestOneBadEndpointDelaysNobody(t *testing.T) {
	b := open(t)
	release := make(chan struct{})
	var hanging, most atomic.Int64
	hang := b.receiver(func(_ http.ResponseWriter, r *http.Request) {
		if n := hanging.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer hanging.Add(-1)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	bad := []webhook.Endpoint{
		b.endpoint(hang.url+"/1", "*"), b.endpoint(hang.url+"/2", "*"), b.endpoint("http://127.0.0.1:1/", "*"),
		b.endpoint("http://10.0.0.1/", "*"), b.endpoint(b.receiver(status(500)).url, "*"),
	}
	const events = 100
	b.happens(event.AccountOpened, events) // the bad ones have a backlog before anybody else is there
	w, _ := b.start(deliver.Options{Queue: 64})
	b.until("the hanging ones to hang", func() bool { return hang.count() >= 2 })
	var good []webhook.Endpoint
	for range 20 {
		good = append(good, b.endpoint(b.receiver(nil).url, "withdrawal.created"))
	}
	b.happens(event.WithdrawalCreated, events)
	for _, e := range good {
		b.until("a healthy endpoint", func() bool { return b.states(e)[webhook.Delivered] == events })
	}
	if n := most.Load(); n > 2*4 {
		t.Errorf("hanging endpoints held %d requests at once", n)
	}
	if n := w.Stats().Queued; n > 64+int64(len(bad)+len(good)) {
		t.Errorf("%d held in memory", n)
	}
	for _, e := range bad {
		if n := b.states(e)[webhook.Delivered]; n != 0 {
			t.Errorf("delivered %d to a bad endpoint", n)
		}
	}
}

// TestCase55_OpenBreakerSendsNothing and loses nothing: a dead endpoint costs a
// handful of attempts, and everything arrives when it is back.
func TestCase55_OpenBreakerSendsNothing(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		r := net.receiver(b, "shop", status(500))
		e := b.endpoint(r.url, "withdrawal.created")
		told := make(chan deliver.Notice, 100)
		b.start(deliver.Options{Notify: func(n deliver.Notice) { told <- n }}, net.worker)
		b.happens(event.WithdrawalCreated, 500)
		time.Sleep(20 * time.Minute)
		if n := r.count(); n > 15 {
			b.Errorf("%d requests in 20 minutes to a dead endpoint", n)
		}
		if n := <-told; n.Until.IsZero() || n.Endpoint != (id.ID{Seq: e.Seq}) || n.Reason == "" {
			b.Errorf("notice %+v", n)
		}
		fresh := 0
		for _, d := range b.deliveries(e) {
			if d.Attempts == 0 {
				fresh++
			}
			if d.State != webhook.Pending {
				b.Fatalf("%s while its endpoint was paused", d.State)
			}
		}
		if fresh < 480 {
			b.Errorf("only %d of 500 have all their attempts left", fresh)
		}
		r.answers(nil)
		time.Sleep(time.Hour)
		if got := b.states(e)[webhook.Delivered]; got != 500 {
			b.Errorf("%d of 500 arrived when it was back", got)
		}
	})
}

// TestDisabledMeansDisabled: pending deliveries are skipped, nothing is sent, and
// a replay after enabling it again brings everything, under the same ids.
func TestDisabledMeansDisabled(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		r := net.receiver(b, "shop", status(410))
		e := b.endpoint(r.url, "withdrawal.created")
		b.start(deliver.Options{Poll: time.Minute}, net.worker)
		b.happens(event.WithdrawalCreated, 1)
		time.Sleep(time.Minute)
		b.happens(event.WithdrawalCreated, 1200)
		time.Sleep(24 * time.Hour)
		if got := b.states(e); r.count() != 1 || got[webhook.Skipped] != 1201 {
			b.Fatalf("%d requests, %v", r.count(), got)
		}
		r.answers(nil)
		u := webhook.NewUpdateEndpoint(b.merchant, e.Seq, "test")
		u.State = webhook.Enabled
		must[webhook.Endpoint](b, u)
		time.Sleep(time.Hour)
		if r.count() != 1 {
			b.Error("skipped deliveries were sent without being asked for")
		}
		replay := webhook.NewStartReplay(b.merchant, e.Seq, "test")
		replay.Want = webhook.Skipped
		must[webhook.Replay](b, replay)
		time.Sleep(time.Hour)
		got := r.all()
		if len(got) != 1202 || got[1].id() != got[0].id() {
			b.Errorf("%d requests after the replay, first ids %s and %s", len(got), got[0].id(), got[1].id())
		}
		if s := b.states(e); s[webhook.Delivered] != 1201 {
			b.Errorf("%v", s)
		}
	})
}

// TestReplayKeepsTheMessageID with a new time and a valid signature.
func TestReplayKeepsTheMessageID(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		r := net.receiver(b, "shop", nil)
		e := b.endpoint(r.url, "*")
		b.start(deliver.Options{}, net.worker)
		b.happens(event.WithdrawalCreated, 1)
		time.Sleep(time.Hour)
		must[webhook.Delivery](b, webhook.ReplayOne{Merchant: b.merchant, Delivery: b.deliveries(e)[0].Seq, Actor: "test"})
		time.Sleep(time.Minute)
		got := r.all()
		if len(got) != 2 {
			b.Fatalf("%d requests", len(got))
		}
		if got[0].id() != got[1].id() || !bytes.Equal(got[0].body, got[1].body) ||
			got[0].header.Get(webhook.HeaderTimestamp) == got[1].header.Get(webhook.HeaderTimestamp) {
			b.Errorf("%v\n%v", got[0].header, got[1].header)
		}
		v, err := webhook.NewVerifier(e.Secret)
		if err != nil {
			b.Fatal(err)
		}
		if err := v.Verify(got[1].header.Get, got[1].body, got[1].at); err != nil {
			b.Error(err)
		}
		if log := b.attempts(b.deliveries(e)[0]); len(log) != 2 || log[1].Number != 2 {
			b.Errorf("%d attempts in the log", len(log))
		}
	})
}

// TestNothingIsLostBetweenSendingAndRecording: a process that claimed, perhaps
// sent, and died without a record leaves a claim that ends by itself.
func TestNothingIsLostBetweenSendingAndRecording(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		r := net.receiver(b, "shop", nil)
		e := b.endpoint(r.url, "*")
		b.happens(event.WithdrawalCreated, 3)
		ctx := b.Context()
		events, err := b.db.EventsAfter(ctx, 0, 0, 10)
		if err != nil {
			b.Fatal(err)
		}
		plan := webhook.Plan(0, events, []webhook.Endpoint{e})
		for n := range plan {
			plan[n].Claim = true
		}
		claimed := must[webhook.FannedOut](b, webhook.FanOut{To: events[2].Seq, Deliveries: plan, Until: time.Now().Add(time.Minute)}).Claimed
		if len(claimed) != 3 {
			b.Fatalf("claimed %d", len(claimed))
		}
		b.start(deliver.Options{}, net.worker) // the process after the crash
		time.Sleep(59 * time.Second)
		if r.count() != 0 {
			b.Error("sent while somebody else's claim lasted")
		}
		time.Sleep(3 * time.Second)
		var ids []string
		for _, m := range r.all() {
			ids = append(ids, m.id())
		}
		slices.Sort(ids)
		if want := []string{event.MessageID(0, events[0].Seq), event.MessageID(0, events[1].Seq), event.MessageID(0, events[2].Seq)}; !slices.Equal(ids, want) {
			b.Errorf("arrived %v, want %v", ids, want)
		}
		if s := b.states(e); s[webhook.Delivered] != 3 {
			b.Errorf("%v", s)
		}
	})
}

// TestStopFinishesWhatIsUnderWay and gives back what it has not begun, for the
// next process to send at once.
func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		r := net.receiver(b, "shop", func(http.ResponseWriter, *http.Request) { time.Sleep(10 * time.Second) })
		e := b.endpoint(r.url, "*")
		_, stop := b.start(deliver.Options{}, net.worker)
		b.happens(event.WithdrawalCreated, 16)
		time.Sleep(time.Second)
		begun := r.count()
		if begun == 0 || begun >= 16 {
			b.Fatalf("%d requests under way", begun)
		}
		stop()
		if s := b.states(e); r.count() != begun || s[webhook.Delivered] != begun || s[webhook.Pending] != 16-begun {
			b.Errorf("%d begun, %d sent, %v", begun, r.count(), s)
		}
		b.start(deliver.Options{}, net.worker)
		r.answers(nil)
		time.Sleep(3 * time.Second)
		if s := b.states(e); s[webhook.Delivered] != 16 || r.count() != 16 {
			b.Errorf("after the restart: %d sent, %v", r.count(), s)
		}
	})
}

// TestNewMessagesGoBeforeReplays: an old million does not hold up a new one.
func TestNewMessagesGoBeforeReplays(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		r := net.receiver(b, "shop", nil)
		e := b.endpoint(r.url, "*")
		b.start(deliver.Options{Concurrency: 1}, net.worker)
		b.happens(event.WithdrawalCreated, 300)
		time.Sleep(time.Minute)
		must[webhook.Replay](b, webhook.NewStartReplay(b.merchant, e.Seq, "test"))
		r.answers(func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })
		time.Sleep(20 * time.Second) // into the replay
		before := r.count()
		b.happens(event.WithdrawalConfirmed, 1)
		time.Sleep(10 * time.Second)
		at := slices.IndexFunc(r.all(), func(m received) bool { return bytes.Contains(m.body, []byte(event.WithdrawalConfirmed)) })
		if before < 310 || at < before || at > before+3 {
			b.Errorf("the new message was request %d, %d had been made before it", at, before)
		}
		time.Sleep(10 * time.Minute)
		if r.count() != 601 {
			b.Errorf("%d requests, want 601", r.count())
		}
	})
}

func TestRateLimitIsKept(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		r := net.receiver(b, "shop", nil)
		e := b.endpoint(r.url, "*")
		u, rate := webhook.NewUpdateEndpoint(b.merchant, e.Seq, "test"), int64(5)
		u.RatePerSecond = &rate
		must[webhook.Endpoint](b, u)
		b.start(deliver.Options{}, net.worker)
		b.happens(event.WithdrawalCreated, 100)
		time.Sleep(time.Minute)
		got := r.all()
		if len(got) != 100 {
			b.Fatalf("%d requests", len(got))
		}
		for n := 10; n < len(got); n++ { // a burst of one second's worth, then steadily
			if got[n].at.Sub(got[n-10].at) < time.Second {
				b.Fatalf("ten requests in %s", got[n].at.Sub(got[n-10].at))
			}
		}
	})
}

// TestTwoWorkersShareTheWork: nothing twice, nothing left.
func TestTwoWorkersShareTheWork(t *testing.T) {
	b := open(t)
	r := b.receiver(nil)
	e := b.endpoint(r.url, "*")
	b.start(deliver.Options{Poll: 5 * time.Millisecond})
	b.start(deliver.Options{Poll: 5 * time.Millisecond})
	const total = 2000
	for range 20 {
		b.happens(event.WithdrawalCreated, total/20)
	}
	b.until("all deliveries", func() bool { return b.states(e)[webhook.Delivered] == total })
	ids := map[string]int{}
	for _, m := range r.all() {
		ids[m.id()]++
	}
	if len(ids) != total || r.count() != total {
		t.Errorf("%d messages in %d requests, want %d", len(ids), r.count(), total)
	}
}

// TestKeysOfARotationSignAtOnce, without a restart.
func TestKeysOfARotationSignAtOnce(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		r := net.receiver(b, "shop", nil)
		e := b.endpoint(r.url, "*")
		b.start(deliver.Options{}, net.worker)
		old, err := webhook.NewVerifier(e.Secret)
		if err != nil {
			b.Fatal(err)
		}
		send := func() received {
			n := r.count()
			b.happens(event.WithdrawalCreated, 1)
			time.Sleep(3 * time.Second)
			got := r.all()
			if len(got) != n+1 {
				b.Fatalf("%d requests, want %d", len(got), n+1)
			}
			return got[n]
		}
		send()
		fresh := b.endpoint("http://unused/", "account.opened") // for its keys
		must[webhook.Endpoint](b, webhook.NewRotateSecret(b.merchant, e.Seq, fresh.Secret, fresh.SigningKey, time.Hour, "test"))
		v, err := webhook.NewVerifier(fresh.Secret)
		if err != nil {
			b.Fatal(err)
		}
		m := send()
		if err := v.Verify(m.header.Get, m.body, m.at); err != nil {
			b.Errorf("the new key: %v", err)
		}
		if err := old.Verify(m.header.Get, m.body, m.at); err != nil {
			b.Errorf("the old key during the overlap: %v", err)
		}
		time.Sleep(time.Hour)
		m = send()
		if err := v.Verify(m.header.Get, m.body, m.at); err != nil {
			b.Errorf("the new key: %v", err)
		}
		if err := old.Verify(m.header.Get, m.body, m.at); err == nil {
			b.Error("the old key still signs after the overlap")
		}
	})
}
