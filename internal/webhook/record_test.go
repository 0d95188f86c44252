package webhook_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/webhook"
)

// virtual runs a test with a virtual clock: days pass at once.
func virtual(t *testing.T, f func(b *book)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(26 * 366 * 24 * time.Hour) // bubbles begin in the year 2000, ids in 2020
		f(open(t))
	})
}

func TestScheduleIsTenAttemptsOver75Hours35Minutes(t *testing.T) {
	virtual(t, func(b *book) {
		b.endpoint("*")
		d := b.one()
		waits := []time.Duration{
			5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
		}
		start := time.Now()
		for n, wait := range waits {
			r := b.answered(d, 500, 0)
			if r.Delivery.State != webhook.Pending || r.Delivery.Lane != webhook.LaneRetry || r.Delivery.Attempts != int64(n+1) {
				b.Fatalf("after attempt %d: %+v", n+1, r.Delivery)
			}
			if got := r.Delivery.NextAt.Sub(time.Now().Truncate(time.Microsecond)); got != wait {
				b.Errorf("attempt %d comes after %s, want %s", n+2, got, wait)
			}
			time.Sleep(wait)
			d = r.Delivery
		}
		if total := time.Since(start); total != 75*time.Hour+35*time.Minute+5*time.Second {
			b.Errorf("the schedule takes %s", total)
		}
		if r := b.answered(d, 500, 0); r.Delivery.State != webhook.Dead || r.Delivery.DoneAt.IsZero() || r.Delivery.Attempts != webhook.MaxAttempts {
			b.Errorf("after the last attempt: %+v", r.Delivery)
		}
	})
}

func TestJitterIsBoundedAndNeverEarly(t *testing.T) {
	virtual(t, func(b *book) {
		b.endpoint("*")
		for _, c := range []struct{ jitter, want int64 }{{0, 5000}, {50, 5250}, {webhook.JitterMax, 5500}, {1000, 5500}, {-1, 5000}} {
			r := must(b, webhook.RecordAttempt{
				Delivery: b.one(), Jitter: c.jitter, Attempt: webhook.Attempt{Status: 500, ErrorClass: string(webhook.ClassStatus)},
			})
			if got := r.Delivery.NextAt.Sub(time.Now().Truncate(time.Microsecond)).Milliseconds(); got != c.want {
				b.Errorf("jitter %d: next attempt after %d ms, want %d", c.jitter, got, c.want)
			}
			b.answered(r.Delivery, 200, 0)
		}
	})
}

func TestOnly2xxIsSuccess(t *testing.T) {
	b := open(t)
	b.endpoint("*")
	for status, want := range map[int64]webhook.DeliveryState{
		200: webhook.Delivered, 204: webhook.Delivered, 299: webhook.Delivered,
		0: webhook.Pending, 100: webhook.Pending, 301: webhook.Pending, 304: webhook.Pending, 404: webhook.Pending, 500: webhook.Pending,
	} {
		d := b.one()
		r := must(b, webhook.RecordAttempt{Delivery: d, Attempt: webhook.Attempt{Status: status}})
		if r.Delivery.State != want || r.Delivery.LastStatus != status {
			t.Errorf("%d: %s, want %s", status, r.Delivery.State, want)
		}
		b.answered(b.one(), 200, 0) // so that the breaker has no part in it
	}
	// A 2xx whose answer did not end in time is no success.
	r := must(b, webhook.RecordAttempt{Delivery: b.one(), Attempt: webhook.Attempt{Status: 200, ErrorClass: string(webhook.ClassTimeout)}})
	if r.Delivery.State != webhook.Pending {
		t.Errorf("a time-out after the headers: %s", r.Delivery.State)
	}
}

func TestGoneDisables(t *testing.T) {
	b := open(t)
	e := b.endpoint("*")
	d := b.one()
	r := b.answered(d, 410, 0)
	if r.Delivery.State != webhook.Skipped || r.Endpoint.State != webhook.Disabled || r.Endpoint.DisabledReason == "" || r.Notice != 100 {
		t.Errorf("after 410: %+v, endpoint %s", r, r.Endpoint.State)
	}
	if got := b.events(e); !slices.Equal(got, []event.Type{event.EndpointDisabled}) {
		t.Errorf("events %v", got)
	}
	// What happens from now on is in the log and is not sent.
	b.happens(event.AccountOpened)
	if got := b.fanOut(); len(got) != 0 {
		t.Errorf("claimed for a disabled endpoint: %v", got)
	}
}

