package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/store"
	"sluice/internal/test/harness"
	"sluice/internal/withdrawal"
)

// Server is a database server that a test may take away.
type Server interface {
	Crash() error
	Start(ctx context.Context) error
}

// Gone crashes the server under load and requires that every caller was told the
// truth: what was accepted is there, what was refused with "nothing was done" is
// not, and only what was called unknown may be either.
func Gone(t *testing.T, url string, server Server) {
	harness.Migrate(t, url, store.Options{Shards: 1, Log: quiet, Chain: chainKey})
	n := open(t, url, store.Options{Conns: 4, Chain: chainKey}, commit.Options{Log: quiet, BatchMax: 8})
	n.run()
	f := fund(n, "m", "1000000")
	const callers, enough = 32, 300
	told := make([]map[string]string, callers) // code by foreign id; "" for accepted
	var once sync.Once
	accepted := make(chan struct{}, 1<<16)
	go func() {
		for range enough {
			<-accepted
		}
		once.Do(func() {
			if err := server.Crash(); err != nil {
				t.Error(err)
			}
		})
	}()
	parallel(callers, func(i int) {
		told[i] = map[string]string{}
		for k := 0; ; k++ {
			name := fmt.Sprint(i, "-", k)
			_, err := commit.Do(context.Background(), n.Loop, 0, f.create(name, "1"))
			told[i][name] = fault.CodeOf(err)
			if err != nil {
				return
			}
			accepted <- struct{}{}
		}
	})
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	var before withdrawal.Filter
	for before.Limit = store.PageMax; ; {
		page, err := n.DB.Withdrawals(t.Context(), before)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, w := range page {
			have[w.ForeignID] = true
		}
		before.Before = page[len(page)-1].Seq
	}
	codes := map[string]int{}
	for _, m := range told {
		for name, code := range m {
			codes[code]++
			switch code {
			case "":
				if !have[name] {
					t.Errorf("%s was accepted and is not there", name)
				}
			case "store_unavailable":
				if have[name] {
					t.Errorf("%s was refused (%s) and is there", name, code)
				}
			case "outcome_unknown":
				// The repeat that the answer asks for decides.
				_, err := commit.Do(t.Context(), n.Loop, 0, f.create(name, "1"))
				if want := map[bool]string{true: "duplicate_foreign_id", false: ""}[have[name]]; fault.CodeOf(err) != want {
					t.Errorf("the repeat of %s: %v, want %q", name, err, want)
				}
			default:
				t.Errorf("%s: %s", name, code)
			}
		}
	}
	t.Logf("answers by code: %v", codes)
	if codes["store_unavailable"]+codes["outcome_unknown"] != callers || codes[""] < enough {
		t.Errorf("answers by code: %v", codes)
	}
	n.verify()
}
