package sepa_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"sluice/internal/bank/message"
	"sluice/internal/bank/sepa"
	"sluice/internal/bank/sepa/channel"
)

// sibling is a case like those in testdata/field, written in another way.
type sibling struct {
	name   string
	orders string // payments in euro by order: "100 200 300/50"; "" for none
	files  []string
	want   string // a want.json
}

// caseOf makes orders M1, M2, ... of payments in euro.
func caseOf(orders string) fieldCase {
	c := fieldCase{IBAN: ours}
	for n, list := range strings.Split(orders, "/") {
		o := fieldOrder{ID: fmt.Sprintf("M%d", n+1), One: true}
		for _, euro := range strings.Fields(list) {
			var v uint64
			_, _ = fmt.Sscan(euro, &v)
			o.Payments = append(o.Payments, fieldPayment{Cents: v * 100})
		}
		if len(o.Payments) > 0 {
			c.Orders = append(c.Orders, o)
		}
	}
	return c
}

func (s sibling) run(t *testing.T) {
	t.Parallel()
	var want fieldWant
	if err := json.Unmarshal([]byte(s.want), &want); err != nil {
		t.Fatal(err)
	}
	none := 0
	if want.RoundErrors == nil {
		want.RoundErrors = &none
	}
	var files []fieldFile
	for n, text := range s.files {
		files = append(files, fieldFile{fmt.Sprintf("%d.xml", n+1), []byte(text)})
	}
	openField(t, caseOf(s.orders)).holds(files, want)
}

func runSiblings(t *testing.T, list []sibling) {
	for _, s := range list {
		t.Run(s.name, s.run)
	}
}

// all wants every payment of M1 in a state, and nothing in suspense.
func all(state string, n int) string {
	out := ""
	for k := range n {
		out += fmt.Sprintf(`"M1/%d":%q,`, k+1, state)
	}
	return `{"payments":{` + strings.TrimSuffix(out, ",") + `},"suspense":0,"alerts":false}`
}

func debit(amount, ref string, details ...string) bookingXML {
	return bookingXML{amount: amount, side: "DBIT", ref: ref, details: details}
}

func credit(amount, ref string, details ...string) bookingXML {
	return bookingXML{amount: amount, side: "CRDT", ref: ref, details: details}
}

// day is a statement with a number.
func day(seq int, opening, closing string, entries ...bookingXML) partXML {
	return partXML{msg: fmt.Sprint("B", seq), id: fmt.Sprint("S", seq), seq: fmt.Sprint(seq), opening: opening, closing: closing, entries: entries}
}

// TestSiblingsA: amounts as banks write them.
func TestSiblingsA(t *testing.T) {
	var list []sibling
	for _, amount := range []string{"100", "100.0", "100.00", "100.00000", "0100.00", "000100.000000000"} {
		for _, version := range []string{"02", "04", "08", "13"} {
			p := day(1, "1000.00000", "900.0", debit(amount, "B1", detailXML(e2e(1), amountXML(amount))))
			p.version = version
			list = append(list, sibling{"A01 " + amount + " in version " + version, "100", []string{document(p)}, all("confirmed", 1)})
		}
	}
	for _, inside := range []string{
		`<Amt Ccy="JPY">1000.50</Amt>`, `<Amt Ccy="JPY">1000.00</Amt>`, `<Amt Ccy="KWD">1.23456</Amt>`, `<AmtDtls><InstdAmt><Amt Ccy="USD">-33.95</Amt></InstdAmt></AmtDtls>`, `<Amt Ccy="XXX"></Amt>`,
		`<Amt>100.00</Amt>`, `<Amt Ccy="EUR">33.9512</Amt>`, `<Amt Ccy="usd">1</Amt>`, `<AmtDtls><TxAmt><Amt Ccy="USD">33.9512</Amt></TxAmt><CntrValAmt><Amt Ccy="EUR">100.00</Amt></CntrValAmt></AmtDtls>`,
		`<Chrgs><TtlChrgsAndTaxAmt Ccy="USD">0.12345</TtlChrgsAndTaxAmt></Chrgs>`,
	} {
		list = append(list, sibling{"A03 " + inside, "100", []string{document(day(1, "1000.00", "900.00", debit("100.00", "B1", detailXML(e2e(1), inside))))}, all("confirmed", 1)})
	}
	list = append(list, sibling{"A04 foreign amounts in one of two details", "100 200", []string{document(day(1, "1000.00", "700.00",
		debit("300.00", "B1", detailXML(e2e(1), amountXML("100.00")), detailXML(e2e(2), `<Amt Ccy="USD">210.1234</Amt>`))))}, all("confirmed", 2)})
	runSiblings(t, list)
}

