//go:build !unix

package store

import "context"

// lockFolder does nothing here: a second migration at the same time fails on
// SQLite's own lock or on a table that exists, and leaves nothing.
func lockFolder(context.Context, string) (unlock func(), err error) { return func() {}, nil }

// lockFile does nothing here.
func lockFile(string, string) (unlock func() error, other string, taken bool, err error) {
	return func() error { return nil }, "", true, nil
}
