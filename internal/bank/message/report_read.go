package message

import (
	"encoding/xml"
	"slices"
	"strings"
)

func (s *scan) report(f *File) error {
	return s.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "GrpHdr":
			return s.header(f, e)
		case "Stmt", "Ntfctn", "Rpt":
			f.Accounts = append(f.Accounts, Account{Index: len(f.Accounts)})
			return s.account(f, &f.Accounts[len(f.Accounts)-1])
		}
		return s.skip()
	})
}

func (s *scan) account(f *File, a *Account) error {
	a.Sums.Unique = true
	return s.children(func(e xml.StartElement) error {
		if e.Name.Local == "Ntry" {
			if err := s.record(); err != nil {
				return err
			}
			n, err := s.entry()
			if err != nil {
				return err
			}
			n.Index = a.Sums.Entries
			if err := a.Sums.add(n); err != nil {
				return s.here(err)
			}
			return s.visit(f, a, n)
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
}

// accountParts are the elements of a statement that take looks at.
var accountParts = map[string]bool{
	"Id": true, "ElctrncSeqNb": true, "LglSeqNb": true, "StmtPgntn": true, "NtfctnPgntn": true, "RptPgntn": true,
	"CpyDplctInd": true, "Acct": true, "Bal": true, "TxsSummry": true, "CreDtTm": true, "FrToDt": true,
}

func (a *Account) take(part *node) (err error) {
	switch part.name {
	case "Id":
		a.ID = part.text
	case "CreDtTm":
		a.Created = part.text
	case "FrToDt":
		a.Period = part.get("FrDtTm") + "/" + part.get("ToDtTm")
	case "ElctrncSeqNb":
		a.Sequence, err = readNumber(part)
	case "LglSeqNb":
		a.Legal, err = readNumber(part)
	case "StmtPgntn", "NtfctnPgntn", "RptPgntn":
		a.Page, err = readPage(part)
	case "CpyDplctInd":
		a.Copy = part.text
	case "Acct":
		a.Number = number(part)
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

// number is the number of an account, an IBAN or another, in upper case and without blanks.
func number(account *node) string {
	n := first(account.get("Id", "IBAN"), account.get("Id", "Othr", "Id"), account.get("Id", "PrtryAcct", "Id"), account.get("Id", "BBAN"), account.get("Id", "UPIC"))
	return strings.ToUpper(strings.ReplaceAll(n, " ", ""))
}

func readBalance(n *node) (b Balance, err error) {
	b.Type = first(n.get("Tp", "CdOrPrtry", "Cd"), n.get("Tp", "CdOrPrtry", "Prtry"), n.get("Tp", "Cd"))
	at := "Bal/"
	if b.Type != "" {
		at = "Bal[" + b.Type + "]/"
	}
	if b.Amount, b.Currency, err = readAmount(n.at("Amt"), at+"Amt"); err != nil {
		return b, err
	}
	if b.Side, err = readSide(n.at("CdtDbtInd"), at+"CdtDbtInd"); err != nil {
		return b, err
	}
	b.Day, err = readDay(n.at("Dt"), at+"Dt")
	return b, err
}

func (s *scan) entry() (Entry, error) {
	var n Entry
	var parts node
	s.details = 0
	err := s.children(func(e xml.StartElement) error {
		switch {
		case e.Name.Local == "NtryDtls":
			return s.entryDetails(&n)
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
	n.Reference, n.ServicerRef, n.Text = parts.get("NtryRef"), given(parts.get("AcctSvcrRef")), parts.get("AddtlNtryInf")
	if n.Amount, n.Currency, err = readAmount(parts.at("Amt"), "Ntry/Amt"); err != nil {
		return err
	}
	if n.Side, err = readSide(parts.at("CdtDbtInd"), "Ntry/CdtDbtInd"); err != nil {
		return err
	}
	if n.Reversal, err = readBool(parts.get("RvslInd"), "Ntry/RvslInd"); err != nil {
		return err
	}
	// Since version 4 of the statement the status is a choice; before it was the text itself.
	n.Status = EntryStatus(first(parts.get("Sts", "Cd"), parts.get("Sts", "Prtry"), parts.get("Sts")))
	if n.Status == "" {
		return refuse(Malformed, "Ntry/Sts is missing: whether the entry is booked cannot be known")
	}
	if n.Day, err = readDay(parts.at("BookgDt"), "Ntry/BookgDt"); err != nil {
		return err
	}
	if n.Value, err = readDay(parts.at("ValDt"), "Ntry/ValDt"); err != nil {
		return err
	}
	n.Code = readCode(parts.at("BkTxCd"))
	n.Charges = readCharges(parts.all("Chrgs"), n.Currency)
	for i := range n.Details {
		n.Details[i].settle(n.Currency)
	}
	return nil
}

func (s *scan) entryDetails(n *Entry) error {
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
			if err := s.held(); err != nil {
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
	b.MessageID, b.BatchID = given(n.get("MsgId")), given(n.get("PmtInfId"))
	if c := n.at("NbOfTxs"); c != nil {
		count, err := readNumber(c)
		if err != nil {
			return b, err
		}
		b.Count = int(count) //nolint:gosec // readNumber bounds it
	}
	// The total of a batch in another currency decides nothing, whatever it is.
	if t := n.at("TtlAmt"); t != nil {
		if total, currency, err := readAmount(t, "Btch/TtlAmt"); err == nil {
			b.Total, b.Currency = total, currency
		}
	}
	if side := n.at("CdtDbtInd"); side != nil {
		b.Side, err = readSide(side, "Btch/CdtDbtInd")
	}
	return b, err
}

func readDetail(n *node) (d Detail, err error) {
	refs := n.at("Refs")
	d.MessageID, d.BatchID, d.InstructionID = given(refs.get("MsgId")), given(refs.get("PmtInfId")), given(refs.get("InstrId"))
	d.EndToEndID, d.TransactionID, d.UETR, d.ServicerRef = given(refs.get("EndToEndId")), given(refs.get("TxId")), given(refs.get("UETR")), given(refs.get("AcctSvcrRef"))
	for _, at := range [][]string{{"Amt"}, {"AmtDtls", "TxAmt", "Amt"}, {"AmtDtls", "CntrValAmt", "Amt"}, {"AmtDtls", "InstdAmt", "Amt"}} {
		if amount := n.at(at...); amount != nil {
			d.amounts = append(d.amounts, amount)
		}
	}
	d.charges = n.all("Chrgs")
	if side := n.at("CdtDbtInd"); side != nil {
		if d.Side, err = readSide(side, "TxDtls/CdtDbtInd"); err != nil {
			return d, err
		}
	}
	parties := n.at("RltdPties")
	d.Debtor, d.Creditor = readCounterparty(parties, "Dbtr"), readCounterparty(parties, "Cdtr")
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
		d.Return = &Return{
			Code: first(r.get("Rsn", "Cd"), r.get("Rsn", "Prtry"), r.get("RtrRsn", "Cd"), r.get("RtrRsn", "Prtry")), Origin: readOrigin(r),
			Text: joined(append(r.all("AddtlInf"), r.all("AddtlRtrRsnInf")...)),
		}
	}
	return d, nil
}

// settle picks the amount and the charges in the currency of the entry. An amount in
// another currency is for information, and one that cannot be read is none: the entry's
// amount is what was booked.
func (d *Detail) settle(currency string) {
	for _, n := range d.amounts {
		if a, c, err := readAmount(n, "TxDtls/Amt"); err == nil && c == currency {
			d.Amount, d.Known = a, true
			break
		}
	}
	d.Charges = readCharges(d.charges, currency)
	d.amounts, d.charges = nil, nil
}

// readCounterparty reads a party: since version 8 its name sits below Pty.
func readCounterparty(n *node, role string) Counterparty {
	return Counterparty{
		Name:    first(n.get(role, "Pty", "Nm"), n.get(role, "Nm"), n.get(role, "Agt", "FinInstnId", "Nm")),
		Account: given(number(n.at(role + "Acct"))),
	}
}

func readCode(n *node) TransactionCode {
	return TransactionCode{
		Domain: n.get("Domn", "Cd"), Family: n.get("Domn", "Fmly", "Cd"), SubFamily: n.get("Domn", "Fmly", "SubFmlyCd"), Own: n.get("Prtry", "Cd"),
	}
}

// readOrigin says who gave a reason: a bank by its BIC or a party by its name.
func readOrigin(n *node) string {
	for _, role := range []string{"Orgtr", "StsOrgtr", "RtrOrgtr"} {
		id := n.at(role, "Id", "OrgId")
		if s := first(n.get(role, "Nm"), n.get(role, "Pty", "Nm"), id.get("AnyBIC"), id.get("BICOrBEI"), id.get("BIC")); s != "" {
			return s
		}
	}
	return ""
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
