package sepa_test

import (
	"fmt"
	"strings"
)

// What siblings of the field cases are written with: files of a bank in the versions that
// banks send, with everything that these cases vary.

// an entry of a statement; "" leaves an element out.
type bookingXML struct {
	amount, side string // like "100.00" and DBIT
	currency     string // "" is EUR
	reversal     bool
	status       string // "" is BOOK
	day          string // "" is that of its part
	ref          string // AcctSvcrRef
	number       string // NtryRef
	code         string // sub-family; "" is ESCT
	batch        string // what is in Btch
	charges      string // what is in Chrgs
	details      []string
}

// detailXML is the inside of TxDtls; see e2e, amount and their like.
func detailXML(parts ...string) string { return "<TxDtls>" + strings.Join(parts, "") + "</TxDtls>" }

func refs(pairs ...string) string {
	out := ""
	for n := 0; n < len(pairs); n += 2 {
		out += "<" + pairs[n] + ">" + pairs[n+1] + "</" + pairs[n] + ">"
	}
	return "<Refs>" + out + "</Refs>"
}

func e2e(n int) string { return refs("EndToEndId", endToEndOf(n)) }
func amountXML(amount string) string {
	return `<Amt Ccy="EUR">` + amount + `</Amt><CdtDbtInd>DBIT</CdtDbtInd>`
}
func returnXML(code string) string { return "<RtrInf><Rsn><Cd>" + code + "</Cd></Rsn></RtrInf>" }

// partXML is a statement, a notification or an intraday report.
type partXML struct {
	kind             string // 053 (""), 054, 052
	version          string // "" is 08
	msg, id          string
	seq              string // ElctrncSeqNb
	account          string // "" is ours
	currency         string // "" is EUR
	day              string // "" is 2026-11-20
	opening, closing string // signed; "" leaves them out
	openingType      string // "" is OPBD
	openingDay       string // "" is day
	page             string // what is in StmtPgntn
	messagePage      string // what is in MsgPgntn
	summary          string // NbOfNtries
	entries          []bookingXML
}

var containers = map[string][2]string{"053": {"BkToCstmrStmt", "Stmt"}, "054": {"BkToCstmrDbtCdtNtfctn", "Ntfctn"}, "052": {"BkToCstmrAcctRpt", "Rpt"}}

