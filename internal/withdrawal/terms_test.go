package withdrawal_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/pricing/fx"
	"sluice/internal/withdrawal"
)

// lookAt reads a house account through the write path.
type lookAt struct{ name, currency string }

func (l lookAt) Reads(w *commit.Wants) { ledger.WantHouse(w, l.name, l.currency) }

func (l lookAt) Apply(v *commit.View) (ledger.House, error) {
	h, _ := ledger.Houses.Get(v, ledger.HouseKey{Name: l.name, Currency: l.currency})
	return h, nil
}

// house writes what house accounts hold, as in less out.
func (b *book) house(keys ...lookAt) string {
	b.t.Helper()
	var out []string
	for _, k := range keys {
		h := must(b, k)
		out = append(out, fmt.Sprintf("%s %s +%s -%s", k.name, k.currency, h.In, h.Out))
	}
	return strings.Join(out, ", ")
}

func (b *book) verify() {
	b.t.Helper()
	report, err := b.db.Verify(b.t.Context())
	if err != nil || !report.OK() {
		b.t.Fatalf("the book does not prove itself: %v %+v", err, report)
	}
}

// paid carries a withdrawal to its confirmation at a network fee.
func (b *book) paid(w id.Seq, networkFee uint64) withdrawal.Withdrawal {
	b.t.Helper()
	must(b, withdrawal.NewRelease(w, "test"))
	must(b, withdrawal.NewClaim(w, 7, "wal_1", "test"))
	return must(b, withdrawal.NewConfirm(w, 7, "0x1", money.Of(networkFee), "ETH", "test"))
}

// What is held, charged and released for the network, by the way it is passed on.
// case-36: above the ceiling it is the operator's cost.
func TestNetworkFeesArePassedOnWithinTheirCeiling(t *testing.T) {
	for _, c := range []struct {
		name    string
		rate    string
		hold    uint64
		cost    uint64 // what the network took
		charged uint64
	}{
		{"absorbed", "", 0, 99, 0},
		{"flat", withdrawal.NetworkFlat, 30, 99, 30},
		{"flat, and the network was free", withdrawal.NetworkFlat, 30, 0, 30},
		{"at cost, same asset", "1/1", 30, 7, 7},
		{"at cost, other asset, rounded up", "1/10", 30, 71, 8},
		{"at cost, above the ceiling", "1/1", 30, 31, 30},
		{"at cost, exactly the ceiling", "1/1", 30, 30, 30},
		{"at cost, nothing", "1/3", 30, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t)
			m := b.merchant(0)
			acc := b.account(m.Seq)
			b.credit(m.Seq, acc, 1000)
			ask := create(m.Seq, acc, "a", 100)
			ask.Fee, ask.NetworkHold, ask.NetworkRate = money.Of(5), money.Of(c.hold), c.rate
			w := must(b, ask)
			if want := money.Of(105 + c.hold); w.Held() != want {
				t.Fatalf("held %s, want %s", w.Held(), want)
			}
			w = b.paid(w.Seq, c.cost)
			left := fmt.Sprintf("available %d pending 0 locked 0 reserved 0 total %[1]d", 1000-105-c.charged)
			if got := figures(must(b, look{acc, "USDT"})); got != left || w.NetworkCharge != money.Of(c.charged) {
				t.Errorf("%s, charged %s; want %s, charged %d", got, w.NetworkCharge, left, c.charged)
			}
			want := fmt.Sprintf("fees USDT +5 -0, network_fees USDT +%d -0, treasury:wal_1 USDT +100 -0", c.charged)
			if got := b.house(lookAt{ledger.Fees, "USDT"}, lookAt{ledger.NetworkFees, "USDT"}, lookAt{ledger.Treasury("wal_1"), "USDT"}); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
			b.verify()
		})
	}
	t.Run("a rate that is none is refused", func(t *testing.T) {
		b := open(t)
		m := b.merchant(0)
		ask := create(m.Seq, b.account(m.Seq), "a", 100)
		ask.NetworkRate = "cheap"
		if _, err := do(b, ask); fault.CodeOf(err) != "network_rate_malformed" {
			t.Error(err)
		}
	})
}

