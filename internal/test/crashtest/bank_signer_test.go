package crashtest_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// beside gives a branch a signer of its own, with limits and an approver. It gives the
// signer, not started, and the file of the approver's key.
func (b *branch) beside() (*signing, string) {
	b.t.Helper()
	dir, err := os.MkdirTemp("", "sluice-signer-") // a socket's path must be short
	must(b.t, err)
	b.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	key := filepath.Join(b.dir, "approver.pem")
	public := b.tell("approver", "keygen", key)[0]["public"]
	socket, policy := filepath.Join(dir, "socket"), filepath.Join(b.dir, "signer.toml")
	must(b.t, os.WriteFile(policy, fmt.Appendf(nil, `
socket = %q
dir = %q
[approvals]
keys = [%q]
[[banks]]
name = "sepa"
iban = %q
per_payment = "50.00"
approval_above = "15.00"
destinations = ["NL70ABNA0106295004"]
`, socket, filepath.Join(dir, "log"), public, bankAccount), 0o600))
	conf, err := os.ReadFile(b.conf)
	must(b.t, err)
	must(b.t, os.WriteFile(b.conf, fmt.Appendf(conf, "[signer]\nsocket = %q\n", socket), 0o600))
	return &signing{site: b.site, policy: policy}, key
}

// look reads a withdrawal again.
func (b *branch) look(base string, o *order) {
	if o.id == "" {
		b.askBank(base, o)
		return
	}
	if status, answer, err := b.call(base, http.MethodGet, "/v1/withdrawals/"+o.id, nil); err == nil && status == http.StatusOK {
		o.answer = answer
	}
}

// TestA3_BankThroughASignerOfItsOwn pays through a bank with a signer that is killed again
// and again, and the server too now and then. The bank books every payment once. What the
// signer would refuse waits, in nobody's way, and leaves once it is approved.
func TestA3_BankThroughASignerOfItsOwn(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	b := newBranch(t, stores["sqlite"](t, t.TempDir()))
	sign, key := b.beside()
	b.wire("20.00", "50.01", "1.00", "1.00")
	large, huge, stranger := b.orders[0], b.orders[1], b.orders[3]
	stranger.to = "FR1420041010050500013M02606"
	sign.start()
	n := b.start().await()
	says := func(o *order, code string) {
		t.Helper()
		eventually(t, o.amount+" says "+code, func() bool { b.look(n.url(), o); return o.attention() == code })
	}
	says(large, "approval_missing")
	says(huge, "sign_limit_payout")
	says(stranger, "sign_destination")
	sign.kill()
	b.wire("1.00")
	says(b.orders[4], "signer_unavailable")
	sign.start()
	for round := range 8 {
		b.wire("1.00", "1.00")
		kill := time.NewTimer(time.Duration(random.IntN(300)) * time.Millisecond)
		for waiting := true; waiting; {
			select {
			case <-kill.C:
				waiting = false
			default:
				b.ended(n.url())
			}
		}
		sign.kill()
		if round%3 == 2 {
			n.kill()
			n = b.start()
			n.await()
		}
		sign.start()
	}
	held := map[*order]bool{large: true, huge: true, stranger: true}
	eventually(t, "the others are paid", func() bool {
		b.ended(n.url())
		for _, o := range b.orders {
			if !held[o] && o.state() != "confirmed" {
				return false
			}
		}
		return true
	})
	for o := range held {
		if b.look(n.url(), o); o.state() != "queued" {
			t.Fatalf("%s is %s", o.amount, o.state())
		}
	}
	approve := []string{"approver", "sign", large.id, "--yes", "--key", key, "--scale", "2", "--network", "sepa", "--asset", "EUR", "--amount", "20.00", "--iban", large.to}
	proof, _ := b.tell(approve...)[0]["approval"].(string)
	b.tell("withdrawal", "approve", large.id, "--approval", proof)
	eventually(t, "the approved one is paid", func() bool { b.ended(n.url()); return large.state() == "confirmed" })
	for _, o := range []*order{huge, stranger} {
		b.tell("withdrawal", "reject", o.id, "--reason", "not by this bank")
		eventually(t, "the rejected one has ended", func() bool { b.look(n.url(), o); return o.state() == "rejected" })
		if b.booked[strings.TrimPrefix(o.id, "wd_")] > 0 {
			t.Errorf("the bank booked %s", o.amount)
		}
	}
	b.orders = append(b.orders[2:3], append([]*order{large}, b.orders[4:]...)...)
	b.settledAtBank(n)
}