// TestSiblingsB: several accounts and currencies in one file.
func TestSiblingsB(t *testing.T) {
	mine := day(1, "1000.00", "900.00", debit("100.00", "B1", detailXML(e2e(1), amountXML("100.00"))))
	other := day(1, "0.00", "5.00", credit("5.00", "X1"))
	other.account = "DE95500105173934555844"
	dollars := day(1, "50.00", "45.00", bookingXML{amount: "5.00", side: "DBIT", currency: "USD", ref: "D1"})
	dollars.currency = "USD"
	want := `{"payments":{"M1/1":"confirmed"},"suspense":0,"entries":1,"alerts":true,"refused":0,"statements":1,"closing":"900.00"}`
	notice := mine
	notice.kind, notice.opening, notice.closing = "054", "", ""
	away := other
	away.kind, away.opening, away.closing = "054", "", ""
	foreign := mine
	foreign.entries = append([]bookingXML{{amount: "7.00", side: "CRDT", currency: "USD", ref: "U1"}}, mine.entries...)
	wrong := foreign
	wrong.closing = "907.00"
	both := strings.Replace(document(mine), "</Acct>", `</Acct><Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="USD">3.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>`, 1)
	national := func(number string) string {
		return strings.Replace(document(mine), "<IBAN>"+ours+"</IBAN>", "<Othr><Id>"+number+"</Id></Othr>", 1)
	}
	runSiblings(t, []sibling{
		{"B01 the other one first", "100", []string{document(other, mine)}, want},
		{"B01 between two others", "100", []string{document(other, mine, other)}, want},
		{"B01 another currency of the same account", "100", []string{document(dollars, mine)}, want},
		{"B01 notifications", "100", []string{document(away, notice)}, `{"payments":{"M1/1":"confirmed"},"alerts":true,"refused":0}`},
		{"B01 nothing is ours", "100", []string{document(other)}, `{"payments":{"M1/1":"held"},"alerts":true,"refused":1,"statements":0}`},
		{"B01 nothing is in euro", "100", []string{document(dollars, dollars)}, `{"alerts":true,"refused":1,"statements":0,"entries":0}`},
		{"B01 an entry in a foreign currency", "100", []string{document(foreign)}, `{"payments":{"M1/1":"confirmed"},"suspense":1,"alerts":true,"refused":0,"statements":1}`},
		{"B01 an entry in a foreign currency that the balances count", "100", []string{document(wrong)}, `{"payments":{"M1/1":"held"},"alerts":true,"refused":1,"statements":0}`},
		{"B01 balances in two currencies", "100", []string{both}, `{"payments":{"M1/1":"confirmed"},"alerts":false,"refused":0,"closing":"900.00"}`},
		{"B01 our account as a national number", "100", []string{national("0054540402")}, `{"payments":{"M1/1":"confirmed"},"refused":0}`},
		{"B01 our account with its bank code", "100", []string{national("10050000/0054540402")}, `{"payments":{"M1/1":"confirmed"},"refused":0}`},
		{"B01 another national number", "100", []string{national("4540402")}, `{"payments":{"M1/1":"confirmed"}}`},
		{"B01 a number that is none of ours", "100", []string{national("54540403")}, `{"payments":{"M1/1":"held"},"refused":1}`},
	})
}

