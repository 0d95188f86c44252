package message

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
)

// kinds are the messages that are read, by the element that holds one.
var kinds = map[string]Kind{
	"BkToCstmrStmt":         Statement,
	"BkToCstmrDbtCdtNtfctn": Notification,
	"BkToCstmrAcctRpt":      Intraday,
	"CstmrPmtStsRpt":        StatusReport,
	"RsltnOfInvstgtn":       Resolution,
}

// Read reads a bank's file, whichever of the messages it is. It holds nothing back
// for later: the file is read to its end, and every entry in it is in the answer. An
// error is a *Refusal, or that of the reader. The answer is what the file says, not yet
// what may be believed: see File.Check.
func Read(r io.Reader, lim Limits) (*File, error) {
	s, err := newScan(r, lim)
	if err != nil {
		return nil, err
	}
	f := &File{}
	t, err := s.start()
	if err != nil {
		return nil, err
	}
	if err := s.message(f, t, 2); err != nil {
		return nil, err
	}
	if f.Kind == "" {
		return nil, refuse(UnknownKind, "the file is XML, but no pain.002, camt.029, camt.052, camt.053 or camt.054")
	}
	// After the end only blanks and comments may follow.
	for {
		t, err := s.next()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return nil, err
		}
		if text, ok := t.(xml.CharData); !ok || strings.TrimSpace(string(text)) != "" {
			return nil, s.at(refuse(Malformed, "something follows after the end of the message"))
		}
	}
}

// start finds the first tag.
func (s *scan) start() (xml.StartElement, error) {
	for {
		t, err := s.next()
		if errors.Is(err, io.EOF) {
			return xml.StartElement{}, refuse(Truncated, "the file is empty")
		}
		if err != nil {
			return xml.StartElement{}, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return t.Copy(), nil
		case xml.CharData:
			if strings.TrimSpace(string(t)) != "" {
				return xml.StartElement{}, s.at(refuse(Malformed, "the file is not XML"))
			}
		}
	}
}

// message looks for the message in the current element, through at most so many
// envelopes. Namespaces are not compared: banks write them wrong, and the element
// names say enough.
func (s *scan) message(f *File, e xml.StartElement, envelopes int) error {
	if e.Name.Local == "Document" {
		f.Version = version(e)
	}
	return s.children(func(e xml.StartElement) error {
		kind, known := kinds[e.Name.Local]
		switch {
		case known && f.Kind != "":
			return s.at(refuse(Malformed, "the file has two messages"))
		case known:
			f.Kind = kind
			switch kind {
			case StatusReport:
				return s.status(f)
			case Resolution:
				return s.resolution(f)
			case Statement, Notification, Intraday:
			}
			return s.report(f)
		case envelopes > 0:
			return s.message(f, e, envelopes-1)
		}
		return s.skip()
	})
}

func version(e xml.StartElement) string {
	if n := strings.LastIndexByte(e.Name.Space, ':'); n >= 0 {
		return e.Name.Space[n+1:]
	}
	return ""
}

func (s *scan) report(f *File) error {
	err := s.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "GrpHdr":
			return s.header(f, e)
		case "Stmt", "Ntfctn", "Rpt":
			a, err := s.account()
			f.Accounts = append(f.Accounts, a)
			return err
		}
		return s.skip()
	})
	for n := range f.Accounts {
		if f.Accounts[n].Page == (Page{}) {
			f.Accounts[n].Page = f.Page
		}
	}
	return err
}

func (s *scan) header(f *File, e xml.StartElement) error {
	h, err := s.tree(e)
	if err != nil {
		return err
	}
	f.MessageID, f.CreatedAt = h.get("MsgId"), readTime(h.get("CreDtTm"))
	f.Page, err = readPage(h.at("MsgPgntn"))
	return s.here(err)
}

// here adds the place in the file to what a value was refused for.
func (s *scan) here(err error) error {
	var r *Refusal
	if errors.As(err, &r) && r.Line == 0 {
		return s.at(r)
	}
	return err
}

func (s *scan) account() (Account, error) {
	var a Account
	err := s.children(func(e xml.StartElement) error {
		if e.Name.Local == "Ntry" {
			if err := s.record(); err != nil {
				return err
			}
			n, err := s.entry()
			n.Index = len(a.Entries)
			a.Entries = append(a.Entries, n)
			return err
		}
		if records[e.Name.Local] {
			return s.at(refuse(Malformed, "%s stands where it cannot be read", e.Name.Local))
		}
		if !accountParts[e.Name.Local] {
			return s.skip()
		}
		part, err := s.tree(e)
		if err != nil {
			return err
		}
		return s.here(a.take(part))
	})
	return a, err
}

