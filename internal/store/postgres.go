package store

import (
	"context"
	"errors"

	"sluice/internal/commit"
	"sluice/internal/id"
)

type pgStore struct{}

func openPostgres(context.Context, string, Options) (*pgStore, error) {
	return nil, errors.New("later")
}
func (*pgStore) Begin(context.Context, id.Shard, *commit.View) (commit.Tx, error) {
	return nil, errors.New("later")
}
func (*pgStore) name() string                                                   { return enginePostgres }
func (*pgStore) each(context.Context, string, []any, []any, func() error) error { return nil }
func (*pgStore) close() error                                                   { return nil }