// TestSiblingsC: reversals, and what is missing.
func TestSiblingsC(t *testing.T) {
	paid := debit("100.00", "B1", detailXML(e2e(1), amountXML("100.00")))
	back := bookingXML{amount: "100.00", side: "DBIT", reversal: true, ref: "B2", details: []string{detailXML(e2e(1))}}
	right := back
	right.side = "CRDT"
	next := day(2, "900.00", "1000.00", back)
	next.day = "2026-11-23"
	two := []bookingXML{paid, debit("200.00", "B3", detailXML(e2e(2))), back, {amount: "200.00", side: "DBIT", reversal: true, ref: "B4", details: []string{detailXML(e2e(2))}}}
	noSide := func(version string) string {
		p := day(1, "1000.00", "900.00", paid)
		p.version = version
		return strings.Replace(document(p), `1000.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>`, `1000.00</Amt>`, 1)
	}
	runSiblings(t, []sibling{
		{"C06 control: the true side", "100", []string{document(day(1, "1000.00", "1000.00", paid, right))}, all("returned", 1)},
		{"C06 in a statement of its own", "100", []string{document(day(1, "1000.00", "900.00", paid)), document(next)}, all("returned", 1)},
		{"C06 two reversals", "100 200", []string{document(day(1, "1000.00", "1000.00", two...))}, all("returned", 2)},
		{"C06 neither side fits", "100", []string{document(day(1, "1000.00", "1001.00", paid, back))}, `{"payments":{"M1/1":"held"},"refused":1,"alerts":true}`},
		{"C06 a notification with the old side moves nothing", "100", []string{document(day(1, "1000.00", "900.00", paid)), document(partXML{kind: "054", entries: []bookingXML{back}})}, `{"payments":{"M1/1":"confirmed"},"suspense":0}`},
		{"C07 version 02", "100", []string{noSide("02")}, `{"payments":{"M1/1":"held"},"refused":1,"alerts":true,"statements":0}`},
		{"C07 version 08", "100", []string{noSide("08")}, `{"payments":{"M1/1":"held"},"refused":1,"alerts":true,"statements":0}`},
	})
}

// TestSiblingsD: what is no reference never makes two bookings one.
func TestSiblingsD(t *testing.T) {
	var list []sibling
	anonymous := detailXML(refs("EndToEndId", "NOTPROVIDED"))
	two := `{"suspense":2,"entries":2,"statements":2,"closing":"2000.00","alerts":false}`
	for _, ref := range []string{
		"NONREF", "nonref", "NOTPROVIDED", "NOTAVAILABLE", "N/A", "0", "1", "0000000000000000", "XXXXXXXX", "-", "UNKNOWN", "KEINE", "GUTSCHRIFT", "CONSTANT-OF-THIS-BANK", "2026-11-20", "",
	} {
		one, other := day(1, "1000.00", "1500.00", credit("500.00", ref, anonymous)), day(2, "1500.00", "2000.00", credit("500.00", ref, anonymous))
		list = append(list, sibling{"D01 " + ref, "", []string{document(one), document(other)}, two}, sibling{"D03 in one file " + ref, "", []string{document(one, other)}, two})
		third := day(3, "2000.00", "2500.00", credit("500.00", ref, anonymous))
		list = append(list, sibling{"D01 three days " + ref, "", []string{document(one), document(other), document(third)}, `{"suspense":3,"entries":3,"statements":3,"closing":"2500.00","alerts":false}`})
		list = append(list, sibling{"D01 the later one first " + ref, "", []string{document(other), document(one)}, two})
		details := func(n int) string {
			return detailXML(refs("AcctSvcrRef", ref, "EndToEndId", "NOTPROVIDED"), amountXML("250.00"))
		}
		split := credit("500.00", ref, details(1), details(2))
		list = append(list, sibling{"D01 in two details each " + ref, "", []string{document(day(1, "1000.00", "1500.00", split)), document(day(2, "1500.00", "2000.00", split))}, `{"suspense":4,"entries":4,"closing":"2000.00"}`})
		out := debit("500.00", ref, anonymous)
		list = append(list, sibling{"D01 debits " + ref, "", []string{document(day(1, "3000.00", "2500.00", out)), document(day(2, "2500.00", "2000.00", out))}, two})
	}
	for _, number := range []string{"1", "00001", "2026-1", "E1"} {
		e := credit("500.00", "")
		e.number = number
		list = append(list, sibling{"D02 number " + number, "", []string{document(day(1, "1000.00", "1500.00", e)), document(day(2, "1500.00", "2000.00", e))}, two})
	}
	// There and back: the third day begins where the first one did, and says the same.
	in, out := credit("500.00", "NONREF"), debit("500.00", "NONREF")
	list = append(list,
		sibling{
			"D01 there and back and there", "",
			[]string{document(day(1, "1000.00", "1500.00", in)), document(day(2, "1500.00", "1000.00", out)), document(day(3, "1000.00", "1500.00", in))},
			`{"suspense":3,"entries":3,"statements":3,"closing":"1500.00","alerts":false}`,
		},
		sibling{"D01 notifications", "", []string{document(partXML{kind: "054", msg: "N1", id: "N1", entries: []bookingXML{in}}), document(partXML{kind: "054", msg: "N2", id: "N2", entries: []bookingXML{in}})}, `{"suspense":0,"entries":2}`},
		sibling{"D01 intraday reports", "", []string{document(partXML{kind: "052", msg: "N1", id: "N1", entries: []bookingXML{in}}), document(partXML{kind: "052", msg: "N2", id: "N2", entries: []bookingXML{in}})}, `{"suspense":0,"entries":2}`},
		// What the bank makes unique is known again, whatever brings it.
		sibling{"D control: the same references in a longer statement of the day", "", []string{
			document(day(1, "1000.00", "1500.00", credit("500.00", "REF-1"))),
			document(day(1, "1000.00", "1800.00", credit("500.00", "REF-1"), credit("300.00", "REF-2"))),
		}, `{"suspense":2,"entries":2,"closing":"1800.00"}`},
		sibling{"D control: a range of days again", "", []string{
			document(day(1, "1000.00", "1500.00", credit("500.00", "REF-1"))), document(day(2, "1500.00", "1800.00", credit("300.00", "REF-2"))),
			document(day(9, "1000.00", "1800.00", credit("500.00", "REF-1"), credit("300.00", "REF-2"))),
		}, `{"suspense":2,"entries":2}`},
		sibling{"D control: a reference used again on another day", "", []string{
			document(day(1, "1000.00", "1500.00", credit("500.00", "REF-1"))),
			document(func() partXML {
				p := day(2, "1500.00", "2000.00", credit("500.00", "REF-1"))
				p.day = "2026-11-23"
				return p
			}()),
		}, two},
	)
	runSiblings(t, list)
}