// accountParts are the elements of a statement that take looks at.
var accountParts = map[string]bool{
	"Id": true, "ElctrncSeqNb": true, "LglSeqNb": true, "StmtPgntn": true, "NtfctnPgntn": true, "RptPgntn": true,
	"CpyDplctInd": true, "Acct": true, "Bal": true, "TxsSummry": true,
}

func (a *Account) take(part *node) (err error) {
	switch part.name {
	case "Id":
		a.ID = part.text
	case "ElctrncSeqNb":
		a.Sequence, err = readNumber(part)
	case "LglSeqNb":
		a.Legal, err = readNumber(part)
	case "StmtPgntn", "NtfctnPgntn", "RptPgntn":
		a.Page, err = readPage(part)
	case "CpyDplctInd":
		a.Copy = part.text
	case "Acct":
		number := first(part.get("Id", "IBAN"), part.get("Id", "Othr", "Id"), part.get("Id", "PrtryAcct", "Id"))
		a.Number = strings.ToUpper(strings.ReplaceAll(number, " ", ""))
		a.Currency, a.Owner = part.get("Ccy"), part.get("Ownr", "Nm")
	case "Bal":
		var b Balance
		b, err = readBalance(part)
		a.Balances = append(a.Balances, b)
	case "TxsSummry":
		if n := part.at("TtlNtries", "NbOfNtries"); n != nil {
			var count uint64
			count, err = readNumber(n)
			a.CountSaid, a.CountSaidKnown = int(count), true //nolint:gosec // readNumber bounds it
		}
	}
	return err
}

func readBalance(n *node) (b Balance, err error) {
	b.Type = first(n.get("Tp", "CdOrPrtry", "Cd"), n.get("Tp", "CdOrPrtry", "Prtry"), n.get("Tp", "Cd"))
	if b.Amount, b.Currency, err = readAmount(n.at("Amt")); err != nil {
		return b, err
	}
	if b.Side, err = readSide(n.get("CdtDbtInd")); err != nil {
		return b, err
	}
	b.Day, err = readDay(n.at("Dt"))
	return b, err
}

func (s *scan) entry() (Entry, error) {
	var n Entry
	var parts node
	err := s.children(func(e xml.StartElement) error {
		switch {
		case e.Name.Local == "NtryDtls":
			return s.details(&n)
		case records[e.Name.Local]:
			return s.at(refuse(Malformed, "%s stands where it cannot be read", e.Name.Local))
		}
		part, err := s.tree(e)
		parts.kids = append(parts.kids, part)
		if len(parts.kids) > nodesMax {
			return s.at(refuse(TooLarge, "one record has more than %d elements", nodesMax))
		}
		return err
	})
	if err != nil {
		return n, err
	}
	return n, s.here(n.take(&parts))
}

func (n *Entry) take(parts *node) (err error) {
	n.Reference, n.ServicerRef, n.Text = parts.get("NtryRef"), parts.get("AcctSvcrRef"), parts.get("AddtlNtryInf")
	if n.Amount, n.Currency, err = readAmount(parts.at("Amt")); err != nil {
		return err
	}
	if n.Side, err = readSide(parts.get("CdtDbtInd")); err != nil {
		return err
	}
	if n.Reversal, err = readBool(parts.get("RvslInd")); err != nil {
		return err
	}
	// Since version 4 of the statement the status is a choice; before it was the text itself.
	n.Status = EntryStatus(first(parts.get("Sts", "Cd"), parts.get("Sts", "Prtry"), parts.get("Sts")))
	if n.Status == "" {
		return refuse(Malformed, "an entry has no status: nobody can say whether it is booked")
	}
	if n.Day, err = readDay(parts.at("BookgDt")); err != nil {
		return err
	}
	if n.Value, err = readDay(parts.at("ValDt")); err != nil {
		return err
	}
	n.Code = readCode(parts.at("BkTxCd"))
	return nil
}

