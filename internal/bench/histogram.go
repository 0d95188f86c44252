package bench

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram keeps 128 steps per doubling, so a quantile is off by less than one
// percent whatever its size, and 36 minutes is the longest time it tells apart.
const (
	stepBits = 7
	steps    = 1 << stepBits
	maxBits  = 41
	buckets  = (maxBits - stepBits + 1) * steps
)

// histogram counts durations. Callers add to it at the same time.
type histogram struct {
	counts [buckets]atomic.Uint32
	total  atomic.Int64
	max    atomic.Int64
}

func (h *histogram) add(d time.Duration) {
	n := max(int64(d), 0)
	h.counts[bucketOf(n)].Add(1)
	h.total.Add(1)
	for old := h.max.Load(); n > old && !h.max.CompareAndSwap(old, n); old = h.max.Load() {
	}
}

func bucketOf(n int64) int {
	if n < steps {
		return int(n)
	}
	shift := bits.Len64(uint64(n)) - 1 - stepBits
	return min((shift+1)*steps+int(n>>shift)-steps, buckets-1)
}

// middle is the duration in the middle of a bucket.
func middle(bucket int) int64 {
	if bucket < steps {
		return int64(bucket)
	}
	shift := bucket/steps - 1
	low := int64(bucket%steps+steps) << shift
	return low + int64(1)<<shift/2
}

// quantile gives the duration below which a part q (0 to 1) of all lie; 0 when
// there are none.
func (h *histogram) quantile(q float64) time.Duration {
	total := h.total.Load()
	if total == 0 {
		return 0
	}
	rank := min(int64(q*float64(total)), total-1)
	for i := range h.counts {
		rank -= int64(h.counts[i].Load())
		if rank < 0 {
			return time.Duration(middle(i))
		}
	}
	return time.Duration(h.max.Load())
}
