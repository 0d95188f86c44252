package match

import (
	"sluice/internal/rail/sepa/code"
	"sluice/internal/rail/sepa/message"
)

func reasonOf(c string) code.Reason { return code.ReasonOf(c) }

func settled(s code.Status) bool { return s.Effect() == code.Settled }

// Status takes in a status report about this order. A report that was taken in
// before, or one that is older than what is known, changes nothing.
func (o *Order) Status(s message.Status, pol Policy) []Effect {
	var out []Effect
	type said struct {
		at  message.Level
		why Cause
	}
	told := map[said]bool{}
	for n := range o.Payments {
		p := &o.Payments[n]
		v, at, own, ok := s.For(p.BatchID, p.EndToEndID, p.InstructionID)
		if !ok {
			continue
		}
		for _, e := range o.status(p, v, own, pol) {
			// One alert is enough for what is said of many at once.
			if e.Kind == Alert && at != message.PayoutLevel {
				if told[said{at, e.Cause}] {
					continue
				}
				told[said{at, e.Cause}] = true
				e.Payment = ""
			}
			out = append(out, e)
		}
	}
	for _, b := range s.Batches {
		for _, t := range b.Payouts {
			if !o.has(t) {
				out = append(out, Effect{Kind: Alert, Payment: t.EndToEndID, Cause: UnknownPayment, Reason: t.Reason(), Text: "the bank reports " + string(t.Status) + " for a payment that is not in order " + o.ID})
			}
		}
	}
	return append(out, o.retry(pol)...)
}

func (o *Order) has(t message.PayoutStatus) bool {
	only := message.Status{Batches: []message.BatchStatus{{Payouts: []message.PayoutStatus{t}}}}
	only.Batches[0].Payouts[0].Status = code.Received // whatever it says, whom it means counts
	for _, p := range o.Payments {
		if _, _, _, ok := only.For(p.BatchID, p.EndToEndID, p.InstructionID); ok {
			return true
		}
	}
	return false
}

func (o *Order) status(p *Payment, v message.Verdict, own message.PayoutStatus, pol Policy) []Effect {
	look := func(why Cause, text string) []Effect {
		return []Effect{{Kind: Alert, Payment: p.EndToEndID, Cause: why, Amount: p.Amount, Reason: v.Reason(), Text: text}}
	}
	if own.Currency != "" && (own.Currency != message.Euro.Code || own.Amount != p.Amount) {
		return look(StatusAmount, "the status repeats another amount than was ordered: it is not used")
	}
	if own.ServicerRef != "" && p.ServicerRef == "" {
		p.ServicerRef = own.ServicerRef
	}
	if v.Status.Effect() == code.Unpaid && v.Reason().Open {
		return look(OpenReject, "rejected as "+v.Reason().Code+" ("+v.Reason().Meaning+"): this does not prove that nothing was or will be paid")
	}
	if v.Status.Place() <= p.Status.Place() {
		return nil // statuses only move forward
	}
	p.Status = v.Status
	switch v.Status.Effect() {
	case code.Nothing, code.Elsewhere:
		return []Effect{{Kind: Note, Payment: p.EndToEndID, Text: string(v.Status) + ": " + v.Status.Text()}}
	case code.Look:
		return look(StatusLook, string(v.Status)+": "+v.Status.Text())
	case code.Unpaid:
		p.Rejected, p.Reason = true, v.Reason().Code
		if p.State == Confirmed && p.Debit.Any() {
			return look(RejectBooked, "rejected after it was booked: nothing is released before the money is back")
		}
		if p.State == Confirmed {
			return look(RejectConfirmed, "rejected after it was taken as settled: ask the bank")
		}
	case code.Settled:
	}
	return o.settle(p, message.Booking{}, pol)
}
