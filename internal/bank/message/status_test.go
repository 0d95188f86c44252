package message_test

import (
	"bytes"
	"strings"
	"testing"

	"sluice/internal/bank/code"
	"sluice/internal/bank/message"
	"sluice/internal/bank/sepatest"
	"sluice/internal/money"
)

func TestStatusReport(t *testing.T) {
	data := load(t, "pain002-mixed.xml")
	sepatest.MustBeValid(t, sepatest.Status, data)
	f := read(t, data)
	if f.Kind != message.StatusReport || f.MessageID != "BANK-R-1" || f.Version != "pain.002.001.10" || f.Status.OrderID != "SLC-1" || f.Status.OrderKind != "pain.001.001.09" {
		t.Fatalf("%+v", f)
	}
	if err := f.Check(own); err != nil {
		t.Error(err)
	}
	cases := []struct {
		name, batch, e2e, instr string
		status                  code.Status
		level                   message.Level
		reason                  string
		ok                      bool
	}{
		{"rejected itself", "SLC-1-1", "PO-0002", "I-2", code.Rejected, message.PayoutLevel, "AC01", true},
		{"found by the instruction id", "SLC-1-1", "PO-0003", "I-3", code.SettledDebtor, message.PayoutLevel, "", true},
		{"by its batch", "SLC-1-1", "PO-0001", "I-1", code.InProcess, message.BatchLevel, "", true},
		{"rejected with its batch", "SLC-1-2", "PO-0009", "", code.Rejected, message.BatchLevel, "X1", true},
		{"same id in another batch", "SLC-1-2", "PO-0002", "", code.Rejected, message.BatchLevel, "X1", true},
		{"not mentioned", "SLC-1-3", "PO-0010", "", "", "", "", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			said, ok := f.Status.Digest().For(c.batch, c.e2e, c.instr)
			if said.Status != c.status || said.At != c.level || ok != c.ok || said.Reason.Code != c.reason {
				t.Errorf("got %s at %s (%s), %v", said.Status, said.At, said.Reason.Code, ok)
			}
		})
	}
	said, _ := f.Status.Digest().For("SLC-1-1", "PO-0002", "")
	p := said.Payout
	if p.Amount != money.Of(20_00) || p.Currency != "EUR" || p.Reasons[0].Origin != "BELADEBE" || p.Reasons[0].Text != "IBAN unknown" {
		t.Errorf("%+v", p)
	}
}

func TestStatusOfTheWholeOrder(t *testing.T) {
	data := load(t, "pain002-mixed.xml")
	head := data[:bytes.Index(data, []byte("<OrgnlPmtInfAndSts>"))]
	whole := strings.Replace(string(head), "<GrpSts>PART</GrpSts>", "<GrpSts>RJCT</GrpSts><StsRsnInf><Orgtr><Nm>The Bank</Nm></Orgtr><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>", 1) + "</CstmrPmtStsRpt></Document>"
	sepatest.MustBeValid(t, sepatest.Status, []byte(whole))
	said, ok := read(t, []byte(whole)).Status.Digest().For("any", "any", "")
	if !ok || said.At != message.OrderLevel || said.Status != code.Rejected || said.Reason.Code != "FF01" || !said.Proof {
		t.Errorf("got %+v, %v", said, ok)
	}
	// A transaction that the same report accepts is not rejected with the rest.
	rest := string(data[bytes.Index(data, []byte("<OrgnlPmtInfAndSts>")):])
	both := strings.Replace(whole, "</CstmrPmtStsRpt></Document>", rest, 1)
	said, _ = read(t, []byte(both)).Status.Digest().For("SLC-1-1", "PO-0003", "I-3")
	if said.At != message.PayoutLevel || said.Status != code.SettledDebtor {
		t.Errorf("got %s at %s", said.Status, said.At)
	}
	// Old versions have the transactions without a batch.
	flat := strings.NewReplacer("<OrgnlPmtInfAndSts>", "", "</OrgnlPmtInfAndSts>", "", "<OrgnlPmtInfId>SLC-1-1</OrgnlPmtInfId><PmtInfSts>ACSP</PmtInfSts>", "",
		"<OrgnlPmtInfId>SLC-1-2</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts>", "").Replace(string(data))
	said, _ = read(t, []byte(flat)).Status.Digest().For("SLC-1-1", "PO-0002", "")
	if said.At != message.PayoutLevel || said.Status != code.Rejected {
		t.Errorf("got %s at %s", said.Status, said.At)
	}
}

