package sepa_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	bankbook "sluice/internal/bank"
	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/bank/sepa"
	"sluice/internal/bank/sepa/channel"
	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/store"
	"sluice/internal/test/harness"
)

// fieldCase is a case.json: our account, and the orders that were sent before the bank's
// files came. The end-to-end ids of payments are those of withdrawals 1, 2, 3, ... over all
// orders; amounts are in cents; iban is the recipient's, "" for the one that all have.
type fieldCase struct {
	IBAN   string       `json:"iban"`
	Early  bool         `json:"early"` // a reported settlement confirms
	Orders []fieldOrder `json:"orders"`
}

type fieldOrder struct {
	ID       string         `json:"id"`
	One      bool           `json:"one"` // one booking for all of it
	Instant  bool           `json:"instant"`
	Payments []fieldPayment `json:"payments"`
}

type fieldPayment struct {
	Cents uint64 `json:"cents"`
	IBAN  string `json:"iban"`
}

// fieldWant is a want.json: what must hold after all files. What is not there is not checked.
type fieldWant struct {
	Payments    map[string]string `json:"payments"`     // order/place to state: held, confirmed, failed, returned
	Reasons     map[string]string `json:"reasons"`      // order/place to the bank's code of the end
	Suspense    *int              `json:"suspense"`     // bookings that wait for a person
	Entries     *int              `json:"entries"`      // bookings that were taken in
	Alerts      *bool             `json:"alerts"`       // there are alerts beside those about bookings in suspense
	Refused     *int              `json:"refused"`      // files that were not taken in
	Statements  *int              `json:"statements"`   // different statements
	Closing     *string           `json:"closing"`      // the last balance
	RoundErrors *int              `json:"round_errors"` // rounds that failed
}

// TestField runs cases from the field: each folder has the orders that were sent, the files
// of the bank, which come one after another by name, and what must hold in the end.
// SLUICE_FIELD_CASES names another folder of such folders, absolute, or from here or from the
// root of the module.
func TestField(t *testing.T) {
	root := os.Getenv("SLUICE_FIELD_CASES")
	if root == "" {
		root = filepath.Join("testdata", "field")
	} else if _, err := os.Stat(root); err != nil && !filepath.IsAbs(root) {
		root = filepath.Join("..", "..", "..", root)
	}
	cases, err := filepath.Glob(filepath.Join(root, "*", "case.json"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases in %s: %v", root, err)
	}
	for _, path := range cases {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			runField(t, dir)
		})
	}
}

