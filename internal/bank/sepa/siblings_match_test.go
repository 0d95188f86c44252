package sepa_test

import (
	"strings"
	"testing"
)

// batchDebit is a debit of a whole batch: what is in Btch, and its details.
func batchDebit(amount, batch string, details ...string) bookingXML {
	e := debit(amount, "B1", details...)
	e.batch = batch
	return e
}

func batchCredit(amount, batch string, details ...string) bookingXML {
	e := credit(amount, "B9", details...)
	e.batch, e.code = batch, "RRTN"
	return e
}

const (
	ourBatch   = "<PmtInfId>M1-1</PmtInfId>"
	threeOfIt  = "<PmtInfId>M1-1</PmtInfId><NbOfTxs>3</NbOfTxs>"
	nobody     = "<Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>"
	threeThere = `{"payments":{"M1/1":"held","M1/2":"held","M1/3":"held"},"suspense":1}`
)

// TestSiblingsF: batches, with and without details.
func TestSiblingsF(t *testing.T) {
	one := func(entries ...bookingXML) []string {
		return []string{document(day(1, "1000.00", "400.00", entries...))}
	}
	versions := func(name, orders, want string, p partXML) (out []sibling) {
		for _, v := range []string{"02", "03", "04", "06", "08", "13"} {
			p.version = v
			out = append(out, sibling{name + ", version " + v, orders, []string{document(p)}, want})
		}
		return out
	}
	done := all("confirmed", 3)
	unnamed := func(refs string) []string {
		return []string{detailXML(refs, amountXML("100.00")), detailXML(refs, amountXML("200.00")), detailXML(refs, amountXML("300.00"))}
	}
	var list []sibling
	list = append(list, versions("F01", "100 200 300", done, day(1, "1000.00", "400.00", batchDebit("600.00", threeOfIt, detailXML("<Purp><Cd>OTHR</Cd></Purp>"))))...)
	list = append(list, versions("F13", "100 200 300", done, day(1, "1000.00", "400.00", batchDebit("600.00", threeOfIt, unnamed(nobody)...)))...)
	list = append(list, versions("F02", "100 200 300", done, day(1, "1000.00", "400.00", debit("600.00", "B1", detailXML(e2e(1)), detailXML(e2e(2)), detailXML(e2e(3)))))...)
	list = append(list,
		sibling{"F01 two details without anything", "100 200 300", one(batchDebit("600.00", threeOfIt, detailXML("<Purp><Cd>OTHR</Cd></Purp>"), detailXML(""))), done},
		sibling{"F01 only the message id", "100 200 300", one(batchDebit("600.00", "<MsgId>M1</MsgId>", detailXML(""))), done},
		sibling{"F01 the message id and a batch id of the bank", "100 200 300", one(batchDebit("600.00", "<MsgId>M1</MsgId><PmtInfId>BANK-77</PmtInfId>")), done},
		sibling{"F01 a message id of the bank", "100 200 300", one(batchDebit("600.00", "<MsgId>BANK-77</MsgId>"+ourBatch)), done},
		sibling{"F01 named in the one detail", "100 200 300", one(debit("600.00", "B1", detailXML(refs("PmtInfId", "M1-1")))), `{"payments":{"M1/1":"held"},"suspense":1}`},
		sibling{"F01 named in every detail", "100 200 300", one(debit("600.00", "B1", unnamed(refs("PmtInfId", "M1-1", "EndToEndId", "NOTPROVIDED"))...)), done},
		sibling{"F13 in upper and lower case", "100 200 300", one(batchDebit("600.00", "<PmtInfId>m1-1</PmtInfId>", unnamed(nobody)...)), done},
		sibling{"F13 the bank's own instruction ids", "100 200 300", one(batchDebit("600.00", threeOfIt, unnamed(refs("InstrId", "4711-0815", "EndToEndId", "NONREF"))...)), done},
		sibling{"F13 details in another order, one named", "100 200 300", one(batchDebit("600.00", threeOfIt, detailXML(nobody, amountXML("300.00")), detailXML(e2e(2), amountXML("200.00")), detailXML(nobody, amountXML("100.00")))), done},
		sibling{
			"F13 beside a stranger", "100 200 300", one(batchDebit("600.00", ourBatch, detailXML(nobody, amountXML("100.00")), detailXML(nobody, amountXML("200.00")), detailXML(nobody, amountXML("290.00")), detailXML(refs("EndToEndId", "FEE-1"), amountXML("10.00")))),
			`{"payments":{"M1/1":"held"},"suspense":1,"alerts":true}`,
		},
		sibling{"F13 one rejected before", "100 200 300", []string{
			reportXML{batches: []batchXML{{id: "M1-1", payouts: map[int]string{2: "RJCT AC01"}}}}.String(),
			document(day(1, "1000.00", "600.00", batchDebit("400.00", ourBatch, detailXML(nobody, amountXML("100.00")), detailXML(nobody, amountXML("300.00"))))),
		}, `{"payments":{"M1/1":"confirmed","M1/2":"failed","M1/3":"confirmed"},"suspense":0,"alerts":false}`},
		sibling{"F13 one rejected afterwards", "100 200 300", []string{
			document(day(1, "1000.00", "600.00", batchDebit("400.00", ourBatch, detailXML(nobody, amountXML("100.00")), detailXML(nobody, amountXML("300.00"))))),
			reportXML{batches: []batchXML{{id: "M1-1", payouts: map[int]string{2: "RJCT AC01"}}}}.String(),
		}, `{"payments":{"M1/1":"confirmed","M1/2":"failed","M1/3":"confirmed"},"suspense":0,"alerts":true}`},
		sibling{"F02 of two orders", "100 200/300", one(debit("600.00", "B1", detailXML(e2e(3)), detailXML(e2e(1)), detailXML(e2e(2)))), `{"payments":{"M1/1":"confirmed","M1/2":"confirmed","M2/1":"confirmed"},"suspense":0,"alerts":false}`},
		sibling{"F02 some with amounts", "100 200 300", one(debit("600.00", "B1", detailXML(e2e(1), amountXML("100.00")), detailXML(e2e(2)), detailXML(e2e(3)))), done},
		sibling{"F02 with foreign amounts", "100 200 300", one(debit("600.00", "B1", detailXML(e2e(1), `<Amt Ccy="USD">110.00</Amt>`), detailXML(e2e(2), `<Amt Ccy="USD">220.00</Amt>`), detailXML(e2e(3)))), done},
		sibling{"F02 another sum", "100 200 300", one(debit("600.00", "B1", detailXML(e2e(1)), detailXML(e2e(2)))), `{"payments":{"M1/1":"held","M1/2":"held","M1/3":"held"},"suspense":1}`},
		sibling{"F02 one twice", "300 300", one(debit("600.00", "B1", detailXML(e2e(1)), detailXML(e2e(1)))), `{"payments":{"M1/1":"held","M1/2":"held"},"suspense":1}`},
		sibling{"F02 one is a stranger", "100 200 300", one(debit("600.00", "B1", detailXML(e2e(1)), detailXML(e2e(2)), detailXML(refs("EndToEndId", "SOMEBODY")))), threeThere},
		sibling{"F02 named and batch named", "100 200 300", one(batchDebit("600.00", threeOfIt, detailXML(e2e(1)), detailXML(e2e(2)), detailXML(e2e(3)))), done},
		sibling{"F02 some named and batch named", "100 200 300", one(batchDebit("600.00", threeOfIt, detailXML(e2e(1)), detailXML(""), detailXML(""))), done},
		sibling{"F02 booked a second time", "100 200 300", []string{
			document(day(1, "1000.00", "400.00", debit("600.00", "B1", detailXML(e2e(1)), detailXML(e2e(2)), detailXML(e2e(3))))),
			document(day(2, "400.00", "-200.00", debit("600.00", "B2", detailXML(e2e(1)), detailXML(e2e(2)), detailXML(e2e(3))))),
		}, `{"payments":{"M1/1":"confirmed","M1/2":"confirmed","M1/3":"confirmed"},"suspense":1,"closing":"-200.00"}`},
	)
	paid := document(day(1, "1000.00", "400.00", batchDebit("600.00", threeOfIt)))
	back := func(e bookingXML) []string { return []string{paid, document(day(2, "400.00", "1000.00", e))} }
	returned, why := all("returned", 3), `{"payments":{"M1/1":"returned","M1/2":"returned","M1/3":"returned"},"reasons":{"M1/1":"AC04","M1/3":"AC04"},"suspense":0,"alerts":false}`
	list = append(list,
		sibling{"F04b the batch is named", "100 200 300", back(batchCredit("600.00", ourBatch, detailXML(returnXML("AC04")))), why},
		sibling{"F04b the batch is named, anonymous details with amounts", "100 200 300", back(batchCredit("600.00", ourBatch, detailXML(amountXML("300.00"), returnXML("AC04")), detailXML(amountXML("300.00"), returnXML("AC04")))), why},
		sibling{"F04b a reversal of the batch", "100 200 300", back(bookingXML{amount: "600.00", side: "CRDT", reversal: true, ref: "B9", batch: threeOfIt}), returned},
		sibling{
			"F04b two of three", "100 200 300",
			[]string{paid, document(day(2, "400.00", "800.00", credit("400.00", "B9", detailXML(e2e(1), returnXML("AC04")), detailXML(e2e(3), returnXML("MD07")))))},
			`{"payments":{"M1/1":"returned","M1/2":"confirmed","M1/3":"returned"},"reasons":{"M1/1":"AC04","M1/3":"MD07"},"suspense":0,"alerts":false}`,
		},
		sibling{"F04b by transaction code alone", "100 200 300", back(func() bookingXML {
			e := credit("600.00", "B9", detailXML(e2e(1)), detailXML(e2e(2)), detailXML(e2e(3)))
			e.code = "RRTN"
			return e
		}()), returned},
		sibling{
			"F04b less than went out", "100 200 300",
			[]string{paid, document(day(2, "400.00", "999.00", credit("599.00", "B9", detailXML(e2e(1), returnXML("AC04")), detailXML(e2e(2), returnXML("AC04")), detailXML(e2e(3), returnXML("AC04")))))},
			`{"payments":{"M1/1":"confirmed","M1/2":"confirmed","M1/3":"confirmed"},"suspense":1}`,
		},
		sibling{"F04b no return", "100 200 300", back(credit("600.00", "B9", detailXML(e2e(1)), detailXML(e2e(2)), detailXML(e2e(3)))), `{"payments":{"M1/1":"confirmed"},"suspense":1}`},
		sibling{"F04b a credit that names the batch and is no return", "100 200 300", back(func() bookingXML { e := credit("600.00", "B9"); e.batch = ourBatch; return e }()), `{"payments":{"M1/1":"confirmed"},"suspense":1}`},
	)
	runSiblings(t, list)
}

