package guard

import (
	"crypto/sha256"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
)

// state is what has been signed. It changes by entries only, and the same entries in
// the same order always make the same state.
type state struct {
	wallets map[string]*wallet // by purse
	coins   map[ref]coin
	spent   map[string]*window // by network and asset, or feeKey
	used    map[string]bool    // ids of approvals
	paid    map[ref]bool       // withdrawals that a slot was ever bound for
	stopped bool
	last    time.Time // of the newest entry
	settled time.Time // when an operator last confirmed the clock
	older   bool      // nothing but an older version has signed yet
}

func newState() *state {
	return &state{wallets: map[string]*wallet{}, coins: map[ref]coin{}, spent: map[string]*window{}, used: map[string]bool{}, paid: map[ref]bool{}, older: true}
}

func (s *state) wallet(purse string) *wallet {
	w := s.wallets[purse]
	if w == nil {
		w = &wallet{nonces: map[uint64]*binding{}, orders: map[string]*binding{}}
		s.wallets[purse] = w
	}
	return w
}

// holders are what holds the parts of an entry's slot. whole is the one that holds exactly
// this slot, nil if there is none.
func (s *state) holders(e entry) (held []*binding, whole *binding) {
	if w := s.wallets[e.Wallet]; w != nil {
		if e.Nonce != nil && w.nonces[*e.Nonce] != nil {
			held = append(held, w.nonces[*e.Nonce])
		}
		if b := w.orders[e.Order]; b != nil {
			held = append(held, b)
		}
	}
	coins := e.Coins
	for _, c := range coins {
		if b := s.coins[refOf(c)].held; b != nil {
			held = append(held, b)
		}
	}
	if len(held) == 0 || len(held) != max(1, len(coins)) || held[0].size != len(coins) {
		return held, nil
	}
	for _, b := range held {
		if b != held[0] {
			return held, nil
		}
	}
	return held, held[0]
}

// decide says what an ask would change, or refuses it. It changes nothing.
func (s *state) decide(a *ask, now time.Time) (entry, error) {
	e := entry{
		Kind: kindAgain, At: now.UnixMilli(), Network: a.network.Name, Wallet: a.purse, Fence: a.in.Fence,
		Bound: a.in.Bound, Fee: a.fee.Minor(), Tx: a.hash, Cancel: a.in.Cancel,
	}
	for _, c := range a.coins {
		e.Coins = append(e.Coins, c.name)
	}
	switch {
	case a.order != "":
		e.Order, e.Moment = a.order, a.moment
	case len(a.coins) == 0:
		e.Nonce = &a.in.Nonce
	default:
		e.Change = a.in.Change.Amount.Minor()
	}
	if err := s.fenced(a); err != nil {
		return e, err
	}
	var err error
	if e.Amounts, err = s.proved(a); err != nil {
		return e, err
	}
	held, whole := s.holders(e)
	bound, err := s.bound(a, held)
	if err != nil {
		return e, err
	}
	if more := feeOver(whole, a.fee); !more.IsZero() {
		if err := s.feesWithin(a.network, more, now); err != nil {
			return e, err
		}
	}
	if bound && whole != nil && whole.order != nil {
		a.agreed = *whole.order
		e.Moment, e.Tx = a.agreed.moment, a.agreed.hash
	}
	if bound {
		return e, nil
	}
	e.Kind, e.Digest = kindBind, onlyCancel.String()
	if a.in.Cancel {
		return e, nil
	}
	e.Digest = a.digest.String()
	if e.Payouts, err = s.approved(a, now); err != nil {
		return e, err
	}
	return e, s.fresh(a, now)
}

// preview says what decide would say of payouts whose slot is not chosen yet.
func (s *state) preview(a *ask, now time.Time) error {
	if _, err := s.approved(a, now); err != nil {
		return err
	}
	if err := s.feesWithin(a.network, money.Amount{}, now); err != nil {
		return err
	}
	return s.fresh(a, now)
}

