// Package webhook tells merchants what happened. An endpoint is where a merchant
// wants to be told; a delivery is one message on its way to one endpoint; an
// attempt is one time that it was sent. Deliveries follow from the event log: a
// cursor per shard says how far the log has been fanned out. The package holds the
// rows, the commands, and the signatures; sending is package deliver's.
package webhook

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
)

// EndpointState says whether an endpoint is told.
type EndpointState string

// The states of an endpoint.
const (
	Enabled  EndpointState = "enabled"
	Disabled EndpointState = "disabled" // by its owner, by itself (410), or after days of nothing but failures
	Deleted  EndpointState = "deleted"  // for ever; the row stays for the log of its deliveries
)

// Endpoint is a URL that a merchant wants to be told at, with its own keys.
type Endpoint struct {
	Seq            id.Seq
	Merchant       id.Seq
	URL            string
	Types          string // event types joined by blanks, or "*" for all
	Format         string // how it is told: one of Formats
	Description    string
	Options        string // of the format, as it writes them; "" for none
	OwnOnly        bool   // of withdrawals, it is for those alone that came in by the surface of its format
	State          EndpointState
	DisabledReason string // for a person; "" while enabled
	// The keys of FormatNative, in their public forms, whsec_ and whsk_, or sealed for this
	// row: Opened has them readable. Until
	// PreviousUntil the ones before sign as well. Other formats sign with the keys of
	// the merchant's credentials and have none here.
	Secret             string
	SigningKey         string
	PreviousSecret     string
	PreviousSigningKey string
	PreviousUntil      time.Time // zero: none
	RatePerSecond      int64     // at most so many requests per second; 0: no limit
	// FirstEvent is the first event sequence it is told of: nothing from before it was made.
	FirstEvent int64
	// What its failures amount to. All zero while it works.
	FailingSince time.Time // first failure after the last success
	NoticesSent  int64     // of the notices on the way to being disabled
	Breaker
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}

// Endpoints is the table of endpoints.
var Endpoints = commit.NewTable("webhook_endpoint", func(e *Endpoint) id.Seq { return e.Seq })

// DeliveryState is where a delivery is.
type DeliveryState string

// The states of a delivery.
const (
	Pending   DeliveryState = "pending"   // is sent when NextAt has come
	Delivered DeliveryState = "delivered" // the endpoint acknowledged it
	Dead      DeliveryState = "dead"      // every attempt of the schedule failed; only a replay sends it again
	Skipped   DeliveryState = "skipped"   // the endpoint is disabled, or its format has nothing to tell; only a replay sends it again
)

// Lane orders the deliveries of one endpoint: a lower lane goes first, so that
// neither retries nor a replay of a million old messages hold up a new one.
type Lane int64

// The lanes.
const (
	LaneNew    Lane = 0
	LaneRetry  Lane = 1
	LaneReplay Lane = 2
)

// Lanes is all of them, first come first.
var Lanes = []Lane{LaneNew, LaneRetry, LaneReplay}

// Delivery is one message on its way to one endpoint. A replay uses the same row,
// so the message keeps its id.
type Delivery struct {
	Seq      id.Seq
	Merchant id.Seq
	Endpoint id.Seq
	EventSeq int64  // Seq of the event row
	Sub      int64  // 0: the event's first message; 1: its balance message
	Type     string // of the message
	// Setting is what the format says that bodies depend on, as it was when the delivery
	// was made; "" for none. See Varying.
	Setting string
	Package int64 // of formats that send several in one request: names the request it was first sent in; 0 before
	State   DeliveryState
	Lane    Lane
	// Attempts counts all attempts ever made; Round how many of them were made
	// before the schedule was last begun anew by a replay.
	Attempts int64
	Round    int64
	// NextAt is when it may be sent. Who claims it moves it ahead to the end of
	// the claim, so a claim that is not followed by a record ends by itself.
	NextAt     time.Time
	LastStatus int64  // HTTP status of the last attempt; 0: no answer
	LastError  string // class of the last failure; "" for none
	CreatedAt  time.Time
	DoneAt     time.Time // when it left Pending; zero while pending
	Version    int64
}

// Message is the sequence of the message in its shard: it names the message for ever.
func (d Delivery) Message() int64 { return d.EventSeq + d.Sub }

// Deliveries is the table of deliveries. Reads that stay fast with millions of
// rows need an index over (endpoint, lane, next_at) of the pending ones.
var Deliveries = commit.NewTable("webhook_delivery", func(d *Delivery) id.Seq { return d.Seq })

// Attempt is one time that a delivery was sent. Never changed.
type Attempt struct {
	Seq            id.Seq
	Delivery       id.Seq
	Endpoint       id.Seq
	Merchant       id.Seq
	Number         int64     // 1 for the first one ever of its delivery
	At             time.Time // when it began
	Address        string    // host:port that was dialled; "" when none was
	Status         int64     // HTTP status; 0: no answer
	DurationMicros int64
	ErrorClass     string // a Class; "" for success
	ErrorText      string // for a person, at most MaxErrorText bytes
	Body           []byte // of the answer, at most MaxStoredBody bytes
	// What was signed: the message id, this time in Unix seconds, and the body with this hash and length.
	SignedAt  int64
	SentHash  []byte // SHA-256
	SentBytes int64
}

// Attempts is the log of attempts.
var Attempts = commit.NewLog[Attempt]("webhook_attempt")

// CursorName names the cursor of all endpoints but those that are held back, see BehindName.
const CursorName = "webhook"

// Cursor says how far the event log of a shard has been worked through.
type Cursor struct {
	Name    string
	Event   int64 // the last event sequence, of a message, that is done with
	Version int64
}

// Cursors is the table of cursors.
var Cursors = commit.NewTable("event_cursor", func(c *Cursor) string { return c.Name })

// ReplayState is where a replay is.
type ReplayState string

// The states of a replay.
const (
	ReplayRunning ReplayState = "running"
	ReplayDone    ReplayState = "done"
)

// Replay is a task: send many deliveries of one endpoint again. A worker carries
// it out in pages; After is how far it has come.
type Replay struct {
	Seq        id.Seq
	Merchant   id.Seq
	Endpoint   id.Seq
	Want       DeliveryState // only deliveries in this state; "" for all that are not pending
	Type       string        // only messages of this type; "" for all
	Since      time.Time     // only deliveries made at or after; zero: no bound
	Until      time.Time     // only deliveries made before; the time of the replay at the latest
	State      ReplayState
	After      id.Seq // deliveries up to this one are done with
	Deliveries int64  // how many were sent again so far
	Actor      string
	CreatedAt  time.Time
	DoneAt     time.Time // zero while running
	Version    int64
}

// Replays is the table of replays.
var Replays = commit.NewTable("webhook_replay", func(r *Replay) id.Seq { return r.Seq })

// Bounds of what is kept of an answer.
const (
	MaxStoredBody = 4 << 10
	MaxErrorText  = 500
)
