package message_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/internal/bank/message"
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
		{"a balance in a second currency", `<Bal>`, `<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="USD">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-23</Dt></Dt></Bal><Bal>`, ""},
		{"a cent too much", `"EUR">494.50`, `"EUR">494.51`, message.Unbalanced},
		{"a cent too little", `"EUR">494.50`, `"EUR">494.49`, message.Unbalanced},
		{"closing overdrawn", `494.50</Amt><CdtDbtInd>CRDT`, `494.50</Amt><CdtDbtInd>DBIT`, message.Unbalanced},
		{"opening overdrawn", `1000.00</Amt><CdtDbtInd>CRDT`, `1000.00</Amt><CdtDbtInd>DBIT`, message.Unbalanced},
		{"expected entry counted", "<Sts><Cd>PDNG</Cd></Sts>", "<Sts><Cd>BOOK</Cd></Sts>", message.Unbalanced},
		{"another count, and balances that fit", `<NbOfNtries>6`, `<NbOfNtries>7`, ""},
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
	one, two, three := message.Page{Number: 1}, message.Page{Number: 2}, message.Page{Number: 3, Last: true}
	for name, c := range map[string]struct {
		pages []message.Page
		want  string
	}{
		"all":             {[]message.Page{three, one, two}, "[]"},
		"none in between": {[]message.Page{one, three}, "[2]"},
		"no last":         {[]message.Page{two, one}, "[3]"},
		"only the second": {[]message.Page{two}, "[1 3]"},
		"a single one":    {[]message.Page{{}}, "[]"},
		"one of one":      {[]message.Page{{Number: 1, Last: true}}, "[]"},
	} {
		if got := fmt.Sprint(message.Missing(c.pages)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// bookings are the movements of a message with their keys, as package match makes them
// where nothing is known.
func bookings(f *message.File) []message.Booking {
	var out []message.Booking
	for _, a := range f.Accounts {
		keys := message.NewKeys(f.Kind, a.Number, a.Name(f))
		for _, n := range a.Entries {
			b := a.True(n).Booking(f.Kind, a.Number)
			b.Place = keys.Place(n)
			parts := []message.Booking{b}
			if b.AddUp() {
				parts = nil
				for _, d := range b.Details {
					parts = append(parts, b.Part(d))
				}
			}
			for _, p := range parts {
				p.Key, _ = keys.Of(p)
				out = append(out, p)
			}
		}
	}
	return out
}

// TestKeys: the same movement has the same key in every file that tells of it, and
// two alike ones in one file have two.
func TestKeys(t *testing.T) {
	day := string(load(t, "camt053-day.xml"))
	first := bookings(read(t, []byte(day)))
	again := bookings(read(t, []byte(strings.NewReplacer("BANK-20261123-1", "BANK-20261124-9", "STMT-226", "COPY-226").Replace(day))))
	for n := range first[:3] { // those with a reference of the bank
		if first[n].Key != again[n].Key {
			t.Errorf("booking %d of the copy: %q, was %q", n, again[n].Key, first[n].Key)
		}
	}
	note := bookings(read(t, []byte(strings.NewReplacer("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn", "Stmt>", "Ntfctn>").Replace(day))))
	if note[0].Key != first[0].Key || note[2].Key != first[2].Key {
		t.Errorf("the notification has other keys: %q, %q", note[0].Key, first[0].Key)
	}
	// Without a reference of the bank, two statements tell of two movements.
	other := bookings(read(t, []byte(strings.Replace(day, "<ElctrncSeqNb>226", "<ElctrncSeqNb>227", 1))))
	if other[3].Key == first[3].Key {
		t.Errorf("two charges became one: %q", other[3].Key)
	}
	charge := day[strings.LastIndex(day[:strings.Index(day, "Charges")], "<Ntry>"):]
	charge = charge[:strings.Index(charge, "</Ntry>")+len("</Ntry>")]
	twice := bookings(read(t, []byte(strings.Replace(day, charge, charge+charge, 1))))
	if len(twice) != 7 || twice[3].Key == twice[4].Key {
		t.Errorf("%q and %q", twice[3].Key, twice[4].Key)
	}
	same := bookings(read(t, []byte(strings.Replace(day, "<AcctSvcrRef>B-2<", "<AcctSvcrRef>B-1<", 1))))
	if len(same) != 6 || same[0].Key == same[1].Key || same[0].Key != first[0].Key {
		t.Errorf("%q and %q", same[0].Key, same[1].Key)
	}
}

// TestD_Placeholders: what banks write for no reference, and what is one.
func TestD_Placeholders(t *testing.T) {
	for _, s := range []string{
		"", "NONREF", "nonref", "NOTPROVIDED", "Not provided", "NOT-PROVIDED", "NOTAVAILABLE", "N/A", "n.a.", "NONE", "NOREF", "UNKNOWN", "unbekannt", "keine", "-", "--", "/", "//", ".", "*",
		"0", "1", "0001", "17", "000017", "0000000000000000", "XXXXXXXXXXXXXXXX", "999999999", "x-x-x", "1/3",
	} {
		if !message.Placeholder(s) {
			t.Errorf("%q is taken for a reference", s)
		}
	}
	for _, s := range []string{"B1", "R2", "Z1", "BANKREF1", "2026112000000017", "0005552017", "ACSR160617103200001", "016f5e66e80070008000044b33e169e3", "PO-0001", "M1", "M1-1", "1/2026-11-20"} {
		if message.Placeholder(s) {
			t.Errorf("%q is taken for a placeholder", s)
		}
	}
}

// TestC_WhatIsMissing: a refusal names the element that a bank left out or wrote wrong.
func TestC_WhatIsMissing(t *testing.T) {
	day := string(load(t, "camt053-day.xml"))
	for _, c := range []struct{ old, new, want string }{
		{`1000.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>`, `1000.00</Amt>`, "Bal[OPBD]/CdtDbtInd is missing"}, // C07
		{`<Amt Ccy="EUR">494.50</Amt>`, ``, "Bal[CLBD]/Amt is missing"},
		{`<Amt Ccy="EUR">494.50`, `<Amt>494.50`, "Bal[CLBD]/Amt is \"494.50\" and has no currency (Ccy)"},
		{`500.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>`, `500.00</Amt>`, "Ntry/CdtDbtInd is missing"},
		{`<Amt Ccy="EUR">500.00</Amt>`, ``, "Ntry/Amt is missing"},
		{`500.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>`, `500.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>`, "Ntry/Sts is missing"},
		{`<BookgDt><Dt>2026-11-23</Dt></BookgDt>`, `<BookgDt><Dt>23.11.26</Dt></BookgDt>`, "Ntry/BookgDt: \"23.11.26\" is not a date"},
		{`<CdtDbtInd>CRDT</CdtDbtInd><RvslInd>true`, `<CdtDbtInd>CRDT</CdtDbtInd><RvslInd>ja`, "Ntry/RvslInd is \"ja\""},
	} {
		if !strings.Contains(day, c.old) {
			t.Fatalf("the file has no %s", c.old)
		}
		_, err := message.Read(strings.NewReader(strings.Replace(day, c.old, c.new, 1)), message.DefaultLimits)
		if causeOf(err) != message.Malformed || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.new, err, c.want)
		}
	}
}