// fenced refuses a worker whose lease is over, and leases and nonces that are too far
// ahead to be true.
func (s *state) fenced(a *ask) error {
	w := s.wallets[a.purse]
	var fence int64
	if w != nil {
		fence = w.fence
	}
	switch {
	case a.in.Fence < fence:
		return refuse("sign_fence", "the wallet belongs to another worker now: lease %d was seen, this is %d", fence, a.in.Fence)
	case a.in.Fence-fenceAhead > fence:
		return refuse("sign_fence_far", "lease %d of %s is implausible: the newest that was seen is %d, and at most %d more can be; "+
			"if it is true, `sluice signer fence` says so to the signer", a.in.Fence, a.in.Wallet, fence, fenceAhead)
	case len(a.coins) > 0 || a.order != "" || w != nil && (w.nonces[a.in.Nonce] != nil || w.dropped(a.in.Nonce)):
		return nil
	}
	if last, far := w.far(a.in.Nonce); far {
		return refuse("sign_nonce_far", "nonce %d of %s is implausible: by what was signed before it is at most %d; if it is true, "+
			"`sluice signer nonce` says so to the signer", a.in.Nonce, a.in.Wallet, last)
	}
	return nil
}

// proved holds the amounts of coins against what the log has of them, and gives them when
// the log lacks one. One that is neither in the log nor proved by the transaction that
// made the coin is only the word of whoever asks, and nothing is signed by it.
func (s *state) proved(a *ask) (amounts []string, err error) {
	news := false
	for _, c := range a.coins {
		had := s.coins[refOf(c.name)].amount
		switch {
		case c.amount.IsZero():
			return nil, refuse("sign_input", "the coin %s is said to hold nothing", c.name)
		case had == c.amount:
		case !had.IsZero():
			return nil, refuse("sign_input", "the coin %s was signed for as %s before, and is %s now: a coin never gets a second amount", c.name, had, c.amount)
		case !c.proved:
			return nil, refuse("sign_unproved", "nothing proves what the coin %s holds: the transaction that made it must be given", c.name)
		default:
			news = true
		}
		amounts = append(amounts, c.amount.Minor())
	}
	if !news {
		return nil, nil
	}
	return amounts, nil
}

// fresh holds a new list of payouts against what was signed before: none of them twice,
// none in another slot, and all within the limits.
func (s *state) fresh(a *ask, now time.Time) error {
	here := make(map[string]bool, len(a.in.Outputs))
	for _, o := range a.in.Outputs {
		if o.Ref == "" {
			continue
		}
		if here[o.Ref] {
			return refuse("sign_twice", "%s is in the list twice: a withdrawal is paid once", o.Ref)
		}
		here[o.Ref] = true
		if s.paid[refOf(o.Ref)] {
			return errPaid(o.Ref)
		}
	}
	return s.withinLimits(a, now)
}

// approved looks for the approvals that a new list of payouts needs. Each is good for
// one slot: a payout that moves to another slot is approved again.
func (s *state) approved(a *ask, now time.Time) ([]payout, error) {
	var out []payout
	here := map[string]bool{}
	for i, o := range a.in.Outputs {
		p, proof := a.network.payoutOf(o), a.proofs[i]
		switch {
		case proof.err != nil:
			return nil, proof.err
		case !proof.needed:
			out = append(out, p)
			continue
		case s.used[proof.ID] || here[proof.ID]:
			return nil, refuse("sign_approval_used", "the approval of %s was used for another transaction; it has to be approved again", o.Ref)
		case now.Sub(proof.At) > a.approvalFor:
			return nil, refuse("sign_approval_old", "the approval of %s is older than %s; it has to be approved again", o.Ref, a.approvalFor)
		case proof.At.Sub(now) > clockSkew:
			return nil, refuse("sign_approval_old", "the approval of %s is from the future; look at the clocks", o.Ref)
		}
		here[proof.ID], p.Approval = true, proof.ID
		out = append(out, p)
	}
	return out, nil
}

// bound tells whether the slot is held by the same outputs already. One that is held by
// others is refused; a cancel pays nobody and may use any.
func (s *state) bound(a *ask, held []*binding) (bool, error) {
	if w := s.wallets[a.purse]; len(a.coins) == 0 && a.order == "" && w != nil && w.dropped(a.in.Nonce) {
		if a.in.Cancel {
			return true, nil
		}
		return false, refuse("sign_slot", "nonce %d of %s was used long ago", a.in.Nonce, a.in.Wallet)
	}
	switch {
	case len(held) == 0:
		return false, nil
	case a.in.Cancel:
		// Coins of the same cancel that were free are bound by it.
		return len(held) == max(1, len(a.coins)), nil
	}
	for _, b := range held {
		if b.digest != a.digest && b.digest != a.earlier || len(held) < len(a.coins) {
			return false, fault.New(fault.Conflict, "sign_slot",
				"signer: %s is bound to other outputs already; it is never signed for two", a.slotName())
		}
	}
	return true, nil
}

