package api

import (
	"crypto/rand"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/webhook"
)

// WebhookRules says which webhook URLs are taken.
type WebhookRules struct {
	// AllowHTTP takes plain http. For demonstration and development only.
	AllowHTTP bool
	// Ranges are private addresses that messages may go to.
	Ranges []netip.Prefix
	// Limit is how many endpoints a merchant may have; 0: webhook.DefaultEndpoints.
	Limit int64
}

var (
	errNoEndpoint = fault.New(fault.NotFound, "endpoint_not_found", "no such webhook endpoint")
	errNoDelivery = fault.New(fault.NotFound, "delivery_not_found", "no such webhook delivery")
	errNoReplay   = fault.New(fault.NotFound, "replay_not_found", "no such replay")
)

// eventTypesMax is more than there are types.
const eventTypesMax = 100

// endpoint writes an endpoint. keys is set only when they have just been made: they
// are shown once.
func (o objects) endpoint(e webhook.Endpoint, keys bool) {
	o.head(id.Endpoint, "webhook_endpoint", e.Seq, e.Version)
	o.text("url", e.URL)
	o.plain("format", e.Format)
	o.list("event_types")
	for t := range strings.FieldsSeq(e.Types) {
		o.item(t)
	}
	o.endList()
	o.maybe("description", e.Description)
	o.number("rate_per_second", e.RatePerSecond)
	o.boolean("own_only", e.OwnOnly)
	o.plain("state", string(e.State))
	o.maybe("disabled_reason", e.DisabledReason)
	o.keysOf(e, keys)
	o.time("previous_keys_until", e.PreviousUntil)
	o.time("failing_since", e.FailingSince)
	o.time("paused_until", e.PausedUntil)
	o.time("created_at", e.CreatedAt)
	o.time("updated_at", e.UpdatedAt)
	o.close()
}

// keysOf writes the keys of an endpoint. Those of other formats are the merchant's
// credentials, which are not shown here.
func (o objects) keysOf(e webhook.Endpoint, secret bool) {
	if e.Format != webhook.FormatNative {
		o.null("public_key")
		return
	}
	if secret {
		o.text("secret", e.Secret)
	}
	public, err := webhook.PublicKey(e.SigningKey)
	if err != nil {
		o.fail(err)
	}
	o.text("public_key", public)
}

// ownEndpoint is the endpoint in the path, if it is the caller's and was not deleted.
func (c *call) ownEndpoint() (webhook.Endpoint, error) {
	at, err := c.id(id.Endpoint, errNoEndpoint)
	if err != nil {
		return webhook.Endpoint{}, err
	}
	e, found, err := maybe(c.Reads.Endpoint(c.ctx(), at))
	if err == nil && (!found || !c.owns(e.Merchant) || e.State == webhook.Deleted) {
		err = errNoEndpoint
	}
	if err != nil {
		return e, err
	}
	return e.Opened(c.Seal, c.who.merchant.Shard)
}

// endpointOf is the endpoint that a command gave. A repeat gets it as it is now: its
// keys are not kept anywhere else.
func (c *call) endpointOf(out commit.Outcome[webhook.Endpoint]) (webhook.Endpoint, error) {
	if !out.Replayed {
		return out.Result.Opened(c.Seal, c.who.merchant.Shard)
	}
	e, err := one(c.Reads.Endpoint(c.ctx(), c.at(out.Answer.Ref)))
	if err == nil && e.State == webhook.Deleted {
		err = errNoEndpoint
	}
	if err != nil {
		return e, err
	}
	return e.Opened(c.Seal, c.who.merchant.Shard)
}

func newKeys() (secret, signing string, err error) {
	if secret, err = webhook.NewSecret(rand.Reader); err == nil {
		signing, err = webhook.NewSigningKey(rand.Reader)
	}
	return secret, signing, err
}

func createEndpoint(c *call) (int, error) {
	o := c.doc.body()
	cmd := webhook.CreateEndpoint{
		Merchant: c.who.merchant.Seq, URL: o.text("url"), Format: o.optional("format"), Types: o.texts("event_types", eventTypesMax), Description: o.optional("description"),
		Ping: true, AllowHTTP: c.Webhooks.AllowHTTP, Ranges: c.Webhooks.Ranges, Limit: c.Webhooks.Limit, Actor: c.who.actor,
	}
	cmd.RatePerSecond, _ = o.integer("rate_per_second", 0, webhook.MaxRate)
	cmd.OwnOnly, _ = o.boolean("own_only")
	if !o.has("event_types") {
		cmd.Types = []string{"*"}
	}
	o.end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	var err error
	if cmd.Format == "" || cmd.Format == webhook.FormatNative {
		if cmd.Secret, cmd.SigningKey, err = newKeys(); err != nil {
			return 0, err
		}
	}
	out, err := submit(c, cmd)
	if err != nil {
		return 0, err
	}
	e, err := c.endpointOf(out)
	if err != nil {
		return 0, err
	}
	c.location = "/v1/webhook_endpoints/" + c.at(e.Seq).Text(id.Endpoint)
	c.objects().endpoint(e, true)
	return http.StatusCreated, nil
}

