package message

import (
	"encoding/xml"

	"sluice/internal/rail/sepa/code"
)

func (s *scan) status(f *File) error {
	f.Status = &Status{}
	original := false
	err := s.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "GrpHdr":
			return s.header(f, e)
		case "OrgnlGrpInfAndSts":
			if original {
				return s.at(refuse(Malformed, "the report is about two orders"))
			}
			original = true
			part, err := s.tree(e)
			if err != nil {
				return err
			}
			f.Status.OrderID, f.Status.OrderKind = part.get("OrgnlMsgId"), part.get("OrgnlMsgNmId")
			f.Status.Verdict = readVerdict(part, "GrpSts")
			return nil
		case "OrgnlPmtInfAndSts":
			if err := s.record(); err != nil {
				return err
			}
			b, err := s.batchStatus()
			f.Status.Batches = append(f.Status.Batches, b)
			return err
		case "TxInfAndSts": // directly below in old versions
			p, err := s.payoutStatus(e)
			f.Status.Batches = append(f.Status.Batches, BatchStatus{Payouts: []PayoutStatus{p}})
			return err
		}
		return s.skip()
	})
	if err == nil && f.Status.OrderID == "" {
		return s.at(refuse(Malformed, "the report does not say which order it is about"))
	}
	return err
}

func (s *scan) batchStatus() (BatchStatus, error) {
	var b BatchStatus
	var parts node
	err := s.children(func(e xml.StartElement) error {
		if e.Name.Local == "TxInfAndSts" {
			p, err := s.payoutStatus(e)
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
	b.BatchID, b.Verdict = parts.get("OrgnlPmtInfId"), readVerdict(&parts, "PmtInfSts")
	return b, err
}

func (s *scan) payoutStatus(e xml.StartElement) (PayoutStatus, error) {
	var p PayoutStatus
	if err := s.record(); err != nil {
		return p, err
	}
	n, err := s.tree(e)
	if err != nil {
		return p, err
	}
	p.InstructionID, p.EndToEndID, p.UETR = n.get("OrgnlInstrId"), n.get("OrgnlEndToEndId"), n.get("OrgnlUETR")
	p.ServicerRef, p.Verdict = n.get("AcctSvcrRef"), readVerdict(n, "TxSts")
	if amount := n.at("OrgnlTxRef", "Amt", "InstdAmt"); amount != nil {
		if p.Amount, p.Currency, err = readAmount(amount); err != nil {
			return p, s.here(err)
		}
	}
	return p, nil
}

func readVerdict(n *node, status string) Verdict {
	v := Verdict{Status: code.Status(n.get(status))}
	for _, r := range n.all("StsRsnInf") {
		v.Reasons = append(v.Reasons, StatusReason{
			Code: first(r.get("Rsn", "Cd"), r.get("Rsn", "Prtry")), Origin: readOrigin(r), Text: joined(r.all("AddtlInf")),
		})
	}
	return v
}
