package payout

import (
	"slices"
	"time"

	"sluice/internal/id"
)

// aside are queued withdrawals that cannot be paid now, each by itself. They are not
// looked at for a while, so that they take nothing from those behind them: neither a
// place in what is read, nor questions to a node. Losing the memory costs a look each.
type aside struct{ of map[id.ID]later }

// later says until when a withdrawal is aside, and with which proof of an approval it
// was put there: one with another proof is looked at again at once.
type later struct {
	until    time.Time
	wait     time.Duration
	approval string
}

// How long a withdrawal stays aside: it doubles each time, up to a bound that nobody who
// has topped up a wallet minds.
const (
	asideMin = time.Second
	asideMax = 15 * time.Second
	asideAll = 10_000 // more are not remembered
)

// put puts a candidate aside.
func (a *aside) put(c Candidate) {
	if a.of == nil {
		a.of = map[id.ID]later{}
	}
	if _, known := a.of[c.ID]; !known && len(a.of) >= asideAll {
		return
	}
	wait := min(max(2*a.of[c.ID].wait, asideMin), asideMax)
	a.of[c.ID] = later{time.Now().Add(wait), wait, c.Withdrawal.Approval}
}

// new tells whether a candidate was not put aside before.
func (a *aside) new(c Candidate) bool {
	_, known := a.of[c.ID]
	return !known
}

// now is how many are aside now.
func (a *aside) now() (n int) {
	now := time.Now()
	for wd, p := range a.of {
		switch {
		case now.Before(p.until):
			n++
		case now.After(p.until.Add(asideMax)): // it has not come again: it is over
			delete(a.of, wd)
		}
	}
	return n
}

// without gives those that are not aside.
func (a *aside) without(queued []Candidate) []Candidate {
	now := time.Now()
	return slices.DeleteFunc(queued, func(c Candidate) bool {
		l, ok := a.of[c.ID]
		return ok && now.Before(l.until) && l.approval == c.Withdrawal.Approval
	})
}
