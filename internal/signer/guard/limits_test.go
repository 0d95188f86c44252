package guard_test

import (
	"crypto/ed25519"
	"testing"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer"
	"sluice/internal/signer/approval"
	"sluice/internal/signer/guard"
)

// clock is a time that the test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

var tether = []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x70\xce")

func minor(v uint64) *money.Amount { a := money.Of(v); return &a }

// strict is a policy with lists and limits, and the key of its approver.
func strict(t testing.TB) (guard.Policy, ed25519.PrivateKey) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	p := openPolicy()
	n := &p.Networks[0]
	n.Open, n.MaxFee = false, money.Of(1_000_000)
	n.Assets = []guard.Asset{
		{Code: "ETH", PerPayout: minor(100), PerHour: minor(250), PerDay: minor(400)},
		{Code: "USDT", Token: tether, ApprovalAbove: minor(10), PerDay: minor(1000)},
		{Code: "GOLD", Token: []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x90\x1d"), ApprovalAbove: minor(0)},
	}
	p.Approvers = []ed25519.PublicKey{public}
	return p, key
}

// teller asks for payouts, each from a new nonce.
type teller struct {
	t     *testing.T
	clock clock
	next  uint64
	opt   func(*guard.Options)
	keys  string
	// folder is that of the log.
	folder string
	g      *guard.Guard
}

func newTeller(t *testing.T, p guard.Policy) *teller {
	t.Helper()
	l := &teller{t: t, clock: clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, keys: imported(t), folder: t.TempDir()}
	l.opt = func(o *guard.Options) { o.Dir, o.Policy, o.Now = l.folder, p, l.clock.now }
	l.g = open(t, l.keys, l.opt)
	t.Cleanup(func() { must(t, l.g.Close()) })
	return l
}

func (l *teller) restart() {
	l.t.Helper()
	must(l.t, l.g.Close())
	l.g = open(l.t, l.keys, l.opt)
}

func (l *teller) pay(asset string, amount uint64, change ...func(*signer.Intent)) error {
	l.t.Helper()
	in := intent(l.t)
	l.next++
	in.Nonce = l.next
	o := &in.Outputs[0]
	o.Ref, o.Asset, o.Amount = "wd_"+money.Of(l.next).String(), asset, money.Of(amount)
	if asset == "USDT" {
		o.Token = tether
	}
	for _, f := range change {
		f(&in)
	}
	// What is said beforehand is what is said then, and using nothing up.
	var before error
	if !in.Cancel && in.Nonce == l.next {
		for range 2 {
			before = l.g.May(l.t.Context(), in.Network, in.Outputs)
		}
	}
	_, err := l.g.Sign(l.t.Context(), in)
	if !in.Cancel && in.Nonce == l.next && fault.CodeOf(before) != fault.CodeOf(err) && !ownRule[fault.CodeOf(err)] {
		l.t.Errorf("beforehand: %v; then: %v", before, err)
	}
	return err
}

// ownRule are refusals that only a whole intent meets.
var ownRule = map[string]bool{"sign_fee": true, "sign_vault": true, "sign_token": true, "sign_fence": true}

// TestCase43_limits holds each limit in virtual time, across a restart.
// case-19, case-30: of a day, and of one payout.
func TestCase43_limits(t *testing.T) {
	p, _ := strict(t)
	l := newTeller(t, p)
	code(t, l.pay("ETH", 101), "sign_limit_payout")
	must(t, l.pay("ETH", 100))
	l.clock.at = l.clock.at.Add(20 * time.Minute)
	must(t, l.pay("ETH", 100))
	code(t, l.pay("ETH", 51), "sign_limit_hour")
	must(t, l.pay("ETH", 50)) // 250 in the hour: exactly the limit
	code(t, l.pay("ETH", 1), "sign_limit_hour")
	l.restart()
	code(t, l.pay("ETH", 1), "sign_limit_hour")

	l.clock.at = l.clock.at.Add(40*time.Minute - time.Millisecond)
	code(t, l.pay("ETH", 1), "sign_limit_hour")
	l.clock.at = l.clock.at.Add(time.Millisecond) // the first is an hour old
	must(t, l.pay("ETH", 100))
	l.clock.at = l.clock.at.Add(2 * time.Hour)
	must(t, l.pay("ETH", 50)) // 400 in the day
	code(t, l.pay("ETH", 1), "sign_limit_day")
	l.restart()
	code(t, l.pay("ETH", 1), "sign_limit_day")
	l.clock.at = l.clock.at.Add(21 * time.Hour) // the first leaves the day
	must(t, l.pay("ETH", 100))
	code(t, l.pay("ETH", 1), "sign_limit_day")

	// A clock that goes back lets nothing more through.
	l.clock.at = l.clock.at.Add(-time.Hour * 1000)
	code(t, l.pay("ETH", 1), "sign_limit_day")
	// Limits belong to an asset.
	must(t, l.pay("USDT", 10))
}

