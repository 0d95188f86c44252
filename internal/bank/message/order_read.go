package message

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"

	"sluice/internal/bank/iban"
	"sluice/internal/fault"
)

// ReadOrder reads a file that Encode wrote and holds it against every rule again:
// the last look at the bytes before they are stored and leave. It takes nothing but
// what Encode writes, byte for byte. The error is an Invalid fault like that of Check.
func ReadOrder(file []byte) (Order, error) {
	var doc xmlOrder
	dec := xml.NewDecoder(bytes.NewReader(file))
	if err := dec.Decode(&doc); err != nil {
		return Order{}, rule("malformed", "file", "is not XML: %v", err)
	}
	if doc.NS != OrderNamespace || doc.XMLName.Space != OrderNamespace {
		return Order{}, rule("malformed", "file", "is not a pain.001.001.09")
	}
	created, err := timeOf(doc.Header.CreDtTm)
	if err != nil {
		return Order{}, rule("created_at", "CreDtTm", "is not a time in UTC with whole seconds")
	}
	o := Order{ID: doc.Header.MsgID, CreatedAt: created, Initiator: doc.Header.Initiator.Name}
	for n, x := range doc.Batches {
		b, err := x.read(fmt.Sprintf("PmtInf[%d].", n))
		if err != nil {
			return Order{}, err
		}
		o.Batches = append(o.Batches, b)
	}
	count, sum, err := o.Total()
	if err != nil {
		return Order{}, err
	}
	if err := (control{doc.Header.NbOfTxs, doc.Header.CtrlSum}).check("GrpHdr.", count, sum); err != nil {
		return Order{}, err
	}
	again, err := o.Encode()
	if err != nil {
		return Order{}, err
	}
	if !bytes.Equal(again, file) {
		return Order{}, rule("foreign", "file", "has something in it that we do not write, near %q", firstDifference(again, file))
	}
	return o, nil
}

func (x xmlBatch) read(path string) (Batch, error) {
	b := Batch{ID: x.ID, Service: Normal, Day: Day(x.Day), OneBooking: x.BatchBooking == "true"}
	switch {
	case x.Method != "TRF":
		return b, rule("method", path+"PmtMtd", "is %q, not TRF", x.Method)
	case x.ServiceLevel != "SEPA":
		return b, rule("service", path+"SvcLvl", "is %q, not SEPA", x.ServiceLevel)
	case x.LocalCode != nil && *x.LocalCode != "INST":
		return b, rule("service", path+"LclInstrm", "is %q, not INST", *x.LocalCode)
	case x.ChargeBearer != "SLEV":
		return b, rule("charge_bearer", path+"ChrgBr", "is %q, not SLEV", x.ChargeBearer)
	case x.LocalCode != nil:
		b.Service = Instant
	}
	var err error
	if b.Debtor, err = readParty(path+"Dbtr", x.Debtor.Name, x.DebtorAccount, x.DebtorAgent.BIC); err != nil {
		return b, err
	}
	if a := x.Debtor.Address; a != nil {
		b.Debtor.Address = Address{deref(a.Street), deref(a.Building), deref(a.PostCode), a.Town, a.Country}
	}
	for n, y := range x.Payouts {
		p, err := y.read(fmt.Sprintf("%sCdtTrfTxInf[%d].", path, n))
		if err != nil {
			return b, err
		}
		b.Payouts = append(b.Payouts, p)
	}
	count, sum, err := b.Total()
	if err != nil {
		return b, err
	}
	return b, control{x.NbOfTxs, x.CtrlSum}.check(path, count, sum)
}

func (y xmlPayout) read(path string) (Payout, error) {
	p := Payout{EndToEndID: y.EndToEndID, InstructionID: deref(y.InstrID), Purpose: deref(y.Purpose), Text: deref(y.Text)}
	if y.Amount.Currency != Euro.Code {
		return p, rule("currency", path+"InstdAmt", "is in %q, not in EUR", y.Amount.Currency)
	}
	var err error
	if p.Amount, err = Euro.Parse(y.Amount.Value); err != nil {
		return p, rule("amount", path+"InstdAmt", "%s", fault.Of(err).Message)
	}
	if y.Structured != nil {
		if y.Structured.Type != "SCOR" {
			return p, rule("creditor_reference", path+"RmtInf", "has a reference of type %q, not SCOR", y.Structured.Type)
		}
		p.Reference = y.Structured.Reference
	}
	var bic *string
	if y.Agent != nil {
		bic = y.Agent.BIC
	}
	p.Creditor, err = readParty(path+"Cdtr", y.Creditor.Name, y.Account, bic)
	return p, err
}

func readParty(path, name, account string, bic *string) (Party, error) {
	p := Party{Name: name}
	var err error
	if p.IBAN, err = iban.Parse(account); err != nil || strings.Contains(account, " ") {
		return p, rule("iban", path+"Acct", "%q is no IBAN: %v", account, err)
	}
	if bic != nil {
		if p.BIC, err = iban.ParseBIC(*bic); err != nil {
			return p, rule("bic", path+"Agt", "%v", err)
		}
	}
	return p, nil
}

// firstDifference is the part of b where it leaves a.
func firstDifference(a, b []byte) []byte {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return b[max(0, min(n, len(b))-20):min(len(b), n+40)]
}
