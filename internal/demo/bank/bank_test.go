package bank_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/bank/iban"
	"sluice/internal/bank/message"
	"sluice/internal/bank/sepa"
	"sluice/internal/bank/sepatest"
	"sluice/internal/demo/bank"
	"sluice/internal/money"
)

const (
	ours   = "DE02100500000054540402"
	theirs = "NL70ABNA0106295004"
)

var berlin = func() *time.Location {
	l, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return l
}()

// monday is a day without holidays around it.
var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, berlin)

func open(t testing.TB, change func(*bank.Config)) (*bank.Bank, string) {
	t.Helper()
	cfg := bank.Config{Dir: t.TempDir(), Account: ours, Owner: "Example GmbH", BIC: "BELADEBE", Opening: 1000_00, Start: monday.Add(-time.Hour), Zone: berlin, StatementAt: 20 * time.Hour}
	if change != nil {
		change(&cfg)
	}
	b, err := bank.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b, cfg.Dir
}

func number(s string) iban.IBAN {
	i, err := iban.Parse(s)
	if err != nil {
		panic(err)
	}
	return i
}

func ourBank() sepa.Bank {
	return sepa.Bank{Account: message.Party{Name: "Example GmbH", IBAN: number(ours)}, Initiator: "Example GmbH", Zone: berlin, CutOff: sepa.CutOff{Hour: 15}}
}

func payout(id string, cents uint64) sepa.Instruction {
	return sepa.Instruction{Service: message.Normal, Payout: message.Payout{
		EndToEndID: id, Amount: money.Of(cents), Creditor: message.Party{Name: "Max Mustermann", IBAN: number(theirs)}, Purpose: "OTHR", Text: "Payout " + id,
	}}
}

// order writes an order as the rail does.
func order(t testing.TB, by sepa.Bank, id string, at time.Time, list ...sepa.Instruction) []byte {
	t.Helper()
	o, err := by.Order(id, at, by.Window(at, list[0].Service), list)
	if err != nil {
		t.Fatal(err)
	}
	file, err := o.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func send(t testing.TB, dir, name string, file []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "outbox", name), file, 0o600); err != nil {
		t.Fatal(err)
	}
}

func tick(t testing.TB, b *bank.Bank, at time.Time) string {
	t.Helper()
	events, err := b.Tick(at)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range events {
		out = append(out, e.Kind+" "+e.ID)
	}
	return strings.Join(out, ", ")
}

// answers reads every file in the inbox: valid by the schema, and readable by the rail.
func answers(t testing.TB, dir string) map[string]*message.File {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "inbox", "*.xml"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*message.File{}
	for _, path := range list {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		kind := sepatest.Status
		switch {
		case strings.Contains(path, "camt.053"):
			kind = sepatest.Statement
		case strings.Contains(path, "camt.054"):
			kind = sepatest.Notification
		}
		sepatest.MustBeValid(t, kind, data)
		f, err := message.Read(strings.NewReader(string(data)), message.DefaultLimits)
		if err == nil {
			err = f.Check(func(n string) bool { return n == ours })
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", path, err, data)
		}
		out[filepath.Base(path)] = f
	}
	return out
}

func TestNoCodeIsShared(t *testing.T) {
	list, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if strings.Contains(i.Path.Value, "sluice/") {
				t.Errorf("%s imports %s", name, i.Path.Value)
			}
		}
	}
}

func TestADayAtTheBank(t *testing.T) {
	b, dir := open(t, func(c *bank.Config) {
		c.Positive, c.Notify = true, true
		c.Rules = []bank.Rule{
			{EndToEndID: "P2", Fate: bank.Fate{Reject: "AC01"}},
			{EndToEndID: "P3", Fate: bank.Fate{Return: "AC04", ReturnDays: 2, Kept: 5_00}},
			{EndToEndID: "P4", Fate: bank.Fate{Lost: true}},
			{Cents: 7_00, Fate: bank.Fate{Reverse: "MS03"}},
		}
	})
	send(t, dir, "a.xml", order(t, ourBank(), "M1", monday, payout("P1", 200_00), payout("P2", 20_00), payout("P3", 30_00), payout("P4", 40_00), payout("P5", 7_00), payout("P6", 2000_00)))
	if got := tick(t, b, monday); got != "rejected P2, taken M1, lost P4, booked P1, booked P3, booked P5, reversed P5, rejected P6" {
		t.Errorf("got %s", got)
	}
	if got := tick(t, b, monday.Add(12*time.Hour)); got != "statement 1" {
		t.Errorf("got %s", got)
	}
	if got := tick(t, b, monday.AddDate(0, 0, 1)); got != "" {
		t.Errorf("got %s", got)
	}
	if got := tick(t, b, monday.AddDate(0, 0, 3)); got != "statement 2, returned P3, statement 3" {
		t.Errorf("got %s", got)
	}
	if b.Balance() != 1000_00-200_00-30_00+25_00 || b.Waiting() != 0 {
		t.Errorf("balance %d, %d waiting", b.Balance(), b.Waiting())
	}
	var names []string
	entries := 0
	for name, f := range answers(t, dir) {
		names = append(names, name[6:])
		if f.Kind == message.Statement {
			entries += len(f.Accounts[0].Entries)
		}
	}
	slices.Sort(names)
	if got := fmt.Sprint(names); got != "[camt.053.xml camt.053.xml camt.053.xml camt.054.xml camt.054.xml camt.054.xml camt.054.xml camt.054.xml pain.002.xml pain.002.xml]" || entries != 5 {
		t.Errorf("%d entries in %s", entries, got)
	}
}

