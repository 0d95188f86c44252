package withdrawal_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/store"
	"sluice/internal/test/harness"
	"sluice/internal/withdrawal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var usdt = money.Asset{Code: "USDT", Scale: 6, Networks: []string{"ethereum"}}

var target = rail.Target{
	Network: "ethereum", Typed: "0x52908400098527886E0F7030069857D2E4169EE7", Canonical: "0x52908400098527886E0F7030069857D2E4169EE7",
	Decoded: []byte("20 bytes of address."),
}

// book is a running write path over a fresh SQLite file.
type book struct {
	t    testing.TB
	loop *commit.Loop
	db   *store.DB
}

func open(t testing.TB) *book {
	t.Helper()
	b := harness.Open(t, harness.Options{})
	return &book{t, b.Loop, b.DB}
}

func do[R any](b *book, c commit.Command[R]) (R, error) {
	return commit.Do(b.t.Context(), b.loop, 0, c)
}

func must[R any](b *book, c commit.Command[R]) R {
	b.t.Helper()
	r, err := do(b, c)
	if err != nil {
		b.t.Fatalf("%T: %v", c, err)
	}
	return r
}

// look reads a balance through the write path, so that it is what a decision would see.
type look struct {
	account  id.Seq
	currency string
}

func (l look) Reads(w *commit.Wants) { ledger.WantBalance(w, l.account, l.currency) }

func (l look) Apply(v *commit.View) (ledger.Balance, error) {
	b, _ := ledger.Balances.Get(v, ledger.BalanceKey{Account: l.account, Currency: l.currency})
	return b, nil
}

func (b *book) merchant(window time.Duration) merchant.Merchant {
	return must(b, merchant.Create{Name: "Shop", Mode: merchant.Test, CancelWindow: window})
}

func (b *book) account(m id.Seq) id.Seq {
	return must(b, account.Open{Merchant: m, Kind: ledger.KindCustomer}).Seq
}

func (b *book) credit(m, acc id.Seq, minor uint64) account.Credit {
	return must(b, account.AddCredit{Merchant: m, Account: acc, Asset: usdt, Amount: money.Of(minor)})
}

func create(m, acc id.Seq, foreign string, minor uint64) withdrawal.Create {
	return withdrawal.Create{Merchant: m, Account: acc, ForeignID: foreign, Asset: usdt, Amount: money.Of(minor), Target: target, Actor: "test"}
}

func figures(b ledger.Balance) string {
	return fmt.Sprintf("available %s pending %s locked %s reserved %s total %s", b.Available, b.Pending, b.Locked, b.Reserved, b.Total())
}

// The life of a withdrawal, figure by figure.
func TestLifeOfAWithdrawal(t *testing.T) {
	b := open(t)
	m := b.merchant(0)
	acc := b.account(m.Seq)
	step := func(what, want string) {
		t.Helper()
		if got := figures(must(b, look{acc, "USDT"})); got != want {
			t.Fatalf("after %s: %s; want %s", what, got, want)
		}
	}
	sale := must(b, account.AddCredit{Merchant: m.Seq, Account: acc, Asset: usdt, Amount: money.Of(200), Pending: true})
	step("a sale", "available 0 pending 200 locked 0 reserved 0 total 200")
	must(b, account.Settle{Merchant: m.Seq, Credit: sale.Seq})
	must(b, account.Settle{Merchant: m.Seq, Credit: sale.Seq}) // told twice
	step("settlement", "available 200 pending 0 locked 0 reserved 0 total 200")
	must(b, account.Move{Merchant: m.Seq, Account: acc, Asset: usdt, Amount: money.Of(50), Kind: ledger.KindLock})
	step("a lock", "available 150 pending 0 locked 50 reserved 0 total 200")
	w := must(b, create(m.Seq, acc, "a", 100))
	step("acceptance", "available 50 pending 0 locked 50 reserved 100 total 200")
	must(b, withdrawal.NewRelease(w.Seq, "test"))
	must(b, withdrawal.NewClaim(w.Seq, 7, "wal_1", "test"))
	step("processing", "available 50 pending 0 locked 50 reserved 100 total 200")
	must(b, withdrawal.NewConfirm(w.Seq, 7, "0x1", money.Of(3), "ETH", "test"))
	w = must(b, withdrawal.NewConfirm(w.Seq, 7, "0x1", money.Of(3), "ETH", "test")) // proved twice
	step("confirmation", "available 50 pending 0 locked 50 reserved 0 total 100")
	if w.State != withdrawal.Confirmed || w.EndedAt.IsZero() || w.TxID != "0x1" || w.Version != 4 {
		t.Fatalf("confirmed: %+v", w)
	}
}

