package bench

import (
	"context"
	"errors"
	"log/slog"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/rail"
	"sluice/internal/store"
)

// product is what is measured, running on the database.
type product struct {
	loop *commit.Loop
	addr string // of the API; "" when only the write path runs
	stop func() error
}

var silent = slog.New(slog.DiscardHandler)

// startLoop runs the write path alone.
func startLoop(ctx context.Context, url string) (*product, error) {
	db, err := store.Open(ctx, url, quiet)
	if err != nil {
		return nil, err
	}
	loop := commit.New(db, db.Shards(), commit.Options{Log: silent})
	stop := background(ctx, loop.Run)
	return &product{loop: loop, stop: func() error { return errors.Join(stop(), db.Close()) }}, nil
}

// startApp runs a whole installation: API, metrics, schedule, sending of webhooks.
// It has no keys, so it pays nothing out.
func startApp(ctx context.Context, url string) (*product, error) {
	conf := config.Default(config.Dev)
	conf.Listen, conf.AdminListen, conf.DatabaseURL = "127.0.0.1:0", "", config.NewSecret(url)
	conf.Dispatch.Enabled, conf.Keystore.Dir, conf.Chain.Key = false, "", config.NewSecret(ChainKey)
	conf.Assets = []config.Asset{{Code: asset.Code, Scale: asset.Scale, Networks: asset.Networks}}
	a, err := app.New(ctx, conf, app.Options{Rails: map[string]rail.Rail{network: paper{}}, Log: silent})
	if err != nil {
		return nil, err
	}
	stop := background(ctx, a.Run)
	select {
	case <-a.Ready():
		return &product{loop: a.Loop, addr: a.URL()[len("http://"):], stop: stop}, nil
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), stop())
	}
}

// background runs f until the returned function is called, which gives its error.
// What was accepted is answered even when ctx, and with it the run, is given up.
func background(ctx context.Context, f func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}
