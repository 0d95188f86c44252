package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sluice/internal/fault"
)

// part is something that runs: done is closed when it has ended.
type part struct {
	name string
	done chan struct{}
}

// Run starts everything, works until ctx ends or a part fails, and stops in order:
// readiness off; after the stop delay no new requests; the answers and payouts at
// hand are finished and recorded, leases given back; the write path answers
// everything that it has accepted; the database is closed. What takes longer than
// the stop timeout is given up: nothing is lost by that, a restart goes on from
// what is written.
func (a *App) Run(ctx context.Context) error {
	defer a.Close()                             //nolint:errcheck // stop returns its error; this is for a panic
	failed := make(chan error, 16+len(a.banks)) // one for every part
	start := func(name string, fn func() error) part {
		p := part{name, make(chan struct{})}
		go func() {
			defer close(p.done)
			if err := fn(); err != nil {
				failed <- fmt.Errorf("%s: %w", name, err)
			}
		}()
		return p
	}
	base := context.WithoutCancel(ctx)
	loopCtx, stopLoop := context.WithCancel(base)
	defer stopLoop()
	workCtx, stopWork := context.WithCancel(base)
	defer stopWork()
	loop := start("write path", func() error { return a.Loop.Run(loopCtx) })
	working := []part{
		start("schedule", func() error { return a.schedule.Run(workCtx) }),
		start("trial balance", func() error { return a.book.run(workCtx) }),
		start("anchors", func() error { return a.anchors.run(workCtx) }),
		start("recovery", func() error { return a.books.run(workCtx, a.Loop) }),
	}
	if a.lookout != nil {
		working = append(working, start("lookout", func() error { return a.lookout.run(workCtx) }))
	}
	if a.dispatch != nil {
		working = append(working, start("payouts", func() error { return a.dispatch.Run(workCtx) }))
	}
	if a.treasury != nil {
		working = append(working, start("treasury", func() error { return a.treasury.Run(workCtx) }))
	}
	if a.dispatch != nil {
		for _, b := range a.banks {
			working = append(working, start("bank "+b.conf.Name, func() error { return b.listen(workCtx, a) }))
		}
	}
	if a.deliver != nil {
		working = append(working, start("webhooks", func() error { return a.deliver.Run(workCtx) }))
	}
	if a.rates != nil {
		working = append(working, start("rates", func() error { return a.rates.Run(workCtx) }))
	}
	working = append(working, start("API", func() error { return served(a.server.Serve(a.listener)) }))
	if a.adminServer != nil {
		working = append(working, start("admin port", func() error { return served(a.adminServer.Serve(a.adminListener)) }))
	}
	a.log.Info("ready", "api", a.URL(), "admin", a.AdminURL(), "database", a.conf.DatabaseName(), "mode", a.conf.Mode, "networks", len(a.rails), "version", Version())
	close(a.ready)

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		a.log.Error("stopping, because a part failed", "error", err)
	}
	return errors.Join(err, a.stop(base, err == nil, stopWork, working, stopLoop, loop, failed))
}

// stop is the end of Run.
func (a *App) stop(ctx context.Context, graceful bool, stopWork func(), working []part, stopLoop func(), loop part, failed <-chan error) error {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, a.conf.StopTimeout.Std())
	defer cancel()
	a.draining.Store(true)
	if graceful {
		a.log.Info("stopping", "delay", a.conf.StopDelay.String())
		a.pause(ctx, a.conf.StopDelay.Std())
	}
	stopWork()
	stopped := make(chan error, 2)
	// A third of the time is for requests: one that hangs must not cost the payouts theirs.
	patience := (a.conf.StopTimeout - a.conf.StopDelay).Std() / 3
	for _, s := range []*http.Server{a.server, a.adminServer} {
		go func() { stopped <- a.shutdown(ctx, s, patience) }()
	}
	err := errors.Join(<-stopped, <-stopped)
	for _, p := range working {
		err = errors.Join(err, p.wait(ctx))
	}
	stopLoop()
	err = errors.Join(err, loop.wait(ctx))
	for {
		select {
		case more := <-failed:
			err = errors.Join(err, more)
			continue
		default:
		}
		break
	}
	if ctx.Err() != nil {
		// Something still works on what would be closed. The process ends anyway.
		a.closed.Do(func() {})
		return errors.Join(err, fault.New(fault.Unavailable, "stop_timeout",
			"stopping took longer than stop_timeout (%s); what was under way goes on at the next start", a.conf.StopTimeout))
	}
	a.anchors.write(ctx) // of the last commit
	err = errors.Join(err, a.Close())
	a.log.Info("stopped", "took", time.Since(begin).Round(time.Millisecond).String())
	return err
}

func (p part) wait(ctx context.Context) error {
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s did not stop in time", p.name)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// shutdown takes no new requests and waits for the answers at hand. Requests that
// do not come to their end are cut off, which is told but no failure: a client that
// sends nothing could otherwise make every stop one.
func (a *App) shutdown(ctx context.Context, s *http.Server, patience time.Duration) error {
	if s == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := s.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		a.log.Warn("requests that did not end were cut off", "after", patience)
		return s.Close()
	}
	return err
}

func served(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
