package evm

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"

	"sluice/internal/fault"
	"sluice/internal/rail"
)

// Observe implements rail.Rail. It asks in an order in which a reorganisation between
// two questions shows: receipts first, then how far the chain is final, and last
// whether the receipt's block still stands.
func (r *Rail) Observe(ctx context.Context, slot rail.Slot, payouts []rail.Payout, attempts []rail.Attempt) (rail.Observation, error) {
	ctx, cancel := context.WithTimeout(ctx, r.conf.Timeout)
	defer cancel()
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
	who, err := r.wallet(ctx, slot.Wallet)
	if err != nil {
		return rail.Observation{}, err
	}
	if len(txs) == 0 {
		return rail.Observation{Stage: rail.StageUnknown, Note: "nothing was signed for this slot yet"}, nil
	}
	o := look{Rail: r, slot: slot, payouts: payouts, who: who, txs: txs}
	out, moved, err := o.once(ctx)
	if moved && err == nil {
		// Most likely a block came between two questions: the second look settles it.
		out, _, err = o.once(ctx)
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
	receipt  *types.Receipt
	head     uint64 // latest block
	final    uint64 // latest final block
	hasFinal bool
}

// once looks once. moved says that the answers contradict each other unless a block
// came in between.
func (o *look) once(ctx context.Context) (out rail.Observation, moved bool, err error) {
	if err := o.receipts(ctx); err != nil {
		return rail.Observation{}, false, err
	}
	if err := o.boundary(ctx); err != nil {
		return rail.Observation{}, false, err
	}
	if o.receipt == nil {
		return o.absent(ctx)
	}
	out, err = o.mined(ctx)
	return out, false, err
}

// receipts looks for an attempt in a block. Of all errors only "not found" means that
// there is none.
func (o *look) receipts(ctx context.Context) error {
	for _, tx := range o.txs {
		receipt, err := o.node.TransactionReceipt(ctx, tx.Hash())
		if errors.Is(err, ethereum.NotFound) {
			continue
		}
		if err != nil {
			return unavailable(err, "read the receipt of "+tx.Hash().Hex())
		}
		if receipt == nil || receipt.TxHash != tx.Hash() || receipt.BlockNumber == nil {
			return unavailable(errors.New("the answer is about something else"), "read the receipt of "+tx.Hash().Hex())
		}
		if o.receipt != nil {
			return unavailable(errors.New("two transactions of one nonce have receipts"), "read the receipt of "+tx.Hash().Hex())
		}
		o.tx, o.receipt = tx, receipt
	}
	return nil
}

// boundary reads the latest block and the latest final one. A node that is catching
// up has old ones, and may even follow a chain that others have left.
func (o *look) boundary(ctx context.Context) error {
	if err := o.synced(ctx); err != nil {
		return err
	}
	h, err := o.Rail.head(ctx)
	if err != nil {
		return err
	}
	o.head = h.Number.Uint64()
	if o.conf.Finality.Tag == "" {
		depth := o.conf.Finality.Depth
		o.hasFinal = o.head+1 >= depth
		if o.hasFinal {
			o.final = o.head + 1 - depth
		}
		return nil
	}
	tag := rpc.FinalizedBlockNumber
	if o.conf.Finality.Tag == "safe" {
		tag = rpc.SafeBlockNumber
	}
	h, err = o.node.HeaderByNumber(ctx, big.NewInt(tag.Int64()))
	switch {
	case err == nil:
		o.final, o.hasFinal = h.Number.Uint64(), true
	case errors.Is(err, ethereum.NotFound), says(err, "block not found"):
		// A young chain has no final block. Nothing is final then, which is harmless.
	default:
		return unavailable(err, "read the "+o.conf.Finality.Tag+" block")
	}
	return nil
}

// mined reports an attempt that has a receipt, if its block still stands.
func (o *look) mined(ctx context.Context) (rail.Observation, error) {
	number := o.receipt.BlockNumber.Uint64()
	block, err := o.node.HeaderByNumber(ctx, o.receipt.BlockNumber)
	if err != nil && !errors.Is(err, ethereum.NotFound) {
		return rail.Observation{}, unavailable(err, fmt.Sprintf("read block %d", number))
	}
	if err != nil || block.Hash() != o.receipt.BlockHash {
		return o.unknown("the block of the receipt is not in the chain: it is being reorganised, or nodes disagree"), nil
	}
	fee, err := feeOf(o.receipt)
	if err != nil {
		return rail.Observation{}, unavailable(err, "read the fee of "+o.tx.Hash().Hex())
	}
	out := rail.Observation{
		Stage: rail.StageMined, TxID: o.tx.Hash().Hex(), Block: block.Hash().Hex(), BlockNumber: number,
		Confirmations: max(o.head, number) - number + 1, Fee: fee,
	}
	if !o.hasFinal || number > o.final {
		return out, nil
	}
	return o.decided(ctx, out, o.tx, o.receipt)
}

// decided turns a transaction in a final block into outcomes, or into a call for a
// person when it is not clear what it paid.
func (o *look) decided(ctx context.Context, out rail.Observation, tx *types.Transaction, receipt *types.Receipt) (rail.Observation, error) {
	verdicts, reasons := o.judgeList(o.payouts, o.who, o.vault(), tx, receipt)
	anyDead := false
	for n, v := range verdicts {
		if v == unclear {
			out.Stage, out.Note = rail.StageUnknown, reasons[n]+" (transaction "+tx.Hash().Hex()+"): an operator must look"
			return out, nil
		}
		anyDead = anyDead || v == dead
	}
	if anyDead && !o.paysList(tx, receipt) {
		// The proof of death of a batch has two halves: the nonce is used up, and the
		// vault has not paid the list by whatever other way.
		paidElsewhere, err := o.paidBefore(ctx)
		if err != nil {
			return rail.Observation{}, err
		}
		if paidElsewhere {
			return o.unknown("the vault has paid this list in a transaction we do not know: an operator must look"), nil
		}
	}
	if receipt.Status != types.ReceiptStatusSuccessful {
		why := o.whyReverted(ctx, o.who, tx, receipt)
		for n := range reasons {
			reasons[n] = why
		}
	}
	out.Stage, out.Reasons = rail.StageFinal, reasons
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
func (o *look) paysList(tx *types.Transaction, receipt *types.Receipt) bool {
	return receipt.Status == types.ReceiptStatusSuccessful && o.paysBatch(tx, o.vault(), o.payouts)
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
	used, err := o.nonceAt(ctx, o.head)
	if err != nil {
		return rail.Observation{}, false, err
	}
	if used <= o.slot.Nonce {
		return o.pooled(ctx)
	}
	if o.hasFinal {
		if used, err = o.nonceAt(ctx, o.final); err != nil {
			return rail.Observation{}, false, err
		}
		if used > o.slot.Nonce {
			out, err = o.consumed(ctx)
			return out, true, err
		}
	}
	return o.unknown("a block that is not final yet uses the nonce for a transaction we do not know"), true, nil
}

func (o *look) nonceAt(ctx context.Context, block uint64) (uint64, error) {
	n, err := o.node.NonceAt(ctx, o.who, new(big.Int).SetUint64(block))
	if err != nil {
		return 0, unavailable(err, fmt.Sprintf("read the nonce of %s at block %d", o.who, block))
	}
	return n, nil
}

// pooled tells whether the node's pool has one of the attempts.
func (o *look) pooled(ctx context.Context) (out rail.Observation, moved bool, err error) {
	out = rail.Observation{Stage: rail.StageSent, TxID: o.latest(), Note: "the node does not hold the transaction: it must be sent again"}
	for _, tx := range o.txs {
		_, pending, err := o.node.TransactionByHash(ctx, tx.Hash())
		switch {
		case errors.Is(err, ethereum.NotFound):
		case err != nil:
			return rail.Observation{}, false, unavailable(err, "look for "+tx.Hash().Hex())
		case pending:
			out.TxID, out.Note = tx.Hash().Hex(), ""
		default:
			return o.unknown("the node knows a block for the transaction but no receipt yet"), true, nil
		}
	}
	return out, false, nil
}

// consumed reports a nonce that a final block used for something that is none of the
// attempts. Only a transaction that we can see and read settles the payout.
func (o *look) consumed(ctx context.Context) (rail.Observation, error) {
	const note = "nonce consumed by a transaction we do not know: an operator must look"
	tx, receipt, err := o.consumer(ctx, o.who, o.slot.Nonce, o.final)
	if err != nil {
		return o.unknown(note + " (" + err.Error() + ")"), nil
	}
	for _, ours := range o.txs {
		if ours.Hash() == tx.Hash() {
			return o.unknown("the node has the transaction in a block but denied its receipt: nodes disagree"), nil
		}
	}
	fee, err := feeOf(receipt)
	if err != nil {
		return rail.Observation{}, unavailable(err, "read the fee of "+tx.Hash().Hex())
	}
	number := receipt.BlockNumber.Uint64()
	return o.decided(ctx, rail.Observation{
		TxID: tx.Hash().Hex(), Block: receipt.BlockHash.Hex(), BlockNumber: number,
		Confirmations: max(o.head, number) - number + 1, Fee: fee,
		Note: "the slot was used by a transaction that is none of the stored attempts",
	}, tx, receipt)
}

func (o *look) unknown(note string) rail.Observation {
	return rail.Observation{Stage: rail.StageUnknown, TxID: o.latest(), Note: note}
}

func (o *look) latest() string { return o.txs[len(o.txs)-1].Hash().Hex() }
