package cli_test

import (
	"regexp"
	"testing"
	"time"

	"sluice/internal/cli"
)

// Long commands say how far they are, how fast they go, and when they will be done.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		done, of, rate int64
		left           time.Duration
		want           string
	}{
		{1_200_000, 4_800_000, 40_000, 90 * time.Second, "1200000 of about 4800000 rows (25 %), 40000 a second, about 1m30s left"},
		{5, 0, 0, 0, "5 rows"},
		{1, 1, 3, 0, "1 of about 1 rows (100 %), 3 a second"},
	} {
		if got := cli.Pace("rows", c.done, c.of, c.rate, c.left); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// Not parallel: it changes how often all commands of this process say something.
func TestVerifyShowsProgress(t *testing.T) {
	s, merchant, _ := books(t)
	waiting(t, merchant, 3)
	defer cli.SayAtOnce()()
	r := s.want(0, "verify")
	if !regexp.MustCompile(`shard 0, the chain: \d+ of about \d+ rows \(\d+ %\)`).MatchString(r.err) {
		t.Errorf("no progress:\n%s", r.err)
	}
}
