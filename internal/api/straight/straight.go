// Package straight tells paths of HTTP requests that http.ServeMux would redirect. No
// surface of an API does: many clients repeat a redirected POST as a GET, and none reads
// the page of HTML. Such a path is answered like any other at which there is nothing.
package straight

import (
	"path"
	"strings"
)

// Is reports whether a path is in its clean form: without "//", "." and "..".
func Is(p string) bool { return Clean(p) == p }

// Clean returns the clean form of a path, with the slash at its end if it had one.
func Clean(p string) string {
	c := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && c != "/" {
		c += "/"
	}
	return c
}
