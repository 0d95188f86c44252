package crashtest_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/internal/demo/devnet"
	"sluice/internal/store/pgtest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests here mostly wait for other processes, and for leases to end.
	if n, err := strconv.Atoi(flag.Lookup("test.parallel").Value.String()); err == nil && n < atOnce {
		_ = flag.Set("test.parallel", strconv.Itoa(atOnce)) // a number is always taken
	}
	ignore := []goleak.Option{goleak.Cleanup(func(code int) {
		if built != "" {
			_ = os.RemoveAll(built)
		}
		os.Exit(code)
	})}
	for _, f := range devnet.LeftBehind {
		ignore = append(ignore, goleak.IgnoreTopFunction(f))
	}
	goleak.VerifyTestMain(pgtest.Wrap(m), ignore...)
}

// atOnce is how many installations are up at once.
const atOnce = 6

// passages says at which passages of a point the process dies. The first of a point
// of the write path is at the very start; later ones meet it at work.
func passages(point string) []int {
	if strings.HasPrefix(point, "commit.") || strings.HasPrefix(point, "store.") {
		return []int{1, 15}
	}
	return []int{1}
}

// TestCase23_KilledAtEveryPoint kills the server at each point that its sources name,
// on both stores, starts it again, and counts: every withdrawal that the merchant
// wanted was accepted once and paid exactly once, and the books are right.
func TestCase23_KilledAtEveryPoint(t *testing.T) {
	chain := mining(t, newChain(t))
	for kind, database := range stores {
		for _, point := range points(t) {
			if ofBanks(point) {
				continue // see TestCase23_BankKilledAtEveryPoint
			}
			for _, nth := range passages(point) {
				at := point + ":" + strconv.Itoa(nth)
				t.Run(kind+"/"+at, func(t *testing.T) {
					t.Parallel()
					s := newSite(t, chain, database(t, t.TempDir()), func(set *settings) { set.webhooks = strings.HasPrefix(point, "webhook.") })
					s.want("USDT", "1.25", 2)
					s.want("ETH", "0.5", 1)
					n := s.start("SLUICE_CRASH_AT=" + at)
					last := s.finish(n)
					if s.hook != nil { // messages may come after the payouts
						eventually(t, "it dies at the point", n.gone)
						last = s.finish(last)
					}
					if !n.killed() {
						t.Fatalf("the point was not reached")
					}
					s.settled(last)
				})
			}
		}
	}
}

// settled stops the last process in order and holds chain and books against what
// was wanted.
func (s *site) settled(n *node) {
	s.t.Helper()
	for currency, left := range s.left() {
		b := s.balance(n.url(), currency)
		if b["available_for_withdrawal"] != left || !none(b["reserved"]) {
			s.t.Errorf("balance of %s: %v available, %v reserved, want %s and nothing", currency, b["available_for_withdrawal"], b["reserved"], left)
		}
	}
	if s.hook != nil {
		s.told(n.url())
	}
	n.stop()
	for _, line := range n.complaints() {
		s.t.Errorf("the server complains: %s", line)
	}
	s.paidOnce()
	s.verified()
}

// TestCase23_RandomKills kills the server again and again at no particular point,
// while withdrawals keep coming.
func TestCase23_RandomKills(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SLUICE_CRASH_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		must(t, err)
	}
	chain := mining(t, newChain(t))
	for kind, database := range stores {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			t.Logf("again with SLUICE_CRASH_SEED=%d", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			s := newSite(t, chain, database(t, t.TempDir()))
			const rounds = 6
			for range rounds {
				s.want("USDT", "0.75", 1+random.IntN(4))
				s.want("ETH", "0.01", random.IntN(2))
				n := s.start()
				kill := time.NewTimer(time.Duration(100+random.IntN(1200)) * time.Millisecond)
				eventually(t, "the time to kill it", func() bool {
					select {
					case <-kill.C:
						n.kill()
						return true
					default:
						s.push(n.url())
						return n.gone()
					}
				})
				if !n.killed() {
					t.Fatalf("the process ended by itself: %v", n.err)
				}
			}
			s.settled(s.finish(s.start()))
		})
	}
}
