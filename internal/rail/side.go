package rail

import (
	"errors"
	"sync"

	"sluice/internal/fault"
)

// Side calls fn for 0 to n-1, at most many of them side by side, and returns all their
// errors in that order. A panic in fn is its error.
func Side(n, many int, fn func(int) error) error {
	errs := make([]error, n)
	one := func(i int) (err error) {
		defer fault.Catch(&err)
		return fn(i)
	}
	var wg sync.WaitGroup
	turn := make(chan struct{}, max(many, 1))
	for i := range n {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			errs[i] = one(i)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