// TestSiblingsF07: what the bank writes as an instruction id is no name of ours.
func TestSiblingsF07(t *testing.T) {
	one := func(n int, r string) string {
		return document(day(1, "1000.00", "900.00", debit("100.00", "B1", detailXML(r, amountXML("100.00")))))
	}
	var list []sibling
	for _, r := range []string{
		refs("PmtInfId", "M1-1", "InstrId", "4711", "EndToEndId", "NOTPROVIDED"), refs("MsgId", "M1", "InstrId", "BANK-4711"), refs("MsgId", "BANK", "PmtInfId", "M1-1", "InstrId", "4711-AB", "EndToEndId", "NONREF"),
		refs("MsgId", "m1", "PmtInfId", "m1-1", "EndToEndId", "N/A"), refs("InstrId", "X-1", "EndToEndId", endToEndOf(1)),
	} {
		list = append(list, sibling{"F07 " + r, "100", []string{one(1, r)}, all("confirmed", 1)})
	}
	list = append(list, sibling{"F07 of a larger batch: which one, it does not say", "100 200", []string{one(1, refs("PmtInfId", "M1-1", "InstrId", "4711"))}, `{"payments":{"M1/1":"held","M1/2":"held"},"suspense":1}`},
		sibling{"F07 another end-to-end id", "100", []string{one(1, refs("PmtInfId", "M1-1", "EndToEndId", "OF-SOMEBODY-ELSE"))}, `{"payments":{"M1/1":"held"},"suspense":1}`})
	runSiblings(t, list)
}

