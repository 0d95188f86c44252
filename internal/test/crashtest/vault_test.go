package crashtest_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestCase23_KilledOverAndOver pays hundreds of withdrawals through a vault while the
// server is killed two hundred times at moments of its own choice, also while it starts.
// Each is paid exactly once, and the books are right.
func TestCase23_KilledOverAndOver(t *testing.T) {
	t.Parallel()
	const payouts, kills = 600, 200
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SLUICE_CRASH_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		must(t, err)
	}
	t.Logf("again with SLUICE_CRASH_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := newSite(t, mining(t, newChain(t)), stores["sqlite"](t, t.TempDir()), func(set *settings) { set.vault, set.lease = true, "200ms" })
	for range kills {
		asked := s.want("USDT", "0.5", payouts/kills)
		n := s.start()
		kill := time.NewTimer(time.Duration(100+random.IntN(400)) * time.Millisecond)
		eventually(t, "the time to kill it", func() bool {
			select {
			case <-kill.C:
				n.kill()
				return true
			default:
			}
			for _, o := range asked {
				if base := n.url(); base != "" && o.id == "" {
					s.ask(base, o)
				}
			}
			return n.gone()
		})
		if !n.killed() {
			t.Fatalf("the process ended by itself: %v", n.err)
		}
	}
	s.settled(s.finish(s.start()))
	if sent := s.sent(); sent >= payouts/2 {
		t.Errorf("%d transactions for %d payouts: the vault was not used", sent, payouts)
	}
}

// TestVaultPaysTogether pays many at once, one of which cannot be paid.
func TestVaultPaysTogether(t *testing.T) {
	t.Parallel()
	s := newSite(t, newChain(t), stores["sqlite"](t, t.TempDir()), func(set *settings) { set.vault = true })
	must(t, s.chain.Mine(25)) // after blocks without tips a payout offers a small one
	all := s.want("USDT", "2", 30)
	n := s.start().await()
	s.reaches(n.url(), "all are sent", func() bool {
		for _, o := range all {
			if o.stage() != "sent" {
				return false
			}
		}
		return true
	})
	bad := all[7]
	must(t, s.chain.Freeze(t.Context(), s.token, bad.to, true)) // one block: the freeze, and then the batches
	s.until(n.url(), "all have ended", func() bool {
		for _, o := range all {
			if !final(o.state()) {
				return false
			}
		}
		return true
	})
	for _, o := range all {
		want := "confirmed"
		if o == bad {
			want = "failed"
		}
		if o.state() != want {
			t.Errorf("%s ended %s, want %s: %v", o.foreign, o.state(), want, o.answer["reason"])
		}
	}
	if text, _ := bad.answer["reason"].(string); !strings.Contains(text, "the recipient is frozen") {
		t.Errorf("it failed because %q", text)
	}
	if got := s.onChain("USDT", bad.to); !none(got) {
		t.Errorf("the frozen account holds %s", got)
	}
	if b := s.balance(n.url(), "USDT"); b["available_for_withdrawal"] != "942.000000" || !none(b["reserved"]) {
		t.Errorf("balance %v", b) // 1000 - 29 * 2
	}
	n.stop()
	s.verified()
}

// tell runs a command of the program on the site and gives what it prints, by line.
func (s *site) tell(args ...string) []map[string]any {
	s.t.Helper()
	path, err := server()
	must(s.t, err)
	cmd := exec.CommandContext(s.t.Context(), path, append(args, "--json")...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), "SLUICE_CONFIG="+s.conf)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	text, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("%v: %v: %s", args, err, errs.String())
	}
	var out []map[string]any
	for lines := json.NewDecoder(bytes.NewReader(text)); lines.More(); {
		var line map[string]any
		must(s.t, lines.Decode(&line))
		out = append(out, line)
	}
	return out
}

// order cancels the only dispatch there is.
func (s *site) order() string {
	s.t.Helper()
	all := s.tell("dispatch", "list")
	if len(all) != 1 {
		s.t.Fatalf("dispatches: %v", all)
	}
	id, _ := all[0]["id"].(string)
	s.tell("dispatch", "cancel", id, "--reason", "sent by mistake")
	return id
}

// TestCancel has an operator cancel payouts. The chain decides: what was not in a block
// comes back, and what was is paid.
func TestCancel(t *testing.T) {
	sent := func(t *testing.T, s *site, n *node) {
		t.Helper()
		s.reaches(n.url(), "they are sent", func() bool {
			for _, o := range s.orders {
				if o.stage() != "sent" {
					return false
				}
			}
			return true
		})
	}
	ended := func(s *site) func() bool {
		return func() bool {
			for _, o := range s.orders {
				if !final(o.state()) {
					return false
				}
			}
			return true
		}
	}
	for name, count := range map[string]int{"one, in time": 1, "a list, in time": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newChain(t), stores["sqlite"](t, t.TempDir()), func(set *settings) { set.vault = true })
			s.want("USDT", "7", count)
			n := s.start().await()
			for _, o := range s.orders {
				s.ask(n.url(), o)
			}
			sent(t, s, n)
			before := s.pooled()
			for _, d := range s.tell("dispatch", "list") {
				id, _ := d["id"].(string)
				s.tell("dispatch", "cancel", id, "--reason", "sent by mistake")
			}
			s.reaches(n.url(), "the cancels have taken the payouts' place", func() bool {
				now := s.pooled()
				for _, tx := range before {
					for _, other := range now {
						if tx == other {
							return false
						}
					}
				}
				return len(now) == len(before)
			})
			s.until(n.url(), "they have ended", ended(s))
			for _, o := range s.orders {
				if text, _ := o.answer["reason"].(string); o.state() != "failed" || !strings.Contains(text, "cancelled") {
					t.Errorf("%s ended %s: %s", o.foreign, o.state(), text)
				}
				if got := s.onChain("USDT", o.to); !none(got) {
					t.Errorf("%s: the chain holds %s", o.foreign, got)
				}
			}
			if b := s.balance(n.url(), "USDT"); b["available_for_withdrawal"] != "1000.000000" || !none(b["reserved"]) {
				t.Errorf("balance %v", b)
			}
			n.stop()
			s.verified()
		})
	}
	t.Run("too late", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, newChain(t), stores["sqlite"](t, t.TempDir()))
		s.want("USDT", "7", 1)
		n := s.start().await()
		s.ask(n.url(), s.orders[0])
		sent(t, s, n)
		must(t, s.chain.Mine(1))
		id := s.order()
		s.until(n.url(), "it has ended", ended(s))
		s.settled(n)
		shown := s.tell("dispatch", "show", id)
		order, _ := shown[0]["cancel"].(map[string]any)
		if order["reason"] != "sent by mistake" || order["by"] == "" {
			t.Errorf("the order is not kept: %v", shown[0])
		}
	})
}
