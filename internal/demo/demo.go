// Package demo tells the story of Sluice with real parts: an Ethereum chain inside
// the process, a database in a folder, the real server, a merchant that speaks HTTP
// to it, and a receiver that checks every webhook. Each step says what must have
// happened, and is held against it; afterwards everything stays up to be played with.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Options of a run.
type Options struct {
	Dir    string // for database and keys; "": a temporary one that is removed at the end
	Listen string // host:port of the API
	Btcd   string // program of a Bitcoin node; "": bin/btcd or the one in PATH, if any
	Bare   bool   // without the story
	Once   bool   // end after the story
	JSON   bool   // one object per step instead of a timeline
	Color  bool
	// Verbose tells every request, webhook, block and booking, and not only what came of them.
	Verbose bool
	// Terminal says that a person watches Out while it is written.
	Terminal bool
	Out      io.Writer
	// Serving is told, when not nil, once the story is over and everything stays up.
	Serving func(base, key string)
}

// errDiffers says that something was not as it must be; the report has the details.
var errDiffers = errors.New("something differs from what must be: see the steps that say so")

// Run tells the story. Its error says that something differs from what must be, or
// did not work at all. Without Once it then serves until ctx ends.
func Run(ctx context.Context, opt Options) (err error) {
	rep := newReport(opt.Out, opt.JSON, opt.Color)
	const title = "Sluice pays users out. All of it is real, on a chain inside this process:"
	if !opt.Verbose && !opt.JSON {
		rep.brief = &brief{r: rep, live: opt.Terminal}
		rep.write(rep.paint("title", title) + "\n\n")
	}
	rep.print("%s", rep.paint("title", title))
	hook, err := newReceiver(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hook.close()) }()
	w, err := newWorld(ctx, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	rep.print("")
	parts := [][]string{
		{"part", "where"},
		{"chain", fmt.Sprintf("%s (JSON-RPC, chain id %d, a block every %s, final after %s)", w.chain.URL(), w.chain.ID(), blockEvery, finalAfter)},
		{"wallet", w.wallet + " holds 1000000 USDT and 100 ETH"},
		{"vault", w.vault + " belongs to the wallet and holds 10000 USDT, to pay many at once"},
		{"token", w.token + " is USDT"},
		{"database", w.conf.DatabaseName()},
		{"API", w.app.URL() + "/docs"},
		{"webhooks", hook.url},
		{"log", w.log.Name()},
		{"config", w.configPath() + " for sluice commands"},
	}
	if w.coins != nil {
		parts = append(parts, []string{"bitcoin", w.coins.program + " on a chain of its own; " + w.coinWallet + fmt.Sprintf(" holds %d BTC", 50*coinBlocks)})
	}
	rep.table(parts)
	s := &story{world: w, rep: rep, hook: hook, api: newClient(w.app.URL(), w.key)}
	defer s.api.close()
	s.operator = newClient(w.app.URL(), w.opKey)
	defer s.operator.close()
	if !opt.Bare {
		if err := s.people(); err != nil {
			return err
		}
		if err := s.tell(ctx, steps); err != nil {
			return err
		}
		s.summary()
	}
	switch {
	case rep.err != nil:
		return rep.err
	case rep.bad > 0 && opt.Once:
		return errDiffers
	case opt.Once:
		return nil
	}
	w.start(func() error { return w.bankRuns(w.run) })
	s.offer()
	if opt.Serving != nil {
		opt.Serving(w.app.URL(), w.key)
	}
	select {
	case <-ctx.Done():
	case err := <-w.ended:
		w.parts--
		return errors.Join(errors.New("a part of the demo ended by itself"), err)
	}
	rep.print("\nStopping.")
	if rep.bad > 0 {
		return errDiffers
	}
	return nil
}

// people gives the customers their addresses.
func (s *story) people() (err error) {
	s.ada.name, s.ben.name = "Ada", "Ben"
	for _, c := range []*customer{&s.ada, &s.ben} {
		if c.address, err = customerAddress(c.name); err != nil {
			return err
		}
	}
	return nil
}
