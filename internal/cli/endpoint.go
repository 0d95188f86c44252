package cli

import (
	"io"
	"strconv"
	"strings"
	"time"

	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/store"
	"sluice/internal/webhook"
)

type endpointCmd struct {
	List endpointListCmd `cmd:"" help:"List a merchant's webhook endpoints."`
}

// endpointOut is a webhook endpoint as it is printed: without its keys.
type endpointOut struct {
	ID           string     `json:"id"`
	Merchant     string     `json:"merchant"`
	URL          string     `json:"url"`
	Format       string     `json:"format"`
	Types        []string   `json:"event_types"`
	State        string     `json:"state"`
	Why          string     `json:"disabled_reason,omitempty"`
	FailingSince *time.Time `json:"failing_since,omitempty"`
	PausedUntil  *time.Time `json:"paused_until,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
}

type endpointListCmd struct {
	Merchant string `required:"" placeholder:"ID" help:"Whose endpoints: mer_..."`
}

// Run implements the command.
func (c *endpointListCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		owner, err := t.merchant(c.Merchant)
		if err != nil {
			return err
		}
		rows, err := t.db.Endpoints(t.ctx, owner)
		if err != nil {
			return err
		}
		var out []endpointOut
		for _, x := range rows {
			out = append(out, endpointOut{
				id.ID{Shard: owner.Shard, Seq: x.Seq}.Text(id.Endpoint), c.Merchant, x.URL, x.Format, strings.Fields(x.Types), string(x.State), x.DisabledReason,
				maybe(x.FailingSince), maybe(x.PausedUntil), x.CreatedAt,
			})
		}
		return list(e, out, "ID FORMAT STATE +FAILING-SINCE +PAUSED-UNTIL +EVENT-TYPES +WHY URL", func(x endpointOut) []any {
			return []any{x.ID, x.Format, x.State, maybeWhen(x.FailingSince), maybeWhen(x.PausedUntil), strings.Join(x.Types, ","), or(x.Why, "-"), x.URL}
		})
	})
}

type deliveryCmd struct {
	List deliveryListCmd `cmd:"" help:"List what was sent to a webhook endpoint, newest first."`
	Show deliveryShowCmd `cmd:"" help:"Show a delivery with its attempts."`
}

// deliveryOut is a delivery as it is printed. The API has the same names.
type deliveryOut struct {
	ID        string       `json:"id"`
	Endpoint  string       `json:"endpoint"`
	Event     string       `json:"event"`
	Type      string       `json:"type"`
	State     string       `json:"state"`
	Attempts  int64        `json:"attempts_made"`
	NextAt    *time.Time   `json:"next_attempt_at,omitempty"`
	Status    int64        `json:"last_status,omitempty"`
	Error     string       `json:"last_error,omitempty"`
	CreatedAt time.Time    `json:"created_at"`
	DoneAt    *time.Time   `json:"done_at,omitempty"`
	Sent      []attemptOut `json:"attempts,omitempty"`
}

// attemptOut is one time that a delivery was sent.
type attemptOut struct {
	At       time.Time `json:"at"`
	Address  string    `json:"address,omitempty"`
	Status   int64     `json:"status,omitempty"`
	Duration string    `json:"duration"`
	Error    string    `json:"error,omitempty"`
	Body     string    `json:"response_body,omitempty"`
}

func showDelivery(shard id.Shard, d webhook.Delivery) deliveryOut {
	of := func(k id.Kind, s id.Seq) string { return id.ID{Shard: shard, Seq: s}.Text(k) }
	out := deliveryOut{
		ID: of(id.Delivery, d.Seq), Endpoint: of(id.Endpoint, d.Endpoint), Event: event.MessageID(shard, d.Message()), Type: d.Type, State: string(d.State),
		Attempts: d.Attempts, Status: d.LastStatus, Error: d.LastError, CreatedAt: d.CreatedAt, DoneAt: maybe(d.DoneAt),
	}
	if d.State == webhook.Pending {
		out.NextAt = maybe(d.NextAt)
	}
	return out
}

type deliveryListCmd struct {
	Endpoint string `required:"" placeholder:"ID" help:"The endpoint: whk_..."`
	State    string `placeholder:"STATE" help:"Only those in this state: pending, delivered, dead, skipped."`
	Limit    int    `default:"50" help:"At most so many, up to 1000."`
}

// Run implements the command.
func (c *deliveryListCmd) Run(e *env) error {
	at, err := parseID(id.Endpoint, c.Endpoint)
	if err != nil {
		return err
	}
	switch webhook.DeliveryState(c.State) {
	case "", webhook.Pending, webhook.Delivered, webhook.Dead, webhook.Skipped:
	default:
		return fault.New(fault.Invalid, "usage", "--state %s: there is no such state; the states are pending, delivered, dead, skipped", c.State)
	}
	return e.open(func(t *tool) error {
		_, found, err := t.db.Endpoint(t.ctx, at)
		if err != nil {
			return err
		}
		if err := need(found, "endpoint", c.Endpoint); err != nil {
			return err
		}
		rows, err := t.db.Deliveries(t.ctx, at, webhook.DeliveryState(c.State), 0, min(max(c.Limit, 1), store.PageMax))
		if err != nil {
			return err
		}
		var out []deliveryOut
		for _, d := range rows {
			out = append(out, showDelivery(at.Shard, d))
		}
		return list(e, out, "ID TYPE STATE ATTEMPTS +EVENT +CREATED +NEXT LAST", func(d deliveryOut) []any {
			return []any{d.ID, d.Type, d.State, d.Attempts, d.Event, when(d.CreatedAt), maybeWhen(d.NextAt), last(d.Status, d.Error)}
		})
	})
}

// last says how the last attempt went.
func last(status int64, class string) string {
	switch {
	case status != 0:
		return strconv.FormatInt(status, 10)
	default:
		return or(class, "-")
	}
}

type deliveryShowCmd struct {
	ID string `arg:"" help:"The delivery, dlv_..."`
}

// Run implements the command.
func (c *deliveryShowCmd) Run(e *env) error {
	at, err := parseID(id.Delivery, c.ID)
	if err != nil {
		return err
	}
	return e.open(func(t *tool) error {
		d, found, err := t.db.Delivery(t.ctx, at)
		if err != nil {
			return err
		}
		if err := need(found, "delivery", c.ID); err != nil {
			return err
		}
		attempts, err := t.db.AttemptsOf(t.ctx, at)
		if err != nil {
			return err
		}
		out := showDelivery(at.Shard, d)
		for _, a := range attempts {
			took := time.Duration(a.DurationMicros) * time.Microsecond
			out.Sent = append(out.Sent, attemptOut{a.At, a.Address, a.Status, took.Round(time.Millisecond / 10).String(), or(a.ErrorText, a.ErrorClass), string(a.Body)})
		}
		return e.print(out, func(w io.Writer) {
			p := printer{w}
			p.f("id\t%s\nendpoint\t%s\nevent\t%s\ntype\t%s\nstate\t%s\nattempts\t%d\nnext attempt\t%s\n", out.ID, out.Endpoint, out.Event, out.Type, out.State, out.Attempts, maybeWhen(out.NextAt))
			if len(out.Sent) > 0 {
				p.line("")
				p.line("AT\tADDRESS\tSTATUS\tTOOK\tERROR")
			}
			for _, a := range out.Sent {
				p.f("%s\t%s\t%s\t%s\t%s\n", when(a.At), or(a.Address, "-"), last(a.Status, "-"), a.Duration, or(a.Error, "-"))
			}
		})
	})
}