// TestSiblingsF09: charges inside a booking.
func TestSiblingsF09(t *testing.T) {
	total := `<TtlChrgsAndTaxAmt Ccy="EUR">0.35</TtlChrgsAndTaxAmt>`
	record := func(amount, more string) string {
		return `<Rcrd><Amt Ccy="EUR">` + amount + `</Amt>` + more + `</Rcrd>`
	}
	one := func(chargesOf, version string, details ...string) string {
		e := debit("100.35", "B1", details...)
		e.charges = chargesOf
		p := day(1, "1000.00", "899.65", e)
		p.version = version
		return document(p)
	}
	fine := `{"payments":{"M1/1":"confirmed"},"suspense":0,"closing":"899.65","alerts":false}`
	named, plain := detailXML(e2e(1), amountXML("100.00")), detailXML(e2e(1))
	inside := func(c string) string { return detailXML(e2e(1), amountXML("100.00"), wrap("Chrgs", c)) }
	list := []sibling{
		{"F09 at the entry", "100", []string{one(total, "", named)}, fine},
		{"F09 without an amount of the detail", "100", []string{one(total, "", plain)}, fine},
		{"F09 the detail has the whole amount", "100", []string{one("", "", detailXML(e2e(1), amountXML("100.35"), wrap("Chrgs", total)))}, fine},
		{"F09 two records", "100", []string{one("", "", inside(record("0.30", "<CdtDbtInd>DBIT</CdtDbtInd>")+record("0.05", "")))}, fine},
		{"F09 a record that is not included beside one that is", "100", []string{one("", "", inside(record("0.35", "<ChrgInclInd>true</ChrgInclInd>")+record("9.00", "<ChrgInclInd>false</ChrgInclInd>")))}, fine},
		{"F09 version 02", "100", []string{one(`<Amt Ccy="EUR">0.35</Amt><CdtDbtInd>DBIT</CdtDbtInd>`, "02", named)}, fine},
		{"F09 by batch", "100", []string{one(total, "", detailXML(refs("PmtInfId", "M1-1")))}, fine},
		{"F09 another charge than the difference", "100", []string{one(strings.Replace(total, "0.35", "0.30", 1), "", named)}, `{"payments":{"M1/1":"held"},"suspense":1}`},
		{"F09 nothing says that it is a charge", "100", []string{one("", "", named)}, `{"payments":{"M1/1":"held"},"suspense":1}`},
		{"F09 a charge in another currency", "100", []string{one(strings.Replace(total, `"EUR"`, `"USD"`, 1), "", named)}, `{"payments":{"M1/1":"held"},"suspense":1}`},
		{"F09 to another account", "100", []string{one(total, "", detailXML(e2e(1), amountXML("100.00"), "<RltdPties><CdtrAcct><Id><IBAN>FR1420041010050500013M02606</IBAN></Id></CdtrAcct></RltdPties>"))}, `{"payments":{"M1/1":"held"},"suspense":1}`},
	}
	three := func(chargesOf string, details ...string) []string {
		e := debit("600.35", "B1", details...)
		e.charges = chargesOf
		return []string{document(day(1, "1000.00", "399.65", e))}
	}
	each := func(n int, amount string) string { return detailXML(e2e(n), amountXML(amount)) }
	list = append(list,
		sibling{"F09 three payments", "100 200 300", three(total, each(1, "100.00"), each(2, "200.00"), each(3, "300.00")), all("confirmed", 3)},
		sibling{"F09 three payments without amounts", "100 200 300", three(total, detailXML(e2e(1)), detailXML(e2e(2)), detailXML(e2e(3))), all("confirmed", 3)},
		sibling{"F09 three payments, each with its charge", "100 200 300", three("", detailXML(e2e(1), amountXML("100.00"), wrap("Chrgs", record("0.10", ""))), detailXML(e2e(2), amountXML("200.00"), wrap("Chrgs", record("0.10", ""))),
			detailXML(e2e(3), amountXML("300.00"), wrap("Chrgs", record("0.15", "")))), all("confirmed", 3)},
		sibling{"F09 a batch", "100 200 300", func() []string {
			e := batchDebit("600.35", threeOfIt)
			e.charges = total
			return []string{document(day(1, "1000.00", "399.65", e))}
		}(), all("confirmed", 3)},
		sibling{"F09 a return that is charged", "100", []string{
			document(day(1, "1000.00", "900.00", debit("100.00", "B1", named))),
			document(day(2, "900.00", "999.65", credit("99.65", "B2", detailXML(e2e(1), wrap("Chrgs", total), returnXML("AC04"))))),
		}, `{"payments":{"M1/1":"returned"},"reasons":{"M1/1":"AC04"},"suspense":0,"closing":"999.65"}`},
		sibling{"F09 three returns that are charged together", "100 200 300", []string{
			document(day(1, "1000.00", "400.00", batchDebit("600.00", threeOfIt))),
			document(day(2, "400.00", "999.65", func() bookingXML {
				e := credit("599.65", "B2", detailXML(e2e(1), returnXML("AC04")), detailXML(e2e(2), returnXML("AC04")), detailXML(e2e(3), returnXML("AC04")))
				e.charges = total
				return e
			}())),
		}, all("returned", 3)},
		sibling{"F09 told first by a notification", "100", []string{
			document(partXML{kind: "054", entries: []bookingXML{func() bookingXML { e := debit("100.35", "B1", named); e.charges = total; return e }()}}), one(total, "", named),
		}, fine},
	)
	runSiblings(t, list)
}