// Where the payouts of a batch are in the asset in which the network takes its fee, what
// they are charged together is what it took, and the rest of what was held is free again.
func TestTheChargesOfABatchAreWhatTheNetworkTook(t *testing.T) {
	b := open(t)
	m := b.merchant(0)
	acc := b.account(m.Seq)
	b.credit(m.Seq, acc, 1000)
	var batch []id.Seq
	for _, foreign := range []string{"a", "b", "c"} {
		ask := create(m.Seq, acc, foreign, 100)
		ask.NetworkHold, ask.NetworkRate = money.Of(50), "1/1"
		batch = append(batch, must(b, ask).Seq)
	}
	for n, share := range []uint64{34, 33, 33} { // of 100
		if w := b.paid(batch[n], share); w.NetworkCharge != money.Of(share) || w.NetworkFee != money.Of(share) {
			t.Errorf("of %d, %s is charged", share, w.NetworkCharge)
		}
	}
	if got := b.house(lookAt{ledger.NetworkFees, "USDT"}); got != "network_fees USDT +100 -0" {
		t.Error(got)
	}
	if got := figures(must(b, look{acc, "USDT"})); got != "available 600 pending 0 locked 0 reserved 0 total 600" {
		t.Error(got)
	}
	b.verify()
}

// A failed or cancelled withdrawal gives everything back that was held.
func TestEverythingHeldComesBack(t *testing.T) {
	ends := map[string]func(b *book, m, w id.Seq) commit.Command[withdrawal.Withdrawal]{
		"cancelled": func(_ *book, m, w id.Seq) commit.Command[withdrawal.Withdrawal] {
			return withdrawal.NewCancel(m, w, "test", "")
		},
		"rejected": func(_ *book, _, w id.Seq) commit.Command[withdrawal.Withdrawal] {
			return withdrawal.NewReject(w, "odd", "test")
		},
		"failed": func(b *book, _, w id.Seq) commit.Command[withdrawal.Withdrawal] {
			must(b, withdrawal.NewRelease(w, "test"))
			must(b, withdrawal.NewClaim(w, 7, "wal_1", "test"))
			return withdrawal.NewFail(w, 7, "0x1", "no", "test")
		},
	}
	for state, end := range ends {
		t.Run(state, func(t *testing.T) {
			b := open(t)
			m := b.merchant(0)
			acc := b.account(m.Seq)
			b.credit(m.Seq, acc, 1000)
			ask := create(m.Seq, acc, "a", 500)
			ask.Fee, ask.NetworkHold, ask.NetworkRate = money.Of(5), money.Of(30), "1/1"
			ask.Deal, ask.Receives = deal(t, 500), btc
			w := must(b, ask)
			for range 2 { // told twice
				c := end(b, m.Seq, w.Seq)
				if x := must(b, c); string(x.State) != state {
					t.Fatalf("it is %s", x.State)
				}
				if state == "failed" {
					break
				}
			}
			if got := figures(must(b, look{acc, "USDT"})); got != "available 1000 pending 0 locked 0 reserved 0 total 1000" {
				t.Error(got)
			}
			if got := b.house(lookAt{ledger.Exchange, "USDT"}, lookAt{ledger.Exchange, "BTC"}); got != "exchange USDT +0 -0, exchange BTC +0 -0" {
				t.Error(got)
			}
			b.verify()
		})
	}
}

var btc = money.Asset{Code: "BTC", Scale: 8, Networks: []string{"ethereum"}}