func TestThrottleIsHonoured(t *testing.T) {
	cases := []struct {
		name       string
		status     int64
		retryAfter time.Duration
		next       time.Duration // of the delivery
		pause      time.Duration // of the endpoint
	}{
		{"500", 500, 0, 5 * time.Second, 0},
		{"429 without a time", 429, 0, 5 * time.Second, 5 * time.Second},
		{"429 with a time", 429, time.Hour, time.Hour, time.Hour},
		{"502", 502, 0, 5 * time.Second, 5 * time.Second},
		{"504", 504, time.Minute, time.Minute, time.Minute},
		{"503 without a time", 503, 0, 5 * time.Second, 0},
		{"503 with a time", 503, time.Minute, time.Minute, time.Minute},
		{"any status may ask for later", 400, time.Minute, time.Minute, 0},
		{"shorter than the schedule", 429, time.Second, 5 * time.Second, 5 * time.Second},
		{"a year is too long", 429, 365 * 24 * time.Hour, 24 * time.Hour, 24 * time.Hour},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(b *book) {
				b.endpoint("*")
				now := time.Now().Truncate(time.Microsecond)
				r := b.answered(b.one(), c.status, c.retryAfter)
				if got := r.Delivery.NextAt.Sub(now); got != c.next {
					b.Errorf("next attempt after %s, want %s", got, c.next)
				}
				if got := max(r.Endpoint.PausedUntil.Sub(now), 0); got != c.pause {
					b.Errorf("paused for %s, want %s", got, c.pause)
				}
			})
		})
	}
}

// TestCase55_BreakerCoolsDownAndTells: it opens with an event, costs no attempts
// while open, gives a longer rest each time, and one success does not reset it.
func TestCase55_BreakerCoolsDownAndTells(t *testing.T) {
	virtual(t, func(b *book) {
		e := b.endpoint("withdrawal.created")
		fail := func() webhook.Recorded {
			b.happens(event.WithdrawalCreated)
			plan := b.plan()
			out := must(b, plan)
			if len(out.Claimed) == 1 {
				return b.answered(out.Claimed[0], 500, 0)
			}
			b.Fatalf("claimed %d", len(out.Claimed))
			return webhook.Recorded{}
		}
		// Two in flight when it opens: they must not count as further openings.
		b.happens(event.WithdrawalCreated, event.WithdrawalCreated)
		flying := b.fanOut()
		for n := range 4 {
			if fail().Tripped {
				b.Fatalf("open after %d failures", n+1)
			}
		}
		r := fail()
		if rest := time.Until(r.Endpoint.PausedUntil).Round(time.Second); !r.Tripped || rest != 30*time.Second {
			b.Fatalf("after five failures: tripped %v, rest %s", r.Tripped, rest)
		}
		for _, d := range flying {
			if b.answered(d, 500, 0).Tripped {
				b.Error("an attempt under way opened the breaker further")
			}
		}
		// While it is open nothing is handed out, and no attempt is consumed.
		b.happens(event.WithdrawalCreated)
		if got := b.fanOut(); len(got) != 0 {
			b.Errorf("handed out while open: %v", got)
		}
		due, err := b.db.DueDeliveries(b.Context(), 0, e.Seq, webhook.LaneNew, time.Now(), 10)
		if err != nil || len(due) != 1 || due[0].Attempts != 0 {
			b.Fatalf("due %v, %v", due, err)
		}
		if c := must(b, webhook.Claim{Deliveries: []id.Seq{due[0].Seq}, Until: time.Now().Add(time.Minute)}); len(c.Deliveries) != 0 {
			b.Error("claimed while open")
		}
		for _, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute} {
			time.Sleep(time.Until(b.row(e).PausedUntil))
			r := fail()
			if rest := time.Until(r.Endpoint.PausedUntil).Round(time.Second); !r.Tripped || rest != want {
				b.Errorf("tripped %v, rest %s, want %s", r.Tripped, rest, want)
			}
		}
		// One success among failures is no recovery: it opens again, for as long.
		time.Sleep(time.Until(b.row(e).PausedUntil))
		b.happens(event.WithdrawalCreated)
		b.answered(b.fanOut()[0], 200, 0)
		if r = fail(); r.Tripped {
			b.Error("the first failure after a success opened it")
		}
		r = fail()
		if rest := time.Until(r.Endpoint.PausedUntil).Round(time.Second); !r.Tripped || rest != 15*time.Minute {
			b.Errorf("after one success: tripped %v, rest %s", r.Tripped, rest)
		}
		// It told once, not at every opening.
		if got := b.events(e); !slices.Equal(got, []event.Type{event.EndpointPaused}) {
			b.Errorf("events %v", got)
		}
		// Ten successes in a row are.
		time.Sleep(time.Until(b.row(e).PausedUntil))
		for range 10 {
			b.happens(event.WithdrawalCreated)
			b.answered(b.fanOut()[0], 200, 0)
		}
		if got := b.row(e); got.Trips != 0 || !got.PausedUntil.IsZero() || got.Failures != 0 {
			b.Errorf("after ten successes: trips %d, paused until %s", got.Trips, got.PausedUntil)
		}
	})
}

