package evm

import (
	"context"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/fault"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
)

// Observe implements rail.Rail. It asks in an order in which a reorganisation between two
// questions shows: how far the chain is final and for the receipts, and then whether a
// receipt's block still stands. An outcome is believed only when the node still says the
// same of its chain and of what is final.
func (r *Rail) Observe(ctx context.Context, slot rail.Slot, payouts []rail.Payout, attempts []rail.Attempt) (rail.Observation, error) {
	ctx = rail.InRound(ctx)
	if len(payouts) == 0 {
		return rail.Observation{}, fault.New(fault.Invalid, "payout_list", "a slot on %s without payouts", r.conf.Network)
	}
	for _, p := range payouts {
		if err := r.checkPayout(p); err != nil {
			return rail.Observation{}, err
		}
	}
	txs := make([]*types.Transaction, 0, len(attempts))
	for _, a := range attempts {
		tx, err := decode(a)
		if err != nil {
			return rail.Observation{}, err
		}
		txs = append(txs, tx)
	}
	who, err := decodeWallet(slot.Wallet)
	if err != nil {
		return rail.Observation{}, err
	}
	if len(txs) == 0 {
		return rail.Observation{Stage: rail.StageUnknown, Note: "nothing was signed for this slot yet"}, nil
	}
	o := look{Rail: r, slot: slot, payouts: payouts, who: who, txs: txs}
	out, moved, err := o.once(ctx)
	if moved && err == nil {
		// Most likely a block came between two questions: a second look, which remembers
		// nothing of the first, settles it.
		o.tx, o.receipt = nil, nil
		out, _, err = o.once(rail.Round(ctx))
	}
	return out, err
}

// look is one observation while it is made.
type look struct {
	*Rail
	slot    rail.Slot
	payouts []rail.Payout
	who     common.Address
	txs     []*types.Transaction

	tx       *types.Transaction // the attempt that has a receipt
	receipt  *receipt
	head     *block
	final    uint64 // latest final block
	hasFinal bool
	noFinal  error // why there is none
}

// once looks once. moved says that the answers contradict each other unless a block
// came in between.
func (o *look) once(ctx context.Context) (out rail.Observation, moved bool, err error) {
	if err := together(func() error { return o.boundary(ctx) }, func() error { return o.receipts(ctx) }); err != nil {
		return rail.Observation{}, false, err
	}
	if o.receipt == nil {
		return o.absent(ctx)
	}
	out, err = o.mined(ctx)
	return out, false, err
}

// boundary reads the latest block and the latest final one. A node that is catching
// up has old ones, and may even follow a chain that others have left.
func (o *look) boundary(ctx context.Context) (err error) {
	if _, o.head, err = o.begin(ctx, o.slot.Wallet, func() { _, _ = o.Rail.final(ctx) }); err != nil {
		return err
	}
	o.final, err = o.Rail.final(ctx)
	o.hasFinal, o.noFinal = err == nil, err
	if rail.Has(err, rail.CodeNoFinality) {
		return nil // nothing is final then, which is harmless
	}
	return err
}

// receipts looks for an attempt in a block. Of all errors only "not found" means that
// there is none.
func (o *look) receipts(ctx context.Context) error {
	found := make([]*receipt, len(o.txs))
	err := rail.Side(len(o.txs), askers, func(n int) (err error) {
		if found[n], err = o.receiptOf(ctx, o.txs[n].Hash()); errors.Is(err, errNothing) {
			found[n], err = nil, nil
		}
		return err
	})
	if err != nil {
		return err
	}
	for n, rec := range found {
		switch {
		case rec == nil:
		case rec.number == nil:
			return node.Incomplete("eth_getTransactionReceipt", "blockNumber is missing")
		case o.receipt != nil:
			return node.Incomplete("eth_getTransactionReceipt", "two transactions of one nonce have receipts")
		default:
			o.tx, o.receipt = o.txs[n], rec
		}
	}
	return nil
}

