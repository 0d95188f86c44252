package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"sluice/internal/fault"
)

// Whoever sends wrong keys may do so guessBurst times at once, and once each guessEvery
// from then on: by address, and by the beginning of the key whatever the address.
const (
	guessBurst = 20
	guessEvery = time.Second
)

// guessPrefix is how many characters of a key are its beginning: the name of the product,
// the mode, and enough to tell keys apart.
const guessPrefix = len("sluice_live_") + 6

// guessersMax bounds who is remembered. Beyond it, those who have paused are forgotten.
const guessersMax = 10_000

var errGuesses = fault.New(fault.Busy, "too_many_guesses", "too many wrong API keys came from here or began like this one; nothing was looked up. Wait, then send the right one")

// guesses counts wrong keys. Each one takes a second of who sent it; who is guessBurst
// seconds ahead of the clock has to wait.
type guesses struct {
	mu    sync.Mutex
	ahead map[string]time.Time
}

// allow refuses whoever has guessed too often.
func (g *guesses) allow(who []string, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range who {
		if g.ahead[w].Sub(now) >= guessBurst*guessEvery {
			return errGuesses
		}
	}
	return nil
}

// wrong counts a wrong key.
func (g *guesses) wrong(who []string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.ahead) >= guessersMax {
		for w, until := range g.ahead {
			if until.Before(now) {
				delete(g.ahead, w)
			}
		}
	}
	if len(g.ahead) >= guessersMax {
		clear(g.ahead)
	}
	if g.ahead == nil {
		g.ahead = map[string]time.Time{}
	}
	for _, w := range who {
		at := g.ahead[w]
		if at.Before(now) {
			at = now
		}
		g.ahead[w] = at.Add(guessEvery)
	}
}

// guesser is under which names a wrong key counts.
func guesser(r *http.Request, secret string) []string {
	out := []string{"from " + from(r)}
	if len(secret) >= guessPrefix {
		out = append(out, "key "+secret[:guessPrefix])
	}
	return out
}

// from is the network that a request comes from: an address, or the /64 of IPv6. A proxy on
// this machine or in a private network says it last in X-Forwarded-For; others are not believed.
func from(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if said := r.Header.Values("X-Forwarded-For"); (ip.IsLoopback() || ip.IsPrivate()) && len(said) > 0 {
		last := said[len(said)-1]
		if other, err := netip.ParseAddr(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])); err == nil {
			ip = other
		}
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}
