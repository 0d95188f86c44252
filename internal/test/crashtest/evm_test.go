package crashtest_test

import (
	"encoding/hex"
	"math/big"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"

	"sluice/internal/demo/devnet"
)

// The tests here control the chain themselves: blocks are made one by one, so that
// each test decides what the server sees.

// until makes blocks until fn is true.
func (s *site) until(base, what string, fn func() bool) {
	s.t.Helper()
	eventually(s.t, what, func() bool {
		must(s.t, s.chain.Mine(1))
		s.push(base)
		return fn()
	})
}

// reaches waits, without making blocks, until a withdrawal is as fn says.
func (s *site) reaches(base, what string, fn func() bool) {
	s.t.Helper()
	eventually(s.t, what, func() bool {
		s.push(base)
		return fn()
	})
}

// refunded holds a withdrawal that failed against what that means: nothing on the
// chain, all money back, and a reason.
func (s *site) refunded(base string, o *order, reason string) {
	s.t.Helper()
	if o.state() != "failed" {
		s.t.Errorf("%s ended %s, want failed", o.foreign, o.state())
	}
	if text, _ := o.answer["reason"].(string); !strings.Contains(text, reason) {
		s.t.Errorf("%s failed because %q, want %q", o.foreign, text, reason)
	}
	if got := s.onChain(o.currency, o.to); !none(got) {
		s.t.Errorf("%s failed, and the chain holds %s for it", o.foreign, got)
	}
	b := s.balance(base, o.currency)
	if b["available_for_withdrawal"] != s.usdt.Format(amount(s.t, s.usdt, credited)) || !none(b["reserved"]) {
		s.t.Errorf("after the failure: %v", b)
	}
}

func TestFrozenRecipient(t *testing.T) {
	t.Run("before signing: refused, nothing was signed", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, newChain(t), stores["sqlite"](t, t.TempDir()))
		n := s.start().await()
		o := s.want("USDT", "7", 1)[0]
		must(t, s.chain.Freeze(t.Context(), s.token, o.to, true))
		s.until(n.url(), "it has failed", func() bool { return final(o.state()) })
		s.refunded(n.url(), o, "frozen")
		if s.sent() != 0 {
			t.Errorf("the wallet sent %d transactions", s.sent())
		}
		// The nonce went back: the next payout uses it.
		next := s.want("USDT", "8", 1)[0]
		s.until(n.url(), "the next is paid", func() bool { return next.state() == "confirmed" })
		if got := s.onChain("USDT", next.to); got != "8.000000" || s.sent() != 1 {
			t.Errorf("the next payout: %s on the chain, %d transactions", got, s.sent())
		}
		n.stop()
		s.verified()
	})
	t.Run("between signing and mining: failed on proof", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, newChain(t), stores["sqlite"](t, t.TempDir()))
		// After blocks without tips a payout offers a small one, so that the freeze comes first.
		must(t, s.chain.Mine(25))
		n := s.start().await()
		o := s.want("USDT", "7", 1)[0]
		s.reaches(n.url(), "it is sent", func() bool { return o.stage() == "sent" })
		must(t, s.chain.Freeze(t.Context(), s.token, o.to, true)) // one block: the freeze, and then the payout
		s.reaches(n.url(), "it is mined", func() bool { return o.stage() == "mined" })
		if o.state() != "processing" {
			t.Errorf("a block that is not final decided: %s", o.state())
		}
		s.until(n.url(), "it has failed", func() bool { return final(o.state()) })
		s.refunded(n.url(), o, "revert")
		n.stop()
		s.verified()
	})
}

// A token that answers false, or moves nothing and logs nothing, does not revert.
// Neither counts as paid, whatever the receipt says.
func TestCase38_TokenThatDoesNotPay(t *testing.T) {
	for name, mode := range map[string]devnet.Mode{"returns false": devnet.ReturnsFalse, "moves and logs nothing": devnet.Silent} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newChain(t), stores["sqlite"](t, t.TempDir()), func(set *settings) { set.kind = devnet.Moody })
			must(t, s.chain.Mine(25)) // as above
			n := s.start().await()
			o := s.want("USDT", "7", 1)[0]
			s.reaches(n.url(), "it is sent", func() bool { return o.stage() == "sent" })
			must(t, s.chain.SetMode(t.Context(), s.token, mode))
			s.until(n.url(), "it has failed", func() bool { return final(o.state()) })
			s.refunded(n.url(), o, "moved nothing")
			if s.sent() != 1 {
				t.Errorf("%d transactions, want the one that did nothing", s.sent())
			}
			n.stop()
			s.verified()
		})
	}
}

