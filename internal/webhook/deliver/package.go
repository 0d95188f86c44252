package deliver

import (
	"cmp"
	"slices"
	"time"

	"sluice/internal/webhook"
)

// packager is the format of the endpoint, if it sends several messages in one request.
func (l *lane) packager() webhook.Packager {
	p, _ := l.w.formats[l.endpoint.Format].(webhook.Packager)
	return p
}

// gathering is how long a package still waits for more: until its oldest message has
// waited for as long as the endpoint wants, or it is full.
func (l *lane) gathering(now time.Time) time.Duration {
	p := l.packager()
	if p == nil {
		return 0
	}
	wait, most := p.Bounds(l.endpoint)
	size := 0
	oldest := now
	for _, q := range l.queues {
		for _, i := range q {
			size += len(i.body)
			if i.delivery.CreatedAt.Before(oldest) {
				oldest = i.delivery.CreatedAt
			}
		}
	}
	if size >= most {
		return 0
	}
	return max(oldest.Add(wait).Sub(now), 0)
}

// pack takes the next package out of the queues: the oldest messages first, as many as fit.
// One that was sent before goes as it was: whole, and with nothing else.
func (l *lane) pack(p webhook.Packager, now time.Time) []item {
	all := slices.DeleteFunc(l.empty(), func(i item) bool {
		ending := i.delivery.NextAt.Sub(now) < claimReserve
		l.more = l.more || ending
		return ending
	})
	slices.SortStableFunc(all, func(a, b item) int { return cmp.Compare(a.delivery.Message(), b.delivery.Message()) })
	_, most := p.Bounds(l.endpoint)
	var out, rest []item
	size := 0
	for _, i := range all {
		size += len(i.body)
		switch {
		case len(out) == 0,
			i.delivery.Package == out[0].delivery.Package && (i.delivery.Package != 0 || size <= most && len(out) < claimMax && len(rest) == 0):
			out = append(out, i)
		default:
			rest = append(rest, i)
		}
	}
	l.back(rest)
	return out
}

// packageOf names the package that a request carries, by its first message; 0 where
// requests carry only one.
func packageOf(items []item) int64 {
	d := items[0].delivery
	if _, ok := items[0].format.(webhook.Packager); !ok {
		return 0
	}
	return cmp.Or(d.Package, int64(d.Seq))
}

// back puts deliveries into their queues again.
func (l *lane) back(items []item) {
	for _, i := range items {
		l.queues[i.delivery.Lane] = append(l.queues[i.delivery.Lane], i)
	}
	l.count(len(items))
}

// packed is the body of a request.
func packed(items []item) []byte {
	p, ok := items[0].format.(webhook.Packager)
	if !ok {
		return items[0].body
	}
	parts := make([][]byte, len(items))
	for n, i := range items {
		parts[n] = i.body
	}
	return p.Pack(parts)
}
