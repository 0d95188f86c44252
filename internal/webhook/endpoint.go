package webhook

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant"
)

// Bounds of an endpoint's fields.
const (
	MaxURL         = 2048
	MaxDescription = 500
	MaxRate        = 10_000 // requests per second
	MaxOptions     = 4096
	MaxOverlap     = 7 * 24 * time.Hour
	// DefaultOverlap is how long replaced keys sign on when nobody says otherwise.
	DefaultOverlap = 24 * time.Hour
)

// CreateEndpoint adds an endpoint. Its keys were made by NewSecret and
// NewSigningKey; formats other than FormatNative have none. One of those may have no URL,
// where every message brings its own. With Ping a test message is sent to it.
type CreateEndpoint struct {
	Merchant      id.Seq
	URL           string
	Types         []string // event types; "*" alone for all
	Format        string   // "" means FormatNative
	Description   string
	RatePerSecond int64
	Secret        string
	SigningKey    string
	Ping          bool
	OwnOnly       bool // see Endpoint
	AllowHTTP     bool // plain http and every address are accepted: test installations only
	// Ranges are private addresses that may be written into a URL all the same.
	Ranges []netip.Prefix
	// Options are the format's own, up to MaxOptions bytes; whoever submits them has
	// checked them. With Waiting it is told nothing until it is enabled.
	Options string
	Waiting bool
	// Limit is how many endpoints the merchant may have; 0: DefaultEndpoints.
	Limit int64
	Actor string
}

// waiting is the reason of an endpoint that was made to be enabled later.
const waiting = "not enabled yet"

var errOptions = fault.Bad("options_too_long", "options", "the options of an endpoint have at most %d bytes", MaxOptions)

// Reads implements commit.Command.
func (c CreateEndpoint) Reads(w *commit.Wants) {
	merchant.Merchants.Want(w, c.Merchant)
	Tallies.Want(w, c.Merchant)
}

// Apply implements commit.Command.
func (c CreateEndpoint) Apply(v *commit.View) (Endpoint, error) {
	if _, ok := merchant.Merchants.Get(v, c.Merchant); !ok {
		return Endpoint{}, fault.New(fault.NotFound, "not_found", "no such merchant")
	}
	e := Endpoint{
		Seq: v.NewID(), Merchant: c.Merchant, Format: c.Format, State: Enabled, Secret: c.Secret, SigningKey: c.SigningKey,
		OwnOnly: c.OwnOnly, FirstEvent: v.NextEvents(0), CreatedAt: v.Now(), UpdatedAt: v.Now(), Version: 1,
	}
	if e.Format == "" {
		e.Format = FormatNative
	}
	if !slices.Contains(Formats, e.Format) {
		return Endpoint{}, fault.Bad("unknown_format", "format", "%q is not a format; there are %s", c.Format, strings.Join(Formats, ", "))
	}
	types := typesOf(e.Format, c.Types)
	if types == nil {
		types = []string{} // none named, which set refuses; nil would leave them as they are
	}
	if err := e.set(&c.URL, types, &c.Description, &c.RatePerSecond, c.AllowHTTP, c.Ranges); err != nil {
		return Endpoint{}, err
	}
	if err := e.checkKeys(v.Now()); err != nil {
		return Endpoint{}, err
	}
	if err := e.seal(v); err != nil {
		return Endpoint{}, err
	}
	if e.Options = c.Options; len(e.Options) > MaxOptions {
		return Endpoint{}, errOptions
	}
	if err := count(v, c.Merchant, 1, cmp.Or(c.Limit, DefaultEndpoints)); err != nil {
		return Endpoint{}, err
	}
	if c.Waiting {
		e.State, e.DisabledReason = Disabled, waiting
	}
	Endpoints.Insert(v, e)
	if c.Ping {
		tested(v, e, c.Actor)
	}
	return e, nil
}

// Answer implements commit.Answerer.
func (e Endpoint) Answer() commit.Answer { return commit.Answer{Ref: e.Seq} }

// set checks and sets what an owner chooses; nil leaves a field as it is.
func (e *Endpoint) set(to *string, types []string, description *string, rate *int64, allowHTTP bool, ranges []netip.Prefix) error {
	if to != nil {
		if *to != "" || e.Format == FormatNative {
			if err := CheckURL(*to, allowHTTP, ranges...); err != nil {
				return err
			}
		}
		e.URL = *to
	}
	if types != nil {
		if err := checkTypes(types); err != nil {
			return err
		}
		e.Types = strings.Join(types, " ")
	}
	if description != nil {
		if len(*description) > MaxDescription {
			return fault.Bad("description_too_long", "description", "a description has at most %d bytes", MaxDescription)
		}
		e.Description = *description
	}
	if rate != nil {
		if *rate < 0 || *rate > MaxRate {
			return fault.Bad("invalid_rate", "rate_per_second", "the rate is 1 to %d requests per second, or 0 for no limit", MaxRate)
		}
		e.RatePerSecond = *rate
	}
	return nil
}

