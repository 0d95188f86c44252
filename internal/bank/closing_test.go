package bank_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/bank"
	"sluice/internal/bank/match"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/seal"
)

// onOrder books a batch at once, without its payments.
func whole(ref, batch string, cents int) string {
	return fmt.Sprintf(`<Ntry><Amt Ccy="EUR">%d.%02d</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><AcctSvcrRef>%s</AcctSvcrRef><NtryDtls><Btch><PmtInfId>%s</PmtInfId></Btch></NtryDtls></Ntry>`, cents/100, cents%100, ref, batch)
}

// TestCase27_AnyOrderOfABatch: a batch that is booked at once, one of whose payments was
// rejected and another came back, ends the same whatever comes first, and how often.
func TestCase27_AnyOrderOfABatch(t *testing.T) {
	body := strings.Replace(statement(1, 100000), "</Stmt>", whole("B1", "M1-1", 400)+"</Stmt>", 1)
	body = strings.Replace(body, `<Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1000.00`, `<Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">996.00`, 1)
	told := strings.Replace(notice(1, entry{"B9", "", "CRDT", "", 1}), entry{"B9", "", "CRDT", "", 1}.xml(), whole("B1", "M1-1", 400), 1)
	all := []string{body, told, reject("M1", ref(1), "AC01"), statement(2, 99600, entry{"B2", ref(2), "CRDT", "AC04", 300})}
	root, runs := t.TempDir(), 0
	run := func(tb testing.TB, files []string) string {
		runs++
		dir := filepath.Join(root, fmt.Sprint(runs))
		if err := os.Mkdir(dir, 0o700); err != nil {
			tb.Fatal(err)
		}
		d := open(tb, dir, bank.Options{})
		defer d.stop()
		d.sent(order("M1", 0, 3))
		for _, f := range files {
			d.take(f)
		}
		return d.picture()
	}
	want := run(t, all)
	for _, part := range []string{ref(0) + " confirmed", ref(1) + " failed", ref(2) + " returned back 300 AC04", "1 balanced"} {
		if !strings.Contains(want, part) {
			t.Errorf("no %q in\n%s", part, want)
		}
	}
	if strings.Contains(want, "suspense unmatched") {
		t.Errorf("something is in suspense:\n%s", want)
	}
	rapid.Check(t, func(r *rapid.T) {
		files := append([]string(nil), all...)
		for range rapid.IntRange(0, 2).Draw(r, "again") {
			files = append(files, files[rapid.IntRange(0, len(files)-1).Draw(r, "which")])
		}
		if got := run(t, rapid.Permutation(files).Draw(r, "order")); got != want {
			r.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// paged makes one page of a statement of two.
func paged(text string, page int, without string) string {
	last := fmt.Sprint(page == 2)
	text = strings.Replace(text, "<ElctrncSeqNb>", fmt.Sprintf("<StmtPgntn><PgNb>%d</PgNb><LastPgInd>%s</LastPgInd></StmtPgntn><ElctrncSeqNb>", page, last), 1)
	at := strings.Index(text, "<Bal><Tp><CdOrPrtry><Cd>"+without)
	return text[:at] + text[at+strings.Index(text[at:], "</Bal>")+len("</Bal>"):]
}

// TestPagesThatDoNotBalance: pages are taken in as they come. If they do not balance in the
// end, what is booked is what their entries say and no more; an alert and the
// reconciliation say that the statement cannot be right.
func TestPagesThatDoNotBalance(t *testing.T) {
	for _, wrong := range []int{0, 7} {
		t.Run(fmt.Sprint(wrong), func(t *testing.T) {
			d := open(t, t.TempDir(), bank.Options{})
			defer d.stop()
			d.sent(order("M1", 0, 2))
			d.take(paged(statement(1, 100000, entry{"B1", ref(0), "DBIT", "", 100}), 1, "CLBD"))
			if got := d.picture(); !strings.Contains(got, "1 open") || !strings.Contains(got, ref(0)+" confirmed") {
				t.Errorf("after the first page:\n%s", got)
			}
			d.take(paged(statement(1, 99900-wrong, entry{"B2", "", "CRDT", "", 500}), 2, "OPBD"))
			got := d.picture()
			state := "1 balanced"
			if wrong > 0 {
				state = "1 unbalanced"
			}
			for _, part := range []string{state, ref(0) + " confirmed", ref(1) + " held", "suspense in 500 out 0"} {
				if !strings.Contains(got, part) {
					t.Errorf("no %q in\n%s", part, got)
				}
			}
			if alerts := d.alerts("statement_unbalanced"); len(alerts) != min(wrong, 1) {
				t.Errorf("alerts: %v", alerts)
			}
		})
	}
}

// alerts are the texts of alerts with a cause.
func (d *desk) alerts(cause string) (out []string) {
	d.t.Helper()
	list, err := d.db.Events(d.t.Context(), bank.Shard, 0, 0, 1000)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range list {
		if e.Type == event.BankAlert && e.State == cause {
			out = append(out, e.Reason)
		}
	}
	return out
}

// recall is the bank's answer to a request to call a payment back.
func recall(n int, e2e, status, reason string) string {
	why := ""
	if reason != "" {
		why = "<CxlStsRsnInf><Rsn><Cd>" + reason + "</Cd></Rsn></CxlStsRsnInf>"
	}
	return fmt.Sprintf(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.029.001.09"><RsltnOfInvstgtn><Assgnmt><Id>C%d</Id><CreDtTm>2026-11-25T10:00:00Z</CreDtTm></Assgnmt><Sts><Conf>%s</Conf></Sts><CxlDtls><OrgnlPmtInfAndSts><OrgnlPmtInfId>M1-1</OrgnlPmtInfId><TxInfAndSts><OrgnlEndToEndId>%s</OrgnlEndToEndId><TxCxlSts>%s</TxCxlSts>%s</TxInfAndSts></OrgnlPmtInfAndSts></CxlDtls></RsltnOfInvstgtn></Document>`,
		n, map[string]string{"ACCR": "CNCL", "RJCR": "RJCR", "PDCR": "PDCR"}[status], e2e, status, why)
}

// TestRecallAnswered: an answer to a recall is told and moves nothing; the money is back
// with the booked return, and with that alone.
func TestRecallAnswered(t *testing.T) {
	d := open(t, t.TempDir(), bank.Options{})
	defer d.stop()
	d.sent(order("M1", 0, 3))
	d.take(statement(1, 100000, entry{"B1", ref(0), "DBIT", "", 100}, entry{"B2", ref(1), "DBIT", "", 200}))
	before := d.picture()
	for n, text := range []string{
		recall(1, ref(0), "PDCR", ""), recall(2, ref(0), "ACCR", ""), recall(3, ref(1), "RJCR", "CUST"), recall(4, ref(2), "ACCR", ""), recall(5, "SOMEBODY-ELSE", "ACCR", ""), recall(2, ref(0), "ACCR", ""),
	} {
		d.take(text)
		if got := d.picture(); got != before {
			t.Errorf("answer %d moves something:\n%s\nwas\n%s", n, got, before)
		}
	}
	told := d.alerts("recall_answered")
	if len(told) != 5 { // the one that came twice was the same file
		t.Fatalf("told %q", told)
	}
	for n, want := range []string{"not decided", "when its return is booked", "refused: the payment stays where it is (CUST", "when its return is booked", "no payment of ours"} {
		if !strings.Contains(told[n], want) {
			t.Errorf("%d: %q, want %q", n, told[n], want)
		}
	}
	if !strings.Contains(told[0], id.ID{Seq: 1}.Text(id.Withdrawal)) {
		t.Errorf("%q names no withdrawal", told[0])
	}
	d.take(statement(2, 99700, entry{"B3", ref(0), "CRDT", "FOCR", 100}))
	if got := d.picture(); !strings.Contains(got, ref(0)+" returned back 100 FOCR") || !strings.Contains(got, ref(1)+" confirmed") || !strings.Contains(got, ref(2)+" held") {
		t.Errorf("after the return:\n%s", got)
	}
}

// TestPeopleAreSealed: what a bank says about the other side of a suspended booking is
// readable with the keys, and nowhere in the database.
func TestPeopleAreSealed(t *testing.T) {
	key, err := seal.NewKey("one")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := seal.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	d := open(t, dir, bank.Options{Keys: ring, Policy: match.Policy{}})
	stranger := "<RltdPties><Dbtr><Pty><Nm>Erika Musterfrau</Nm></Pty></Dbtr></RltdPties><RmtInf><Ustrd>Darlehen fuer Tante Trude</Ustrd></RmtInf>"
	d.take(strings.Replace(statement(1, 0, entry{"T1", "", "CRDT", "", 50000}), "<TxDtls>", "<TxDtls>"+stranger, 1))
	list, err := d.db.BankSuspense(t.Context(), 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	side, err := d.book.Side(list[0])
	if err != nil || side.Name != "Erika Musterfrau" || side.Text != "Darlehen fuer Tante Trude" {
		t.Errorf("%+v, %v", side, err)
	}
	uses, err := d.db.SealUses(t.Context())
	if err != nil || fmt.Sprint(uses) != "[{bookings in suspense one 1} {files of banks one 1}]" {
		t.Errorf("sealed: %v, %v", uses, err)
	}
	d.stop()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("Musterfrau")) || bytes.Contains(raw, []byte("Trude")) {
			t.Errorf("%s has a person's data in clear", f)
		}
	}
}