// TestSiblingsE: numbers and ids of statements are used again.
func TestSiblingsE(t *testing.T) {
	dated := func(p partXML, day string) partXML { p.day = day; return p }
	same := func(seq, id, opening, closing, amount, ref, date string) partXML {
		return partXML{msg: "MSG", id: id, seq: seq, opening: opening, closing: closing, day: date, entries: []bookingXML{credit(amount, ref)}}
	}
	var list []sibling
	for _, v := range []string{"02", "08"} {
		for _, c := range [][2]string{{"1", "S"}, {"0", "S"}, {"", "S"}, {"7", "CONST"}} {
			var files []string
			for n, date := range []string{"2026-11-18", "2026-11-19", "2026-11-20"} {
				p := same(c[0], c[1], fmt.Sprintf("%d.00", 10*n), fmt.Sprintf("%d.00", 10*n+10), "10.00", fmt.Sprint("R", n), date)
				p.version = v
				files = append(files, document(p))
			}
			list = append(list, sibling{"E01 number " + c[0] + " id " + c[1] + " version " + v, "", files, `{"statements":3,"closing":"30.00","entries":3,"alerts":false}`})
		}
	}
	list = append(list,
		sibling{"E01 twice a day, same number and id", "", []string{document(same("1", "S", "0.00", "10.00", "10.00", "R1", "")), document(same("1", "S", "10.00", "35.00", "25.00", "R2", ""))}, `{"statements":2,"closing":"35.00","alerts":false}`},
		sibling{"E01 twice a day, later one first", "", []string{document(same("1", "S", "10.00", "35.00", "25.00", "R2", "")), document(same("1", "S", "0.00", "10.00", "10.00", "R1", ""))}, `{"statements":2,"closing":"35.00","alerts":false}`},
		sibling{"E05 same balances a year later", "", []string{document(same("", "324", "0.00", "0.00", "0.00", "R1", "2025-11-20")), document(same("", "324", "0.00", "0.00", "0.00", "R1", "2026-11-20"))}, `{"statements":2,"closing":"0.00","alerts":false}`},
		sibling{"E05 with a number", "", []string{document(same("324", "324", "0.00", "10.00", "10.00", "R1", "2025-11-20")), document(same("324", "324", "10.00", "20.00", "10.00", "R1", "2026-11-20"))}, `{"statements":2,"closing":"20.00","entries":2,"alerts":false}`},
		sibling{"E control: the same statement again, another message", "", []string{document(same("1", "S", "0.00", "10.00", "10.00", "R1", "")), strings.Replace(document(same("1", "S", "0.00", "10.00", "10.00", "R1", "")), "<MsgId>MSG", "<MsgId>OTHER", 1)}, `{"statements":1,"closing":"10.00","entries":1,"alerts":false}`},
		sibling{"E control: a copy without references", "", []string{document(same("1", "S", "0.00", "10.00", "10.00", "NONREF", "")), strings.Replace(document(same("1", "S", "0.00", "10.00", "10.00", "NONREF", "")), "</CreDtTm><Acct>", "</CreDtTm><CpyDplctInd>DUPL</CpyDplctInd><Acct>", 1)}, `{"statements":1,"closing":"10.00","entries":1,"alerts":false}`},
	)
	year := func(kind string) []string {
		var files []string
		for _, x := range []struct{ seq, open, close, openDay, day string }{
			{"251", "0.00", "10.00", "2025-12-29", "2025-12-30"}, {"252", "10.00", "20.00", "2025-12-30", "2025-12-31"}, {"1", "20.00", "30.00", "2025-12-31", "2026-01-02"}, {"2", "30.00", "40.00", "2026-01-02", "2026-01-05"},
		} {
			p := same(x.seq, "S"+x.seq, x.open, x.close, "10.00", "R"+x.seq, x.day)
			p.openingType, p.openingDay = kind, x.openDay
			files = append(files, document(p))
		}
		return files
	}
	quiet := `{"statements":4,"closing":"40.00","entries":4,"alerts":false}`
	swapped := year("PRCD")
	swapped[2], swapped[1] = swapped[1], swapped[2]
	list = append(list,
		sibling{"E02 PRCD", "", year("PRCD"), quiet}, sibling{"E02 OPBD", "", year("OPBD"), quiet},
		sibling{"E02 the first of the year before the last of the old one", "", swapped, `{"statements":4,"closing":"40.00","entries":4}`},
		sibling{"E02 control: one is missing", "", []string{year("PRCD")[0], year("PRCD")[3]}, `{"statements":2,"alerts":true}`},
		sibling{"E02 control: a number is missing", "", []string{document(dated(day(1, "0.00", "10.00", credit("10.00", "R1")), "2026-11-18")), document(dated(day(3, "10.00", "20.00", credit("10.00", "R2")), "2026-11-20"))}, `{"statements":2,"alerts":true}`},
		sibling{"E02 control: a balance is missing", "", []string{document(same("", "A", "0.00", "10.00", "10.00", "R1", "2026-11-18")), document(same("", "B", "15.00", "25.00", "10.00", "R2", "2026-11-20"))}, `{"statements":2,"alerts":true}`},
	)
	runSiblings(t, list)
}

