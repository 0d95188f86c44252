// Package cache remembers what was looked up.
package cache

import (
	"sync"
	"time"
)

// Cache remembers values by key. When it is full it starts over, so what is in it must
// be cheap to find again. It is safe for several goroutines.
type Cache[K comparable, V any] struct {
	max  int
	life time.Duration

	mu    sync.RWMutex
	known map[K]known[V]
}

type known[V any] struct {
	v     V
	until time.Time
}

// New makes a cache of at most max values, each of which is believed for life; 0 is for
// as long as it is there.
func New[K comparable, V any](max int, life time.Duration) *Cache[K, V] {
	return &Cache[K, V]{max: max, life: life, known: map[K]known[V]{}}
}

// Get returns what Put remembered less than the cache's life ago.
func (c *Cache[K, V]) Get(key K, now time.Time) (v V, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	k, ok := c.known[key]
	if !ok || c.life > 0 && !now.Before(k.until) {
		return v, false
	}
	return k.v, true
}

// Put remembers a value, in place of an older one.
func (c *Cache[K, V]) Put(key K, v V, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.known[key]; !there && len(c.known) >= c.max {
		clear(c.known)
	}
	c.known[key] = known[V]{v, now.Add(c.life)}
}

// Forget removes a value.
func (c *Cache[K, V]) Forget(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, key)
}