// A command on a withdrawal that is in the wrong state is refused by its name and
// leaves everything as it was.
func TestTransitionsOutsideTheTableAreRefused(t *testing.T) {
	b := open(t)
	m := b.merchant(0)
	acc := b.account(m.Seq)
	b.credit(m.Seq, acc, 1_000_000)
	to := map[withdrawal.State]func(id.Seq){
		withdrawal.New:    func(id.Seq) {},
		withdrawal.Queued: func(w id.Seq) { must(b, withdrawal.NewRelease(w, "test")) },
	}
	to[withdrawal.Processing] = func(w id.Seq) {
		to[withdrawal.Queued](w)
		must(b, withdrawal.NewClaim(w, 7, "wal_1", "test"))
	}
	to[withdrawal.Confirmed] = func(w id.Seq) {
		to[withdrawal.Processing](w)
		must(b, withdrawal.NewConfirm(w, 7, "0x1", money.Amount{}, "ETH", "test"))
	}
	to[withdrawal.Returned] = func(w id.Seq) {
		to[withdrawal.Confirmed](w)
		must(b, withdrawal.NewReturn(w, money.Of(10), "AC04", "test"))
	}
	to[withdrawal.Failed] = func(w id.Seq) {
		to[withdrawal.Processing](w)
		must(b, withdrawal.NewFail(w, 7, "0x1", "refused", "test"))
	}
	to[withdrawal.Cancelled] = func(w id.Seq) { must(b, withdrawal.NewCancel(m.Seq, w, "test", "")) }
	cancel := func(w id.Seq) commit.Command[withdrawal.Withdrawal] {
		return withdrawal.NewCancel(m.Seq, w, "test", "")
	}
	claim := func(w id.Seq) commit.Command[withdrawal.Withdrawal] {
		return withdrawal.NewClaim(w, 8, "wal_1", "test")
	}
	confirm := func(w id.Seq) commit.Command[withdrawal.Withdrawal] {
		return withdrawal.NewConfirm(w, 7, "0x1", money.Amount{}, "ETH", "test")
	}
	back := func(w id.Seq) commit.Command[withdrawal.Withdrawal] {
		return withdrawal.NewReturn(w, money.Of(10), "AC04", "test")
	}
	fail := func(w id.Seq) commit.Command[withdrawal.Withdrawal] {
		return withdrawal.NewFail(w, 7, "0x1", "refused", "test")
	}
	for n, c := range []struct {
		in   withdrawal.State
		what string
		do   func(id.Seq) commit.Command[withdrawal.Withdrawal]
		code string // "" when allowed, or answered as done already
	}{
		{withdrawal.New, "cancel", cancel, ""},
		{withdrawal.New, "claim", claim, "wrong_state"},
		{withdrawal.New, "confirm", confirm, "wrong_dispatch"},
		{withdrawal.New, "fail", fail, "wrong_dispatch"},
		{withdrawal.Queued, "cancel", cancel, ""},
		{withdrawal.Queued, "claim", claim, ""},
		{withdrawal.Queued, "confirm", confirm, "wrong_dispatch"},
		{withdrawal.Processing, "cancel", cancel, "not_cancellable"},
		{withdrawal.Processing, "claim for another dispatch", claim, "wrong_state"},
		{withdrawal.Processing, "confirm", confirm, ""},
		{withdrawal.Processing, "fail", fail, ""},
		{withdrawal.Confirmed, "cancel", cancel, "not_cancellable"},
		{withdrawal.Confirmed, "confirm again", confirm, ""},
		{withdrawal.Confirmed, "fail", fail, "wrong_state"},
		{withdrawal.Confirmed, "return", back, ""},
		{withdrawal.Returned, "return again", back, ""},
		{withdrawal.Returned, "confirm again", confirm, ""},
		{withdrawal.Returned, "fail", fail, "wrong_state"},
		{withdrawal.Returned, "cancel", cancel, "not_cancellable"},
		{withdrawal.New, "return", back, "wrong_state"},
		{withdrawal.Queued, "return", back, "wrong_state"},
		{withdrawal.Processing, "return", back, "wrong_state"},
		{withdrawal.Failed, "return", back, "wrong_state"},
		{withdrawal.Cancelled, "return", back, "wrong_state"},
		{withdrawal.Failed, "confirm", confirm, "wrong_state"},
		{withdrawal.Failed, "fail again", fail, ""},
		{withdrawal.Failed, "claim", claim, "wrong_state"},
		{withdrawal.Cancelled, "cancel again", cancel, ""},
		{withdrawal.Cancelled, "claim", claim, "wrong_state"},
		{withdrawal.Cancelled, "confirm", confirm, "wrong_dispatch"},
	} {
		t.Run(fmt.Sprintf("%s %s", c.in, c.what), func(t *testing.T) {
			w := must(b, create(m.Seq, acc, fmt.Sprint("t", n), 10))
			to[c.in](w.Seq)
			before := must(b, look{acc, "USDT"})
			_, err := do(b, c.do(w.Seq))
			if fault.CodeOf(err) != c.code {
				t.Fatalf("%v; want code %q", err, c.code)
			}
			after := must(b, look{acc, "USDT"})
			if err != nil && after != before {
				t.Fatalf("refused, and yet %s became %s", figures(before), figures(after))
			}
		})
	}
}

