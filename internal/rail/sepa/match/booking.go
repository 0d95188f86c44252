package match

import (
	"slices"

	"sluice/internal/money"
	"sluice/internal/rail/sepa/message"
)

// Booking takes in one movement of our account that names this order or one of its
// payments. The effects move the ledger; the order is changed. A booking that was taken
// in before changes nothing.
func (o *Order) Booking(b message.Booking, pol Policy) []Effect {
	if !b.Booked || b.Kind != message.Statement && b.Kind != message.Notification {
		return []Effect{{Kind: Note, Payment: b.Detail.EndToEndID, Amount: b.Amount, Booking: b, Text: "expected, not booked"}}
	}
	if p := o.find(b); p != nil {
		out := o.single(p, b, pol)
		return append(out, o.retry(pol)...)
	}
	if b.Side == message.Debit && !b.Reversal && o.batchOf(b) != "" {
		out := o.batch(b, pol)
		return append(out, o.retry(pol)...)
	}
	return Stray(b)
}

// find gives the payment that a booking names: by its end-to-end id; without one by its
// instruction id; without both by the bank's own reference. An amount alone never matches.
func (o *Order) find(b message.Booking) *Payment {
	d := b.Detail
	for n := range o.Payments {
		p := &o.Payments[n]
		switch {
		case d.EndToEndID != "":
			if p.EndToEndID == d.EndToEndID {
				return p
			}
		case d.InstructionID != "":
			if p.InstructionID == d.InstructionID {
				return p
			}
		case d.ServicerRef != "" && p.ServicerRef == d.ServicerRef:
			return p
		}
	}
	return nil
}

// batchOf is the batch of this order that a booking without a payment's name is about.
func (o *Order) batchOf(b message.Booking) string {
	if b.Detail.EndToEndID != "" || b.Detail.InstructionID != "" {
		return ""
	}
	id, order := first(b.Batch.BatchID, b.Detail.BatchID), first(b.Batch.MessageID, b.Detail.MessageID)
	if order != "" && order != o.ID {
		return ""
	}
	batches := map[string]int{}
	for _, p := range o.Payments {
		batches[p.BatchID]++
	}
	if id == "" && order == o.ID && len(batches) == 1 {
		return o.Payments[0].BatchID
	}
	if batches[id] == 0 || b.Split && batches[id] > 1 {
		return ""
	}
	return id
}

func (o *Order) single(p *Payment, b message.Booking, pol Policy) []Effect {
	switch d := b.Detail; {
	case b.Currency != message.Euro.Code:
		return suspend(b, p.EndToEndID, WrongCurrency, "it names our payment and is not in EUR")
	case b.Side == message.Debit && b.Reversal:
		return suspend(b, p.EndToEndID, Reversed, "it takes back money that had come back")
	case b.Side == message.Debit && b.Amount != p.Amount:
		return suspend(b, p.EndToEndID, WrongAmount, "the payment was ordered with "+message.Euro.Format(p.Amount)+" EUR")
	case b.Side == message.Debit && d.Creditor.Account != "" && p.Creditor != "" && d.Creditor.Account != p.Creditor:
		return suspend(b, p.EndToEndID, WrongAccount, "the payment was ordered to another account")
	case b.Side == message.Debit:
		return o.evidence(p, &p.Debit, b, pol)
	case !b.Returned() && !b.Reversal:
		return suspend(b, p.EndToEndID, NoReturn, "it names our payment and is neither a return nor a reversal")
	case p.Amount.Less(b.Amount):
		return suspend(b, p.EndToEndID, WrongAmount, "more came back than was paid")
	}
	return o.evidence(p, &p.Credit, b, pol)
}

