package message

import (
	"encoding/xml"

	"sluice/internal/bank/code"
)

func (s *scan) status(f *File) error {
	f.Status = &Status{}
	s.details = 0
	original := false
	err := s.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "GrpHdr":
			return s.header(f, e)
		case "OrgnlGrpInfAndSts", "OrgnlGrpRefInfAndSts":
			if original {
				return s.at(refuse(Malformed, "the report is about two orders"))
			}
			original = true
			part, err := s.tree(e)
			if err != nil {
				return err
			}
			f.Status.OrderID, f.Status.OrderKind = given(part.get("OrgnlMsgId")), part.get("OrgnlMsgNmId")
			f.Status.Verdict = readVerdict(part, "GrpSts")
			return nil
		case "OrgnlPmtInfAndSts":
			if err := s.held(); err != nil {
				return err
			}
			b, err := s.batchStatus()
			f.Status.Batches = append(f.Status.Batches, b)
			return err
		case "TxInfAndSts": // directly below in old versions, with the name of the batch inside
			batch, p, err := s.payoutStatus(e)
			f.Status.Batches = append(f.Status.Batches, BatchStatus{BatchID: batch, Payouts: []PayoutStatus{p}})
			return err
		}
		return s.skip()
	})
	if err == nil && f.Status.OrderID == "" && len(f.Status.Batches) == 0 {
		return s.at(refuse(Malformed, "the report does not say which order it is about: OrgnlGrpInfAndSts/OrgnlMsgId is missing or a placeholder, and it names no batch and no payment"))
	}
	f.Status.Named = f.Status.OrderID == ""
	return err
}

func (s *scan) batchStatus() (BatchStatus, error) {
	var b BatchStatus
	var parts node
	err := s.children(func(e xml.StartElement) error {
		if e.Name.Local == "TxInfAndSts" {
			_, p, err := s.payoutStatus(e)
			b.Payouts = append(b.Payouts, p)
			return err
		}
		if records[e.Name.Local] {
			return s.at(refuse(Malformed, "%s stands where it cannot be read", e.Name.Local))
		}
		part, err := s.tree(e)
		parts.kids = append(parts.kids, part)
		if len(parts.kids) > nodesMax {
			return s.at(refuse(TooLarge, "one record has more than %d elements", nodesMax))
		}
		return err
	})
	b.BatchID, b.Verdict = given(parts.get("OrgnlPmtInfId")), readVerdict(&parts, "PmtInfSts")
	return b, err
}

func (s *scan) payoutStatus(e xml.StartElement) (batch string, p PayoutStatus, err error) {
	if err := s.held(); err != nil {
		return "", p, err
	}
	n, err := s.tree(e)
	if err != nil {
		return "", p, err
	}
	p.InstructionID, p.EndToEndID, p.UETR = given(n.get("OrgnlInstrId")), given(n.get("OrgnlEndToEndId")), given(n.get("OrgnlUETR"))
	p.ServicerRef, p.Verdict = given(n.get("AcctSvcrRef")), readVerdict(n, "TxSts")
	if amount := n.at("OrgnlTxRef", "Amt", "InstdAmt"); amount != nil {
		if p.Amount, p.Currency, err = readAmount(amount, "OrgnlTxRef/Amt/InstdAmt"); err != nil {
			return "", p, s.here(err)
		}
	}
	return given(n.get("OrgnlPmtInfId")), p, nil
}

// readVerdict reads a status and all its reasons. The second version calls them StsRsn, and
// lets one information have several.
func readVerdict(n *node, status string) Verdict {
	v := Verdict{Status: code.Status(n.get(status))}
	for _, info := range n.all("StsRsnInf") {
		text := joined(append(info.all("AddtlInf"), info.all("AddtlStsRsnInf")...))
		before := len(v.Reasons)
		for _, r := range append(info.all("Rsn"), info.all("StsRsn")...) {
			v.Reasons = append(v.Reasons, StatusReason{first(r.get("Cd"), r.get("Prtry"), r.text), readOrigin(info), text})
		}
		if len(v.Reasons) == before { // only a text, which nobody can judge
			v.Reasons = append(v.Reasons, StatusReason{Origin: readOrigin(info), Text: text})
		}
	}
	return v
}