// TestCase55_DisabledByTimeWithNotices: five days of nothing but failures, told
// at 50, 70, 90 and 100 per cent of them, and one success begins anew.
func TestCase55_DisabledByTimeWithNotices(t *testing.T) {
	virtual(t, func(b *book) {
		e := b.endpoint("withdrawal.created")
		var notices []int64
		var at []time.Duration
		start := time.Now()
		disabled := false
		for hour := 0; hour < 24*8 && !disabled; hour++ {
			b.happens(event.WithdrawalCreated)
			out := must(b, b.plan())
			status := int64(500)
			if hour == 40 { // it works once: the days count from here
				status = 200
				start = time.Now().Add(time.Hour)
			}
			r := b.answered(out.Claimed[0], status, 0)
			if r.Notice > 0 {
				notices, at = append(notices, r.Notice), append(at, time.Since(start))
			}
			disabled = r.Endpoint.State == webhook.Disabled
			time.Sleep(time.Hour)
		}
		if want := []int64{50, 70, 90, 100}; !slices.Equal(notices, want) {
			b.Errorf("notices %v, want %v", notices, want)
		}
		if want := []time.Duration{60 * time.Hour, 84 * time.Hour, 108 * time.Hour, 120 * time.Hour}; !slices.Equal(at, want) {
			b.Errorf("notices after %v, want %v", at, want)
		}
		want := []event.Type{event.EndpointPaused, event.EndpointFailing, event.EndpointFailing, event.EndpointFailing, event.EndpointDisabled}
		if got := b.events(e); !slices.Equal(got, want) {
			b.Errorf("events %v, want %v", got, want)
		}
		// Enabling it again begins with a rest, and with all five days.
		u := webhook.NewUpdateEndpoint(b.merchant, e.Seq, "test")
		u.State = webhook.Enabled
		got := must(b, u)
		if got.State != webhook.Enabled || !got.PausedUntil.After(time.Now()) || !got.FailingSince.IsZero() || got.NoticesSent != 0 {
			b.Errorf("enabled again: %+v", got.PausedUntil)
		}
	})
}

func TestRecordIsSafeToRepeat(t *testing.T) {
	b := open(t)
	b.endpoint("*")
	d := b.one()
	c := webhook.RecordAttempt{Delivery: d, Attempt: webhook.Attempt{Status: 500, ErrorClass: string(webhook.ClassStatus)}}
	first := must(b, c)
	second := must(b, c)
	if first.Delivery != second.Delivery || second.Stale || second.Endpoint.Failures != 1 {
		t.Errorf("first %+v\nsecond %+v", first, second)
	}
}

// TestStaleRecords: a holder whose claim ended may still have sent. Its success
// counts, its failure does not disturb who has the delivery now.
func TestStaleRecords(t *testing.T) {
	for _, c := range []struct {
		status int64
		want   webhook.DeliveryState
	}{{200, webhook.Delivered}, {500, webhook.Pending}} {
		b := open(t)
		b.endpoint("*")
		d := b.one()
		if n := must(b, webhook.Release{Deliveries: []webhook.Held{{Seq: d.Seq, Version: d.Version}}}); n != 1 {
			t.Fatalf("released %d", n)
		}
		other := must(b, webhook.Claim{Deliveries: []id.Seq{d.Seq}, Until: time.Now().Add(time.Minute)}).Deliveries
		if len(other) != 1 {
			t.Fatal("the released delivery could not be claimed")
		}
		if n := must(b, webhook.Release{Deliveries: []webhook.Held{{Seq: d.Seq, Version: d.Version}}}); n != 0 {
			t.Error("somebody else's claim was released")
		}
		r := b.answered(d, c.status, 0)
		if !r.Stale || r.Delivery.State != c.want || r.Endpoint.Failures != 0 {
			t.Errorf("stale %d: %+v", c.status, r.Delivery)
		}
		// The one who has it now records as if nothing had been.
		if r := b.answered(other[0], 200, 0); r.Delivery.State != webhook.Delivered {
			t.Errorf("the holder's own record: %+v", r)
		}
	}
}

func TestLongTextsAreCutWhereTheyMayBe(t *testing.T) {
	b := open(t)
	b.endpoint("*")
	r := must(b, webhook.RecordAttempt{Delivery: b.one(), Attempt: webhook.Attempt{
		ErrorClass: string(webhook.ClassNetwork), ErrorText: "x" + strings.Repeat("é", webhook.MaxErrorText), Body: make([]byte, 1<<20),
	}})
	if r.Delivery.Attempts != 1 {
		t.Errorf("%+v", r)
	}
}

func TestOurFaultIsNotTheEndpoints(t *testing.T) {
	b := open(t)
	b.endpoint("*")
	r := must(b, webhook.RecordAttempt{Delivery: b.one(), Attempt: webhook.Attempt{ErrorClass: string(webhook.ClassRender)}})
	if r.Endpoint.Failures != 0 || r.Delivery.State != webhook.Pending || r.Delivery.Attempts != 1 {
		t.Errorf("%+v", r)
	}
}
