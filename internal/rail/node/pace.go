package node

import (
	"context"
	"errors"
	"sync"
	"time"
)

// pace keeps questions to what a node takes. It knows no limit until the node refuses
// for the first time; then it asks no more than four fifths of what the node has answered
// in the last second (or of rateMin), and from there on a little more each second until it
// is refused again. The zero value is ready.
type pace struct {
	mu     sync.Mutex
	until  time.Time     // nothing is asked before
	gap    time.Duration // between two questions; 0: none
	next   time.Time     // when the next question may leave
	rose   time.Time     // when gap was last narrowed
	lately []time.Time   // of answers, the latest last
	row    int           // refusals without an answer in between
}

const (
	measured  = time.Second // over which answers are counted
	latelyMax = 1024
	rateMin   = 8 // questions a second that are tried at first
	gapMax    = time.Second
	gapMin    = time.Millisecond // below it there is no limit worth keeping
	pauseMin  = time.Second / 4
	pauseMax  = 5 * time.Minute // a longer Retry-After is asked about in between
)

var errTooLong = errors.New("the node asks for more patience than there is")

// wait blocks until a question may leave. It fails when ctx ends before, or when that
// is later than until.
func (p *pace) wait(ctx context.Context, until time.Time) error {
	at := p.reserve()
	for {
		if d := time.Until(at); d > 0 {
			if at.After(until) {
				return errTooLong
			}
			timer := time.NewTimer(d)
			select {
			case <-ctx.Done():
				timer.Stop()
				return ctx.Err()
			case <-timer.C:
			}
		}
		if p.worth(time.Now()) {
			return ctx.Err()
		}
		at = p.reserve() // the node has asked for patience meanwhile
	}
}

// reserve takes the next place in the row.
func (p *pace) reserve() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.narrow(now)
	at := now
	if p.until.After(at) {
		at = p.until
	}
	if p.gap == 0 {
		return at
	}
	if p.next.After(at) {
		at = p.next
	}
	p.next = at.Add(p.gap)
	return at
}

// narrow lets the rate rise by a fifteenth for each second since the node last refused.
func (p *pace) narrow(now time.Time) {
	for p.gap > 0 && now.Sub(p.rose) >= measured {
		p.rose = p.rose.Add(measured)
		if p.gap -= p.gap / 15; p.gap < gapMin {
			p.gap = 0
		}
	}
}

// answered notes an answer.
func (p *pace) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.row = 0
	p.lately = append(p.lately, time.Now())
	if len(p.lately) > latelyMax {
		p.lately = append(p.lately[:0], p.lately[latelyMax/2:]...)
	}
}

// refused notes that the node was too busy, and for how long it asked to be left alone;
// 0 when it did not say. Refusals of questions that were out together count once.
func (p *pace) refused(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	fresh := !p.until.After(now)
	if after <= 0 {
		after = pauseMin << min(p.row, 6)
	}
	if until := now.Add(min(max(after, pauseMin), pauseMax)); until.After(p.until) {
		p.until = until
	}
	if !fresh {
		return
	}
	p.row++
	late := 0
	for _, at := range p.lately {
		if now.Sub(at) < measured {
			late++
		}
	}
	if p.gap > 0 {
		p.gap = min(p.gap*5/4, gapMax)
	} else {
		p.gap = measured * 5 / 4 / time.Duration(max(late, rateMin))
	}
	p.next, p.rose = p.until, p.until
}

// worth tells whether a question can leave at a time.
func (p *pace) worth(until time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.until.After(until)
}

// slow tells whether the node is being spared.
func (p *pace) slow() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gap > 0 || p.until.After(time.Now())
}
