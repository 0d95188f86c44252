package webhook

import (
	"fmt"
	"strings"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
)

// Class says how an attempt failed. Stable: classes are shown, counted, filtered by.
type Class string

// The classes.
const (
	ClassStatus  Class = "status"    // an answer that is not 2xx
	ClassAnswer  Class = "answer"    // a 2xx answer that lacks what the format asks for
	ClassTimeout Class = "timeout"   // no whole answer in time
	ClassDNS     Class = "dns"       // the name has no address
	ClassConnect Class = "connect"   // no connection
	ClassTLS     Class = "tls"       // no secure connection
	ClassBlocked Class = "blocked"   // the address or port must not be dialled
	ClassNetwork Class = "network"   // the connection broke, or what came is no HTTP
	ClassURL     Class = "url"       // nothing can be sent to such a URL
	ClassKeys    Class = "keys"      // the keys of the endpoint cannot be used
	ClassRender  Class = "rendering" // the body could not be written: our fault
)

// actor of everything that happens to an endpoint because of its answers.
const actor = "worker"

// RecordAttempt writes down one attempt and what follows from it: the delivery is
// delivered, waits for its next attempt, or is dead; the endpoint works, is paused,
// or is disabled. It is safe to submit again when its outcome was unknown.
type RecordAttempt struct {
	Delivery   Delivery      // as it was claimed
	Attempt    Attempt       // what happened; Seq, Number and the ids are filled in here
	RetryAfter time.Duration // what the endpoint asked for; 0: nothing
	Jitter     int64         // 0 to JitterMax, drawn by the caller
	Retry      Retry         // of the endpoint's format
	// Along says that what it means for the endpoint is told by the record of another
	// delivery, which the same request carried.
	Along bool
	// Own says that the message went to a URL of its own: it means nothing for the
	// endpoint, and 410 ends this delivery alone.
	Own bool
	// Package is Delivery.Package of a request that carried several deliveries; 0 for one
	// that can carry only one.
	Package int64
}

// Recorded is how things stand after an attempt.
type Recorded struct {
	Delivery Delivery
	Endpoint Endpoint
	Stale    bool  // the claim had ended and somebody else has the delivery
	Tripped  bool  // this attempt opened the circuit breaker
	Notice   int64 // per cent of the way to being disabled, if the owner is to be told now
}

// Succeeded tells whether the endpoint took the message: 2xx, and nothing that its
// format misses.
func (a Attempt) Succeeded() bool {
	return a.ErrorClass == "" && a.Status >= 200 && a.Status <= 299
}

// Reads implements commit.Command.
func (c RecordAttempt) Reads(w *commit.Wants) {
	Deliveries.Want(w, c.Delivery.Seq)
	Endpoints.Want(w, c.Delivery.Endpoint)
}

// Apply implements commit.Command.
func (c RecordAttempt) Apply(v *commit.View) (Recorded, error) {
	d, ok := Deliveries.Get(v, c.Delivery.Seq)
	if !ok {
		return Recorded{Stale: true}, nil // erased meanwhile
	}
	e, _ := Endpoints.Get(v, c.Delivery.Endpoint)
	switch {
	case d.Version == c.Delivery.Version && d.State == Pending:
	case d.Version == c.Delivery.Version+1 && d.Attempts > c.Delivery.Attempts:
		return Recorded{Delivery: d, Endpoint: e}, nil // this very record: it was submitted twice
	default:
		return c.stale(v, d, e), nil
	}
	out := Recorded{}
	d.Attempts++
	c.log(v, d, d.Attempts)
	if c.Attempt.Succeeded() {
		if !c.Along && !c.Own {
			e = e.works(v)
		}
		d = d.done(v, Delivered, c.Attempt)
	} else {
		if !c.Along && !c.Own && c.Attempt.ErrorClass != string(ClassRender) { // nothing was sent: not the endpoint's doing
			e, out.Tripped, out.Notice = e.fails(v, c.Attempt, c.RetryAfter)
		}
		d = c.failed(v, d, e)
		d.Package = c.Package
		if c.Retry.Blocks && d.State == Pending {
			d, e = blocks(v, d, e)
		}
	}
	d.Version++
	Deliveries.Put(v, d)
	out.Delivery, out.Endpoint = d, e
	return out, nil
}

// RecordPackage writes down an attempt for every delivery that its request carried, all at
// once: what failed together is sent again together. The results are in the same order.
type RecordPackage struct{ Attempts []RecordAttempt }

// Reads implements commit.Command.
func (c RecordPackage) Reads(w *commit.Wants) {
	for i := range c.Attempts {
		c.Attempts[i].Reads(w)
	}
}

// Apply implements commit.Command.
func (c RecordPackage) Apply(v *commit.View) ([]Recorded, error) {
	out := make([]Recorded, len(c.Attempts))
	for i := range c.Attempts {
		r, err := c.Attempts[i].Apply(v)
		if err != nil {
			return nil, err
		}
		out[i] = r
	}
	return out, nil
}

