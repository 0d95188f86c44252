package evm

import (
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/rail"
)

// judgeList decides from a transaction in a final block what became of each payout of a
// list. vault is the wallet's, zero for none.
func (r *Rail) judgeList(payouts []rail.Payout, who, vault common.Address, tx *types.Transaction, rec *receipt) ([]verdict, []string) {
	verdicts, reasons := make([]verdict, len(payouts)), make([]string, len(payouts))
	all := func(v verdict, reason string) ([]verdict, []string) {
		for n := range payouts {
			verdicts[n], reasons[n] = v, reason
		}
		return verdicts, reasons
	}
	switch {
	case rec.reverted():
		return all(dead, "the transaction was reverted")
	case !rec.succeeded():
		return all(unclear, "the receipt does not say how the transaction ended, or contradicts itself about it")
	}
	if vault == (common.Address{}) || tx.To() == nil || *tx.To() != vault {
		for n, p := range payouts {
			verdicts[n], reasons[n] = r.judge(p, who, tx, rec)
			// One transfer is one payment: of equal payouts it settles none for certain.
			same := func(o rail.Payout) bool {
				return o.Asset == p.Asset && o.Amount == p.Amount && slices.Equal(o.To, p.To)
			}
			if verdicts[n] == paid && slices.ContainsFunc(payouts[:n], same) {
				return all(unclear, "another transaction of the wallet paid one of several equal payouts")
			}
		}
		return verdicts, reasons
	}
	if len(tx.Data()) == 0 {
		return all(dead, usedByAnother) // coins for the vault itself
	}
	call, ok := decodeBatch(tx.Data())
	if !ok {
		if len(tx.Data()) == 4+2*word && [4]byte(tx.Data()[:4]) == selWithdraw {
			return all(dead, usedByAnother) // coins of the vault for the wallet itself
		}
		return all(unclear, "another transaction of the wallet used the slot, and what the vault did cannot be read from outside")
	}
	if !rec.complete() { // what failed shows in logs alone, too
		return all(unclear, noLogs)
	}
	b := batchJudge{Rail: r, call: call, ours: r.paysBatch(tx, vault, payouts)}
	b.read(vault, rec)
	for n, p := range payouts {
		verdicts[n], reasons[n] = b.judge(n, p)
	}
	if b.ours && b.left() {
		return all(unclear, "the token moved something else than the payouts: compare the Transfer logs")
	}
	return verdicts, reasons
}

// batchJudge holds what a call of the vault's pay says and what its logs show.
type batchJudge struct {
	*Rail
	call batchCall
	ours bool // the call is exactly the list

	failed map[int]string // by place in the call
	used   map[int]bool   // places that a payout was held against
	moved  map[string]int // Transfer logs from the vault that nothing was held against yet
	toward map[common.Address]int
	odd    bool
}

func moveKey(to common.Address, amount *big.Int) string { return string(to[:]) + amount.String() }

func (b *batchJudge) read(vault common.Address, rec *receipt) {
	b.failed, b.used, b.moved, b.toward = map[int]string{}, map[int]bool{}, map[string]int{}, map[common.Address]int{}
	for _, l := range rec.logs {
		if l == nil || l.Address != vault || len(l.Topics) != 2 || l.Topics[0] != topicFailed || l.Topics[1] != b.call.id {
			continue
		}
		if place, reason, ok := readFailed(l.Data); ok && place < len(b.call.items) {
			b.failed[place] = reason
		} else {
			b.odd = true
		}
	}
	if b.call.token == (common.Address{}) {
		return
	}
	found, odd := moves(rec.logs, b.call.token)
	b.odd = b.odd || odd
	for _, m := range found {
		if m.from == vault {
			b.moved[moveKey(m.to, m.amount)]++
			b.toward[m.to]++
		}
	}
}

// readFailed reads the data of a Failed event: place, and what was said.
func readFailed(data []byte) (place int, reason string, ok bool) {
	if len(data) < 3*word {
		return 0, "", false
	}
	at, size := new(big.Int).SetBytes(data[:word]), new(big.Int).SetBytes(data[2*word:3*word])
	if !at.IsInt64() || !size.IsInt64() || size.Int64() > int64(len(data)-3*word) {
		return 0, "", false
	}
	said := data[3*word:][:size.Int64()]
	switch {
	case len(said) == word && new(big.Int).SetBytes(said).Sign() == 0:
		reason = "the token answers the transfer with false"
	case len(said) >= 4:
		reason = decodeRevert(said)
	default:
		reason = "it was refused without a reason, or used all the gas that it was given"
	}
	return int(at.Int64()), reason, true
}

// judge decides on the payout at a place of the list.
func (b *batchJudge) judge(place int, p rail.Payout) (verdict, string) {
	to, amount := common.BytesToAddress(p.To), p.Amount.Big()
	at, near := place, false
	if !b.ours {
		if at, near = b.find(p, to); at < 0 {
			if near || b.odd || b.toward[to] > 0 {
				return unclear, "another batch of the wallet used the slot, and pays the recipient something"
			}
			return dead, usedByAnother
		}
	}
	b.used[at] = true
	if reason, failed := b.failed[at]; failed {
		return dead, reason
	}
	if b.call.token == (common.Address{}) {
		return paid, ""
	}
	if key := moveKey(to, amount); b.moved[key] > 0 {
		b.moved[key]--
		b.toward[to]--
		return paid, ""
	}
	if b.odd || b.toward[to] > 0 {
		return unclear, "the token moved something else than the payout: compare the Transfer logs"
	}
	return dead, movedNothing
}

// find looks for a payout in the list of another batch. near says that its recipient
// gets something else there.
func (b *batchJudge) find(p rail.Payout, to common.Address) (place int, near bool) {
	var token common.Address
	if t, ok := b.tokens[p.Asset]; ok {
		token = t.contract
	}
	if token != b.call.token {
		return -1, false
	}
	for n, it := range b.call.items {
		if it.to != to || b.used[n] {
			continue
		}
		if it.amount == p.Amount {
			return n, false
		}
		near = true
	}
	return -1, near
}

// left tells whether the vault's tokens moved in a way that no payout explains.
func (b *batchJudge) left() bool {
	for _, n := range b.moved {
		if n > 0 {
			return true
		}
	}
	return b.odd
}
