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

// maybe is the one row of a look-up by number, if there is one.
func maybe[R any](rows []R, err error) (row R, found bool, _ error) {
	if err != nil || len(rows) == 0 {
		return row, false, unavailable(err)
	}
	return rows[0], true, nil
}

// one is the row of a look-up by number that must exist: a command has just named it.
func one[R any](rows []R, err error) (R, error) {
	row, found, err := maybe(rows, err)
	if err == nil && !found {
		err = fmt.Errorf("a %T that was written cannot be read", row)
	}
	return row, err
}