// apply makes an entry's change. It fails only on an entry that decide never made.
func (s *state) apply(e entry) error {
	at := time.UnixMilli(e.At)
	if e.Kind == kindClock {
		return s.setClock(at)
	}
	if at.Before(s.last) {
		return errOrder
	}
	s.last = at
	switch e.Kind {
	case kindBind, kindAgain:
		s.older = e.Tx == ""
		return s.signed(e, at)
	case kindStop, kindResume:
		s.stopped = e.Kind == kindStop
	case kindFence:
		s.wallet(e.Wallet).fence = e.Fence
	case kindNonce:
		if e.Nonce == nil {
			return errDigest
		}
		s.wallet(e.Wallet).takeUp(*e.Nonce)
	case kindCoins:
		s.takeUpCoins(e.Wallet)
	case kindAlive:
		s.older = false
	case kindNext:
	default:
		return errKind
	}
	return nil
}

// signed is apply for what was signed.
func (s *state) signed(e entry, at time.Time) error {
	w := s.wallet(e.Wallet)
	w.fence = max(w.fence, e.Fence)
	fee, err := money.ParseMinor(e.Fee)
	if err != nil {
		return err
	}
	_, whole := s.holders(e)
	if more := feeOver(whole, fee); !more.IsZero() {
		if err := s.add(e.Network, feeKey, at, more); err != nil {
			return err
		}
	}
	if whole != nil && whole.fee.Less(fee) {
		whole.fee = fee
	}
	if err := s.amounts(e); err != nil || e.Kind == kindAgain {
		return err
	}
	d, err := parseDigest(e.Digest)
	if err != nil {
		return err
	}
	b := &binding{digest: d, fee: fee, size: len(e.Coins), nobody: e.Cancel || len(e.Payouts) == 0, wallet: w}
	if e.Nonce != nil {
		w.bind(*e.Nonce, b)
	}
	if e.Order != "" {
		b.order = &order{e.Moment, e.Tx}
		w.orders[e.Order] = b
	}
	for _, name := range e.Coins {
		if c := s.coins[refOf(name)]; c.held == nil {
			c.held = b
			s.coins[refOf(name)] = c
		}
	}
	for _, p := range e.Payouts {
		if p.Ref != "" {
			s.paid[refOf(p.Ref)] = true
		}
		if p.Approval != "" {
			s.used[p.Approval] = true
		}
		amount, err := money.ParseMinor(p.Minor)
		if err != nil {
			return err
		}
		if err := s.add(e.Network, p.Asset, at, amount); err != nil {
			return err
		}
	}
	return nil
}

// amounts remembers what coins hold.
func (s *state) amounts(e entry) error {
	if len(e.Amounts) == 0 {
		return nil
	}
	if len(e.Amounts) != len(e.Coins) {
		return errAmount
	}
	for n, name := range e.Coins {
		amount, err := money.ParseMinor(e.Amounts[n])
		if err != nil {
			return err
		}
		c := s.coins[refOf(name)]
		if !c.amount.IsZero() && c.amount != amount {
			return errAmount
		}
		c.amount = amount
		s.coins[refOf(name)] = c
	}
	return nil
}

// takeUpCoins frees the coins of a wallet that were bound for nobody: what is signed for
// them later spends them as well, so that only one of both can be mined.
func (s *state) takeUpCoins(purse string) {
	w := s.wallet(purse)
	for name, c := range s.coins {
		if c.held != nil && c.held.nobody && c.held.wallet == w {
			c.held = nil
			s.coins[name] = c
		}
	}
}

// errPaid is the refusal of a withdrawal that another slot was bound for. A server never
// asks for that: a payout keeps its slot to the end. A database that was restored from an
// older backup does, for all that was paid since.
func errPaid(withdrawal string) error {
	return refuse("sign_paid", "%s was signed in another slot before, and is never signed in two; if the server's database was restored from a backup, "+
		"look on the network whether it was paid before you do anything else", withdrawal)
}

// ref stands for a withdrawal's id, or the name of a coin, in less memory than its text.
type ref [16]byte

func refOf(text string) ref {
	h := sha256.Sum256([]byte(text))
	return ref(h[:16])
}