func (s *scan) details(n *Entry) error {
	return s.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "Btch":
			part, err := s.tree(e)
			if err != nil {
				return err
			}
			b, err := readBatch(part)
			n.Batches = append(n.Batches, b)
			return s.here(err)
		case "TxDtls":
			if err := s.record(); err != nil {
				return err
			}
			part, err := s.tree(e)
			if err != nil {
				return err
			}
			d, err := readDetail(part)
			d.Index = len(n.Details)
			n.Details = append(n.Details, d)
			return s.here(err)
		}
		return s.skip()
	})
}

func readBatch(n *node) (b BatchInfo, err error) {
	b.MessageID, b.BatchID = n.get("MsgId"), n.get("PmtInfId")
	if c := n.at("NbOfTxs"); c != nil {
		count, err := readNumber(c)
		if err != nil {
			return b, err
		}
		b.Count = int(count) //nolint:gosec // readNumber bounds it
	}
	if t := n.at("TtlAmt"); t != nil {
		if b.Total, b.Currency, err = readAmount(t); err != nil {
			return b, err
		}
	}
	if side := n.get("CdtDbtInd"); side != "" {
		b.Side, err = readSide(side)
	}
	return b, err
}

func readDetail(n *node) (d Detail, err error) {
	refs := n.at("Refs")
	d.MessageID, d.BatchID, d.InstructionID = refs.get("MsgId"), refs.get("PmtInfId"), refs.get("InstrId")
	d.EndToEndID, d.TransactionID, d.UETR, d.ServicerRef = refs.get("EndToEndId"), refs.get("TxId"), refs.get("UETR"), refs.get("AcctSvcrRef")
	if strings.EqualFold(d.EndToEndID, notProvided) {
		d.EndToEndID = ""
	}
	amount := n.at("Amt")
	if amount == nil {
		amount = n.at("AmtDtls", "TxAmt", "Amt")
	}
	if amount != nil {
		if d.Amount, d.Currency, err = readAmount(amount); err != nil {
			return d, err
		}
	}
	if side := n.get("CdtDbtInd"); side != "" {
		if d.Side, err = readSide(side); err != nil {
			return d, err
		}
	}
	parties := n.at("RltdPties")
	d.Debtor, d.Creditor = readParties(parties, "Dbtr"), readParties(parties, "Cdtr")
	for _, u := range n.at("RmtInf").all("Ustrd") {
		d.Texts = append(d.Texts, u.text)
	}
	for _, st := range n.at("RmtInf").all("Strd") {
		if ref := st.get("CdtrRefInf", "Ref"); ref != "" {
			d.References = append(d.References, ref)
		}
	}
	d.Purpose, d.Text, d.Code = first(n.get("Purp", "Cd"), n.get("Purp", "Prtry")), n.get("AddtlTxInf"), readCode(n.at("BkTxCd"))
	if r := n.at("RtrInf"); r != nil {
		d.Return = &Return{Code: first(r.get("Rsn", "Cd"), r.get("Rsn", "Prtry")), Origin: readOrigin(r), Text: joined(r.all("AddtlInf"))}
	}
	return d, nil
}

// readParties reads a party: since version 8 its name sits below Pty.
func readParties(n *node, role string) Counterparty {
	account := n.at(role + "Acct")
	number := first(account.get("Id", "IBAN"), account.get("Id", "Othr", "Id"))
	return Counterparty{
		Name:    first(n.get(role, "Pty", "Nm"), n.get(role, "Nm"), n.get(role, "Agt", "FinInstnId", "Nm")),
		Account: strings.ToUpper(strings.ReplaceAll(number, " ", "")),
	}
}

func readCode(n *node) TransactionCode {
	return TransactionCode{
		Domain: n.get("Domn", "Cd"), Family: n.get("Domn", "Fmly", "Cd"), SubFamily: n.get("Domn", "Fmly", "SubFmlyCd"), Own: n.get("Prtry", "Cd"),
	}
}

// readOrigin says who gave a reason: a bank by its BIC or a party by its name.
func readOrigin(n *node) string {
	id := n.at("Orgtr", "Id", "OrgId")
	return first(n.get("Orgtr", "Nm"), n.get("Orgtr", "Pty", "Nm"), id.get("AnyBIC"), id.get("BICOrBEI"))
}

func joined(list []*node) string {
	var texts []string
	for _, n := range list {
		if n.text != "" {
			texts = append(texts, n.text)
		}
	}
	return strings.Join(slices.Compact(texts), " ")
}
