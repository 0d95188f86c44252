package guard

import (
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
)

// slotsKept is how many nonces of a wallet are remembered. One that far below the
// newest was used long ago, so that the network itself refuses it.
const slotsKept = 1 << 16

// state is what has been signed. It changes by entries only, and the same entries in
// the same order always make the same state.
type state struct {
	wallets map[string]*wallet // by purse
	coins   map[string]digest  // by coin: what it was first signed for
	spent   map[string]*window // by network and asset
	used    map[string]bool    // ids of approvals
	paid    map[ref]bool       // withdrawals that a slot was ever bound for
	stopped bool
	last    time.Time // of the newest entry
}

// clockSkew is how far the clock of an approver may be ahead.
const clockSkew = 10 * time.Minute

type wallet struct {
	fence  int64
	floor  uint64 // nonces below it are forgotten and never signed again
	nonces map[uint64]digest
}

func newState() *state {
	return &state{wallets: map[string]*wallet{}, coins: map[string]digest{}, spent: map[string]*window{}, used: map[string]bool{}, paid: map[ref]bool{}}
}

// now is the time by which limits are counted. It never goes back: a clock that does
// would make what was paid look older than it is.
func (s *state) now(clock time.Time) time.Time {
	if clock.Before(s.last) {
		return s.last
	}
	return clock.Truncate(time.Millisecond)
}

func (s *state) wallet(purse string) *wallet {
	w := s.wallets[purse]
	if w == nil {
		w = &wallet{nonces: map[uint64]digest{}}
		s.wallets[purse] = w
	}
	return w
}

// decide says what an ask would change, or refuses it. It changes nothing.
func (s *state) decide(a *ask, clock time.Time) (entry, error) {
	now := s.now(clock)
	e := entry{
		Kind: kindAgain, At: now.UnixMilli(), Network: a.network.Name, Wallet: a.purse, Fence: a.in.Fence,
		Coins: a.coins, Bound: a.in.Bound, Fee: a.fee.Minor(), Cancel: a.in.Cancel,
	}
	if len(a.coins) == 0 {
		e.Nonce = &a.in.Nonce
	}
	if w := s.wallets[a.purse]; w != nil && a.in.Fence < w.fence {
		return entry{}, fault.New(fault.Refused, "sign_fence",
			"signer: the wallet belongs to another worker now: lease %d was seen, this is %d", w.fence, a.in.Fence)
	}
	bound, err := s.bound(a)
	if err != nil || bound {
		return e, err
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
func (s *state) preview(a *ask, clock time.Time) error {
	now := s.now(clock)
	if _, err := s.approved(a, now); err != nil {
		return err
	}
	return s.fresh(a, now)
}

// fresh holds a new list of payouts against what was signed before: none of them in
// another slot, and all within the limits.
func (s *state) fresh(a *ask, now time.Time) error {
	for _, o := range a.in.Outputs {
		if o.Ref != "" && s.paid[refOf(o.Ref)] {
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
		p, proof := payoutOf(o), a.proofs[i]
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
func (s *state) bound(a *ask) (bool, error) {
	var held []digest
	if len(a.coins) == 0 {
		w := s.wallets[a.purse]
		if w == nil {
			return false, nil
		}
		if a.in.Nonce < w.floor {
			return false, refuse("sign_slot", "nonce %d of %s was used long ago", a.in.Nonce, a.in.Wallet)
		}
		if d, ok := w.nonces[a.in.Nonce]; ok {
			held = append(held, d)
		}
	}
	for _, c := range a.coins {
		if d, ok := s.coins[c]; ok {
			held = append(held, d)
		}
	}
	switch {
	case len(held) == 0:
		return false, nil
	case a.in.Cancel:
		// Coins of the same cancel that were free are bound by it.
		return len(held) == max(1, len(a.coins)), nil
	}
	for _, d := range held {
		if d != a.digest || len(held) < len(a.coins) {
			return false, fault.New(fault.Conflict, "sign_slot",
				"signer: %s is bound to other outputs already; it is never signed for two", a.slotName())
		}
	}
	return true, nil
}

// withinLimits holds a new list of payouts against what was paid before.
func (s *state) withinLimits(a *ask, now time.Time) error {
	if a.network.Open {
		return nil
	}
	sums := map[string]money.Amount{}
	for _, o := range a.in.Outputs {
		sum, err := sums[o.Asset].Add(o.Amount)
		if err != nil {
			return err
		}
		sums[o.Asset] = sum
	}
	for _, asset := range a.network.Assets {
		sum, ok := sums[asset.Code]
		if !ok {
			continue
		}
		hour, day := s.spent[spentKey(a.network.Name, asset.Code)].sums(now)
		for _, l := range []struct {
			name, code string
			had        money.Amount
			limit      *money.Amount
		}{{"hour", "sign_limit_hour", hour, asset.PerHour}, {"day", "sign_limit_day", day, asset.PerDay}} {
			if l.limit == nil {
				continue
			}
			if after, err := l.had.Add(sum); err != nil || l.limit.Less(after) {
				return refuse(l.code, "%s of %s on %s would be above the limit of %s per %s, of which %s are used (minor units)",
					sum, asset.Code, a.network.Name, l.limit, l.name, l.had)
			}
		}
	}
	return nil
}

// apply makes an entry's change. It fails only on an entry that decide never made.
func (s *state) apply(e entry) error {
	at := time.UnixMilli(e.At)
	if at.Before(s.last) {
		return errOrder
	}
	s.last = at
	switch e.Kind {
	case kindBind, kindAgain:
	case kindStop, kindResume:
		s.stopped = e.Kind == kindStop
		return nil
	case kindNext:
		return nil
	default:
		return errKind
	}
	w := s.wallet(e.Wallet)
	w.fence = max(w.fence, e.Fence)
	if e.Kind == kindAgain {
		return nil
	}
	d, err := parseDigest(e.Digest)
	if err != nil {
		return err
	}
	if e.Nonce != nil {
		w.bind(*e.Nonce, d)
	}
	for _, c := range e.Coins {
		if _, held := s.coins[c]; !held {
			s.coins[c] = d
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
		key := spentKey(e.Network, p.Asset)
		if s.spent[key] == nil {
			s.spent[key] = &window{}
		}
		if err := s.spent[key].add(at, amount); err != nil {
			return err
		}
	}
	return nil
}

// bind remembers a nonce, and drops the older half when there are too many: closed for good.
func (w *wallet) bind(nonce uint64, d digest) {
	w.nonces[nonce] = d
	if len(w.nonces) <= slotsKept {
		return
	}
	nonces := slices.Sorted(maps.Keys(w.nonces))
	w.floor = nonces[len(nonces)/2]
	for _, n := range nonces[:len(nonces)/2] {
		delete(w.nonces, n)
	}
}

// errPaid is the refusal of a withdrawal that another slot was bound for. A server never
// asks for that: a payout keeps its slot to the end. A database that was restored from an
// older backup does, for all that was paid since.
func errPaid(withdrawal string) error {
	return refuse("sign_paid", "%s was signed in another slot before, and is never signed in two; if the server's database was restored from a backup, "+
		"look on the network whether it was paid before you do anything else", withdrawal)
}

// ref stands for a withdrawal's id, in less memory than its text.
type ref [16]byte

func refOf(text string) ref {
	h := sha256.Sum256([]byte(text))
	return ref(h[:16])
}

func spentKey(network, asset string) string { return network + "/" + asset }