// Cancel and claim meet in one conditional change: exactly one of them wins.
func TestCase61_CancelRacesWithDispatch(t *testing.T) {
	b := open(t)
	m := b.merchant(0)
	acc := b.account(m.Seq)
	b.credit(m.Seq, acc, 1000)
	for n := range 50 {
		w := must(b, create(m.Seq, acc, fmt.Sprint(n), 10))
		must(b, withdrawal.NewRelease(w.Seq, "test"))
		errs := make(chan error, 2)
		for _, c := range []commit.Command[withdrawal.Withdrawal]{withdrawal.NewCancel(m.Seq, w.Seq, "test", ""), withdrawal.NewClaim(w.Seq, 7, "wal_1", "test")} {
			go func() {
				_, err := do(b, c)
				errs <- err
			}()
		}
		first, second := <-errs, <-errs
		if (first == nil) == (second == nil) {
			t.Fatalf("cancel and claim: %v and %v; exactly one must win", first, second)
		}
		if lost := errors.Join(first, second); fault.KindOf(lost) != fault.Conflict {
			t.Fatalf("the loser got %v", lost)
		}
	}
}

// N parallel withdrawals of the whole balance: exactly one is accepted.
func TestCase01_ParallelWithdrawalsOfTheWholeBalance(t *testing.T) {
	b := open(t)
	m := b.merchant(0)
	acc := b.account(m.Seq)
	b.credit(m.Seq, acc, 100)
	const n = 200
	errs := make(chan error, n)
	for i := range n {
		go func() {
			_, err := do(b, create(m.Seq, acc, fmt.Sprint(i), 100))
			errs <- err
		}()
	}
	accepted := 0
	for range n {
		switch err := <-errs; fault.CodeOf(err) {
		case "":
			accepted++
		case "insufficient_funds":
			if f := fault.Of(err); f.Extra["available"] != "0.000000" {
				t.Fatalf("the refusal tells %v", f.Extra)
			}
		default:
			t.Fatal(err)
		}
	}
	if got := figures(must(b, look{acc, "USDT"})); accepted != 1 || got != "available 0 pending 0 locked 0 reserved 100 total 100" {
		t.Fatalf("%d accepted, %s", accepted, got)
	}
}

// not_before and the merchant's cancel window both keep a withdrawal new.
func TestReleaseWaitsForItsTime(t *testing.T) {
	b := open(t)
	windowed := b.merchant(time.Hour)
	acc := b.account(windowed.Seq)
	b.credit(windowed.Seq, acc, 1000)
	c := create(windowed.Seq, acc, "window", 10)
	w := must(b, c)
	if got := w.ReleaseAt.Sub(w.CreatedAt); got != time.Hour {
		t.Fatalf("released %v after creation", got)
	}
	c.ForeignID, c.NotBefore = "later", w.CreatedAt.Add(3*time.Hour)
	later := must(b, c)
	if !later.ReleaseAt.Equal(c.NotBefore) {
		t.Fatalf("released at %v, not before %v", later.ReleaseAt, c.NotBefore)
	}
	if early := must(b, withdrawal.NewRelease(w.Seq, "test")); early.State != withdrawal.New {
		t.Fatalf("released before its time: %s", early.State)
	}
}

// model is a ledger so simple that it cannot be wrong: four numbers per account,
// and what is held for each withdrawal.
type model struct {
	available, pending, locked, reserved uint64
}

