package sepa_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bankbook "sluice/internal/bank"
	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/bank/sepa"
	"sluice/internal/bank/sepa/channel"
	"sluice/internal/bank/sepatest"
	"sluice/internal/commit"
	demobank "sluice/internal/demo/bank"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/merchant/destination"
	"sluice/internal/money"
	"sluice/internal/payout"
	"sluice/internal/rail"
	"sluice/internal/seal"
	"sluice/internal/signer/guard"
	"sluice/internal/store"
	"sluice/internal/test/harness"
	"sluice/internal/withdrawal"
)

var euro = money.Asset{Code: "EUR", Scale: 2, Networks: []string{"sepa"}}

const theirs = "NL70ABNA0106295004"

// office is everything between a merchant and a bank, in virtual time: store, write
// path, dispatch, rail, a channel, and a bank that shares no code with it.
type office struct {
	t        *testing.T
	dir      string
	db       *store.DB
	loop     *commit.Loop
	rail     *sepa.Rail
	channel  sepa.Channel
	bank     *demobank.Bank
	merchant id.Seq
	account  id.Seq
	wallet   payout.Wallet
	stop     func()
	made     int
}

type officeOptions struct {
	bank    func(*demobank.Config)
	rail    func(*sepa.Config)
	policy  match.Policy
	channel func(dir string) sepa.Channel // nil: a folder
	sign    []func(*guard.Options)
}

// ring is a key ring with one key.
func ring(t testing.TB) *seal.Ring {
	t.Helper()
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	r, err := seal.ParseRing("test:" + base64.StdEncoding.EncodeToString(key[:]))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until sleeps until a moment, written as RFC 3339.
func until(t *testing.T, moment string) {
	t.Helper()
	at, err := time.Parse(time.RFC3339, moment)
	check(t, err)
	if d := time.Until(at); d > 0 {
		time.Sleep(d)
	}
	synctest.Wait()
}

// openOffice starts everything at a moment, with 1000 euro for Ada.
func openOffice(t *testing.T, moment string, opt officeOptions) *office {
	t.Helper()
	until(t, moment)
	ctx := context.Background()
	o := &office{t: t, dir: t.TempDir()}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	if testing.Verbose() {
		quiet = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	opened := harness.Open(t, harness.Options{Store: store.Options{Log: quiet}})
	o.db, o.loop = opened.DB, opened.Loop
	run, cancel := context.WithCancel(ctx)
	done := make(chan error, 2)
	bankDir := filepath.Join(o.dir, "bank")
	folder, err := channel.OpenFolder(bankDir, channel.FolderOptions{})
	check(t, err)
	o.channel = folder
	if opt.channel != nil {
		o.channel = opt.channel(bankDir)
	}
	cfg := sepa.Config{Checker: sepa.Checker{Network: "sepa", Ring: ring(t)}, Bank: bankOf(), Channel: o.channel, Poll: time.Minute}
	if opt.rail != nil {
		opt.rail(&cfg)
	}
	o.wallet, err = commit.Do(ctx, o.loop, 0, payout.CreateWallet{Network: "sepa", Address: ours})
	check(t, err)
	cfg.Wallet = o.wallet.Text()
	o.rail = sepa.New(cfg)
	sign := agreeing(t, ours, opt.sign...)
	o.rail.Connect(bankbook.New(o.loop, o.db, bankbook.Options{Policy: opt.policy, Keys: cfg.Ring, Log: quiet}), sign)
	o.customer(ctx)
	bankCfg := demobank.Config{
		Dir: bankDir, Account: ours, Owner: "Example GmbH", BIC: "BELADEBE", Opening: 5000_00, Start: time.Now(), Zone: zone("Europe/Berlin"), StatementAt: 20 * time.Hour,
	}
	if opt.bank != nil {
		opt.bank(&bankCfg)
	}
	o.bank, err = demobank.Open(bankCfg)
	check(t, err)
	worker := payout.NewWorker(o.loop, o.db, map[string]rail.Rail{"sepa": o.rail}, sign, payout.Options{Owner: "test", Log: quiet})
	go func() { done <- worker.Run(run) }()
	go func() { done <- o.listen(run) }()
	o.stop = func() {
		cancel()
		check(t, <-done)
		check(t, <-done)
		opened.Close()
		check(t, folder.Close())
	}
	return o
}

func bankOf() sepa.Bank {
	b := ourBank()
	b.Zone = zone("Europe/Berlin")
	return b
}

func ourBank() sepa.Bank {
	return sepa.Bank{
		Account: message.Party{Name: "Example GmbH", IBAN: number(ours)}, Initiator: "Example GmbH", CutOff: sepa.CutOff{Hour: 14, Minute: 30},
	}
}

// listen is what the server does beside dispatch.
func (o *office) listen(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := o.rail.Round(context.WithoutCancel(ctx)); err != nil {
				return err
			}
		}
	}
}

