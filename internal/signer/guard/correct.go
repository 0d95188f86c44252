package guard

import (
	"errors"
	"os"
	"time"

	"sluice/internal/fault"
	"sluice/internal/signer"
)

// Correction is what an operator knows better than the log. Exactly one of Clock, Fence,
// Nonce and Coins is set.
type Correction struct {
	// Clock confirms that it is this time now, whatever the log or a jump says.
	Clock time.Time

	// The others are about a wallet as intents name it.
	Network signer.Network
	Wallet  string
	// Fence is the newest lease of the wallet: workers with an older one are refused.
	Fence *int64
	// Nonce is the one that the chain expects next. Nonces from there on that were signed
	// for cancels alone are free again.
	Nonce *uint64
	// Coins frees the coins of the wallet that were signed for nobody: in cancels, and in
	// children that pay for their parents.
	Coins bool

	Reason string // for the log
}

func (c Correction) entry(last time.Time) (entry, error) {
	e := entry{At: max(time.Now().UnixMilli(), last.UnixMilli()), Network: c.Network.Name, Note: c.Reason}
	set := 0
	is := func(kind string, yes bool) {
		if yes {
			e.Kind = kind
			set++
		}
	}
	is(kindClock, !c.Clock.IsZero())
	is(kindFence, c.Fence != nil)
	is(kindNonce, c.Nonce != nil)
	is(kindCoins, c.Coins)
	switch {
	case set != 1 || c.Reason == "" || e.Kind != kindClock && c.Wallet == "":
		return e, fault.New(fault.Invalid, "signer_correction", "a correction of the signer's log has a reason, and exactly one of a time, a lease, a nonce, and coins; all but the time are of a wallet")
	case e.Kind == kindClock:
		e.At = c.Clock.UnixMilli()
		return e, nil
	}
	e.At = last.UnixMilli() // whatever the clock says now
	e.Wallet, e.Nonce = purse(c.Network, c.Wallet), c.Nonce
	if c.Fence != nil {
		if *c.Fence < 0 {
			return e, fault.New(fault.Invalid, "signer_correction", "a lease is not below 0")
		}
		e.Fence = *c.Fence
	}
	return e, nil
}

// Correct writes a correction into the log in a folder. Guards that use it, in this process
// or another, follow it from the next ask on. known tells whether the log has the wallet: if
// not, its address may be wrong.
func Correct(dir string, c Correction) (known bool, err error) {
	j, err := openJournal(dir, 1<<62, (*os.File).Sync)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, j.close()) }()
	err = j.locked(func() error {
		s := newState()
		if err := j.catchUp(s.apply); err != nil {
			return err
		}
		e, err := c.entry(s.last)
		if err != nil {
			return err
		}
		known = e.Wallet == "" || s.wallets[e.Wallet] != nil
		if err := s.apply(e); err != nil {
			return err
		}
		return j.append([]entry{e})
	})
	return known, err
}
