package guard

// Waiting is how many asks wait for the next commit.
func Waiting(g *Guard) int {
	g.binder.mu.Lock()
	defer g.binder.mu.Unlock()
	return len(g.binder.queue)
}