// TestSiblingsK: archives and several messages in one file.
func TestSiblingsK(t *testing.T) {
	one, two := document(day(1, "0.00", "10.00", credit("10.00", "R1"))), document(day(2, "10.00", "20.00", credit("10.00", "R2")))
	latin := func(s string) string {
		out, err := charmap.ISO8859_1.NewEncoder().String(strings.Replace(s, "UTF-8", "ISO-8859-1", 1))
		check(t, err)
		return out
	}
	bare := func(s string) string { return s[strings.Index(s, "\n")+1:] }
	taken, first := `{"statements":2,"entries":2,"closing":"20.00","refused":0,"alerts":false}`, `{"statements":1,"entries":1,"closing":"10.00","refused":0,"alerts":false}`
	part := `{"statements":1,"entries":1,"closing":"10.00","refused":1,"alerts":true}`
	refused := `{"statements":0,"refused":1,"alerts":true}`
	notice := document(partXML{kind: "054", entries: []bookingXML{debit("100.00", "B1", detailXML(e2e(1)))}})
	direct := `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"><CstmrDrctDbtInitn><GrpHdr><MsgId>X</MsgId></GrpHdr></CstmrDrctDbtInitn></Document>`
	runSiblings(t, []sibling{
		{"K02 one file", "", []string{zipped(t, "a.xml", one)}, first},
		{"K02 folders and odd names", "", []string{zipped(t, "x/", "", "x/Ä b (1).xml", one, "../../etc/two.xml", two)}, taken},
		{"K02 beside a PDF", "", []string{zipped(t, "a.xml", one, "a.pdf", "%PDF-1.7 ...")}, part},
		{"K02 a ZIP in a ZIP", "", []string{zipped(t, "inner.zip", zipped(t, "a.xml", one, "b.xml", two))}, taken},
		{"K02 a gzip in a ZIP", "", []string{zipped(t, "a.xml.gz", gzipped(t, one))}, first},
		{"K02 a ZIP in a gzip", "", []string{gzipped(t, zipped(t, "a.xml", one))}, first},
		{"K02 too deep", "", []string{gzipped(t, gzipped(t, gzipped(t, gzipped(t, one))))}, refused},
		{"K02 empty", "", []string{zipped(t)}, refused},
		{"K02 cut off", "", []string{zipped(t, "a.xml", one)[:300]}, refused},
		{"K02 the same again by itself", "", []string{zipped(t, "a.xml", one), one}, first},
		{"K03 two members", "", []string{gzipped(t, one) + gzipped(t, two)}, taken},
		{"K03 cut off", "", []string{gzipped(t, one)[:200]}, refused},
		{"K06 three", "", []string{one + two + document(day(3, "20.00", "30.00", credit("10.00", "R3")))}, `{"statements":3,"entries":3,"closing":"30.00","refused":0,"alerts":false}`},
		{"K06 without declarations", "", []string{bare(one) + bare(two)}, taken},
		{"K06 with byte order marks", "", []string{"\xef\xbb\xbf" + one + "\xef\xbb\xbf" + two}, taken},
		{"K06 both in Latin-1", "", []string{latin(one) + latin(two)}, taken},
		{"K06 in two encodings", "", []string{one + latin(two)}, refused},
		{"K06 in one envelope", "", []string{"<Messages>" + bare(one) + bare(two) + "</Messages>"}, taken},
		{"K06 a statement and a notification", "100", []string{one + notice}, `{"payments":{"M1/1":"confirmed"},"statements":1,"refused":0,"alerts":false}`},
		{"K06 a report and a statement", "100", []string{reportXML{batches: []batchXML{{id: "M1-1", payouts: map[int]string{1: "RJCT AC01"}}}}.String() + one}, `{"payments":{"M1/1":"failed"},"statements":1,"refused":0,"alerts":false}`},
		{"K06 a document of another kind", "", []string{one + direct}, `{"statements":1,"entries":1,"refused":0,"alerts":true}`},
		{"K06 the second one cut off", "", []string{one + two[:len(two)-30]}, refused},
		{"K06 text behind", "", []string{one + "the end"}, refused},
	})
}

