package deliver_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/webhook"
	"sluice/internal/webhook/deliver"
)

// virtual runs a test with a virtual clock: days pass at once. Receivers are
// reached through pipes.
func virtual(t *testing.T, f func(b *book)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(26 * 366 * 24 * time.Hour) // bubbles begin in the year 2000, ids in 2020
		f(open(t))
	})
}

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
		must(b, u)
		time.Sleep(time.Hour)
		if r.count() != 1 {
			b.Error("skipped deliveries were sent without being asked for")
		}
		replay := webhook.NewStartReplay(b.merchant, e.Seq, "test")
		replay.Want = webhook.Skipped
		must(b, replay)
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

func TestReplayKeepsTheMessageID(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		r := net.receiver(b, "shop", nil)
		e := b.endpoint(r.url, "*")
		b.start(deliver.Options{}, net.worker)
		b.happens(event.WithdrawalCreated, 1)
		time.Sleep(time.Hour)
		must(b, webhook.ReplayOne{Merchant: b.merchant, Delivery: b.deliveries(e)[0].Seq, Actor: "test"})
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

// case-10: a process that comes after sends under the ids that were stored.
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
		claimed := must(b, webhook.FanOut{To: events[2].Seq, Deliveries: plan, Until: time.Now().Add(time.Minute)}).Claimed
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

func TestNewMessagesGoBeforeReplays(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		r := net.receiver(b, "shop", nil)
		e := b.endpoint(r.url, "*")
		b.start(deliver.Options{Concurrency: 1}, net.worker)
		b.happens(event.WithdrawalCreated, 300)
		time.Sleep(time.Minute)
		must(b, webhook.NewStartReplay(b.merchant, e.Seq, "test"))
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
		must(b, u)
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
		must(b, webhook.NewRotateSecret(b.merchant, e.Seq, fresh.Secret, fresh.SigningKey, time.Hour, "test"))
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
