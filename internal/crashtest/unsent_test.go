package crashtest_test

import (
	"strings"
	"testing"
)

// dies starts a process that dies right after the signer has answered, before the store
// knows of it: the signer has bound the slot, and nothing has left.
func (s *site) dies(o *order) {
	s.t.Helper()
	n := s.start("SLUICE_CRASH_AT=dispatch.signed").await()
	eventually(s.t, "it dies once the payout is signed", func() bool {
		if n.gone() {
			return true
		}
		if o.id == "" && n.url() != "" {
			s.ask(n.url(), o)
		}
		return n.gone()
	})
	if !n.killed() {
		s.t.Fatal("the point was not reached")
	}
}

// TestCase21_SignedAndForgotten lets a process die between the signer's answer and the
// record of it. When the payout is then refused, or cancelled, its nonce is bound to it in
// the signer for ever: it must be used up by a cancel, and not be given to another payout.
func TestCase21_SignedAndForgotten(t *testing.T) {
	for name, end := range map[string]func(s *site, o *order) string{
		"refused by the network": func(s *site, o *order) string {
			must(s.t, s.chain.Freeze(s.t.Context(), s.token, o.to, true))
			return "frozen"
		},
		"cancelled by an operator": func(s *site, _ *order) string {
			s.order()
			return "an operator cancelled"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newChain(t), stores["sqlite"](t, t.TempDir()))
			first := s.want("USDT", "7", 1)[0]
			s.dies(first)
			reason := end(s, first)
			n := s.start().await()
			next := s.want("USDT", "8", 1)[0]
			s.until(n.url(), "both have ended", func() bool { return final(first.state()) && final(next.state()) })
			if text, _ := first.answer["reason"].(string); first.state() != "failed" || !strings.Contains(text, reason) {
				t.Errorf("the first ended %s: %s", first.state(), text)
			}
			if got := s.onChain("USDT", first.to); !none(got) {
				t.Errorf("the first failed, and the chain holds %s for it", got)
			}
			if got := s.onChain("USDT", next.to); got != "8.000000" || next.state() != "confirmed" {
				t.Errorf("the next payout is %s, with %s on the chain", next.state(), got)
			}
			if s.sent() != 2 {
				t.Errorf("the wallet sent %d transactions, want a cancel and a payout", s.sent())
			}
			n.stop()
			s.verified()
		})
	}
}
