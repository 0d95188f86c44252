package webhook

import (
	"strconv"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// An endpoint for which too many deliveries wait is held back: no more are made, and a cursor of its
// own says up to where the event log is done for it. Nothing is lost, since the log is kept; CatchUp
// makes the deliveries once there is room, in portions, until the endpoint goes with the others again.

// BehindPrefix begins the names of the cursors of endpoints.
const BehindPrefix = CursorName + ":"

// followed is Cursor.Event of an endpoint that was held back once and is no more.
const followed = -1

// BehindName names the cursor of an endpoint.
func BehindName(endpoint id.Seq) string { return BehindPrefix + strconv.FormatInt(int64(endpoint), 10) }

// Behind is an endpoint that is held back.
type Behind struct {
	Endpoint Endpoint // of any state
	After    int64    // the last event sequence that is done with
}

// behind gives the cursor of an endpoint and tells whether it is held back.
func behind(v *commit.View, endpoint id.Seq) (Cursor, bool) {
	c, ok := Cursors.Get(v, BehindName(endpoint))
	c.Name = BehindName(endpoint)
	return c, ok && c.Event != followed
}

// CatchUp makes the next deliveries of an endpoint that is held back. Two processes that do the same
// stretch do it once: the second is refused with Conflict `fanned_out`. It returns whether the endpoint goes
// with the others again.
type CatchUp struct {
	Endpoint   id.Seq
	After      int64         // where its cursor has to be
	To         int64         // where it goes, no further than the cursor of all
	Deliveries []NewDelivery // of this endpoint, in the order of the log
}

// Reads implements commit.Command.
func (c CatchUp) Reads(w *commit.Wants) {
	Cursors.Want(w, CursorName)
	Cursors.Want(w, BehindName(c.Endpoint))
	Endpoints.Want(w, c.Endpoint)
}

// Apply implements commit.Command.
func (c CatchUp) Apply(v *commit.View) (bool, error) {
	all, _ := Cursors.Get(v, CursorName)
	own, held := behind(v, c.Endpoint)
	if !held || own.Event != c.After || c.To > all.Event {
		return false, fault.New(fault.Conflict, "fanned_out", "the cursor of the endpoint stands at %d, not at %d: another node was faster", own.Event, c.After)
	}
	if e, ok := Endpoints.Get(v, c.Endpoint); ok {
		for n := range c.Deliveries {
			if p := &c.Deliveries[n]; e.Told(p.Message) {
				Deliveries.Insert(v, p.delivery(v, e))
			}
		}
	}
	if own.Event = c.To; c.To == all.Event {
		own.Event = followed
	}
	own.Version++
	Cursors.Put(v, own)
	return own.Event == followed, nil
}