// standing reads the block of a receipt, nil when the chain has another one there.
func (o *look) standing(ctx context.Context, rec *receipt) (*block, error) {
	// Payouts of one round share their blocks.
	b, err := rail.Once(ctx, o.key("block", *rec.number, rec.block), func() (*block, error) { return o.number(ctx, *rec.number) })
	if errors.Is(err, errNothing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if rec.block == (common.Hash{}) && !b.listed {
		return nil, node.Incomplete("eth_getTransactionReceipt", "blockHash is missing")
	}
	if rec.block != (common.Hash{}) && b.hash != rec.block || !b.has(rec.tx) {
		return nil, nil
	}
	return b, nil
}

// mined reports an attempt that has a receipt, if its block still stands.
func (o *look) mined(ctx context.Context) (rail.Observation, error) {
	b, err := o.standing(ctx, o.receipt)
	if err != nil {
		return rail.Observation{}, err
	}
	if b == nil {
		return o.unknown("the block of the receipt is not in the chain: it is being reorganised, or nodes disagree"), nil
	}
	out := o.in(b, o.tx)
	if !o.hasFinal || b.number > o.final {
		out.Why = o.whyNotFinal(ctx)
		o.foresee(ctx, b, o.tx, o.receipt)
		return out, nil
	}
	return o.decided(ctx, out, b, o.tx, o.receipt)
}

// foresee gathers what a verdict will need once the block is final, while the node still
// has it. What goes wrong here is met again then.
func (o *look) foresee(ctx context.Context, b *block, tx *types.Transaction, rec *receipt) {
	verdicts, reasons := o.judgeList(o.payouts, o.who, o.vault(), tx, rec)
	_, _ = o.doubtful(ctx, verdicts, reasons, b, tx, rec)
}

// in is the report of a transaction in a block.
func (o *look) in(b *block, tx *types.Transaction) rail.Observation {
	return rail.Observation{
		Stage: rail.StageMined, TxID: tx.Hash().Hex(), Block: b.hash.Hex(), BlockNumber: b.number, Confirmations: max(o.head.number, b.number) - b.number + 1,
	}
}

// whyNotFinal says what keeps blocks from becoming final, nil for nothing but time.
func (o *look) whyNotFinal(ctx context.Context) *rail.Wait {
	err := o.noFinal
	if err == nil {
		err = o.stalled(ctx, o.head)
	}
	var w *rail.Wait
	if o.conf.Finality.Tag != "" && errors.As(err, &w) {
		return w
	}
	return nil
}

// decided turns a transaction in a final block into outcomes, or into a call for a
// person when it is not clear what it paid.
func (o *look) decided(ctx context.Context, out rail.Observation, b *block, tx *types.Transaction, rec *receipt) (rail.Observation, error) {
	verdicts, reasons := o.judgeList(o.payouts, o.who, o.vault(), tx, rec)
	for n, v := range verdicts {
		if v == unclear {
			return o.mustLook(reasons[n], tx), nil
		}
	}
	if doubt, err := o.doubtful(ctx, verdicts, reasons, b, tx, rec); err != nil || doubt != "" {
		return o.mustLook(doubt, tx), err
	}
	if paid, err := o.elsewhere(ctx, verdicts, tx, rec); err != nil || paid {
		return o.mustLook("the vault has paid this list in a transaction we do not know", tx), err
	}
	fee, err := o.feeOf(ctx, rec, b, tx)
	if err != nil {
		return rail.Observation{}, unavailable(err, "work out what "+tx.Hash().Hex()+" cost")
	}
	if err := o.stillFinal(ctx, b.number); err != nil {
		return rail.Observation{}, err
	}
	if again := o.lookAgain(verdicts, tx); again {
		out.Why = &rail.Wait{Code: rail.CodeLookAgain, Text: "a final block shows that the payout was not made; that is looked at again before its money comes back"}
		return out, nil
	}
	if rec.reverted() {
		why := o.whyReverted(ctx, o.who, tx, rec)
		for n := range reasons {
			reasons[n] = why
		}
	}
	out.Stage, out.Reasons, out.Fee = rail.StageFinal, reasons, fee
	for _, v := range verdicts {
		out.Paid = append(out.Paid, v == paid)
	}
	return out, nil
}

// vault is the one that the attempts pay by, or else the wallet's.
func (o *look) vault() common.Address {
	for _, tx := range o.txs {
		if w, ok := o.wayOf(tx, o.who, o.payouts); ok && w.byVault() {
			return w.vault
		}
	}
	return o.vaults[o.who]
}

// paysList tells whether a transaction has carried out the list by the vault.
func (o *look) paysList(tx *types.Transaction, rec *receipt) bool {
	return rec.succeeded() && o.paysBatch(tx, o.vault(), o.payouts)
}

// paidBefore asks the vault, at the latest final block, whether it has paid the list.
func (o *look) paidBefore(ctx context.Context) (bool, error) {
	vault := o.vault()
	if vault == (common.Address{}) {
		return false, nil
	}
	return o.doneAt(ctx, vault, o.batchID(vault, o.payouts), new(big.Int).SetUint64(o.final))
}

// absent reports a slot none of whose attempts is in a block.
func (o *look) absent(ctx context.Context) (out rail.Observation, moved bool, err error) {
	var used uint64
	var known []*transaction
	if err := together(
		func() (err error) { used, err = o.nonceAt(ctx, o.who, o.head.at()); return err },
		func() (err error) { known, err = o.known(ctx); return err },
	); err != nil {
		return rail.Observation{}, false, err
	}
	if used <= o.slot.Nonce {
		out, moved = o.pooled(known)
		return out, moved, nil
	}
	if o.hasFinal {
		if used, err = o.nonceAt(ctx, o.who, new(big.Int).SetUint64(o.final)); err != nil {
			return rail.Observation{}, false, err
		}
		if used > o.slot.Nonce {
			out, err = o.consumed(ctx, o.final)
			return out, true, err
		}
	}
	if _, err := o.consumed(ctx, o.head.number); err != nil {
		return rail.Observation{}, false, err
	}
	return o.unknown("a block that is not final yet uses the nonce for a transaction we do not know"), true, nil
}

// known asks what the node knows of the attempts; nil for what it does not.
func (o *look) known(ctx context.Context) ([]*transaction, error) {
	known := make([]*transaction, len(o.txs))
	err := rail.Side(len(o.txs), askers, func(n int) (err error) {
		if known[n], err = o.transaction(ctx, o.txs[n].Hash()); errors.Is(err, errNothing) {
			known[n], err = nil, nil
		}
		return err
	})
	return known, err
}

// pooled tells whether the node's pool has one of the attempts.
func (o *look) pooled(known []*transaction) (out rail.Observation, moved bool) {
	out = rail.Observation{Stage: rail.StageSent, TxID: o.latest(), Lost: true, Note: "the node does not hold the transaction: it must be sent again"}
	for _, tx := range known {
		switch {
		case tx == nil:
		case tx.mined:
			return o.unknown("the node knows a block for the transaction but no receipt yet"), true
		default:
			out.TxID, out.Lost, out.Note = tx.hash.Hex(), false, ""
		}
	}
	return out, false
}

// consumed reports a nonce that a block, up to the one at until, used for something that
// is none of the attempts. Only a transaction that we can see and read, in a final block,
// settles the payout.
func (o *look) consumed(ctx context.Context, until uint64) (rail.Observation, error) {
	const note = "nonce consumed by a transaction we do not know: an operator must look"
	found, err := o.consumer(ctx, o.who, o.slot.Nonce, until)
	if err != nil {
		out := o.unknown(note)
		out.Cause = err
		return out, nil
	}
	for _, ours := range o.txs {
		if ours.Hash() == found.tx.Hash() {
			return o.unknown("the node has the transaction in a block but denied its receipt: nodes disagree"), nil
		}
	}
	if !o.hasFinal || found.block.number > o.final {
		o.foresee(ctx, found.block, found.tx, found.receipt)
		return o.unknown(note), nil
	}
	out := o.in(found.block, found.tx)
	out.Note = "the slot was used by a transaction that is none of the stored attempts"
	return o.decided(ctx, out, found.block, found.tx, found.receipt)
}

func (o *look) unknown(note string) rail.Observation {
	return rail.Observation{Stage: rail.StageUnknown, TxID: o.latest(), Note: note}
}

func (o *look) mustLook(why string, tx *types.Transaction) rail.Observation {
	return o.unknown(why + " (transaction " + tx.Hash().Hex() + "): an operator must look")
}

func (o *look) latest() string { return o.txs[len(o.txs)-1].Hash().Hex() }