func TestStatusReportsThatSayTooLittle(t *testing.T) {
	data := string(load(t, "pain002-mixed.xml"))
	for name, bad := range map[string]string{
		"no order":   strings.Replace(data[:strings.Index(data, "<OrgnlPmtInfAndSts>")], "<OrgnlMsgId>SLC-1</OrgnlMsgId>", "<OrgnlMsgId>NOTPROVIDED</OrgnlMsgId>", 1) + "</CstmrPmtStsRpt></Document>",
		"two orders": strings.Replace(data, "</OrgnlGrpInfAndSts>", "</OrgnlGrpInfAndSts><OrgnlGrpInfAndSts><OrgnlMsgId>SLC-2</OrgnlMsgId></OrgnlGrpInfAndSts>", 1),
		"amount":     strings.Replace(data, `"EUR">20.00`, `"EUR">20.001`, 1),
	} {
		if _, err := message.Read(strings.NewReader(bad), message.DefaultLimits); causeOf(err) != message.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// proof is a report about M1, with a batch M1-1 of the payments P1 and P2. Each level has a
// status and its reasons, blank-separated, "" for none; codes in brackets are the bank's own.
type proof struct {
	name                 string
	order, batch, payout string // of P1
	p1, p2               bool   // what is proved
}

// level writes a status and reasons.
func level(element, said string, old bool) string {
	out := ""
	for n, w := range strings.Fields(said) {
		own := strings.Trim(w, "[]")
		switch {
		case n == 0 && w != "-":
			out += "<" + element + ">" + w + "</" + element + ">"
		case n == 0:
		case w == "text":
			out += "<StsRsnInf><AddtlInf>nothing but words</AddtlInf></StsRsnInf>"
		case old:
			out += "<StsRsnInf><StsRsn>" + choice(w, own) + "</StsRsn></StsRsnInf>"
		default:
			out += "<StsRsnInf><Rsn>" + choice(w, own) + "</Rsn></StsRsnInf>"
		}
	}
	return out
}

func choice(w, own string) string {
	if own != w {
		return "<Prtry>" + own + "</Prtry>"
	}
	return "<Cd>" + w + "</Cd>"
}

func (p proof) file(version string) string {
	old, root := version == "02", "CstmrPmtStsRpt"
	payout := "<TxInfAndSts><OrgnlPmtInfId>M1-1</OrgnlPmtInfId><OrgnlEndToEndId>P1</OrgnlEndToEndId>" + level("TxSts", p.payout, old) + "</TxInfAndSts>"
	batch := "<OrgnlPmtInfAndSts><OrgnlPmtInfId>M1-1</OrgnlPmtInfId>" + level("PmtInfSts", p.batch, old) + payout + "</OrgnlPmtInfAndSts>"
	if old { // it has no level of batches
		root, batch = "pain.002.001.02", payout
	}
	return `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.` + version + `"><` + root + `><GrpHdr><MsgId>R</MsgId></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>M1</OrgnlMsgId>` +
		level("GrpSts", p.order, old) + `</OrgnlGrpInfAndSts>` + batch + `</` + root + `></Document>`
}

// TestJ_Proof: a rejection releases money only if every reason of every level allows it, in
// every version of the report.
func TestJ_Proof(t *testing.T) {
	cases := []proof{
		{"J15: a duplicate where it is looked for", "RJCT DU01", "", "", false, false},
		{"J01: a duplicate one level down", "RJCT", "- AM05", "", false, false},
		{"J01: a duplicate two levels down, of one payment", "RJCT", "", "- AM05", false, false},
		{"J01: a duplicate one level up", "RJCT AM05", "", "RJCT AC01", false, false},
		{"J02: a duplicate is the second reason", "-", "RJCT NARR DU01", "", false, false},
		{"J02: a duplicate is the second reason of the order", "RJCT FF01 DU02", "", "", false, false},
		{"J02: a duplicate is the third reason of a payment", "-", "", "RJCT NARR AC01 DU04", false, false},
		{"J05: time-outs", "-", "", "RJCT AB01", false, false},
		{"J05: of the settlement", "-", "", "RJCT AB03", false, false},
		{"J05: of our own bank", "-", "", "RJCT AB11", false, false},
		{"J05: of a batch", "-", "RJCT AB05", "", false, false},
		{"J12: a bank's own code for a file", "RJCT [DUPLICATE]", "", "", false, false},
		{"J12: beside one of the list", "RJCT FF01 [X1]", "", "", false, false},
		{"J12: a bank's own code for a batch", "-", "RJCT [X1]", "", false, false},
		{"J12: a bank's own code for a payment", "-", "", "RJCT [X1]", false, false},
		{"J12: a code that is not on the list", "RJCT ZZ99", "", "", false, false},
		{"a bank's own code beside one of the list, for a payment", "-", "", "RJCT AC01 [X1]", true, false},
		{"nothing but words for a file", "RJCT text", "", "", false, false},
		{"nothing but words for a payment", "-", "", "RJCT text", false, false},
		{"words and a reason", "RJCT text FF01", "", "", false, false},
		{"no reason for a file", "RJCT", "", "", false, false},
		{"no reason for a batch", "-", "RJCT", "", false, false},
		{"no reason for a payment", "-", "", "RJCT", true, false},
		{"unspecified for a payment", "-", "", "RJCT MS03", true, false},
		{"unspecified for a file", "RJCT MS03", "", "", false, false},
		{"a defect of the file", "RJCT FF01", "", "", true, true},
		{"a defect of the batch", "-", "RJCT AC02", "", true, true},
		{"a file that is rejected for its payment", "RJCT", "", "RJCT AC01", true, true},
		{"a payment", "PART", "", "RJCT AC01", true, false},
		{"a payment with words", "PART", "", "RJCT NARR AC01", true, false},
		{"cancelled without a reason", "CANC", "", "", true, true},
		{"cancelled by us", "CANC CUST", "", "", true, true},
		{"cancelled as a duplicate", "CANC DU01", "", "", false, false},
	}
	for _, c := range cases {
		for _, version := range []string{"02", "03", "10", "14"} {
			if version == "02" && c.batch != "" {
				continue
			}
			f := read(t, []byte(c.file(version)))
			d := f.Status.Digest()
			for id, want := range map[string]bool{"P1": c.p1, "P2": c.p2} {
				said, ok := d.For("M1-1", id, "")
				if got := ok && said.Status.Effect() == code.Unpaid && said.Proof; got != want {
					t.Errorf("%s (%s): %s proved %v, want %v: %+v", c.name, version, id, got, want, said)
				}
			}
		}
	}
}