// checkKeys refuses keys that cannot be used.
func (e Endpoint) checkKeys(now time.Time) error {
	if e.Format != FormatNative {
		if e.Secret != "" || e.SigningKey != "" {
			return fault.Bad("invalid_key", "secret", "endpoints of the format %s are signed to with the credentials of the merchant", e.Format)
		}
		return nil
	}
	if _, err := NewSigner(e, now); err != nil {
		return fault.Bad("invalid_key", "secret", "%s", err)
	}
	return nil
}

func checkTypes(types []string) error {
	if len(types) == 1 && types[0] == "*" {
		return nil
	}
	if len(types) == 0 {
		return fault.Bad("event_types_required", "event_types", `name the event types that the endpoint is for, or "*" alone for all`)
	}
	seen := map[string]bool{}
	for n, t := range types {
		path := fmt.Sprintf("event_types[%d]", n)
		if !known(t) {
			return fault.Bad("unknown_event_type", path, "%q is not an event type", t)
		}
		if Notice(event.Type(t)) {
			return fault.Bad("event_type_not_sent", path, "%s is not sent to endpoints: read it with GET /v1/events, or look at the state of the endpoint", t)
		}
		if seen[t] {
			return fault.Bad("duplicate_event_type", path, "%q stands there twice", t)
		}
		seen[t] = true
	}
	return nil
}

func known(t string) bool {
	for _, k := range event.All {
		if string(k.Type) == t {
			return true
		}
	}
	return false
}

// owned is the part that commands on one existing endpoint share.
type owned struct {
	Merchant id.Seq // whose it has to be
	Endpoint id.Seq
}

// Reads implements commit.Command.
func (c owned) Reads(w *commit.Wants) { Endpoints.Want(w, c.Endpoint) }

func (c owned) get(v *commit.View) (Endpoint, error) {
	e, ok := Endpoints.Get(v, c.Endpoint)
	if !ok || e.Merchant != c.Merchant || e.State == Deleted {
		return e, errNoEndpoint()
	}
	return e, nil
}

func errNoEndpoint() error {
	return fault.New(fault.NotFound, "endpoint_not_found", "no such webhook endpoint")
}

// put writes the next version.
func (e Endpoint) put(v *commit.View) Endpoint {
	e.UpdatedAt, e.Version = v.Now(), e.Version+1
	Endpoints.Put(v, e)
	return e
}

// UpdateEndpoint changes what its owner chooses; nil leaves a field as it is. One
// that is enabled again begins with a cool-down: what failed for days is not
// flooded at once.
type UpdateEndpoint struct {
	owned
	URL           *string
	Types         []string // nil: as it is
	Description   *string
	RatePerSecond *int64
	Options       *string
	OwnOnly       *bool
	State         EndpointState // Enabled, Disabled, or "" for as it is
	AllowHTTP     bool
	Ranges        []netip.Prefix // as in CreateEndpoint
	Actor         string
}

// NewUpdateEndpoint makes the command; the caller fills in what changes.
func NewUpdateEndpoint(merchant, endpoint id.Seq, actor string) UpdateEndpoint {
	return UpdateEndpoint{owned: owned{merchant, endpoint}, Actor: actor}
}

// Apply implements commit.Command.
func (c UpdateEndpoint) Apply(v *commit.View) (Endpoint, error) {
	e, err := c.get(v)
	if err != nil {
		return Endpoint{}, err
	}
	was := e
	if err := e.set(c.URL, c.Types, c.Description, c.RatePerSecond, c.AllowHTTP, c.Ranges); err != nil {
		return Endpoint{}, err
	}
	if c.Options != nil {
		if e.Options = *c.Options; len(e.Options) > MaxOptions {
			return Endpoint{}, errOptions
		}
	}
	if c.OwnOnly != nil {
		e.OwnOnly = *c.OwnOnly
	}
	switch {
	case c.State == Enabled && was.State == Disabled && was.DisabledReason == waiting:
		e.State, e.DisabledReason = Enabled, "" // it has failed nothing yet
	case c.State != "" && c.State != Enabled && c.State != Disabled:
		return Endpoint{}, fault.Bad("invalid_state", "state", "an endpoint can be made enabled or disabled")
	case c.State == Enabled && was.State == Disabled:
		e.State, e.DisabledReason, e.FailingSince, e.Failures, e.NoticesSent = Enabled, "", time.Time{}, 0, 0
		e.Trips, e.Successes = max(e.Trips, 1), 0
		e.PausedUntil = v.Now().Add(coolDown(1))
	case c.State == Disabled && was.State == Enabled:
		e = disable(v, e, "disabled by its owner", c.Actor)
	case e.URL != was.URL:
		// Another receiver has failed nothing yet. An open breaker stays open, or
		// changing the URL to and fro would reset it.
		e.FailingSince, e.Failures, e.NoticesSent = time.Time{}, 0, 0
	}
	return e.put(v), nil
}

// disable ends the sending to an endpoint and tells of it. The caller puts the row.
func disable(v *commit.View, e Endpoint, reason, actor string) Endpoint {
	e.State, e.DisabledReason = Disabled, reason
	tell(v, e, event.EndpointDisabled, reason, actor)
	return e
}