func TestWalletOutOfFunds(t *testing.T) {
	for _, c := range []struct {
		name, funds, gas, attention string
		dollars, ether              string // what is sent to the wallet then
	}{
		{"no tokens", "5", "1", "wallet_out_of_funds", "10", ""},
		{"no gas", "100", "", "wallet_out_of_gas", "", "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newChain(t), stores["sqlite"](t, t.TempDir()), func(set *settings) { set.funds, set.gas = c.funds, c.gas })
			n := s.start().await()
			o := s.want("USDT", "7", 1)[0]
			s.until(n.url(), "it says why it waits", func() bool { return o.attention() == c.attention })
			if o.state() != "queued" {
				t.Errorf("it is %s, want queued", o.state())
			}
			s.give(c.dollars, c.ether)
			s.until(n.url(), "it is paid after the top-up", func() bool { return o.state() == "confirmed" })
			if o.attention() != "" {
				t.Errorf("it still says %s", o.attention())
			}
			s.settled(n)
		})
	}
}

// More payouts than the worker looks at wait for tokens: the native coin goes on.
func TestOneCurrencyDoesNotHoldUpAnother(t *testing.T) {
	t.Parallel()
	s := newSite(t, newChain(t), stores["sqlite"](t, t.TempDir()), func(set *settings) { set.funds, set.gas = "5", "10" })
	n := s.start().await()
	stuck := s.want("USDT", "7", 40)
	s.until(n.url(), "the first one says why it waits", func() bool { return stuck[0].attention() == "wallet_out_of_funds" })
	coin := s.want("ETH", "0.01", 1)[0]
	s.until(n.url(), "the native coin is paid", func() bool { return coin.state() == "confirmed" })
	s.give("1000", "")
	s.until(n.url(), "the tokens are paid after the top-up", func() bool {
		for _, o := range stuck {
			if o.state() != "confirmed" {
				return false
			}
		}
		return true
	})
	s.settled(n)
}

// TestCase15_NodeGone takes the node away at each stage of a payout. Nothing fails, it
// says why it waits, and goes on when the node is back.
func TestCase15_NodeGone(t *testing.T) {
	for _, c := range []struct {
		name  string
		stage func(o *order) bool
	}{
		{"before the payout is planned", func(o *order) bool { return true }},
		{"while it is sent", func(o *order) bool { return o.stage() == "sent" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			chain := newChain(t)
			proxy := newProxy(t, chain.URL())
			s := newSite(t, chain, stores["sqlite"](t, t.TempDir()), func(set *settings) { set.node = proxy.url })
			n := s.start().await()
			proxy.gone.Store(c.name == "before the payout is planned")
			o := s.want("USDT", "7", 1)[0]
			s.reaches(n.url(), "the moment to take the node away", func() bool { return o.id != "" && c.stage(o) })
			proxy.gone.Store(true)
			// A block holds it, if it was sent; nobody can tell while the node is gone.
			s.until(n.url(), "it says why it waits", func() bool { return o.attention() == "node_unavailable" })
			if final(o.state()) {
				t.Errorf("a node that does not answer decided: %s", o.state())
			}
			proxy.gone.Store(false)
			s.until(n.url(), "it is paid", func() bool { return final(o.state()) })
			s.settled(n)
		})
	}
}

// proxy stands between the server and its node, and can take the node away.
type proxy struct {
	url  string
	gone atomic.Bool
}

// TestCase22_Reorg drops the block of a payout, with and without its transaction: it
// falls back from mined to sent, no second payment is made, and the same bytes are
// sent until a block holds them for good.
func TestCase22_Reorg(t *testing.T) {
	for name, keep := range map[string]bool{"transaction kept": true, "transaction forgotten": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newChain(t), stores["sqlite"](t, t.TempDir()), func(set *settings) { set.finality = "5" })
			must(t, s.chain.Mine(3)) // what the wallet was given stays
			n := s.start().await()
			o := s.want("USDT", "7", 1)[0]
			s.reaches(n.url(), "it is sent", func() bool { return o.stage() == "sent" })
			must(t, s.chain.Mine(1))
			s.reaches(n.url(), "it is mined", func() bool { return o.stage() == "mined" })
			first := o.answer["txid"]
			must(t, s.chain.Reorg(2, keep))
			if !keep {
				s.reaches(n.url(), "it is taken back to sent", func() bool { return o.stage() == "sent" })
			}
			if final(o.state()) {
				t.Errorf("a block that went away decided: %s", o.state())
			}
			s.until(n.url(), "it is paid", func() bool { return final(o.state()) })
			if o.answer["txid"] != first {
				t.Errorf("another transaction was made: %v, the first was %v", o.answer["txid"], first)
			}
			// The timeline tells it.
			_, timeline, err := s.call(n.url(), http.MethodGet, "/v1/withdrawals/"+o.id+"/timeline", nil)
			must(t, err)
			if !keep && !tells(timeline, "withdrawal.dropped") {
				t.Errorf("the timeline does not tell that the block went away: %v", timeline)
			}
			s.settled(n)
		})
	}
}

