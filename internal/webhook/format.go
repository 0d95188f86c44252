package webhook

import (
	"context"
	"strconv"
	"time"

	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/seal"
)

// The formats of endpoints. FormatNative is this API's own; the others are those of
// the dialects and have the dialects' names.
const (
	FormatNative    = "native" // Standard Webhooks
	FormatCoinsPaid = "coinspaid"
	FormatTylt      = "tylt"
	FormatUpvest    = "upvest"
)

// Formats lists every format that an endpoint may have.
var Formats = []string{FormatNative, FormatCoinsPaid, FormatTylt, FormatUpvest}

// typesByFormat are the event types that a format other than FormatNative can tell of: what "*"
// means there.
var typesByFormat = map[string][]event.Type{
	FormatCoinsPaid: {
		event.WithdrawalReview, event.WithdrawalProcessing, event.WithdrawalBroadcast, event.WithdrawalConfirmed, event.WithdrawalFailed, event.WithdrawalCancelled, event.WithdrawalRejected,
		event.ConversionCompleted,
	},
	FormatUpvest: {
		event.AccountOpened, event.AccountClosed, event.CreditCreated, event.CreditSettled, event.CreditTakenBack, event.BalanceUpdated,
		event.WithdrawalCreated, event.WithdrawalProcessing, event.WithdrawalConfirmed,
		event.WithdrawalCancelled, event.WithdrawalRejected, event.WithdrawalFailed, event.WithdrawalReturned,
	},
	FormatTylt: {event.WithdrawalConfirmed, event.WithdrawalFailed, event.WithdrawalCancelled, event.WithdrawalRejected},
}

// typesOf gives the types an endpoint of a format is made with.
func typesOf(format string, types []string) []string {
	all := typesByFormat[format]
	if len(types) != 1 || types[0] != "*" || all == nil {
		return types
	}
	out := make([]string, len(all))
	for i, t := range all {
		out[i] = string(t)
	}
	return out
}

// Outgoing is what is sent for one message.
type Outgoing struct {
	// Body is sent byte for byte. nil: the format has nothing to tell here, and the
	// message is passed over.
	Body []byte
	// URL is where this message goes; "" for the endpoint's own URL.
	URL string
	// Key says which key signs it, in the format's own words; Signed has it again.
	Key string
	// Retry is when it is sent again; nil: as the format says.
	Retry *Retry
}

// Header is one header of a request.
type Header struct{ Name, Value string }

// Signed is what the headers of one attempt are made for.
type Signed struct {
	ID   string    // of the message
	At   time.Time // of the attempt
	URL  string    // where it is sent
	Key  string    // of Outgoing
	Body []byte    // exactly what is sent
}

// Keys are the keys of one endpoint, ready to sign.
type Keys interface {
	// Headers gives the headers of an attempt, its signature among them. They replace
	// those that every message has. An error keeps the attempt from being made.
	Headers(m Signed) ([]Header, error)
}

// Format is how the endpoints of one kind are told: what is written, how it is
// signed, what counts as an acknowledgement, and when a failure is tried again.
type Format interface {
	// Render writes messages for one endpoint, in order, one Outgoing each. It depends on
	// nothing but the message, its Setting and rows that never change, so that every
	// attempt of a delivery sends the same bytes.
	Render(ctx context.Context, shard id.Shard, e Endpoint, messages []Message) ([]Outgoing, error)
	// Keys loads the keys with which the endpoint is signed to at a time, and tells until
	// when they are right if the endpoint does not change; zero for ever.
	Keys(ctx context.Context, shard id.Shard, e Endpoint, at time.Time) (k Keys, until time.Time, err error)
	// Missing tells what an answer with a 2xx status lacks to be an acknowledgement, for
	// a person; "" for nothing. body is its beginning, up to MaxStoredBody bytes.
	Missing(status int64, body []byte) string
	// Retry says when a message that was not acknowledged is sent again.
	Retry() Retry
}

// Varying is a Format whose bodies depend on something that may change while messages
// wait: options of the endpoint or of a credential.
type Varying interface {
	Format
	// Setting gives all of that in one text, not empty, as it is now. It is kept with each
	// delivery that is made now, and every Render of it gets it back in Message.Setting.
	Setting(ctx context.Context, shard id.Shard, e Endpoint) (string, error)
}

// Packager is a Format that sends several messages in one request: what Render gives
// for each is a part of a package. One request at a time is under way for an endpoint.
type Packager interface {
	Format
	// Pack writes the body of a request from parts, in order; there is at least one.
	Pack(parts [][]byte) []byte
	// Bounds are how long a message may wait for others, at most 30 s, and up to how
	// many bytes of parts go into one request. A single part may be larger.
	Bounds(e Endpoint) (wait time.Duration, size int)
}

// Retry says when a message that was not acknowledged is sent again. The zero value
// is the schedule of FormatNative.
type Retry struct {
	// Waits are the waits before each attempt, without jitter, the first one included.
	Waits []time.Duration
	// Forever repeats the last wait without end; otherwise the delivery is dead after
	// the last attempt.
	Forever bool
	// Blocks keeps everything of the endpoint back until the message that failed is sent
	// again.
	Blocks bool
}

// MaxAttempts is how often a delivery is sent before it is dead; 0 for no end.
func (r Retry) MaxAttempts() int64 {
	switch {
	case len(r.Waits) == 0:
		return MaxAttempts
	case r.Forever:
		return 0
	}
	return int64(len(r.Waits))
}

// Wait is how long to wait before attempt n of a round, the first being 1, without
// jitter; 0 beyond the last one.
func (r Retry) Wait(n int64) time.Duration {
	switch {
	case len(r.Waits) == 0:
		return Wait(n)
	case n < 1:
		return 0
	case n <= int64(len(r.Waits)):
		return r.Waits[n-1]
	case r.Forever:
		return r.Waits[len(r.Waits)-1]
	}
	return 0
}

// Native is the format of this API: bodies of a Renderer, signatures of Standard
// Webhooks with the keys of the endpoint, any 2xx answer.
// keys open the keys of endpoints.
func Native(r Renderer, keys *seal.Ring) Format { return native{r, keys} }

type native struct {
	render Renderer
	keys   *seal.Ring
}

// Render implements Format.
func (n native) Render(ctx context.Context, _ id.Shard, _ Endpoint, messages []Message) ([]Outgoing, error) {
	bodies, err := n.render.Render(ctx, messages)
	if err != nil {
		return nil, err
	}
	out := make([]Outgoing, len(bodies))
	for i, b := range bodies {
		out[i].Body = b
	}
	return out, nil
}

// Keys implements Format.
func (n native) Keys(_ context.Context, shard id.Shard, e Endpoint, at time.Time) (Keys, time.Time, error) {
	e, err := e.Opened(n.keys, shard)
	if err != nil {
		return nil, time.Time{}, err
	}
	s, err := NewSigner(e, at)
	if err != nil {
		return nil, time.Time{}, err
	}
	if at.Before(e.PreviousUntil) {
		return s, e.PreviousUntil, nil
	}
	return s, time.Time{}, nil
}

// Missing implements Format.
func (native) Missing(int64, []byte) string { return "" }

// Retry implements Format.
func (native) Retry() Retry { return Retry{} }

// Headers implements Keys: the three headers of Standard Webhooks.
func (s *Signer) Headers(m Signed) ([]Header, error) {
	return []Header{
		{HeaderID, m.ID}, {HeaderTimestamp, strconv.FormatInt(m.At.Unix(), 10)}, {HeaderSignature, s.Sign(m.ID, m.At, m.Body)},
	}, nil
}