func getEndpoint(c *call) (int, error) {
	e, err := c.ownEndpoint()
	if err != nil {
		return 0, err
	}
	c.objects().endpoint(e, false)
	return http.StatusOK, nil
}

func listEndpoints(c *call) (int, error) {
	if err := c.query().end(); err != nil {
		return 0, err
	}
	rows, err := c.Reads.Endpoints(c.ctx(), c.who.merchant)
	if err != nil {
		return 0, unavailable(err)
	}
	for i := range rows {
		if rows[i], err = rows[i].Opened(c.Seal, c.who.merchant.Shard); err != nil {
			return 0, err
		}
	}
	return list(c, page{limit: len(rows)}, rows, func(e webhook.Endpoint) id.Seq { return e.Seq },
		func(o objects, e webhook.Endpoint) { o.endpoint(e, false) })
}

func updateEndpoint(c *call) (int, error) {
	at, err := c.id(id.Endpoint, errNoEndpoint)
	if err != nil {
		return 0, err
	}
	o := c.doc.body()
	cmd := webhook.NewUpdateEndpoint(c.who.merchant.Seq, at.Seq, c.who.actor)
	cmd.AllowHTTP, cmd.Ranges = c.Webhooks.AllowHTTP, c.Webhooks.Ranges
	if o.has("url") {
		url := o.text("url")
		cmd.URL = &url
	}
	cmd.Types = o.texts("event_types", eventTypesMax)
	if o.has("description") {
		text := o.optional("description")
		cmd.Description = &text
	}
	if rate, given := o.integer("rate_per_second", 0, webhook.MaxRate); given {
		cmd.RatePerSecond = &rate
	}
	if only, given := o.boolean("own_only"); given {
		cmd.OwnOnly = &only
	}
	cmd.State = webhook.EndpointState(o.optional("state"))
	o.end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	out, err := submit(c, cmd)
	if err != nil {
		return 0, err
	}
	e, err := c.endpointOf(out)
	if err != nil {
		return 0, err
	}
	c.objects().endpoint(e, false)
	return http.StatusOK, nil
}

func deleteEndpoint(c *call) (int, error) {
	at, err := c.id(id.Endpoint, errNoEndpoint)
	if err != nil {
		return 0, err
	}
	_, err = submit(c, webhook.NewDeleteEndpoint(c.who.merchant.Seq, at.Seq, c.who.actor))
	return http.StatusNoContent, err
}

func rotateEndpoint(c *call) (int, error) {
	at, err := c.id(id.Endpoint, errNoEndpoint)
	if err != nil {
		return 0, err
	}
	o := c.doc.body()
	overlap := webhook.DefaultOverlap
	if s, given := o.integer("overlap_seconds", 0, int64(webhook.MaxOverlap/time.Second)); given {
		overlap = window(s)
	}
	o.end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	secret, signing, err := newKeys()
	if err != nil {
		return 0, err
	}
	out, err := submit(c, webhook.NewRotateSecret(c.who.merchant.Seq, at.Seq, secret, signing, overlap, c.who.actor))
	if err != nil {
		return 0, err
	}
	e, err := c.endpointOf(out)
	if err != nil {
		return 0, err
	}
	c.objects().endpoint(e, true)
	return http.StatusOK, nil
}

func testEndpoint(c *call) (int, error) {
	c.doc.body().end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	at, err := c.id(id.Endpoint, errNoEndpoint)
	if err != nil {
		return 0, err
	}
	if _, err := submit(c, webhook.NewSendTest(c.who.merchant.Seq, at.Seq, c.who.actor)); err != nil {
		return 0, err
	}
	return c.accepted("endpoint", at.Text(id.Endpoint), string(event.EndpointTested))
}

// accepted says that something will happen; it says the same on every repeat.
func (c *call) accepted(k, what, text string) (int, error) {
	c.w.open()
	c.w.plain("object", "accepted")
	c.w.plain(k, what)
	c.w.plain("type", text)
	c.w.close()
	return http.StatusAccepted, nil
}

func (o objects) delivery(d webhook.Delivery) {
	o.head(id.Delivery, "webhook_delivery", d.Seq, d.Version)
	o.deliveryFields(d)
	o.close()
}

func (o objects) deliveryFields(d webhook.Delivery) {
	o.ref("endpoint", id.Endpoint, d.Endpoint)
	o.plain("event", event.MessageID(o.shard, d.Message()))
	o.plain("type", d.Type)
	o.plain("state", string(d.State))
	o.number("attempts_made", d.Attempts)
	if d.State == webhook.Pending {
		o.time("next_attempt_at", d.NextAt)
	} else {
		o.null("next_attempt_at")
	}
	if d.LastStatus == 0 {
		o.null("last_status")
	} else {
		o.number("last_status", d.LastStatus)
	}
	o.maybe("last_error", d.LastError)
	o.time("created_at", d.CreatedAt)
	o.time("done_at", d.DoneAt)
}

