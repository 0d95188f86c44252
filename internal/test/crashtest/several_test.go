package crashtest_test

import (
	"net/http"
	"testing"
)

// TestCase07_TwoProcessesPayOnce runs two servers on one PostgreSQL and one chain.
// Both take requests at once; the lease on the wallet decides which one pays, and
// when that one is killed the other goes on.
func TestCase07_TwoProcessesPayOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, mining(t, newChain(t)), stores["postgres"](t, ""))
	first, second := s.start().await(), s.start().await()
	s.want("USDT", "2.5", 14)
	s.want("ETH", "0.125", 6)
	// Every request goes to both at once, and each says the same withdrawal.
	for n, o := range s.orders {
		bases := []string{first.url(), second.url()}
		if n%2 == 1 {
			bases[0], bases[1] = bases[1], bases[0]
		}
		ids := make(chan string, 2)
		for _, base := range bases {
			go func() {
				again := *o
				for again.id == "" {
					s.ask(base, &again)
				}
				ids <- again.id
			}()
		}
		o.id = <-ids
		if other := <-ids; other != o.id {
			t.Errorf("%s: one process made %s, the other %s", o.foreign, o.id, other)
		}
	}
	// Whoever pays, the other one takes over.
	eventually(t, "some are paid", func() bool {
		s.push(second.url())
		for _, o := range s.orders {
			if o.state() == "confirmed" {
				return true
			}
		}
		return false
	})
	first.kill()
	s.want("USDT", "3", 3)
	s.settled(s.finish(second))
}

// TestCase24_PausedWorker stops a process in the middle of a payout, lets another one
// take over and finish, and wakes the first up again: it must notice that its lease
// is gone, and neither write nor have anything signed.
func TestCase24_PausedWorker(t *testing.T) {
	chain := mining(t, newChain(t))
	for _, point := range []string{
		"dispatch.planned", "dispatch.claimed", "dispatch.sealed", "dispatch.signed", "dispatch.recorded", "dispatch.submitted", "dispatch.final",
		"commit.applied:10", // in the middle of a batch: the database takes its lock away
	} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, chain, stores["postgres"](t, ""))
			asleep := s.start("SLUICE_PAUSE_AT=" + point).await()
			s.want("USDT", "4", 1)
			eventually(t, "the process sleeps", func() bool {
				select {
				case <-asleep.paused:
					return true
				default:
					if s.orders[0].id == "" {
						s.ask(asleep.url(), s.orders[0])
					}
					return false
				}
			})
			awake := s.start().await()
			s.finish(awake)
			must(t, asleep.wake())
			// Both work: the sleeper is alive, and what comes next is paid once too.
			s.want("ETH", "0.5", 2)
			eventually(t, "the sleeper answers", func() bool {
				status, _, err := s.call(asleep.url(), http.MethodGet, "/v1/ping", nil)
				return err == nil && status == http.StatusOK
			})
			s.finish(asleep)
			asleep.stop()
			s.settled(awake)
		})
	}
}

// TestCase25_StopUnderLoad ends a process in order while payouts are at every stage,
// and starts another one.
func TestCase25_StopUnderLoad(t *testing.T) {
	chain := mining(t, newChain(t))
	for kind, database := range stores {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, chain, database(t, t.TempDir()))
			s.want("USDT", "0.5", 12)
			n := s.start().await()
			eventually(t, "some are under way", func() bool {
				s.push(n.url())
				under := 0
				for _, o := range s.orders {
					if o.stage() != "" || o.state() == "confirmed" {
						under++
					}
				}
				return under >= 3
			})
			n.stop()
			s.settled(s.finish(s.start()))
		})
	}
}
