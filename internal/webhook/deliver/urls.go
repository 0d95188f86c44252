package deliver

import (
	"time"

	"sluice/internal/id"
	"sluice/internal/webhook"
)

// Messages that bring a URL of their own go to receivers that have nothing to do with each
// other. Each has a lane and a breaker of its own below its endpoint's; one that fails, or
// is gone, is no reason to tell the others less.

// lanesKept is how many lanes of URLs an endpoint has before those that are idle go.
const lanesKept = 1000

// to gives the lane of a URL that a message of this endpoint brings; "" for the endpoint's.
func (l *lane) to(url string) *lane {
	if url == "" {
		return l
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.urls[url]
	if u == nil {
		if l.urls == nil {
			l.urls = map[string]*lane{}
		}
		l.tidy(time.Now())
		u = &lane{at: l.at, w: l.w, url: url, base: l, window: windowStart, closed: l.closed}
		l.urls[url] = u
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.endpoint = l.endpoint
	u.pace(l.endpoint.RatePerSecond)
	return u
}

// tidy forgets URLs that nothing is on the way to and that are not at rest. The lane of the
// endpoint is locked.
func (l *lane) tidy(now time.Time) {
	if len(l.urls) < lanesKept {
		return
	}
	for url, u := range l.urls {
		u.mu.Lock()
		idle := u.queued == 0 && u.sending == 0 && u.recorded == 0 && !u.rest.PausedUntil.After(now)
		if idle {
			if u.timer != nil {
				u.timer.Stop()
			}
			u.closed = true // whoever got hold of it meanwhile is sent back
			delete(l.urls, url)
		}
		u.mu.Unlock()
	}
}

// judge notes what an attempt means for a URL. That of an endpoint is written with the
// record of the attempt.
func (l *lane) judge(a webhook.Attempt, retryAfter time.Duration) {
	if l.base == nil {
		return
	}
	l.mu.Lock()
	var tripped bool
	switch {
	case a.Succeeded():
		l.rest = l.rest.Works()
	case a.Gone(): // the end of the message, which says nothing of the next one
	default:
		l.rest, tripped = l.rest.Fails(time.Now(), a, retryAfter)
	}
	rest := l.rest
	l.mu.Unlock()
	if tripped && rest.Trips == 1 {
		l.w.opt.Log.Warn("a URL that messages bring along fails", "endpoint", l.at.Text(id.Endpoint), "url", l.url, "failures", rest.Failures,
			"paused_until", rest.PausedUntil, "reason", a.ErrorText)
	}
}

// again is when what a lane did not take may come back: at once, or when it has rested.
func (l *lane) again() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.base == nil || l.closed {
		return time.Time{}
	}
	return l.rest.PausedUntil
}
