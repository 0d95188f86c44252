package rail

import (
	"errors"

	"golang.org/x/sync/errgroup"

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
	var g errgroup.Group
	g.SetLimit(max(many, 1))
	for i := range n {
		g.Go(func() error {
			errs[i] = one(i)
			return nil // all of them count, not the first
		})
	}
	_ = g.Wait()
	return errors.Join(errs...)
}
