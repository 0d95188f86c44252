package deliver

import (
	"context"
	"maps"
	"slices"
	"time"

	"sluice/internal/crash"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/webhook"
)

const (
	claimMax    = 512 // deliveries per command
	replayMax   = 500 // deliveries per page of a replay
	replaysMax  = 16  // at once per shard
	restAtLeast = 5 * time.Millisecond
)

// schedule claims what is due, for every endpoint that has room, until ctx ends.
func (w *Worker) schedule(ctx context.Context, shard id.Shard) {
	for {
		next, err := w.round(ctx, shard)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.opt.Log.ErrorContext(ctx, "due webhooks are not claimed", "shard", shard, "error", err)
			next = w.opt.Poll
		}
		if !sleep(ctx, next, w.due[shard]) {
			return
		}
	}
}

// round looks once at everything that waits, and tells when to look again if
// nobody asks earlier.
func (w *Worker) round(ctx context.Context, shard id.Shard) (time.Duration, error) {
	waiting, err := w.reader.WaitingEndpoints(ctx, shard)
	if err != nil {
		return 0, err
	}
	now, next := time.Now(), w.opt.Poll
	sooner := func(at time.Time) { next = min(next, max(at.Sub(now), restAtLeast)) }
	var due batches
	for _, e := range waiting {
		l := w.lane(shard, e.Endpoint)
		w.release(ctx, shard, l.flushIfShut(), time.Time{})
		room := l.room()
		switch {
		case e.Endpoint.State != webhook.Enabled:
			room = claimMax // claiming them skips them
		case e.Endpoint.PausedUntil.After(now):
			sooner(e.Endpoint.PausedUntil)
			continue
		}
		for _, ln := range webhook.Lanes {
			at, ok := e.At[ln]
			switch {
			case !ok || at.IsZero():
				continue
			case at.After(now):
				sooner(at)
				continue
			case room == 0:
				l.wants()
				continue
			}
			limit := min(room, claimMax)
			list, err := w.reader.DueDeliveries(ctx, shard, e.Endpoint.Seq, ln, now, limit)
			if err != nil {
				return 0, err
			}
			if err := w.whole(ctx, shard, list, &due); err != nil {
				return 0, err
			}
			room -= len(list)
			if len(list) == limit {
				l.wants()
			}
		}
	}
	return next, w.claim(ctx, shard, due)
}

// batches are deliveries to claim, each batch in one command.
type batches [][]id.Seq

// add puts deliveries that belong together into one batch.
func (b *batches) add(together ...id.Seq) {
	last := len(*b) - 1
	if last < 0 || len((*b)[last])+len(together) > claimMax {
		*b, last = append(*b, nil), last+1
	}
	(*b)[last] = append((*b)[last], together...)
}

// whole adds deliveries of an endpoint to what is claimed, those that were sent in one
// request together. If somebody else still has some of these, they all wait.
func (w *Worker) whole(ctx context.Context, shard id.Shard, list []webhook.Delivery, to *batches) error {
	known := map[int64]bool{}
	for _, d := range list {
		if d.Package == 0 {
			to.add(d.Seq)
			continue
		}
		if known[d.Package] {
			continue
		}
		known[d.Package] = true
		all, err := w.reader.Packaged(ctx, shard, d.Endpoint, d.Package)
		if err != nil {
			return err
		}
		seqs, now := make([]id.Seq, len(all)), time.Now()
		for n := range all {
			seqs[n] = all[n].Seq
		}
		if !slices.ContainsFunc(all, func(d webhook.Delivery) bool { return d.NextAt.After(now) }) {
			to.add(seqs...)
		}
	}
	return nil
}

// wants notes that the store has more for the lane than it has room for.
func (l *lane) wants() {
	l.mu.Lock()
	l.more = true
	l.askForMore()
	l.mu.Unlock()
}

// flushIfShut gives what a lane holds for an endpoint that is paused or disabled, and what
// the lanes of its URLs hold.
func (l *lane) flushIfShut() []item {
	l.mu.Lock()
	if l.queued == 0 && l.below.Load() == 0 || l.open(time.Now()) {
		l.mu.Unlock()
		return nil
	}
	back, urls := l.empty(), slices.Collect(maps.Values(l.urls))
	l.mu.Unlock()
	for _, u := range urls {
		u.mu.Lock()
		back = append(back, u.empty()...)
		u.mu.Unlock()
	}
	return back
}

// claim takes deliveries and puts them into their lanes.
func (w *Worker) claim(ctx context.Context, shard id.Shard, due batches) error {
	for _, ids := range due {
		until := time.Now().Add(w.opt.Claim)
		out, err := submit(ctx, w, shard, webhook.Claim{Deliveries: ids, Until: until}, until)
		if err != nil {
			return err
		}
		crash.Point("webhook.claimed")
		if out.Skipped == len(ids) {
			signal(w.due[shard]) // a disabled endpoint may have many more
		}
		events, err := w.eventsOf(ctx, shard, out.Deliveries)
		if err != nil {
			return err
		}
		w.dispatch(ctx, shard, out.Deliveries, out.Endpoints, events)
	}
	return nil
}

func (w *Worker) eventsOf(ctx context.Context, shard id.Shard, list []webhook.Delivery) (map[int64]event.Event, error) {
	if len(list) == 0 {
		return nil, nil
	}
	seqs, asked := make([]int64, 0, len(list)), make(map[int64]bool, len(list))
	for _, d := range list {
		if !asked[d.EventSeq] {
			asked[d.EventSeq] = true
			seqs = append(seqs, d.EventSeq)
		}
	}
	events, err := w.reader.EventsAt(ctx, shard, seqs)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]event.Event, len(events))
	for _, e := range events {
		out[e.Seq] = e
	}
	return out, nil
}

// replay carries replays on, a page of each in turn, until ctx ends.
func (w *Worker) replay(ctx context.Context, shard id.Shard) {
	for {
		busy, err := w.replayRound(ctx, shard)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.opt.Log.ErrorContext(ctx, "webhooks are not replayed", "shard", shard, "error", err)
		}
		if busy && err == nil {
			signal(w.due[shard])
			continue
		}
		if !sleep(ctx, w.opt.Poll, nil) {
			return
		}
	}
}

func (w *Worker) replayRound(ctx context.Context, shard id.Shard) (busy bool, _ error) {
	running, err := w.reader.RunningReplays(ctx, shard, replaysMax)
	if err != nil {
		return false, err
	}
	for _, r := range running {
		page, err := w.reader.ReplayPage(ctx, shard, r, replayMax)
		if err != nil {
			return busy, err
		}
		_, err = submit(ctx, w, shard, webhook.ReplayPage{Replay: r.Seq, After: r.After, Deliveries: page}, time.Now().Add(w.opt.Claim))
		switch {
		case err == nil:
			busy = true
		case fault.CodeOf(err) != "replayed":
			return busy, err
		}
	}
	return busy, nil
}
