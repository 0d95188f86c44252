package webhook

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// again puts a delivery back on its way: the same message, the whole schedule anew.
func (d Delivery) again(v *commit.View, lane Lane) Delivery {
	d.State, d.Lane, d.Round, d.NextAt, d.DoneAt, d.Package = Pending, lane, d.Attempts, v.Now(), time.Time{}, 0
	d.Version++
	Deliveries.Put(v, d)
	return d
}

// ReplayOne sends one delivery again, delivered or not. One that waits for its
// next attempt is sent now.
type ReplayOne struct {
	Merchant id.Seq
	Delivery id.Seq
	Actor    string
}

// Reads implements commit.Command.
func (c ReplayOne) Reads(w *commit.Wants) { Deliveries.Want(w, c.Delivery) }

// Follow implements commit.Follower.
func (c ReplayOne) Follow(v *commit.View, w *commit.Wants) {
	if d, ok := Deliveries.Get(v, c.Delivery); ok {
		Endpoints.Want(w, d.Endpoint)
	}
}

// Apply implements commit.Command.
func (c ReplayOne) Apply(v *commit.View) (Delivery, error) {
	d, ok := Deliveries.Get(v, c.Delivery)
	if !ok || d.Merchant != c.Merchant {
		return Delivery{}, fault.New(fault.NotFound, "delivery_not_found", "no such webhook delivery")
	}
	if e, ok := Endpoints.Get(v, d.Endpoint); !ok || e.State != Enabled {
		return Delivery{}, errDisabled(v, e)
	}
	return d.again(v, LaneRetry), nil
}

// Answer implements commit.Answerer.
func (d Delivery) Answer() commit.Answer { return commit.Answer{Ref: d.Seq} }

// StartReplay begins to send many deliveries of one endpoint again, in the
// background. New messages go before them.
type StartReplay struct {
	owned
	Want  DeliveryState // Delivered, Dead, Skipped, or "" for all that are not pending
	Type  string        // an event type, or "" for all
	Since time.Time     // zero: from the first
	Until time.Time     // zero: now
	Actor string
}

// NewStartReplay makes the command; the caller fills in the filter.
func NewStartReplay(merchant, endpoint id.Seq, actor string) StartReplay {
	return StartReplay{owned: owned{merchant, endpoint}, Actor: actor}
}

// Apply implements commit.Command.
func (c StartReplay) Apply(v *commit.View) (Replay, error) {
	e, err := c.get(v)
	if err != nil {
		return Replay{}, err
	}
	if e.State != Enabled {
		return Replay{}, errDisabled(v, e)
	}
	switch c.Want {
	case "", Delivered, Dead, Skipped:
	case Pending:
		return Replay{}, fault.Bad("invalid_state", "state", "pending deliveries are on their way already")
	default:
		return Replay{}, fault.Bad("invalid_state", "state", "%q is not a state of a delivery", c.Want)
	}
	if c.Type != "" && !known(c.Type) {
		return Replay{}, fault.Bad("unknown_event_type", "type", "%q is not an event type", c.Type)
	}
	r := Replay{
		Seq: v.NewID(), Merchant: c.Merchant, Endpoint: c.Endpoint, Want: c.Want, Type: c.Type, Since: micro(c.Since), Until: micro(c.Until),
		State: ReplayRunning, Actor: c.Actor, CreatedAt: v.Now(), Version: 1,
	}
	if r.Until.IsZero() || r.Until.After(v.Now()) {
		r.Until = v.Now()
	}
	if r.Since.After(r.Until) {
		return Replay{}, fault.Bad("invalid_range", "since", "since is after until")
	}
	Replays.Insert(v, r)
	return r, nil
}

// Answer implements commit.Answerer.
func (r Replay) Answer() commit.Answer { return commit.Answer{Ref: r.Seq} }

// Asks tells whether a delivery is one that the replay is for.
func (r Replay) Asks(d Delivery) bool {
	return d.Endpoint == r.Endpoint && d.State != Pending && (r.Want == "" || d.State == r.Want) &&
		(r.Type == "" || d.Type == r.Type) && !d.CreatedAt.Before(r.Since) && d.CreatedAt.Before(r.Until) && d.Seq < r.Seq &&
		d.Type != string(event.EndpointTested)
}

// ReplayPage carries a replay on by one page of what the reader found. Two nodes
// that do the same page do it once: the second is refused with Conflict
// `replayed`.
type ReplayPage struct {
	Replay     id.Seq
	After      id.Seq   // where the replay has to be
	Deliveries []id.Seq // in order; none: the replay is done
}

// Reads implements commit.Command.
func (c ReplayPage) Reads(w *commit.Wants) {
	Replays.Want(w, c.Replay)
	for _, s := range c.Deliveries {
		Deliveries.Want(w, s)
	}
}

// Follow implements commit.Follower.
func (c ReplayPage) Follow(v *commit.View, w *commit.Wants) {
	if r, ok := Replays.Get(v, c.Replay); ok {
		Endpoints.Want(w, r.Endpoint)
	}
}

// Apply implements commit.Command.
func (c ReplayPage) Apply(v *commit.View) (Replay, error) {
	r, ok := Replays.Get(v, c.Replay)
	if !ok || r.State != ReplayRunning || r.After != c.After {
		return Replay{}, fault.New(fault.Conflict, "replayed", "this page was replayed by another node")
	}
	e, _ := Endpoints.Get(v, r.Endpoint)
	if len(c.Deliveries) == 0 || e.State != Enabled {
		r.State, r.DoneAt = ReplayDone, v.Now()
	} else {
		for _, s := range c.Deliveries {
			if d, ok := Deliveries.Get(v, s); ok && r.Asks(d) {
				d.again(v, LaneReplay)
				r.Deliveries++
			}
		}
		r.After = c.Deliveries[len(c.Deliveries)-1]
	}
	r.Version++
	Replays.Put(v, r)
	return r, nil
}

// micro is the precision that stores keep.
func micro(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Microsecond)
}
