package evm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/fault"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
	"sluice/internal/signer"
)

// Prepare implements rail.Rail.
func (r *Rail) Prepare(ctx context.Context, slot rail.Slot, payouts []rail.Payout, previous []rail.Attempt) (signer.Intent, error) {
	ctx = rail.InRound(ctx)
	d, err := r.draft(ctx, slot, payouts, previous)
	if err != nil {
		return signer.Intent{}, err
	}
	if d.cancelled {
		return signer.Intent{}, fault.New(fault.Conflict, "slot_cancelled", "nonce %d of %s is being cancelled: nothing else is signed for it", slot.Nonce, slot.Wallet)
	}
	if !d.pays {
		if d.way, err = r.choose(ctx, slot, d.who, d.at, payouts); err != nil {
			return signer.Intent{}, err
		}
	}
	gas, err := r.listGas(ctx, d.who, d.at, d.way, payouts)
	if gas, err = keepGas(gas, err, d.txs); err != nil {
		return signer.Intent{}, err
	}
	in, err := r.intent(slot, payouts, gas, d)
	if err == nil && d.way.byVault() {
		in.Vault, in.GasEach = d.way.vault.Bytes(), r.conf.BatchGasEach
	}
	return in, err
}

// cancelGas is what a transfer costs that runs no code.
const cancelGas = plainGas

// Cancel implements rail.Canceller: a transfer of nothing from the wallet to itself.
func (r *Rail) Cancel(ctx context.Context, slot rail.Slot, payouts []rail.Payout, previous []rail.Attempt) (signer.Intent, error) {
	ctx = rail.InRound(ctx)
	d, err := r.draft(ctx, slot, payouts, previous)
	if err != nil {
		return signer.Intent{}, err
	}
	in, err := r.intent(slot, payouts, cancelGas, d)
	in.Cancel = true
	return in, err
}

// draft is what attempts of all kinds need.
type draft struct {
	history
	who   common.Address
	at    *big.Int // the latest block
	price quote
	start time.Time // when the first attempt was stored; zero before
}

// draft makes sure that something may be signed for a slot.
func (r *Rail) draft(ctx context.Context, slot rail.Slot, payouts []rail.Payout, previous []rail.Attempt) (draft, error) {
	var d draft
	if err := r.checkList(slot.Wallet, payouts); err != nil && len(previous) == 0 {
		return d, err
	}
	var err error
	if d.history, err = r.past(slot, payouts, previous); err != nil {
		return d, err
	}
	var head *block
	if d.who, head, err = r.begin(ctx, slot.Wallet); err != nil {
		return d, err
	}
	if err := r.provable(ctx, head); err != nil && len(previous) == 0 {
		return d, err
	}
	d.at = head.at()
	if err := r.slotFree(ctx, slot, d.who, d.at, len(previous) > 0); err != nil {
		return d, err
	}
	if len(previous) > 0 {
		d.start = previous[0].At
	}
	d.price, err = r.price(ctx)
	return d, err
}

// intent puts an intent together, at a price that the network takes in place of what
// was signed before and that the budget allows.
func (r *Rail) intent(slot rail.Slot, payouts []rail.Payout, gas uint64, d draft) (signer.Intent, error) {
	q, err := r.offer(d, gas)
	if err != nil {
		return signer.Intent{}, err
	}
	feeCap, tip, err := q.amounts()
	if err != nil {
		return signer.Intent{}, err
	}
	in := signer.Intent{
		Family: Family, Network: r.conf.Network, Wallet: slot.Wallet, ChainID: r.conf.ChainID, Nonce: slot.Nonce,
		Gas: gas, FeeCap: feeCap, TipCap: tip,
	}
	for _, p := range payouts {
		out := signer.Output{Ref: p.Ref, Asset: p.Asset, To: bytes.Clone(p.To), Amount: p.Amount, Approval: p.Approval}
		if t, ok := r.tokens[p.Asset]; ok {
			out.Token = t.contract.Bytes()
		}
		in.Outputs = append(in.Outputs, out)
	}
	return in, nil
}

// slotFree makes sure that no block has used the nonce. Before anything was signed
// another nonce will do; afterwards only Observe can say what happened.
func (r *Rail) slotFree(ctx context.Context, slot rail.Slot, who common.Address, at *big.Int, signed bool) error {
	used, err := r.nonceAt(ctx, who, at)
	if err != nil {
		return err
	}
	if used <= slot.Nonce {
		return nil
	}
	if signed {
		return fmt.Errorf("%w: a block holds nonce %d of %s", rail.ErrLook, slot.Nonce, slot.Wallet)
	}
	return fmt.Errorf("%w: nonce %d of %s, the next free one is %d", rail.ErrSlotTaken, slot.Nonce, slot.Wallet, used)
}

// gas is what the payout may use: the node's estimate at a block, plus the margin. A
// *rail.Refusal says that the recipient or the token itself refuses. That takes three
// things: executed code that gave up, a wallet that could have paid, and a node that
// is in sync (the caller has checked the last).
func (r *Rail) gas(ctx context.Context, who common.Address, at *big.Int, p rail.Payout) (uint64, error) {
	msg := r.message(who, p)
	limit, err := r.gasLimit(ctx, r.conf.GasMax)
	if err != nil {
		return 0, err
	}
	msg.Gas = limit
	if _, isToken := r.tokens[p.Asset]; isToken { // answersTrue will ask
		_ = together(func() error { _, err := r.estimate(ctx, msg, at); return err }, func() error { _, err := r.callAt(ctx, msg, at); return err })
	}
	estimate, err := r.estimate(ctx, msg, at)
	if err == nil {
		if err := r.affords(ctx, who, at, p); err != nil {
			return 0, err
		}
		if err := r.answersTrue(ctx, msg, at, p.Asset); err != nil {
			return 0, err
		}
		gas := estimate + (estimate*r.conf.GasMarginPercent+99)/100
		return min(gas, limit), nil
	}
	reason, refuses := r.refuses(ctx, err, msg, at)
	if !refuses {
		return 0, unavailable(err, "estimate the gas of "+p.Ref)
	}
	if err := r.hasFor(ctx, who, at, p); err != nil {
		return 0, err
	}
	return 0, &rail.Refusal{Reason: reason}
}

