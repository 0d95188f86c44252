package evm

import (
	"bytes"
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/fault"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
)

// way is how a list is paid: by the vault at the address, or, if that is zero, by the
// wallet itself, which pays one payout at a time. All attempts of a slot have one way.
type way struct{ vault common.Address }

func (w way) byVault() bool { return w.vault != (common.Address{}) }

// memoryMax is how many single payouts are remembered with the way in which Feasible found
// that they can be paid, for the Prepare that follows. Losing one costs a question more.
const memoryMax = 1 << 14

func memoryKey(who common.Address, p rail.Payout) string {
	amount := p.Amount.Bytes32()
	return string(who[:]) + p.Ref + "\x00" + p.Asset + "\x00" + string(p.To) + string(amount[:])
}

// ways are those by which a list can be paid, the cheaper one first.
func (r *Rail) ways(who common.Address, payouts []rail.Payout) []way {
	vault, has := r.vaults[who]
	switch {
	case len(payouts) > 1:
		return []way{{vault}}
	case has && fits(payouts[0].Amount):
		return []way{{}, {vault}}
	}
	return []way{{}}
}

// choose decides by which way a list is paid that nothing was signed for yet. Both ways
// may be open to a single payout; then it must be the one whose money Feasible counted,
// or payouts that are under way may have spent it.
func (r *Rail) choose(ctx context.Context, slot rail.Slot, who common.Address, at *big.Int, payouts []rail.Payout) (way, error) {
	ways := r.ways(who, payouts)
	if len(ways) == 1 {
		return ways[0], nil
	}
	p := payouts[0]
	if w, ok := r.chosen.Get(memoryKey(who, p), time.Time{}); ok {
		return w, nil
	}
	var open []way
	for _, w := range ways {
		have, err := r.balance(ctx, p.Asset, r.payer(who, w), at)
		if err != nil {
			return way{}, err
		}
		if !have.Less(p.Amount) {
			open = append(open, w)
		}
	}
	if len(open) == 1 {
		return open[0], nil
	}
	if len(open) == 0 {
		return ways[0], nil // what estimates the gas says what is missing
	}
	used, err := r.nonceAt(ctx, who, at)
	if err != nil {
		return way{}, err
	}
	if used < slot.Nonce {
		return way{}, node.NotYet("payouts of %s are under way: which of its money is free shows when blocks hold them", slot.Wallet)
	}
	return open[0], nil
}

// payer is whose money a way spends.
func (r *Rail) payer(who common.Address, w way) common.Address {
	if w.byVault() {
		return w.vault
	}
	return who
}

// wayOf tells by which way a transaction pays the list; ok is false if it does not.
func (r *Rail) wayOf(tx *types.Transaction, who common.Address, payouts []rail.Payout) (w way, ok bool) {
	if len(payouts) == 1 && r.pays(tx, payouts[0]) {
		return way{}, true
	}
	if tx.To() == nil {
		return way{}, false
	}
	// The vault of the attempt, which need not be the one that is configured today.
	return way{*tx.To()}, *tx.To() != who && r.paysBatch(tx, *tx.To(), payouts)
}

// isCancel tells whether a transaction uses up a nonce of the wallet for nothing.
func isCancel(tx *types.Transaction, who common.Address) bool {
	return tx.To() != nil && *tx.To() == who && tx.Value().Sign() == 0 && len(tx.Data()) == 0
}

// history is what was signed for a slot before.
type history struct {
	txs       []*types.Transaction // oldest first
	way       way                  // of all that pay
	pays      bool                 // at least one pays
	cancelled bool                 // one uses the nonce up for nothing
}

// past reads the attempts of a slot and makes sure that each is for its nonce and pays
// the same list, or nothing at all: a replacement that paid another would pay both, or
// neither.
func (r *Rail) past(slot rail.Slot, payouts []rail.Payout, previous []rail.Attempt) (history, error) {
	var h history
	who := common.HexToAddress(slot.Wallet)
	for _, a := range previous {
		tx, err := decode(a)
		if err != nil {
			return h, err
		}
		h.txs = append(h.txs, tx)
		if tx.Nonce() == slot.Nonce && isCancel(tx, who) {
			h.cancelled = true
			continue
		}
		w, ok := r.wayOf(tx, who, payouts)
		if tx.Nonce() != slot.Nonce || !ok || h.pays && w != h.way {
			return h, fault.New(fault.Internal, "attempt_differs",
				"the attempt %s does not pay %s (%d in all) from nonce %d: it cannot be replaced", a.TxID, payouts[0].Ref, len(payouts), slot.Nonce)
		}
		h.way, h.pays = w, true
	}
	return h, nil
}

// listGas is what the transaction for a list may use, with a *rail.Refusal for one
// that nobody would take.
func (r *Rail) listGas(ctx context.Context, who common.Address, at *big.Int, w way, payouts []rail.Payout) (uint64, error) {
	if !w.byVault() {
		return r.gas(ctx, who, at, payouts[0])
	}
	return r.batchGas(ctx, who, at, w.vault, payouts)
}