// TestSiblingsF15: one money in two messages.
func TestSiblingsF15(t *testing.T) {
	details := []string{detailXML(e2e(1), amountXML("100.00")), detailXML(e2e(2), amountXML("200.00")), detailXML(e2e(3), amountXML("300.00"))}
	bare := []string{detailXML(e2e(1)), detailXML(e2e(2)), detailXML(e2e(3))}
	told := func(kind, ref string, details ...string) string {
		return document(partXML{kind: kind, msg: "N1", id: "N1", entries: []bookingXML{debit("600.00", ref, details...)}})
	}
	line := func(ref string) string { return document(day(1, "1000.00", "400.00", debit("600.00", ref))) }
	done := all("confirmed", 3)
	var list []sibling
	both := func(name, orders, first, second, want string) {
		list = append(list, sibling{name, orders, []string{first, second}, want}, sibling{name + ", the other way round", orders, []string{second, first}, strings.Replace(want, `,"alerts":false`, "", 1)})
	}
	for _, kind := range []string{"054", "052"} {
		both("F15 details in camt."+kind, "100 200 300", told(kind, "BANKREF1", details...), line("BANKREF1"), done)
		both("F15 details without amounts in camt."+kind, "100 200 300", told(kind, "BANKREF1", bare...), line("BANKREF1"), done)
		both("F15 of two orders in camt."+kind, "100 200/300", told(kind, "BANKREF1", details...), line("BANKREF1"), `{"payments":{"M1/1":"confirmed","M1/2":"confirmed","M2/1":"confirmed"},"suspense":0,"alerts":false}`)
	}
	both("F15 a single payment", "600", document(partXML{kind: "054", entries: []bookingXML{debit("600.00", "BANKREF1", detailXML(e2e(1)))}}), line("BANKREF1"), all("confirmed", 1))
	both("F15 one message tells twice", "100 200 300", told("054", "BANKREF1", details...)+told("052", "BANKREF1", details...), line("BANKREF1"), done)
	both("F15 the line in the notification, details in the statement", "100 200 300", told("054", "BANKREF1"), document(day(1, "1000.00", "400.00", debit("600.00", "BANKREF1", details...))), done)
	both("F15 the day after", "100 200 300", told("054", "BANKREF1", details...), strings.ReplaceAll(line("BANKREF1"), "2026-11-20<", "2026-11-23<"), done)
	both("F15 control: another reference", "100 200 300", told("054", "BANKREF1", details...), line("BANKREF2"), `{"payments":{"M1/1":"confirmed","M1/2":"confirmed","M1/3":"confirmed"},"suspense":1}`)
	both("F15 control: a placeholder", "100 200 300", told("054", "NONREF", details...), line("NONREF"), `{"payments":{"M1/1":"confirmed","M1/2":"confirmed","M1/3":"confirmed"},"suspense":1}`)
	both("F15 control: another amount", "100 200 300", told("054", "BANKREF1", details...), strings.NewReplacer(`600.00</Amt>`, `601.00</Amt>`, `400.00</Amt>`, `399.00</Amt>`).Replace(line("BANKREF1")), `{"payments":{"M1/1":"confirmed","M1/2":"confirmed","M1/3":"confirmed"},"suspense":1}`)
	both("F15 only expected in camt.052", "100 200 300", strings.ReplaceAll(told("052", "BANKREF1", details...), "BOOK", "PDNG"), line("BANKREF1"), done)
	charged := func(kind string, details ...string) string {
		e := debit("600.35", "BANKREF1", details...)
		e.charges = `<TtlChrgsAndTaxAmt Ccy="EUR">0.35</TtlChrgsAndTaxAmt>`
		if kind == "053" {
			return document(day(1, "1000.00", "399.65", debit("600.35", "BANKREF1")))
		}
		return document(partXML{kind: kind, entries: []bookingXML{e}})
	}
	both("F15 with a charge", "100 200 300", charged("054", bare...), charged("053"), done)
	single := func(n int, amount, ref string) bookingXML { return debit(amount, ref, detailXML(e2e(n))) }
	three := document(partXML{kind: "054", msg: "N1", id: "N1", entries: []bookingXML{single(1, "100.00", "BANKREF1"), single(2, "200.00", "BANKREF1"), single(3, "300.00", "BANKREF1")}})
	both("F15 three entries in one notification", "100 200 300", three, line("BANKREF1"), done)
	inDetails := strings.ReplaceAll(told("054", "", details...), "<Refs>", "<Refs><AcctSvcrRef>BANKREF1</AcctSvcrRef>")
	both("F15 the reference in the details", "100 200 300", inDetails, line("BANKREF1"), done)
	two := document(day(1, "1000.00", "400.00", debit("300.00", "BANKREF1"), debit("300.00", "BANKREF1")))
	list = append(list,
		sibling{"F15 three notifications", "100 200 300", []string{
			document(partXML{kind: "054", msg: "N1", id: "N1", entries: []bookingXML{single(1, "100.00", "BANKREF1")}}), document(partXML{kind: "054", msg: "N2", id: "N2", entries: []bookingXML{single(2, "200.00", "BANKREF1")}}),
			line("BANKREF1"), document(partXML{kind: "054", msg: "N3", id: "N3", entries: []bookingXML{single(3, "300.00", "BANKREF1")}}),
		}, strings.Replace(done, `,"alerts":false`, "", 1)},
		sibling{"F15 two lines with one reference", "100 200 300", []string{
			document(partXML{kind: "054", msg: "N1", id: "N1", entries: []bookingXML{debit("300.00", "BANKREF1", details[0], details[1]), single(3, "300.00", "BANKREF1")}}), two,
		}, done},
		sibling{"F15 two lines with one reference, lines first", "100 200 300", []string{
			two, document(partXML{kind: "054", msg: "N1", id: "N1", entries: []bookingXML{debit("300.00", "BANKREF1", details[0], details[1]), single(3, "300.00", "BANKREF1")}}),
		}, strings.Replace(done, `,"alerts":false`, "", 1)},
		sibling{"F15 a reference used again the next month", "100 200/300", []string{
			document(partXML{kind: "054", msg: "N1", id: "N1", entries: []bookingXML{debit("300.00", "MONTHLY", details[0], details[1])}}), document(day(1, "1000.00", "700.00", debit("300.00", "MONTHLY"))),
			document(partXML{kind: "054", msg: "N2", id: "N2", day: "2026-12-21", entries: []bookingXML{single(3, "300.00", "MONTHLY")}}),
			document(func() partXML {
				p := day(2, "700.00", "400.00", debit("300.00", "MONTHLY"))
				p.day = "2026-12-21"
				return p
			}()),
		}, `{"payments":{"M1/1":"confirmed","M1/2":"confirmed","M2/1":"confirmed"},"suspense":0,"alerts":false}`},
	)
	paid := document(day(1, "1000.00", "400.00", batchDebit("600.00", threeOfIt)))
	backLine := document(day(2, "400.00", "1000.00", credit("600.00", "BACK1")))
	backTold := document(partXML{kind: "054", msg: "N2", id: "N2", entries: []bookingXML{credit("600.00", "BACK1", detailXML(e2e(1), returnXML("AC04")), detailXML(e2e(2), returnXML("AC04")), detailXML(e2e(3), returnXML("MD07")))}})
	list = append(list,
		sibling{"F15 returns, details first", "100 200 300", []string{paid, backTold, backLine}, `{"payments":{"M1/1":"returned","M1/2":"returned","M1/3":"returned"},"reasons":{"M1/1":"AC04","M1/2":"AC04","M1/3":"MD07"},"suspense":0,"alerts":false}`},
		sibling{"F15 returns, line first", "100 200 300", []string{paid, backLine, backTold}, `{"payments":{"M1/1":"returned","M1/2":"returned","M1/3":"returned"},"reasons":{"M1/1":"AC04","M1/3":"MD07"},"suspense":0,"alerts":false}`},
		sibling{"F15 the statement's line a second time", "100 200 300", []string{told("054", "BANKREF1", details...), line("BANKREF1"), document(day(2, "400.00", "-200.00", debit("600.00", "BANKREF1")))}, `{"payments":{"M1/1":"confirmed"},"suspense":1,"closing":"-200.00"}`},
	)
	runSiblings(t, list)
}