// TestK_Bombs: what an archive unpacks to is bounded, over all that is in it.
func TestK_Bombs(t *testing.T) {
	big, half := strings.Repeat(" ", 3<<20), strings.Repeat(" ", 600<<10)
	many := make([]string, 0, 2200)
	for n := range 1100 {
		many = append(many, fmt.Sprintf("%d.xml", n), "x")
	}
	for name, c := range map[string]struct {
		raw  string
		want message.Cause
	}{
		"one large file":              {zipped(t, "a.xml", big), message.TooLarge},
		"two that are large together": {zipped(t, "a.xml", half, "b.xml", half), message.TooLarge},
		"gzip":                        {gzipped(t, big), message.TooLarge},
		"packed twice":                {gzipped(t, gzipped(t, big)), message.TooLarge},
		"a ZIP of ZIPs":               {zipped(t, "a.zip", zipped(t, "a.xml", half), "b.zip", zipped(t, "b.xml", half)), message.TooLarge},
		"many files":                  {zipped(t, many...), message.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ch, err := channel.OpenFolder(dir, channel.FolderOptions{})
			check(t, err)
			defer func() { check(t, ch.Close()) }()
			check(t, os.WriteFile(filepath.Join(dir, "inbox", "a.zip"), []byte(c.raw), 0o600))
			lim := message.DefaultLimits
			lim.Bytes = 1 << 20
			refused, err := sepa.Intake{Channel: ch, Limits: lim, Own: func(string) bool { return true }, Take: func(context.Context, sepa.Delivery) error {
				t.Error("something is taken in")
				return nil
			}}.Run(t.Context())
			if err != nil || len(refused) == 0 {
				t.Fatalf("refused %v, %v", refused, err)
			}
			var why *message.Refusal
			if !errors.As(refused[len(refused)-1].Reason, &why) || why.Cause != c.want {
				t.Errorf("refused as %v, want %s", refused[len(refused)-1].Reason, c.want)
			}
		})
	}
}