// evidence fills a place of a payment with a booking, and draws the consequences.
func (o *Order) evidence(p *Payment, e *Evidence, b message.Booking, pol Policy) []Effect {
	statement := b.Kind == message.Statement
	switch {
	case statement && e.StatementPresent:
		if e.Statement == b.Key {
			return nil
		}
		return suspend(b, p.EndToEndID, Second, "the payment has a booking like this already")
	case !statement && e.NoticePresent:
		if e.Notice == b.Key {
			return nil
		}
		return suspend(b, p.EndToEndID, Second, "the payment has a notification like this already")
	case statement && e.NoticePresent && e.NoticeAmount != b.Amount:
		return suspend(b, p.EndToEndID, Differs, "the notification had "+message.Euro.Format(e.NoticeAmount)+" EUR")
	case !statement && e.StatementPresent && e.StatementAmount != b.Amount:
		return suspend(b, p.EndToEndID, Differs, "the statement has "+message.Euro.Format(e.StatementAmount)+" EUR")
	}
	reason := ""
	if b.Detail.Return != nil {
		reason = b.Detail.Return.Code
	}
	if statement {
		e.StatementPresent, e.Statement, e.StatementAmount, e.StatementDay, e.StatementReason = true, b.Key, b.Amount, b.Day, reason
	} else {
		e.NoticePresent, e.Notice, e.NoticeAmount, e.NoticeDay, e.NoticeReason = true, b.Key, b.Amount, b.Day, reason
	}
	out := o.settle(p, b, pol)
	if p.State == Failed {
		// Nothing of this is in the ledger: both movements go through suspense, where
		// a debit and its reversal make zero.
		return append(out, suspend(b, p.EndToEndID, AfterReject, "the bank had rejected this payment, and its money was released")...)
	}
	return out
}

// settle draws what follows from the places that are filled.
func (o *Order) settle(p *Payment, b message.Booking, pol Policy) []Effect {
	var out []Effect
	if p.State == Held {
		switch {
		case p.Debit.Any():
			p.State = Confirmed
			out = append(out, Effect{Kind: Confirm, Key: "confirm:" + p.EndToEndID, Payment: p.EndToEndID, Amount: p.Amount, Booking: b, Text: "booked on our account"})
		case p.Rejected:
			p.State = Failed
			out = append(out, Effect{Kind: Fail, Key: "fail:" + p.EndToEndID, Payment: p.EndToEndID, Amount: p.Amount, Reason: reasonOf(p.Reason), Text: "rejected by the bank"})
			if p.Credit.StatementPresent {
				// It was taken for a return whose debit was to come. Now neither is ours.
				out = append(out, suspend(p.Credit.booking(message.Credit), p.EndToEndID, AfterReject, "it gives back a payment that the bank rejected")...)
			}
		case pol.ConfirmOnSettled && settled(p.Status):
			p.State = Confirmed
			out = append(out, Effect{Kind: Confirm, Key: "confirm:" + p.EndToEndID, Payment: p.EndToEndID, Amount: p.Amount, Text: p.Status.Text()})
		}
	}
	switch {
	case p.State == Confirmed && p.Debit.Any() && p.Credit.Any():
		p.State = Returned
		out = append(out, o.returned(p, b)...)
	case p.State != Failed && p.Credit.Any() && !p.Debit.Any():
		out = append(out, alert(p.EndToEndID, BeforeDebit, b, "the money is back before its debit was seen: waiting for the debit"))
	}
	return out
}

func (o *Order) returned(p *Payment, b message.Booking) []Effect {
	amount := p.Credit.Amount()
	e := Effect{Kind: Return, Key: "return:" + p.EndToEndID, Payment: p.EndToEndID, Amount: amount, Booking: b, Reason: reasonOf(first(p.Credit.Reason(), p.Reason)), Text: "the money came back"}
	less, err := p.Amount.Sub(amount)
	if err != nil || less.IsZero() { // single refuses more back than out
		return []Effect{e}
	}
	e.Less = less
	return []Effect{e, alert(p.EndToEndID, Partial, b, "the bank kept "+message.Euro.Format(less)+" EUR of the return")}
}

// booking is what is kept of the booking of a statement.
func (e Evidence) booking(side message.Side) message.Booking {
	return message.Booking{
		Kind: message.Statement, Key: e.Statement, Amount: e.StatementAmount, Currency: message.Euro.Code, Side: side, Booked: true, Day: e.StatementDay,
	}
}

// first is the first text that is there.
func first(texts ...string) string {
	i := slices.IndexFunc(texts, func(s string) bool { return s != "" })
	if i < 0 {
		return ""
	}
	return texts[i]
}

func sum(set []*Payment) money.Amount {
	var total money.Amount
	for _, p := range set {
		next, err := total.Add(p.Amount)
		if err != nil {
			return money.Amount{} // no order is that large: Order.Check of message bounds it
		}
		total = next
	}
	return total
}
