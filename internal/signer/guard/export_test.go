package guard

import (
	"encoding/hex"
	"encoding/json"
	"testing"

	"sluice/internal/signer"
)

// Waiting is how many asks wait for the next commit.
func Waiting(g *Guard) int {
	g.binder.mu.Lock()
	defer g.binder.mu.Unlock()
	return len(g.binder.queue)
}

// Line writes entries, which are JSON, as a line behind a log.
func Line(log []byte, entries string) []byte {
	j := journal{}
	for len(log) > 0 {
		n := 0
		for log[n] != '\n' {
			n++
		}
		j.head = chain(j.head, log[hashLength:n])
		log = log[n+1:]
	}
	head := chain(j.head, []byte(entries))
	return append(append(append(hex.AppendEncode(nil, head[:]), ' '), entries...), '\n')
}

// OlderLog is what a version that kept no amounts of coins wrote when it bound an intent.
func OlderLog(t testing.TB, in signer.Intent, n signer.Network) []byte {
	t.Helper()
	fee, err := in.MaxFee()
	if err != nil {
		t.Fatal(err)
	}
	e := entry{
		Kind: kindBind, At: 1_700_000_000_000, Network: n.Name, Wallet: purse(n, in.Wallet), Fence: in.Fence, Digest: earlierDigest(in).String(), Bound: in.Bound, Fee: fee.Minor(),
	}
	for _, c := range coinsOf(in) {
		e.Coins = append(e.Coins, c.name)
	}
	for _, o := range in.Outputs {
		e.Payouts = append(e.Payouts, Network{Network: n}.payoutOf(o))
	}
	text, err := json.Marshal([]entry{e})
	if err != nil {
		t.Fatal(err)
	}
	return Line(nil, string(text))
}