// batchGas is what a batch may use: the node's estimate, the margin, and what one
// payout more would be given, since the vault wants to see that much left at the last
// one. Payouts that would be refused are part of it: the others are paid all the same.
func (r *Rail) batchGas(ctx context.Context, who common.Address, at *big.Int, vault common.Address, payouts []rail.Payout) (uint64, error) {
	refused, err := r.simulate(ctx, who, at, vault, payouts)
	if err != nil {
		return 0, err
	}
	if len(refused) > 0 {
		if err := r.vaultHas(ctx, at, vault, payouts); err != nil {
			return 0, err
		}
	}
	if len(refused) == len(payouts) {
		return 0, r.whyRefused(ctx, at, vault, payouts[0])
	}
	most, err := r.gasLimit(ctx, r.conf.BatchGasMax)
	if err != nil {
		return 0, err
	}
	estimate, err := r.estimate(ctx, r.batchMessage(who, vault, payouts, most), at)
	if err != nil {
		return 0, r.noBatch(err, payouts, most)
	}
	return min(estimate+(estimate*r.conf.GasMarginPercent+99)/100+r.conf.BatchGasEach, most), nil
}

func (r *Rail) batchMessage(who, vault common.Address, payouts []rail.Payout, gas uint64) ethereum.CallMsg {
	return ethereum.CallMsg{From: who, To: &vault, Data: r.batch(vault, payouts).encode(), Gas: gas}
}

// simulate gives the places of those payouts of a batch that would be refused now.
func (r *Rail) simulate(ctx context.Context, who common.Address, at *big.Int, vault common.Address, payouts []rail.Payout) ([]int, error) {
	most, err := r.gasLimit(ctx, r.conf.BatchGasMax)
	if err != nil {
		return nil, err
	}
	out, err := r.callAt(ctx, r.batchMessage(who, vault, payouts, most), at)
	if err != nil {
		return nil, r.noBatch(err, payouts, most)
	}
	words := (len(payouts) + 255) / 256
	if len(out) != (2+words)*word {
		return nil, node.Incomplete("eth_call", fmt.Sprintf("the vault answered %d bytes", len(out)))
	}
	var refused []int
	for n := range payouts {
		bits := out[(2+n/256)*word:][:word]
		if bits[word-1-n%256/8]&(1<<(n%8)) != 0 {
			refused = append(refused, n)
		}
	}
	return refused, nil
}

// tooBig says that a batch wants more gas than a transaction may have.
type tooBig struct{ *rail.Wait }

// Unwrap makes it known as the reason to wait that it is.
func (b tooBig) Unwrap() error { return b.Wait }

// otherWay tells whether an error leaves another way of paying open: this one lacks the
// money, or its vault does not pay.
func otherWay(err error) bool {
	return rail.Has(err, rail.CodeNotYet) || rail.Has(err, rail.CodeNoFunds) || rail.Has(err, rail.CodeGasLimit)
}

// noBatch reads why a batch could not be simulated. That a whole batch does not work
// is never the fault of its payouts, so that none of them is refused.
func (r *Rail) noBatch(err error, payouts []rail.Payout, most uint64) error {
	reason, reverted := revertReason(err)
	switch {
	case node.Says(err, outOfGas...), reverted && reason == knownErrors["4a48966d"]:
		return tooBig{&rail.Wait{Code: rail.CodeGasLimit, Text: fmt.Sprintf("a batch of %d payouts wants more than %d gas", len(payouts), most)}}
	case reverted:
		return node.NotYet("the vault does not pay: %s", reason)
	}
	return unavailable(err, "simulate a batch")
}

// vaultHas makes a list wait that the vault has not the money for.
func (r *Rail) vaultHas(ctx context.Context, at *big.Int, vault common.Address, payouts []rail.Payout) error {
	sum, err := total(payouts)
	if err != nil {
		return err
	}
	have, err := r.balance(ctx, payouts[0].Asset, vault, at)
	if err == nil && have.Less(sum) {
		return poor("the vault %s has %s, less than the payouts", vault.Hex(), r.format(payouts[0].Asset, have))
	}
	return err
}

// whyRefused asks for the reason by simulating the payout alone, as the vault makes it.
func (r *Rail) whyRefused(ctx context.Context, at *big.Int, vault common.Address, p rail.Payout) error {
	msg := r.message(vault, p)
	msg.Gas = r.conf.BatchGasEach
	if len(msg.Data) == 0 {
		msg.Gas += plainGas
	}
	_, err := r.callAt(ctx, msg, at)
	if err == nil {
		if err := r.answersTrue(ctx, msg, at, p.Asset); err != nil {
			return err
		}
		return node.NotYet("the vault's payout is refused, and the same alone is not: it is tried again")
	}
	if reason, reverted := revertReason(err); reverted {
		return &rail.Refusal{Reason: reason}
	}
	if node.Says(err, outOfGas...) {
		return &rail.Refusal{Reason: fmt.Sprintf("the recipient's code wants more than the %d gas that a payout may use", r.conf.BatchGasEach)}
	}
	return unavailable(err, "simulate "+p.Ref)
}

// pays tells whether a transaction, if it succeeds, is exactly this payout, made by
// the wallet itself.
func (r *Rail) pays(tx *types.Transaction, p rail.Payout) bool {
	to, value, data := r.call(p)
	return tx.To() != nil && *tx.To() == to && tx.Value().Cmp(value) == 0 && bytes.Equal(tx.Data(), data)
}