// TestSiblingsG: the recipient's account as banks write it.
func TestSiblingsG(t *testing.T) {
	account := func(inside string) []string {
		return []string{document(day(1, "1000.00", "900.00", debit("100.00", "B1", detailXML(e2e(1), amountXML("100.00"), "<RltdPties><CdtrAcct><Id>"+inside+"</Id></CdtrAcct></RltdPties>"))))}
	}
	var list []sibling
	for _, s := range []string{
		"<Othr><Id>0106295004</Id></Othr>", "<Othr><Id>106295004</Id></Othr>", "<Othr><Id>ABNA0106295004</Id></Othr>", "<Othr><Id>01.06.29.50.04</Id></Othr>", "<Othr><Id>abna 0106 295004</Id></Othr>",
		"<Othr><Id>NL70ABNA0106295004</Id></Othr>", "<IBAN>NL70 ABNA 0106 2950 04</IBAN>", "<IBAN>nl70abna0106295004</IBAN>", "<BBAN>0106295004</BBAN>", "<PrtryAcct><Id>0106295004</Id></PrtryAcct>", "<Othr><Id>NOTPROVIDED</Id></Othr>", "",
	} {
		list = append(list, sibling{"G01 " + s, "100", account(s), all("confirmed", 1)})
	}
	for _, s := range []string{"<IBAN>FR1420041010050500013M02606</IBAN>", "<Othr><Id>0106295005</Id></Othr>", "<Othr><Id>0417164300</Id></Othr>", "<Othr><Id>NL91ABNA0417164300</Id></Othr>"} {
		list = append(list, sibling{"G01 control: another account " + s, "100", account(s), `{"payments":{"M1/1":"held"},"suspense":1}`})
	}
	runSiblings(t, list)
}

