package bank

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"time"
)

// report is a status of one payment.
type report struct {
	pay    *payment
	status string
	reason string
}

// writer builds XML by hand: it says in the order of the lines what the file says.
type writer struct{ bytes.Buffer }

func (w *writer) open(name string, attr ...string) {
	w.WriteString("<" + name)
	for n := 0; n+1 < len(attr); n += 2 {
		w.WriteString(" " + attr[n] + `="` + attr[n+1] + `"`)
	}
	w.WriteString(">")
}

func (w *writer) shut(names ...string) {
	for _, n := range names {
		w.WriteString("</" + n + ">\n")
	}
}

func (w *writer) leaf(name, value string, attr ...string) {
	if value == "" {
		return
	}
	w.open(name, attr...)
	_ = xml.EscapeText(w, []byte(value)) // a buffer takes everything
	w.shut(name)
}

func (b *Bank) begin(message, element string, now time.Time) (*writer, string) {
	w := &writer{}
	w.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	w.open("Document", "xmlns", "urn:iso:std:iso:20022:tech:xsd:"+message)
	w.open(element)
	w.open("GrpHdr")
	id := fmt.Sprintf("BANK-%06d", b.files+1)
	w.leaf("MsgId", id)
	w.leaf("CreDtTm", now.In(b.cfg.Zone).Format(time.RFC3339))
	return w, id
}

func (b *Bank) original(w *writer, order, status string) {
	w.shut("GrpHdr")
	w.open("OrgnlGrpInfAndSts")
	w.leaf("OrgnlMsgId", order)
	w.leaf("OrgnlMsgNmId", "pain.001.001.09")
	w.leaf("GrpSts", status)
}

func (b *Bank) why(w *writer, code string) {
	if code == "" {
		return
	}
	w.open("StsRsnInf")
	w.open("Orgtr")
	w.open("Id")
	w.open("OrgId")
	w.leaf("AnyBIC", b.cfg.BIC)
	w.shut("OrgId", "Id", "Orgtr")
	w.open("Rsn")
	w.leaf("Cd", code)
	w.shut("Rsn", "StsRsnInf")
}

func (b *Bank) groupReject(now time.Time, order string, bad problem) []byte {
	w, _ := b.begin("pain.002.001.10", "CstmrPmtStsRpt", now)
	b.original(w, order, "RJCT")
	b.why(w, bad.code)
	w.shut("OrgnlGrpInfAndSts", "CstmrPmtStsRpt", "Document")
	return w.Bytes()
}

// report sends one status report for each order that something is to be said about.
func (b *Bank) report(now time.Time, list []report) error {
	for len(list) > 0 && !b.cfg.Silent {
		order := list[0].pay.order
		var first, later []report
		for _, r := range list {
			if r.pay.order == order {
				first = append(first, r)
			} else {
				later = append(later, r)
			}
		}
		if err := b.put("pain.002", b.statuses(now, order, first)); err != nil {
			return err
		}
		list = later
	}
	return nil
}

func (b *Bank) statuses(now time.Time, order string, list []report) []byte {
	w, _ := b.begin("pain.002.001.10", "CstmrPmtStsRpt", now)
	b.original(w, order, "PART")
	w.shut("OrgnlGrpInfAndSts")
	batch := ""
	for n, r := range list {
		if r.pay.batch != batch {
			if batch != "" {
				w.shut("OrgnlPmtInfAndSts")
			}
			batch = r.pay.batch
			w.open("OrgnlPmtInfAndSts")
			w.leaf("OrgnlPmtInfId", batch)
		}
		w.open("TxInfAndSts")
		w.leaf("StsId", fmt.Sprintf("%d", n+1))
		w.leaf("OrgnlInstrId", r.pay.instruction)
		w.leaf("OrgnlEndToEndId", r.pay.endToEnd)
		w.leaf("TxSts", r.status)
		b.why(w, r.reason)
		w.open("OrgnlTxRef")
		w.open("Amt")
		w.leaf("InstdAmt", euro(r.pay.cents), "Ccy", "EUR")
		w.shut("Amt", "OrgnlTxRef", "TxInfAndSts")
	}
	w.shut("OrgnlPmtInfAndSts", "CstmrPmtStsRpt", "Document")
	return w.Bytes()
}

func (b *Bank) account(w *writer) {
	w.open("Acct")
	w.open("Id")
	w.leaf("IBAN", b.cfg.Account)
	w.shut("Id")
	w.leaf("Ccy", "EUR")
	w.open("Ownr")
	w.leaf("Nm", b.cfg.Owner)
	w.shut("Ownr", "Acct")
}

func (b *Bank) notification(now time.Time, e entry) []byte {
	w, id := b.begin("camt.054.001.08", "BkToCstmrDbtCdtNtfctn", now)
	w.shut("GrpHdr")
	w.open("Ntfctn")
	w.leaf("Id", id)
	w.leaf("CreDtTm", now.In(b.cfg.Zone).Format(time.RFC3339))
	b.account(w)
	b.entry(w, e)
	w.shut("Ntfctn", "BkToCstmrDbtCdtNtfctn", "Document")
	return w.Bytes()
}

