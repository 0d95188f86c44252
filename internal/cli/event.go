package cli

import (
	"encoding/json"
	"io"
	"time"

	"sluice/internal/api"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/store"
	"sluice/internal/webhook"
)

type eventCmd struct {
	List eventListCmd `cmd:"" help:"List a merchant's events, newest first. GET /v1/events reads them on from where a consumer is."`
	Show eventShowCmd `cmd:"" help:"Show an event as webhooks tell it."`
}

// eventOut is an event as it is printed.
type eventOut struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Type   string    `json:"type"`
	State  string    `json:"state,omitempty"`
	Actor  string    `json:"actor,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

type eventListCmd struct {
	Merchant string `required:"" placeholder:"ID" help:"Whose events: mer_..."`
	Limit    int    `default:"50" help:"At most so many, up to 1000."`
}

// Run implements the command.
func (c *eventListCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		owner, err := t.merchant(c.Merchant)
		if err != nil {
			return err
		}
		rows, err := t.db.LastEvents(t.ctx, owner, min(max(c.Limit, 1), store.PageMax))
		if err != nil {
			return err
		}
		var out []eventOut
		for _, ev := range rows {
			out = append(out, eventOut{event.MessageID(owner.Shard, ev.Seq), ev.At, string(ev.Type), ev.State, ev.Actor, ev.Reason})
		}
		return list(e, out, "ID AT TYPE STATE +ACTOR REASON", func(x eventOut) []any {
			return []any{x.ID, when(x.At), x.Type, or(x.State, "-"), or(x.Actor, "-"), or(x.Reason, "-")}
		})
	})
}

type eventShowCmd struct {
	ID string `arg:"" help:"The event, evt_..., as it is listed or as webhook-id names it."`
}

// Run implements the command.
func (c *eventShowCmd) Run(e *env) error {
	shard, seq, err := event.ParseMessageID(c.ID)
	if err != nil {
		return fault.New(fault.Invalid, "usage", "%q: an event's id looks like evt_ and 20 hex digits", c.ID)
	}
	return e.open(func(t *tool) error {
		assets, err := t.assets()
		if err != nil {
			return err
		}
		rows, err := t.db.EventsAt(t.ctx, shard, []int64{seq, seq - 1})
		if err != nil {
			return err
		}
		for _, ev := range rows {
			sub := seq - ev.Seq
			if sub < 0 || sub >= ev.Messages() {
				continue
			}
			bodies, err := api.NewRenderer(t.db, assets).Render(t.ctx, []webhook.Message{{Shard: shard, Event: ev, Sub: sub}})
			if err != nil {
				return err
			}
			return e.printJSON(bodies[0])
		}
		return need(false, "event", c.ID)
	})
}

// printJSON prints an object as it is, and for people with its members on lines of their own.
func (e *env) printJSON(object []byte) error {
	return e.print(json.RawMessage(object), func(w io.Writer) {
		var v any
		_ = json.Unmarshal(object, &v) // our own
		lines := json.NewEncoder(w)
		lines.SetEscapeHTML(false)
		lines.SetIndent("", "  ")
		_ = lines.Encode(v) // the table keeps it
	})
}