// Random commands on several accounts: every acceptance and every figure is what
// the model says, whatever the order, and the book proves itself at the end.
func TestLedgerAgreesWithItsModel(t *testing.T) {
	b := open(t)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		m := b.merchant(0)
		accounts := []id.Seq{b.account(m.Seq), b.account(m.Seq), b.account(m.Seq)}
		want := map[id.Seq]*model{}
		for _, a := range accounts {
			want[a] = &model{}
		}
		live := map[id.Seq]struct {
			account id.Seq
			minor   uint64
			state   withdrawal.State
		}{}
		var order []id.Seq
		pending := map[id.Seq]uint64{}
		var credits []account.Credit
		foreign := 0
		pick := func(label string) id.Seq { return rapid.SampledFrom(accounts).Draw(rt, label) }
		amount := func() uint64 { return rapid.Uint64Range(1, 100).Draw(rt, "amount") }
		expect := func(what string, err error, ok bool) {
			if (err == nil) != ok {
				rt.Fatalf("%s: %v; the model says ok=%v", what, err, ok)
			}
		}
		move := func(kind ledger.Kind) func(*rapid.T) {
			return func(*rapid.T) {
				a, n := pick("account"), amount()
				_, err := do(b, account.Move{Merchant: m.Seq, Account: a, Asset: usdt, Amount: money.Of(n), Kind: kind})
				from, to := &want[a].available, &want[a].locked
				if kind == ledger.KindUnlock {
					from, to = to, from
				}
				expect(string(kind), err, *from >= n)
				if err == nil {
					*from, *to = *from-n, *to+n
				}
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"credit": func(*rapid.T) {
				a, n := pick("account"), amount()
				b.credit(m.Seq, a, n)
				want[a].available += n
			},
			"credit pending": func(*rapid.T) {
				a, n := pick("account"), amount()
				c := must(b, account.AddCredit{Merchant: m.Seq, Account: a, Asset: usdt, Amount: money.Of(n), Pending: true})
				want[a].pending += n
				credits, pending[c.Seq] = append(credits, c), n
			},
			"settle": func(*rapid.T) {
				if len(credits) == 0 {
					return
				}
				c := rapid.SampledFrom(credits).Draw(rt, "credit")
				must(b, account.Settle{Merchant: m.Seq, Credit: c.Seq})
				want[c.Account].pending -= pending[c.Seq]
				want[c.Account].available += pending[c.Seq]
				pending[c.Seq] = 0
			},
			"lock":   move(ledger.KindLock),
			"unlock": move(ledger.KindUnlock),
			"withdraw": func(*rapid.T) {
				a, n := pick("account"), amount()
				foreign++
				w, err := do(b, create(m.Seq, a, fmt.Sprintf("%d-%d", run, foreign), n))
				expect("withdraw", err, want[a].available >= n)
				if err == nil {
					want[a].available, want[a].reserved = want[a].available-n, want[a].reserved+n
					live[w.Seq], order = struct {
						account id.Seq
						minor   uint64
						state   withdrawal.State
					}{a, n, withdrawal.New}, append(order, w.Seq)
				}
			},
			"advance": func(*rapid.T) {
				if len(order) == 0 {
					return
				}
				seq := rapid.SampledFrom(order).Draw(rt, "withdrawal")
				w := live[seq]
				next := rapid.SampledFrom([]withdrawal.State{withdrawal.Queued, withdrawal.Processing, withdrawal.Confirmed, withdrawal.Failed, withdrawal.Cancelled}).Draw(rt, "to")
				c := map[withdrawal.State]commit.Command[withdrawal.Withdrawal]{
					withdrawal.Queued: withdrawal.NewRelease(seq, "test"), withdrawal.Processing: withdrawal.NewClaim(seq, 7, "wal_1", "test"),
					withdrawal.Confirmed: withdrawal.NewConfirm(seq, 7, "0x1", money.Amount{}, "ETH", "test"),
					withdrawal.Failed:    withdrawal.NewFail(seq, 7, "0x1", "no", "test"), withdrawal.Cancelled: withdrawal.NewCancel(m.Seq, seq, "test", ""),
				}[next]
				_, err := do(b, c)
				if err != nil && fault.KindOf(err) != fault.Conflict {
					rt.Fatalf("%s -> %s: %v", w.state, next, err)
				}
				if err != nil || !allowed(w.state, next) {
					if err == nil && w.state != next && next != withdrawal.Queued && (next != withdrawal.Processing || !w.state.Final()) {
						rt.Fatalf("%s -> %s was accepted", w.state, next)
					}
					return
				}
				switch next {
				case withdrawal.Confirmed:
					want[w.account].reserved -= w.minor
				case withdrawal.Failed, withdrawal.Cancelled:
					want[w.account].reserved -= w.minor
					want[w.account].available += w.minor
				case withdrawal.New, withdrawal.Review, withdrawal.Queued, withdrawal.Processing, withdrawal.Rejected, withdrawal.Returned:
				}
				w.state = next
				live[seq] = w
			},
			"": func(rt *rapid.T) {
				for _, a := range accounts {
					got := must(b, look{a, "USDT"})
					x := want[a]
					if got.Available != money.Of(x.available) || got.Pending != money.Of(x.pending) || got.Locked != money.Of(x.locked) || got.Reserved != money.Of(x.reserved) {
						rt.Fatalf("account %d: %s; the model says %+v", a, figures(got), *x)
					}
				}
			},
		})
	})
	report, err := b.db.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() {
		t.Fatalf("the book does not prove itself: %+v", report)
	}
}

func allowed(from, to withdrawal.State) bool {
	for _, e := range withdrawal.Transitions {
		if e.From == from && e.To == to {
			return true
		}
	}
	return false
}
