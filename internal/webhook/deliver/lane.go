package deliver

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"sluice/internal/id"
	"sluice/internal/webhook"
)

// item is one claimed delivery, ready to be sent.
type item struct {
	delivery webhook.Delivery
	format   webhook.Format // nil: this program does not know the endpoint's format
	body     []byte
	url      string         // "" for the endpoint's
	key      string         // of the message, for its signature
	again    *webhook.Retry // of the message; nil: the format's
}

// Bounds of a lane.
const (
	windowStart = 4
	// recordingMax bounds the attempts of one endpoint that were made and are not
	// recorded yet: above it the lane waits for the write path.
	recordingMax = 512
	// claimReserve has to be left of a claim when an attempt begins: the attempt
	// and its record fit into it.
	claimReserve = totalTimeout + 5*time.Second
)

// lane is all that concerns one receiver in this process: what waits, how much may
// be sent at once, and when. Nothing in it is shared with another receiver. A receiver is
// an endpoint, or a URL that messages of an endpoint bring along: then base is the
// endpoint's lane, which knows how much there is in all of them.
type lane struct {
	at   id.ID
	w    *Worker
	url  string // "" for the endpoint's
	base *lane  // nil for an endpoint

	mu sync.Mutex
	// urls are the lanes of URLs of an endpoint, below how much they hold in all.
	urls  map[string]*lane
	below atomic.Int64
	// rest is what the failures of a URL amount to. It is this process's alone: what it
	// forgets in a restart are a few attempts.
	rest webhook.Breaker
	// endpoint is the newest row seen.
	endpoint webhook.Endpoint
	signer   webhook.Keys
	signerOf int64     // Version of the endpoint that signer was made from
	signerTo time.Time // until when signer has the right keys; zero: for ever
	queues   [3][]item // by webhook.Lane
	queued   int
	sending  int
	recorded int // attempts that wait for their record
	failed   int // of recorded, those that failed: what follows from them is not known yet
	// window is how many requests may be under way. It grows with every success
	// and halves with every failure: an endpoint gets what it can take.
	window int
	per    int64 // see pace
	rate   *rate.Limiter
	timer  *time.Timer // pumps when the rate allows again
	more   bool        // the store has more for it
	closed bool
}

// lane gives the lane of an endpoint, with the newest row of it.
func (w *Worker) lane(shard id.Shard, e webhook.Endpoint) *lane {
	at := id.ID{Shard: shard, Seq: e.Seq}
	w.mu.Lock()
	l := w.lanes[at]
	if l == nil {
		l = &lane{at: at, w: w, window: windowStart, closed: w.stopping}
		w.lanes[at] = l
	}
	w.mu.Unlock()
	l.update(e)
	return l
}

// update takes over a newer row of the endpoint, for its URLs as well.
func (l *lane) update(e webhook.Endpoint) {
	l.mu.Lock()
	if e.Version > l.endpoint.Version {
		l.endpoint = e
		l.pace(e.RatePerSecond)
	}
	urls := slices.Collect(maps.Values(l.urls))
	l.mu.Unlock()
	for _, u := range urls {
		u.update(e)
	}
}

// room is how many more deliveries the lane should hold.
func (l *lane) room() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || !l.open(time.Now()) {
		return 0
	}
	return max(l.capacity()-l.queued-int(l.below.Load()), 0)
}

// roomForNew is room for deliveries that were not in the store before: none while
// the store has older ones.
func (l *lane) roomForNew() int {
	l.mu.Lock()
	more := l.more
	l.mu.Unlock()
	if more {
		return 0
	}
	return l.room()
}

// capacity is how many deliveries the lane should hold at most: few for an
// endpoint that has not shown what it can take, at least 1.
func (l *lane) capacity() int {
	if l.endpoint.Trips > 0 || int(l.w.queued.Load()) >= l.w.opt.Queue {
		return 1
	}
	most := min(l.window*l.window, 32*l.window)
	if r := l.endpoint.RatePerSecond; r > 0 {
		most = min(most, int(r))
	}
	return most
}

// open tells whether the receiver may be sent to.
func (l *lane) open(now time.Time) bool {
	return l.endpoint.State == webhook.Enabled && !l.breaker().PausedUntil.After(now)
}

// breaker is what the failures of the receiver amount to.
func (l *lane) breaker() webhook.Breaker {
	if l.base != nil {
		return l.rest
	}
	return l.endpoint.Breaker
}

// limit is how many requests may be under way now.
func (l *lane) limit() int {
	if l.packager() != nil {
		// The next package waits until it is written down what came of this one.
		return min(max(1-l.recorded, 0), 1)
	}
	if l.breaker().Trips > 0 {
		return 1 // one that has just begun to work again is asked carefully
	}
	return l.window
}

// add queues claimed deliveries; those that come back were not taken and are for
// the caller to release.
func (l *lane) add(items []item) (back []item) {
	l.mu.Lock()
	if l.closed || !l.open(time.Now()) {
		l.mu.Unlock()
		return items
	}
	for _, i := range items {
		q := &l.queues[i.delivery.Lane]
		*q = append(*q, i)
	}
	l.count(len(items))
	l.mu.Unlock()
	l.pump()
	return nil
}

// count notes how many more are queued.
func (l *lane) count(n int) {
	l.queued += n
	l.w.queued.Add(int64(n))
	if l.base != nil {
		l.base.below.Add(int64(n))
	}
}

// pump starts as many requests as may be under way.
func (l *lane) pump() {
	for {
		items := l.take()
		if len(items) == 0 {
			return
		}
		go l.run(items)
	}
}