// TestSiblingsH: references in another case, or with blanks.
func TestSiblingsH(t *testing.T) {
	id := endToEndOf(1)
	var list []sibling
	for _, s := range []string{strings.ToUpper(id), id[:4] + strings.ToUpper(id[4:]), " " + id + " ", id[:16] + " " + id[16:]} {
		list = append(list, sibling{"H01 " + s, "100", []string{document(day(1, "1000.00", "900.00", debit("100.00", "B1", detailXML(refs("EndToEndId", s), amountXML("100.00")))))}, all("confirmed", 1)},
			sibling{"H01 a reject " + s, "100", []string{strings.Replace(reportXML{order: "m1", batches: []batchXML{{id: "m1-1", payouts: map[int]string{1: "RJCT AC01"}}}}.String(), id, s, 1)}, `{"payments":{"M1/1":"failed"},"reasons":{"M1/1":"AC01"},"alerts":false}`},
			sibling{"H01 a return " + s, "100", []string{
				document(day(1, "1000.00", "900.00", debit("100.00", "B1", detailXML(e2e(1), amountXML("100.00"))))),
				document(day(2, "900.00", "1000.00", credit("100.00", "B2", detailXML(refs("EndToEndId", s), returnXML("AC04"))))),
			}, `{"payments":{"M1/1":"returned"},"reasons":{"M1/1":"AC04"},"suspense":0}`})
	}
	runSiblings(t, list)
}

