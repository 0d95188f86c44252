package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/rail"
	"sluice/internal/withdrawal"
)

// A caller asks for one withdrawal after the other. Each has its own goroutine.
type caller interface {
	// ask waits for the answer to one request. errBusy says that the product
	// pushed back; any other error ends the measurement.
	ask(ctx context.Context) error
}

// errBusy is the product's own refusal of more work than it can queue.
var errBusy = errors.New("overloaded")

// load is what callers achieved in a stretch of time.
type load struct {
	accepted int64
	busy     int64
	elapsed  time.Duration
}

func (l *load) add(o load) {
	l.accepted += o.accepted
	l.busy += o.busy
	l.elapsed += o.elapsed
}

func (l load) perSecond() float64 { return perSecond(l.accepted, l.elapsed) }

func perSecond(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// drive lets all callers work for a while and waits for the last answer, which
// counts like the others, as does the time until it came.
func drive(ctx context.Context, callers []caller, d time.Duration, h *histogram) (load, error) {
	var accepted, busy atomic.Int64
	var stop atomic.Bool
	var once sync.Once
	var failed error
	var wg sync.WaitGroup
	start := time.Now()
	for _, c := range callers {
		wg.Go(func() {
			for from := time.Now(); !stop.Load(); {
				err := c.ask(ctx)
				now := time.Now()
				switch {
				case err == nil:
					accepted.Add(1)
					h.add(now.Sub(from))
				case errors.Is(err, errBusy):
					busy.Add(1)
				default:
					once.Do(func() { failed = err })
					stop.Store(true)
				}
				from = now
			}
		})
	}
	timer := time.AfterFunc(d, func() { stop.Store(true) })
	wg.Wait()
	timer.Stop()
	if failed == nil {
		failed = ctx.Err()
	}
	return load{accepted.Load(), busy.Load(), time.Since(start)}, failed
}

// submitter is a caller inside the process: it hands commands to the commit loop,
// with both guards against duplicates, as the API does.
type submitter struct {
	loop   *commit.Loop
	book   *book
	target rail.Target
	random *rand.Rand
	key    []byte
}

func newSubmitter(loop *commit.Loop, b *book) *submitter {
	return &submitter{loop: loop, book: b, target: payee, random: newRandom()}
}

func newRandom() *rand.Rand { return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) } //nolint:gosec // load, not secrets

func (s *submitter) ask(ctx context.Context) error {
	foreign := string(appendForeign(nil, s.book.next.Add(1)))
	s.key = appendKey(s.key[:0], s.random)
	_, err := commit.Submit(ctx, s.loop, s.book.merchant.Shard, commit.Request[withdrawal.Withdrawal]{
		Command: withdrawal.Create{
			Merchant: s.book.merchant.Seq, Account: s.book.accounts[s.random.IntN(len(s.book.accounts))].Seq, ForeignID: foreign,
			Asset: asset, Amount: amount, Target: s.target, Actor: s.book.actor,
		},
		Key:         commit.Key{Merchant: s.book.merchant.Seq, Route: route, Key: string(s.key)},
		Fingerprint: commit.Fingerprint([]byte(foreign)),
	})
	if err != nil && fault.KindOf(err) == fault.Busy {
		return errBusy
	}
	return err
}

// foreignLen is the length of every foreign id of the bench.
const foreignLen = len("order-000000000000")

// appendForeign writes the foreign id of withdrawal number n: what an order system
// that counts would send.
func appendForeign(b []byte, n int64) []byte {
	b = append(b, "order-000000000000"...)
	for i := len(b) - 1; n > 0 && b[i] != '-'; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

// keyLen is the length of every idempotency key of the bench.
const keyLen = 36

// appendKey writes an idempotency key as most clients do: a random UUID (version 4).
func appendKey(b []byte, r *rand.Rand) []byte {
	const digits = "0123456789abcdef"
	high, low := r.Uint64(), r.Uint64()
	for i := range 32 {
		switch i {
		case 8, 12, 16, 20:
			b = append(b, '-')
		}
		x := byte(high >> 60)
		switch i {
		case 12:
			x = 4
		case 16:
			x = 8 | x&3
		}
		b = append(b, digits[x])
		if high <<= 4; i == 15 {
			high = low
		}
	}
	return b
}
