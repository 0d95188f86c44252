package guard

import (
	"time"

	"sluice/internal/fault"
)

// How far the time may be off before nothing is signed any more: limits are sums of an
// hour and of a day, and a clock that jumps makes them forget, or never forget.
const (
	// clockSkew is how far a clock may be from another one: that of an approver, or of
	// this machine from what its monotonic clock says.
	clockSkew = 10 * time.Minute
	// drift is what clocks are corrected by while they run, as one part of so many: the
	// most that NTP does without a jump (500 ppm).
	drift = 2000
	// idleMost is how long the log may have had no entry when time goes on from it.
	// After more an operator has to confirm the clock. A signer that runs and is asked
	// for its health has one after aliveAfter without any.
	idleMost   = 31 * 24 * time.Hour
	aliveAfter = 24 * time.Hour
)

// clock tells the time by which the signer counts. Within a run it follows the monotonic
// clock, which nobody can set; over restarts it goes on from the newest entry of the log.
type clock struct {
	now   func() time.Time
	since func() time.Duration // how long the process has run; nil: as now says

	start   time.Time     // wall clock when the run began, or was confirmed
	ran     time.Duration // since() at that moment
	elapsed time.Duration // the most that has passed since
	settled time.Time     // the confirmation that start belongs to
}

func newClock(now func() time.Time, since func() time.Duration) *clock {
	c := &clock{now: now, since: since}
	if now == nil {
		begin := time.Now()
		c.now, c.since = time.Now, func() time.Duration { return time.Since(begin) }
	}
	c.restart()
	return c
}

// restart goes on from what the wall clock says.
func (c *clock) restart() {
	c.start, c.elapsed = c.now().Round(0), 0
	if c.since != nil {
		c.ran = c.since()
	}
}

// read gives the time to count by, for a state whose log is read to its end. The error is
// a refusal with the code sign_clock: the clock jumped, or stands before the log's end, and
// only a person can say which of both is wrong.
func (c *clock) read(s *state) (time.Time, error) {
	if !s.settled.Equal(c.settled) {
		c.settled = s.settled
		c.restart()
	}
	wall := c.now().Round(0)
	passed := wall.Sub(c.start)
	if c.since != nil {
		passed = c.since() - c.ran
	}
	c.elapsed = max(c.elapsed, passed)
	now := c.start.Add(c.elapsed)
	const ask = "; if it is right now, `sluice signer clock` confirms it"
	switch ahead := wall.Sub(now); {
	case ahead > clockSkew+c.elapsed/drift:
		return now, refuseClock("the clock jumped ahead by %s, to %s"+ask, ahead.Round(time.Second), wall.UTC().Format(time.RFC3339))
	case ahead >= -clockSkew-c.elapsed/drift:
		now = wall // corrected, not set
	}
	if s.last.IsZero() {
		return now.Truncate(time.Millisecond), nil
	}
	if behind := s.last.Sub(now); behind > clockSkew {
		return now, refuseClock("the clock says %s, and the newest entry of the log is of %s, %s later"+ask,
			now.UTC().Format(time.RFC3339), s.last.UTC().Format(time.RFC3339), behind.Round(time.Second))
	}
	if idle := now.Sub(s.last); idle > idleMost && !s.older && (c.since == nil || c.start.Sub(s.last) > idleMost) {
		return now, refuseClock("the clock says %s, %d days after the newest entry of the log"+ask, now.UTC().Format(time.RFC3339), int(idle.Hours()/24))
	}
	if now.Before(s.last) {
		return s.last, nil // it never goes back: what was paid would look older than it is
	}
	return now.Truncate(time.Millisecond), nil
}

func refuseClock(format string, args ...any) error {
	return fault.New(fault.Refused, "sign_clock", "signer: "+format, args...)
}

// setClock makes a moment that an operator confirms the present one. What seems to have
// been paid after it counts as paid at it.
func (s *state) setClock(at time.Time) error {
	if at.Before(s.last) {
		for _, w := range s.spent {
			if err := w.back(at); err != nil {
				return err
			}
		}
	}
	s.last, s.settled, s.older = at, at, false
	return nil
}
