package match

import (
	"slices"

	"sluice/internal/bank/code"
	"sluice/internal/bank/iban"
	"sluice/internal/bank/message"
	"sluice/internal/money"
)

// Moves tells whether a booking can prove anything: it is booked, and stands in a statement
// or a notification.
func Moves(b message.Booking) bool {
	return b.Booked && (b.Kind == message.Statement || b.Kind == message.Notification)
}

func expected(b message.Booking) []Effect {
	return []Effect{{Kind: Note, Payment: b.Detail.EndToEndID, Amount: b.Amount, Booking: b, Text: "expected, not booked"}}
}

// Take takes in a booking that moves the money of these payments, and of nothing else but a
// charge of the bank. A booking that was taken in before changes nothing.
func Take(b message.Booking, set []*Payment, fee money.Amount, pol Policy) []Effect {
	if !Moves(b) {
		return expected(b)
	}
	if len(set) == 1 {
		p, part := set[0], b
		if !fee.IsZero() {
			part.Amount = p.Amount
		}
		return charged(b, fee, p.take(part, pol))
	}
	if why, text := Refused(b, set); why != "" {
		return suspend(b, "", why, text)
	}
	var out []Effect
	for _, p := range set {
		out = append(out, p.part(b.Of(p.EndToEndID, p.Amount), pol)...)
	}
	return charged(b, fee, out)
}

// charged adds a charge to what became of the rest of a booking. A rest that is suspended
// takes the charge along.
func charged(b message.Booking, fee money.Amount, out []Effect) []Effect {
	if fee.IsZero() || len(out) == 0 || b.Kind != message.Statement {
		return out
	}
	if len(out) == 1 && out[0].Kind == Suspend && out[0].Key == "suspend:"+b.Key {
		out[0].Amount, out[0].Booking = b.Amount, b
		return out
	}
	return append(out, Effect{Kind: Charge, Key: "charge:" + b.Key, Amount: fee, Booking: b, Text: "the bank charged " + message.Euro.Format(fee) + " EUR in the same booking"})
}

// Refused says why a booking cannot be that of all these payments; "" if it can.
func Refused(b message.Booking, set []*Payment) (why Cause, text string) {
	switch {
	case b.Currency != message.Euro.Code:
		return WrongCurrency, "it names payments of ours and is not in EUR"
	case b.Side == message.Debit && b.Reversal:
		return Reversed, "it takes back money that had come back"
	case b.Side == message.Credit && !b.Returned() && !b.Reversal:
		return NoReturn, "it names payments of ours and is neither a return nor a reversal"
	}
	for _, p := range set {
		e := p.place(b.Side)
		key, filled := e.of(b.Kind)
		switch {
		case filled && key != b.Key:
			return Second, "one of the payments has a booking like this already"
		case e.Any() && e.Amount() != p.Amount:
			return Differs, "one of the payments has a notification of another amount"
		}
	}
	return "", ""
}

// place is where a booking of a side belongs.
func (p *Payment) place(side message.Side) *Evidence {
	if side == message.Credit {
		return &p.Credit
	}
	return &p.Debit
}

// of is the booking that fills the evidence of a kind.
func (e *Evidence) of(kind message.Kind) (key string, filled bool) {
	if kind == message.Statement {
		return e.Statement, e.StatementPresent
	}
	return e.Notice, e.NoticePresent
}

// part takes in the part of a booking that is about this payment. What is suspended of it
// has a key of its own.
func (p *Payment) part(part message.Booking, pol Policy) []Effect {
	out := p.evidence(p.place(part.Side), part, pol)
	for n, e := range out {
		if e.Kind == Suspend && e.Key == "suspend:"+part.Key {
			out[n].Key += "/" + p.EndToEndID
		}
	}
	return out
}

// take takes in a booking of this payment alone.
func (p *Payment) take(b message.Booking, pol Policy) []Effect {
	switch {
	case b.Amount.IsZero():
		return []Effect{{Kind: Note, Payment: p.EndToEndID, Booking: b, Text: "an entry of zero moves nothing"}}
	case b.Currency != message.Euro.Code:
		return suspend(b, p.EndToEndID, WrongCurrency, "it names our payment and is not in EUR")
	case b.Side == message.Debit && b.Reversal:
		return suspend(b, p.EndToEndID, Reversed, "it takes back money that had come back")
	case b.Side == message.Debit && b.Amount != p.Amount:
		return suspend(b, p.EndToEndID, WrongAmount, "the payment was ordered with "+message.Euro.Format(p.Amount)+" EUR")
	case b.Side == message.Debit && p.Creditor != "" && b.Detail.Creditor.Account != "" && !iban.Same(p.Creditor, b.Detail.Creditor.Account):
		return suspend(b, p.EndToEndID, WrongAccount, "the payment was ordered to another account")
	case b.Side == message.Debit:
		return p.evidence(&p.Debit, b, pol)
	case !b.Returned() && !b.Reversal:
		return suspend(b, p.EndToEndID, NoReturn, "it names our payment and is neither a return nor a reversal")
	case p.Amount.Less(b.Amount):
		return suspend(b, p.EndToEndID, WrongAmount, "more came back than was paid")
	}
	return p.evidence(&p.Credit, b, pol)
}