// document writes parts of one kind and version as a message.
func document(parts ...partXML) string {
	p := parts[0]
	kind, version := or(p.kind, "053"), or(p.version, "08")
	names := containers[kind]
	out := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.` + kind + `.001.` + version + `"><` + names[0] + `><GrpHdr><MsgId>` + or(p.msg, "B1") +
		`</MsgId><CreDtTm>2026-11-20T20:00:00Z</CreDtTm>` + wrap("MsgPgntn", p.messagePage) + `</GrpHdr>`
	for _, x := range parts {
		out += "<" + names[1] + ">" + x.xml(version) + "</" + names[1] + ">"
	}
	return out + "</" + names[0] + "></Document>\n"
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func wrap(name, inside string) string {
	if inside == "" {
		return ""
	}
	return "<" + name + ">" + inside + "</" + name + ">"
}

func (p partXML) xml(version string) string {
	day := or(p.day, "2026-11-20")
	out := "<Id>" + or(p.id, "S1") + "</Id>" + wrap("StmtPgntn", p.page) + wrap("ElctrncSeqNb", p.seq) + "<CreDtTm>" + day + "T20:00:00Z</CreDtTm><Acct><Id><IBAN>" + or(p.account, ours) + "</IBAN></Id>" +
		wrap("Ccy", or(p.currency, "EUR")) + "</Acct>" + p.balance(or(p.openingType, "OPBD"), p.opening, or(p.openingDay, day)) + p.balance("CLBD", p.closing, day)
	if p.summary != "" {
		out += "<TxsSummry><TtlNtries><NbOfNtries>" + p.summary + "</NbOfNtries></TtlNtries></TxsSummry>"
	}
	for _, e := range p.entries {
		out += e.xml(version, day)
	}
	return out
}

func (p partXML) balance(kind, amount, day string) string {
	if amount == "" {
		return ""
	}
	side := "CRDT"
	if amount[0] == '-' {
		amount, side = amount[1:], "DBIT"
	}
	return fmt.Sprintf(`<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp><Amt Ccy="%s">%s</Amt><CdtDbtInd>%s</CdtDbtInd><Dt><Dt>%s</Dt></Dt></Bal>`, kind, or(p.currency, "EUR"), amount, side, day)
}

func (e bookingXML) xml(version, day string) string {
	status := "<Sts><Cd>" + or(e.status, "BOOK") + "</Cd></Sts>"
	if version == "02" || version == "03" {
		status = "<Sts>" + or(e.status, "BOOK") + "</Sts>"
	}
	reversal := ""
	if e.reversal {
		reversal = "<RvslInd>true</RvslInd>"
	}
	inside := wrap("Btch", e.batch) + strings.Join(e.details, "")
	if version == "02" {
		inside = strings.NewReplacer("<Pty>", "", "</Pty>", "").Replace(inside)
	}
	return fmt.Sprintf(`<Ntry>%s<Amt Ccy="%s">%s</Amt><CdtDbtInd>%s</CdtDbtInd>%s%s<BookgDt><Dt>%s</Dt></BookgDt><ValDt><Dt>%s</Dt></ValDt>%s<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>%s</SubFmlyCd></Fmly></Domn></BkTxCd>%s%s</Ntry>`,
		wrap("NtryRef", e.number), or(e.currency, "EUR"), e.amount, e.side, reversal, status, or(e.day, day), or(e.day, day), wrap("AcctSvcrRef", e.ref), or(e.code, "ESCT"), wrap("Chrgs", e.charges), wrap("NtryDtls", inside))
}

// reportXML is a pain.002. Levels are written as level of package message's tests writes
// them: a status ("-" for none) and its reasons, those in brackets a bank's own.
type reportXML struct {
	version string // "" is 10
	order   string // "" is M1
	group   string
	batches []batchXML
}

type batchXML struct {
	id      string // "" leaves it out
	said    string
	payouts map[int]string // number of the payment to what is said of it
}

func (r reportXML) String() string {
	version := or(r.version, "10")
	old, root := version == "02", "CstmrPmtStsRpt"
	if old {
		root = "pain.002.001.02"
	}
	out := `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.` + version + `"><` + root + `><GrpHdr><MsgId>P1</MsgId><CreDtTm>2026-11-20T10:00:00Z</CreDtTm></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>` +
		or(r.order, "M1") + `</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>` + levelXML("GrpSts", r.group, old) + `</OrgnlGrpInfAndSts>`
	for _, b := range r.batches {
		payouts := ""
		for n := 1; n <= 9; n++ {
			if said, ok := b.payouts[n]; ok {
				payouts += "<TxInfAndSts>"
				if old {
					payouts += wrap("OrgnlPmtInfId", b.id)
				}
				payouts += "<OrgnlEndToEndId>" + endToEndOf(n) + "</OrgnlEndToEndId>" + levelXML("TxSts", said, old) + "</TxInfAndSts>"
			}
		}
		if !old {
			payouts = "<OrgnlPmtInfAndSts>" + wrap("OrgnlPmtInfId", b.id) + levelXML("PmtInfSts", b.said, old) + payouts + "</OrgnlPmtInfAndSts>"
		}
		out += payouts
	}
	return out + "</" + root + "></Document>"
}

func levelXML(element, said string, old bool) string {
	reason := "Rsn"
	if old {
		reason = "StsRsn"
	}
	out := ""
	for n, w := range strings.Fields(said) {
		own := strings.Trim(w, "[]")
		switch {
		case n == 0 && w == "-":
		case n == 0:
			out += wrap(element, w)
		case own != w:
			out += "<StsRsnInf>" + wrap(reason, wrap("Prtry", own)) + "</StsRsnInf>"
		default:
			out += "<StsRsnInf>" + wrap(reason, wrap("Cd", w)) + "</StsRsnInf>"
		}
	}
	return out
}
