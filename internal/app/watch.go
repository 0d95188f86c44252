package app

import (
	"context"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/signer"
	"sluice/internal/withdrawal"
)

// watchedStore is the store with a look at what each batch changed. It acts only on
// what was committed, and asks the database for nothing.
type watchedStore struct {
	commit.Store
	metrics *metrics
	queued  func() // told when withdrawals wait to be paid; must not block
}

// Begin implements commit.Store.
func (s watchedStore) Begin(ctx context.Context, shard id.Shard, v *commit.View) (commit.Tx, error) {
	tx, err := s.Store.Begin(ctx, shard, v)
	if err != nil {
		return nil, err
	}
	return watchedTx{tx, s}, nil
}

type watchedTx struct {
	commit.Tx
	watchedStore
}

// Commit implements commit.Tx.
func (t watchedTx) Commit(ctx context.Context, v *commit.View) error {
	if err := t.Tx.Commit(ctx, v); err != nil {
		return err
	}
	queued := false
	inserts, updates := withdrawal.Withdrawals.Changed(v)
	for _, w := range inserts {
		t.metrics.withdrawal(nil, w)
	}
	for _, u := range updates {
		t.metrics.withdrawal(u.Old, u.New)
		queued = queued || u.New.State == withdrawal.Queued && u.Old.State != withdrawal.Queued
	}
	if queued {
		t.queued()
	}
	return nil
}

// watchedSigner counts what the signer refuses: each refusal is worth a look.
type watchedSigner struct {
	signer.Signer
	metrics *metrics
}

// May implements signer.Previewer; a signer that is none has nothing to say beforehand.
func (s watchedSigner) May(ctx context.Context, network string, outputs []signer.Output) error {
	if would, ok := s.Signer.(signer.Previewer); ok {
		return would.May(ctx, network, outputs)
	}
	return nil
}

// Sign implements signer.Signer.
func (s watchedSigner) Sign(ctx context.Context, in signer.Intent) (signer.Signed, error) {
	out, err := s.Signer.Sign(ctx, in)
	if f := fault.Of(err); f != nil {
		s.metrics.signerRefusals.WithLabelValues(f.Code).Inc()
	}
	return out, err
}
