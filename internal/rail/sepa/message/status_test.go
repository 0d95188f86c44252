package message_test

import (
	"bytes"
	"strings"
	"testing"

	"sluice/internal/money"
	"sluice/internal/rail/sepa/code"
	"sluice/internal/rail/sepa/message"
	"sluice/internal/rail/sepa/sepatest"
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
		{"not mentioned", "SLC-1-3", "PO-0010", "", code.PartlyAccepted, message.OrderLevel, "", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v, at, _, ok := f.Status.For(c.batch, c.e2e, c.instr)
			if v.Status != c.status || at != c.level || ok != c.ok || v.Reason().Code != c.reason {
				t.Errorf("got %s at %s (%s), %v", v.Status, at, v.Reason().Code, ok)
			}
		})
	}
	_, _, p, _ := f.Status.For("SLC-1-1", "PO-0002", "")
	if p.Amount != money.Of(20_00) || p.Currency != "EUR" || p.Reasons[0].Origin != "BELADEBE" || p.Reasons[0].Text != "IBAN unknown" {
		t.Errorf("%+v", p)
	}
}

func TestStatusOfTheWholeOrder(t *testing.T) {
	data := load(t, "pain002-mixed.xml")
	head := data[:bytes.Index(data, []byte("<OrgnlPmtInfAndSts>"))]
	whole := strings.Replace(string(head), "<GrpSts>PART</GrpSts>", "<GrpSts>RJCT</GrpSts><StsRsnInf><Orgtr><Nm>The Bank</Nm></Orgtr><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>", 1) + "</CstmrPmtStsRpt></Document>"
	sepatest.MustBeValid(t, sepatest.Status, []byte(whole))
	v, at, _, ok := read(t, []byte(whole)).Status.For("any", "any", "")
	if !ok || at != message.OrderLevel || v.Status != code.Rejected || v.Reason().Code != "FF01" {
		t.Errorf("got %+v at %s, %v", v, at, ok)
	}
	// A transaction that the same report accepts is not rejected with the rest.
	rest := string(data[bytes.Index(data, []byte("<OrgnlPmtInfAndSts>")):])
	both := strings.Replace(whole, "</CstmrPmtStsRpt></Document>", rest, 1)
	v, at, _, _ = read(t, []byte(both)).Status.For("SLC-1-1", "PO-0003", "I-3")
	if at != message.PayoutLevel || v.Status != code.SettledDebtor {
		t.Errorf("got %s at %s", v.Status, at)
	}
	// Old versions have the transactions without a batch.
	flat := strings.NewReplacer("<OrgnlPmtInfAndSts>", "", "</OrgnlPmtInfAndSts>", "", "<OrgnlPmtInfId>SLC-1-1</OrgnlPmtInfId><PmtInfSts>ACSP</PmtInfSts>", "",
		"<OrgnlPmtInfId>SLC-1-2</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts>", "").Replace(string(data))
	v, at, _, _ = read(t, []byte(flat)).Status.For("SLC-1-1", "PO-0002", "")
	if at != message.PayoutLevel || v.Status != code.Rejected {
		t.Errorf("got %s at %s", v.Status, at)
	}
}

func TestStatusReportsThatSayTooLittle(t *testing.T) {
	data := string(load(t, "pain002-mixed.xml"))
	for name, bad := range map[string]string{
		"no order":   strings.Replace(data, "<OrgnlMsgId>SLC-1</OrgnlMsgId>", "", 1),
		"two orders": strings.Replace(data, "</OrgnlGrpInfAndSts>", "</OrgnlGrpInfAndSts><OrgnlGrpInfAndSts><OrgnlMsgId>SLC-2</OrgnlMsgId></OrgnlGrpInfAndSts>", 1),
		"amount":     strings.Replace(data, `"EUR">20.00`, `"EUR">20.001`, 1),
	} {
		if _, err := message.Read(strings.NewReader(bad), message.DefaultLimits); causeOf(err) != message.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}
