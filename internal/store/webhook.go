package store

import (
	"context"

	"sluice/internal/id"
	"sluice/internal/webhook"
)

var endpoints = bindTable(webhook.Endpoints, "seq", seqKey,
	`seq merchant url types format description options own_only state disabled_reason secret signing_key previous_secret previous_signing_key previous_until
	rate_per_second first_event failing_since failures notices_sent trips successes paused_until created_at updated_at version`,
	func(e *webhook.Endpoint, f []any) []any {
		return append(f, &e.Seq, &e.Merchant, &e.URL, &e.Types, &e.Format, &e.Description, &e.Options, &e.OwnOnly, (*string)(&e.State), &e.DisabledReason,
			&e.Secret, &e.SigningKey, &e.PreviousSecret, &e.PreviousSigningKey, &e.PreviousUntil,
			&e.RatePerSecond, &e.FirstEvent, &e.FailingSince, &e.Failures, &e.NoticesSent, &e.Trips, &e.Successes, &e.PausedUntil,
			&e.CreatedAt, &e.UpdatedAt, &e.Version)
	})

var tallies = uncovered(bindTable(webhook.Tallies, "merchant", seqKey, "merchant endpoints version",
	func(t *webhook.Tally, f []any) []any { return append(f, &t.Merchant, &t.Endpoints, &t.Version) }))

var deliveries = uncovered(bindTable(webhook.Deliveries, "seq", seqKey,
	`seq merchant endpoint event_seq sub type setting package state lane attempts round next_at last_status last_error created_at done_at version`,
	func(d *webhook.Delivery, f []any) []any {
		return append(f, &d.Seq, &d.Merchant, &d.Endpoint, &d.EventSeq, &d.Sub, &d.Type, &d.Setting, &d.Package, (*string)(&d.State), (*int64)(&d.Lane),
			&d.Attempts, &d.Round, &d.NextAt, &d.LastStatus, &d.LastError, &d.CreatedAt, &d.DoneAt, &d.Version)
	}))

var webhookAttempts = uncovered(bindLog(webhook.Attempts,
	"seq delivery endpoint merchant number at address status duration_us error_class error_text body signed_at sent_hash sent_bytes",
	func(a *webhook.Attempt, f []any) []any {
		return append(f, &a.Seq, &a.Delivery, &a.Endpoint, &a.Merchant, &a.Number, &a.At, &a.Address, &a.Status, &a.DurationMicros,
			&a.ErrorClass, &a.ErrorText, &a.Body, &a.SignedAt, &a.SentHash, &a.SentBytes)
	}))

var cursors = uncovered(bindTable(webhook.Cursors, "name",
	func(k *string, f []any) []any { return append(f, k) },
	"name event version",
	func(c *webhook.Cursor, f []any) []any { return append(f, &c.Name, &c.Event, &c.Version) }))

var replays = uncovered(bindTable(webhook.Replays, "seq", seqKey,
	"seq merchant endpoint want type since until state after deliveries actor created_at done_at version",
	func(r *webhook.Replay, f []any) []any {
		return append(f, &r.Seq, &r.Merchant, &r.Endpoint, (*string)(&r.Want), &r.Type, &r.Since, &r.Until, (*string)(&r.State), &r.After,
			&r.Deliveries, &r.Actor, &r.CreatedAt, &r.DoneAt, &r.Version)
	}))

// Endpoint finds a webhook endpoint.
func (db *DB) Endpoint(ctx context.Context, at id.ID) (webhook.Endpoint, bool, error) {
	return bySeq(ctx, db, endpoints, at)
}

// Endpoints lists the endpoints of a merchant that are not deleted, oldest first.
func (db *DB) Endpoints(ctx context.Context, owner id.ID) ([]webhook.Endpoint, error) {
	return query(ctx, db.engine, endpoints, "WHERE t.shard = $1 AND t.merchant = $2 AND t.state <> 'deleted' ORDER BY t.seq", owner.Shard, owner.Seq)
}

// Replay finds a replay.
func (db *DB) Replay(ctx context.Context, at id.ID) (webhook.Replay, bool, error) {
	return bySeq(ctx, db, replays, at)
}

// Delivery finds a delivery.
func (db *DB) Delivery(ctx context.Context, at id.ID) (webhook.Delivery, bool, error) {
	return bySeq(ctx, db, deliveries, at)
}

// Deliveries lists the deliveries of an endpoint, newest first, before the one given
// (0 for the first page); state "" for all.
func (db *DB) Deliveries(ctx context.Context, endpoint id.ID, state webhook.DeliveryState, before id.Seq, limit int) ([]webhook.Delivery, error) {
	var c conditions
	c.add("t.shard = $?", endpoint.Shard)
	c.add("t.endpoint = $?", endpoint.Seq)
	if state != "" {
		c.add("t.state = $?", string(state))
	}
	c.before(before)
	return query(ctx, db.engine, deliveries, c.newestFirst(limit), c.args...)
}

// AttemptsOf lists the attempts of a delivery, oldest first.
func (db *DB) AttemptsOf(ctx context.Context, delivery id.ID) ([]webhook.Attempt, error) {
	return query(ctx, db.engine, webhookAttempts, "WHERE t.shard = $1 AND t.delivery = $2 AND t.seq > 0 ORDER BY t.seq", delivery.Shard, delivery.Seq)
}
