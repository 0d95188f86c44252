package message

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"time"

	"sluice/internal/money"
)

// OrderNamespace is the message that orders are written in.
const OrderNamespace = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"

// The elements of an order. The order of the fields is the order of the schema.
type (
	xmlOrder struct {
		XMLName xml.Name   `xml:"Document"`
		NS      string     `xml:"xmlns,attr"`
		Header  xmlHeader  `xml:"CstmrCdtTrfInitn>GrpHdr"`
		Batches []xmlBatch `xml:"CstmrCdtTrfInitn>PmtInf"`
	}
	xmlHeader struct {
		MsgID     string   `xml:"MsgId"`
		CreDtTm   string   `xml:"CreDtTm"`
		NbOfTxs   string   `xml:"NbOfTxs"`
		CtrlSum   string   `xml:"CtrlSum"`
		Initiator xmlParty `xml:"InitgPty"`
	}
	xmlParty struct {
		Name    string      `xml:"Nm"`
		Address *xmlAddress `xml:"PstlAdr"`
	}
	xmlAddress struct {
		Street   *string `xml:"StrtNm"`
		Building *string `xml:"BldgNb"`
		PostCode *string `xml:"PstCd"`
		Town     string  `xml:"TwnNm"`
		Country  string  `xml:"Ctry"`
	}
	xmlBatch struct {
		ID            string      `xml:"PmtInfId"`
		Method        string      `xml:"PmtMtd"`
		BatchBooking  string      `xml:"BtchBookg"`
		NbOfTxs       string      `xml:"NbOfTxs"`
		CtrlSum       string      `xml:"CtrlSum"`
		ServiceLevel  string      `xml:"PmtTpInf>SvcLvl>Cd"`
		LocalCode     *string     `xml:"PmtTpInf>LclInstrm>Cd"`
		Day           string      `xml:"ReqdExctnDt>Dt"`
		Debtor        xmlParty    `xml:"Dbtr"`
		DebtorAccount string      `xml:"DbtrAcct>Id>IBAN"`
		DebtorAgent   xmlAgent    `xml:"DbtrAgt"`
		ChargeBearer  string      `xml:"ChrgBr"`
		Payouts       []xmlPayout `xml:"CdtTrfTxInf"`
	}
	xmlAgent struct {
		BIC   *string `xml:"FinInstnId>BICFI"`
		Other *string `xml:"FinInstnId>Othr>Id"`
	}
	xmlPayout struct {
		InstrID    *string        `xml:"PmtId>InstrId"`
		EndToEndID string         `xml:"PmtId>EndToEndId"`
		Amount     xmlAmount      `xml:"Amt>InstdAmt"`
		Agent      *xmlAgent      `xml:"CdtrAgt"`
		Creditor   xmlParty       `xml:"Cdtr"`
		Account    string         `xml:"CdtrAcct>Id>IBAN"`
		Purpose    *string        `xml:"Purp>Cd"`
		Text       *string        `xml:"RmtInf>Ustrd"`
		Structured *xmlStructured `xml:"RmtInf>Strd>CdtrRefInf"`
	}
	xmlAmount struct {
		Currency string `xml:"Ccy,attr"`
		Value    string `xml:",chardata"`
	}
	xmlStructured struct {
		Type      string `xml:"Tp>CdOrPrtry>Cd"`
		Reference string `xml:"Ref"`
	}
)

// Encode checks the order and writes it as a file. The same order gives the same
// bytes, always: store them before they leave, and send nothing else afterwards.
func (o Order) Encode() ([]byte, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	count, sum, err := o.Total()
	if err != nil {
		return nil, err
	}
	doc := xmlOrder{NS: OrderNamespace, Header: xmlHeader{
		MsgID: o.ID, CreDtTm: o.CreatedAt.UTC().Format("2006-01-02T15:04:05Z"),
		NbOfTxs: strconv.Itoa(count), CtrlSum: Euro.Format(sum), Initiator: xmlParty{Name: o.Initiator},
	}}
	for _, b := range o.Batches {
		x, err := b.encode()
		if err != nil {
			return nil, err
		}
		doc.Batches = append(doc.Batches, x)
	}
	var out bytes.Buffer
	out.WriteString(xml.Header)
	enc := xml.NewEncoder(&out)
	enc.Indent("", " ")
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("write the order: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func (b Batch) encode() (xmlBatch, error) {
	count, sum, err := b.Total()
	if err != nil {
		return xmlBatch{}, err
	}
	x := xmlBatch{
		ID: b.ID, Method: "TRF", BatchBooking: strconv.FormatBool(b.OneBooking), NbOfTxs: strconv.Itoa(count), CtrlSum: Euro.Format(sum),
		ServiceLevel: "SEPA", Day: string(b.Day), Debtor: xmlParty{Name: b.Debtor.Name}, DebtorAccount: b.Debtor.IBAN.String(), ChargeBearer: "SLEV",
	}
	if a := b.Debtor.Address; !a.IsZero() {
		x.Debtor.Address = &xmlAddress{optional(a.Street), optional(a.Building), optional(a.PostCode), a.Town, a.Country}
	}
	if b.Service == Instant {
		x.LocalCode = optional("INST")
	}
	if x.DebtorAgent.BIC = optional(b.Debtor.BIC.String()); x.DebtorAgent.BIC == nil {
		x.DebtorAgent.Other = optional(notProvided)
	}
	for _, p := range b.Payouts {
		x.Payouts = append(x.Payouts, p.encode())
	}
	return x, nil
}

func (p Payout) encode() xmlPayout {
	y := xmlPayout{
		InstrID: optional(p.InstructionID), EndToEndID: p.EndToEndID, Amount: xmlAmount{Euro.Code, Euro.Format(p.Amount)},
		Creditor: xmlParty{Name: p.Creditor.Name}, Account: p.Creditor.IBAN.String(), Purpose: optional(p.Purpose), Text: optional(p.Text),
	}
	if bic := optional(p.Creditor.BIC.String()); bic != nil {
		y.Agent = &xmlAgent{BIC: bic}
	}
	if p.Reference != "" {
		y.Structured = &xmlStructured{"SCOR", p.Reference}
	}
	return y
}

// FrameSize is more than the bytes of an order with one batch and without payouts.
const FrameSize = 4 << 10

// Size is how many bytes the payout takes in the file of an order.
func (p Payout) Size() (int, error) {
	var out bytes.Buffer
	enc := xml.NewEncoder(&out)
	enc.Indent("   ", " ") // Document, CstmrCdtTrfInitn, PmtInf
	if err := enc.EncodeElement(p.encode(), xml.StartElement{Name: xml.Name{Local: "CdtTrfTxInf"}}); err != nil {
		return 0, err
	}
	return out.Len() + 1, nil // the end of the line before it
}

// optional leaves an element out when there is nothing to say: the schema refuses
// empty ones.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// control is what a header or a batch claims to contain.
type control struct{ count, sum string }

func (c control) check(path string, count int, sum money.Amount) error {
	if c.count != strconv.Itoa(count) {
		return rule("count", path+"NbOfTxs", "says %q, there are %d payouts", c.count, count)
	}
	if c.sum != Euro.Format(sum) {
		return rule("control_sum", path+"CtrlSum", "says %q, the payouts make %s", c.sum, Euro.Format(sum))
	}
	return nil
}

// timeOf reads the one form of time that Encode writes.
func timeOf(s string) (time.Time, error) { return time.Parse("2006-01-02T15:04:05Z", s) }
