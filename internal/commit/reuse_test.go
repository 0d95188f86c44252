package commit_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
)

type counter struct {
	Name string
	N    int
}

type step struct {
	Name  string
	By, N int
}

var (
	counters = commit.NewTable("counter", func(c *counter) string { return c.Name })
	made     = commit.NewTable("made", func(c *counter) string { return c.Name })
	history  = commit.NewLog[step]("history")
)

// memory is a store of counters.
type memory struct {
	counters map[string]counter
	made     map[string]int
	history  []step
	fail     bool // the next commit, certainly
}

func (m *memory) Begin(_ context.Context, shard id.Shard, v *commit.View) (commit.Tx, error) {
	v.SetShard(commit.Shard{Number: shard})
	return m, m.Load(context.Background(), v)
}

func (m *memory) Load(_ context.Context, v *commit.View) error {
	for _, k := range counters.Wanted(v) {
		if c, ok := m.counters[k]; ok {
			counters.Fill(v, c)
		}
	}
	return nil
}

func (m *memory) Commit(_ context.Context, v *commit.View) error {
	if m.fail {
		m.fail = false
		return commit.ErrNotCommitted
	}
	inserts, updates := counters.Changed(v)
	for _, c := range inserts {
		if _, ok := m.counters[c.Name]; ok {
			return errors.Join(commit.ErrInvariant, errors.New(c.Name+" is inserted, and is there"))
		}
		m.counters[c.Name] = *c
	}
	for _, u := range updates {
		if m.counters[u.Old.Name] != *u.Old {
			return errors.Join(commit.ErrInvariant, errors.New(u.Old.Name+" is not what was read"))
		}
		m.counters[u.New.Name] = *u.New
	}
	news, _ := made.Changed(v)
	for _, c := range news {
		m.made[c.Name]++
	}
	m.history = append(m.history, history.Appended(v)...)
	return nil
}

func (*memory) Rollback() {}

// add changes two counters; below zero it is refused, after it has changed the
// first one, made a row and written history.
type add struct {
	from, to, name string
	by             int
}

func (c add) Reads(w *commit.Wants) {
	counters.Want(w, c.from)
	counters.Want(w, c.to)
}

func (c add) Apply(v *commit.View) (int, error) {
	made.Insert(v, counter{Name: c.name})
	to, _ := counters.Get(v, c.to)
	counters.Put(v, counter{c.to, to.N + c.by})
	history.Append(v, step{c.to, c.by, to.N + c.by})
	from, _ := counters.Get(v, c.from)
	if from.N < c.by {
		return 0, fault.New(fault.Refused, "too_little", "too little")
	}
	counters.Put(v, counter{c.from, from.N - c.by})
	history.Append(v, step{c.from, -c.by, from.N - c.by})
	return c.by, nil
}

// Batches of every size follow each other through one view. Nothing of one is seen in
// the next, a refused command leaves nothing in either, and a batch that is run
// again starts from what the store has.
func TestBatchesLeaveNothingBehind(t *testing.T) {
	m := &memory{counters: map[string]counter{"bank": {"bank", 1_000_000}}, made: map[string]int{}}
	loop := commit.New(m, 1, commit.Options{BatchMax: 600, Queue: 600, BatchWait: time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- loop.Run(ctx) }()

	r := rand.New(rand.NewPCG(7, 7))
	name := func() string { return "c" + strconv.Itoa(r.IntN(40)) }
	accepted := map[string]bool{}
	submitted := 0
	for range 120 {
		size := 1
		if r.IntN(3) == 0 {
			size = 1 + r.IntN(600)
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range size {
			submitted++
			c := add{name(), name(), strconv.Itoa(submitted), r.IntN(50)}
			if r.IntN(4) == 0 {
				c.from = "bank"
			}
			if c.from == c.to {
				c.to = "sink"
			}
			wg.Go(func() {
				_, err := commit.Do(ctx, loop, 0, c)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					accepted[c.name] = true
				} else if fault.CodeOf(err) != "too_little" {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		// The loop is idle: nobody reads this at the same time.
		m.fail = r.IntN(8) == 0
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if len(accepted) == 0 || len(accepted) == submitted {
		t.Fatalf("%d of %d accepted: the test shows nothing", len(accepted), submitted)
	}
	if len(m.made) != len(accepted) || len(m.history) != 2*len(accepted) {
		t.Errorf("%d accepted, %d rows made, %d steps of history", len(accepted), len(m.made), len(m.history))
	}
	for n, times := range m.made {
		if !accepted[n] || times != 1 {
			t.Errorf("row %s was made %d times by a command that was accepted: %v", n, times, accepted[n])
		}
	}
	sums, total := map[string]int{"bank": 1_000_000}, 0
	for _, s := range m.history {
		if sums[s.Name] += s.By; sums[s.Name] != s.N || s.N < 0 {
			t.Fatalf("%s is %d after a step by %d, the steps before it give %d", s.Name, s.N, s.By, sums[s.Name])
		}
	}
	for n, c := range m.counters {
		if total += c.N; sums[n] != c.N {
			t.Errorf("%s is %d, its history gives %d", n, c.N, sums[n])
		}
	}
	if total != 1_000_000 {
		t.Errorf("%d in all", total)
	}
}