// TestBumpsAreNotCounted signs one slot again and again.
func TestBumpsAreNotCounted(t *testing.T) {
	p, _ := strict(t)
	l := newTeller(t, p)
	for i := range uint64(10) {
		must(t, l.pay("ETH", 100, func(in *signer.Intent) {
			in.Nonce, in.Outputs[0].Ref, in.FeeCap = 50, "wd_50", money.Of(30+i)
		}))
	}
	code(t, l.pay("ETH", 100, func(in *signer.Intent) { in.Nonce, in.Outputs[0].Ref, in.FeeCap = 50, "wd_50", money.Of(50) }), "sign_fee")
}

func TestCase45_lists(t *testing.T) {
	p, _ := strict(t)
	l := newTeller(t, p)
	code(t, l.pay("DOGE", 1), "sign_asset")
	code(t, l.pay("", 1), "sign_asset")
	// A cheap name for a dear contract.
	code(t, l.pay("ETH", 1, func(in *signer.Intent) { in.Outputs[0].Token = tether }), "sign_token")
	code(t, l.pay("USDT", 1, func(in *signer.Intent) { in.Outputs[0].Token = nil }), "sign_token")
	code(t, l.pay("ETH", 1, func(in *signer.Intent) { in.Vault = tether }), "sign_vault")
}

// TestCase42_approvals asks for payouts above the amount that needs no approval.
// case-31, case-44: limits hold for what is approved; it is approved as it is signed.
func TestCase42_approvals(t *testing.T) {
	p, key := strict(t)
	l := newTeller(t, p)
	_, stranger, err := ed25519.GenerateKey(nil)
	must(t, err)
	with := func(key ed25519.PrivateKey, change func(*approval.Statement), ago time.Duration) func(*signer.Intent) {
		return func(in *signer.Intent) {
			o := &in.Outputs[0]
			s := approval.Statement{Network: "ethereum", Ref: o.Ref, Asset: o.Asset, Amount: o.Amount, To: o.To}
			if change != nil {
				change(&s)
			}
			o.Approval = approval.Sign(key, s, l.clock.at.Add(-ago))
		}
	}
	must(t, l.pay("USDT", 10))
	code(t, l.pay("USDT", 11), "approval_missing")
	code(t, l.pay("USDT", 11, with(stranger, nil, 0)), "approval_invalid")
	code(t, l.pay("USDT", 11, with(key, func(s *approval.Statement) { s.Amount = money.Of(12) }, 0)), "approval_invalid")
	code(t, l.pay("USDT", 11, with(key, func(s *approval.Statement) { s.To = tether }, 0)), "approval_invalid")
	code(t, l.pay("USDT", 11, with(key, nil, 8*24*time.Hour)), "sign_approval_old")
	code(t, l.pay("USDT", 11, with(key, nil, -time.Hour)), "sign_approval_old")
	var proof string
	must(t, l.pay("USDT", 11, with(key, nil, time.Hour), func(in *signer.Intent) { in.Nonce, proof = 900, in.Outputs[0].Approval }))
	ref := "wd_" + money.Of(l.next).String()
	used := func(in *signer.Intent) { in.Outputs[0].Ref, in.Outputs[0].Approval = ref, proof }
	code(t, l.pay("USDT", 11, used), "sign_approval_used")
	l.restart()
	code(t, l.pay("USDT", 11, used), "sign_approval_used")
	// Its own slot needs no approval any more: it is bound.
	l.clock.at = l.clock.at.Add(30 * 24 * time.Hour)
	must(t, l.pay("USDT", 11, used, func(in *signer.Intent) { in.Nonce = 900; in.FeeCap = money.Of(40) }))
	must(t, l.pay("USDT", 11, used, func(in *signer.Intent) { in.Nonce = 900; in.Outputs[0].Approval = "" }))
	code(t, l.pay("USDT", 11, func(in *signer.Intent) { in.Outputs[0].Approval = "" }), "approval_missing")
	// Limits hold for approved payouts as well.
	code(t, l.pay("USDT", 1001, with(key, nil, 0)), "sign_limit_day")
}