// stale records an attempt of somebody whose claim had ended. It happened, so it
// is in the log, and a message that arrived is not sent again; the rest is up to
// whoever has the delivery now.
func (c RecordAttempt) stale(v *commit.View, d Delivery, e Endpoint) Recorded {
	c.log(v, d, d.Attempts+1)
	if c.Attempt.Succeeded() && d.State == Pending && d.Round <= c.Delivery.Attempts {
		d.Attempts++
		d = d.done(v, Delivered, c.Attempt)
		d.Version++
		Deliveries.Put(v, d)
	}
	return Recorded{Delivery: d, Endpoint: e, Stale: true}
}

func (c RecordAttempt) log(v *commit.View, d Delivery, number int64) {
	a := c.Attempt
	a.Seq, a.Delivery, a.Endpoint, a.Merchant, a.Number = v.NewID(), d.Seq, d.Endpoint, d.Merchant, number
	// A cut text may end inside a character, which no store takes.
	a.ErrorText = strings.ToValidUTF8(a.ErrorText[:min(len(a.ErrorText), MaxErrorText)], "")
	a.Body = a.Body[:min(len(a.Body), MaxStoredBody)]
	Attempts.Append(v, a)
}

// done ends a delivery.
func (d Delivery) done(v *commit.View, s DeliveryState, a Attempt) Delivery {
	d.State, d.DoneAt, d.LastStatus, d.LastError = s, v.Now(), a.Status, a.ErrorClass
	return d
}

// failed decides what becomes of a delivery after a failure.
func (c RecordAttempt) failed(v *commit.View, d Delivery, e Endpoint) Delivery {
	made, most := d.Attempts-d.Round, c.Retry.MaxAttempts()
	switch {
	case e.State != Enabled:
		return d.done(v, Skipped, c.Attempt)
	case c.Own && c.Attempt.Gone():
		return d.done(v, Dead, c.Attempt)
	case most > 0 && made >= most:
		return d.done(v, Dead, c.Attempt)
	}
	wait := max(jittered(c.Retry.Wait(made+1), c.Jitter), min(c.RetryAfter, MaxRetryAfter))
	d.NextAt = v.Now().Add(wait).Truncate(time.Microsecond)
	d.Lane = max(d.Lane, LaneRetry)
	d.LastStatus, d.LastError = c.Attempt.Status, c.Attempt.ErrorClass
	return d
}

// blocks keeps an endpoint back for as long as a delivery would have to wait alone. The
// delivery itself is due since it was made, so that it is the first afterwards.
func blocks(v *commit.View, d Delivery, e Endpoint) (Delivery, Endpoint) {
	if d.NextAt.After(e.PausedUntil) {
		e.PausedUntil = d.NextAt
		e = e.put(v)
	}
	d.NextAt, d.Lane = d.CreatedAt, LaneNew
	return d, e
}

// works notes a success. One that has nothing to forget is not written.
func (e Endpoint) works(v *commit.View) Endpoint {
	if e.Failures == 0 && e.FailingSince.IsZero() && e.Trips == 0 || e.State == Deleted {
		return e
	}
	e.FailingSince, e.NoticesSent, e.Breaker = time.Time{}, 0, e.Works()
	return e.put(v)
}

// fails notes a failure: the breaker may open, a notice may be due, and the
// endpoint may be disabled.
func (e Endpoint) fails(v *commit.View, a Attempt, retryAfter time.Duration) (_ Endpoint, tripped bool, notice int64) {
	if e.State != Enabled {
		return e, false, 0
	}
	now := v.Now()
	if e.FailingSince.IsZero() {
		e.FailingSince = now
	}
	failing := now.Sub(e.FailingSince)
	due := passed(failing)
	switch {
	case a.Gone():
		e.Failures++
		return disable(v, e, "it answered 410 Gone", actor).put(v), false, 100
	case failing >= DisableAfter:
		e.Failures++
		e.NoticesSent = due
		return disable(v, e, fmt.Sprintf("every attempt failed for %d days", int(DisableAfter.Hours()/24)), actor).put(v), false, 100
	case due > e.NoticesSent:
		e.NoticesSent, notice = due, notices[due-1]
		tell(v, e, event.EndpointFailing, fmt.Sprintf("every attempt failed since %s: %d %% of the time after which it is disabled",
			e.FailingSince.Format(time.RFC3339), notice), actor)
	}
	e.Breaker, tripped = e.Fails(now, a, retryAfter)
	if tripped && e.Trips == 1 {
		tell(v, e, event.EndpointPaused, fmt.Sprintf("%d attempts in a row failed; the next one is made after %s", e.Failures,
			e.PausedUntil.Format(time.RFC3339)), actor)
	}
	return e.put(v), tripped, notice
}
