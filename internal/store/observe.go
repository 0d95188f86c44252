package store

import (
	"context"
	"errors"

	"sluice/internal/commit"
	"sluice/internal/fault/outage"
	"sluice/internal/id"
)

// observed is an engine that tells whether it works. Its errors are marked, so that the log
// tells of a database that is away once.
type observed struct {
	engine
	outages *outage.Book
}

var theDatabase = outage.Subject{What: outage.Database}

// note tells how a call went. A refusal, and a caller who gave up, say nothing about the database.
func (o observed) note(err error) error {
	switch {
	case err == nil:
		o.outages.OK(theDatabase)
		return nil
	case errors.Is(err, commit.ErrInvariant), errors.Is(err, commit.ErrRejected), errors.Is(err, context.Canceled):
		return err
	default:
		o.outages.Fail(theDatabase, err)
		return outage.Mark(theDatabase, err)
	}
}

func (o observed) each(ctx context.Context, query string, args, dst []any, fn func() error) error {
	var own error
	err := o.engine.each(ctx, query, args, dst, func() error {
		own = fn()
		return own
	})
	if own != nil {
		return own
	}
	return o.note(err)
}

func (o observed) snapshot(ctx context.Context, fn func(querier) error) error {
	return o.note(o.engine.snapshot(ctx, fn))
}

func (o observed) exec(ctx context.Context, text string, args ...any) error {
	return o.note(o.engine.exec(ctx, text, args...))
}

// Begin implements commit.Store.
func (o observed) Begin(ctx context.Context, shard id.Shard, v *commit.View) (commit.Tx, error) {
	tx, err := o.engine.Begin(ctx, shard, v)
	if err != nil {
		return nil, o.note(err)
	}
	return observedTx{tx, o}, nil
}

type observedTx struct {
	commit.Tx
	observed
}

// Load implements commit.Tx.
func (t observedTx) Load(ctx context.Context, v *commit.View) error { return t.note(t.Tx.Load(ctx, v)) }

// Commit implements commit.Tx.
func (t observedTx) Commit(ctx context.Context, v *commit.View) error {
	return t.note(t.Tx.Commit(ctx, v))
}