// TestCase20_RetriesStayInTheSlot makes the node forget the payout again and again, and
// lets the server raise the fee meanwhile: whatever is sent again has the same nonce
// and the same recipient, and one of them is paid.
func TestCase20_RetriesStayInTheSlot(t *testing.T) {
	for name, bump := range map[string]string{"same bytes again": "0s", "dearer bytes for the same slot": "1s"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newChain(t), stores["sqlite"](t, t.TempDir()), func(set *settings) { set.bump = bump })
			n := s.start().await()
			o := s.want("USDT", "7", 1)[0]
			s.reaches(n.url(), "it is sent", func() bool { return o.stage() == "sent" })
			first, seen := o.answer["txid"], map[string]bool{}
			for range 2 {
				s.chain.DropPool()
				s.reaches(n.url(), "it is sent again", func() bool {
					for _, tx := range s.pooled() {
						if bump == "0s" || !seen[tx] {
							seen[tx] = true
							return true
						}
					}
					return false
				})
			}
			s.until(n.url(), "it is paid", func() bool { return final(o.state()) })
			if bump == "0s" && (len(seen) != 1 || o.answer["txid"] != first) {
				t.Errorf("other bytes were sent: %v, first %v, paid by %v", seen, first, o.answer["txid"])
			}
			s.settled(n)
		})
	}
}

// pooled lists the wallet's transactions that wait in the node's pool.
func (s *site) pooled() []string {
	s.t.Helper()
	block, err := s.chain.Client().BlockByNumber(s.t.Context(), big.NewInt(rpc.PendingBlockNumber.Int64()))
	must(s.t, err)
	var out []string
	for _, tx := range block.Transactions() {
		from, err := types.Sender(types.LatestSignerForChainID(tx.ChainId()), tx)
		must(s.t, err)
		if from.Hex() == s.wallet {
			out = append(out, tx.Hash().Hex())
		}
	}
	return out
}

// TestCase21_SlotUsedByStranger has somebody else use the wallet's key and the very
// nonce of a payout that is under way. The payout can never be mined then: that is
// proof, it fails with the money back, and the next one gets the next nonce.
func TestCase21_SlotUsedByStranger(t *testing.T) {
	t.Parallel()
	key, err := crypto.GenerateKey()
	must(t, err)
	s := newSite(t, newChain(t), stores["sqlite"](t, t.TempDir()), func(set *settings) { set.key = hex.EncodeToString(crypto.FromECDSA(key)) })
	must(t, s.chain.Mine(25)) // so that payouts offer a small tip
	n := s.start().await()
	o := s.want("USDT", "7", 1)[0]
	s.reaches(n.url(), "it is sent", func() bool { return o.stage() == "sent" })
	id, to := new(big.Int).SetUint64(s.chain.ID()), common.HexToAddress("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: 0, To: &to, Value: big.NewInt(1), Gas: 21_000, GasTipCap: big.NewInt(90e9), GasFeeCap: big.NewInt(190e9),
	})
	must(t, err)
	must(t, s.chain.Client().SendTransaction(t.Context(), tx))
	must(t, s.chain.Mine(1))
	s.reaches(n.url(), "it says that something is wrong", func() bool { return o.attention() != "" })
	if final(o.state()) {
		t.Errorf("a block that is not final decided: %s", o.state())
	}
	s.until(n.url(), "it has failed", func() bool { return final(o.state()) })
	s.refunded(n.url(), o, "another transaction of the wallet used the slot")
	next := s.want("USDT", "8", 1)[0]
	s.until(n.url(), "the next is paid", func() bool { return next.state() == "confirmed" })
	if got := s.onChain("USDT", next.to); got != "8.000000" || s.sent() != 2 {
		t.Errorf("the next payout: %s on the chain, %d transactions", got, s.sent())
	}
	n.stop()
	s.verified()
}

func tells(timeline map[string]any, typ string) bool {
	entries, _ := timeline["entries"].([]any)
	for _, e := range entries {
		if m, ok := e.(map[string]any); ok && m["type"] == typ {
			return true
		}
	}
	return false
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	target, err := url.Parse(to)
	must(t, err)
	p := &proxy{}
	forward := httputil.NewSingleHostReverseProxy(target)
	transport := &http.Transport{}
	forward.Transport = transport
	p.url = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.gone.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(transport.CloseIdleConnections)
	return p
}