func zipped(t *testing.T, files ...string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for n := 0; n < len(files); n += 2 {
		f, err := w.Create(files[n])
		check(t, err)
		_, err = f.Write([]byte(files[n+1]))
		check(t, err)
	}
	check(t, w.Close())
	return out.String()
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(text))
	check(t, err)
	check(t, w.Close())
	return out.String()
}

// TestSiblingsM: pages of statements, and of messages.
func TestSiblingsM(t *testing.T) {
	page := func(n int, last bool) string { return fmt.Sprintf("<PgNb>%d</PgNb><LastPgInd>%v</LastPgInd>", n, last) }
	whole := func(n int, version string) string {
		p := day(n, fmt.Sprintf("%d.00", 10*n-10), fmt.Sprintf("%d.00", 10*n), credit("10.00", fmt.Sprint("R", n)))
		p.version, p.messagePage = version, page(n, n == 3)
		return document(p)
	}
	half := func(n int, where string) string {
		p := day(1, "", "", credit("10.00", fmt.Sprint("R", n)))
		p.msg = "B1"
		if n == 1 {
			p.opening = "0.00"
		} else {
			p.closing = "20.00"
		}
		if where == "message" {
			p.messagePage = page(n, n == 2)
		} else {
			p.page = page(n, n == 2)
		}
		return document(p)
	}
	both := `{"statements":1,"entries":2,"closing":"20.00","alerts":false,"refused":0}`
	next := document(day(2, "20.00", "30.00", credit("10.00", "R3")))
	var list []sibling
	for _, v := range []string{"02", "04", "08"} {
		list = append(list, sibling{"M01 three files, version " + v, "", []string{whole(1, v), whole(2, v), whole(3, v)}, `{"statements":3,"entries":3,"closing":"30.00","alerts":false,"refused":0}`},
			sibling{"M01 in another order, version " + v, "", []string{whole(3, v), whole(2, v), whole(1, v)}, `{"statements":3,"entries":3,"closing":"30.00","alerts":false,"refused":0}`})
	}
	for _, where := range []string{"statement", "message"} {
		list = append(list,
			sibling{"M01 control: true pages of a " + where, "", []string{half(1, where), half(2, where)}, both},
			sibling{"M01 control: the second page of a " + where + " first", "", []string{half(2, where), half(1, where)}, both},
			sibling{"M01 control: pages of a " + where + " and the next day", "", []string{half(1, where), half(2, where), next}, `{"statements":2,"entries":3,"closing":"30.00","alerts":false}`},
		)
	}
	runSiblings(t, list)
}

// TestSiblingsN: the same day again under other ids.
func TestSiblingsN(t *testing.T) {
	plain := func(id, ref string, entries ...bookingXML) string {
		for n := range entries {
			entries[n].ref = ref
		}
		return document(partXML{msg: id, id: id, opening: "1000.00", closing: "600.00", entries: entries})
	}
	p1, p2 := debit("100.00", "", detailXML(e2e(1), amountXML("100.00"))), debit("300.00", "", detailXML(e2e(2), amountXML("300.00")))
	once := `{"payments":{"M1/1":"confirmed","M1/2":"confirmed"},"suspense":0,"statements":1,"entries":2,"closing":"600.00","alerts":false}`
	numbered := func(seq string) string {
		return document(partXML{msg: "B" + seq, id: "A" + seq, seq: seq, opening: "1000.00", closing: "600.00", entries: []bookingXML{p1, p2}})
	}
	stranger := document(partXML{msg: "X", id: "X", opening: "1000.00", closing: "600.00", entries: []bookingXML{p1, debit("300.00", "", detailXML(refs("EndToEndId", "SOMETHING-ELSE")))}})
	runSiblings(t, []sibling{
		{"N01 three times", "100 300", []string{plain("A1", "", p1, p2), plain("A2", "", p1, p2), plain("A3", "", p1, p2)}, once},
		{"N01 in another order", "100 300", []string{plain("A1", "", p1, p2), plain("A2", "", p2, p1)}, once},
		{"N01 with placeholders", "100 300", []string{plain("A1", "NONREF", p1, p2), plain("A2", "NOTPROVIDED", p1, p2)}, once},
		{"N01 the next number", "100 300", []string{numbered("1"), numbered("2")}, once},
		{"N01 control: another entry", "100 300", []string{plain("A1", "", p1, p2), stranger}, `{"payments":{"M1/1":"confirmed","M1/2":"confirmed"},"suspense":2,"statements":2,"alerts":true}`},
	})
}