func TestWhatABankRefuses(t *testing.T) {
	good := string(order(t, ourBank(), "M1", monday, payout("P1", 200_00), payout("P2", 20_00)))
	cases := []struct{ name, old, new, want string }{
		{"fine", "", "", "taken M1, booked P1, booked P2"},
		{"another version", "001.001.09", "001.001.03", "refused M1"},
		{"count", "<NbOfTxs>2", "<NbOfTxs>3", "refused M1"},
		{"control sum", "<CtrlSum>220.00", "<CtrlSum>220.01", "refused M1"},
		{"message id", "<MsgId>M1", "<MsgId>/M1", "refused /M1"},
		{"method", ">TRF<", ">CHK<", "refused M1"},
		{"service level", "<Cd>SEPA<", "<Cd>URGP<", "refused M1"},
		{"charges", ">SLEV<", ">SHAR<", "refused M1"},
		{"account of somebody else", ours, "DE95500105173934555844", "rejected P1, rejected P2, taken M1"},
		{"past day", "<Dt>2026-11-23", "<Dt>2026-11-20", "rejected P1, rejected P2, taken M1"},
		{"closed day", "<Dt>2026-11-23", "<Dt>2026-12-25", "rejected P1, rejected P2, taken M1"},
		{"currency", `Ccy="EUR">200.00`, `Ccy="USD">200.00`, "rejected P1, taken M1, booked P2"},
		{"IBAN", theirs, "NL71ABNA0106295004", "rejected P1, taken M1, booked P2"},
		{"characters", "Payout P1", "Payout; P1", "rejected P1, taken M1, booked P2"},
		{"two texts", "<Ustrd>Payout P1</Ustrd>", "<Ustrd>a</Ustrd><Ustrd>b</Ustrd>", "rejected P1, taken M1, booked P2"},
		{"an id twice", "<EndToEndId>P2", "<EndToEndId>P1", "rejected P1, taken M1, booked P1"},
		{"no name", "<Nm>Max Mustermann</Nm>", "<Nm></Nm>", "rejected P1, taken M1, booked P2"},
		{"unstructured address", "<Nm>Max Mustermann</Nm>", "<Nm>Max Mustermann</Nm><PstlAdr><AdrLine>x</AdrLine></PstlAdr>", "rejected P1, taken M1, booked P2"},
		{"no XML", "</Document>", "", "refused M1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b, dir := open(t, nil)
			if !strings.Contains(good, c.old) {
				t.Fatalf("the order has no %s", c.old)
			}
			send(t, dir, "a.xml", []byte(strings.Replace(good, c.old, c.new, 1)))
			if got := tick(t, b, monday); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			for _, f := range answers(t, dir) {
				if f.Status.Reason().Code == "" && len(f.Status.Batches) == 0 {
					t.Errorf("%+v", f.Status)
				}
			}
		})
	}
}

func TestTheSameOrderTwiceIsADuplicate(t *testing.T) {
	b, dir := open(t, nil)
	file := order(t, ourBank(), "M1", monday, payout("P1", 200_00))
	send(t, dir, "a.xml", file)
	if got := tick(t, b, monday); got != "taken M1, booked P1" {
		t.Errorf("got %s", got)
	}
	send(t, dir, "a.xml", file)
	if got := tick(t, b, monday.Add(time.Minute)); got != "refused M1" {
		t.Errorf("got %s", got)
	}
	files := answers(t, dir)
	if len(files) != 1 || b.Balance() != 800_00 {
		t.Fatalf("%d answers, balance %d", len(files), b.Balance())
	}
	for _, f := range files {
		if f.Status.Reason().Code != "AM05" {
			t.Errorf("%+v", f.Status)
		}
	}
}