// refuses tells from the error of an estimate whether the recipient or the token refuses
// for good, and why. What is not a plain revert is believed when a second simulation
// ends the same.
func (r *Rail) refuses(ctx context.Context, err error, msg ethereum.CallMsg, at *big.Int) (reason string, ok bool) {
	var refused *node.Refusal
	reason, ok = revertReason(err)
	if errors.As(err, &refused) && (refused.Code == 3 || node.Says(refused, "execution reverted")) {
		return reason, ok
	}
	greedy := node.Says(err, outOfGas...)
	if !ok && !greedy {
		return "", false
	}
	_, again := r.callAt(ctx, msg, at)
	if again == nil {
		return "", false
	}
	if _, halts := revertReason(again); halts && ok {
		return reason, true
	}
	// With the gas that we gave, so that it is no setting of the node.
	if greedy && (node.Says(again, outOfGas...) || node.Says(err, fmt.Sprintf("gas required exceeds allowance (%d)", msg.Gas))) {
		return fmt.Sprintf("the recipient's code wants more than the %d gas that a payout may use", msg.Gas), true
	}
	return "", false
}

// gasLimit bounds the gas of a transaction by what a block of the chain has: three
// quarters of it, since one that needs a whole block waits for an empty one.
func (r *Rail) gasLimit(ctx context.Context, most uint64) (uint64, error) {
	head, err := r.head(ctx)
	if err != nil || head.gas == 0 {
		return most, err
	}
	return min(most, head.gas-head.gas/4), nil
}

// affords makes a payout of the native coin wait that the wallet has not: some nodes
// estimate it all the same. Tokens look after themselves.
func (r *Rail) affords(ctx context.Context, who common.Address, at *big.Int, p rail.Payout) error {
	if p.Asset != r.conf.FeeAsset {
		return nil
	}
	return r.hasFor(ctx, who, at, p)
}

// hasFor makes a payout wait that somebody has not the money for.
func (r *Rail) hasFor(ctx context.Context, who common.Address, at *big.Int, p rail.Payout) error {
	have, err := r.balance(ctx, p.Asset, who, at)
	if err == nil && have.Less(p.Amount) {
		return poor("the wallet %s has %s, less than the payout", who.Hex(), r.format(p.Asset, have))
	}
	return err
}

// answersTrue refuses a payout that a token would answer with false: its transaction
// would succeed, cost gas, and pay nothing.
func (r *Rail) answersTrue(ctx context.Context, msg ethereum.CallMsg, at *big.Int, asset string) error {
	if _, isToken := r.tokens[asset]; !isToken {
		return nil
	}
	out, err := r.callAt(ctx, msg, at)
	if err != nil {
		return unavailable(err, "simulate the transfer of "+asset)
	}
	if len(out) >= 32 && new(big.Int).SetBytes(out[:32]).Sign() == 0 {
		return &rail.Refusal{Reason: "the token answers the transfer with false"}
	}
	return nil
}

// keepGas decides the gas of a replacement. The node simulates on top of the latest
// block, where the earlier attempt may have paid already, so that its refusal proves
// nothing about the slot: then the earlier limit stays.
func keepGas(gas uint64, err error, earlier []*types.Transaction) (uint64, error) {
	var refused *rail.Refusal
	if len(earlier) == 0 || err != nil && !errors.As(err, &refused) {
		return gas, err
	}
	for _, tx := range earlier {
		gas = max(gas, tx.Gas()) // a cancel among them has less than any payout
	}
	return gas, nil
}

// message is the payout's call as the node simulates it. It names no price: with one
// the node would mix the wallet's gas money into its answer.
func (r *Rail) message(who common.Address, p rail.Payout) ethereum.CallMsg {
	to, value, data := r.call(p)
	return ethereum.CallMsg{From: who, To: &to, Value: value, Data: data}
}

// call is what a transaction must do to pay the payout, and nothing else.
func (r *Rail) call(p rail.Payout) (to common.Address, value *big.Int, data []byte) {
	recipient := common.BytesToAddress(p.To)
	if t, ok := r.tokens[p.Asset]; ok {
		return t.contract, new(big.Int), transfer(recipient, p.Amount)
	}
	return recipient, p.Amount.Big(), nil
}

// decode reads stored bytes and makes sure that they are the attempt they claim to be.
func decode(a rail.Attempt) (*types.Transaction, error) {
	tx := new(types.Transaction)
	if err := tx.UnmarshalBinary(a.Raw); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "attempt_corrupt", "the stored bytes of %s are not a transaction", a.TxID)
	}
	if tx.Hash() != common.HexToHash(a.TxID) {
		return nil, fault.New(fault.Internal, "attempt_corrupt", "the stored bytes of %s are the transaction %s", a.TxID, tx.Hash())
	}
	return tx, nil
}
