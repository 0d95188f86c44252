package api

import (
	"fmt"

	"sluice/internal/fault"
)

// unavailable is the answer when the database cannot be read.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(err, fault.Unavailable, "store_unavailable", "the database does not answer; nothing was done. Repeat the request after a moment")
}

// maybe is a look-up whose error is answered truthfully.
func maybe[R any](row R, found bool, err error) (R, bool, error) { return row, found, unavailable(err) }

// one is the row of a look-up that must exist: a command has just named it.
func one[R any](row R, found bool, err error) (R, error) {
	if err == nil && !found {
		return row, fmt.Errorf("a %T that was written cannot be read", row)
	}
	return row, unavailable(err)
}