func (o *office) customer(ctx context.Context) {
	m, err := commit.Do(ctx, o.loop, 0, merchant.Create{Name: "Shop", Mode: merchant.Test})
	check(o.t, err)
	a, err := commit.Do(ctx, o.loop, 0, account.Open{Merchant: m.Seq, Kind: ledger.KindCustomer, Name: "Max Mustermann"})
	check(o.t, err)
	o.merchant, o.account = m.Seq, a.Seq
	_, err = commit.Do(ctx, o.loop, 0, account.AddCredit{Merchant: m.Seq, Account: a.Seq, Asset: message.Euro, Amount: money.Of(1000_00)})
	check(o.t, err)
}

// pay asks for a withdrawal and queues it.
func (o *office) pay(cents uint64, service string) id.Seq {
	o.t.Helper()
	w := o.ask(cents, service)
	_, err := commit.Do(context.Background(), o.loop, 0, withdrawal.NewRelease(w, "test"))
	check(o.t, err)
	return w
}

// ask asks for a withdrawal.
func (o *office) ask(cents uint64, service string) id.Seq {
	o.t.Helper()
	ctx := context.Background()
	target, err := o.rail.CheckRecipient(ctx, rail.Recipient{Holder: "Max Mustermann", IBAN: theirs}, "EUR")
	check(o.t, err)
	payment, err := o.rail.CheckPayment(ctx, rail.Payment{Remittance: "Payout", Service: service}, "EUR")
	check(o.t, err)
	o.made++
	w, err := commit.Do(ctx, o.loop, 0, withdrawal.Create{
		Merchant: o.merchant, Account: o.account, ForeignID: fmt.Sprint("f", o.made), Asset: euro, Amount: money.Of(cents), Target: target, Payment: payment,
		Names: destination.NameRule(""),
	})
	check(o.t, err)
	return w.Seq
}

func (o *office) get(w id.Seq) withdrawal.Withdrawal {
	o.t.Helper()
	x, ok, err := o.db.Withdrawal(context.Background(), id.ID{Seq: w})
	if err != nil || !ok {
		o.t.Fatalf("withdrawal %d: %v %v", w, ok, err)
	}
	return x
}

// tick lets the bank work, and then us.
func (o *office) tick() {
	o.t.Helper()
	_, err := o.bank.Tick(time.Now())
	check(o.t, err)
	time.Sleep(3 * time.Minute)
	synctest.Wait()
}

// state wants a withdrawal to be in a state, and what is available.
func (o *office) state(w id.Seq, state withdrawal.State, available string) {
	o.t.Helper()
	if got := o.get(w); got.State != state {
		o.t.Errorf("%s: withdrawal is %s (%s, %s), want %s", time.Now().Format(time.RFC3339), got.State, got.AttentionText, got.Reason, state)
	}
	list, err := o.db.Balances(context.Background(), id.ID{Seq: o.account})
	check(o.t, err)
	if got := message.Euro.Format(list[0].Available); got != available {
		o.t.Errorf("%s: %s available, want %s", time.Now().Format(time.RFC3339), got, available)
	}
}

