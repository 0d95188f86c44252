package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/store/chain"
)

// layout says what the chain of a shard covers: every table of the write path but those
// of messages on their way out and of answers to repeated requests, which decide about
// no money.
var layout, layoutAt = func() (*chain.Layout, []int) {
	var names []string
	var logs []bool
	at := make([]int, len(bindings))
	for i, b := range bindings {
		if at[i] = -1; b.describe().covered() {
			at[i] = len(names)
			names, logs = append(names, b.describe().name), append(logs, b.describe().fixed)
		}
	}
	return chain.NewLayout(names, logs), at
}()

func (m *meta) covered() bool { return m.inserts && !m.uncovered }

// uncovered marks a table that the chain leaves out.
func uncovered[B binding](b B) B {
	b.describe().uncovered = true
	return b
}

// added says which migration makes a table that is younger than the chain: a database that
// is older has no rows of it when its chain begins.
func added[B binding](version int64, b B) B {
	b.describe().added = version
	return b
}

// links carries on the chains of all shards. A nil links is a database without a chain.
type links struct {
	key *chain.Key

	mu   sync.Mutex
	last map[id.Shard]read // what this process read or wrote last
}

// read is a state as it was opened.
type read struct {
	place  chain.Place
	sealed []byte
	state  *chain.State
}

func newLinks(key *chain.Key) *links { return &links{key: key, last: map[id.Shard]read{}} }

// link is the chain of one shard during one batch.
type link struct {
	of     *links
	state  chain.State
	buf    []byte
	sealed []byte // of the commit at hand
}

func placeOf(s commit.Shard) chain.Place {
	return chain.Place{Shard: s.Number, LastSeq: s.LastSeq, LastEvent: s.LastEvent, Version: s.Version}
}

// begin opens the chain of a shard whose row was just locked. A nil link is a shard
// without a chain. Anything else than the state that the program wrote is a broken
// invariant: nothing may be written over it.
func (l *links) begin(s commit.Shard, sealed []byte, v *commit.View) (*link, error) {
	if l.key == nil {
		if len(sealed) > 0 {
			return nil, fmt.Errorf("%w: the database has a chain, and this program was started without chain.key", commit.ErrInvariant)
		}
		return nil, nil //nolint:nilnil // said above
	}
	state, err := l.open(placeOf(s), sealed)
	if err != nil {
		return nil, errors.Join(commit.ErrInvariant, err)
	}
	if opened(state, s) {
		return nil, fmt.Errorf("%w: shard %d only looked, and another hand has opened it: `sluice recover open` opens it", commit.ErrInvariant, s.Number)
	}
	v.SetMarker(l.key.NewMarker())
	out := &link{of: l}
	state.Clone(&out.state)
	return out, nil
}

// flagLooking in the state of a chain says that the shard only looks.
const flagLooking = 1

// opened tells whether a shard that only looks, as the program wrote it, looks open now. The
// other way round only verify minds: nothing can be paid, and the next batch takes it in.
func opened(state *chain.State, now commit.Shard) bool {
	return state.Flags&flagLooking != 0 && !now.Looking
}

// open reads the state of a shard.
func (l *links) open(p chain.Place, sealed []byte) (*chain.State, error) {
	l.mu.Lock()
	known := l.last[p.Shard]
	l.mu.Unlock()
	if known.place == p && len(sealed) > 0 && bytes.Equal(known.sealed, sealed) {
		return known.state, nil
	}
	if len(sealed) == 0 {
		return nil, fmt.Errorf("shard %d: %w", p.Shard, errNoChain)
	}
	state, err := l.key.Open(layout, p, sealed)
	if err != nil {
		return nil, fmt.Errorf("shard %d: %w", p.Shard, err)
	}
	l.keep(p, sealed, state)
	return state, nil
}

func (l *links) keep(p chain.Place, sealed []byte, state *chain.State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last[p.Shard] = read{p, bytes.Clone(sealed), state}
}

// inserted takes a new row in.
func (l *link) inserted(at int, m *meta, shard id.Shard, fields []any) {
	if l == nil || at < 0 {
		return
	}
	p := &l.state.Parts[at]
	l.buf = m.row(l.buf, shard, fields)
	p.Rows++
	if m.fixed {
		p.Head = p.Head.Next(l.buf)
		return
	}
	p.Sum.Add(l.of.key.Row(l.buf))
}

// replaces takes out a row as it was read; inserted or changed take in what it becomes.
func (l *link) replaces(at int, m *meta, shard id.Shard, fields []any) {
	if l == nil || at < 0 {
		return
	}
	l.buf = m.row(l.buf, shard, fields)
	l.state.Parts[at].Sum.Sub(l.of.key.Row(l.buf))
	l.state.Parts[at].Rows--
}

// seal gives the state that is to be written with the shard's row, whose version goes
// up by one. sealed is what the row had: it stays where there is no chain.
func (l *link) seal(now commit.Shard, sealed []byte) []byte {
	if l == nil {
		return sealed
	}
	now.Version++
	l.state.Flags &^= flagLooking
	if now.Looking {
		l.state.Flags |= flagLooking
	}
	l.sealed = l.of.key.Seal(layout, placeOf(now), &l.state)
	return l.sealed
}

// committed remembers what was written.
func (l *link) committed(now commit.Shard) {
	if l != nil {
		now.Version++
		l.of.keep(placeOf(now), l.sealed, &l.state)
	}
}

// hasChain refuses a database whose chain is not that of the key: one of the two belongs
// to another installation, or another hand took the chain away.
func (db *DB) hasChain(ctx context.Context) error {
	var number int64
	var sealed []byte
	return db.engine.each(ctx, "SELECT number, chain FROM shard ORDER BY number", nil, []any{&number, &sealed}, func() error {
		switch {
		case db.key == nil && len(sealed) > 0:
			return errors.New("the database has a chain: set chain.key to the key of this installation")
		case db.key != nil && len(sealed) == 0:
			return fmt.Errorf("shard %d: %w", number, errNoChain)
		case db.key != nil:
			if err := db.key.Mine(sealed); err != nil {
				return fmt.Errorf("shard %d: %w", number, err)
			}
		}
		return nil
	})
}

var errNoChain = errors.New("the database has no chain: it was never begun, or another hand removed it. `sluice verify` looks closer; `sluice chain begin` begins one with what is there")
