package message_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/internal/money"
	"sluice/internal/rail/sepa/message"
)

func TestCheck(t *testing.T) {
	day := string(load(t, "camt053-day.xml"))
	cases := []struct {
		name, old, new string
		want           message.Cause
	}{
		{"fine", "", "", ""},
		{"another account", ours, "DE95500105173934555844", message.WrongAccount},
		{"no account", "<Acct><Id><IBAN>" + ours + "</IBAN></Id><Ccy>EUR</Ccy>", "<Acct>", message.WrongAccount},
		{"account in another currency", "<Ccy>EUR</Ccy>", "<Ccy>USD</Ccy>", message.WrongCurrency},
		{"entry in another currency", `<Ntry>
    <Amt Ccy="EUR">200.00`, `<Ntry>
    <Amt Ccy="USD">200.00`, message.WrongCurrency},
		{"balance in another currency", `"EUR">494.50`, `"USD">494.50`, message.WrongCurrency},
		{"a cent too much", `"EUR">494.50`, `"EUR">494.51`, message.Unbalanced},
		{"a cent too little", `"EUR">494.50`, `"EUR">494.49`, message.Unbalanced},
		{"closing overdrawn", `494.50</Amt><CdtDbtInd>CRDT`, `494.50</Amt><CdtDbtInd>DBIT`, message.Unbalanced},
		{"opening overdrawn", `1000.00</Amt><CdtDbtInd>CRDT`, `1000.00</Amt><CdtDbtInd>DBIT`, message.Unbalanced},
		{"expected entry counted", "<Sts><Cd>PDNG</Cd></Sts>", "<Sts><Cd>BOOK</Cd></Sts>", message.Unbalanced},
		{"an entry missing", `<NbOfNtries>6`, `<NbOfNtries>7`, message.Incomplete},
		{"no closing balance", "<Cd>CLBD</Cd>", "<Cd>CLAV</Cd>", ""},
		{"previous closing instead of opening", "<Cd>OPBD</Cd>", "<Cd>PRCD</Cd>", ""},
		{"one of several pages", "<ElctrncSeqNb>", "<StmtPgntn><PgNb>2</PgNb><LastPgInd>true</LastPgInd></StmtPgntn><ElctrncSeqNb>", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(day, c.old) {
				t.Fatalf("the file has no %s", c.old)
			}
			f := read(t, []byte(strings.Replace(day, c.old, c.new, 1)))
			if err := f.Check(own); causeOf(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	// An overdrawn account adds up as well.
	low := strings.NewReplacer(`1000.00</Amt><CdtDbtInd>CRDT`, `100.00</Amt><CdtDbtInd>DBIT`, `494.50</Amt><CdtDbtInd>CRDT`, `605.50</Amt><CdtDbtInd>DBIT`).Replace(day)
	if err := read(t, []byte(low)).Check(own); err != nil {
		t.Error(err)
	}
}

func TestPages(t *testing.T) {
	page := func(n int, last bool, entries ...uint64) message.Account {
		a := message.Account{ID: "S", Number: ours, Sequence: 7, Page: message.Page{Number: n, Last: last}}
		for _, e := range entries {
			a.Entries = append(a.Entries, message.Entry{Amount: money.Of(e), Side: message.Credit, Status: message.Booked, Day: "2026-11-23"})
		}
		return a
	}
	bal := func(kind string, minor uint64) []message.Balance {
		return []message.Balance{{Type: kind, Amount: money.Of(minor), Currency: "EUR", Side: message.Credit, Day: "2026-11-23"}}
	}
	one, two, three := page(1, false, 10), page(2, false, 20, 30), page(3, true, 40)
	one.Balances, three.Balances = bal("OPBD", 5), bal("CLBD", 105)
	for name, c := range map[string]struct {
		pages []message.Account
		want  string
	}{
		"all":             {[]message.Account{three, one, two}, "[]"},
		"none in between": {[]message.Account{one, three}, "[2]"},
		"no last":         {[]message.Account{two, one}, "[3]"},
		"only the second": {[]message.Account{two}, "[1 3]"},
		"a single one":    {[]message.Account{page(0, false)}, "[]"},
		"one of one":      {[]message.Account{page(1, true)}, "[]"},
	} {
		if got := fmt.Sprint(message.Missing(c.pages)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if err := message.CheckBalance([]message.Account{three, one, two}); err != nil {
		t.Error(err)
	}
	if err := message.CheckBalance([]message.Account{three, one}); causeOf(err) != message.Unbalanced {
		t.Errorf("got %v", err)
	}
	if one.SetKey() != two.SetKey() || one.SetKey() == (message.Account{Number: ours, ID: "S"}).SetKey() {
		t.Errorf("%q", one.SetKey())
	}
}

func TestGaps(t *testing.T) {
	for _, c := range []struct {
		seen []uint64
		want string
	}{
		{nil, "[]"},
		{[]uint64{5}, "[]"},
		{[]uint64{7, 5, 6, 6, 0}, "[]"},
		{[]uint64{1, 9, 4}, "[{2 3} {5 8}]"},
	} {
		if got := fmt.Sprint(message.Gaps(c.seen)); got != c.want {
			t.Errorf("%v: %s, want %s", c.seen, got, c.want)
		}
	}
}

// TestKeys: the same movement has the same key in every file that tells of it, and
// two alike ones in one file have two.
func TestKeys(t *testing.T) {
	day := string(load(t, "camt053-day.xml"))
	first := read(t, []byte(day)).Bookings()
	again := read(t, []byte(strings.NewReplacer("BANK-20261123-1", "BANK-20261124-9", "STMT-226", "COPY-226").Replace(day))).Bookings()
	for n := range first {
		if first[n].Key != again[n].Key {
			t.Errorf("booking %d of the copy: %q, was %q", n, again[n].Key, first[n].Key)
		}
	}
	note := read(t, []byte(strings.NewReplacer("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn", "Stmt>", "Ntfctn>").Replace(day))).Bookings()
	if note[0].Key != first[0].Key || note[2].Key != first[2].Key {
		t.Errorf("the notification has other keys: %q, %q", note[0].Key, first[0].Key)
	}
	// Without a reference of the bank, two statements tell of two movements.
	other := read(t, []byte(strings.Replace(day, "<ElctrncSeqNb>226", "<ElctrncSeqNb>227", 1))).Bookings()
	if other[3].Key == first[3].Key {
		t.Errorf("two charges became one: %q", other[3].Key)
	}
	charge := day[strings.LastIndex(day[:strings.Index(day, "Charges")], "<Ntry>"):]
	charge = charge[:strings.Index(charge, "</Ntry>")+len("</Ntry>")]
	twice := read(t, []byte(strings.Replace(day, charge, charge+charge, 1))).Bookings()
	if len(twice) != 7 || twice[3].Key == twice[4].Key || twice[3].Key != first[3].Key {
		t.Errorf("%q and %q", twice[3].Key, twice[4].Key)
	}
	f := read(t, []byte(day))
	if k := f.FileKey(f.Accounts[0]); k != "statement|"+ours+"|BANK-20261123-1|STMT-226|226|0" {
		t.Errorf("file key %q", k)
	}
}
