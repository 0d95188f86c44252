package deliver

import (
	"context"
	"math/rand/v2"
	"time"

	"sluice/internal/crash"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/webhook"
)

// recordFor is how long a record is tried: as long as the claim is sure to last
// after an attempt.
const recordFor = 5 * time.Second

// run sends what goes into one request and records it, then goes on with the next of its lane.
func (l *lane) run(items []item) {
	for len(items) > 0 {
		a, retryAfter := l.attempt(items)
		l.judge(a, retryAfter)
		l.sent(a.Succeeded(), len(items))
		crash.Point("webhook.sent")
		spread := jitter() // one for a package: what failed together is sent together
		records := make([]webhook.RecordAttempt, len(items))
		for n, i := range items {
			records[n] = webhook.RecordAttempt{
				Delivery: i.delivery, Attempt: a, RetryAfter: retryAfter, Jitter: spread, Retry: i.retry(), Along: n > 0, Own: l.base != nil, Package: packageOf(items),
			}
		}
		l.record(items, records)
		crash.Point("webhook.recorded")
		l.w.work.Done()
		items = l.take()
	}
}

// attempt sends one request. It does not end with the worker: a request that has
// begun is finished and recorded.
func (l *lane) attempt(items []item) (webhook.Attempt, time.Duration) {
	i := items[0]
	now := time.Now()
	url, keys, err := l.keys(now)
	if err != nil {
		return webhook.Attempt{At: now.UTC().Truncate(time.Microsecond), ErrorClass: string(webhook.ClassKeys), ErrorText: printable(err.Error())}, 0
	}
	if i.url != "" {
		url = i.url
	}
	return l.w.sender.send(l.w.base, message{
		id: event.MessageID(l.at.Shard, i.delivery.Message()), body: packed(items), url: url, key: i.key, keys: keys, missing: i.format.Missing,
	})
}

// record writes down an attempt for each delivery that it carried, and notifies whoever has
// to know.
func (l *lane) record(items []item, all []webhook.RecordAttempt) {
	w, ctx, a := l.w, l.w.base, all[0].Attempt
	for _, i := range items {
		w.observe(i.delivery, a)
	}
	out, err := l.submit(all)
	if err != nil {
		// The claims end by themselves and the messages are sent again: at least once.
		w.opt.Log.Error("an attempt of a webhook could not be recorded", "delivery", id.ID{Shard: l.at.Shard, Seq: items[0].delivery.Seq}.Text(id.Delivery),
			"deliveries", len(items), "status", a.Status, "error", err)
	}
	for _, r := range out {
		back := l.written(a.Succeeded(), r.Endpoint)
		w.notify(l.at, r, a)
		w.release(ctx, l.at.Shard, back, l.again())
	}
	l.pump()
}

// submit records an attempt. What is not known of it is zero.
func (l *lane) submit(all []webhook.RecordAttempt) ([]webhook.Recorded, error) {
	until := time.Now().Add(recordFor)
	if len(all) == 1 {
		r, err := submit(l.w.base, l.w, l.at.Shard, all[0], until)
		return []webhook.Recorded{r}, err
	}
	out, err := submit(l.w.base, l.w, l.at.Shard, webhook.RecordPackage{Attempts: all}, until)
	if err != nil {
		out = make([]webhook.Recorded, len(all))
	}
	return out, err
}

// retry is the schedule of the message or its format, the native one where no program
// knows the format.
func (i item) retry() webhook.Retry {
	switch {
	case i.again != nil:
		return *i.again
	case i.format == nil:
		return webhook.Retry{}
	}
	return i.format.Retry()
}

func jitter() int64 {
	return rand.Int64N(webhook.JitterMax + 1) //nolint:gosec // spreads load, keeps no secret
}

func (w *Worker) observe(d webhook.Delivery, a webhook.Attempt) {
	o := Observation{Result: a.ErrorClass, Status: a.Status, Duration: time.Duration(a.DurationMicros) * time.Microsecond, Age: time.Since(d.CreatedAt)}
	if o.Result == "" {
		o.Result = "ok"
	}
	w.opt.Observe(o)
}

// notify logs what must never happen silently, and hands it on.
func (w *Worker) notify(at id.ID, r webhook.Recorded, a webhook.Attempt) {
	if !r.Tripped && r.Notice == 0 {
		return
	}
	n := Notice{Endpoint: at, URL: r.Endpoint.URL, Percent: r.Notice, Reason: r.Endpoint.DisabledReason}
	if n.Reason == "" {
		n.Reason = a.ErrorText
	}
	if r.Tripped {
		n.Until = r.Endpoint.PausedUntil
	}
	w.opt.Log.Warn("a webhook endpoint fails", "endpoint", at.Text(id.Endpoint), "state", string(r.Endpoint.State), "percent_to_disabled", n.Percent,
		"paused_until", n.Until, "failures", r.Endpoint.Failures, "reason", n.Reason)
	w.opt.Notify(n)
}

// release gives claims back, to be sent from a time on; zero for at once. What cannot be
// given back ends by itself.
func (w *Worker) release(ctx context.Context, shard id.Shard, items []item, at time.Time) {
	for len(items) > 0 {
		n := min(len(items), claimMax)
		held := make([]webhook.Held, 0, n)
		for _, i := range items[:n] {
			held = append(held, webhook.Held{Seq: i.delivery.Seq, Version: i.delivery.Version})
		}
		items = items[n:]
		if _, err := submit(ctx, w, shard, webhook.Release{Deliveries: held, At: at}, time.Now().Add(recordFor)); err != nil {
			w.opt.Log.WarnContext(ctx, "claimed webhooks could not be given back; their claims end by themselves", "deliveries", n, "error", err)
		}
	}
}

// pass ends claimed deliveries for which there is nothing to tell. Where that fails,
// their claims end by themselves and it is tried again.
func (w *Worker) pass(ctx context.Context, shard id.Shard, held []webhook.Held) {
	if len(held) == 0 {
		return
	}
	if _, err := submit(ctx, w, shard, webhook.Pass{Deliveries: held}, time.Now().Add(recordFor)); err != nil {
		w.opt.Log.WarnContext(ctx, "webhooks without a message could not be ended", "deliveries", len(held), "error", err)
	}
}