// pages writes the statement of a day.
func (b *Bank) pages(end time.Time) [][]byte {
	size := b.cfg.PageSize
	if size <= 0 {
		size = max(len(b.today), 1)
	}
	count := max((len(b.today)+size-1)/size, 1)
	var out [][]byte
	for n := range count {
		list := b.today[min(n*size, len(b.today)):min((n+1)*size, len(b.today))]
		w, id := b.begin("camt.053.001.08", "BkToCstmrStmt", end)
		w.shut("GrpHdr")
		w.open("Stmt")
		w.leaf("Id", fmt.Sprintf("%s-P%d", id, n+1))
		if count > 1 {
			w.open("StmtPgntn")
			w.leaf("PgNb", fmt.Sprint(n+1))
			w.leaf("LastPgInd", fmt.Sprint(n+1 == count))
			w.shut("StmtPgntn")
		}
		w.leaf("ElctrncSeqNb", fmt.Sprint(b.seq))
		w.leaf("CreDtTm", end.In(b.cfg.Zone).Format(time.RFC3339))
		b.account(w)
		if n == 0 {
			b.bal(w, "OPBD", b.opening, end)
		}
		if n+1 == count {
			b.bal(w, "CLBD", b.balance, end)
		}
		if n > 0 && n+1 < count {
			b.bal(w, "CLAV", b.balance, end) // the schema wants some balance on every page
		}
		for _, e := range list {
			b.entry(w, e)
		}
		w.shut("Stmt", "BkToCstmrStmt", "Document")
		out = append(out, w.Bytes())
	}
	return out
}

func (b *Bank) bal(w *writer, kind string, cents int64, end time.Time) {
	side := "CRDT"
	if cents < 0 {
		side, cents = "DBIT", -cents
	}
	w.open("Bal")
	w.open("Tp")
	w.open("CdOrPrtry")
	w.leaf("Cd", kind)
	w.shut("CdOrPrtry", "Tp")
	w.leaf("Amt", euro(cents), "Ccy", "EUR")
	w.leaf("CdtDbtInd", side)
	w.open("Dt")
	w.leaf("Dt", b.date(end))
	w.shut("Dt", "Bal")
}

func (e entry) side() string {
	if e.credit {
		return "CRDT"
	}
	return "DBIT"
}

func (b *Bank) entry(w *writer, e entry) {
	w.open("Ntry")
	w.leaf("Amt", euro(e.cents), "Ccy", "EUR")
	w.leaf("CdtDbtInd", e.side())
	if e.reversal {
		w.leaf("RvslInd", "true")
	}
	w.open("Sts")
	w.leaf("Cd", "BOOK")
	w.shut("Sts")
	for _, d := range []string{"BookgDt", "ValDt"} {
		w.open(d)
		w.leaf("Dt", e.day)
		w.shut(d)
	}
	w.leaf("AcctSvcrRef", e.ref)
	kind := "ESCT"
	if e.reason != "" {
		kind = "RRTN"
	}
	w.open("BkTxCd")
	w.open("Domn")
	w.leaf("Cd", "PMNT")
	w.open("Fmly")
	w.leaf("Cd", "ICDT")
	w.leaf("SubFmlyCd", kind)
	w.shut("Fmly", "Domn", "BkTxCd")
	w.open("NtryDtls")
	if e.batch {
		w.open("Btch")
		w.leaf("MsgId", e.pays[0].order)
		w.leaf("PmtInfId", e.pays[0].batch)
		w.leaf("NbOfTxs", fmt.Sprint(len(e.pays)))
		w.leaf("TtlAmt", euro(e.cents), "Ccy", "EUR")
		w.leaf("CdtDbtInd", "DBIT")
		w.shut("Btch")
	}
	if !e.batch || b.cfg.Details {
		for _, p := range e.pays {
			b.details(w, e, p)
		}
	}
	w.shut("NtryDtls", "Ntry")
}

func (b *Bank) details(w *writer, e entry, p *payment) {
	amount := p.cents
	if !e.batch {
		amount = e.cents
	}
	w.open("TxDtls")
	if p.endToEnd != "" {
		w.open("Refs")
		w.leaf("MsgId", p.order)
		w.leaf("PmtInfId", p.batch)
		w.leaf("InstrId", p.instruction)
		w.leaf("EndToEndId", p.endToEnd)
		w.shut("Refs")
	}
	w.leaf("Amt", euro(amount), "Ccy", "EUR")
	w.leaf("CdtDbtInd", e.side())
	if p.creditor != "" {
		w.open("RltdPties")
		w.open("Cdtr")
		w.open("Pty")
		w.leaf("Nm", p.name)
		w.shut("Pty", "Cdtr")
		w.open("CdtrAcct")
		w.open("Id")
		w.leaf("IBAN", p.creditor)
		w.shut("Id", "CdtrAcct", "RltdPties")
	}
	if p.purpose != "" {
		w.open("Purp")
		w.leaf("Cd", p.purpose)
		w.shut("Purp")
	}
	if p.text != "" {
		w.open("RmtInf")
		w.leaf("Ustrd", p.text)
		w.shut("RmtInf")
	}
	if e.reason != "" {
		w.open("RtrInf")
		w.open("Rsn")
		w.leaf("Cd", e.reason)
		w.shut("Rsn", "RtrInf")
	}
	w.shut("TxDtls")
}
