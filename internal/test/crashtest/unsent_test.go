package crashtest_test

import (
	"encoding/hex"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"sluice/internal/rail/utxo/utxotest"
)

// dies starts a process that dies right after the signer has answered, before the store
// knows of it: the signer has bound the slot, and nothing has left.
func (s *site) dies(o *order) { s.t.Helper(); s.diesAt("dispatch.signed", o) }

func (s *site) diesAt(point string, o *order) {
	s.t.Helper()
	n := s.start("SLUICE_CRASH_AT=" + point).await()
	eventually(s.t, "it dies at "+point, func() bool {
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

// TestClaimedAndWithoutMoney takes the money for a payout away between its claim and its
// slot. It waits, and bound to no slot it stands in nobody's way.
func TestClaimedAndWithoutMoney(t *testing.T) {
	t.Parallel()
	key, err := crypto.GenerateKey()
	must(t, err)
	s := newSite(t, newChain(t), stores["sqlite"](t, t.TempDir()), func(set *settings) { set.key = hex.EncodeToString(crypto.FromECDSA(key)) })
	poor := s.want("USDT", "700", 1)[0]
	s.diesAt("dispatch.claimed", poor)
	// transfer(address,uint256): 400 of its 1000 leave the wallet.
	data := append([]byte{0xa9, 0x05, 0x9c, 0xbb}, common.LeftPadBytes([]byte{0x77}, 32)...)
	data = append(data, common.LeftPadBytes(big.NewInt(400e6).Bytes(), 32)...)
	id, to := new(big.Int).SetUint64(s.chain.ID()), common.HexToAddress(s.token)
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: 0, To: &to, Data: data, Gas: 200_000, GasTipCap: big.NewInt(1e9), GasFeeCap: big.NewInt(90e9),
	})
	must(t, err)
	must(t, s.chain.Client().SendTransaction(t.Context(), tx))
	must(t, s.chain.Mine(1))
	n := s.start().await()
	other := s.want("ETH", "0.5", 1)[0]
	s.until(n.url(), "the other one is paid", func() bool { return other.state() == "confirmed" })
	if poor.state() != "processing" || poor.attention() == "" {
		t.Errorf("the one without money is %s, %q", poor.state(), poor.attention())
	}
	s.give("400", "")
	s.until(n.url(), "it is paid once the money is there", func() bool { return poor.state() == "confirmed" })
	n.stop()
	s.verified()
}

// TestCase16_SignedAndForgottenOnCoins cancels a payout of a coin chain whose signature got
// lost. The signer has bound the coin to it for ever, and no transaction cancels there: the
// payout goes on, since for any other one the coin would be lost.
func TestCase16_SignedAndForgottenOnCoins(t *testing.T) {
	t.Parallel()
	chain := utxotest.StartBtcd(t)
	s := newCoinSite(t, chain, stores["sqlite"](t, t.TempDir()), 1, false)
	s.want(1)
	s.dies(s.orders[0])
	s.order()
	miningCoins(t, chain, 200*time.Millisecond)
	n := s.start().await()
	s.want(1)
	s.settled(s.finish(n))
}