// TestSiblingsJ: reports, whole.
func TestSiblingsJ(t *testing.T) {
	held, both := `{"payments":{"M1/1":"held","M1/2":"held"},"alerts":true}`, `{"payments":{"M1/1":"failed","M1/2":"failed"},"alerts":false}`
	one := func(first string) []batchXML { return []batchXML{{id: "M1-1", payouts: map[int]string{1: first}}} }
	first := `{"payments":{"M1/1":"failed","M1/2":"held"},"reasons":{"M1/1":"AC01"},"alerts":false}`
	var list []sibling
	for _, v := range []string{"02", "03", "04", "09", "10", "12", "14"} {
		list = append(list,
			sibling{"J04 a duplicate, version " + v, "100 200", []string{reportXML{version: v, group: "RJCT AM05"}.String()}, held},
			sibling{"J05 a time-out, version " + v, "100 200", []string{reportXML{version: v, batches: one("RJCT AB11")}.String()}, held},
			sibling{"J02 a second reason, version " + v, "100 200", []string{reportXML{version: v, group: "RJCT NARR DU01"}.String()}, held},
			sibling{"J12 a bank's own code, version " + v, "100 200", []string{reportXML{version: v, group: "RJCT [DUPLICATE_MESSAGE_ID]"}.String()}, held},
			sibling{"J control: a defect, version " + v, "100 200", []string{reportXML{version: v, group: "RJCT FF01"}.String()}, both},
			sibling{"J control: one payment, version " + v, "100 200", []string{reportXML{version: v, batches: one("RJCT AC01")}.String()}, first},
			sibling{"J07 not named, version " + v, "100 200", []string{reportXML{version: v, order: "NOTPROVIDED", batches: one("RJCT AC01")}.String()}, first},
		)
	}
	for _, name := range []string{"NOTPROVIDED", "NONREF", "UNKNOWN", "0", "SOME-OTHER-FILE"} {
		list = append(list,
			sibling{"J07 " + name + ": batch and payment", "100 200", []string{reportXML{order: name, batches: one("RJCT AC01")}.String()}, first},
			sibling{"J07 " + name + ": only the payment", "100 200", []string{reportXML{order: name, batches: []batchXML{{payouts: map[int]string{1: "RJCT AC01"}}}}.String()}, first},
			sibling{"J07 " + name + ": the batch", "100 200", []string{reportXML{order: name, batches: []batchXML{{id: "M1-1", said: "RJCT AC02"}}}.String()}, both},
			sibling{"J07 " + name + ": the file, of a payment that is named", "100 200", []string{reportXML{order: name, group: "RJCT AC01", batches: []batchXML{{payouts: map[int]string{1: "-"}}}}.String()}, first},
			sibling{
				"J07 " + name + ": payments of two orders", "100/200",
				[]string{reportXML{order: name, batches: []batchXML{{payouts: map[int]string{1: "RJCT AC01", 2: "RJCT AC04"}}}}.String()},
				`{"payments":{"M1/1":"failed","M2/1":"failed"},"reasons":{"M1/1":"AC01","M2/1":"AC04"},"alerts":false}`,
			},
			sibling{"J07 " + name + ": a duplicate", "100 200", []string{reportXML{order: name, batches: one("RJCT DU04")}.String()}, held},
		)
	}
	list = append(list,
		sibling{"J07 nothing of ours", "100", []string{reportXML{order: "SOME-OTHER-FILE", group: "RJCT FF01"}.String()}, `{"payments":{"M1/1":"held"},"alerts":true,"refused":0}`},
		sibling{"J01 held, then rejected on proof", "100 200", []string{reportXML{group: "RJCT AM05"}.String(), reportXML{batches: one("RJCT AC01")}.String()}, `{"payments":{"M1/1":"failed","M1/2":"held"},"alerts":true}`},
		sibling{
			"J01 held, then booked", "100 200",
			[]string{reportXML{group: "RJCT", batches: []batchXML{{id: "M1-1", said: "- AM05"}}}.String(), document(day(1, "1000.00", "700.00", batchDebit("300.00", ourBatch)))},
			`{"payments":{"M1/1":"confirmed","M1/2":"confirmed"},"suspense":0}`,
		},
	)
	runSiblings(t, list)
}

// TestSiblingsI: a return that names nothing says that it is one, and why.
func TestSiblingsI(t *testing.T) {
	paid := document(day(1, "1000.00", "900.00", debit("100.00", "B1", detailXML(e2e(1), amountXML("100.00")))))
	for _, e := range []bookingXML{
		credit("100.00", "B2", detailXML(amountXML("100.00"), returnXML("AC04"))), credit("100.00", "B2", detailXML(refs("EndToEndId", "NOTPROVIDED"), returnXML("AC04"))),
		credit("100.00", "B2", detailXML(returnXML("AC04")), detailXML(returnXML("AC04"))),
	} {
		d := openField(t, caseOf("100"))
		d.holds([]fieldFile{{"1.xml", []byte(paid)}, {"2.xml", []byte(document(day(2, "900.00", "1000.00", e)))}}, fieldWant{Payments: map[string]string{"M1/1": "confirmed"}})
		list, err := d.db.BankSuspense(t.Context(), 10)
		check(t, err)
		if len(list) != 1 || list[0].Cause != "return_unnamed" || list[0].Reason != "AC04" || !strings.Contains(list[0].Text, "AC04: account closed") {
			t.Errorf("in suspense: %+v", list)
		}
	}
}
