package match

import (
	"slices"

	"sluice/internal/bank/code"
	"sluice/internal/bank/message"
)

// ByOrder takes a report apart by the orders that it is about, each by its id: the one
// that it names, else those whose batches and payments it names. find is given names as
// Names writes them. It is empty if nothing in the report is ours.
func ByOrder(s message.Status, find func(name string) (order string, ok bool)) map[string]message.Status {
	if id, ok := find(name("order", s.OrderID)); ok && s.OrderID != "" {
		return map[string]message.Status{id: s}
	}
	out := map[string]message.Status{}
	put := func(id string, b message.BatchStatus) {
		part, known := out[id]
		if !known {
			part = message.Status{OrderID: s.OrderID, OrderKind: s.OrderKind, Named: true, Verdict: s.Verdict}
		}
		part.Batches = append(part.Batches, b)
		out[id] = part
	}
	for _, b := range s.Batches {
		if id, ok := find(name("batch", b.BatchID)); ok && b.BatchID != "" {
			put(id, b)
			continue
		}
		for _, p := range b.Payouts {
			if id, ok := find(name("e2e", p.EndToEndID)); ok && p.EndToEndID != "" {
				put(id, message.BatchStatus{Verdict: b.Verdict, Payouts: []message.PayoutStatus{p}})
			}
		}
	}
	return out
}

// NamesOf are the names that ByOrder looks for: that of the order, and those that are
// needed if it is not known.
func NamesOf(s message.Status) (order, rest []string) {
	for _, b := range s.Batches {
		rest = append(rest, names("batch", b.BatchID)...)
		for _, p := range b.Payouts {
			rest = append(rest, names("e2e", p.EndToEndID)...)
		}
	}
	return names("order", s.OrderID), rest
}

// Status takes in a status report about this order. A report that was taken in
// before, or one that is older than what is known, changes nothing.
func (o *Order) Status(s message.Status, pol Policy) []Effect {
	var out []Effect
	type told struct {
		at  message.Level
		why Cause
	}
	once := map[told]bool{}
	d := s.Digest()
	known := map[string]bool{}
	for n := range o.Payments {
		p := &o.Payments[n]
		for _, key := range names("e2e", p.EndToEndID, "instruction", p.InstructionID) {
			known[key] = true
		}
		said, ok := d.For(p.BatchID, p.EndToEndID, p.InstructionID)
		if !ok {
			continue
		}
		for _, e := range p.status(said, pol) {
			// One alert is enough for what is said of many at once.
			if e.Kind == Alert && said.At != message.PayoutLevel {
				if once[told{said.At, e.Cause}] {
					continue
				}
				once[told{said.At, e.Cause}] = true
				e.Payment = ""
			}
			out = append(out, e)
		}
	}
	for _, b := range s.Batches {
		for _, t := range b.Payouts {
			if !slices.ContainsFunc(names("e2e", t.EndToEndID, "instruction", t.InstructionID), func(n string) bool { return known[n] }) {
				out = append(out, Effect{Kind: Alert, Payment: t.EndToEndID, Cause: UnknownPayment, Reason: t.Reason(), Text: "the bank reports " + string(t.Status) + " for a payment that is not in order " + o.ID})
			}
		}
	}
	return append(out, o.Retry(pol)...)
}

func (p *Payment) status(s message.Said, pol Policy) []Effect {
	look := func(why Cause, text string) []Effect {
		return []Effect{{Kind: Alert, Payment: p.EndToEndID, Cause: why, Amount: p.Amount, Reason: s.Reason, Text: text}}
	}
	own := s.Payout
	if own.Currency != "" && (own.Currency != message.Euro.Code || own.Amount != p.Amount) {
		return look(StatusAmount, "the status repeats another amount than was ordered: it is not used")
	}
	if own.ServicerRef != "" && p.ServicerRef == "" {
		p.ServicerRef = own.ServicerRef
	}
	if s.Status.Effect() == code.Unpaid && !s.Proof {
		return look(OpenReject, openReject(s))
	}
	out := p.payee(s, pol)
	if s.Status.Place() <= p.Status.Place() {
		return out // statuses only move forward
	}
	p.Status = s.Status
	switch s.Status.Effect() {
	case code.Nothing, code.Elsewhere, code.Verified:
		return append(out, Effect{Kind: Note, Payment: p.EndToEndID, Text: string(s.Status) + ": " + s.Status.Text()})
	case code.Look:
		return append(out, look(StatusLook, string(s.Status)+": "+s.Status.Text())...)
	case code.Unpaid:
		p.Rejected, p.Reason = true, s.Reason.Code
		if p.State == Confirmed && p.Debit.Any() {
			return look(RejectBooked, "rejected after it was booked: nothing is released before the money is back")
		}
		if p.State == Confirmed {
			return look(RejectConfirmed, "rejected after it was taken as settled: ask the bank")
		}
	case code.Settled:
	}
	return append(out, p.settle(message.Booking{}, pol)...)
}

// openReject says why a rejection moves nothing.
func openReject(s message.Said) string {
	what := "without a reason"
	if s.Reason.Code != "" {
		what = "as " + s.Reason.Code + " (" + s.Reason.Meaning + ")"
	}
	return string(s.Status) + " " + what + ", said of the " + string(s.At) + ": this does not prove that nothing was or will be paid. Its money stays held; ask the bank"
}

// payee takes in what the verification of the payee found. It never moves money: the
// payer decides at the bank whether the order goes on.
func (p *Payment) payee(s message.Said, pol Policy) []Effect {
	found := s.Status.Payee()
	for _, r := range s.Payout.Reasons {
		if x := code.PayeeOf(r.Code); x != "" {
			found = x
		}
	}
	if found == "" || found == p.Payee || found == code.PayeeMixed && p.Payee != "" {
		return nil
	}
	p.Payee = found
	e := Effect{Kind: Alert, Payment: p.EndToEndID, Cause: PayeeCheck, Amount: p.Amount, Reason: s.Reason, Text: payeeTexts[found]}
	if !pol.alerts(found) {
		e = Effect{Kind: Note, Payment: p.EndToEndID, Text: "verification of the payee: " + payeeTexts[found]}
	}
	return []Effect{e}
}

// payeeTexts say what a result means and what to do.
var payeeTexts = map[code.Payee]string{
	code.PayeeMatch:       "the name is that of the account",
	code.PayeeClose:       "the name is close to that of the account, which may be in the bank's file: release the order at the bank, or cancel it there and register the recipient anew with the right name",
	code.PayeeMismatch:    "the name is not that of the account: release the order at the bank only if you know better, else cancel it there",
	code.PayeeUnavailable: "the name could not be verified: this is neither a match nor a mismatch. Release the order at the bank, or cancel it there",
	code.PayeeMixed:       "the names of the order were verified with different results: look at the bank, then release the order or cancel it there",
}