// evidence fills a place of a payment with a booking, and draws the consequences.
func (p *Payment) evidence(e *Evidence, b message.Booking, pol Policy) []Effect {
	statement := b.Kind == message.Statement
	key, filled := e.of(b.Kind)
	switch {
	case filled && key == b.Key:
		return nil
	case filled && statement:
		return suspend(b, p.EndToEndID, Second, "the payment has a booking like this already")
	case filled:
		return suspend(b, p.EndToEndID, Second, "the payment has a notification like this already")
	case statement && e.NoticePresent && e.NoticeAmount != b.Amount:
		return suspend(b, p.EndToEndID, Differs, "the notification had "+message.Euro.Format(e.NoticeAmount)+" EUR")
	case !statement && e.StatementPresent && e.StatementAmount != b.Amount:
		return suspend(b, p.EndToEndID, Differs, "the statement has "+message.Euro.Format(e.StatementAmount)+" EUR")
	}
	e.fill(b)
	out := p.settle(b, pol)
	if p.State == Failed {
		// Nothing of this is in the ledger: both movements go through suspense, where
		// a debit and its reversal make zero.
		return append(out, suspend(b, p.EndToEndID, AfterReject, "the bank had rejected this payment, and its money was released")...)
	}
	return out
}

func (e *Evidence) fill(b message.Booking) {
	if b.Kind == message.Statement {
		e.StatementPresent, e.Statement, e.StatementAmount, e.StatementDay, e.StatementReason = true, b.Key, b.Amount, b.Day, b.Reason()
	} else {
		e.NoticePresent, e.Notice, e.NoticeAmount, e.NoticeDay, e.NoticeReason = true, b.Key, b.Amount, b.Day, b.Reason()
	}
}

// settle draws what follows from the places that are filled.
func (p *Payment) settle(b message.Booking, pol Policy) []Effect {
	var out []Effect
	if p.State == Held {
		switch {
		case p.Debit.Any():
			p.State = Confirmed
			out = append(out, Effect{Kind: Confirm, Key: "confirm:" + p.EndToEndID, Payment: p.EndToEndID, Amount: p.Amount, Booking: b, Text: "booked on our account"})
		case p.Rejected:
			p.State = Failed
			out = append(out, Effect{Kind: Fail, Key: "fail:" + p.EndToEndID, Payment: p.EndToEndID, Amount: p.Amount, Reason: code.ReasonOf(p.Reason), Text: "rejected by the bank"})
			if p.Credit.StatementPresent {
				// It was taken for a return whose debit was to come. Now neither is ours.
				out = append(out, suspend(p.Credit.booking(message.Credit), p.EndToEndID, AfterReject, "it gives back a payment that the bank rejected")...)
			}
		case pol.ConfirmOnSettled && p.Status.Effect() == code.Settled:
			p.State = Confirmed
			out = append(out, Effect{Kind: Confirm, Key: "confirm:" + p.EndToEndID, Payment: p.EndToEndID, Amount: p.Amount, Text: p.Status.Text()})
		}
	}
	switch {
	case p.State == Confirmed && p.Debit.Any() && p.Credit.Any():
		p.State = Returned
		out = append(out, p.returned(b)...)
	case p.State != Failed && p.Credit.Any() && !p.Debit.Any():
		out = append(out, alert(p.EndToEndID, BeforeDebit, b, "the money is back before its debit was seen: waiting for the debit"))
	}
	return out
}

func (p *Payment) returned(b message.Booking) []Effect {
	amount := p.Credit.Amount()
	e := Effect{
		Kind: Return, Key: "return:" + p.EndToEndID, Payment: p.EndToEndID, Amount: amount, Booking: b, Reason: code.ReasonOf(first(p.Credit.Reason(), p.Reason)), Text: "the money came back",
	}
	less, err := p.Amount.Sub(amount)
	if err != nil || less.IsZero() { // take refuses more back than out
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

// sum is what payments amount to.
func sum(set []*Payment) money.Amount {
	amounts := make([]money.Amount, len(set))
	for n, p := range set {
		amounts[n] = p.Amount
	}
	total, _ := money.Sum(amounts...) // no order is that large: Order.Check of message bounds it
	return total
}
