package guard

import (
	"maps"
	"math"
	"slices"
	"sort"

	"sluice/internal/money"
)

// slotsKept is how many nonces of a wallet are remembered with what they were bound to.
// Of older ones only that they were bound is kept.
const slotsKept = 1 << 16

// How far an ask may be ahead of what is known of a wallet. What is farther ahead is a
// mistake or an attack: one such ask would end the wallet, since neither goes back.
const (
	fenceAhead = 10_000  // leases: each start of a server takes one
	nonceAhead = 4_096   // above the highest nonce that was bound
	nonceFirst = 1 << 32 // of a wallet that nothing was bound for
)

// binding is what a slot is held by.
type binding struct {
	digest digest
	fee    money.Amount // the most that any signature for it may cost
	size   int          // coins of the slot
	nobody bool         // it pays nobody: a cancel, or a child that pays for its parents
	wallet *wallet
	order  *order // of a slot that is a message to a bank
}

// order is what was agreed to of a message to a bank.
type order struct{ moment, hash string }

// coin is an output that was signed for.
type coin struct {
	held   *binding     // nil: an operator took it up again
	amount money.Amount // zero: bound by a version that did not keep it
}

// wallet is what is known of one wallet on one chain.
type wallet struct {
	fence  int64
	next   uint64 // one above the highest nonce that was bound, or what an operator said
	nonces map[uint64]*binding
	orders map[string]*binding // by the id of the message
	// Nonces that were dropped from nonces: bound for payouts, or for a cancel alone.
	paid, cancelled spans
}

// bind remembers a nonce, and drops the older half when there are too many.
func (w *wallet) bind(nonce uint64, b *binding) {
	w.nonces[nonce] = b
	w.next = max(w.next, min(nonce, math.MaxUint64-1)+1)
	if len(w.nonces) <= slotsKept {
		return
	}
	nonces := slices.Sorted(maps.Keys(w.nonces))
	for _, n := range nonces[:len(nonces)/2] {
		if w.nonces[n].nobody {
			w.cancelled.add(n)
		} else {
			w.paid.add(n)
		}
		delete(w.nonces, n)
	}
}

// dropped tells whether a nonce was bound so long ago that only this is known.
func (w *wallet) dropped(nonce uint64) bool { return w.paid.has(nonce) || w.cancelled.has(nonce) }

// known tells whether anything was ever bound for the wallet's nonces.
func (w *wallet) known() bool { return w != nil && w.next > 0 }

// far tells whether a nonce is implausibly far ahead, and gives the last one that is not.
func (w *wallet) far(nonce uint64) (last uint64, far bool) {
	last = nonceFirst
	if w.known() {
		last = w.next - 1 + min(nonceAhead, math.MaxUint64-w.next+1)
	}
	return last, nonce > last
}

// takeUp goes on from a nonce that an operator knows to be the chain's next one. What
// was bound from there on for nobody is free again: nothing that is signed for it later
// can be mined beside it.
func (w *wallet) takeUp(next uint64) {
	w.next = next
	maps.DeleteFunc(w.nonces, func(n uint64, b *binding) bool { return n >= next && b.nobody })
	w.cancelled.cut(next)
}

// spans are numbers, as ranges in order. Numbers that follow each other take no room.
type spans []span

type span struct{ from, to uint64 } // both included

// find is the first range that ends at n or above.
func (s spans) find(n uint64) int {
	return sort.Search(len(s), func(i int) bool { return s[i].to >= n })
}

func (s spans) has(n uint64) bool {
	i := s.find(n)
	return i < len(s) && s[i].from <= n
}

func (s *spans) add(n uint64) {
	if s.has(n) {
		return
	}
	i := s.find(n)
	below := i > 0 && (*s)[i-1].to+1 == n
	above := i < len(*s) && (*s)[i].from-1 == n // never below zero: n is less
	switch {
	case below && above:
		(*s)[i-1].to = (*s)[i].to
		*s = slices.Delete(*s, i, i+1)
	case below:
		(*s)[i-1].to = n
	case above:
		(*s)[i].from = n
	default:
		*s = slices.Insert(*s, i, span{n, n})
	}
}

// cut takes out all numbers from n on.
func (s *spans) cut(n uint64) {
	i := s.find(n)
	if i < len(*s) && (*s)[i].from < n {
		(*s)[i].to = n - 1
		i++
	}
	*s = (*s)[:i]
}