// files reads what we handed over.
func (o *office) files() [][]byte {
	o.t.Helper()
	names, err := filepath.Glob(filepath.Join(o.dir, "bank", "sent", "*.xml"))
	check(o.t, err)
	var out [][]byte
	for _, n := range names {
		data, err := os.ReadFile(n)
		check(o.t, err)
		out = append(out, data)
	}
	return out
}

// verified holds the books against their own rules.
func (o *office) verified() {
	o.t.Helper()
	r, err := o.db.Verify(context.Background())
	check(o.t, err)
	for _, s := range r.Shards {
		if s.Count > 0 {
			o.t.Errorf("the books are wrong: %+v", s.Differences)
		}
	}
}

// TestCutOff: a normal payment waits for the bank's day and says so, and can be
// cancelled meanwhile; an instant one leaves at once. Then it goes the whole way, with
// the statement of the day as the proof.
func TestCutOffAndBooking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := openOffice(t, "2026-11-18T16:00:00+01:00", officeOptions{rail: func(c *sepa.Config) { c.Opens = sepa.CutOff{Hour: 6} }}) // after the cut-off
		defer o.stop()
		late, taken, instant := o.pay(200_00, ""), o.pay(50_00, ""), o.pay(10_00, "instant")
		until(t, "2026-11-18T16:10:00+01:00")
		w := o.get(late)
		if w.Attention != "bank_closed" || !strings.Contains(w.AttentionText, "Thursday, 19 November 2026, 06:00") {
			t.Errorf("it says %q: %s", w.Attention, w.AttentionText)
		}
		o.state(late, withdrawal.Queued, "740.00")
		o.state(instant, withdrawal.Processing, "740.00")
		_, err := commit.Do(context.Background(), o.loop, 0, withdrawal.NewCancel(o.merchant, taken, "test", "changed my mind"))
		check(t, err)
		o.tick() // the bank books the instant payment; its statement comes at the end of the day
		o.state(instant, withdrawal.Processing, "790.00")
		until(t, "2026-11-18T20:30:00+01:00")
		o.tick()
		o.state(instant, withdrawal.Confirmed, "790.00")
		until(t, "2026-11-19T05:50:00+01:00")
		o.state(late, withdrawal.Queued, "790.00")
		until(t, "2026-11-19T06:10:00+01:00")
		o.state(late, withdrawal.Processing, "790.00")
		files := o.files()
		if len(files) != 2 {
			t.Fatalf("%d files", len(files))
		}
		for _, f := range files {
			sepatest.MustBeValid(t, sepatest.Payment, f)
		}
		if !bytes.Contains(bytes.Join(files, nil), []byte("<Dt>2026-11-19</Dt>")) {
			t.Errorf("no file is for the next day:\n%s", files)
		}
		o.tick() // the bank takes it
		until(t, "2026-11-19T20:30:00+01:00")
		o.tick()
		o.state(late, withdrawal.Confirmed, "790.00")
		o.verified()
	})
}

