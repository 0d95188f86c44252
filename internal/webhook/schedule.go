package webhook

import "time"

// schedule is the wait before each attempt: ten attempts over 75 h 35 min.
var schedule = [...]time.Duration{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
	5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// MaxAttempts is how often a delivery is sent before it is dead.
const MaxAttempts = int64(len(schedule))

// Wait is how long to wait before attempt n of a round, the first being 1, without
// jitter; 0 outside 1 to MaxAttempts.
func Wait(n int64) time.Duration {
	if n < 1 || n > MaxAttempts {
		return 0
	}
	return schedule[n-1]
}

// JitterMax bounds RecordAttempt.Jitter, in thousandths of the wait: retries of
// many messages that failed together do not come back together.
const JitterMax = 100

func jittered(d time.Duration, permille int64) time.Duration {
	return d + d/1000*time.Duration(min(max(permille, 0), JitterMax))
}

// What a failing endpoint goes through.
const (
	// breakerFailures in a row open the circuit breaker.
	breakerFailures = 5
	// breakerSuccesses in a row after that make it forget that it ever opened: one
	// success among failures does not reset the length of the pauses.
	breakerSuccesses = 10
	coolDownFirst    = 30 * time.Second
	coolDownMax      = 15 * time.Minute
	// DisableAfter is how long nothing but failures may last.
	DisableAfter = 5 * 24 * time.Hour
	// throttle is the pause after an answer that says "too much" without saying how long.
	throttle = 5 * time.Second
	// MaxRetryAfter bounds what an endpoint may ask for.
	MaxRetryAfter = 24 * time.Hour
)

// notices are the parts of DisableAfter, in per cent, at which the owner is told.
var notices = [...]int64{50, 70, 90, 100}

// coolDown is the pause after the breaker has opened for the n-th time in a row.
func coolDown(n int64) time.Duration {
	d := coolDownFirst
	for ; n > 1 && d < coolDownMax; n-- {
		d *= 2
	}
	return min(d, coolDownMax)
}

// passed is how many notices are due after failing for so long.
func passed(failing time.Duration) int64 {
	n := int64(0)
	for _, percent := range notices {
		if failing >= DisableAfter/100*time.Duration(percent) {
			n++
		}
	}
	return n
}