// TestSiblingsO: summaries that count something else.
func TestSiblingsO(t *testing.T) {
	e := debit("600.00", "B1", detailXML(e2e(1), amountXML("100.00")), detailXML(e2e(2), amountXML("200.00")), detailXML(e2e(3), amountXML("300.00")))
	with := func(p partXML, count string) string { p.summary = count; return document(p) }
	full := day(1, "1000.00", "400.00", e)
	bare, notice := full, partXML{kind: "054", entries: []bookingXML{e}}
	bare.opening = ""
	runSiblings(t, []sibling{
		{"O01 one too many", "100 200 300", []string{with(full, "2")}, `{"payments":{"M1/1":"confirmed","M1/2":"confirmed","M1/3":"confirmed"},"suspense":0,"refused":0,"alerts":true}`},
		{"O01 control: right", "100 200 300", []string{with(full, "1")}, all("confirmed", 3)},
		{"O01 no balances to hold it against", "100 200 300", []string{with(bare, "3")}, `{"payments":{"M1/1":"held"},"refused":1,"alerts":true}`},
		{"O01 a notification", "100 200 300", []string{with(notice, "3")}, `{"payments":{"M1/1":"held"},"refused":1,"alerts":true}`},
	})
}

// TestSiblingsP: entries of zero.
func TestSiblingsP(t *testing.T) {
	zero := func(e bookingXML, more ...bookingXML) string {
		return document(day(1, "10.00", "10.00", append([]bookingXML{e}, more...)...))
	}
	runSiblings(t, []sibling{
		{"P01 a credit", "", []string{zero(credit("0.00", "Z1"))}, `{"suspense":0,"entries":1,"alerts":false}`},
		{"P01 without a reference", "", []string{zero(debit("0.00", ""), debit("0.00", ""))}, `{"suspense":0,"entries":2,"alerts":false}`},
		{"P01 five decimals", "", []string{zero(debit("0.00000", "Z1"))}, `{"suspense":0,"entries":1,"alerts":false}`},
		{"P01 names a payment", "100", []string{zero(debit("0.00", "Z1", detailXML(e2e(1))))}, `{"payments":{"M1/1":"held"},"suspense":0}`},
		{"P01 names a batch", "100 200", []string{zero(func() bookingXML { e := debit("0.00", "Z1"); e.batch = "<PmtInfId>M1-1</PmtInfId>"; return e }())}, `{"payments":{"M1/1":"held","M1/2":"held"},"suspense":0}`},
		{"P01 a return", "100", []string{zero(credit("0.00", "Z1", detailXML(e2e(1), returnXML("AC04"))))}, `{"payments":{"M1/1":"held"},"suspense":0}`},
		{"P01 a detail of zero", "100", []string{document(day(1, "1000.00", "900.00", debit("100.00", "B1", detailXML(e2e(1), amountXML("100.00")), detailXML(refs("EndToEndId", "FREE"), amountXML("0.00")))))}, `{"payments":{"M1/1":"confirmed"},"suspense":0,"alerts":false}`},
		{"P01 details of zero in an entry of zero", "", []string{zero(credit("0.00", "Z1", detailXML(amountXML("0.00")), detailXML(amountXML("0.00"))))}, `{"suspense":0,"alerts":false}`},
	})
}
