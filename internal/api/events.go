package api

import (
	"net/http"
	"slices"
	"strings"

	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/webhook"
)

var errNoEvent = fault.New(fault.NotFound, "event_not_found", "no such event")

// scanMax is how many rows of the log one request looks at: a filter that matches
// little is carried on by the next request, from the cursor it is given.
const scanMax = 2000

// listEvents reads the log onwards, oldest first: what a consumer needs to
// reconcile without a single webhook.
func listEvents(c *call) (int, error) {
	q := c.query()
	after, limit, types := c.after(q), q.limit(), q.types()
	if err := q.end(); err != nil {
		return 0, err
	}
	var found []webhook.Message
	more := false
	for scanned := 0; scanned < scanMax && len(found) < limit; {
		// The row that the last message belongs to may hold one more.
		rows, err := c.Reads.Events(c.ctx(), c.who.merchant.Shard, c.who.merchant.Seq, after-1, limit+1)
		if err != nil {
			return 0, unavailable(err)
		}
		was := after
		for _, e := range rows {
			for sub := range e.Messages() {
				m := webhook.Message{Shard: c.who.merchant.Shard, Event: e, Sub: sub}
				if e.Seq+sub <= was || len(found) == limit {
					continue
				}
				after = e.Seq + sub
				if types == nil || slices.Contains(types, string(m.Type())) {
					found = append(found, m)
				}
			}
		}
		scanned += len(rows)
		if more = len(rows) > limit || len(found) == limit; after == was || len(rows) <= limit {
			break
		}
	}
	return c.events(found, after, more)
}

// after is where to read on: the id of the last event that the consumer has.
func (c *call) after(q *query) int64 {
	v := q.text("after")
	if v == "" {
		return 0
	}
	shard, seq, err := event.ParseMessageID(v)
	if err != nil || shard != c.who.merchant.Shard {
		q.doc.wrong("invalid_cursor", "after", "must be the id of an event of yours")
		return 0
	}
	return seq
}

// types is an optional list of event types, separated by commas.
func (q *query) types() []string {
	v := q.text("types")
	if v == "" {
		return nil
	}
	types := strings.Split(v, ",")
	for _, t := range types {
		if describe(event.Type(t)) == "" {
			q.doc.wrong("unknown_event_type", "types", "%q is not an event type", t)
		}
	}
	return types
}

func (c *call) events(found []webhook.Message, after int64, more bool) (int, error) {
	bodies, err := c.renderer().Render(c.ctx(), found)
	if err != nil {
		return 0, err
	}
	w := &c.w
	w.open()
	w.plain("object", "list")
	w.list("data")
	for n, m := range found {
		w.event(m, bodies[n])
	}
	w.endList()
	if after > 0 {
		w.plain("next_cursor", event.MessageID(c.who.merchant.Shard, after))
	} else {
		w.null("next_cursor")
	}
	w.boolean("has_more", more)
	w.close()
	return http.StatusOK, nil
}

// event writes a message as the list shows it: its place in the log, and then what
// webhooks send.
func (w *writer) event(m webhook.Message, body []byte) {
	w.open()
	w.plain("id", m.ID())
	w.plain("object", "event")
	w.number("sequence", m.Event.Seq+m.Sub)
	w.comma()
	w.b = append(w.b, body[1:]...) // goes on after the brace
}

func getEvent(c *call) (int, error) {
	shard, seq, err := event.ParseMessageID(c.r.PathValue("id"))
	if err != nil || !c.reaches(shard) {
		return 0, errNoEvent
	}
	rows, err := c.Reads.EventsAt(c.ctx(), shard, []int64{seq, seq - 1})
	if err != nil {
		return 0, unavailable(err)
	}
	for _, e := range rows {
		sub := seq - e.Seq
		if !c.owns(e.Merchant) || sub < 0 || sub >= e.Messages() {
			continue
		}
		m := webhook.Message{Shard: shard, Event: e, Sub: sub}
		bodies, err := c.renderer().Render(c.ctx(), []webhook.Message{m})
		if err != nil {
			return 0, err
		}
		c.w.event(m, bodies[0])
		return http.StatusOK, nil
	}
	return 0, errNoEvent
}

// idOf is the address of a subject in a message's shard.
func idOf(m webhook.Message, seq id.Seq) id.ID { return id.ID{Shard: m.Shard, Seq: seq} }
