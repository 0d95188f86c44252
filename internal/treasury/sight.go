package treasury

import (
	"math"
	"sync"
	"time"

	"sluice/internal/id"
	"sluice/internal/money"
)

// One reading of a node books nothing: nodes that are overloaded, or stand behind one
// address with others, show zeros and old figures for seconds. What is new is booked once
// so many looks in a row have shown it.
const looksWanted = 3

// sights remember what looks have shown beyond the ledger. Losing them costs time only.
type sights struct {
	after time.Duration // how long a doubted outflow must stand
	now   func() time.Time

	mu     sync.Mutex
	of     map[sightKey]sight
	nonces map[id.Seq]uint64 // of wallets, when their books last agreed
}

// agreed notes that the books of a wallet agree with the chain at a nonce.
func (s *sights) agreed(wallet id.Seq, nonce uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nonces == nil {
		s.nonces = map[id.Seq]uint64{}
	}
	s.nonces[wallet] = nonce
}

func (s *sights) calm(wallet id.Seq) (nonce uint64, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	nonce, known = s.nonces[wallet]
	return nonce, known
}

type sightKey struct {
	wallet id.Seq
	asset  string
}

// sight is a difference that looks have shown without a break.
type sight struct {
	sign  int
	least money.Amount // what all of them have shown at least
	looks int
	since time.Time
}

// see notes a line, and returns what is new of it once that has been seen often enough; ok
// is false before.
func (s *sights) see(l Line) (_ sight, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sightKey{l.Wallet.Seq, l.Asset}
	news := l.news()
	abs, err := news.Abs()
	if err != nil || news.Sign() == 0 {
		delete(s.of, key)
		return sight{}, false
	}
	if !l.settled {
		return sight{}, false // payouts are being booked: it says nothing yet
	}
	was, now := s.of[key], s.now()
	if was.sign != news.Sign() {
		was = sight{sign: news.Sign(), least: abs, since: now}
	}
	if abs.Less(was.least) {
		was.least = abs
	}
	was.looks++
	if s.of == nil {
		s.of = map[sightKey]sight{}
	}
	s.of[key] = was
	if news.Sign() < 0 && l.unsigned && now.Sub(was.since) < s.after {
		return was, false
	}
	return was, was.looks >= looksWanted
}

// forget begins anew with a line that was booked.
func (s *sights) forget(l Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, sightKey{l.Wallet.Seq, l.Asset})
}

// booking is what a line books, at most so much: what is back fills the gap first.
func (l Line) booking(most money.Amount) (BookChain, error) {
	news := l.news()
	amount, err := news.Abs()
	if err != nil {
		return BookChain{}, err
	}
	if most.Less(amount) {
		amount = most
	}
	c := BookChain{Wallet: l.Wallet.Seq, Asset: l.Asset, Block: min(l.Block, math.MaxInt64)}
	if news.Sign() < 0 {
		c.Gone = amount
		return c, nil
	}
	if c.Deposit, err = amount.Sub(l.Missing); err != nil { // not even the gap is filled
		c.Deposit, c.Back = money.Amount{}, amount
		return c, nil
	}
	c.Back = l.Missing
	return c, nil
}