// deal sends minor USDT for bitcoin at 50000 USDT.
func deal(t *testing.T, minor uint64) *fx.Deal {
	t.Helper()
	now := time.Now()
	d, err := fx.Pair{From: usdt, To: btc}.Send(fx.Market{
		Base: "USDT", Quote: "BTC", Bid: fx.MustRate("0.00002"), Ask: fx.MustRate("0.00002"), At: now, GoodUntil: now.Add(time.Minute), Sources: []string{"a"},
	}, money.Of(minor))
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

// An exchange on the way: the sender's currency is held, both legs are booked through
// the exchange accounts at the end, and a return brings what was paid out.
func TestConversion(t *testing.T) {
	b := open(t)
	m := b.merchant(0)
	acc := b.account(m.Seq)
	b.credit(m.Seq, acc, 1_000_000)
	ask := create(m.Seq, acc, "a", 500_000)
	ask.Deal, ask.Receives = deal(t, 500_000), btc
	w := must(b, ask)
	if w.ReceiveCurrency != "BTC" || w.Receive != money.Of(1000) || w.Quote == 0 || !w.Converted() {
		t.Fatalf("%+v", w)
	}
	if got := figures(must(b, look{acc, "USDT"})); got != "available 500000 pending 0 locked 0 reserved 500000 total 1000000" {
		t.Fatal(got)
	}
	w = b.paid(w.Seq, 3)
	houses := []lookAt{{ledger.Exchange, "USDT"}, {ledger.Exchange, "BTC"}, {ledger.Treasury("wal_1"), "BTC"}, {ledger.Treasury("wal_1"), "USDT"}}
	if got := b.house(houses...); got != "exchange USDT +500000 -0, exchange BTC +0 -1000, treasury:wal_1 BTC +1000 -0, treasury:wal_1 USDT +0 -0" {
		t.Error(got)
	}
	b.verify()
	for range 2 {
		if w = must(b, withdrawal.NewReturn(w.Seq, money.Of(900), "AC04 closed", "bank")); w.State != withdrawal.Returned || w.Reason != "AC04 closed" {
			t.Fatalf("%+v", w)
		}
	}
	if got := figures(must(b, look{acc, "BTC"})); got != "available 900 pending 0 locked 0 reserved 0 total 900" {
		t.Error(got)
	}
	b.verify()
	other := create(m.Seq, acc, "b", 500_000)
	other.Quote, other.Receives = w.Quote, btc
	if _, err := do(b, other); fault.CodeOf(err) != "quote_used" {
		t.Errorf("a quote that was used: %v", err)
	}
	other.Quote, other.Deal = 0, deal(t, 400_000)
	if _, err := do(b, other); fault.CodeOf(err) != "quote_differs" {
		t.Errorf("a deal over another amount: %v", err)
	}
}

// What came back: from nothing too much to nothing too little.
// case-30: never more than was paid.
func TestReturn(t *testing.T) {
	b := open(t)
	m := b.merchant(0)
	acc := b.account(m.Seq)
	b.credit(m.Seq, acc, 1000)
	w := must(b, create(m.Seq, acc, "a", 100))
	refused := func(code string, amount uint64) {
		t.Helper()
		if _, err := do(b, withdrawal.NewReturn(w.Seq, money.Of(amount), "AC04", "bank")); fault.CodeOf(err) != code {
			t.Errorf("return of %d: %v, want %s", amount, err, code)
		}
	}
	refused("wrong_state", 100) // not paid yet
	b.paid(w.Seq, 0)
	refused("invalid_return", 0)
	refused("invalid_return", 101)
	must(b, withdrawal.NewReturn(w.Seq, money.Of(100), "AC04", "bank"))
	if got := figures(must(b, look{acc, "USDT"})); got != "available 1000 pending 0 locked 0 reserved 0 total 1000" {
		t.Error(got)
	}
	// Two returns of one payment: the second changes nothing, and its file goes to suspense.
	again := must(b, withdrawal.NewReturn(w.Seq, money.Of(50), "AC06", "bank"))
	if again.Reason != "AC04" || again.Version != 5 {
		t.Errorf("%+v", again)
	}
	b.verify()
}

// A person between new and queued, and a proof that comes late.
// case-29: what is large is not claimed before somebody approves it.
func TestReviewAndApproval(t *testing.T) {
	b := open(t)
	m := b.merchant(0)
	acc := b.account(m.Seq)
	b.credit(m.Seq, acc, 1000)
	ask := create(m.Seq, acc, "a", 100)
	ask.Review = "above 50"
	w := must(b, ask)
	for range 2 {
		if w = must(b, withdrawal.NewRelease(w.Seq, "test")); w.State != withdrawal.Review || w.Version != 2 {
			t.Fatalf("released: %+v", w)
		}
	}
	if _, err := do(b, withdrawal.NewClaim(w.Seq, 7, "wal_1", "test")); fault.CodeOf(err) != "wrong_state" {
		t.Errorf("claimed in review: %v", err)
	}
	if _, err := do(b, withdrawal.NewApprove(w.Seq, strings.Repeat("x", account.MaxText+1), "", "op")); fault.CodeOf(err) != "invalid_approval" {
		t.Errorf("a proof too long: %v", err)
	}
	for range 2 {
		if w = must(b, withdrawal.NewApprove(w.Seq, "proof", "known", "op")); w.State != withdrawal.Queued || w.Approval != "proof" || w.Version != 3 {
			t.Fatalf("approved: %+v", w)
		}
	}
	// The signer wants another one while it is being paid.
	must(b, withdrawal.NewClaim(w.Seq, 7, "wal_1", "test"))
	if w = must(b, withdrawal.NewApprove(w.Seq, "better", "", "op")); w.State != withdrawal.Processing || w.Approval != "better" {
		t.Fatalf("approved late: %+v", w)
	}
	if _, err := do(b, withdrawal.NewReject(w.Seq, "no", "op")); fault.CodeOf(err) != "wrong_state" {
		t.Errorf("rejected while being paid: %v", err)
	}
	ask.ForeignID = "early"
	early := must(b, ask)
	must(b, withdrawal.NewApprove(early.Seq, "proof", "", "op"))
	if early = must(b, withdrawal.NewRelease(early.Seq, "test")); early.State != withdrawal.Queued {
		t.Errorf("approved before its time: %s", early.State)
	}
	b.verify()
}

// TestCase28_AReleaseIsItsOwnReservation ends one of two withdrawals in every way that
// gives money back, again and again: only its own comes back, and once.
func TestCase28_AReleaseIsItsOwnReservation(t *testing.T) {
	for name, c := range map[string]struct {
		begun bool
		end   func(m, w id.Seq) commit.Command[withdrawal.Withdrawal]
	}{
		"cancelled": {false, func(m, w id.Seq) commit.Command[withdrawal.Withdrawal] { return withdrawal.NewCancel(m, w, "test", "") }},
		"rejected":  {false, func(_, w id.Seq) commit.Command[withdrawal.Withdrawal] { return withdrawal.NewReject(w, "odd", "test") }},
		"failed": {true, func(_, w id.Seq) commit.Command[withdrawal.Withdrawal] {
			return withdrawal.NewFail(w, 7, "0x1", "no", "test")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			m := b.merchant(0)
			acc := b.account(m.Seq)
			b.credit(m.Seq, acc, 1000)
			ask := create(m.Seq, acc, "a", 300)
			ask.Fee = money.Of(5)
			first := must[withdrawal.Withdrawal](b, ask)
			must[withdrawal.Withdrawal](b, create(m.Seq, acc, "b", 400)) // its money must stay
			if c.begun {
				must[withdrawal.Withdrawal](b, withdrawal.NewRelease(first.Seq, "test"))
				must[withdrawal.Withdrawal](b, withdrawal.NewClaim(first.Seq, 7, "wal_1", "test"))
			}
			for range 3 {
				must[withdrawal.Withdrawal](b, c.end(m.Seq, first.Seq))
			}
			if got := figures(must[ledger.Balance](b, look{acc, "USDT"})); got != "available 600 pending 0 locked 0 reserved 400 total 1000" {
				t.Error(got)
			}
			b.verify()
		})
	}
}

// TestCase39_MoneyInAnotherCurrencyPaysNothing: the balance that is checked is the one
// that pays, however much the account has in other currencies.
func TestCase39_MoneyInAnotherCurrencyPaysNothing(t *testing.T) {
	b := open(t)
	m := b.merchant(0)
	acc := b.account(m.Seq)
	must[account.Credit](b, account.AddCredit{Merchant: m.Seq, Account: acc, Asset: btc, Amount: money.Of(1_000_000)})
	b.credit(m.Seq, acc, 9)
	if _, err := do[withdrawal.Withdrawal](b, create(m.Seq, acc, "a", 10)); fault.CodeOf(err) != "insufficient_funds" {
		t.Errorf("10 out of 9: %v", err)
	}
	must[withdrawal.Withdrawal](b, create(m.Seq, acc, "b", 9))
	got := figures(must[ledger.Balance](b, look{acc, "USDT"})) + ", " + figures(must[ledger.Balance](b, look{acc, "BTC"}))
	if got != "available 0 pending 0 locked 0 reserved 9 total 9, available 1000000 pending 0 locked 0 reserved 0 total 1000000" {
		t.Error(got)
	}
	b.verify()
}