// TestCase26_restored_backup is a server whose database is older than what was paid: it
// asks for the same withdrawals in slots that are new to it.
func TestCase26_restored_backup(t *testing.T) {
	p, _ := strict(t)
	l := newTeller(t, p)
	must(t, l.pay("ETH", 10, func(in *signer.Intent) { in.Outputs[0].Ref = "wd_paid" }))
	again := func(in *signer.Intent) { in.Outputs[0].Ref = "wd_paid" }
	code(t, l.pay("ETH", 10, again), "sign_paid")
	code(t, l.pay("ETH", 7, again), "sign_paid") // for whatever amount
	l.restart()
	code(t, l.pay("ETH", 10, again), "sign_paid")
	must(t, l.pay("ETH", 10))
	// Among others it is refused with them; they are paid without it.
	both := func(in *signer.Intent) {
		in.Nonce, in.Vault = 70, tether
		in.Outputs = append(in.Outputs, in.Outputs[0])
		in.Outputs[1].Ref = "wd_paid"
	}
	if err := l.g.May(t.Context(), "ethereum", func() []signer.Output { in := intent(t); in.Outputs[0].Asset = "ETH"; both(&in); return in.Outputs }()); fault.CodeOf(err) != "sign_paid" {
		t.Errorf("a list with it: %v", err)
	}
}

// TestCase43_a_stolen_database_pays_nothing is the attacker with everything that the
// server has: the socket, every withdrawal, every approval that was ever given.
func TestCase43_a_stolen_database_pays_nothing(t *testing.T) {
	p, key := strict(t)
	l := newTeller(t, p)
	var old signer.Intent
	must(t, l.pay("USDT", 500, func(in *signer.Intent) {
		o := &in.Outputs[0]
		o.Approval = approval.Sign(key, approval.Statement{Network: "ethereum", Ref: o.Ref, Asset: o.Asset, Amount: o.Amount, To: o.To}, l.clock.at)
		old = *in
	}))
	mine := []byte("\xba\xd0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")
	stolen := money.Amount{}
	try := func(change func(in *signer.Intent)) {
		t.Helper()
		l.next++
		in := old
		in.Outputs = []signer.Output{old.Outputs[0]}
		in.Fence = 1 << 13 // as far ahead as is plausible
		change(&in)
		if _, err := l.g.Sign(t.Context(), in); err == nil {
			stolen, err = stolen.Add(in.Outputs[0].Amount)
			must(t, err)
		}
	}
	for range 20 {
		try(func(in *signer.Intent) { in.Nonce = l.next })                                                      // the old payout once more
		try(func(in *signer.Intent) { in.Outputs[0].To = mine })                                                // its slot, to another
		try(func(in *signer.Intent) { in.Nonce, in.Outputs[0].To = l.next, mine })                              // its approval
		try(func(in *signer.Intent) { in.Nonce, in.Network = l.next, "Ethereum" })                              // another name of the network
		try(func(in *signer.Intent) { in.Nonce, in.Outputs[0].Asset = l.next, "ETH" })                          // another name of the asset
		try(func(in *signer.Intent) { in.Nonce, in.Outputs[0].Token, in.Outputs[0].To = l.next, nil, mine })    // another asset by that name
		try(func(in *signer.Intent) { in.Nonce, in.Outputs[0].Ref = l.next, "wd_x" })                           // a withdrawal that nobody made
		try(func(in *signer.Intent) { in.Nonce, in.FeeCap = l.next, money.Of(1<<40) })                          // all of it as fee
		try(func(in *signer.Intent) { in.Wallet = "0x" + in.Wallet[2:]; in.Bound = "x"; in.Nonce = old.Nonce }) // its slot once more
	}
	if !stolen.IsZero() {
		t.Errorf("%s were paid without an approval of their own", stolen)
	}
	// Small ones pass without approval, up to the limit of the day.
	for range 200 {
		try(func(in *signer.Intent) {
			in.Nonce, in.Outputs[0].To, in.Outputs[0].Amount, in.Outputs[0].Ref = l.next, mine, money.Of(10), "wd_x"+money.Of(l.next).Minor()
		})
	}
	if stolen != money.Of(500) {
		t.Errorf("%s were paid in small parts, want what the day had left: 500", stolen)
	}
}

func TestPolicyThatCannotBeHeld(t *testing.T) {
	for name, change := range map[string]func(*guard.Policy){
		"network twice":      func(p *guard.Policy) { p.Networks = append(p.Networks, p.Networks[0]) },
		"chain by two names": func(p *guard.Policy) { n := p.Networks[0]; n.Name = "other"; p.Networks = append(p.Networks, n) },
		"contract by two names": func(p *guard.Policy) {
			p.Networks[0].Assets = append(p.Networks[0].Assets, guard.Asset{Code: "USDX", Token: tether})
		},
		"nobody to approve": func(p *guard.Policy) { p.Approvers = nil },
	} {
		p, _ := strict(t)
		change(&p)
		opt := options(t, imported(t))
		opt.Policy = p
		_, err := guard.Open(t.Context(), opt)
		if code(t, err, "signer_policy"); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
