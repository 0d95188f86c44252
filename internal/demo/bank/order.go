package bank

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"time"
)

// document is a pain.001 with what a bank looks at.
type document struct {
	XMLName xml.Name
	Init    struct {
		Header struct {
			ID      string  `xml:"MsgId"`
			Created string  `xml:"CreDtTm"`
			Count   string  `xml:"NbOfTxs"`
			Sum     *string `xml:"CtrlSum"`
			Sender  string  `xml:"InitgPty>Nm"`
		} `xml:"GrpHdr"`
		Info []info `xml:"PmtInf"`
	} `xml:"CstmrCdtTrfInitn"`
}

type info struct {
	ID         string  `xml:"PmtInfId"`
	Method     string  `xml:"PmtMtd"`
	AtOnce     string  `xml:"BtchBookg"`
	Count      string  `xml:"NbOfTxs"`
	Sum        *string `xml:"CtrlSum"`
	Level      string  `xml:"PmtTpInf>SvcLvl>Cd"`
	Instrument string  `xml:"PmtTpInf>LclInstrm>Cd"`
	Day        string  `xml:"ReqdExctnDt>Dt"`
	Debtor     string  `xml:"Dbtr>Nm"`
	Account    string  `xml:"DbtrAcct>Id>IBAN"`
	Charges    string  `xml:"ChrgBr"`
	Transfers  []struct {
		Instruction string `xml:"PmtId>InstrId"`
		EndToEnd    string `xml:"PmtId>EndToEndId"`
		Amount      struct {
			Currency string `xml:"Ccy,attr"`
			Value    string `xml:",chardata"`
		} `xml:"Amt>InstdAmt"`
		Name    string   `xml:"Cdtr>Nm"`
		Account string   `xml:"CdtrAcct>Id>IBAN"`
		Lines   []string `xml:"Cdtr>PstlAdr>AdrLine"`
		Purpose string   `xml:"Purp>Cd"`
		Text    []string `xml:"RmtInf>Ustrd"`
		Refs    []string `xml:"RmtInf>Strd>CdtrRefInf>Ref"`
	} `xml:"CdtTrfTxInf"`
}

// namespace is the one message the bank takes.
const namespace = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"

// problem is why an order, a batch or a payment is refused.
type problem struct{ code, text string }

// parse reads an order and checks it as a whole. A problem refuses all of it.
func (b *Bank) parse(file []byte, now time.Time) (document, *problem) {
	var d document
	if err := xml.Unmarshal(file, &d); err != nil {
		return d, &problem{"FF01", "no XML: " + err.Error()}
	}
	h := d.Init.Header
	count, sum := 0, int64(0)
	for _, p := range d.Init.Info {
		n, s, bad := p.check()
		if bad != nil {
			return d, bad
		}
		count, sum = count+n, sum+s
	}
	switch {
	case d.XMLName.Space != namespace || d.XMLName.Local != "Document":
		return d, &problem{"FF01", "not a pain.001.001.09"}
	case !validID(h.ID):
		return d, &problem{"CH16", "message id"}
	case b.orders[h.ID]:
		return d, &problem{"AM05", "message id " + h.ID + " was sent before"}
	case h.Sender == "" || !onlyLatin(h.Sender) || len(h.Sender) > 70:
		return d, &problem{"CH16", "initiating party"}
	case h.Count != strconv.Itoa(count) || count == 0:
		return d, &problem{"AM18", "the header says " + h.Count + " payments, there are " + strconv.Itoa(count)}
	case h.Sum == nil || *h.Sum != euro(sum):
		return d, &problem{"AM10", "the control sum is not " + euro(sum)}
	}
	if created, err := time.Parse(time.RFC3339, h.Created); err != nil || created.After(now.Add(time.Hour)) {
		return d, &problem{"DT02", "created at " + h.Created}
	}
	return d, nil
}

