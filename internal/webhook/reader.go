package webhook

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"sluice/internal/event"
	"sluice/internal/id"
)

// Waiting is an endpoint that has pending deliveries.
type Waiting struct {
	Endpoint Endpoint
	// At is the earliest NextAt of its pending deliveries per lane; zero for a
	// lane without any.
	At map[Lane]time.Time
}

// Reader is what sending needs to read. Reads never decide: what is claimed or
// recorded is decided by the commands, which read again under the shard's lock.
type Reader interface {
	// FannedOut gives Cursor.Event of CursorName, 0 when there is no cursor yet.
	FannedOut(ctx context.Context, shard id.Shard) (int64, error)
	// EventsAfter gives up to limit events with Seq > after, in order.
	EventsAfter(ctx context.Context, shard id.Shard, after int64, limit int) ([]event.Event, error)
	// EventsAt gives the events with these Seqs, in any order; missing ones are left out.
	EventsAt(ctx context.Context, shard id.Shard, seqs []int64) ([]event.Event, error)
	// EndpointsOf gives the endpoints of these merchants that are not deleted. It
	// sees everything that was committed before it was called.
	EndpointsOf(ctx context.Context, shard id.Shard, merchants []id.Seq) ([]Endpoint, error)
	// Events gives up to limit events of a merchant with Seq > after, in order.
	Events(ctx context.Context, shard id.Shard, merchant id.Seq, after int64, limit int) ([]event.Event, error)
	// HeldBack gives the endpoints that are held back, in order of Seq.
	HeldBack(ctx context.Context, shard id.Shard) ([]Behind, error)
	// PendingOf counts the pending deliveries of an endpoint, up to limit.
	PendingOf(ctx context.Context, shard id.Shard, endpoint id.Seq, limit int64) (int64, error)
	// WaitingEndpoints gives every endpoint that has pending deliveries, deleted
	// and disabled ones too. It costs look-ups per endpoint, not per delivery.
	WaitingEndpoints(ctx context.Context, shard id.Shard) ([]Waiting, error)
	// DueDeliveries gives up to limit pending deliveries of an endpoint and lane
	// with NextAt <= at, the earliest first.
	DueDeliveries(ctx context.Context, shard id.Shard, endpoint id.Seq, lane Lane, at time.Time, limit int) ([]Delivery, error)
	// Packaged gives the pending deliveries of an endpoint with this Package, which is not 0.
	Packaged(ctx context.Context, shard id.Shard, endpoint id.Seq, pack int64) ([]Delivery, error)
	// RunningReplays gives up to limit replays that are not done, the oldest first.
	RunningReplays(ctx context.Context, shard id.Shard, limit int) ([]Replay, error)
	// ReplayPage gives up to limit deliveries that r asks for with Seq > r.After,
	// in order of Seq.
	ReplayPage(ctx context.Context, shard id.Shard, r Replay, limit int) ([]id.Seq, error)
}

// Message is what is told: one of the messages of an event.
type Message struct {
	Shard id.Shard
	Event event.Event
	Sub   int64 // 0: the event itself; 1: the balance that changed along
	// Setting is Delivery.Setting, for Format.Render; "" where it was not kept.
	Setting string
}

// ID is the public id of the message, the same on every attempt and replay.
func (m Message) ID() string { return event.MessageID(m.Shard, m.Event.Seq+m.Sub) }

// Type is the type of the message.
func (m Message) Type() event.Type { return m.Event.MessageType(m.Sub) }

// Renderer writes the bodies of one format. It reads what it needs besides the
// event (objects that never change), many messages at once.
type Renderer interface {
	// Render gives one JSON body per message, in order. A body depends on nothing
	// but its message, so that every attempt sends the same one.
	Render(ctx context.Context, messages []Message) ([][]byte, error)
}

// Wants tells whether the endpoint asked for messages of a type.
func (e Endpoint) Wants(t event.Type) bool {
	if e.Types == "*" {
		return true
	}
	for have := range strings.FieldsSeq(e.Types) {
		if have == string(t) {
			return true
		}
	}
	return false
}

// Told tells whether a message goes to the endpoint. A test goes to the one it is
// for and to no other, whatever they asked for.
func (e Endpoint) Told(m Message) bool {
	switch {
	case e.State == Deleted || m.Event.Merchant != e.Merchant || m.Event.Seq < e.FirstEvent, Notice(m.Event.Type):
		return false
	case m.Event.Type == event.EndpointTested:
		return m.Event.Subject == e.Seq
	case e.OwnOnly && strings.HasPrefix(string(m.Type()), "withdrawal.") && m.Event.Origin != "" && m.Event.Origin != e.Format:
		return false
	}
	return e.Wants(m.Type())
}

// LogValue keeps keys out of logs.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

// String keeps keys out of everything that prints.
func (e Endpoint) String() string { return "endpoint " + e.URL + " (" + string(e.State) + ")" }
