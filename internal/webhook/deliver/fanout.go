package deliver

import (
	"context"
	"slices"
	"time"

	"sluice/internal/crash"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/webhook"
)

// Bounds of the fan-out.
const (
	eventsMax  = 512  // read at once
	portionMax = 2048 // deliveries per command; one event may go beyond
	// lagMax and lagFor bound how far the stored cursor may stay behind when no
	// endpoint wants anything: a commit per look would be paid by whoever waits for
	// the same disk.
	lagMax = 100_000
	lagFor = 10 * time.Second
)

// fanner fans out one shard.
type fanner struct {
	w     *Worker
	shard id.Shard
	// known says whether the positions below were read; they are read again when
	// another process has moved the cursor.
	known   bool
	stored  int64 // where the cursor stands
	seen    int64 // up to where nothing is to be delivered
	written time.Time
	// waits is how many deliveries wait per endpoint, at most: counted once, and what was made since.
	waits map[id.Seq]int64
	// caught is the last endpoint that was caught up, idle until when none is looked at again.
	caught id.Seq
	idle   time.Time
}

// fanOut turns events into deliveries until ctx ends. Being woken makes it fast;
// polling makes it sure.
func (w *Worker) fanOut(ctx context.Context, shard id.Shard) {
	f := &fanner{w: w, shard: shard, waits: map[id.Seq]int64{}}
	for {
		n, err := f.step(ctx)
		more := false
		if err == nil {
			more, err = f.catchUp(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			w.opt.Log.ErrorContext(ctx, "webhooks are not fanned out", "shard", shard, "error", err)
			if !sleep(ctx, w.opt.Poll, nil) {
				return
			}
		case n < eventsMax && !more:
			if !sleep(ctx, w.opt.Poll, w.wake[shard]) {
				return
			}
		}
	}
}

// step does one stretch of the log and tells how many events it had.
func (f *fanner) step(ctx context.Context) (int, error) {
	if !f.known {
		at, err := f.w.reader.FannedOut(ctx, f.shard)
		if err != nil {
			return 0, err
		}
		f.known, f.stored, f.seen, f.written = true, at, max(at, f.seen), time.Now()
	}
	events, err := f.w.reader.EventsAfter(ctx, f.shard, f.seen, eventsMax)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	// The endpoints after the events: one that is to be told of an event was
	// committed before it, and so is seen here.
	endpoints, err := f.w.reader.EndpointsOf(ctx, f.shard, merchantsOf(events))
	if err != nil {
		return 0, err
	}
	plan := webhook.Plan(f.shard, events, endpoints)
	plan, to := portion(plan, events)
	if len(plan) == 0 && to-f.stored < lagMax && time.Since(f.written) < lagFor {
		f.seen = to
		return len(events), nil
	}
	last := events[len(events)-1]
	if to < last.Seq {
		return eventsMax, f.commit(ctx, plan, endpoints, to) // the rest at once
	}
	return len(events), f.commit(ctx, plan, endpoints, to)
}

// portion is as much of a plan as one command takes, whole events, and up to where it goes in the log.
func portion(plan []webhook.NewDelivery, events []event.Event) ([]webhook.NewDelivery, int64) {
	last := events[len(events)-1]
	if len(plan) <= portionMax {
		return plan, last.Seq + last.Messages() - 1
	}
	over := plan[portionMax].Message.Event.Seq
	n := slices.IndexFunc(plan, func(p webhook.NewDelivery) bool { return p.Message.Event.Seq == over })
	if n == 0 { // one event that is more by itself
		n = slices.IndexFunc(plan, func(p webhook.NewDelivery) bool { return p.Message.Event.Seq > over })
	}
	if n < 0 {
		return plan, last.Seq + last.Messages() - 1
	}
	return plan[:n], plan[n].Message.Event.Seq - 1
}

func merchantsOf(events []event.Event) []id.Seq {
	var out []id.Seq
	for _, e := range events {
		out = append(out, e.Merchant)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// commit writes the deliveries and hands over what it could claim with them.
func (f *fanner) commit(ctx context.Context, plan []webhook.NewDelivery, endpoints []webhook.Endpoint, to int64) error {
	kept, behind, hold, err := f.split(ctx, plan, endpoints)
	if err != nil {
		return err
	}
	plan = kept
	if err := f.settings(ctx, plan, endpoints); err != nil {
		return err
	}
	until := time.Now().Add(f.w.opt.Claim)
	left := f.claim(plan, endpoints)
	out, err := submit(ctx, f.w, f.shard, webhook.FanOut{After: f.stored, To: to, Deliveries: plan, Until: until, Behind: behind, Hold: hold}, until)
	if err != nil {
		f.known = false // another process was faster, or nobody knows: the cursor tells
		if fault.CodeOf(err) == "fanned_out" {
			return nil
		}
		return err
	}
	crash.Point("webhook.fanned_out")
	f.stored, f.seen, f.written = to, to, time.Now()
	f.say(hold, endpoints)
	bySeq := make(map[int64]event.Event, len(plan))
	for n := range plan {
		e := plan[n].Message.Event
		bySeq[e.Seq] = e
	}
	f.w.dispatch(ctx, f.shard, out.Claimed, out.Endpoints, bySeq)
	for _, e := range endpoints {
		if left[e.Seq] {
			f.w.lane(f.shard, e).wants()
		}
	}
	return nil
}

// settings notes what the bodies of the plan depend on now.
func (f *fanner) settings(ctx context.Context, plan []webhook.NewDelivery, endpoints []webhook.Endpoint) error {
	of := map[id.Seq]string{}
	for _, e := range endpoints {
		v, ok := f.w.formats[e.Format].(webhook.Varying)
		if !ok || !slices.ContainsFunc(plan, func(p webhook.NewDelivery) bool { return p.Endpoint == e.Seq }) {
			continue
		}
		text, err := v.Setting(ctx, f.shard, e)
		if err != nil {
			return err
		}
		of[e.Seq] = text
	}
	for n := range plan {
		plan[n].Setting = of[plan[n].Endpoint]
	}
	return nil
}

// claim marks what there is room for in the lanes and tells whom there is more for.
func (f *fanner) claim(plan []webhook.NewDelivery, endpoints []webhook.Endpoint) map[id.Seq]bool {
	left, room := map[id.Seq]bool{}, make(map[id.Seq]int, len(endpoints))
	for _, e := range endpoints {
		room[e.Seq] = f.w.lane(f.shard, e).roomForNew()
	}
	for n := range plan {
		if p := &plan[n]; room[p.Endpoint] > 0 {
			room[p.Endpoint]--
			p.Claim = true
		} else {
			left[p.Endpoint] = true
		}
	}
	return left
}

// dispatch writes the bodies of claimed deliveries and puts them into their lanes.
func (w *Worker) dispatch(ctx context.Context, shard id.Shard, claimed []webhook.Delivery, endpoints map[id.Seq]webhook.Endpoint, events map[int64]event.Event) {
	ctx = context.WithoutCancel(ctx) // reading for a moment longer is better than a failure at every stop
	byEndpoint := map[id.Seq][]webhook.Delivery{}
	for _, d := range claimed {
		byEndpoint[d.Endpoint] = append(byEndpoint[d.Endpoint], d)
	}
	for seq, list := range byEndpoint {
		l := w.lane(shard, endpoints[seq])
		byURL := map[string][]item{}
		for _, i := range w.render(ctx, shard, l, list, events) {
			byURL[i.url] = append(byURL[i.url], i)
		}
		for url, items := range byURL {
			to := l.to(url)
			w.release(ctx, shard, to.add(items), to.again())
		}
	}
}

// render writes the bodies of one endpoint's deliveries. One that cannot be
// written is a failed attempt, and does not keep the others.
func (w *Worker) render(ctx context.Context, shard id.Shard, l *lane, list []webhook.Delivery, events map[int64]event.Event) []item {
	var messages []webhook.Message
	var of []webhook.Delivery
	for _, d := range list {
		e, ok := events[d.EventSeq]
		if !ok {
			w.unrendered(l, d, nil, "its event is not in the log")
			continue
		}
		messages, of = append(messages, webhook.Message{Shard: shard, Event: e, Sub: d.Sub, Setting: d.Setting}), append(of, d)
	}
	if len(messages) == 0 {
		return nil
	}
	l.mu.Lock()
	endpoint := l.endpoint
	l.mu.Unlock()
	f := w.formats[endpoint.Format]
	if f == nil {
		for _, d := range of {
			w.unrendered(l, d, nil, "this program cannot write the format "+endpoint.Format)
		}
		return nil
	}
	if out, err := f.Render(ctx, shard, endpoint, messages); err == nil {
		return w.pair(ctx, l, f, of, out)
	}
	var items []item
	for n := range messages {
		out, err := f.Render(ctx, shard, endpoint, messages[n:n+1])
		if err != nil {
			w.unrendered(l, of[n], f, printable(err.Error()))
			continue
		}
		items = append(items, w.pair(ctx, l, f, of[n:n+1], out)...)
	}
	return items
}

// pair puts deliveries and what is sent for them together, and ends those for which
// nothing is.
func (w *Worker) pair(ctx context.Context, l *lane, f webhook.Format, of []webhook.Delivery, out []webhook.Outgoing) []item {
	items := make([]item, 0, len(of))
	var passed []webhook.Held
	for n, d := range of {
		if out[n].Body == nil {
			passed = append(passed, webhook.Held{Seq: d.Seq, Version: d.Version})
			continue
		}
		items = append(items, item{delivery: d, format: f, body: out[n].Body, url: out[n].URL, key: out[n].Key, again: out[n].Retry})
	}
	w.pass(ctx, l.at.Shard, passed)
	return items
}

// unrendered records that a message could not be written, in the background: it is
// our fault, is tried again on the schedule, and must be seen.
func (w *Worker) unrendered(l *lane, d webhook.Delivery, f webhook.Format, reason string) {
	w.opt.Log.Error("a webhook could not be written", "delivery", id.ID{Shard: l.at.Shard, Seq: d.Seq}.Text(id.Delivery), "reason", reason)
	l.mu.Lock()
	l.recorded++
	l.failed++
	l.mu.Unlock()
	w.work.Go(func() {
		i := item{delivery: d, format: f}
		l.record([]item{i}, []webhook.RecordAttempt{{Delivery: d, Jitter: jitter(), Retry: i.retry(), Attempt: webhook.Attempt{
			At: time.Now().UTC().Truncate(time.Microsecond), ErrorClass: string(webhook.ClassRender), ErrorText: reason,
		}}})
	})
}
