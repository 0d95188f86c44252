package store

import (
	"sluice/internal/webhook"
)

var endpoints = bindTable(webhook.Endpoints, "seq", seqKey,
	`seq merchant url types format description state disabled_reason secret signing_key previous_secret previous_signing_key previous_until
	rate_per_second first_event failing_since failures notices_sent trips successes paused_until created_at updated_at version`,
	func(e *webhook.Endpoint, f []any) []any {
		return append(f, &e.Seq, &e.Merchant, &e.URL, &e.Types, &e.Format, &e.Description, (*string)(&e.State), &e.DisabledReason,
			&e.Secret, &e.SigningKey, &e.PreviousSecret, &e.PreviousSigningKey, &e.PreviousUntil,
			&e.RatePerSecond, &e.FirstEvent, &e.FailingSince, &e.Failures, &e.NoticesSent, &e.Trips, &e.Successes, &e.PausedUntil,
			&e.CreatedAt, &e.UpdatedAt, &e.Version)
	})

var deliveries = bindTable(webhook.Deliveries, "seq", seqKey,
	`seq merchant endpoint event_seq sub type state lane attempts round next_at last_status last_error created_at done_at version`,
	func(d *webhook.Delivery, f []any) []any {
		return append(f, &d.Seq, &d.Merchant, &d.Endpoint, &d.EventSeq, &d.Sub, &d.Type, (*string)(&d.State), (*int64)(&d.Lane),
			&d.Attempts, &d.Round, &d.NextAt, &d.LastStatus, &d.LastError, &d.CreatedAt, &d.DoneAt, &d.Version)
	})

var webhookAttempts = bindLog(webhook.Attempts,
	"seq delivery endpoint merchant number at address status duration_us error_class error_text body signed_at sent_hash sent_bytes",
	func(a *webhook.Attempt, f []any) []any {
		return append(f, &a.Seq, &a.Delivery, &a.Endpoint, &a.Merchant, &a.Number, &a.At, &a.Address, &a.Status, &a.DurationMicros,
			&a.ErrorClass, &a.ErrorText, &a.Body, &a.SignedAt, &a.SentHash, &a.SentBytes)
	})

var cursors = bindTable(webhook.Cursors, "name",
	func(k *string, f []any) []any { return append(f, k) },
	"name event version",
	func(c *webhook.Cursor, f []any) []any { return append(f, &c.Name, &c.Event, &c.Version) })

var replays = bindTable(webhook.Replays, "seq", seqKey,
	"seq merchant endpoint want type since until state after deliveries actor created_at done_at version",
	func(r *webhook.Replay, f []any) []any {
		return append(f, &r.Seq, &r.Merchant, &r.Endpoint, (*string)(&r.Want), &r.Type, &r.Since, &r.Until, (*string)(&r.State), &r.After,
			&r.Deliveries, &r.Actor, &r.CreatedAt, &r.DoneAt, &r.Version)
	})
