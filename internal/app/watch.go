package app

import (
	"context"
	"sync"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/fault/outage"
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
	waits   func() // told when withdrawals begin or end to wait for something; must not block
	writes  *writes
}

// Begin implements commit.Store.
func (s watchedStore) Begin(ctx context.Context, shard id.Shard, v *commit.View) (commit.Tx, error) {
	tx, err := s.Store.Begin(ctx, shard, v)
	s.writes.refused(err)
	if err != nil {
		return nil, err
	}
	return watchedTx{tx, s}, nil
}

type watchedTx struct {
	commit.Tx
	watchedStore
}

// Load implements commit.Tx.
func (t watchedTx) Load(ctx context.Context, v *commit.View) error {
	err := t.Tx.Load(ctx, v)
	t.writes.refused(err)
	return err
}

// Commit implements commit.Tx.
func (t watchedTx) Commit(ctx context.Context, v *commit.View) error {
	err := t.Tx.Commit(ctx, v)
	t.writes.refused(err)
	if err != nil {
		return err
	}
	queued, waits := false, false
	inserts, updates := withdrawal.Withdrawals.Changed(v)
	for _, w := range inserts {
		t.metrics.withdrawal(nil, w)
	}
	for _, u := range updates {
		t.metrics.withdrawal(u.Old, u.New)
		waits = waits || u.New.Attention != u.Old.Attention || u.New.State == withdrawal.Review || u.Old.State == withdrawal.Review
		queued = queued || u.New.State == withdrawal.Queued && u.Old.State != withdrawal.Queued
	}
	if queued {
		t.queued()
	}
	if waits {
		t.waits()
	}
	return nil
}

// awayCode is the code of a signer that does not answer.
const awayCode = "signer_unavailable"

// signerHealth asks the signer whether it signs at all.
type signerHealth struct {
	signer.Reporter
	outages *outage.Book

	mu   sync.Mutex
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
	code := fault.CodeOf(err)
	if code == awayCode {
		h.outages.Fail(outage.Subject{What: outage.Signer}, err)
		if h.away.IsZero() {
			h.away = time.Now()
		}
		if time.Since(h.away) < signerAway {
			return nil
		}
		return err
	}
	h.away = time.Time{}
	h.outages.OK(outage.Subject{What: outage.Signer})
	h.outages.Note(outage.Subject{What: outage.Signing}, err)
	if code == "sign_stopped" {
		return nil
	}
	return err
}

// watchedSigner counts what the signer refuses: each refusal is worth a look. It notes
// whether the signer answers.
type watchedSigner struct {
	signer.Signer
	metrics *metrics
	outages *outage.Book
}

// note tells how a call went; what the signer refuses, it has answered.
func (s watchedSigner) note(err error) error {
	if fault.CodeOf(err) != awayCode {
		s.outages.OK(outage.Subject{What: outage.Signer})
		return err
	}
	s.outages.Fail(outage.Subject{What: outage.Signer}, err)
	return outage.Mark(outage.Subject{What: outage.Signer}, err)
}

// Addresses implements signer.Signer.
func (s watchedSigner) Addresses(ctx context.Context) ([]string, error) {
	out, err := s.Signer.Addresses(ctx)
	return out, s.note(err)
}

// May implements signer.Previewer; a signer that is none has nothing to say beforehand.
func (s watchedSigner) May(ctx context.Context, network string, outputs []signer.Output) error {
	if would, ok := s.Signer.(signer.Previewer); ok {
		return s.note(would.May(ctx, network, outputs))
	}
	return nil
}

// Sign implements signer.Signer.
func (s watchedSigner) Sign(ctx context.Context, in signer.Intent) (signer.Signed, error) {
	out, err := s.Signer.Sign(ctx, in)
	err = s.note(err)
	if f := fault.Of(err); f != nil {
		s.metrics.signerRefusals.WithLabelValues(f.Code).Inc()
	}
	return out, err
}
