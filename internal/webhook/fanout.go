package webhook

import (
	"slices"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// NewDelivery is one message for one endpoint, not yet written.
type NewDelivery struct {
	Message  Message
	Endpoint id.Seq
	// Claim hands it to the caller at once, until FanOut.Until: writing it
	// unclaimed and claiming it next would cost one more row per delivery.
	Claim   bool
	Setting string // of the endpoint's format now, see Varying
}

// Plan says which messages of events go to which endpoints, in the order of the log.
func Plan(shard id.Shard, events []event.Event, endpoints []Endpoint) []NewDelivery {
	byMerchant := map[id.Seq][]Endpoint{}
	for _, e := range endpoints {
		byMerchant[e.Merchant] = append(byMerchant[e.Merchant], e)
	}
	var out []NewDelivery
	for _, e := range events {
		if len(byMerchant[e.Merchant]) == 0 {
			continue
		}
		for sub := range e.Messages() {
			m := Message{Shard: shard, Event: e, Sub: sub}
			for _, ep := range byMerchant[e.Merchant] {
				if ep.Told(m) {
					out = append(out, NewDelivery{Message: m, Endpoint: ep.Seq})
				}
			}
		}
	}
	return out
}

// FanOut turns a stretch of the event log into deliveries and moves the cursor
// over it. Two nodes that do the same stretch do it once: the second is refused
// with Conflict `fanned_out`.
type FanOut struct {
	After      int64 // where the cursor has to be
	To         int64 // where it goes: the last message of the last event
	Deliveries []NewDelivery
	Until      time.Time // end of the claims
	// Behind are endpoints that would have got messages and are held back: since earlier, or
	// with Hold from here on. They have no Deliveries.
	Behind []id.Seq
	Hold   []id.Seq
}

// FannedOut says what was written.
type FannedOut struct {
	Claimed   []Delivery
	Endpoints map[id.Seq]Endpoint // of Claimed, as they are now
}

// Reads implements commit.Command.
func (c FanOut) Reads(w *commit.Wants) {
	Cursors.Want(w, CursorName)
	for n := range c.Deliveries {
		Endpoints.Want(w, c.Deliveries[n].Endpoint)
	}
	for _, e := range slices.Concat(c.Behind, c.Hold) {
		Cursors.Want(w, BehindName(e))
	}
}

// Apply implements commit.Command.
func (c FanOut) Apply(v *commit.View) (FannedOut, error) {
	cur, _ := Cursors.Get(v, CursorName)
	if cur.Event != c.After {
		return FannedOut{}, fault.New(fault.Conflict, "fanned_out", "the cursor stands at %d, not at %d: another node was faster", cur.Event, c.After)
	}
	for _, e := range c.Behind {
		if _, held := behind(v, e); !held {
			return FannedOut{}, fault.New(fault.Conflict, "fanned_out", "an endpoint that was held back goes with the others again: another node was faster")
		}
	}
	for _, e := range c.Hold {
		if own, held := behind(v, e); !held {
			own.Event, own.Version = c.After, own.Version+1
			Cursors.Put(v, own)
		}
	}
	out := FannedOut{Endpoints: map[id.Seq]Endpoint{}}
	for n := range c.Deliveries {
		p := &c.Deliveries[n]
		e, ok := Endpoints.Get(v, p.Endpoint)
		if !ok || !e.Told(p.Message) {
			continue // deleted or changed since it was planned
		}
		d := p.delivery(v, e)
		if d.State == Pending && p.Claim && c.Until.After(v.Now()) && !e.PausedUntil.After(v.Now()) {
			d.NextAt = c.Until.UTC().Truncate(time.Microsecond)
			out.Claimed, out.Endpoints[e.Seq] = append(out.Claimed, d), e
		}
		Deliveries.Insert(v, d)
	}
	Cursors.Put(v, Cursor{Name: CursorName, Event: c.To, Version: cur.Version + 1})
	return out, nil
}

// delivery is the row of a message for an endpoint.
func (p *NewDelivery) delivery(v *commit.View, e Endpoint) Delivery {
	d := Delivery{
		Seq: v.NewID(), Merchant: e.Merchant, Endpoint: e.Seq, EventSeq: p.Message.Event.Seq, Sub: p.Message.Sub,
		Type: string(p.Message.Type()), Setting: p.Setting, State: Pending, Lane: LaneNew, NextAt: v.Now(), CreatedAt: v.Now(), Version: 1,
	}
	if e.State != Enabled {
		// Written all the same: the log shows what was not sent, and a replay finds it.
		d.State, d.DoneAt = Skipped, v.Now()
	}
	return d
}

// Held names a delivery as its holder last saw it. Another version means that
// somebody else has it now.
type Held struct {
	Seq     id.Seq
	Version int64
}

// Claim takes due deliveries to send them, until a time at which the claim ends
// by itself. Those of a disabled endpoint are skipped; those of a paused one stay
// as they are. What two nodes claim at once, one of them gets.
type Claim struct {
	Deliveries []id.Seq
	Until      time.Time
}

// Claimed says what was taken.
type Claimed struct {
	Deliveries []Delivery
	Endpoints  map[id.Seq]Endpoint // of all that were asked for, as they are now
	Skipped    int
}

// Reads implements commit.Command.
func (c Claim) Reads(w *commit.Wants) {
	for _, s := range c.Deliveries {
		Deliveries.Want(w, s)
	}
}

// Follow implements commit.Follower.
func (c Claim) Follow(v *commit.View, w *commit.Wants) {
	for _, s := range c.Deliveries {
		if d, ok := Deliveries.Get(v, s); ok {
			Endpoints.Want(w, d.Endpoint)
		}
	}
}

// Apply implements commit.Command.
func (c Claim) Apply(v *commit.View) (Claimed, error) {
	out := Claimed{Endpoints: map[id.Seq]Endpoint{}}
	for _, s := range c.Deliveries {
		d, ok := Deliveries.Get(v, s)
		if !ok {
			continue
		}
		e, ok := Endpoints.Get(v, d.Endpoint)
		if !ok {
			continue
		}
		out.Endpoints[e.Seq] = e
		if d.State != Pending || d.NextAt.After(v.Now()) {
			continue
		}
		switch {
		case e.State != Enabled:
			d.State, d.DoneAt, d.Version = Skipped, v.Now(), d.Version+1
			Deliveries.Put(v, d)
			out.Skipped++
		case !e.PausedUntil.After(v.Now()):
			d.NextAt, d.Version = c.Until.UTC().Truncate(time.Microsecond), d.Version+1
			Deliveries.Put(v, d)
			out.Deliveries = append(out.Deliveries, d)
		}
	}
	return out, nil
}

// Release gives claims back without an attempt, so that anybody may send them, from a
// time on. It returns how many there were.
type Release struct {
	Deliveries []Held
	At         time.Time // zero: at once
}

// Reads implements commit.Command.
func (c Release) Reads(w *commit.Wants) {
	for _, h := range c.Deliveries {
		Deliveries.Want(w, h.Seq)
	}
}

// Apply implements commit.Command.
func (c Release) Apply(v *commit.View) (int, error) {
	n := 0
	for _, h := range c.Deliveries {
		d, ok := Deliveries.Get(v, h.Seq)
		if !ok || d.State != Pending || d.Version != h.Version {
			continue
		}
		d.NextAt, d.Version = v.Now(), d.Version+1
		if c.At.After(d.NextAt) {
			d.NextAt = c.At.UTC().Truncate(time.Microsecond)
		}
		Deliveries.Put(v, d)
		n++
	}
	return n, nil
}

// Pass ends claimed deliveries for which the format of their endpoint has nothing to
// tell. It returns how many there were.
type Pass struct{ Deliveries []Held }

// Reads implements commit.Command.
func (c Pass) Reads(w *commit.Wants) { Release{Deliveries: c.Deliveries}.Reads(w) }

// Apply implements commit.Command.
func (c Pass) Apply(v *commit.View) (int, error) {
	n := 0
	for _, h := range c.Deliveries {
		d, ok := Deliveries.Get(v, h.Seq)
		if !ok || d.State != Pending || d.Version != h.Version {
			continue
		}
		d.State, d.DoneAt, d.Version = Skipped, v.Now(), d.Version+1
		Deliveries.Put(v, d)
		n++
	}
	return n, nil
}
