package crashtest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// signing is a signer in a process of its own.
type signing struct {
	site   *site
	policy string
	cmd    *exec.Cmd
	said   bytes.Buffer // read after its end
}

// beside moves the keys of a site into a signer of its own, with limits and an approver.
// It gives the signer, not started, and the file of the approver's key.
func (s *site) beside(perPayout, approvalAbove string) (*signing, string) {
	s.t.Helper()
	dir, err := os.MkdirTemp("", "sluice-signer-") // a socket's path must be short
	must(s.t, err)
	s.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	key := filepath.Join(s.dir, "approver.pem")
	public := s.tell("approver", "keygen", key)[0]["public"]
	socket := filepath.Join(dir, "socket")
	policy := filepath.Join(s.dir, "signer.toml")
	must(s.t, os.WriteFile(policy, fmt.Appendf(nil, `
socket = %q
dir = %q
[keystore]
dir = %q
passphrase = "secret"
[approvals]
keys = [%q]
[[networks]]
name = %q
kind = "evm"
chain_id = %d
  [[networks.assets]]
  code = "ETH"
  scale = 18
  [[networks.assets]]
  code = "USDT"
  scale = %d
  token = %q
  per_payout = %q
  approval_above = %q
`, socket, filepath.Join(dir, "log"), filepath.Join(s.dir, "keys"), public, network, s.chain.ID(), s.usdt.Scale, s.token, perPayout, approvalAbove), 0o600))
	conf, err := os.ReadFile(s.conf)
	must(s.t, err)
	must(s.t, os.WriteFile(s.conf, fmt.Appendf(bytes.ReplaceAll(conf, []byte("[keystore]\n"), []byte("[keystore_gone]\n")), "[signer]\nsocket = %q\n", socket), 0o600))
	s.withoutKeys()
	return &signing{site: s, policy: policy}, key
}

// withoutKeys takes the keys out of the server's configuration.
func (s *site) withoutKeys() {
	s.t.Helper()
	conf, err := os.ReadFile(s.conf)
	must(s.t, err)
	var out [][]byte
	skip := false
	for _, line := range bytes.SplitAfter(conf, []byte("\n")) {
		if bytes.HasPrefix(line, []byte("[")) {
			skip = bytes.HasPrefix(line, []byte("[keystore_gone]"))
		}
		if !skip {
			out = append(out, line)
		}
	}
	must(s.t, os.WriteFile(s.conf, append(bytes.Join(out, nil), "[keystore]\ndir = \"\"\n"...), 0o600))
}

func (g *signing) start() {
	t := g.site.t
	t.Helper()
	path, err := server()
	must(t, err)
	g.cmd = exec.Command(path, "signer", "--policy", g.policy, "--json")
	g.cmd.Dir = g.site.dir
	g.cmd.Stderr = &g.said
	out, err := g.cmd.StdoutPipe()
	must(t, err)
	must(t, g.cmd.Start())
	t.Cleanup(func() {
		if g.cmd.ProcessState == nil {
			g.kill()
		}
		if t.Failed() {
			t.Logf("the signer said:\n%s", g.said.String())
			g.said.Reset()
		}
	})
	var ready struct{ Event string }
	if err := json.NewDecoder(io.LimitReader(out, 1<<16)).Decode(&ready); err != nil || ready.Event != "ready" {
		t.Fatalf("the signer does not start: %q, %v", ready.Event, err)
	}
}

// kill ends it as a power cut would.
func (g *signing) kill() {
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait()
}

// waits until a withdrawal says why it waits.
func (s *site) waits(n *node, o *order, code string) {
	s.t.Helper()
	s.reaches(n.url(), o.foreign+" says "+code, func() bool { return o.attention() == code })
}

// TestSignerOfItsOwn pays through a signer that is killed again and again, and the server
// too now and then: every payout arrives once. What the signer would refuse waits, holds
// nothing up, and goes on once it is approved.
func TestSignerOfItsOwn(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := newSite(t, mining(t, newChain(t)), stores["sqlite"](t, t.TempDir()), func(set *settings) { set.lease = "200ms" })
	sign, key := s.beside("400", "100")
	large, huge := s.want("USDT", "150", 1)[0], s.want("USDT", "401", 1)[0]
	sign.start()
	n := s.start().await()
	for _, o := range s.orders {
		s.ask(n.url(), o)
	}
	s.waits(n, large, "approval_missing")
	s.waits(n, huge, "sign_limit_payout")
	sign.kill()
	early := s.want("USDT", "1", 1)[0]
	s.ask(n.url(), early)
	s.waits(n, early, "signer_unavailable")
	sign.start()

	const rounds = 12
	for round := range rounds {
		small := s.want("USDT", "1", 3)
		for _, o := range small {
			s.ask(n.url(), o)
		}
		kill := time.NewTimer(time.Duration(random.IntN(300)) * time.Millisecond)
		<-kill.C
		sign.kill()
		if round%4 == 3 {
			n.kill()
			n = s.start()
			n.await()
		}
		sign.start()
	}
	paid := func() bool {
		for _, o := range s.orders {
			if o != large && o != huge && o.state() != "confirmed" {
				return false
			}
		}
		return true
	}
	s.reaches(n.url(), "the small ones are paid", paid)
	if large.state() != "queued" || huge.state() != "queued" {
		t.Fatalf("large is %s, huge is %s", large.state(), huge.state())
	}
	approved := s.tell("approver", "sign", large.id, "--yes", "--key", key, "--scale", fmt.Sprint(s.usdt.Scale),
		"--network", network, "--asset", "USDT", "--amount", "150", "--address", large.to)
	proof, _ := approved[0]["approval"].(string)
	s.tell("withdrawal", "approve", large.id, "--approval", proof)
	s.reaches(n.url(), "the approved one is paid", func() bool { return large.state() == "confirmed" })
	s.tell("withdrawal", "reject", huge.id, "--reason", "above what is paid at once")
	s.reaches(n.url(), "the rejected one has ended", func() bool { return huge.state() == "rejected" })
	s.orders = append(s.orders[:1], s.orders[2:]...) // huge must not arrive
	if got := s.onChain("USDT", huge.to); !none(got) {
		t.Errorf("the rejected one holds %s", got)
	}
	n.stop()
	s.paidOnce()
	s.verified()
}
