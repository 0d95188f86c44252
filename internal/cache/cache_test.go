package cache_test

import (
	"sync"
	"testing"
	"time"

	"sluice/internal/cache"
)

func TestCache(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := cache.New[string, int](2, time.Second)
	has := func(key string, at time.Time, want int, known bool) {
		t.Helper()
		if v, ok := c.Get(key, at); v != want || ok != known {
			t.Errorf("%s: %d %v, want %d %v", key, v, ok, want, known)
		}
	}
	has("a", now, 0, false)
	c.Put("a", 1, now)
	c.Put("b", 2, now.Add(time.Millisecond))
	has("a", now.Add(time.Second-1), 1, true)
	has("a", now.Add(time.Second), 0, false)
	has("b", now.Add(time.Second), 2, true)
	c.Put("a", 3, now.Add(time.Second)) // in place of the older one: there is room
	has("a", now.Add(time.Second), 3, true)
	has("b", now.Add(time.Second), 2, true)
	c.Forget("a")
	has("a", now, 0, false)
	c.Put("a", 4, now)
	c.Put("c", 5, now) // full: it starts over
	has("a", now, 0, false)
	has("b", now, 0, false)
	has("c", now, 5, true)
	whole := cache.New[int, string](1, 0)
	whole.Put(1, "one", now)
	if v, ok := whole.Get(1, now.Add(1000*time.Hour)); v != "one" || !ok {
		t.Errorf("without a life: %q %v", v, ok)
	}
}

func TestSeveralGoroutines(t *testing.T) {
	c := cache.New[int, int](8, time.Hour)
	now := time.Unix(0, 0)
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for n := range 1000 {
				c.Put(n%16, g, now)
				if v, ok := c.Get(n%16, now); ok && (v < 0 || v > 3) {
					t.Errorf("got %d", v)
				}
				c.Forget(n % 5)
			}
		})
	}
	all.Wait()
}