func (o objects) attempt(a webhook.Attempt) {
	o.open()
	o.plain("object", "webhook_attempt")
	o.number("number", a.Number)
	o.time("at", a.At)
	o.maybe("address", a.Address)
	if a.Status == 0 {
		o.null("status")
	} else {
		o.number("status", a.Status)
	}
	o.number("duration_micros", a.DurationMicros)
	o.maybe("error_class", a.ErrorClass)
	o.maybe("error", a.ErrorText)
	o.text("response_body", string(a.Body))
	o.number("signed_at", a.SignedAt)
	o.plain("sent_sha256", hexText(a.SentHash))
	o.number("sent_bytes", a.SentBytes)
	o.close()
}

func listDeliveries(c *call) (int, error) {
	e, err := c.ownEndpoint()
	if err != nil {
		return 0, err
	}
	q := c.query()
	state := q.deliveryState()
	p, err := q.page(c.r.URL.Path)
	if err != nil {
		return 0, err
	}
	rows, err := c.Reads.Deliveries(c.ctx(), c.at(e.Seq), state, p.before, p.limit+1)
	if err != nil {
		return 0, unavailable(err)
	}
	return list(c, p, rows, func(d webhook.Delivery) id.Seq { return d.Seq }, objects.delivery)
}

// deliveryState is an optional state to filter by.
func (q *query) deliveryState() webhook.DeliveryState {
	return webhook.DeliveryState(q.choice("state", string(webhook.Pending), string(webhook.Delivered), string(webhook.Dead), string(webhook.Skipped)))
}

func getDelivery(c *call) (int, error) {
	at, err := c.id(id.Delivery, errNoDelivery)
	if err != nil {
		return 0, err
	}
	d, found, err := maybe(c.Reads.Delivery(c.ctx(), at))
	if err != nil {
		return 0, err
	}
	if !found || !c.owns(d.Merchant) {
		return 0, errNoDelivery
	}
	attempts, err := c.Reads.AttemptsOf(c.ctx(), at)
	if err != nil {
		return 0, unavailable(err)
	}
	o := c.objects()
	o.head(id.Delivery, "webhook_delivery", d.Seq, d.Version)
	o.deliveryFields(d)
	o.list("attempts")
	for _, a := range attempts {
		o.attempt(a)
	}
	o.endList()
	o.close()
	return http.StatusOK, nil
}

func replayDelivery(c *call) (int, error) {
	c.doc.body().end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	at, err := c.id(id.Delivery, errNoDelivery)
	if err != nil {
		return 0, err
	}
	if _, err := submit(c, webhook.ReplayOne{Merchant: c.who.merchant.Seq, Delivery: at.Seq, Actor: c.who.actor}); err != nil {
		return 0, err
	}
	return c.accepted("delivery", at.Text(id.Delivery), "webhook_delivery.replay")
}

func startReplay(c *call) (int, error) {
	at, err := c.id(id.Endpoint, errNoEndpoint)
	if err != nil {
		return 0, err
	}
	o := c.doc.body()
	cmd := webhook.NewStartReplay(c.who.merchant.Seq, at.Seq, c.who.actor)
	cmd.Want, cmd.Type = webhook.DeliveryState(o.optional("state")), o.optional("type")
	cmd.Since, cmd.Until = o.time("since"), o.time("until")
	o.end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	out, err := submit(c, cmd)
	if err != nil {
		return 0, err
	}
	r := out.Result
	if out.Replayed {
		if r, err = one(c.Reads.Replay(c.ctx(), c.at(out.Answer.Ref))); err != nil {
			return 0, err
		}
		r.State, r.Deliveries, r.DoneAt, r.Version = webhook.ReplayRunning, 0, time.Time{}, 1 // as it was made
	}
	c.location = "/v1/webhook_replays/" + c.at(r.Seq).Text(id.Replay)
	c.objects().replay(r)
	return http.StatusAccepted, nil
}

func (o objects) replay(r webhook.Replay) {
	o.head(id.Replay, "webhook_replay", r.Seq, r.Version)
	o.ref("endpoint", id.Endpoint, r.Endpoint)
	o.maybe("state_filter", string(r.Want))
	o.maybe("type_filter", r.Type)
	o.time("since", r.Since)
	o.time("until", r.Until)
	o.plain("state", string(r.State))
	o.number("deliveries", r.Deliveries)
	o.time("created_at", r.CreatedAt)
	o.time("done_at", r.DoneAt)
	o.close()
}

func getReplay(c *call) (int, error) {
	at, err := c.id(id.Replay, errNoReplay)
	if err != nil {
		return 0, err
	}
	r, found, err := maybe(c.Reads.Replay(c.ctx(), at))
	if err != nil {
		return 0, err
	}
	if !found || !c.owns(r.Merchant) {
		return 0, errNoReplay
	}
	c.objects().replay(r)
	return http.StatusOK, nil
}