// take gives what goes into the next request, new deliveries first, and counts it as
// being sent: one delivery, or a package. Claims that are about to end are dropped: the
// store hands them out again.
func (l *lane) take() []item {
	items := l.taken()
	if l.base != nil {
		l.mu.Lock()
		more := l.more
		l.more = false
		l.mu.Unlock()
		l.base.mu.Lock()
		l.base.more = l.base.more || more
		l.base.askForMore()
		l.base.mu.Unlock()
	}
	return items
}

func (l *lane) taken() []item {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for l.queued > 0 && !l.closed && l.open(now) && l.sending < l.limit() && l.failed == 0 && l.recorded < recordingMax {
		if wait := max(l.paced(now), l.gathering(now)); wait > 0 {
			l.later(wait)
			break
		}
		items := l.next(now)
		if len(items) == 0 {
			continue
		}
		l.rate.AllowN(now, 1)
		l.sending++
		l.w.sending.Add(1)
		l.w.work.Add(1)
		l.askForMore()
		return items
	}
	l.askForMore()
	return nil
}

// next takes the next delivery out of the queues, or the next package; none if its
// claim is about to end.
func (l *lane) next(now time.Time) []item {
	if p := l.packager(); p != nil {
		return l.pack(p, now)
	}
	i := l.pop()
	if i.delivery.NextAt.Sub(now) < claimReserve {
		l.more = true
		return nil
	}
	return []item{i}
}

// askForMore asks for more from the store when half of what the lane should hold is gone.
func (l *lane) askForMore() {
	if l.base != nil {
		return // take asks for the endpoint
	}
	if l.more && !l.closed && l.queued+int(l.below.Load()) <= l.capacity()/2 && l.open(time.Now()) {
		l.more = false
		signal(l.w.due[l.at.Shard])
	}
}

func (l *lane) pop() item {
	for n := range l.queues {
		if q := l.queues[n]; len(q) > 0 {
			i := q[0]
			q[0] = item{} // let go of the body
			l.queues[n] = q[1:]
			if len(q) == 1 {
				l.queues[n] = nil
			}
			l.count(-1)
			return i
		}
	}
	panic("deliver: the count of a lane is wrong")
}

// later pumps after a time.
func (l *lane) later(d time.Duration) {
	if l.timer == nil {
		l.timer = time.AfterFunc(d, l.pump)
		return
	}
	l.timer.Reset(d)
}

// sent notes the end of a request: its slot is free, its record is to come.
func (l *lane) sent(ok bool, deliveries int) {
	l.mu.Lock()
	l.sending--
	l.recorded += deliveries
	if ok {
		l.window = min(l.window+1, l.w.opt.Concurrency)
	} else {
		l.failed += deliveries
		l.window = max(l.window/2, 1)
	}
	l.mu.Unlock()
	if l.base != nil && ok {
		l.base.grow() // the endpoint gets what its URLs take in all
	}
	l.w.sending.Add(-1)
	l.pump()
}

// grow lets a lane hold and send more.
func (l *lane) grow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.window = min(l.window+1, l.w.opt.Concurrency)
}

// written notes that an attempt was recorded, and gives what is to be released
// because the endpoint is now paused or disabled.
func (l *lane) written(ok bool, e webhook.Endpoint) (back []item) {
	l.update(e)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recorded--
	if !ok {
		l.failed--
	}
	if l.open(time.Now()) {
		return nil
	}
	return l.empty()
}

func (l *lane) empty() (back []item) {
	for n, q := range l.queues {
		back = append(back, q...)
		l.queues[n] = nil
	}
	l.count(-len(back))
	return back
}

// close ends the lane, with those of its URLs, and gives what it had not begun to send.
func (l *lane) close() []item {
	l.mu.Lock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	back, urls := l.empty(), slices.Collect(maps.Values(l.urls))
	l.mu.Unlock()
	for _, u := range urls {
		back = append(back, u.close()...)
	}
	return back
}

// keys gives what an attempt needs of the endpoint: where to, and how to sign now.
// Loading keys may ask the database, so nothing is locked meanwhile.
func (l *lane) keys(now time.Time) (url string, k webhook.Keys, err error) {
	l.mu.Lock()
	e, have := l.endpoint, l.signer
	if l.signerOf != l.endpoint.Version || !l.signerTo.IsZero() && !now.Before(l.signerTo) {
		have = nil
	}
	l.mu.Unlock()
	if have != nil {
		return e.URL, have, nil
	}
	f := l.w.formats[e.Format]
	if f == nil {
		return "", nil, errors.New("this program cannot sign the format " + e.Format)
	}
	k, until, err := f.Keys(l.w.base, l.at.Shard, e, now)
	if err != nil {
		return "", nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Version == l.endpoint.Version {
		l.signer, l.signerOf, l.signerTo = k, e.Version, until
	}
	return e.URL, k, nil
}

// pace bounds the requests of the lane per second; 0 is no bound. A second's worth may go
// at once.
func (l *lane) pace(per int64) {
	if l.rate != nil && l.per == per {
		return
	}
	l.per, l.rate = per, rate.NewLimiter(rate.Limit(per), int(per))
	if per <= 0 {
		l.rate = rate.NewLimiter(rate.Inf, 0)
	}
}

// paced is how long it takes until the pace allows a request.
func (l *lane) paced(now time.Time) time.Duration {
	r := l.rate.ReserveN(now, 1)
	defer r.CancelAt(now)
	return r.DelayFrom(now)
}
