package utxo

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/fault"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
	"sluice/internal/rail/utxo/bitcoin"
)

// What nodes say when they have the very same bytes already, in the pool or in a block.
var saysKnown = []string{
	"already in block chain", "already in utxo set", "txn-already-known", "txn-already-in-mempool", "already have transaction",
	"same-nonwitness-data", "transaction already exists",
}

// What nodes say when a coin is gone or was never there.
var saysMissing = []string{"missing-inputs", "missing inputs", "inputs-missingorspent", "orphan transaction", "missingorspent"}

// What nodes say when something else uses a coin.
var saysConflict = []string{"conflict", "already spent", "double spend", "insufficient fee", "replacement", "spends conflicting"}

// What nodes say when what was offered is too little for them to keep the transaction.
var saysTooLow = []string{
	"min relay fee not met", "mempool min fee not met", "insufficient priority", "under the required", "fee not met", "min-fee-not-met", "below the minimum",
}

// Submit implements rail.Rail. It sends the stored bytes and never others. When what
// they build on has got lost, that is sent first.
func (r *Rail) Submit(ctx context.Context, a rail.Attempt) error {
	ctx = rail.InRound(ctx)
	tx, err := decode(a)
	if err != nil {
		return err
	}
	// A guard against a mistake of ours: no payment is worth such a fee, not even a
	// child that pays for as many parents as there can be.
	fee, err := minor(a.Fee)
	if most := rate(r.conf.RateMax).fee(tx.Size() + chainSizeMax); err != nil || fee > most || r.conf.FeeMax > 0 && fee > r.conf.FeeMax {
		return fault.New(fault.Refused, "fee_absurd", "the attempt %s would cost %s: it is not sent", a.TxID, a.Fee)
	}
	if err := r.chain.ready(ctx); err != nil {
		return err
	}
	return r.send(ctx, tx, chainMax+1)
}

// send hands over a transaction, and what it builds on if need be.
func (r *Rail) send(ctx context.Context, tx *bitcoin.Tx, depth int) error {
	id := tx.ID()
	err := r.offer(ctx, tx)
	var refused *node.Refusal
	switch {
	case err == nil || node.Says(err, saysKnown...) || errors.As(err, &refused) && r.inBlock(id):
		r.took(id)
		return nil
	case node.Says(err, saysMissing...) && depth > 0:
		sent := false
		for _, in := range tx.In {
			if parent := r.lost(in.Prev.TxID); parent != nil {
				if err := r.send(ctx, parent, depth-1); err != nil {
					return err
				}
				sent = true
			}
		}
		if sent {
			return r.send(ctx, tx, 0)
		}
		return fmt.Errorf("%w: send %s: %w", rail.ErrLook, id, err)
	case node.Says(err, saysMissing...), node.Says(err, saysConflict...):
		return fmt.Errorf("%w: send %s: %w", rail.ErrLook, id, err)
	}
	return unavailable(err, "send "+id.String())
}

// offer asks whether the node would take a transaction that it never took from us,
// and gives it. The error is a *node.Refusal, or a *rail.Wait.
func (r *Rail) offer(ctx context.Context, tx *bitcoin.Tx) error {
	if !r.tookBefore(tx.ID()) {
		if err := r.chain.accepts(ctx, tx); err != nil {
			return err
		}
	}
	return r.chain.send(ctx, tx)
}

// each calls fn with every wallet, locked, until it gives true.
func (r *Rail) each(fn func(*wallet) bool) bool {
	r.mu.Lock()
	all := make([]*wallet, 0, len(r.wallets))
	for _, w := range r.wallets {
		all = append(all, w)
	}
	r.mu.Unlock()
	for _, w := range all {
		w.mu.Lock()
		found := fn(w)
		w.mu.Unlock()
		if found {
			return true
		}
	}
	return false
}

// inBlock tells whether a block that was read has the transaction.
func (r *Rail) inBlock(id bitcoin.Hash) bool {
	return r.each(func(w *wallet) bool { _, ok := w.txs[id]; return ok })
}

// lost gives a transaction of ours that waits.
func (r *Rail) lost(id bitcoin.Hash) (tx *bitcoin.Tx) {
	r.each(func(w *wallet) bool { tx = w.waiting(id); return tx != nil })
	return tx
}

// tookBefore tells whether the node took a transaction from us before.
func (r *Rail) tookBefore(id bitcoin.Hash) bool {
	return r.each(func(w *wallet) bool { return w.sent[id] })
}

func (r *Rail) took(id bitcoin.Hash) {
	r.each(func(w *wallet) bool {
		if w.own[id] == nil {
			return false
		}
		if len(w.sent) > 10_000 {
			clear(w.sent)
		}
		w.sent[id] = true
		return true
	})
}
