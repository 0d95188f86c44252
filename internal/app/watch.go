package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

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

// signerHealth asks the signer whether it signs at all.
type signerHealth struct {
	signer.Reporter
	log *slog.Logger

	mu   sync.Mutex
	code string    // of what was met last, "" for nothing
	away time.Time // since when it has not answered; zero while it does
}

// signerAway is how long a signer may be away before this process counts as not ready:
// payouts wait for it, and a restart of it is no reason to take no requests.
const signerAway = 30 * time.Second

// ask gives what stands in the way of all signing. That an operator has stopped it is no
// fault of this process.
func (h *signerHealth) ask(ctx context.Context) error {
	err := h.Health(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if code := fault.CodeOf(err); code != h.code {
		if h.code = code; err != nil {
			h.log.Warn("the signer signs nothing", "code", code, "error", err)
		} else {
			h.log.Info("the signer signs again")
		}
	}
	switch fault.CodeOf(err) {
	case "sign_stopped":
		err = nil
	case "signer_unavailable":
		if h.away.IsZero() {
			h.away = time.Now()
		}
		if time.Since(h.away) < signerAway {
			return nil
		}
		return err
	}
	h.away = time.Time{}
	return err
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