// check looks at a batch as a whole, and counts it.
func (p info) check() (int, int64, *problem) {
	var sum int64
	for _, t := range p.Transfers {
		c, ok := cents(t.Amount.Value)
		if !ok {
			return 0, 0, &problem{"AM09", "amount " + t.Amount.Value}
		}
		sum += c
	}
	switch {
	case !validID(p.ID):
		return 0, 0, &problem{"CH16", "payment information id"}
	case p.Method != "TRF":
		return 0, 0, &problem{"FF01", "payment method " + p.Method}
	case p.Level != "SEPA" || p.Instrument != "" && p.Instrument != "INST":
		return 0, 0, &problem{"FF01", "service level " + p.Level + " " + p.Instrument}
	case p.Charges != "" && p.Charges != "SLEV":
		return 0, 0, &problem{"FF01", "charge bearer " + p.Charges}
	case p.Count != strconv.Itoa(len(p.Transfers)) || len(p.Transfers) == 0:
		return 0, 0, &problem{"AM18", "batch " + p.ID + " says " + p.Count + " payments, there are " + strconv.Itoa(len(p.Transfers))}
	case p.Sum == nil || *p.Sum != euro(sum):
		return 0, 0, &problem{"AM10", "the control sum of batch " + p.ID + " is not " + euro(sum)}
	}
	return len(p.Transfers), sum, nil
}

// accept checks what is left, batch by batch and payment by payment, and gives the
// payments with why each is refused, if it is.
func (b *Bank) accept(d document, now time.Time) (pays []*payment, refused []*problem) {
	ids := map[string]bool{}
	for _, p := range d.Init.Info {
		whole := b.batchProblem(&p, now)
		for _, t := range p.Transfers {
			c, _ := cents(t.Amount.Value) // checked with the batch
			pay := &payment{
				order: d.Init.Header.ID, batch: p.ID, instruction: t.Instruction, endToEnd: t.EndToEnd, creditor: t.Account, name: t.Name, purpose: t.Purpose,
				cents: c, day: p.Day, instant: p.Instrument == "INST", atOnce: p.AtOnce == "true",
			}
			for _, line := range append(t.Text, t.Refs...) {
				pay.text += line
			}
			pay.fate = b.fate(pay)
			bad := whole
			switch {
			case bad != nil:
			case !validID(t.EndToEnd) || ids[t.EndToEnd]:
				bad = &problem{"DU04", "end-to-end id " + t.EndToEnd}
			case t.Amount.Currency != "EUR":
				bad = &problem{"AM03", "currency " + t.Amount.Currency}
			case c == 0 || c > 99_999_999_999:
				bad = &problem{"AM09", "amount " + t.Amount.Value}
			case !validIBAN(t.Account):
				bad = &problem{"AC01", "account " + t.Account}
			case t.Name == "" || len(t.Name) > 70 || !onlyLatin(t.Name):
				bad = &problem{"BE01", "name " + t.Name}
			case len(t.Text)+len(t.Refs) > 1 || len(pay.text) > 140 || !onlyLatin(pay.text):
				bad = &problem{"CH16", "remittance information"}
			case len(t.Lines) > 0:
				bad = &problem{"BE04", "unstructured address"}
			case pay.fate.Reject != "":
				bad = &problem{pay.fate.Reject, "as it was told to"}
			}
			ids[t.EndToEnd] = true
			pays, refused = append(pays, pay), append(refused, bad)
		}
	}
	return pays, refused
}

// batchProblem is why a batch is refused. A day of execution that the bank moves is moved in p.
func (b *Bank) batchProblem(p *info, now time.Time) *problem {
	_, err := time.Parse(time.DateOnly, p.Day)
	if err == nil && b.cfg.Ahead && p.Day < b.date(now) {
		for p.Day = b.date(now); p.Instrument == "" && !openDay(p.Day); {
			p.Day = addOpenDays(p.Day, 1)
		}
	}
	switch {
	case p.Account != b.cfg.Account:
		return &problem{"AC02", "account " + p.Account + " is not yours"}
	case p.Debtor == "" || len(p.Debtor) > 70 || !onlyLatin(p.Debtor):
		return &problem{"BE05", "debtor name"}
	case err != nil || p.Day < b.date(now):
		return &problem{"DT01", fmt.Sprintf("day %s, today is %s", p.Day, b.date(now))}
	case p.Instrument == "" && !openDay(p.Day):
		return &problem{"DT01", p.Day + " is no business day"}
	}
	return nil
}
