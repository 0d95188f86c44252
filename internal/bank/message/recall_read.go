package message

import "encoding/xml"

// CancelAnswer is what a bank answers to a request to call a payment back (camt.029).
type CancelAnswer struct {
	EndToEndID string
	Status     string // ACCR accepted, RJCR rejected, PDCR pending; or one of the whole case, like CNCL
	Reason     string // code of a rejection: CUST, LEGL, NOAS, ...; "" for none
	Text       string // in the bank's words
}

// Accepted tells whether the payment was called back. The money is back only when it is booked.
func (a CancelAnswer) Accepted() bool { return a.Status == "ACCR" || a.Status == "CNCL" }

// Refused tells whether the payment stays where it is.
func (a CancelAnswer) Refused() bool { return a.Status == "RJCR" }

// resolution reads the answer to a case: the payments it names, or the case as a whole.
func (s *scan) resolution(f *File) error {
	whole := ""
	err := s.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "Assgnmt":
			part, err := s.tree(e)
			if err != nil {
				return err
			}
			f.MessageID, f.CreatedAt = part.get("Id"), readTime(part.get("CreDtTm"))
			return nil
		case "Sts":
			part, err := s.tree(e)
			if err != nil {
				return err
			}
			whole = part.get("Conf")
			return nil
		case "CxlDtls":
			return s.cancelDetails(f)
		}
		return s.skip()
	})
	if err == nil && len(f.Answers) == 0 {
		if whole == "" {
			return s.at(refuse(Malformed, "the answer to a recall says nothing"))
		}
		f.Answers = []CancelAnswer{{Status: whole}}
	}
	for n := range f.Answers {
		f.Answers[n].Status = first(f.Answers[n].Status, whole)
	}
	return err
}

// cancelDetails reads payments, which stand below their batch or directly.
func (s *scan) cancelDetails(f *File) error {
	return s.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "OrgnlPmtInfAndSts":
			return s.cancelDetails(f)
		case "TxInfAndSts":
			if err := s.record(); err != nil {
				return err
			}
			n, err := s.tree(e)
			if err != nil {
				return err
			}
			a := CancelAnswer{EndToEndID: n.get("OrgnlEndToEndId"), Status: n.get("TxCxlSts")}
			for _, r := range n.all("CxlStsRsnInf") {
				a.Reason, a.Text = first(a.Reason, r.get("Rsn", "Cd"), r.get("Rsn", "Prtry")), first(a.Text, joined(r.all("AddtlInf")))
			}
			f.Answers = append(f.Answers, a)
			return nil
		}
		return s.skip()
	})
}
