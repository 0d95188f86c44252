package webhook

import "time"

// The statuses that say more than failure, as RFC 9110 and RFC 6585 name them.
const (
	statusGone            = 410
	statusTooManyRequests = 429
	statusBadGateway      = 502
	statusUnavailable     = 503
	statusGatewayTimeout  = 504
)

// Gone tells whether the receiver said that nobody will ever take messages there (RFC 9110, 15.5.11).
func (a Attempt) Gone() bool { return a.Status == statusGone }

// Breaker gives a receiver that fails some rest. The zero value is one that works.
type Breaker struct {
	Failures    int64     // in a row
	Trips       int64     // how often in a row the breaker has opened
	Successes   int64     // in a row since it opened; enough of them forget Trips
	PausedUntil time.Time // nothing is sent before: it is open, or the receiver asked for a pause
}

// Works is the breaker after a success.
func (b Breaker) Works() Breaker {
	b.Failures = 0
	if b.Trips > 0 {
		if b.Successes++; b.Successes >= breakerSuccesses {
			return Breaker{}
		}
	}
	return b
}

// Fails is the breaker after a failed attempt, to which the receiver may have said after
// how long to come again. It opens after enough failures in a row, or at the first one
// after a pause unless something succeeded in between. Attempts that were under way when
// it opened do not open it further.
func (b Breaker) Fails(now time.Time, a Attempt, retryAfter time.Duration) (_ Breaker, tripped bool) {
	recovering := b.Trips > 0 && b.Successes > 0
	b.Failures++
	b.Successes = 0
	if !b.PausedUntil.After(now) && (b.Trips > 0 && !recovering || b.Failures >= breakerFailures) {
		b.Trips++
		b.PausedUntil, tripped = now.Add(coolDown(b.Trips)), true
	}
	// What the receiver asks for may be longer.
	if pause := pauseFor(a.Status, retryAfter); pause > 0 && now.Add(pause).After(b.PausedUntil) {
		b.PausedUntil = now.Add(pause).Truncate(time.Microsecond)
	}
	return b, tripped
}

// pauseFor is the pause that an answer asks for.
func pauseFor(status int64, retryAfter time.Duration) time.Duration {
	switch status {
	case statusTooManyRequests, statusBadGateway, statusGatewayTimeout:
		return max(throttle, min(retryAfter, MaxRetryAfter))
	case statusUnavailable:
		return min(retryAfter, MaxRetryAfter)
	}
	return 0
}