// tell writes an event about an endpoint that is about to be put.
func tell(v *commit.View, e Endpoint, typ event.Type, reason, actor string) {
	data, err := json.Marshal(map[string]string{"url": e.URL})
	if err != nil {
		panic(err) // texts only: cannot happen
	}
	event.Append(v, event.Event{
		Type: typ, Merchant: e.Merchant, Subject: e.Seq, Version: e.Version + 1, State: string(e.State), Actor: actor, Reason: reason, Data: data,
	})
}

// DeleteEndpoint ends an endpoint for ever and forgets its keys. Its deliveries
// stay in the log. A deleted one is answered the same.
type DeleteEndpoint struct {
	owned
	Actor string
}

// NewDeleteEndpoint makes the command.
func NewDeleteEndpoint(merchant, endpoint id.Seq, actor string) DeleteEndpoint {
	return DeleteEndpoint{owned{merchant, endpoint}, actor}
}

// Reads implements commit.Command.
func (c DeleteEndpoint) Reads(w *commit.Wants) {
	c.owned.Reads(w)
	Tallies.Want(w, c.Merchant)
}

// Apply implements commit.Command.
func (c DeleteEndpoint) Apply(v *commit.View) (Endpoint, error) {
	e, ok := Endpoints.Get(v, c.Endpoint)
	if !ok || e.Merchant != c.Merchant {
		return Endpoint{}, errNoEndpoint()
	}
	if e.State == Deleted {
		return e, nil
	}
	if err := count(v, c.Merchant, -1, 0); err != nil {
		return Endpoint{}, err
	}
	e.State, e.DisabledReason, e.PreviousUntil = Deleted, "deleted by its owner", time.Time{}
	e.Secret, e.SigningKey, e.PreviousSecret, e.PreviousSigningKey = "", "", "", ""
	return e.put(v), nil
}

// RotateSecret gives an endpoint new keys, both kinds. The ones it had sign on for
// Overlap, so that receivers can change at their own time; the ones before those
// end at once.
type RotateSecret struct {
	owned
	Secret     string
	SigningKey string
	Overlap    time.Duration // 0 to MaxOverlap
	Actor      string
}

// NewRotateSecret makes the command.
func NewRotateSecret(merchant, endpoint id.Seq, secret, signingKey string, overlap time.Duration, actor string) RotateSecret {
	return RotateSecret{owned{merchant, endpoint}, secret, signingKey, overlap, actor}
}

// Apply implements commit.Command.
func (c RotateSecret) Apply(v *commit.View) (Endpoint, error) {
	e, err := c.get(v)
	if err != nil {
		return Endpoint{}, err
	}
	if e.Format != FormatNative {
		return Endpoint{}, fault.New(fault.Conflict, "keys_elsewhere", "endpoints of the format %s are signed to with the credentials of the merchant: add a new one there, and revoke the old one", e.Format)
	}
	if c.Overlap < 0 || c.Overlap > MaxOverlap {
		return Endpoint{}, fault.Bad("invalid_overlap", "overlap", "replaced keys sign on for 0 to %d days", int(MaxOverlap.Hours()/24))
	}
	if c.Overlap > 0 {
		if e, err = e.Opened(v.Keys(), v.Shard()); err != nil {
			return Endpoint{}, err
		}
	}
	e.PreviousSecret, e.PreviousSigningKey, e.PreviousUntil = "", "", time.Time{}
	if c.Overlap > 0 {
		e.PreviousSecret, e.PreviousSigningKey, e.PreviousUntil = e.Secret, e.SigningKey, v.Now().Add(c.Overlap)
	}
	e.Secret, e.SigningKey = c.Secret, c.SigningKey
	if err := e.checkKeys(v.Now()); err != nil {
		return Endpoint{}, err
	}
	if err := e.seal(v); err != nil {
		return Endpoint{}, err
	}
	return e.put(v), nil
}

// SendTest sends a test message to one endpoint and to no other.
type SendTest struct {
	owned
	Actor string
}

// NewSendTest makes the command.
func NewSendTest(merchant, endpoint id.Seq, actor string) SendTest {
	return SendTest{owned{merchant, endpoint}, actor}
}

// Apply implements commit.Command.
func (c SendTest) Apply(v *commit.View) (Endpoint, error) {
	e, err := c.get(v)
	if err != nil {
		return Endpoint{}, err
	}
	if e.State != Enabled {
		return Endpoint{}, errDisabled(v, e)
	}
	tested(v, e, c.Actor)
	return e, nil
}

func tested(v *commit.View, e Endpoint, actor string) {
	e.Version-- // a test changes nothing
	tell(v, e, event.EndpointTested, "", actor)
}

func errDisabled(v *commit.View, e Endpoint) error {
	return fault.New(fault.Conflict, "endpoint_disabled", "the webhook endpoint is %s; enable it first", e.State).
		With("endpoint", v.ID(e.Seq).Text(id.Endpoint))
}
