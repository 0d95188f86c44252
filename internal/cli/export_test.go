package cli

import "time"

// SayAtOnce makes long commands say how far they are without waiting; it returns what
// ends that.
func SayAtOnce() (back func()) {
	before := stillAt
	stillAt = -time.Second
	return func() { stillAt = before }
}

// Pace is how progress is written.
var Pace = pace
