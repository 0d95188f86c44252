package source

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"sluice/internal/pricing/fx"
)

// MaxBackoff is how many intervals a source that keeps failing is left alone at
// most: venues block who does not stop asking.
const MaxBackoff = 8

// Feed is a source and how often it is asked.
type Feed struct {
	Source fx.Source
	Every  time.Duration
}

// Poller asks sources in turn, each at its own pace, and answers from memory by its
// policy. A failing source does not disturb the others; its last prices stay until they are
// too old to count.
type Poller struct {
	policy fx.Policy
	feeds  []Feed
	log    *slog.Logger

	mu    sync.RWMutex
	state map[string]*state
}

var _ fx.Markets = (*Poller)(nil)

type state struct {
	ticks   map[[2]string]fx.Tick
	askedAt time.Time
	okAt    time.Time
	err     error
}

// State is how a source is doing, for the operator.
type State struct {
	Source  string
	Prices  int       // pairs it has told so far
	AskedAt time.Time // zero: never
	OKAt    time.Time // when it last answered without any error; zero: never
	Err     error     // of the last round; nil when all is well
}

// NewPoller makes a poller. Names of sources are unique: each has one voice.
func NewPoller(policy fx.Policy, feeds []Feed, log *slog.Logger) (*Poller, error) {
	if err := policy.Validate(); err != nil {
		return nil, err
	}
	p := &Poller{policy: policy, feeds: feeds, log: log, state: map[string]*state{}}
	for _, f := range feeds {
		name := f.Source.Name()
		if p.state[name] != nil {
			return nil, fmt.Errorf("two sources of rates are called %q", name)
		}
		if f.Every <= 0 {
			return nil, fmt.Errorf("source %s is asked every %s: want a duration above zero", name, f.Every)
		}
		p.state[name] = &state{ticks: map[[2]string]fx.Tick{}}
	}
	return p, nil
}

// Run asks all sources until ctx ends; then it waits for the questions under way,
// which end with ctx too.
func (p *Poller) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, f := range p.feeds {
		wg.Go(func() { p.poll(ctx, f) })
	}
	wg.Wait()
	return nil
}

func (p *Poller) poll(ctx context.Context, f Feed) {
	failures := 0
	for {
		if p.ask(ctx, f.Source) {
			failures = 0
		} else if ctx.Err() == nil {
			failures++
		}
		wait := f.Every * time.Duration(min(1<<min(max(failures-1, 0), 10), MaxBackoff))
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// ask asks one source once and keeps what it told. It tells whether anything came.
func (p *Poller) ask(ctx context.Context, s fx.Source) bool {
	now := time.Now()
	ticks, err := s.Fetch(ctx)
	if ctx.Err() != nil {
		return false // shutting down: not the source's fault
	}
	name, good := s.Name(), 0
	p.mu.Lock()
	defer p.mu.Unlock()
	st := p.state[name]
	for _, t := range ticks {
		t.Source = name
		bad := t.Validate()
		if bad == nil {
			bad = p.policy.Believes(t)
		}
		if bad != nil {
			err = errors.Join(err, bad)
			continue
		}
		good++
		key := [2]string{t.Base, t.Quote}
		if old, ok := st.ticks[key]; !ok || !t.At.Before(old.At) {
			st.ticks[key] = t
		}
	}
	if err == nil && good == 0 {
		err = errors.New("the source told no price")
	}
	switch {
	case err != nil && st.err == nil:
		p.log.Warn("a source of rates fails", "source", name, "prices", good, "error", err)
	case err == nil && st.err != nil:
		p.log.Info("a source of rates works again", "source", name)
	}
	st.askedAt, st.err = now, err
	if err == nil {
		st.okAt = now
	}
	return good > 0
}

// Market implements fx.Markets.
func (p *Poller) Market(base, quote string) (fx.Market, error) {
	return p.policy.Market(time.Now(), p.ticks(), base, quote)
}

func (p *Poller) ticks() []fx.Tick {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var all []fx.Tick
	for _, st := range p.state {
		for _, t := range st.ticks {
			all = append(all, t)
		}
	}
	return all
}

// States tells how all sources are doing, by name.
func (p *Poller) States() []State {
	p.mu.RLock()
	defer p.mu.RUnlock()
	out := make([]State, 0, len(p.feeds))
	for _, f := range p.feeds {
		st := p.state[f.Source.Name()]
		out = append(out, State{Source: f.Source.Name(), Prices: len(st.ticks), AskedAt: st.askedAt, OKAt: st.okAt, Err: st.err})
	}
	slices.SortFunc(out, func(a, b State) int {
		if a.Source < b.Source {
			return -1
		}
		return 1
	})
	return out
}