// TestRejectAndReturn: one payment is rejected, one booked and back on the next
// business day, one booked and back twice, one comes back short; all of one file.
func TestRejectAndReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := openOffice(t, "2026-11-18T09:00:00+01:00", officeOptions{bank: func(c *demobank.Config) {
			c.Notify, c.Twice = true, true
			c.Rules = []demobank.Rule{
				{Cents: 1_00, Fate: demobank.Fate{Reject: "AC01"}},
				{Cents: 2_00, Fate: demobank.Fate{Return: "AC04", ReturnDays: 1}},
				{Cents: 3_00, Fate: demobank.Fate{Return: "MD07", ReturnDays: 1, ReturnTwice: true}},
				{Cents: 4_00, Fate: demobank.Fate{Return: "FOCR", ReturnDays: 1, Kept: 50}},
				{Cents: 5_00, Fate: demobank.Fate{Lost: true}},
			}
		}, rail: func(c *sepa.Config) { c.Collect = 5 * time.Minute }})
		defer o.stop()
		rejected, returned, twice, recalled, lost, fine := o.pay(1_00, ""), o.pay(2_00, ""), o.pay(3_00, ""), o.pay(4_00, ""), o.pay(5_00, ""), o.pay(6_00, "")
		until(t, "2026-11-18T09:03:00+01:00")
		if n := len(o.files()); n != 0 {
			t.Errorf("%d files before they were collected", n)
		}
		until(t, "2026-11-18T09:10:00+01:00")
		if n := len(o.files()); n != 1 {
			t.Fatalf("%d files, want one for all", n)
		}
		o.tick()
		for _, w := range []id.Seq{returned, twice, recalled, fine} {
			o.state(w, withdrawal.Confirmed, "980.00")
		}
		o.state(rejected, withdrawal.Failed, "980.00")
		if r := o.get(rejected).Reason; !strings.Contains(r, "AC01") || !strings.Contains(r, "not valid") {
			t.Errorf("failed because %q", r)
		}
		until(t, "2026-11-19T20:30:00+01:00")
		o.tick()
		o.state(twice, withdrawal.Returned, "988.50")
		o.state(recalled, withdrawal.Returned, "988.50")
		if r := o.get(recalled).Reason; !strings.Contains(r, "FOCR") || !strings.Contains(r, "0.50 EUR") {
			t.Errorf("returned because %q", r)
		}
		o.state(returned, withdrawal.Returned, "988.50")
		o.state(lost, withdrawal.Processing, "988.50") // silence is neither success nor failure
		o.state(fine, withdrawal.Confirmed, "988.50")
		list, err := o.db.BankSuspense(context.Background(), 10)
		if err != nil || len(list) != 1 || list[0].Cause != string(match.Second) {
			t.Errorf("in suspense: %+v, %v", list, err)
		}
		o.verified()
	})
}

// TestEarlyConfirm: an operator who trusts a reported settlement has it confirmed
// before anything is booked.
func TestEarlyConfirm(t *testing.T) {
	for _, early := range []bool{true, false} {
		t.Run(fmt.Sprint(early), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := openOffice(t, "2026-11-18T09:00:00+01:00", officeOptions{policy: match.Policy{ConfirmOnSettled: early}, bank: func(c *demobank.Config) { c.Positive = true }})
				defer o.stop()
				w := o.pay(7_00, "")
				until(t, "2026-11-18T09:05:00+01:00")
				o.tick()
				want := withdrawal.Processing
				if early {
					want = withdrawal.Confirmed
				}
				o.state(w, want, "993.00")
				until(t, "2026-11-18T20:30:00+01:00")
				o.tick()
				o.state(w, withdrawal.Confirmed, "993.00")
				o.verified()
			})
		})
	}
}

// TestOneBooking: the bank books a whole file at once, with and without its details, and
// rejects one of its payments before.
func TestOneBooking(t *testing.T) {
	for _, details := range []bool{false, true} {
		t.Run(fmt.Sprint(details), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := openOffice(t, "2026-11-18T09:00:00+01:00", officeOptions{bank: func(c *demobank.Config) {
					c.Details, c.Rules = details, []demobank.Rule{{Cents: 2_00, Fate: demobank.Fate{Reject: "AC01"}}}
				}, rail: func(c *sepa.Config) { c.Bank.OneBooking, c.Collect = true, 2*time.Minute }})
				defer o.stop()
				one, two, three := o.pay(1_00, ""), o.pay(2_00, ""), o.pay(3_00, "")
				until(t, "2026-11-18T09:10:00+01:00")
				o.tick()
				o.state(two, withdrawal.Failed, "996.00")
				o.state(one, withdrawal.Processing, "996.00")
				until(t, "2026-11-18T20:30:00+01:00")
				o.tick()
				o.state(one, withdrawal.Confirmed, "996.00")
				o.state(three, withdrawal.Confirmed, "996.00")
				if list, err := o.db.BankSuspense(context.Background(), 10); err != nil || len(list) > 0 {
					t.Errorf("in suspense: %+v, %v", list, err)
				}
				o.verified()
			})
		})
	}
}
