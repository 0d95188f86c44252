package channel

import (
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/bank/sepa"
)

// staleAfter is how long a file may look as if it were being written.
const staleAfter = time.Hour

// watch decides what of an inbox can be read.
type watch struct {
	quietFor time.Duration

	mu   sync.Mutex
	seen map[string]sighting // what waits, and whose own time says nothing. Lost in a restart: it then waits again
}

// sighting is a file as it was first seen in its present state.
type sighting struct {
	size  int64
	mod   time.Time
	since time.Time // by our clock
}

// list gives what can be read, and what cannot ever be.
func (w *watch) list(entries []fs.FileInfo) []sepa.Incoming {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = true
	}
	now, before := time.Now(), w.seen
	w.seen = map[string]sighting{}
	// quiet is how long nothing has happened to a file. A time that lies in the future is of
	// another clock and says nothing: then our own counts, from when it was first seen so.
	quiet := func(e fs.FileInfo) time.Duration {
		if age := now.Sub(e.ModTime()); age >= 0 {
			return age
		}
		s := sighting{e.Size(), e.ModTime(), now}
		if was, ok := before[e.Name()]; ok && was.size == s.size && was.mod.Equal(s.mod) {
			s = was
		}
		w.seen[e.Name()] = s
		return now.Sub(s.since)
	}
	var out []sepa.Incoming
	for _, e := range entries {
		name, in := e.Name(), sepa.Incoming{Name: e.Name(), Size: e.Size()}
		sidecar, isSidecar := strings.CutSuffix(name, sumSuffix)
		switch {
		case isSidecar && names[sidecar]:
			continue // goes with its file
		case checkInbox(name) != nil:
			in.Odd = "its name has a slash or a backslash"
		case e.IsDir():
			in.Odd = "it is a folder: files are read from the inbox itself"
		case !e.Mode().IsRegular():
			in.Odd = "it is a link or a device, not a file"
		case name[0] == '.' || isSidecar || endsIn(name, partSuffix, ".tmp", ".filepart"):
			if quiet(e) < staleAfter {
				continue
			}
			in.Odd = "its name says that it is being written, and nothing has happened to it for an hour"
		case !names[name+sumSuffix] && w.quietFor > 0 && quiet(e) < w.quietFor:
			continue
		}
		out = append(out, in)
	}
	slices.SortFunc(out, func(a, b sepa.Incoming) int { return strings.Compare(a.Name, b.Name) })
	return out
}