func TestBatchesAndPages(t *testing.T) {
	b, dir := open(t, func(c *bank.Config) { c.PageSize, c.Twice = 1, true })
	at := ourBank()
	at.OneBooking = true
	send(t, dir, "a.xml", order(t, at, "M1", monday, payout("P1", 200_00), payout("P2", 20_00)))
	send(t, dir, "b.xml", order(t, ourBank(), "M2", monday, payout("P3", 30_00), payout("P4", 40_00)))
	send(t, dir, ".hidden.xml", []byte("x"))
	if got := tick(t, b, monday); got != "taken M1, taken M2, booked P1, booked P2, booked P3, booked P4" {
		t.Errorf("got %s", got)
	}
	if err := b.Pay(monday.Add(time.Hour), 5_00, true, "top-up"); err != nil {
		t.Fatal(err)
	}
	if got := tick(t, b, monday.Add(24*time.Hour)); got != "statement 1" {
		t.Errorf("got %s", got)
	}
	files := answers(t, dir)
	byPage := map[int]message.Account{}
	for _, f := range files {
		byPage[f.Accounts[0].Page.Number] = f.Accounts[0]
	}
	// A batch, two payments and the top-up; each page is left twice.
	pages := slices.Collect(maps.Values(byPage))
	if len(pages) != 4 || len(files) != 8 {
		t.Fatalf("%d pages in %d files", len(pages), len(files))
	}
	var numbers []message.Page
	var in, out []money.Amount
	for _, a := range pages {
		numbers, in, out = append(numbers, a.Page), append(in, a.Sums.In), append(out, a.Sums.Out)
	}
	if missing := message.Missing(numbers); len(missing) > 0 {
		t.Errorf("pages %v are missing", missing)
	}
	opening, _ := byPage[1].Opening()
	closing, _ := byPage[4].Closing()
	allIn, err1 := money.Sum(in...)
	allOut, err2 := money.Sum(out...)
	if err1 != nil || err2 != nil || !message.Balances(opening, allIn, allOut, closing) {
		t.Errorf("%+v and %s in, %s out make no %+v", opening, allIn, allOut, closing)
	}
	if e := byPage[1].Entries[0]; len(e.Batches) != 1 || e.Batches[0].Count != 2 || len(e.Details) != 0 || e.Amount != money.Of(220_00) {
		t.Errorf("%+v", e)
	}
}

func TestWeekendsAndHolidays(t *testing.T) {
	b, dir := open(t, func(c *bank.Config) { c.Start = time.Date(2027, 3, 25, 9, 0, 0, 0, berlin) })
	thursday := time.Date(2027, 3, 25, 16, 0, 0, 0, berlin) // before Good Friday, after the cut-off
	now := payout("P2", 2_00)
	now.Service = message.Instant
	send(t, dir, "a.xml", order(t, ourBank(), "M1", thursday, payout("P1", 1_00)))
	if got := tick(t, b, thursday); got != "taken M1" {
		t.Errorf("got %s", got)
	}
	saturday := thursday.AddDate(0, 0, 2)
	send(t, dir, "b.xml", order(t, ourBank(), "M2", saturday, now))
	if got := tick(t, b, saturday); got != "statement 1, taken M2, booked P2" {
		t.Errorf("got %s", got)
	}
	if got := tick(t, b, time.Date(2027, 3, 29, 23, 0, 0, 0, berlin)); got != "" {
		t.Errorf("Easter Monday: %s", got)
	}
	if got := tick(t, b, time.Date(2027, 3, 30, 23, 0, 0, 0, berlin)); got != "booked P1, statement 2" {
		t.Errorf("got %s", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, change := range map[string]func(*bank.Config){
		"no IBAN": func(c *bank.Config) { c.Account = "DE89000000000000000000" },
		"no zone": func(c *bank.Config) { c.Zone = nil },
		"no time": func(c *bank.Config) { c.Start = time.Time{} },
	} {
		cfg := bank.Config{Dir: t.TempDir(), Account: ours, Zone: berlin, Start: monday}
		change(&cfg)
		if _, err := bank.Open(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAFileThatWasChangedStays(t *testing.T) {
	b, dir := open(t, nil)
	send(t, dir, "a.xml", order(t, ourBank(), "M1", monday, payout("P1", 200_00)))
	send(t, dir, "a.xml.sha256", []byte("0000  a.xml\n"))
	if got := tick(t, b, monday); got != "refused a.xml" {
		t.Errorf("got %s", got)
	}
}
