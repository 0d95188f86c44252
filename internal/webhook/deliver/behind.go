package deliver

import (
	"context"
	"slices"
	"time"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/webhook"
)

// part is how many deliveries of an endpoint may wait: its equal part of what its merchant may have.
func (w *Worker) part(endpoints []webhook.Endpoint, merchant id.Seq) int64 {
	n := int64(0)
	for _, e := range endpoints {
		if e.Merchant == merchant {
			n++
		}
	}
	return max(w.opt.PendingMax/max(n, 1), 1)
}

// split takes the deliveries of endpoints out of a plan that are held back, or have to be from here on.
func (f *fanner) split(ctx context.Context, plan []webhook.NewDelivery, endpoints []webhook.Endpoint) (kept []webhook.NewDelivery, behind, hold []id.Seq, err error) {
	if len(plan) == 0 {
		return plan, nil, nil, nil
	}
	held, err := f.w.reader.HeldBack(ctx, f.shard)
	if err != nil {
		return nil, nil, nil, err
	}
	made := map[id.Seq]int64{}
	for n := range plan {
		made[plan[n].Endpoint]++
	}
	out := map[id.Seq]bool{}
	for _, e := range endpoints {
		n := made[e.Seq]
		switch {
		case n == 0:
		case slices.ContainsFunc(held, func(b webhook.Behind) bool { return b.Endpoint.Seq == e.Seq }):
			behind, out[e.Seq] = append(behind, e.Seq), true
		case e.State == webhook.Enabled:
			fits, err := f.fits(ctx, e.Seq, n, f.w.part(endpoints, e.Merchant))
			if err != nil {
				return nil, nil, nil, err
			}
			if !fits {
				hold, out[e.Seq] = append(hold, e.Seq), true
			}
		}
	}
	if len(out) == 0 {
		return plan, nil, nil, nil
	}
	return slices.DeleteFunc(plan, func(p webhook.NewDelivery) bool { return out[p.Endpoint] }), behind, hold, nil
}

// fits tells whether n more deliveries may wait for an endpoint. It counts again only when what it
// knows would be too many.
func (f *fanner) fits(ctx context.Context, endpoint id.Seq, n, part int64) (bool, error) {
	waits, known := f.waits[endpoint]
	if !known || waits+n > part {
		var err error
		if waits, err = f.w.reader.PendingOf(ctx, f.shard, endpoint, part+1); err != nil {
			return false, err
		}
	}
	if waits+n > part {
		f.waits[endpoint] = waits
		return false, nil
	}
	f.waits[endpoint] = waits + n
	return true, nil
}

// say logs which endpoints are held back from now on.
func (f *fanner) say(hold []id.Seq, endpoints []webhook.Endpoint) {
	for _, e := range endpoints {
		if slices.Contains(hold, e.Seq) {
			f.idle = time.Time{}
			f.w.opt.Log.Warn("too many webhooks wait for an endpoint: the next ones stay in the event log until half of its part is done",
				"endpoint", id.ID{Shard: f.shard, Seq: e.Seq}.Text(id.Endpoint), "part", f.w.part(endpoints, e.Merchant))
		}
	}
}

// catchUp makes one portion of deliveries for an endpoint that is held back and has room, each in its
// turn. It tells whether there may be more to do at once.
func (f *fanner) catchUp(ctx context.Context) (bool, error) {
	if time.Now().Before(f.idle) {
		return false, nil
	}
	list, err := f.w.reader.HeldBack(ctx, f.shard)
	if err != nil {
		return false, err
	}
	at, _ := slices.BinarySearchFunc(list, f.caught+1, func(b webhook.Behind, s id.Seq) int { return int(b.Endpoint.Seq - s) })
	for n := range list {
		b := list[(at+n)%len(list)]
		done, err := f.catchUpOne(ctx, b)
		if err != nil || done {
			f.caught = b.Endpoint.Seq
			return done, err
		}
	}
	f.idle = time.Now().Add(f.w.opt.Poll)
	return false, nil
}

// catchUpOne does one endpoint, when half of its part is free.
func (f *fanner) catchUpOne(ctx context.Context, b webhook.Behind) (bool, error) {
	e := b.Endpoint
	all, err := f.w.reader.EndpointsOf(ctx, f.shard, []id.Seq{e.Merchant})
	if err != nil {
		return false, err
	}
	part := f.w.part(all, e.Merchant)
	waits, err := f.w.reader.PendingOf(ctx, f.shard, e.Seq, part/2+1)
	if err != nil || waits > part/2 {
		return false, err
	}
	// The cursor before the events: what is behind it is seen.
	to, err := f.w.reader.FannedOut(ctx, f.shard)
	if err != nil {
		return false, err
	}
	limit := int(min(max((part-waits)/2, 1), eventsMax)) // an event is up to two messages
	events, err := f.w.reader.Events(ctx, f.shard, e.Merchant, b.After, limit)
	if err != nil {
		return false, err
	}
	for len(events) > 0 && events[len(events)-1].Seq > to {
		events = events[:len(events)-1]
	}
	if len(events) == limit {
		last := events[limit-1]
		to = last.Seq + last.Messages() - 1
	}
	one := []webhook.Endpoint{e}
	plan := webhook.Plan(f.shard, events, one)
	if err := f.settings(ctx, plan, one); err != nil {
		return false, err
	}
	until := time.Now().Add(f.w.opt.Claim)
	caught, err := submit(ctx, f.w, f.shard, webhook.CatchUp{Endpoint: e.Seq, After: b.After, To: to, Deliveries: plan}, until)
	if err != nil {
		f.known = false
		if fault.CodeOf(err) == "fanned_out" {
			return false, nil // another process was faster
		}
		return false, err
	}
	delete(f.waits, e.Seq)
	if len(plan) > 0 {
		f.w.lane(f.shard, e).wants()
	}
	if caught {
		f.w.opt.Log.Info("an endpoint has caught up with the event log", "endpoint", id.ID{Shard: f.shard, Seq: e.Seq}.Text(id.Endpoint))
	}
	return true, nil
}