func readJSON(t *testing.T, path string, to any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	check(t, err)
	if err := json.Unmarshal(raw, to); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func runField(t *testing.T, dir string) {
	var c fieldCase
	var want fieldWant
	readJSON(t, filepath.Join(dir, "case.json"), &c)
	readJSON(t, filepath.Join(dir, "want.json"), &want)
	list, err := os.ReadDir(dir)
	check(t, err)
	var files []fieldFile
	for _, e := range list {
		if e.Name() == "case.json" || e.Name() == "want.json" {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		check(t, err)
		files = append(files, fieldFile{e.Name(), raw})
	}
	openField(t, c).holds(files, want)
}

// fieldFile is a file of a bank.
type fieldFile struct {
	name string
	raw  []byte
}

// holds takes files in, each followed by a round, and compares what came of them.
func (d *field) holds(files []fieldFile, want fieldWant) {
	d.Helper()
	failed := 0
	for _, f := range files {
		check(d, os.WriteFile(filepath.Join(d.inbox, f.name), f.raw, 0o600))
		if err := apart(d.rail.Round(d.Context())); err != nil {
			d.Logf("after %s: %v", f.name, err)
			failed++
		}
	}
	got := d.result(want)
	got.RoundErrors = &failed
	for n := range reflect.TypeFor[fieldWant]().NumField() {
		w, g := reflect.ValueOf(want).Field(n), reflect.ValueOf(got).Field(n)
		if w.IsNil() {
			continue
		}
		if !reflect.DeepEqual(w.Interface(), g.Interface()) {
			d.Errorf("%s: got %v, want %v", reflect.TypeFor[fieldWant]().Field(n).Name, reflect.Indirect(g), reflect.Indirect(w))
		}
	}
	if d.Failed() {
		d.Log(d.story())
	}
	report, err := d.db.Verify(d.Context())
	check(d, err)
	for _, s := range report.Shards {
		if s.Count > 0 {
			d.Errorf("the books are wrong: %+v", s.Differences)
		}
	}
}

// apart leaves out of an error that the withdrawals of a case exist on paper only: they
// cannot be told that their money came back.
func apart(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var rest []error
		for _, e := range many.Unwrap() {
			rest = append(rest, apart(e))
		}
		return errors.Join(rest...)
	}
	if fault.CodeOf(err) == "withdrawal_not_found" {
		return nil
	}
	return err
}

// field is a rail with its book, its folder, and the orders of a case.
type field struct {
	testing.TB
	db     *store.DB
	loop   *commit.Loop
	rail   *sepa.Rail
	book   *bankbook.Book
	inbox  string
	places map[string]bankbook.PaymentKey // by order/place, from 1
}

const fieldWallet = "wal_1"

func openField(t testing.TB, c fieldCase) *field {
	t.Helper()
	dir := t.TempDir()
	opened := harness.Open(t, harness.Options{})
	db, loop := opened.DB, opened.Loop
	folder, err := channel.OpenFolder(filepath.Join(dir, "bank"), channel.FolderOptions{})
	check(t, err)
	t.Cleanup(func() { check(t, folder.Close()) })
	bank := bankOf()
	bank.Account.IBAN = number(c.IBAN)
	keys := ring(t)
	r := sepa.New(sepa.Config{Checker: sepa.Checker{Network: "sepa", Ring: keys}, Bank: bank, Wallet: fieldWallet, Channel: folder})
	book := bankbook.New(loop, db, bankbook.Options{Policy: match.Policy{ConfirmOnSettled: c.Early}, Keys: keys, Log: harness.Quiet})
	r.Connect(book, agreeing(t, c.IBAN))
	d := &field{t, db, loop, r, book, filepath.Join(dir, "bank", "inbox"), map[string]bankbook.PaymentKey{}}
	seq := id.Seq(0)
	for _, o := range c.Orders {
		batch := message.Batch{ID: o.ID + "-1", Service: message.Normal, Day: "2026-11-20", OneBooking: o.One, Debtor: bank.Account}
		if o.Instant {
			batch.Service = message.Instant
		}
		for n, p := range o.Payments {
			seq++
			to := number(theirs)
			if p.IBAN != "" {
				to = number(p.IBAN)
			}
			batch.Payouts = append(batch.Payouts, message.Payout{
				EndToEndID: endToEndOf(int(seq)), Amount: money.Of(p.Cents), Creditor: message.Party{Name: "Max Mustermann", IBAN: to},
			})
			d.places[fmt.Sprintf("%s/%d", o.ID, n+1)] = bankbook.PaymentKey{Order: o.ID, Place: int64(n)}
		}
		_, err := book.Sent(t.Context(), fieldWallet, message.Order{
			ID: o.ID, CreatedAt: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Initiator: "Example GmbH", Batches: []message.Batch{batch},
		})
		check(t, err)
	}
	return d
}

// endToEndOf is the end-to-end id of the n-th payment of a case.
func endToEndOf(n int) string { return id.ID{Seq: id.Seq(n)}.Text(id.Withdrawal)[3:] }

// payment gives a payment by its place, as M1/1.
func (d *field) payment(place string) bankbook.Payment {
	d.Helper()
	key, ok := d.places[place]
	if !ok {
		d.Fatalf("the case has no payment %s", place)
	}
	list, err := d.db.BankPayments(d.Context(), key.Order)
	check(d, err)
	return list[key.Place]
}

// alerts are the events that ask for a person and are about no booking in suspense.
func (d *field) alerts() (out []string) {
	d.Helper()
	list, err := d.db.Events(d.Context(), bankbook.Shard, 0, 0, 1000)
	check(d, err)
	for _, e := range list {
		if e.Type == event.BankAlert && e.Subject == 0 {
			out = append(out, e.State+": "+e.Reason)
		}
	}
	return out
}

func (d *field) result(asked fieldWant) (got fieldWant) {
	d.Helper()
	ctx := d.Context()
	got.Payments, got.Reasons = map[string]string{}, map[string]string{}
	for place := range asked.Payments {
		got.Payments[place] = string(d.payment(place).State)
	}
	for place := range asked.Reasons {
		p := d.payment(place)
		if got.Reasons[place] = p.BackReason; p.BackReason == "" {
			got.Reasons[place] = p.Reason
		}
	}
	entries := 0
	check(d, d.db.EachBankEntry(ctx, func(e bankbook.Entry) error {
		if !e.Part {
			entries++
		}
		return nil
	}))
	waiting, err := d.db.BankSuspense(ctx, 1000)
	check(d, err)
	statements, err := d.db.BankStatements(ctx)
	check(d, err)
	files, err := d.db.BankFiles(ctx, 1000)
	check(d, err)
	files = slices.DeleteFunc(files, func(f bankbook.File) bool { return f.State != bankbook.FileRefused })
	count := func(n int) *int { return &n }
	alerts, closing := len(d.alerts()) > 0, ""
	last, ok, err := bankbook.Closing(ctx, d.db, fieldWallet)
	check(d, err)
	if ok {
		closing = message.Euro.Format(last.Closing)
		if last.ClosingSide == string(message.Debit) {
			closing = "-" + closing
		}
	}
	got.Suspense, got.Entries, got.Refused, got.Statements = count(len(waiting)), count(entries), count(len(files)), count(len(statements))
	got.Alerts, got.Closing = &alerts, &closing
	return got
}

// story is what a person would look at.
func (d *field) story() string {
	d.Helper()
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, place := range slices.Sorted(maps.Keys(d.places)) {
		p := d.payment(place)
		add("payment %s is %s, rejected %v as %q, back %s as %q", place, p.State, p.Rejected, p.Reason, message.Euro.Format(p.Back), p.BackReason)
	}
	check(d, d.db.EachBankEntry(d.Context(), func(e bankbook.Entry) error {
		add("entry %s is %s: %s %s %s %s", e.Key, e.State, message.Euro.Format(e.Amount), e.Side, e.Cause, e.Text)
		return nil
	}))
	statements, err := d.db.BankStatements(d.Context())
	check(d, err)
	for _, s := range statements {
		add("statement %s of %s is %s and closes with %s", s.Name(), s.Day, s.State, message.Euro.Format(s.Closing))
	}
	files, err := d.db.BankFiles(d.Context(), 1000)
	check(d, err)
	for _, f := range files {
		add("file %s is %s, %d entries: %s", f.Name, f.State, f.Entries, f.Reason)
	}
	for _, a := range d.alerts() {
		add("alert %s", a)
	}
	return strings.Join(out, "\n")
}
